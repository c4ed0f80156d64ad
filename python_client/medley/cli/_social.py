"""The commands around posts: write, read, search, and what a member does with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Annotated, Any

import typer

from medley import Post

from ._bars import points
from ._ids import User, member_id, post_id
from ._output import Commands, Json, out, print_json, show_rows, table, when
from ._settings import api

post = typer.Typer(
    cls=Commands, no_args_is_help=True, help="Posts: write, list, search, like, report."
)

Target = Annotated[str, typer.Argument(metavar="POST", help="The post's id.", callback=post_id)]
Viewer = Annotated[
    str | None,
    typer.Option(help="For this member's eyes (secret key).", callback=member_id),
]
Limit = Annotated[int, typer.Option(help="How many at most.", min=1)]


@post.command("write")
def write_command(
    *,
    content: Annotated[str, typer.Argument(help="What it says.")],
    user: User,
    reply_to: Annotated[
        str | None, typer.Option(help="The post that it replies to.", callback=post_id)
    ] = None,
    quote: Annotated[
        str | None, typer.Option(help="The post that it quotes.", callback=post_id)
    ] = None,
    language: Annotated[str | None, typer.Option(help="A tag, such as en or pt-BR.")] = None,
    visibility: Annotated[str, typer.Option(help="public, followers or private.")] = "public",
    as_json: Json = False,
) -> None:
    """Write a post for a member (secret key)."""
    # The database says which visibilities there are.
    seen_by: Any = visibility
    made = api(secret=True).post(
        content,
        parent_id=reply_to,
        quoted_id=quote,
        language=language,
        visibility=seen_by,
        user_id=user,
    )
    if as_json:
        print_json({"post_id": made})
    else:
        out.print(made, highlight=False)


@post.command("delete")
def delete_command(target: Target, user: User) -> None:
    """Delete a member's post (secret key); its replies stay."""
    api(secret=True).delete_post(target, user_id=user)
    out.print("deleted")


@post.command("like")
def like_command(
    target: Target,
    user: User,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
) -> None:
    """Like a post for a member (secret key)."""
    medley = api(secret=True)
    (medley.unlike_post if undo else medley.like_post)(target, user_id=user)
    out.print("no longer liked" if undo else "liked")


@post.command("repost")
def repost_command(
    target: Target,
    user: User,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
) -> None:
    """Pass a post on for a member (secret key)."""
    medley = api(secret=True)
    (medley.unrepost if undo else medley.repost)(target, user_id=user)
    out.print("no longer reposted" if undo else "reposted")


@post.command("report")
def report_command(
    target: Target,
    reason: Annotated[str, typer.Argument(help="spam, abuse, hate, violence, ...")],
    user: User,
    note: Annotated[str | None, typer.Option(help="In the member's own words.")] = None,
) -> None:
    """Report a post for a member (secret key)."""
    out.print(api(secret=True).report_post(target, reason, note=note, user_id=user))


@post.command("list")
def list_command(
    author: Annotated[str, typer.Argument(help="The author's id.", callback=member_id)],
    *,
    user: Viewer = None,
    replies: Annotated[bool, typer.Option("--replies", help="Replies too.")] = False,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List what a member wrote and passed on, newest first."""
    medley = api(secret=user is not None)
    listed = medley.iter_profile_posts(
        author, include_replies=replies, page_size=min(limit, 200), user_id=user
    )
    found = list(islice(listed, limit))
    if as_json:
        print_json(found)
        return
    rows = (
        (when(row.shown_at), *_cells(row, note="reposted" if row.reposted_by else ""))
        for row in found
    )
    show_rows(("when", *_COLUMNS), rows, nothing="The member wrote nothing that is seen here.")


@post.command("search")
def search_command(
    query: Annotated[str, typer.Argument(help='Words, "a phrase", or, -without; #hashtags.')],
    *,
    user: Viewer = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Search posts, best first."""
    medley = api(secret=user is not None)
    matches = medley.iter_search_posts(query, page_size=min(limit, 200), user_id=user)
    found = list(islice(matches, limit))
    if as_json:
        print_json(found)
        return
    rows = ((f"{row.score:.3f}", when(row.created_at), *_cells(row)) for row in found)
    show_rows(("#score", "when", *_COLUMNS), rows, nothing="No post has these words.")


def timeline(
    user: User,
    *,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Show a member's home timeline, with scores and reasons (secret key)."""
    rows = api(secret=True).iter_home_timeline(page_size=min(limit, 200), user_id=user)
    found = list(islice(rows, limit))
    if as_json:
        print_json(found)
        return
    cells = (
        (
            f"{row.score:.3f}",
            when(row.created_at),
            *_cells(row, note=row.reason),
            points(dict(_weightiest(row.breakdown)), 3),
        )
        for row in found
    )
    show_rows(
        ("#score", "when", *_COLUMNS, "most points"),
        cells,
        nothing="No post of the last days is new to the member. `medley post write` writes one, "
        "`medley demo` and `medley simulate` many.",
    )


def thread(
    target: Target,
    *,
    user: Viewer = None,
    limit: Annotated[int, typer.Option(help="How many replies at most.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """Show a post, what it answers, and its replies."""
    medley = api(secret=user is not None)
    rows = medley.iter_thread(target, page_size=min(limit, 200), user_id=user)
    found = list(_until(rows, limit))
    if as_json:
        print_json(found)
        return
    cells = (
        (
            when(row.created_at),
            *_cells(row, indent=row.depth - found[0].depth, note="<" if row.depth == 0 else ""),
        )
        for row in found
    )
    out.print(table(("when", *_COLUMNS), cells))


def _weightiest(breakdown: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(breakdown.items(), key=lambda term: -abs(term[1]))[:3]


def _until(rows: Iterable[Any], replies: int) -> Iterable[Any]:
    """What leads to the post, the post, and so many replies."""
    for row in rows:
        replies -= row.depth > 0
        if replies < 0:
            return
        yield row


_COLUMNS = ("author", "post", "#likes", "#replies", "#reposts", "", "id")


def _cells(row: Post, *, indent: int = 0, note: str = "") -> tuple[object, ...]:
    words = " ".join(row.content.split()) or ("(media)" if row.media else "(quote)")
    short = words if len(words) <= 60 else words[:59] + "…"
    return (
        row.author_name or row.author_id,
        "  " * indent + short.replace("[", r"\["),
        row.like_count,
        row.reply_count,
        row.repost_count + row.quote_count,
        note,
        row.post_id,
    )
