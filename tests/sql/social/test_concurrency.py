"""Many sessions at once: counters are exact, nothing is there twice, and nobody deadlocks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest

from tests.database import Database

ACT = "select set_config('request.jwt.claims', %s, false), set_config('role', %s, false)"
MEMBERS = [f"m{number}" for number in range(200)]
SESSIONS = 20

Work = tuple[str, str, tuple[Any, ...]]


@pytest.fixture(scope="module")
def social(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A database of its own: these tests commit."""
    with new_database(name="social") as made:
        made.execute("alter role postgres set search_path = tests, extensions, public")
        made.execute("select tests.make_member(m) from unnest(%s::text[]) as u (m)", MEMBERS)
        yield made


@pytest.fixture
def posts(social: Database) -> Database:
    """Two posts of the first member, and nothing else."""
    social.execute("delete from public.posts where true")
    social.execute("select tests.make_post('m0', 'one'), tests.make_post('m0', 'two')")
    return social


def at_once(database: Database, work: Sequence[Work]) -> list[str]:
    """Each statement as its member, many at the same time; the codes of what was refused."""

    def run(share: Sequence[Work]) -> list[str]:
        refused = []
        with psycopg.connect(
            database.cluster.url(),
            autocommit=True,
            options="-c search_path=tests,extensions,public",
        ) as connection:
            for member, query, parameters in share:
                connection.execute("reset role")
                row = connection.execute("select tests.member(%s)::text", (member,)).fetchone()
                assert row
                claims = json.dumps({"sub": row[0], "role": "authenticated"})
                connection.execute(ACT, (claims, "authenticated"))
                try:
                    connection.execute(query, parameters)
                except psycopg.Error as error:
                    detail = error.diag.message_detail or ""
                    code = json.loads(detail)["code"] if detail.startswith('{"') else error.sqlstate
                    refused.append(str(code))
        return refused

    with ThreadPoolExecutor(SESSIONS) as pool:
        shares = [work[start::SESSIONS] for start in range(SESSIONS)]
        return [code for codes in pool.map(run, shares) for code in codes]


def recounted(database: Database) -> None:
    assert database.rows("select * from tests.miscounted_posts()") == []
    astray = database.rows(
        "select from (select t.post_id, t.poster_id from medley.timeline_posts as t "
        "where t.is_repost) as t full join (select r.post_id, r.user_id from public.reposts as r "
        "inner join public.posts as p on p.id = r.post_id where p.author_id <> r.user_id) as r "
        "on r.post_id = t.post_id and r.user_id = t.poster_id "
        "where t.post_id is null or r.post_id is null"
    )
    assert astray == [], "the timeline's copy has the reposts that there are"


def test_two_hundred_members_like_one_post(posts: Database) -> None:
    like = "insert into public.likes (post_id) values (tests.post('one'))"
    assert at_once(posts, [(member, like, ()) for member in MEMBERS]) == []
    assert posts.value("select tests.counts('one')") == "200 0 0 0 0"
    # All at once again: nobody twice. Then half of them take it back while others look on.
    again = at_once(posts, [(member, like, ()) for member in MEMBERS])
    assert again == ["23505"] * 200
    unlike = "delete from public.likes where post_id = tests.post('one')"
    repost = "insert into public.reposts (post_id) values (tests.post('one'))"
    mixed = [
        (member, unlike if number % 2 else repost, ()) for number, member in enumerate(MEMBERS)
    ]
    assert at_once(posts, mixed) == []
    assert posts.value("select tests.counts('one')") == "100 0 100 0 0"
    recounted(posts)
    # Each of what they did is in the log; the author did nothing that teaches anything.
    logged = posts.rows(
        "select k.kind, count(*) from medley.engagements as e "
        "inner join medley.engagement_kinds as k on k.kind_no = e.kind_no "
        "inner join medley.items as i on i.item_no = e.item_no group by 1 order by 1"
    )
    assert dict(logged) == {"like": 199, "repost": 99, "unlike": 100}
    unrepost = "delete from public.reposts where post_id = tests.post('one')"
    changed = [
        (member, repost if number % 2 else unrepost, ()) for number, member in enumerate(MEMBERS)
    ]
    assert at_once(posts, changed) == []
    assert posts.value("select tests.counts('one')") == "100 0 100 0 0"
    recounted(posts)


def test_many_posts_in_any_order_never_deadlock(posts: Database) -> None:
    both = "array[tests.post('one'), tests.post('two')]"
    forth = f"insert into public.likes (post_id) select unnest({both})"
    back = (
        f"insert into public.likes (post_id) select p from unnest({both}) as u (p) order by 1 desc"
    )
    view = f"select public.view_posts({both})"
    work = [
        (member, query, ())
        for number, member in enumerate(MEMBERS[1:121])
        for query in (forth if number % 2 else back, view)
    ]
    assert at_once(posts, work) == []
    assert posts.value("select tests.counts('one')") == "120 0 0 0 120"
    assert posts.value("select tests.counts('two')") == "120 0 0 0 120"
    recounted(posts)


def test_replies_and_quotes_with_new_hashtags_at_once(posts: Database) -> None:
    reply = (
        "insert into public.posts (content, parent_id, quoted_id) "
        "values (%s, tests.post('one'), tests.post('two'))"
    )
    work = [(member, reply, (f"#tag{number % 7}",)) for number, member in enumerate(MEMBERS[:100])]
    assert at_once(posts, work) == []
    assert posts.value("select tests.counts('one')") == "0 100 0 0 0"
    assert posts.value("select tests.counts('two')") == "0 0 0 100 0"
    hashtags = "select count(*) from medley.features as f where f.feature_type = 'hashtag'"
    assert posts.value(hashtags) == 7
    recounted(posts)


def test_accounts_go_while_others_like(posts: Database) -> None:
    like = "insert into public.likes (post_id) values (tests.post(%s))"
    work = [(member, like, (post,)) for member in MEMBERS[100:180] for post in ("one", "two")]
    assert at_once(posts, work) == []

    def leave(member: str) -> None:
        posts.execute("delete from auth.users where id = tests.member(%s)", member)

    repost = "insert into public.reposts (post_id) values (tests.post('two'))"
    with ThreadPoolExecutor(8) as pool:
        gone = [pool.submit(leave, member) for member in MEMBERS[100:140]]
        assert at_once(posts, [(member, repost, ()) for member in MEMBERS[140:200]]) == []
        for entry in gone:
            entry.result()
    assert posts.value("select tests.counts('one')") == "40 0 0 0 0"
    assert posts.value("select tests.counts('two')") == "40 0 60 0 0"
    recounted(posts)


def test_accounts_go_while_others_view_everything(social: Database) -> None:
    names = [f"x{number}" for number in range(24)]
    social.execute("select tests.make_member(m) from unnest(%s::text[]) as u (m)", names)
    social.execute("select tests.make_post(m, m) from unnest(%s::text[]) as u (m)", names)
    for deed in ("likes", "post_views"):
        social.execute(
            f"insert into public.{deed} (user_id, post_id) select tests.member(m), tests.post(p) "
            "from unnest(%s::text[]) as u (m), unnest(%s::text[]) as v (p)",
            names,
            names,
        )
    view = "select public.view_posts(array(select p.id from public.posts as p))"

    def leave(members: Sequence[str]) -> None:
        # One after the other: accounts that go at once and like each other may meet, and one is
        # then told to try again.
        for member in members:
            social.execute("delete from auth.users where id = tests.member(%s)", member)

    with ThreadPoolExecutor(1) as pool:
        gone = pool.submit(leave, names[:20])
        assert at_once(social, [(member, view, ()) for member in MEMBERS[:60]]) == []
        gone.result()
    assert social.value("select tests.counts('x23')") == "4 0 0 0 64"
    recounted(social)


def test_a_post_goes_while_members_answer_it(posts: Database) -> None:
    answer = "insert into public.posts (content, parent_id) values ('x', tests.post('one'))"
    like = "insert into public.likes (post_id) values (tests.post('one'))"
    work = [(member, query, ()) for member in MEMBERS[1:60] for query in (answer, like)]
    work.insert(40, ("m0", "delete from public.posts where id = tests.post('one')", ()))
    refused = at_once(posts, work)
    # Too late is told: what is gone is not found, or its row is not there to refer to.
    assert set(refused) <= {"not_found", "42501", "23503"}
    assert posts.value("select count(*) from public.likes") == 0
    lost = "select count(*) from public.posts as p where p.parent_id is not null"
    assert posts.value(lost) == 0
    recounted(posts)
