"""`python -m tests.accuracy`: how good the recommendations are, beside tuned peers.

Reads a data set, holds a part of each user's items out, lets every method choose its settings on a
validation part, and prints how well each finds what was held out. Medley runs in a scratch
database; the developer's data is not touched. With `--write` the figures also go to
docs/accuracy.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medley.loaders import BadData
from rich.console import Console

from tests.accuracy import cases, report
from tests.accuracy.cases import KINDS, SPLITS, Case, Source
from tests.accuracy.evaluate import Bench, peers_named, run_peer
from tests.accuracy.metrics import Ranking
from tests.accuracy.ours import VARIANTS, Knobs, run_medley
from tests.accuracy.peers import PEERS
from tests.accuracy.report import Evaluated

ROOT = Path(__file__).resolve().parents[2]
METHODS = (*(peer.name for peer in PEERS), *VARIANTS)
BAD_INPUT = 5


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        prog="accuracy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "sets", nargs="*", help="data sets, as in `lastfm`; all that are there by default"
    )
    parser.add_argument("--splits", nargs="+", choices=SPLITS, help="instead of each set's own")
    parser.add_argument("--interactions", type=Path, metavar="FILE", help="a data set of yours")
    parser.add_argument("--format", choices=KINDS, default="csv", help="of that file")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--min-users-per-item", type=int, default=3, metavar="N")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--only", nargs="+", choices=METHODS, default=[], help="methods to run")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a row of medley.settings, for Medley's rows",
    )
    parser.add_argument(
        "--weight",
        action="append",
        default=[],
        metavar="RANKER.TERM=VALUE",
        help="a row of medley.ranker_weights, likewise",
    )
    parser.add_argument(
        "--tune",
        action="append",
        default=[],
        metavar="NAME=V1,V2,…",
        help="values to try on the validation part, for a setting or a weight; "
        "instead of those that are tried by default",
    )
    parser.add_argument("--no-tune", action="store_true", help="Medley as --set and --weight say")
    parser.add_argument("--json", type=Path, metavar="FILE", help="`-` for standard output")
    parser.add_argument("--write", action="store_true", help="update docs/accuracy.md")
    options = parser.parse_args(arguments)
    try:
        options.knobs = Knobs.parse(options.set, options.weight, options.tune, options.no_tune)
    except ValueError as error:
        parser.error(str(error))
    if options.min_users_per_item < 1:
        parser.error("--min-users-per-item is at least 1")
    if options.interactions and options.sets:
        parser.error("name data sets, or give --interactions")
    if options.interactions:
        file = options.interactions
        known = {file.stem: Source(file.stem, KINDS[options.format], (), file, options.format)}
        options.sources = list(known.values())
    else:
        known = cases.sources(options.data)
        missing = [name for name in options.sets if name not in known]
        if missing:
            parser.error(f"no data set {', '.join(missing)} in {options.data}")
        options.sources = [known[name] for name in options.sets or known]
    return options


def made(options: argparse.Namespace) -> list[Case]:
    """The cases that were asked for; splits that a data set has no times for are left out."""
    found = []
    for source in options.sources:
        for split in options.splits or source.splits or ("random", "time"):
            case = cases.make(
                source, split, min_users_per_item=options.min_users_per_item, seed=options.seed
            )
            if case is not None:
                found.append(case)
    return found


def evaluate(case: Case, options: argparse.Namespace, console: Console) -> Evaluated:
    """Every method that was asked for, on one case."""
    bench = Bench(case, seed=options.seed)
    results, rankings = [], dict[str, Ranking]()
    with console.status("") as status:

        def progress(step: str) -> None:
            status.update(f"{case.name}: {step}")

        for peer in peers_named(options.only):
            result, rankings[peer.name] = run_peer(bench, peer, progress)
            results.append(result)
        knobs = options.knobs
        for all_signals in (False, True):
            asked = [
                variant
                for variant in VARIANTS.values()
                if variant.all_signals is all_signals
                and (not options.only or variant.name in options.only)
            ]
            for result, ranking in run_medley(bench, asked, knobs, progress):
                rankings[result.method] = ranking
                results.append(result)
                if not all_signals:
                    knobs = replace(knobs, fixed=result.settings)
    differences = bench.compare(rankings)
    return Evaluated(
        case,
        [replace(result, difference=differences.get(result.method)) for result in results],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluates, prints and writes."""
    options = parse(arguments)
    console = Console(stderr=str(options.json) == "-")
    if not console.is_terminal:
        console = Console(width=160, stderr=str(options.json) == "-")
    try:
        asked = made(options)
    except (BadData, OSError) as error:
        print(f"accuracy: {error}", file=sys.stderr)
        return BAD_INPUT
    if not any(case.split.test for case in asked):
        print("accuracy: too little data: nothing could be held out", file=sys.stderr)
        return BAD_INPUT
    protocol = {"seed": options.seed, "min_users_per_item": options.min_users_per_item}
    runs = []
    for case in asked:
        runs.append(evaluate(case, options, console))
        console.print(report.table(runs[-1]), "")
        if options.write:
            # After each: a run that is stopped keeps what it has.
            written = report.write(runs, ROOT, **protocol)
    if any(run.case.source.name == "planted" for run in runs):
        console.print(f"No data set in {options.data}: this is a planted one, to show the table.")
    if options.json:
        text = json.dumps(report.as_json(runs, **protocol), indent=2, ensure_ascii=False)
        if str(options.json) == "-":
            print(text)
        else:
            options.json.write_text(text + "\n")
    if options.write:
        for file in written:
            console.print(f"wrote {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
