"""`python -m bench`: builds what it needs in scratch clusters, measures, prints tables.

With `--write` the figures also go to bench/results/ and docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path

from medley_stack.cluster import SUPERUSER, Cluster, scratch
from medley_stack.source import apply_sql_source

from bench import experiments, imports, ingest, streams, studio, taxonomy, taxonomy_scale, voting
from bench.recommend import measure as recommend_measure
from bench.recommend import neighbors
from bench.recommend import report as recommend_report
from bench.recommend import world as recommend_world
from bench.serving import measure, report, world
from bench.timeline import measure as timeline_measure
from bench.timeline import report as timeline_report
from bench.timeline import world as timeline_world

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results"
DOCUMENT = ROOT / "docs/benchmarks.md"
SUITES = (
    "serving",
    "recommend",
    "timeline",
    "taxonomy",
    "taxonomy-scale",
    "ingest",
    "imports",
    "streams",
    "voting",
    "experiments",
    "studio",
)

# Suites whose own table goes into the document, under a title and with what the columns are.
SECTIONS = {
    "ingest": (
        "Ingest",
        "Events a second through `log_engagement` in batches of 100, with validation, visibility, "
        "running affinities, session and activity, on connections warmed with 20 batches, beside "
        "a multi-row INSERT of the same rows into the same partitioned table: as a statement with "
        "its values in it (ratio), and prepared. "
        "Browsing is mostly impressions; weighing is the hardest case, in which each event moves "
        "an affinity.",
    ),
    "imports": ("Import of an artist", "Database time of the stages, through their RPCs."),
    "streams": ("Streams of import progress", ""),
    "studio": (
        "Studio",
        "Similar tracks beside an exact scan of all vectors, allowances and the queue under many "
        "sessions, and moves in a playlist beside a lookup by primary key.",
    ),
    "voting": (
        "Votes on setlists",
        "A vote with its counters and its engagement, beside a lookup by primary key under "
        "row-level security; then every member of a crowd on every song of one setlist at once.",
    ),
}


def serving(options: argparse.Namespace) -> str:
    """The live pack's calls, at each number of events."""
    rounds, seconds = options.rounds or 3, options.seconds or 10
    runs: dict[int, list[measure.Timing]] = {}
    wrong = 0
    with scratch(name="bench") as cluster:
        print(f"building {options.members:,} members and {options.artists:,} artists", flush=True)
        world.build(cluster, members=options.members, artists=options.artists)
        for events in sorted(options.events):
            world.put_events(
                cluster, members=options.members, artists=options.artists, events=events
            )
            wrong = world.mismatches(cluster, members=options.members, sample=options.sample)
            runs[events] = measure.measure(
                cluster, members=options.members, rounds=rounds, seconds=seconds
            )
            print(f"\n{events:,} events\n\n{report.table(runs[events])}\n", flush=True)
    parts = [
        f"{options.members:,} members, {options.artists:,} artists; one client and the server on "
        "two cores; each call as the role `authenticated` (the plain version as the owner), "
        f"{rounds} rounds of {seconds} s, interleaved.",
        "The lookup is by primary key under row-level security and signs its session in within the "
        "statement as the feed does; the row below it leaves that out. Lookups are so short that "
        "the machine's idle states move their average from run to run, and ratios with it.",
        report.targets(runs, wrong, options.sample),
    ]
    parts += [f"### {events:,} upcoming events\n\n{report.table(runs[events])}" for events in runs]
    print(parts[2])
    if options.write:
        results = {str(events): [asdict(t) for t in runs[events]] for events in runs}
        _write_json("serving", {"members": options.members, "wrong": wrong, "events": results})
        report.plot(runs[max(runs)], ROOT / "docs/images/serving.svg")
        parts.insert(3, "![Average time of each call](images/serving.svg)")
    return "\n\n".join(parts)


def recommend(options: argparse.Namespace) -> str:
    """Recommendations and their neighbours, on a world and on one of a tenth of its size."""
    rounds, seconds = options.rounds or 2, options.seconds or 5
    with ExitStack() as stack:
        worlds = []
        for members in (options.members // 10, options.members):
            print(f"building {members:,} members", flush=True)
            cluster = stack.enter_context(scratch(name=f"bench{members}"))
            worlds.append(recommend_world.build(cluster, members=members))
            found = neighbors.measure(worlds[-1], at_most=options.neighbor_items)
            recommend_world.compute_ahead(worlds[-1])
        runs = recommend_measure.measure(worlds, rounds=rounds, seconds=seconds)
        recall = recommend_world.recall(worlds[-1], sample=options.sample)
    small, large = worlds
    parts = [
        f"{large.members:,} members, {large.items:,} items, {large.affinities:,} affinities; one "
        "client and the server on two cores; each call as the role `authenticated` (those written "
        f"by hand as the owner), {rounds} rounds of {seconds} s, interleaved. "
        "Each call gives 20 recommendations with filters, reasons and breakdown. A member's "
        "history is log-normal with median 5; every second member has ten friends. The lookup "
        "is by primary key under row-level security and signs its session in within the "
        "statement as the others do; the row below it leaves that out.",
        recommend_report.targets(worlds, runs, found, recall),
        "### Calls\n\n" + report.table(runs[-1]),
        f"The same at {small.members:,} members, {small.items:,} items and {small.affinities:,} "
        "affinities, in the same minutes:\n\n" + report.table(runs[0]),
        "### Neighbours by behaviour\n\n" + recommend_report.neighbors(found),
    ]
    text = "\n\n".join(parts)
    print(text)
    if options.write:
        _write_json(
            "recommend",
            {
                "worlds": [
                    {
                        "members": world.members,
                        "items": world.items,
                        "affinities": world.affinities,
                        "calls": [asdict(t) for t in run],
                    }
                    for world, run in zip(worlds, runs, strict=True)
                ],
                "recall": recall,
                "neighbors": asdict(found),
            },
        )
        recommend_report.plot(runs[-1], ROOT / "docs/images/recommend.svg")
        parts.insert(2, "![Average time of each call](images/recommend.svg)")
    return "\n\n".join(parts)


def timeline(options: argparse.Namespace) -> str:
    """The home timeline, and what writing a post costs."""
    rounds, seconds = options.rounds or 2, options.seconds or 5
    with scratch(name="bench") as cluster:
        print(f"building {options.members:,} members", flush=True)
        built = timeline_world.build(cluster, members=options.members)
        followers = timeline_measure.followers_of_the_famous(built)
        agreement = timeline_measure.agreement(built, sample=max(1, options.sample // 12))
        run = timeline_measure.timings(built, rounds=rounds, seconds=seconds)
    parts = [
        f"{built.members:,} members, {built.posts:,} posts in ten days, "
        f"{timeline_world.FOLLOWS} follows a member; one client and the server on two cores; each "
        "call as the role `authenticated` (the one written by hand as the owner), "
        f"{rounds} rounds of {seconds} s, interleaved, tables and indexes in shared buffers. A "
        "page has 20 rows with filters, factors, breakdown, reason and context. The lookup is by "
        "primary key under row-level security and signs its session in within the statement as the "
        "timeline does; the row below it leaves that out. The version by hand scores every post of "
        "the last two days.",
        timeline_report.targets(run, followers, agreement),
        "### Calls\n\n" + report.table(run),
    ]
    text = "\n\n".join(parts)
    print(text)
    if options.write:
        rows, wrong, recall = agreement
        _write_json(
            "timeline",
            {
                "members": built.members,
                "posts": built.posts,
                "built_in_seconds": built.seconds,
                "followers_of_the_famous": followers,
                "agreement": {"rows": rows, "wrong": wrong, "recall": recall},
                "calls": [asdict(t) for t in run],
            },
        )
        timeline_report.plot(run, ROOT / "docs/images/timeline.svg")
        parts.insert(2, "![Average time of each call](images/timeline.svg)")
    return "\n\n".join(parts)


def taxonomy_quality(options: argparse.Namespace) -> None:
    """The induced tree against one made by hand; prints its own table."""
    _other("taxonomy", taxonomy.main, ["--data", str(options.data)], write=options.write)


def taxonomy_at_scale(options: argparse.Namespace) -> None:
    """Seconds and memory of the taxonomy pipeline; prints its own table."""
    _other("taxonomy_scale", taxonomy_scale.main, [], write=options.write)


def experiments_by_simulation(options: argparse.Namespace) -> None:
    """Error rates and power of experiments; prints its own table."""
    _other("experiments", experiments.main, [], write=options.write)


def ingest_rate(options: argparse.Namespace) -> None:
    """Events a second through log_engagement beside a plain INSERT; prints its own table."""
    _other("ingest", ingest.main, [], write=options.write)


def import_stages(options: argparse.Namespace) -> None:
    """Database time of an artist's import; prints its own table."""
    _other("imports", imports.main, [], write=options.write)


def progress_streams(options: argparse.Namespace) -> None:
    """Many open streams of import progress; prints its own sentence."""
    poll_ms = 1000
    with scratch(name="bench") as cluster:
        apply_sql_source(cluster.url())
        found = streams.measure(cluster, streams=200, steps=50, poll_ms=poll_ms)
    print(streams.table(found, poll_ms))
    if options.write:
        _write_json("streams", asdict(found))
    if found.wrong:
        raise SystemExit("updates were lost")


def voting_at_once(options: argparse.Namespace) -> None:
    """What a vote costs, and that none is lost among many; prints its own table."""
    with scratch(name="bench") as cluster:
        # Every member of the crowd has a connection.
        _allow_connections(cluster, 260)
        apply_sql_source(cluster.url())
        output = ["--output", str(RESULTS / "voting.json")] if options.write else []
        if voting.main(["--database-url", cluster.url(), *output]):
            raise SystemExit("votes were lost")


def studio_figures(options: argparse.Namespace) -> None:
    """Similar tracks, allowances, the queue, playlists; prints its own table."""
    # Every request of those at once has a connection.
    _other("studio", studio.main, [], write=options.write, connections=160)


def _other(
    name: str,
    suite: Callable[[list[str]], int],
    arguments: list[str],
    *,
    write: bool,
    connections: int | None = None,
) -> None:
    """Runs a benchmark that is a program of its own on a scratch database."""
    with scratch(name="bench") as cluster:
        if connections:
            _allow_connections(cluster, connections)
        apply_sql_source(cluster.url())
        output = ["--output", str(RESULTS / f"{name}.json")] if write else []
        if suite(["--database-url", cluster.url(), *arguments, *output]):
            raise SystemExit(f"{name}: a figure is beyond its bound")


def _allow_connections(cluster: Cluster, connections: int) -> None:
    cluster.psql("-c", f"alter system set max_connections = {connections}", role=SUPERUSER)
    cluster.stop()
    cluster.start(durable=False)


class _Kept(io.StringIO):
    """Keeps what is printed, and prints it."""

    def write(self, text: str) -> int:
        print(text, end="", file=sys.__stdout__, flush=True)
        return super().write(text)


@contextmanager
def _printed() -> Iterator[_Kept]:
    kept = _Kept()
    with redirect_stdout(kept):
        yield kept


def _write_section(title: str, text: str) -> None:
    """Replaces a section of the document, or adds it at its end."""
    heading = f"## {title}\n"
    old = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    before, found, rest = old.partition(f"\n{heading}")
    after = rest.partition("\n## ") if found else ("", "", "")
    head = before.rstrip() or "# Benchmarks\n\n`make bench` measures this anew."
    tail = f"\n## {after[2].rstrip()}\n" if after[1] else ""
    DOCUMENT.write_text(f"{head}\n\n{heading}\n{text.rstrip()}\n{tail}")


def _write_json(name: str, value: object) -> None:
    (RESULTS / f"{name}.json").write_text(json.dumps(value, indent=2) + "\n")


def main() -> int:
    """Runs the suites that were asked for, all by default."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("suites", nargs="*", default=[], help=f"any of {', '.join(SUITES)}")
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--artists", type=int, default=20_000)
    parser.add_argument("--events", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, help="default: 3, of recommend and timeline 2")
    parser.add_argument(
        "--seconds", type=int, help="of each call in each round; default: 10, of those two 5"
    )
    parser.add_argument("--sample", type=int, default=50, help="members compared for exactness")
    parser.add_argument(
        "--neighbor-items",
        type=int,
        default=10_000,
        help="items whose neighbours are computed before the rest is extrapolated",
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--write", action="store_true", help="update docs/ and bench/results/")
    options = parser.parse_args()
    unknown = set(options.suites) - set(SUITES)
    if unknown:
        parser.error(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    suites = options.suites or SUITES
    if "recommend" in suites and options.members % 5000:
        parser.error("recommend needs a multiple of 5,000 members")
    if options.write:
        RESULTS.mkdir(exist_ok=True)
    # Those that print their own tables.
    alone = {
        "taxonomy": taxonomy_quality,
        "taxonomy-scale": taxonomy_at_scale,
        "experiments": experiments_by_simulation,
        "ingest": ingest_rate,
        "imports": import_stages,
        "streams": progress_streams,
        "voting": voting_at_once,
        "studio": studio_figures,
    }
    for name, suite in alone.items():
        if name in suites:
            with _printed() as printed:
                suite(options)
            if options.write and name in SECTIONS:
                title, about = SECTIONS[name]
                _write_section(title, f"{about}\n\n{printed.getvalue()}".lstrip())
    if "serving" in suites:
        text = serving(options)
        if options.write:
            _write_section("Serving", text)
    if "recommend" in suites:
        text = recommend(options)
        if options.write:
            _write_section("Recommendations", text)
    if "timeline" in suites:
        text = timeline(options)
        if options.write:
            _write_section("Home timeline", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
