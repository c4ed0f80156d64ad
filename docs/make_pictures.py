"""Draws the README's pictures from the database that `make demo` has filled.

    python docs/make_pictures.py [FOLDER]

Needs DATABASE_URL, SUPABASE_URL and SUPABASE_SECRET_KEY, as `make up` writes them to .medley/env.
Writes recommendations.svg, feed.svg and genre_tree.svg, and the same as png, to FOLDER
(docs/images by default).
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

import matplotlib as mpl
import psycopg
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from medley import FeedEvent, GenreNode, Medley, Recommendation
from medley.demo import EMAIL

# Colours that stay apart for colour-blind readers (Okabe and Ito 2008), greys for what is small.
RECOMMENDATION_TERMS = {
    "behavior": ("who liked this liked that", "#0072B2"),
    "content": ("alike in content", "#56B4E9"),
    "social": ("friends like it", "#CC79A7"),
    "followed": ("of somebody followed", "#D55E00"),
    "popularity": ("popular", "#009E73"),
    "trend": ("on the rise", "#E69F00"),
    "recency": ("new", "#666666"),
    "exploration": ("hardly known", "#BBBBBB"),
    "availability": ("on a platform of theirs", "#F0E442"),
}
FEED_TERMS = {
    "artist_follow": ("artist followed", "#D55E00"),
    "friend_interest": ("friends go", "#CC79A7"),
    "genre_preference": ("genre named", "#E69F00"),
    "umbrella_genre": ("same umbrella", "#009E73"),
    "cluster": ("like earlier RSVPs", "#56B4E9"),
    "distance": ("near home", "#0072B2"),
    "recency": ("soon", "#666666"),
    "promoted": ("promoted", "#F0E442"),
    "tickets": ("tickets left", "#BBBBBB"),
}
UMBRELLAS = {"rock": "#D55E00", "electronic": "#0072B2", "jazz": "#009E73"}
INK, FAINT = "#222222", "#777777"

mpl.rcParams.update(
    {
        "font.family": "DejaVu Sans",
        "text.color": INK,
        "svg.fonttype": "none",
        "svg.hashsalt": "medley",
        "figure.facecolor": "white",
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a list: what it is, what is said about it, and its points by term."""

    title: str
    note: str
    score: float
    breakdown: Mapping[str, float]


def draw_scores(heading: str, rows: list[Row], terms: Mapping[str, tuple[str, str]]) -> Figure:
    """Each row's score as a stacked bar of its terms."""
    figure, axes = plt.subplots(figsize=(10, 0.62 * len(rows) + 1.5))
    widest = max(row.score for row in rows)
    decimals = 0 if widest > 20 else 2
    used: set[str] = set()
    for place, row in enumerate(rows):
        left = 0.0
        for term, (_, color) in terms.items():
            points = row.breakdown.get(term, 0.0)
            if points <= widest / 500:
                continue
            used.add(term)
            axes.barh(place, points, left=left, height=0.62, color=color, edgecolor="white")
            if points >= widest / 14:
                ink = INK if color in ("#F0E442", "#BBBBBB", "#E69F00") else "white"
                axes.text(
                    left + points / 2,
                    place,
                    f"{points:.{decimals}f}",
                    ha="center",
                    va="center",
                    color=ink,
                    size=8,
                )
            left += points
        axes.text(
            left + widest / 100,
            place,
            f"{row.score:.{max(decimals, 1)}f}",
            va="center",
            size=9,
            weight="bold",
        )
        axes.text(
            -widest / 60, place - 0.14, _short(row.title, 44), ha="right", va="center", size=9
        )
        axes.text(
            -widest / 60,
            place + 0.2,
            _short(row.note, 60),
            ha="right",
            va="center",
            size=7.5,
            color=FAINT,
        )
    for term, (label, color) in terms.items():
        if term in used:
            axes.barh(0, 0, color=color, label=label)
    axes.set_ylim(len(rows) - 0.5, -0.6)
    axes.set_xlim(0, widest * 1.08)
    axes.axis("off")
    figure.subplots_adjust(
        left=0.34, right=0.98, top=1 - 0.62 / figure.get_figheight(), bottom=0.02
    )
    figure.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 1 - 0.4 / figure.get_figheight()),
        ncols=len(used),
        frameon=False,
        fontsize=8,
        handlelength=0.9,
        handleheight=0.9,
        columnspacing=1.1,
        handletextpad=0.4,
    )
    figure.text(
        0.5,
        1 - 0.18 / figure.get_figheight(),
        heading,
        ha="center",
        va="center",
        size=12,
        weight="bold",
    )
    return figure


def event_row(event: FeedEvent) -> Row:
    """An event, with when and where it is."""
    when = f"{event.starts_at:%a} {event.starts_at.day} {event.starts_at:%b}"
    where = ", ".join(filter(None, (event.city, event.country)))
    return Row(
        event.title.removesuffix(" (simulated)"), f"{when}, {where}", event.score, event.breakdown
    )


def item_row(item: Recommendation) -> Row:
    """A recommendation, with its reason."""
    return Row(item.title, item.reason, item.score, item.breakdown)


@dataclass
class Branch:
    """A genre at its place in the picture."""

    node: GenreNode
    color: str
    children: list[Branch] = field(default_factory=list)
    row: float = 0.0


def pick(nodes: tuple[GenreNode, ...], color: str, *, wide: int) -> Branch:
    """The umbrella with its largest genres, and the largest below these."""
    below: dict[str | None, list[GenreNode]] = defaultdict(list)
    for node in nodes:
        below[node.parent_path_slug].append(node)

    # Tags that hardly anyone plays are in the tree, but tell little about it.
    least = max(2, max(node.artist_count for node in nodes) // 100)

    def grow(node: GenreNode, most: int) -> Branch:
        children = sorted(below[node.path_slug], key=lambda child: -child.artist_count)
        shown = [child for child in children if child.artist_count >= least][:most]
        return Branch(node, color, [grow(child, 3 if most == wide else 0) for child in shown])

    (root,) = (node for node in nodes if node.depth == 0)
    return grow(root, wide)


def place(branch: Branch, row: float) -> float:
    """Gives the leaves a row each and puts parents in the middle; returns the next free row."""
    if not branch.children:
        branch.row = row
        return row + 1
    for child in branch.children:
        row = place(child, row)
    branch.row = (branch.children[0].row + branch.children[-1].row) / 2
    return row + (0.35 if branch.node.depth == 1 else 0)


def draw_branch(axes: Axes, branch: Branch) -> None:
    """The genre, its name, and the curves to what is below it."""
    x = branch.node.depth
    for child in branch.children:
        start, end = (x, branch.row), (x + 1, child.row)
        curve = Path(
            [start, (x + 0.55, branch.row), (x + 0.45, child.row), end],
            [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4],
        )
        axes.add_patch(
            PathPatch(curve, facecolor="none", edgecolor=branch.color, alpha=0.35, linewidth=1.4)
        )
        draw_branch(axes, child)
    count = branch.node.artist_count
    area = 16 + 1.6 * count**0.75
    axes.scatter(x, branch.row, s=area, color=branch.color, zorder=5)
    size = (12, 9.5, 8.5)[x]
    white = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    axes.annotate(
        f"{branch.node.name} {count:,}" if x else f"{branch.node.name}\n{count:,} artists",
        (x, branch.row),
        xytext=(area**0.5 / 2 + 4, 0) if x else (-(area**0.5) / 2 - 5, 0),
        textcoords="offset points",
        ha="left" if x else "right",
        va="center",
        size=size,
        weight="normal" if x else "bold",
        zorder=4,
        bbox=white,
    )


def draw_tree(branches: list[Branch]) -> Figure:
    """A few umbrellas side by side, largest genres first."""
    row = 0.0
    for branch in branches:
        row = place(branch, row) + 0.8
    figure, axes = plt.subplots(figsize=(10, 0.25 * row + 0.8))
    for branch in branches:
        draw_branch(axes, branch)
    axes.set_xlim(-0.42, 2.5)
    axes.set_ylim(row - 0.5, -1)
    axes.axis("off")
    top = 0.55 / figure.get_figheight()
    figure.subplots_adjust(left=0.01, right=0.99, top=1 - top, bottom=0.01)
    figure.text(
        0.5,
        1 - top / 2,
        "A piece of the genre tree, with the number of artists of each genre",
        ha="center",
        va="center",
        size=12,
        weight="bold",
    )
    return figure


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _save(figure: Figure, folder: FilePath, name: str) -> None:
    # Without a date in it the same data gives the same file.
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    figure.savefig(folder / f"{name}.png", dpi=160)
    plt.close(figure)


def main(arguments: list[str]) -> int:
    """Draws the pictures."""
    missing = [
        name
        for name in ("DATABASE_URL", "SUPABASE_URL", "SUPABASE_SECRET_KEY")
        if not os.environ.get(name)
    ]
    if missing:
        sys.stderr.write(f"{missing[0]} is not set: run `make demo`, then load .medley/env\n")
        return 3
    folder = FilePath(arguments[0]) if arguments else FilePath(__file__).parent / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        member = connection.execute(
            "select u.id::text from auth.users as u where u.email = %s", (EMAIL,)
        ).fetchone()
    if member is None:
        sys.stderr.write("the demonstration's member is not there: run `make demo` first\n")
        return 1
    medley = Medley(os.environ["SUPABASE_URL"], os.environ["SUPABASE_SECRET_KEY"])
    items = medley.recommendations(kind="artist", limit=8, user_id=member[0])
    heading = "Recommendations: every score is the sum of its terms, and says why"
    _save(
        draw_scores(heading, [item_row(item) for item in items], RECOMMENDATION_TERMS),
        folder,
        "recommendations",
    )
    events = medley.personalized_feed(limit=8, user_id=member[0])
    heading = "A member's feed: every score is the sum of its terms"
    _save(draw_scores(heading, [event_row(event) for event in events], FEED_TERMS), folder, "feed")
    branches = [
        pick(medley.genre_tree(root_slug=slug, max_depth=2), color, wide=5)
        for slug, color in UMBRELLAS.items()
    ]
    _save(draw_tree(branches), folder, "genre_tree")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
