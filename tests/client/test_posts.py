"""Posts through the API and the command line: two members, a visitor, the service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from medley import (
    AsyncMedley,
    Conflict,
    Forbidden,
    InvalidArgument,
    InvalidCursor,
    Medley,
    NotFound,
    TooLarge,
    Unauthenticated,
)
from medley.cli import app
from postgrest.exceptions import APIError
from supabase import Client
from typer.testing import CliRunner, Result

from tests.conftest import Api, Member

NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module", autouse=True)
def posts_go(service: Client) -> Iterator[None]:
    """What the tests wrote would trend in others."""
    began = datetime.now(UTC)
    yield
    service.table("posts").delete().gte("created_at", began.isoformat()).execute()


@pytest.fixture
def ada(member: Member) -> Medley:
    return Medley(member.client)


@pytest.fixture
def bob(other_member: Member) -> Medley:
    return Medley(other_member.client)


@pytest.fixture
def visitor(api: Api) -> Medley:
    return Medley(api.client())


@pytest.fixture
def admin(api: Api) -> Medley:
    return Medley(api.client(api.secret_key))


def words_of(rows: Any) -> list[str]:
    return [row.content for row in rows]


# Writing


def test_a_conversation(ada: Medley, bob: Medley, visitor: Medley, member: Member) -> None:
    word = uuid4().hex
    root = ada.post(f"Hello {word} #First", language="en")
    answer = bob.post("Hello yourself", parent_id=root)
    quote = bob.post("", quoted_id=root)
    bob.like_post(root)
    bob.like_post(root)
    bob.repost(root)
    assert bob.view_posts([root, answer, NOBODY]) == 2
    assert bob.view_posts([root]) == 0

    page = bob.thread(root)
    assert page.next_cursor is None
    first, second = page
    assert (first.depth, second.depth) == (0, 1)
    assert (first.post_id, first.author_id, first.hashtags) == (root, member.id, ("first",))
    assert (first.language, first.visibility, first.is_reply) == ("en", "public", False)
    assert (first.like_count, first.reply_count, first.repost_count) == (1, 1, 1)
    assert (first.quote_count, first.view_count, first.liked, first.reposted) == (1, 1, True, True)
    assert (second.parent_id, second.conversation_id, second.is_reply) == (root, root, True)
    assert [row.liked for row in visitor.thread(root)] == [False, False]

    (found,) = visitor.iter_search_posts(word)
    assert (found.post_id, found.score > 0) == (root, True)
    assert [row.depth for row in ada.iter_thread(answer, page_size=1)] == [-1, 0]
    (shown,) = visitor.iter_profile_posts(member.id)
    assert (shown.post_id, shown.reposted_by, shown.shown_at) == (root, None, shown.created_at)
    assert [row.post_id for row in visitor.iter_thread(quote)] == [quote]

    bob.unlike_post(root)
    bob.unrepost(root)
    ada.set_post_visibility(root, "private")
    with pytest.raises(NotFound):
        bob.thread(root)
    assert words_of(bob.iter_thread(answer)) == ["Hello yourself"]
    assert list(bob.iter_search_posts(word)) == []
    ada.delete_post(root)
    with pytest.raises(NotFound):
        ada.thread(root)
    (left,) = bob.thread(answer)
    assert (left.parent_id, left.is_reply) == (None, True)


def test_what_a_post_may_not_be(ada: Medley, bob: Medley) -> None:
    hidden = ada.post("for my eyes", visibility="private")
    for wrong in ({"parent_id": hidden}, {"quoted_id": hidden}, {"parent_id": NOBODY}):
        with pytest.raises(NotFound) as refused:
            bob.post("x", **wrong)  # type: ignore[arg-type]
        assert refused.value.hint
    with pytest.raises(InvalidArgument):
        bob.post(" ")
    for long in ("x" * 10_001, "#a" * 100_000, "💥" * 10_001):
        with pytest.raises(TooLarge):
            bob.post(long)
    with pytest.raises(InvalidArgument):
        bob.post("x", media=[{"type": "image", "url": "javascript:alert(1)"}])
    with pytest.raises(TooLarge):
        bob.post("x", media=[{"type": "image", "url": "https://example.com"}] * 11)
    with pytest.raises(InvalidArgument):
        bob.post("x", visibility="friends")  # type: ignore[arg-type]
    made = bob.post("💥 " * 5_000, post_id=str(uuid4()))
    with pytest.raises(Conflict):
        bob.post("again", post_id=made)


def send(api: Api, member: Member, body: bytes) -> httpx.Response:
    """A post as it goes over the wire."""
    session = member.client.auth.get_session()
    assert session
    return httpx.post(
        f"{api.url}/rest/v1/posts",
        content=body,
        headers={
            "apikey": api.publishable_key,
            "Authorization": f"Bearer {session.access_token}",
            "Content-Type": "application/json",
        },
        timeout=30,
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"content": "a\\u0000b"}',
        b'{"content": "a\x00b"}',
        b'{"content": "x", "like_count": 7}',
        b'{"content": "x", "created_at": "2001-01-01"}',
        b'{"content": "x", "hashtags": ["forged"]}',
        b'{"content": "x", "parent_id": "not an id"}',
        b'{"content": 7, "media": "x"}',
        b"not json",
    ],
)
def test_broken_text_and_forged_columns_are_refused(
    api: Api, member: Member, ada: Medley, body: bytes
) -> None:
    answer = send(api, member, body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["message"]
    assert list(ada.iter_profile_posts(member.id)) == []


@pytest.mark.parametrize("body", [b'{"content": "\xff\xfe\xfa"}', b'{"content": "\\ud800"}'])
def test_what_is_no_utf_8_is_refused_or_replaced(
    api: Api, member: Member, ada: Medley, body: bytes
) -> None:
    # A server refuses it, or puts the character for what is broken in its place.
    answer = send(api, member, body)
    assert answer.status_code == 201 or 400 <= answer.status_code < 500
    assert all(set(row.content) == {"\ufffd"} for row in ada.iter_profile_posts(member.id))


# What members do with posts


def test_nobody_touches_what_they_do_not_see(
    ada: Medley, bob: Medley, visitor: Medley, member: Member
) -> None:
    hidden = ada.post("for my eyes", visibility="private")
    shown = ada.post("for all")
    for act in (bob.like_post, bob.repost):
        for post in (hidden, NOBODY):
            with pytest.raises(Forbidden):
                act(post)
        with pytest.raises(Forbidden):
            act(shown, user_id=member.id)
    for meet in (bob.block_author, bob.mute_author, bob.follow_author):
        with pytest.raises(NotFound):
            meet(hidden)
        with pytest.raises(Forbidden):
            meet(shown, user_id=member.id)
    for meet in (ada.block_author, ada.mute_author, ada.follow_author):
        with pytest.raises(InvalidArgument):
            meet(shown)
    assert bob.view_posts([hidden]) == 0
    bob.delete_post(shown)
    bob.set_post_visibility(shown, "private")
    assert words_of(visitor.thread(shown)) == ["for all"]
    with pytest.raises(Unauthenticated):
        visitor.post("x")
    with pytest.raises(Unauthenticated):
        visitor.report_post(shown, "spam")
    with pytest.raises(Unauthenticated):
        visitor.thread(shown, user_id=member.id)


def test_rows_are_written_once_and_in_ones_own_name(
    ada: Medley, member: Member, other_member: Member, api: Api
) -> None:
    post = ada.post("once")
    repost = {"post_id": post}
    other_member.client.table("reposts").insert(repost).execute()
    for table, row, code in (
        ("reposts", repost, "23505"),
        ("likes", {"post_id": post, "user_id": member.id}, "42501"),
        ("post_reports", {"post_id": post, "reason": "spam"}, "42501"),
        ("follows", {"followed_id": other_member.id}, "23514"),
        ("user_blocks", {"blocked_id": other_member.id}, "23514"),
    ):
        with pytest.raises(APIError) as refused:
            other_member.client.table(table).insert(row).execute()
        assert refused.value.code == code
    for columns in ({"content": "changed"}, {"like_count": 1000}, {"author_id": other_member.id}):
        with pytest.raises(APIError) as refused:
            member.client.table("posts").update(columns).eq("id", post).execute()
        assert refused.value.code == "42501"
    # What was met as a repost is the post itself, and one who reposts that reposts it.
    (shown,) = ada.iter_profile_posts(other_member.id)
    assert (shown.post_id, shown.reposted_by, shown.repost_count) == (post, other_member.id, 1)
    ada.repost(shown.post_id)
    assert [row.repost_count for row in ada.thread(post)] == [2]
    with pytest.raises(APIError):
        api.client().table("posts").insert({"content": "x", "author_id": member.id}).execute()


def test_reports_mutes_and_blocks_take_posts_away(
    ada: Medley, bob: Medley, member: Member, other_member: Member
) -> None:
    word = uuid4().hex
    root = bob.post("root")
    posts = [ada.post(f"{word} {n}", parent_id=root) for n in range(4)]
    bob.like_post(posts[0])
    assert bob.report_post(posts[3], "spam", note="again and again") == "accepted"
    assert bob.report_post(posts[3], "spam") == "duplicate"
    assert words_of(bob.iter_search_posts(word)) == [f"{word} {n}" for n in (2, 1, 0)]
    bob.mute_word(f"{word} 2")
    bob.mute_word(f"{word} 2")
    assert words_of(bob.iter_thread(root)) == ["root", f"{word} 0", f"{word} 1"]
    bob.unmute_word(f"{word} 2")
    assert len(list(bob.iter_search_posts(word))) == 3
    assert bob.follow_author(posts[0]) == member.id
    assert bob.mute_author(posts[0]) == member.id
    assert list(bob.iter_search_posts(word)) == []
    assert [row.depth for row in bob.iter_thread(root)] == [0]
    assert bob.block_author(posts[0]) == member.id
    with pytest.raises(NotFound):
        bob.thread(posts[0])
    with pytest.raises(NotFound):
        ada.thread(root)
    assert list(ada.iter_profile_posts(other_member.id)) == []
    # Her own post has lost, in her eyes, the like of the member who blocks her.
    assert [row.like_count for row in ada.thread(posts[0]) if row.depth == 0] == [0]
    for wrong in ("", "!", "x" * 101):
        with pytest.raises(InvalidArgument):
            bob.mute_word(wrong)
    with pytest.raises(InvalidArgument):
        bob.report_post(root, "spam")


def test_the_service_names_the_member(
    admin: Medley, ada: Medley, member: Member, other_member: Member
) -> None:
    post = admin.post("by the service", user_id=member.id)
    admin.like_post(post, user_id=other_member.id)
    assert admin.view_posts([post], user_id=other_member.id) == 1
    (shown,) = admin.thread(post, user_id=other_member.id)
    assert (shown.author_id, shown.liked, shown.view_count) == (member.id, True, 1)
    with pytest.raises(InvalidArgument):
        admin.view_posts([post])
    with pytest.raises(Unauthenticated):
        admin.post("by nobody")
    hidden = ada.post("hers", visibility="private")
    # Without a member the service reads as a visitor.
    with pytest.raises(NotFound):
        admin.thread(hidden)
    admin.delete_post(post, user_id=other_member.id)
    assert words_of(ada.thread(post)) == ["by the service"]


def test_pages_end_and_cursors_are_checked(ada: Medley, visitor: Medley) -> None:
    root = ada.post("root")
    for n in range(5):
        ada.post(str(n), parent_id=root)
    page = visitor.thread(root, limit=2)
    assert [(row.depth, row.content) for row in page] == [(0, "root"), (1, "0"), (1, "1")]
    assert words_of(visitor.thread(root, limit=2, cursor=page.next_cursor)) == ["2", "3"]
    assert words_of(visitor.iter_thread(root, page_size=2)) == ["root", *"01234"]
    other = ada.post("other")
    for post, cursor in ((other, page.next_cursor), (root, "forged"), (root, "💥"), (root, "")):
        with pytest.raises(InvalidCursor):
            visitor.thread(post, cursor=cursor)
    for limit in (0, -1, 201):
        with pytest.raises(InvalidArgument):
            visitor.thread(root, limit=limit)
    with pytest.raises(InvalidArgument):
        next(iter(visitor.iter_search_posts(" ")))
    with pytest.raises(TooLarge):
        next(iter(visitor.iter_search_posts("x" * 501)))


def test_members_like_at_once_over_http(
    sign_up: Callable[[], Member], ada: Medley, visitor: Medley
) -> None:
    post = ada.post("popular")
    readers = [Medley(sign_up().client) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda reader: reader.like_post(post), readers))
        list(pool.map(lambda reader: reader.view_posts([post]), readers))
    (shown,) = visitor.thread(post)
    assert (shown.like_count, shown.view_count) == (12, 12)


def test_the_asynchronous_client_does_the_same(api: Api, member: Member) -> None:
    async def write_and_read() -> list[str]:
        from supabase import acreate_client

        medley = AsyncMedley(await acreate_client(api.url, api.secret_key))
        root = await medley.post("async", user_id=member.id)
        await medley.post("answer", parent_id=root, user_id=member.id)
        return [row.content async for row in medley.iter_thread(root, page_size=1)]

    assert asyncio.run(write_and_read()) == ["async", "answer"]


# The command line


@pytest.fixture
def command_line(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    for name, value in (
        ("DATABASE_URL", api.database_url),
        ("SUPABASE_URL", api.url),
        ("SUPABASE_PUBLISHABLE_KEY", api.publishable_key),
        ("SUPABASE_SECRET_KEY", api.secret_key),
    ):
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_the_command_line_writes_and_reads(
    command_line: Callable[..., Result], member: Member, other_member: Member
) -> None:
    def run(*arguments: str) -> str:
        done = command_line(*arguments)
        assert done.exit_code == 0, done.output
        return done.stdout.strip()

    word = uuid4().hex
    user, other = ("--user", member.id), ("--user", other_member.id)
    root = run("post", "write", f"[red] {word}", *user)
    made = json.loads(run("post", "write", "x", "--reply-to", root, *other, "--json"))
    run("post", "write", f"see {word}", "--quote", root, "--visibility", "private", *other)
    assert run("post", "like", root, *other) == "liked"
    assert run("post", "repost", root, *other) == "reposted"
    assert run("post", "report", root, "spam", "--note", "n", *other) == "accepted"
    (found,) = json.loads(run("post", "search", word, "--json"))
    assert (found["post_id"], found["like_count"], found["quote_count"]) == (root, 1, 1)
    assert f"[red] {word}" in run("post", "search", word)
    assert f"see {word}" in run("post", "search", word, *other)
    rows = json.loads(run("thread", made["post_id"], "--json"))
    assert [row["depth"] for row in rows] == [-1, 0]
    shown = run("thread", root)
    assert f"[red] {word}" in shown
    assert made["post_id"] in shown
    assert len(json.loads(run("thread", root, "--limit", "1", "--json"))) == 2
    listed = run("post", "list", other_member.id, "--replies")
    assert "reposted" in listed
    assert made["post_id"] in listed
    assert run("post", "like", root, "--undo", *other) == "no longer liked"
    assert run("post", "repost", root, "--undo", *other) == "no longer reposted"
    run("post", "delete", root, *user)
    gone = command_line("thread", root)
    assert gone.exit_code == 5
    assert "no post" in gone.stderr
    assert command_line("post", "write", "", *user).exit_code == 5
    assert command_line("thread", "x").exit_code == 2


def test_the_command_line_says_that_there_is_no_such_post_or_member(
    command_line: Callable[..., Result], member: Member
) -> None:
    nothing = str(uuid4())
    for command in ("like", "repost"):
        done = command_line("post", command, nothing, "--user", member.id)
        assert done.exit_code == 5
        assert f"there is no post {nothing}" in done.stderr
    for command in ("recommend", "timeline", "feed"):
        done = command_line(command, "--user", nothing)
        assert done.exit_code == 5
        assert f"there is no member {nothing}" in done.stderr
