"""Tables and the plot of the timeline benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.serving import report
from bench.serving.measure import Timing
from bench.timeline.measure import BARE, BUSY, FAMOUS_POST, FLOOR, NEXT, PAGE, PLAIN, POST

REFERENCES = {call.name for call in (FLOOR, BARE, PLAIN)}


def targets(run: Sequence[Timing], followers: int, agreement: tuple[int, int, float]) -> str:
    """What must be reached, beside what was."""
    average = {t.name: t.average for t in run}
    rows, wrong, recall = agreement

    def ratio(call: str, reference: str) -> str:
        return f"{average[call] / average[reference]:.1f}"

    lines = [
        "| what | target | measured |",
        "|---|---:|---:|",
        f"| home timeline / lookup | ≤ 60 | {ratio(PAGE.name, FLOOR.name)} |",
        f"| the same / lookup, signed in before | | {ratio(PAGE.name, BARE.name)} |",
        f"| member with impressions and views / lookup | | {ratio(BUSY.name, FLOOR.name)} |",
        f"| second page / first | | {average[NEXT.name] / average[PAGE.name] - 1:.2f} |",
        f"| written by hand / home timeline | ≥ 20 | {ratio(PLAIN.name, PAGE.name)} |",
        f"| write a post with {followers:,} followers / with a random member's | ≤ 1.2 "
        f"| {average[FAMOUS_POST.name] / average[POST.name]:.2f} |",
        f"| rows with another score than by hand, diversity aside | 0 | {wrong} of {rows:,} |",
        f"| best 20 of the network by hand that are among our first 200 | | {recall:.1%} |",
    ]
    return "\n".join(lines)


def plot(timings: Sequence[Timing], file: Path) -> None:
    """Averages on a logarithmic axis, written as SVG."""
    report.plot(timings, file, references=REFERENCES)
