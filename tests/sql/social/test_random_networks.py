"""In random networks every list holds what plain Python says it should, and every count too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import psycopg
import pytest

from tests.database import Database

MEMBERS = ("ada", "bob", "cleo", "dan", "eve")
POSTS = 40
WORDS = ("red", "green", "blue", "o'neil", "c:*", "#night")


@dataclass
class Post:
    name: str
    author: str
    visibility: str
    words: str
    parent: str | None
    quoted: str | None


@dataclass
class Network:
    """What is in the database, as sets and dictionaries."""

    posts: dict[str, Post] = field(default_factory=dict)
    pairs: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    deeds: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    muted: set[tuple[str, str]] = field(default_factory=set)

    def apart(self, one: str | None, other: str) -> bool:
        """Whether one of them blocks the other."""
        return bool({(one, other), (other, one)} & self.pairs["block"])

    def sees(self, reader: str | None, name: str) -> bool:
        post = self.posts[name]
        if post.author == reader:
            return True
        return (
            post.visibility != "private"
            and not self.apart(reader, post.author)
            and (post.visibility == "public" or (reader, post.author) in self.pairs["follow"])
        )

    def meets(self, reader: str | None, name: str, *, on_profile: bool = False) -> bool:
        """Whether a list of the reader's holds the post."""
        post = self.posts[name]
        if post.author == reader:
            return True
        return (
            self.sees(reader, name)
            and (on_profile or (reader, post.author) not in self.pairs["mute"])
            and (reader, name) not in self.deeds["report"]
            and not any((reader, word) in self.muted for word in post.words.split())
        )

    def count(self, reader: str | None, deed: str, name: str) -> int:
        if deed in ("parent", "quoted"):
            doers = [p.author for p in self.posts.values() if getattr(p, deed) == name]
        else:
            doers = [member for member, post in self.deeds[deed] if post == name]
        return sum(not self.apart(reader, doer) for doer in doers)


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that is rolled back, with members."""
    with psycopg.connect(database.cluster.url()) as opened:
        opened.execute("set local search_path = tests, extensions, public")
        for name in MEMBERS:
            opened.execute("select make_member(%s)", (name,))
        yield opened
        opened.rollback()


def build(connection: psycopg.Connection[Any], chance: Random) -> Network:
    """Posts that answer and quote each other, and members who do all that members do."""
    made = Network()
    for verb, often in (("follow", 0.4), ("block", 0.0), ("mute", 0.15)):
        made.pairs[verb] = {
            (a, b) for a in MEMBERS for b in MEMBERS if a != b and chance.random() < often
        }
    for number in range(POSTS):
        author = chance.choice(MEMBERS)
        # Nobody is blocked yet, so a public post may be answered by all.
        public = [p.name for p in made.posts.values() if p.visibility == "public"]
        post = Post(
            f"p{number}",
            author,
            chance.choice(("public", "public", "public", "followers", "private")),
            " ".join(chance.sample(WORDS, 2)),
            chance.choice(public) if public and chance.random() < 0.6 else None,
            chance.choice(public) if public and chance.random() < 0.3 else None,
        )
        made.posts[post.name] = post
        connection.execute(
            "select make_post(%s, %s, %s, %s, %s, %s)",
            (author, post.name, post.parent, post.visibility, post.words, post.quoted),
        )
    made.pairs["block"] = {
        (a, b) for a in MEMBERS for b in MEMBERS if a != b and chance.random() < 0.12
    }
    for verb, pairs in made.pairs.items():
        for one, other in sorted(pairs):
            connection.execute(f"select {verb}(member(%s), member(%s))", (one, other))
    # A block has ended what it finds.
    made.pairs["follow"] = {
        (one, other) for one, other in made.pairs["follow"] if not made.apart(one, other)
    }
    for deed, often, write in (
        ("like", 0.3, "select give_likes(%s, %s)"),
        ("repost", 0.3, "select repost(%s, %s)"),
        (
            "report",
            0.05,
            "insert into public.post_reports (user_id, post_id, reason) "
            "select member(%s), post(%s), 'spam'",
        ),
    ):
        made.deeds[deed] = {(m, p) for m in MEMBERS for p in made.posts if chance.random() < often}
        for member, name in sorted(made.deeds[deed]):
            connection.execute(write, (member, name))
    for member in MEMBERS[:3]:
        word = chance.choice(WORDS)
        made.muted.add((member, word))
        connection.execute("select mute_words(%s, %s)", (member, word))
    return made


def act_as(connection: psycopg.Connection[Any], reader: str | None) -> None:
    connection.execute("select act_as_owner()")
    if reader is None:
        connection.execute("select act_as_anon()")
    else:
        connection.execute("select act_as(member(%s))", (reader,))


PAGED = """
select t.post_id, t.like_count, t.reply_count, t.repost_count, t.quote_count, t.parent_id,
  t.quoted_id, t.liked, t.reposted, {extra}, t.next_cursor
from public.{function}({arguments}, p_limit => %s, p_cursor => %s) as t
"""


def walk(
    connection: psycopg.Connection[Any], function: str, arguments: str, extra: str, limit: int
) -> list[tuple[Any, ...]]:
    """All rows of a list, page after page."""
    found: list[tuple[Any, ...]] = []
    cursor = None
    while True:
        query = PAGED.format(function=function, arguments=arguments, extra=extra)
        rows = connection.execute(query, (limit, cursor)).fetchall()
        found += rows
        cursor = rows[-1][-1] if rows else None
        if cursor is None:
            return found


@pytest.mark.parametrize("seed", range(4))
def test_lists_hold_what_they_should(connection: psycopg.Connection[Any], seed: int) -> None:
    chance = Random(seed)  # noqa: S311
    made = build(connection, chance)
    names = dict(
        connection.execute(
            "select post(n)::text, n from unnest(%s::text[]) as u (n)", (list(made.posts),)
        ).fetchall()
    )
    for reader in (None, *MEMBERS):
        act_as(connection, reader)
        shown: list[tuple[Any, ...]] = []

        for member in MEMBERS:
            rows = walk(
                connection,
                "get_profile_posts",
                f"tests.member('{member}'), p_include_replies => true",
                "t.reposted_by is not null",
                7,
            )
            shown += rows
            own = [
                name
                for name, post in made.posts.items()
                if post.author == member and made.meets(reader, name, on_profile=True)
            ]
            passed_on = [
                name
                for name, post in made.posts.items()
                if (member, name) in made.deeds["repost"]
                and post.author != member
                and made.meets(reader, name, on_profile=post.author == member)
            ]
            if made.apart(reader, member):
                own, passed_on = [], []
            got = [(names[str(row[0])], row[9]) for row in rows]
            assert sorted(got) == sorted([(n, False) for n in own] + [(n, True) for n in passed_on])

        for word in ("red", "blue", "night", "neil"):
            rows = walk(connection, "search_posts", f"'{word}'", "t.score", 5)
            shown += rows
            expected = [
                name
                for name, post in made.posts.items()
                if word in post.words and made.meets(reader, name)
            ]
            assert sorted(names[str(row[0])] for row in rows) == sorted(expected)

        for name in chance.sample(list(made.posts), 10):
            if not made.sees(reader, name):
                continue
            rows = walk(connection, "get_thread", f"tests.post('{name}')", "t.depth", 2)
            shown += rows
            above: list[str] = []
            up = made.posts[name].parent
            while up is not None:
                above.insert(0, up)
                up = made.posts[up].parent
            replies = [p.name for p in made.posts.values() if p.parent == name]
            expected = [n for n in above if made.meets(reader, n)] + [name]
            expected += [n for n in replies if made.meets(reader, n)]
            assert [names[str(row[0])] for row in rows] == expected, json.dumps(expected)

        for post_id, likes, replies, reposts, quotes, parent, quoted, liked, reposted, *_ in shown:
            name = names[str(post_id)]
            post = made.posts[name]
            counted = [made.count(reader, deed, name) for deed in ("like", "parent", "repost")]
            assert [likes, replies, reposts] == counted, name
            assert quotes == made.count(reader, "quoted", name)
            assert names.get(str(parent)) == (
                post.parent if post.parent and made.sees(reader, post.parent) else None
            )
            assert names.get(str(quoted)) == (
                post.quoted if post.quoted and made.sees(reader, post.quoted) else None
            )
            assert (liked, reposted) == (
                (reader, name) in made.deeds["like"],
                (reader, name) in made.deeds["repost"],
            )


@pytest.mark.parametrize("seed", range(2))
def test_a_list_holds_what_the_one_predicate_lets_through(
    connection: psycopg.Connection[Any], seed: int
) -> None:
    build(connection, Random(seed))  # noqa: S311
    for reader in (None, *MEMBERS):
        (wrong,) = connection.execute(
            """
            select count(*)
            from public.posts as p
            cross join (select medley.post_reader(tests.member(%(reader)s)) as reader) as r
            where coalesce(
                medley.lists_post(r.reader, p.id, p.author_id, p.visibility, p.search), false
              )
              <> coalesce(
                p.author_id = (r.reader).user_id
                or medley.may_list((r.reader).user_id, p.id, p.author_id)
                and p.id <> all((r.reader).reported)
                and not coalesce(p.search @@ (r.reader).muted, false),
                false
              )
            """,
            {"reader": reader},
        ).fetchone() or (None,)
        assert wrong == 0
