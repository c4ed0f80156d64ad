"""The table on the terminal, the page, the plot and the JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from tests.accuracy.cases import SPLITS, Case
from tests.accuracy.evaluate import REFERENCE, Result
from tests.accuracy.metrics import Metrics

COLUMNS = (
    ("NDCG@10", "ndcg_10", 4),
    ("Recall@10", "recall_10", 4),
    ("Recall@20", "recall_20", 4),
    ("coverage", "coverage", 3),
    ("novelty", "novelty", 2),
)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A case and what came of it."""

    case: Case
    results: Sequence[Result]

    def ndcg(self, method: str) -> float | None:
        """Of a method, if it ran."""
        return next((r.metrics.ndcg_10 for r in self.results if r.method == method), None)


def summary(case: Case) -> str:
    """Sizes and split of a case in a line."""
    data = case.data
    return (
        f"{len(data.users):,} users, {len(data.items):,} items, {len(data.pairs):,} pairs; "
        f"{SPLITS[case.split_name][1]}"
    )


def table(evaluated: Evaluated) -> Table:
    """For the terminal; the best of each column is bold."""
    made = Table(title=evaluated.case.name, caption=summary(evaluated.case), title_style="bold")
    made.add_column("method")
    for heading, _, _ in COLUMNS:
        made.add_column(heading, justify="right")
    made.add_column("to EASE, 95 %", justify="right")
    made.add_column("s", justify="right")
    for cells in _rows(evaluated, bold="[bold]{}[/bold]"):
        made.add_row(*cells)
    return made


def markdown(evaluated: Evaluated) -> str:
    """The same for the page, with the settings that were chosen."""
    headings = [heading for heading, _, _ in COLUMNS]
    lines = [
        f"## {evaluated.case.name}",
        "",
        summary(evaluated.case) + ".",
        "",
        f"| method | {' | '.join(headings)} | to EASE, 95 % | s |",
        "|---|" + "---:|" * (len(headings) + 2),
    ]
    lines += [f"| {' | '.join(cells)} |" for cells in _rows(evaluated, bold="**{}**")]
    chosen = [
        f"{result.label}: {_settings(result.settings)} (of {result.tried})"
        for result in evaluated.results
        if result.tried > 1
    ]
    if chosen:
        lines += ["", f"Chosen on the validation part: {'; '.join(chosen)}."]
    notes = [f"{result.label}: {result.note}." for result in evaluated.results if result.note]
    return "\n".join(lines + [f"\n{note}" for note in notes])


def _rows(evaluated: Evaluated, bold: str) -> list[list[str]]:
    best = {
        name: max(getattr(result.metrics, name) for result in evaluated.results)
        for _, name, _ in COLUMNS
    }
    rows = []
    for result in evaluated.results:
        cells = [result.label]
        for _, name, digits in COLUMNS:
            value = getattr(result.metrics, name)
            text = f"{value:.{digits}f}"
            cells.append(bold.format(text) if value == best[name] else text)
        gap = result.difference
        cells.append(f"{gap.mean:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})" if gap else "")
        cells.append(f"{result.seconds:.1f}")
        rows.append(cells)
    return rows


def _settings(settings: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in settings.items()) or "as installed"


def targets(runs: Sequence[Evaluated]) -> str:
    """What must be reached, beside what was; empty unless both sides of a ratio ran."""
    rows = []
    for run in runs:
        least = 1.07 if run.case.name == "lastfm random" else None
        ease = run.ndcg(REFERENCE)
        for method, what, goal in (
            ("medley-pairs", "bare pairs", None),
            ("medley-behavior", "behaviour alone", 1.0),
            ("medley-all", "all signals", least),
        ):
            ours = run.ndcg(method)
            if ours is not None and ease:
                wanted = f"≥ {goal:.2f}" if goal else ""
                rows.append(f"| {run.case.name}: {what} / EASE | {wanted} | {ours / ease:.3f} |")
    return "\n".join(["| NDCG@10 | target | measured |", "|---|---:|---:|", *rows]) if rows else ""


def as_json(runs: Sequence[Evaluated], *, seed: int, min_users_per_item: int) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "protocol": {
            "seed": seed,
            "min_users_per_item": min_users_per_item,
            "ranking": "all items not met in training",
            "metrics": list(Metrics.__dataclass_fields__),
        },
        "cases": [
            {
                "name": run.case.name,
                "users": len(run.case.data.users),
                "items": len(run.case.data.items),
                "pairs": len(run.case.data.pairs),
                "test_pairs": len(run.case.split.test),
                "results": [asdict(result) for result in run.results],
            }
            for run in runs
        ],
    }


def write(
    runs: Sequence[Evaluated], root: Path, *, seed: int, min_users_per_item: int
) -> list[Path]:
    """Writes docs/accuracy.md, its plot, and the JSON beside this module; returns the files."""
    page, image = root / "docs/accuracy.md", root / "docs/images/accuracy.svg"
    results = Path(__file__).parent / "results/accuracy.json"
    results.parent.mkdir(exist_ok=True)
    value = as_json(runs, seed=seed, min_users_per_item=min_users_per_item)
    results.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    plot(runs, image)
    published = (
        "- **Published** on Last.fm-2k, 8:1:1 at random: LightGCN .197, MHCN .207. Others' splits\n"
        "  and filters differ in detail; EASE in the same run shows by how much.\n"
        if any(run.case.split_name == "8:1:1" for run in runs)
        else ""
    )
    page.write_text(
        (Path(__file__).parent / "page.md")
        .read_text()
        .format(
            targets=targets(runs),
            tables="\n\n".join(markdown(run) for run in runs),
            seed=seed,
            min_users=min_users_per_item,
            notes=published,
        )
    )
    return [page, image, results]


def plot(runs: Sequence[Evaluated], file: Path) -> None:
    """NDCG@10 of each method, a panel a case, written as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "medley"
    from matplotlib import pyplot as plt

    tallest = max(len(run.results) for run in runs)
    across = min(2, len(runs))
    down = -(-len(runs) // across)
    figure, panels = plt.subplots(
        down, across, figsize=(5.2 * across, (0.32 * tallest + 0.9) * down), squeeze=False
    )
    for axes in panels.flat[len(runs) :]:
        axes.axis("off")
    for axes, run in zip(panels.flat, runs, strict=False):
        ordered = sorted(run.results, key=lambda result: result.metrics.ndcg_10)
        values = [result.metrics.ndcg_10 for result in ordered]
        colours = ["#6a4fbf" if r.method.startswith("medley") else "#9aa0a6" for r in ordered]
        bars = axes.barh([result.label for result in ordered], values, color=colours)
        axes.bar_label(bars, labels=[f"{value:.3f}" for value in values], padding=4, fontsize=8)
        axes.set_title(run.case.name, fontsize=10, loc="left")
        axes.set_xlabel("NDCG@10", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.15)
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
