"""The commands around recommendations: what a member is shown and why, and what they did."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from medley.loaders import BadData
from medley.loaders._rows import Problems

from ._bars import points
from ._ids import Item, User, member_id
from ._output import BAD_INPUT, Ids, Json, err, out, print_json, show_rows, steps, table
from ._settings import api

Kind = Annotated[str | None, typer.Option(help="Only items of this kind.")]
Limit = Annotated[int, typer.Option(min=1, help="How many items.")]
#: Events of one call, as the client sends them.
BATCH = 1000


def recommend(
    user: User,
    *,
    kind: Kind = None,
    limit: Limit = 20,
    country: Annotated[str | None, typer.Option(help="Where it must be available: DE.")] = None,
    ids: Ids = False,
    as_json: Json = False,
) -> None:
    """Show what a member is recommended, with scores and reasons (secret key)."""
    items = list(
        islice(
            api(secret=True).iter_recommendations(
                kind=kind,
                context={"country": country} if country else None,
                page_size=min(limit, 100),
                user_id=user,
            ),
            limit,
        )
    )
    if as_json:
        print_json(items)
        return
    rows = (
        (
            f"{item.score:.3f}",
            item.kind,
            item.title,
            item.reason,
            item.item_id if ids else points(item.breakdown, 3),
        )
        for item in items
    )
    show_rows(
        ("#score", "kind", "item", "why", "id" if ids else "points"),
        rows,
        nothing="There are no such items, or the member rejects them all. "
        "`medley load` and `medley demo` bring some.",
    )


def explain(item: Item, user: User, as_json: Json = False) -> None:
    """Tell why a member is recommended an item, or why not (secret key)."""
    found = api(secret=True).explain_recommendation(item, user_id=user)
    if as_json:
        print_json(found)
        return
    out.print(f"[bold]{found.title}[/] ({found.kind}, {found.item_id})", highlight=False)
    if found.score is None or found.breakdown is None:
        out.print("Nothing that this member did leads to it.")
    else:
        out.print(f"{found.score:.3f} points, {found.algorithm}: {found.reason}")
        out.print(table(("term", "#points"), _terms(found.breakdown)))
    if found.causes:
        causes = ((cause["title"], f"{cause['points']:+.3f}") for cause in found.causes)
        out.print(table(("because of", "#points"), causes))
    if found.hidden_by:
        out.print(f"Not shown: {', '.join(found.hidden_by).replace('_', ' ')}.", style="yellow")


def _terms(breakdown: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    for term, value in sorted(breakdown.items(), key=lambda entry: -abs(entry[1])):
        yield term, f"{value:+.3f}"


def similar(
    item: Item,
    *,
    kind: Kind = None,
    method: Annotated[
        str | None,
        typer.Option(help="blend (default), behavior, cosine, content, genre or embedding."),
    ] = None,
    limit: Limit = 20,
    ids: Ids = False,
    as_json: Json = False,
) -> None:
    """List the items like an item."""
    items = list(
        islice(
            api().iter_similar_items(item, kind=kind, method=method, page_size=min(limit, 100)),
            limit,
        )
    )
    if as_json:
        print_json(items)
        return
    rows = (
        (f"{i.score:.3f}", i.kind, i.title, i.reason, i.item_id if ids else i.method) for i in items
    )
    show_rows(
        ("#score", "kind", "item", "why", "id" if ids else "method"),
        rows,
        nothing="Nothing is known to be like it. `medley refresh` finds neighbours anew.",
    )


def find(
    name: Annotated[str, typer.Argument(help="A part of the name, or words of it.")],
    *,
    kind: Kind = None,
    limit: Limit = 20,
    user: Annotated[
        str | None,
        typer.Option(help="Also what belongs to this member (secret key).", callback=member_id),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find items by name, with their ids."""
    items = api(secret=user is not None).find_items(name, kind=kind, limit=limit, user_id=user)
    if as_json:
        print_json(items)
        return
    rows = ((f"{item.score:.2f}", item.kind, item.title, item.item_id) for item in items)
    show_rows(
        ("#score", "kind", "item", "id"),
        rows,
        nothing=f"Nothing in the catalogue is called {name}.",
    )


def trending(
    *,
    kind: Kind = None,
    window: Annotated[str | None, typer.Option(help="hour, day (default), week or month.")] = None,
    genre: Annotated[str | None, typer.Option(help="Below this genre, by slug.")] = None,
    platform: Annotated[str | None, typer.Option(help="On this platform.")] = None,
    friends_of: Annotated[
        str | None,
        typer.Option(help="Among the friends of this member (secret key).", callback=member_id),
    ] = None,
    taste_of: Annotated[
        str | None,
        typer.Option(help="Among members of this member's taste (secret key).", callback=member_id),
    ] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List what trends: everywhere, below a genre, on a platform, among friends or by taste."""
    segments = {
        "genre": genre,
        "platform": platform,
        "friend_network": friends_of,
        "cluster": taste_of,
    }
    given = [name for name, value in segments.items() if value is not None]
    if len(given) > 1:
        raise typer.BadParameter(
            "--genre, --platform, --friends-of and --taste-of exclude each other"
        )
    member = friends_of or taste_of
    items = list(
        islice(
            api(secret=member is not None).iter_trending(
                kind=kind,
                window=window,
                trend_type=given[0] if given else None,
                segment=genre or platform,
                page_size=min(limit, 100),
                user_id=member,
            ),
            limit,
        )
    )
    if as_json:
        print_json(items)
        return
    rows = ((f"{item.score:.3f}", item.kind, item.title, item.item_id) for item in items)
    show_rows(
        ("#score", "kind", "item", "id"),
        rows,
        nothing="Nothing trends there. What members did lately counts (`medley log`), "
        "once `medley refresh refresh_trending` has run.",
    )


def log(
    file: Annotated[
        Path,
        typer.Argument(
            help="One JSON object a line with user_id, item_id, kind and what else is known; "
            "- reads from the standard input."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Log engagement from a file of JSON lines (secret key). With occurred_at, safe to repeat."""
    lines, events = _read_events(file)
    client = api(secret=True)
    starts = range(0, len(events), BATCH)
    status: Counter[str] = Counter(accepted=0, duplicate=0, refused=0)
    refused: list[dict[str, Any]] = []
    with steps(len(starts), quiet=as_json) as progress:
        for start in starts:
            progress(f"{min(start + BATCH, len(events)):,} of {len(events):,} events")
            for result in client.log_engagement(events[start : start + BATCH]):
                status[result.status] += 1
                if result.status == "refused":
                    line = lines[start + result.event_index - 1]
                    refused.append({"line": line, "code": result.code, "message": result.message})
    if as_json:
        print_json({**status, "refusals": refused})
    else:
        for refusal in refused[:20]:
            message = f"{file.name}:{refusal['line']}: {refusal['message']}"
            err.print(message, style="yellow", markup=False, highlight=False)
        if len(refused) > 20:
            err.print(f"... and {len(refused) - 20:,} more refusals", style="yellow")
        out.print(table(("result", "#events"), ((s, f"{n:,}") for s, n in status.items())))
    if refused:
        raise typer.Exit(BAD_INPUT)


def _read_events(file: Path) -> tuple[list[int], list[Mapping[str, Any]]]:
    """The events of a file with their lines; nothing is sent unless every line is an object."""
    lines: list[int] = []
    events: list[Mapping[str, Any]] = []
    problems = Problems(skip_bad=False)
    with nullcontext(sys.stdin) if str(file) == "-" else file.open(encoding="utf-8") as source:
        for number, line in enumerate(source, start=1):
            if not line.strip():
                continue
            try:
                event = json.loads(line)
            except ValueError as error:
                problems.add(file, number, f"no JSON: {error}")
                continue
            if not isinstance(event, dict):
                problems.add(file, number, "no JSON object")
                continue
            lines.append(number)
            events.append(event)
    if problems.rows:
        raise BadData(problems.rows, problems.total, skippable=False)
    return lines, events
