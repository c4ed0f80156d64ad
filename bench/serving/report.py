"""Tables and the plot of the serving benchmark."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from bench.serving.measure import CALLS, Timing

FLOOR, BARE, FEED, SILENT, PLAIN = (CALLS[n].name for n in (0, 1, 2, 3, -1))


def table(timings: Sequence[Timing]) -> str:
    """One row a call, in milliseconds and in primary-key lookups."""
    floor = timings[0].average
    lines = [
        "| call | average ms | p50 | p95 | p99 | lookups | calls |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {t.name} | {t.average:.3f} | {t.p50:.3f} | {t.p95:.3f} | {t.p99:.3f} "
        f"| {t.average / floor:.1f} | {t.calls:,} |"
        for t in timings
    ]
    return "\n".join(lines)


def targets(runs: Mapping[int, Sequence[Timing]], wrong: int, sample: int) -> str:
    """What must be reached, beside what was."""
    sizes = sorted(runs)
    by_size = {size: {t.name: t.average for t in runs[size]} for size in sizes}
    large = by_size[sizes[-1]]
    rows = [
        (
            "feed exact (members with another answer than the plain query)",
            "0",
            f"{wrong} of {sample}",
        ),
        ("feed / primary-key lookup", "≤ 60", f"{large[FEED] / large[FLOOR]:.1f}"),
        ("feed / primary-key lookup, signed in before", "", f"{large[FEED] / large[BARE]:.1f}"),
        ("plain version / feed", "≥ 80", f"{large[PLAIN] / large[FEED]:.0f}"),
        ("feed without any signal / normal feed", "≤ 3", f"{large[SILENT] / large[FEED]:.2f}"),
    ]
    if len(sizes) > 1:
        growth = large[FEED] / by_size[sizes[0]][FEED]
        rows.append((f"feed at {sizes[-1]:,} events / at {sizes[0]:,}", "≤ 1.4", f"{growth:.2f}"))
    lines = ["| what | target | measured |", "|---|---:|---:|"]
    return "\n".join(lines + [f"| {what} | {goal} | {got} |" for what, goal, got in rows])


def plot(
    timings: Sequence[Timing], file: Path, references: Collection[str] = (FLOOR, BARE, PLAIN)
) -> None:
    """Averages on a logarithmic axis, written as SVG; references in grey."""
    import matplotlib as mpl  # noqa: PLC0415  (slow to import, and needed here only)

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "medley"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(8, 0.45 * len(timings) + 1))
    names = [t.name for t in reversed(timings)]
    values = [t.average for t in reversed(timings)]
    colours = ["#9aa0a6" if name in references else "#6a4fbf" for name in names]
    bars = axes.barh(names, values, color=colours)
    axes.bar_label(bars, labels=[f"{value:.2f}" for value in values], padding=4, fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel("average milliseconds a call (logarithmic)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.15)
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
