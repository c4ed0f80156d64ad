"""`medley demo`: builds the demonstration's world and shows what a member sees of it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.rule import Rule
from rich.syntax import Syntax
from rich.text import Text
from rich.tree import Tree

from medley import FeedEvent, GenreNode, Recommendation, TimelinePost
from medley.demo import (
    DemoFailed,
    Generated,
    Played,
    Recommended,
    Scrolled,
    Voted,
    World,
    build_world,
    find_data,
    play,
)
from medley.demo._play import SHOWN
from medley.demo._play import STEPS as PLAY_STEPS
from medley.demo._world import STEPS as WORLD_STEPS

from ._bars import BAR, bar, legend, moved, points
from ._output import FAILED, complain, out, print_json, steps, table
from ._settings import api, database, env_file, setting, this

#: The terms of a recommendation with their colours, in the order in which a bar stacks them.
RECOMMENDATION_TERMS = {
    "behavior": "red",
    "content": "green",
    "social": "magenta",
    "followed": "yellow",
    "popularity": "cyan",
    "trend": "blue",
    "recency": "bright_black",
    "availability": "bright_red",
    "exploration": "white",
}
#: The terms of the feed.
FEED_TERMS = {
    "artist_follow": "red",
    "friend_interest": "magenta",
    "genre_preference": "yellow",
    "umbrella_genre": "green",
    "cluster": "cyan",
    "distance": "blue",
    "recency": "bright_black",
    "promoted": "bright_red",
    "tickets": "white",
}

#: The terms of the timeline that are gains.
TIMELINE_TERMS = {
    "reply": "red",
    "mutual_reply": "bright_red",
    "quote": "magenta",
    "copy_link": "blue",
    "send": "bright_blue",
    "follow_author": "yellow",
    "share": "cyan",
    "repost": "bright_magenta",
    "like": "green",
    "click": "bright_cyan",
    "profile_click": "bright_yellow",
    "cold_start": "white",
    "view": "bright_black",
}


def demo(
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with real data; by default MEDLEY_DATA or ../shared/data if there."
        ),
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="Use the project's own catalogue anyway.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Also on a project that is not local.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of pictures.")] = False,
) -> None:
    """Load data, run the jobs, and show what a member is recommended before and after a like."""
    url, key = setting("SUPABASE_URL"), setting("SUPABASE_PUBLISHABLE_KEY")
    secret_key = setting("SUPABASE_SECRET_KEY")
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1") and not yes:
        raise typer.BadParameter(
            f"this would write a catalogue and thousands of members into {url}; pass --yes to do it"
        )
    folder = None if own else find_data(data)
    try:
        with database() as connection, steps(WORLD_STEPS + PLAY_STEPS, quiet=as_json) as progress:
            world = build_world(connection, api(secret=True), folder, progress)
            played = play(
                connection, url=url, publishable_key=key, secret_key=secret_key, progress=progress
            )
    except DemoFailed as error:
        complain(str(error))
        raise typer.Exit(FAILED) from error
    if as_json:
        print_json({"world": world, "played": played, "url": url, "publishable_key": key})
    else:
        _show(world, played, url, key)


def _show(world: World, played: Played, url: str, key: str) -> None:
    _section("What is loaded")
    out.print(f"From {world.origin}. Tour dates, RSVPs and plays are simulated.")
    counts = {**world.rows, "plays": world.plays}
    out.print(", ".join(f"[bold]{count:,}[/] {name}" for name, count in counts.items()))
    if world.skipped:
        out.print(f"{world.skipped:,} bad rows of the files were left out.", style="dim")
    rows = ((j["name"], f"{j['rows']:,}", f"{j['seconds']:.1f}") for j in world.jobs)
    out.print(table(("job", "#rows", "#seconds"), rows))

    member = played.member
    _section("Recommendations for a member")
    out.print(
        f"The member follows {', '.join(member['follows'])} and has {member['friends']} friends."
    )
    _recommended(played.recommended)

    _section("A member's feed")
    out.print(
        f"The member lives in [bold]{member['city']}[/] and named {' and '.join(member['likes'])}."
    )
    out.print(legend((event.breakdown for event in played.before + played.after), FEED_TERMS))
    widest = max(event.score for event in (*played.before, *played.after))
    for event in played.before[:SHOWN]:
        _row(event, widest, "")
    out.print(f"Why the first: {'; '.join(played.before[0].reasons)}.")
    out.print(f"{played.before_ms:.0f} ms for this page, over HTTP", style="dim")

    _section("The next call after an RSVP and a follow")
    out.print(
        f"The member goes to [bold]{played.rsvp.title}[/] and follows [bold]{played.followed}[/]. "
        "No job runs in between."
    )
    before = {e.event_id: (rank, e.score) for rank, e in enumerate(played.before, start=1)}
    for rank, event in enumerate(played.after[:SHOWN], start=1):
        _row(event, widest, moved(rank, event.score, before, event.event_id))
    out.print(f"{played.after_ms:.0f} ms for this page, over HTTP", style="dim")

    _section(f"What {played.voted.artist} may play")
    _voted(played.voted)

    _section("Generated music")
    _generated(played.generated)

    _section("A home timeline")
    _scrolled(played.scrolled)

    _catalogue(played)

    _section("Go on from here")
    out.print(f"URL              {url}", highlight=False)
    out.print(f"publishable key  {key}", highlight=False)
    out.print(f"secret key       SUPABASE_SECRET_KEY, written to {env_file()} by `make up`")
    out.print()
    if world.replaced:
        out.print(
            "The member is a new one, with a new id and password: that of the run before, "
            "and all that was theirs, is gone."
        )
    out.print(f"In Python, `{this('python')}`:")
    snippet = f"""\
from supabase import create_client
from medley import Medley

client = create_client("{url}", "{key}")
client.auth.sign_in_with_password(
    {{"email": "{member["email"]}", "password": "{member["password"]}"}}
)
for item in Medley(client).recommendations(kind="artist", limit=5):
    print(f"{{item.score:6.3f}}  {{item.title}}: {{item.reason}}")
"""
    out.print(Syntax(snippet, "python", background_color="default", word_wrap=False))
    out.print("On the command line, where members go by their id:")
    command = f"{this('medley')} recommend --user {member['id']} --kind artist"
    # On one line whatever the width: it is there to be copied.
    out.print(command, highlight=False, soft_wrap=True)


def _catalogue(played: Played) -> None:
    _section("A piece of the genre tree")
    out.print("Umbrellas and main genres are curated, the rest follows from who plays what.")
    out.print(_piece(played.tree, branches=7, leaves=4))

    _section("Similar genres")
    for slug, similar in played.similar.items():
        names = ", ".join(f"{genre.name} [dim]{genre.weight:.2f}[/]" for genre in similar)
        out.print(f"[bold]{slug}[/]: {names}")

    _section(f"The calendar under {played.umbrella}")
    columns = ("when", "event", "where", "genres")
    out.print(
        table(
            columns,
            (
                (
                    event.starts_at.strftime("%a %d %b"),
                    event.title,
                    ", ".join(filter(None, (event.city, event.country))),
                    ", ".join(event.genres[:3]),
                )
                for event in played.calendar
            ),
        )
    )

    _section("Analytics")
    _counts("events by umbrella", played.umbrellas)
    _counts("artists by cluster", played.clusters)


def _section(title: str) -> None:
    out.print()
    out.print(Rule(f"[bold]{title}", align="left"))


def _recommended(seen: Recommended) -> None:
    out.print(legend((i.breakdown for i in seen.before + seen.after), RECOMMENDATION_TERMS))
    widest = max(item.score for item in (*seen.before, *seen.after))
    for item in seen.before[:SHOWN]:
        _item(item, widest, "")
    out.print(f"{seen.before_ms:.0f} ms for this page, over HTTP", style="dim")

    _section("The next call after a like")
    out.print(f"The member likes [bold]{seen.liked.title}[/]. No job runs in between.")
    before = {item.item_id: (rank, item.score) for rank, item in enumerate(seen.before, start=1)}
    for rank, item in enumerate(seen.after[:SHOWN], start=1):
        _item(item, widest, moved(rank, item.score, before, item.item_id))
    out.print(f"{seen.after_ms:.0f} ms for this page, over HTTP", style="dim")

    _section("Why, and why not")
    why = seen.explained
    causes = ", ".join(
        f"{cause['title']} {cause['points']:+.3f}" for cause in why.causes if cause["points"] > 0
    )
    out.print(f"[bold]{why.title}[/]: {why.reason}. {points(why.breakdown or {}, 3)}")
    out.print(f"What the member did that speaks for it: {causes}")
    hidden = ", ".join(seen.explained_liked.hidden_by)
    out.print(f"[bold]{seen.explained_liked.title}[/] is no longer recommended: {hidden}.")

    _section(f"Similar to {seen.liked.title}")
    rows = (
        (i.kind, i.title, i.reason, f"{i.score:.3f}", i.method)
        for i in (*seen.similar, *seen.similar_events)
    )
    out.print(table(("kind", "item", "why", "#score", "by"), rows))

    _section("Trending this week")
    out.print(", ".join(f"{item.title} [dim]{item.score:.1f}[/]" for item in seen.trending))

    out.print("Artists by votes, new followers and views:", end=" ")
    out.print(", ".join(f"{a.name} [dim]{a.trending_score:.1f}[/]" for a in seen.trending_artists))

    _section("What was learnt about the member")
    taste = (f"{t.label or t.feature_type} [dim]{t.affinity_score:+.2f}[/]" for t in seen.taste)
    out.print(", ".join(taste))


def _voted(seen: Voted) -> None:
    out.print(
        f"Predicted for {seen.show} from past shows. The member votes for "
        f"[bold]{seen.vote_for.title}[/] and against [bold]{seen.vote_against.title}[/]."
    )
    rows = (
        (str(song.position), song.title, str(song.upvotes), str(song.downvotes))
        for song in seen.after
    )
    out.print(table(("#place", "song", "#for", "#against"), rows))
    out.print("Songs that the next call recommends:")
    for item in seen.recommended:
        out.print(f"  {item.title} · [dim]{item.reason}[/]")


def _generated(seen: Generated) -> None:
    quota = seen.quota
    out.print(
        f"The member asks for [bold]{seen.title}[/]: {seen.queued.status} at place "
        f"{seen.queued.queue_position}, then {seen.completed.status}. "
        f"{quota.remaining} of {quota.daily_limit} requests are left today. "
        "The sounds are made up; nothing was generated."
    )
    alike = ", ".join(f"{track.title} [dim]{track.similarity:.2f}[/]" for track in seen.similar)
    out.print(f"What sounds like it: {alike}")
    out.print(f"The member keeps [bold]{seen.kept.title}[/]. Tracks that the next call recommends:")
    for item in seen.recommended:
        out.print(f"  {item.title} · [dim]{item.reason}[/]")


def _scrolled(seen: Scrolled) -> None:
    out.print(f"{seen.posts} posts of the last hours, simulated, from 20 members.")
    out.print(legend((post.breakdown for post in seen.before + seen.after), TIMELINE_TERMS))
    widest = max(post.score for post in (*seen.before, *seen.after))
    for post in seen.before:
        _post(post, widest)

    _section("The next timeline after a follow")
    out.print(
        f"The member scrolled past these, follows [bold]{seen.followed.author_name}[/] "
        "and answers one post. Nothing is shown twice."
    )
    for post in seen.after:
        _post(post, widest)
    out.print("The conversation that the member joined:")
    for entry in seen.thread:
        name = entry.author_name or "the member"
        out.print(f"{'    ' * max(entry.depth, 0)}  [bold]{name}[/] {entry.content}")


def _post(post: TimelinePost, widest: float) -> None:
    """A post with its score as a stacked bar; below it why it is there."""
    head = Text(f"{post.score:6.3f}  ", style="bold")
    head.append_text(bar(post.breakdown, TIMELINE_TERMS, widest))
    head.append(f"  {post.author_name}: ", style="bold").append(post.content)
    out.print(head, no_wrap=True, overflow="ellipsis")
    line = Text("        ").append(f"{post.reason} · ", style="green")
    line.append(f"{post.like_count} likes, {points(post.breakdown, 3)}", style="dim")
    out.print(line, no_wrap=True, overflow="ellipsis")


def _item(item: Recommendation, widest: float, note: str) -> None:
    """A recommendation with its score as a stacked bar; below it why, and from where it moved."""
    head = Text(f"{item.score:6.3f}  ", style="bold")
    head.append_text(bar(item.breakdown, RECOMMENDATION_TERMS, widest))
    head.append(f"  {item.title}", style="bold").append(f"  {item.reason}")
    out.print(head, no_wrap=True, overflow="ellipsis")
    line = Text("        ").append(f"{note}  " if note else "", style="green")
    line.append(points(item.breakdown, 3), style="dim")
    out.print(line, no_wrap=True, overflow="ellipsis")


def _row(event: FeedEvent, widest: float, note: str) -> None:
    """An event with its score as a stacked bar; below it when and where, and what moved it."""
    where = ", ".join(filter(None, (event.city, event.country)))
    head = Text(f"{event.score:6.1f}  ", style="bold")
    head.append_text(bar(event.breakdown, FEED_TERMS, widest))
    head.append(f"  {event.title}", style="bold")
    out.print(head, no_wrap=True, overflow="ellipsis")
    line = Text("        ").append(f"{note}  " if note else "", style="green")
    line.append(f"{event.starts_at:%a %d %b} {where}: {points(event.breakdown, 1)}", style="dim")
    out.print(line, no_wrap=True, overflow="ellipsis")


def _piece(nodes: tuple[GenreNode, ...], *, branches: int, leaves: int) -> Tree:
    """The places with the most artists, a few at each level."""
    below: dict[str | None, list[GenreNode]] = defaultdict(list)
    for node in nodes:
        below[node.parent_path_slug].append(node)
    paths = {node.path_slug for node in nodes}

    def grow(tree: Tree, node: GenreNode, most: int) -> None:
        branch = tree.add(f"{node.name} [dim]{node.artist_count:,}[/]")
        children = (child for child in below[node.path_slug] if child.artist_count >= least)
        for child in sorted(children, key=lambda child: -child.artist_count)[:most]:
            grow(branch, child, leaves)

    # Tags that hardly anyone plays are in the tree, but tell little about it.
    least = max(2, max((node.artist_count for node in nodes), default=0) // 200)
    root = Tree("genres, with the number of artists that carry each", guide_style="dim")
    for node in nodes:
        if node.parent_path_slug not in paths:
            grow(root, node, branches)
    return root


def _counts(title: str, counts: tuple[tuple[str, int], ...]) -> None:
    widest = max(count for _, count in counts)
    rows = (
        (name, f"{count:,}", "█" * max(1, round(count / widest * BAR))) for name, count in counts
    )
    out.print(table((title, "#", ""), rows))
    out.print()
