"""A member's home timeline, before and after a follow, and a thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from psycopg import Connection

from .. import Medley, ThreadPost, TimelinePost
from ._world import DemoFailed, run_now

STEPS = 1
SHOWN = 6
SIGN = "(simulated)"
SAYINGS = (
    "I have tickets for {artist}! #live",
    "Nobody opens an album like {artist}.",
    "Which record of {artist} would you start with? #newears",
    "{artist} last night: my ears are still ringing. #live",
)


@dataclass(frozen=True, slots=True)
class Scrolled:
    """What was seen of the home timeline.

    Attributes:
        posts: How many posts the simulated members wrote.
        before: The first posts of the timeline.
        followed: A post from outside the network, whose author the member then followed.
        after: The timeline of the very next call: without what was just shown.
        thread: A conversation that the member joined.
    """

    posts: int
    before: tuple[TimelinePost, ...]
    followed: TimelinePost
    after: tuple[TimelinePost, ...]
    thread: tuple[ThreadPost, ...]


def scroll(
    connection: Connection[Any], medley: Medley, member_id: str, progress: Callable[[str], None]
) -> Scrolled:
    """Has simulated members post, and reads the timeline as the member.

    Args:
        connection: To DATABASE_URL, for other members' posts and for jobs.
        medley: The member's client.
        member_id: Their id.
        progress: Told each of STEPS steps.

    Raises:
        DemoFailed: The timeline is empty, shows what was just shown, or misses the follow.
    """
    progress("A home timeline")
    posts = _posts(connection, member_id)
    run_now(connection, "rebuild_author_rates")
    run_now(connection, "refresh_trending")

    before = medley.home_timeline(limit=SHOWN).rows
    strangers = [post for post in before if not post.in_network]
    if not strangers or len(strangers) == len(before):
        raise DemoFailed("the timeline does not mix the network with the rest")
    medley.log_impressions(before)
    followed = strangers[0]
    medley.follow_author(followed.post_id)
    answered = next(post for post in before if post.in_network)
    medley.post("So do I! (simulated)", parent_id=answered.post_id)

    after = medley.home_timeline(limit=SHOWN).rows
    if {post.post_id for post in before} & {post.post_id for post in after}:
        raise DemoFailed("the timeline shows again what was just shown")
    if not any(post.author_id == followed.author_id and post.in_network for post in after):
        raise DemoFailed("the next timeline does not know the follow")
    return Scrolled(posts, before, followed, after, medley.thread(answered.post_id).rows)


def _posts(connection: Connection[Any], member_id: str) -> int:
    """Posts of the last hours by members whom the member follows and others; how many.

    Everybody sees all of them and likes some: each author is liked by a share of their own.
    """
    chance = Random(7)  # noqa: S311
    connection.execute("delete from public.posts as p where p.content like %s", (f"%{SIGN}",))
    followed = _ids(
        connection,
        "select f.followed_id::text from public.follows as f where f.follower_id = %s "
        "order by f.followed_id limit 6",
        member_id,
    )
    others = _ids(
        connection,
        "select u.id::text from auth.users as u where u.email like '%%@members.invalid' "
        "and u.id <> all(%s::uuid[]) order by md5(u.id::text) limit 14",
        followed,
    )
    authors = followed + others
    artists = _ids(connection, "select a.name from public.artists as a order by a.id limit %s", 40)
    with connection.transaction(), connection.cursor() as cursor:
        posts = [
            (
                author,
                f"{saying.format(artist=chance.choice(artists))} {SIGN}",
                chance.uniform(2, 20),
            )
            for author in authors
            for saying in chance.sample(SAYINGS, 3)
        ]
        cursor.executemany(
            "insert into public.posts (author_id, content, language, created_at) "
            "values (%s, %s, 'en', now() - %s * interval '1 hour')",
            posts,
        )
        written = cursor.execute(
            "select p.id, p.author_id::text from public.posts as p where p.content like %s "
            "order by p.created_at, p.id",
            (f"%{SIGN}",),
        ).fetchall()
        charms = {author: 0.9 * chance.random() ** 3 for author in authors}
        met = [
            (member, post, chance.uniform(0.5, 1), chance.random() < charms[author])
            for post, author in written
            for member in authors
            if member != author
        ]
        for table, rows in (("post_views", met), ("likes", [row for row in met if row[3]])):
            members, seen, hours, _ = zip(*rows, strict=True)
            cursor.execute(
                f"insert into public.{table} (user_id, post_id, created_at) "
                "select m.user_id, p.id, p.created_at + m.hours * interval '1 hour' "
                "from unnest(%s::uuid[], %s::uuid[], %s::float8[]) as m (user_id, post_id, hours) "
                "inner join public.posts as p on p.id = m.post_id",
                (list(members), list(seen), list(hours)),
            )
        # As if each had been logged when it happened: rates are counted by that.
        cursor.execute(
            "update medley.engagements as e set logged_at = e.occurred_at "
            "where e.item_no in (select i.item_no from medley.items as i "
            "inner join public.posts as p on p.id = i.id where p.content like %s)",
            (f"%{SIGN}",),
        )
    return len(posts)


def _ids(connection: Connection[Any], query: str, argument: Any) -> list[str]:
    """The first column."""
    return [value for (value,) in connection.execute(query.encode(), (argument,))]
