"""Measures what experiments promise: how often they are wrong, and how often they find an effect.

Simulates experiments that are looked at every day, through the database's own functions. Leaves the
schema `simulation` in the database it is given.

    python -m bench.experiments --database-url postgresql://...
        [--experiments 1000] [--members 5000] [--days 28] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

SUMMARY = "Measures the error rates and the power of experiments by simulation."
SIMULATION = Path(__file__).with_suffix(".sql")
BATCH = 50  # experiments simulated by one statement


@dataclass(frozen=True, slots=True)
class Rates:
    """What became of the experiments of one scenario, watched daily by one metric."""

    scenario: str
    metric: str
    experiments: int
    found: float
    adjusted_found: float
    once_found: float
    ratio_alarm: float
    once_ratio_alarm: float
    lift: float
    lift_deviation: float
    adjusted_lift: float
    adjusted_deviation: float
    variance_ratio: float


def simulate(
    connection: psycopg.Connection[Any],
    scenario: str,
    *,
    experiments: int,
    members: int,
    days: int,
    seed: int,
    effect: float = 0,
    lost: float = 0,
) -> list[Rates]:
    """Runs one scenario; the connection must have the simulation's schema.

    Args:
        connection: to a database with Medley.
        scenario: its name.
        experiments: how many experiments.
        members: members exposed to each of them in all.
        days: for how long, with a look a day.
        seed: the same seed gives the same figures.
        effect: relative effect of the treatment on both metrics.
        lost: which share of the treatment's exposures is never logged.
    """
    connection.execute("truncate simulation.days")
    for first in range(1, experiments + 1, BATCH):
        last = min(first + BATCH - 1, experiments)
        connection.execute(
            "call simulation.fill(%s, %s, %s, %s, %s, %s, %s)",
            (seed, first, last, members, days, effect, lost),
        )
    connection.execute("analyze simulation.days")
    rows = connection.execute(
        """
        select
          c.metric, count(*), avg(c.found::int)::float8, avg(c.adjusted_found::int)::float8,
          avg(c.once_found::int)::float8, avg(c.ratio_alarm::int)::float8,
          avg(c.once_ratio_alarm::int)::float8, avg(c.lift), stddev(c.lift),
          avg(c.adjusted_lift), stddev(c.adjusted_lift), avg(c.variance_ratio)
        from simulation.conclusions as c
        group by c.metric
        order by c.metric
        """
    )
    return [Rates(scenario, *row) for row in rows]


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Makes the schema `simulation`."""
    connection.execute(SIMULATION.read_bytes())


def table(rates: list[Rates]) -> str:
    """The figures as Markdown."""
    lines = [
        "| scenario | metric | found | found, adjusted | found by one-look tests "
        "| ratio alarm | ratio alarm by one-look tests | variance left |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for rate in rates:
        cells = (
            rate.found,
            rate.adjusted_found,
            rate.once_found,
            rate.ratio_alarm,
            rate.once_ratio_alarm,
        )
        percents = " | ".join(f"{cell:.1%}" for cell in cells)
        lines.append(
            f"| {rate.scenario} | {rate.metric} | {percents} | {rate.variance_ratio:.2f} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Runs the scenarios and prints the table."""
    parser = argparse.ArgumentParser(prog="bench.experiments", description=SUMMARY)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"))
    parser.add_argument("--experiments", type=int, default=1000, help="for A/A; a fifth for others")
    parser.add_argument("--members", type=int, default=5000, help="of each experiment")
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--output", type=Path, help="file for the JSON, beside what is printed")
    options = parser.parse_args(arguments)
    if not options.database_url:
        print("no database: pass --database-url or set DATABASE_URL", file=sys.stderr)
        return 2
    fewer = max(1, options.experiments // 5)
    scenarios: list[tuple[str, int, float, float]] = [
        ("A/A", options.experiments, 0, 0),
        ("effect +5 %", fewer, 0.05, 0),
        ("effect +10 %", fewer, 0.1, 0),
        ("effect +20 %", fewer, 0.2, 0),
        ("A/A, a tenth of one arm lost", fewer, 0, 0.1),
    ]
    rates: list[Rates] = []
    with psycopg.connect(options.database_url, autocommit=True) as connection:
        connection.execute("set statement_timeout = 0")
        prepare(connection)
        for number, (name, experiments, effect, lost) in enumerate(scenarios):
            rates += simulate(
                connection,
                name,
                experiments=experiments,
                members=options.members,
                days=options.days,
                seed=options.seed + number,
                effect=effect,
                lost=lost,
            )
    sizes = {"members": options.members, "days": options.days, "seed": options.seed}
    result = json.dumps({**sizes, "rates": [asdict(rate) for rate in rates]}, indent=2)
    if options.output:
        options.output.write_text(result + "\n")
    if options.json:
        print(result)
        return 0
    print(
        f"{options.members:,} members an experiment, {options.days} daily looks, "
        f"{options.experiments:,} experiments for A/A and {fewer:,} for each other scenario\n"
    )
    print(table(rates))
    return 0


if __name__ == "__main__":
    sys.exit(main())
