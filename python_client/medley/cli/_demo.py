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

from medley import FeedEvent, GenreNode
from medley.demo import DemoFailed, Played, World, build_world, find_data, play
from medley.demo._play import SHOWN
from medley.demo._play import STEPS as PLAY_STEPS
from medley.demo._world import STEPS as WORLD_STEPS

from ._output import FAILED, complain, out, print_json, steps, table
from ._settings import database, setting

#: The terms of a score with their colours, in the order in which a bar stacks them.
TERMS = {
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
BAR = 40


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
    """Load data, build the taxonomy, and show what a member sees before and after they act."""
    url, key = setting("SUPABASE_URL"), setting("SUPABASE_PUBLISHABLE_KEY")
    secret_key = setting("SUPABASE_SECRET_KEY")
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1") and not yes:
        raise typer.BadParameter(
            f"this would write a catalogue and thousands of members into {url}; pass --yes to do it"
        )
    folder = None if own else find_data(data)
    try:
        with database() as connection, steps(WORLD_STEPS + PLAY_STEPS, quiet=as_json) as progress:
            world = build_world(connection, folder, progress)
            failed = [job for job in world.jobs if job["status"] != "succeeded"]
            if failed:
                raise DemoFailed(
                    f"job {failed[0]['name']} {failed[0]['status']}: {failed[0]['error']}"
                )
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
    out.print(f"From {world.origin}. Tour dates and RSVPs are simulated.")
    out.print(", ".join(f"[bold]{count:,}[/] {name}" for name, count in world.rows.items()))
    if world.skipped:
        out.print(f"{world.skipped:,} bad rows of the files were left out.", style="dim")
    rows = ((j["name"], f"{j['rows']:,}", f"{j['seconds']:.1f}") for j in world.jobs)
    out.print(table(("job", "#rows", "#seconds"), rows))

    _section("A piece of the genre tree")
    out.print("Umbrellas and main genres are curated, the rest follows from who plays what.")
    out.print(_piece(played.tree, branches=7, leaves=4))

    _section("Similar genres")
    for slug, similar in played.similar.items():
        names = ", ".join(f"{genre.name} [dim]{genre.weight:.2f}[/]" for genre in similar)
        out.print(f"[bold]{slug}[/]: {names}")

    member = played.member
    _section("A member's feed")
    out.print(
        f"The member lives in [bold]{member['city']}[/], likes {' and '.join(member['likes'])}, "
        f"follows {', '.join(member['follows'])} and has {member['friends']} friends."
    )
    _legend(played.before + played.after)
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
    ranks = {event.event_id: rank for rank, event in enumerate(played.before, start=1)}
    scores = {event.event_id: event.score for event in played.before}
    for rank, event in enumerate(played.after[:SHOWN], start=1):
        _row(event, widest, _moved(event, rank, ranks, scores))
    out.print(f"{played.after_ms:.0f} ms for this page, over HTTP", style="dim")

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

    _section("Go on from here")
    out.print(f"URL              {url}", highlight=False)
    out.print(f"publishable key  {key}", highlight=False)
    out.print("secret key       SUPABASE_SECRET_KEY, written to .medley/env by `make up`")
    out.print()
    snippet = f"""\
from supabase import create_client
from medley import Medley

client = create_client("{url}", "{key}")
client.auth.sign_in_with_password(
    {{"email": "{member["email"]}", "password": "{member["password"]}"}}
)
for event in Medley(client).personalized_feed(limit=5):
    print(f"{{event.score:5.1f}}  {{event.title}}: {{', '.join(event.reasons)}}")
"""
    out.print(Syntax(snippet, "python", background_color="default", word_wrap=False))


def _section(title: str) -> None:
    out.print()
    out.print(Rule(f"[bold]{title}", align="left"))


def _legend(events: tuple[FeedEvent, ...]) -> None:
    used = {term for event in events for term in event.breakdown}
    legend = Text()
    for term, color in TERMS.items():
        if term in used:
            legend.append("█ ", style=color).append(f"{term}  ")
    out.print(legend)


def _row(event: FeedEvent, widest: float, moved: str) -> None:
    """An event with its score as a stacked bar; below it why, and from where it moved."""
    where = ", ".join(filter(None, (event.city, event.country)))
    head = Text(f"{event.score:6.1f}  ", style="bold")
    head.append_text(_bar(event, widest))
    head.append(f"  {event.title}", style="bold")
    out.print(head, no_wrap=True, overflow="ellipsis")
    points = ", ".join(
        f"{term} {event.breakdown[term]:.1f}" for term in _by_points(event) if event.breakdown[term]
    )
    line = Text(f"        {event.starts_at:%a %d %b} {where}: {points}", style="dim")
    if moved:
        line = Text(f"        {moved}", style="green").append_text(Text("  ")).append_text(line[8:])
    out.print(line, no_wrap=True, overflow="ellipsis")


def _by_points(event: FeedEvent) -> list[str]:
    return sorted(event.breakdown, key=lambda term: -event.breakdown[term])


def _bar(event: FeedEvent, widest: float) -> Text:
    """The terms as coloured lengths; ends are rounded together, so that lengths add up."""
    bar, total, drawn = Text(), 0.0, 0
    known = [term for term in TERMS if term in event.breakdown]
    for term in known + [term for term in event.breakdown if term not in TERMS]:
        total += event.breakdown[term]
        end = round(max(total, 0) / widest * BAR) if widest > 0 else 0
        bar.append("█" * (end - drawn), style=TERMS.get(term, "default"))
        drawn = max(drawn, end)
    return bar.append(" " * (BAR - drawn))


def _moved(event: FeedEvent, rank: int, ranks: dict[str, int], scores: dict[str, float]) -> str:
    before = ranks.get(event.event_id)
    if before is None:
        return f"new, was below {len(ranks)}"
    gain = event.score - scores[event.event_id]
    points = f"{gain:+.1f} points" if abs(gain) >= 0.05 else ""
    place = f"up from {before}" if before > rank else f"down from {before}" if before < rank else ""
    return ", ".join(filter(None, (place, points)))


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
