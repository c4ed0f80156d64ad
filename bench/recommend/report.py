"""Tables and the plot of the recommendations benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.recommend.measure import (
    BARE,
    COLD,
    FLOOR,
    HEAVY_COLD,
    HEAVY_PLAIN,
    HEAVY_WARM,
    PLAIN,
    WARM,
    WRITE,
)
from bench.recommend.neighbors import COUNTING, Cost, Neighbors
from bench.recommend.world import World
from bench.serving import report
from bench.serving.measure import Timing

REFERENCES = {call.name for call in (FLOOR, BARE, PLAIN, HEAVY_PLAIN)}


def targets(
    worlds: Sequence[World], runs: Sequence[Sequence[Timing]], found: Neighbors, recall: float
) -> str:
    """What must be reached, beside what was."""
    small, large = ({t.name: t.average for t in run} for run in (runs[0], runs[-1]))
    growth = f"at {worlds[-1].affinities:,} affinities / at {worlds[0].affinities:,}"
    full = found.rebuild
    rows = [
        (
            "recommend, random member, page computed ahead / lookup",
            "≤ 8",
            f"{large[WARM.name] / large[FLOOR.name]:.1f}",
        ),
        (
            "the same, 100 items or more",
            "≤ 40",
            f"{large[HEAVY_WARM.name] / large[FLOOR.name]:.1f}",
        ),
        (
            "recommend, random member who has just written / lookup",
            "≤ 8",
            f"{large[COLD.name] / large[FLOOR.name]:.1f}",
        ),
        (
            "the same, 100 items or more",
            "≤ 40",
            f"{large[HEAVY_COLD.name] / large[FLOOR.name]:.1f}",
        ),
        (
            "write, then recommend / recommend",
            "≤ 3",
            f"{large[WRITE.name] / large[COLD.name]:.2f}",
        ),
        (f"recommend {growth}", "≤ 1.25", f"{large[COLD.name] / small[COLD.name]:.2f}"),
        (
            "the same, 100 items or more",
            "",
            f"{large[HEAVY_COLD.name] / small[HEAVY_COLD.name]:.2f}",
        ),
        ("written by hand / recommend", "", f"{large[PLAIN.name] / large[COLD.name]:.0f}"),
        ("best 20 of the one by hand that ours has before diversity", "", f"{recall:.1%}"),
    ]
    if found.peers:
        peer = found.peers[0].seconds
        counting = next(part for part in found.parts if part.name == COUNTING)
        rows += [
            ("counting co-occurrences / scipy's", "≤ 10", f"{counting.seconds / peer:.1f}"),
            ("the whole rebuild, regressions and all / that", "", f"{full.seconds / peer:.0f}"),
        ]
    rows += [
        (
            f"refresh after {found.new_events:,} new events / rebuild",
            "≤ 5 %",
            f"{found.refresh.seconds / full.seconds:.1%}",
        ),
        (
            "memory of rebuild and refresh",
            "< 2 GB",
            f"{max(full.megabytes, found.refresh.megabytes):.0f} MB",
        ),
    ]
    lines = ["| what | target | measured |", "|---|---:|---:|"]
    return "\n".join(lines + [f"| {what} | {goal} | {got} |" for what, goal, got in rows])


def neighbors(found: Neighbors) -> str:
    """What the neighbours by behaviour cost, and what peers take."""
    said = [
        "Ours run in one session and its parallel workers; memory is their private memory at its "
        "peak. Peers hold everything in memory; reading the pairs is not in their time, "
        "and the peak of their process includes it."
    ]
    if found.items_done < found.items:
        said.append(
            f"Extrapolated: {found.items_done:,} of {found.items:,} items, spread evenly, were "
            "computed and their time multiplied. For the reads the others were given the "
            "neighbours of those, shifted from cluster to cluster."
        )
    if found.skipped:
        said.append(f"Peers are left out: {found.skipped}.")
    said.append(f"The refresh computed {found.refreshed:,} items again.")
    lines = ["| work | s | s of CPU | peak MB | |", "|---|---:|---:|---:|---|"]
    lines += [_row(cost) for cost in (*found.parts, found.rebuild, found.refresh, *found.peers)]
    return f"{' '.join(said)}\n\n" + "\n".join(lines)


def _row(cost: Cost) -> str:
    return (
        f"| {cost.name} | {cost.seconds:.1f} | {cost.cpu_seconds:.1f} | {cost.megabytes:.0f} "
        f"| {cost.note} |"
    )


def plot(timings: Sequence[Timing], file: Path) -> None:
    """Averages on a logarithmic axis, written as SVG."""
    report.plot(timings, file, references=REFERENCES)
