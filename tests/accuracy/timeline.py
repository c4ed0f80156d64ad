"""`python -m tests.accuracy.timeline`: what a trained model adds to the home timeline.

Simulates a social network with known tastes, writes it into a scratch database, trains a two-tower
model on the pairs that the database makes of its log, and lets the database put requests in order
that nobody told it of: once by smoothed rates, once with the model, by the very functions that
score a home timeline. Held-out requests were shown in random order, so places favour nobody. Beside
them: a random order, and the order by the true probabilities, which nothing can beat on average.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from medley._learning_sync import Learning
from medley._rpc import Call
from medley.simulator import Log, Settings, make_log, make_world, write_log
from medley.simulator.requests import WEIGHTS
from medley.simulator.world import NAMES, Flags, Floats, Ints
from medley.simulator.write import post_id, simulated_member_id
from psycopg import Connection
from psycopg.types.json import Jsonb
from rich.console import Console
from rich.table import Table

from tests.database import medley_database

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/accuracy-timeline.md"
TARGET = 1.05
DEPTH = 10
#: What counts as engaged: everything that says yes.
ENGAGED = tuple(name for name in WEIGHTS if WEIGHTS[name] > 0 and name != "dwell")
#: One measure for all, and kinds that happen often enough to be measured on their own.
MEASURES = ("engaged", "click", "like", "repost", "reply")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """What one way to order reached.

    Attributes:
        method: Its name.
        ndcg: NDCG@10 by measure, mean over the held-out requests in which there was such a thing.
    """

    method: str
    ndcg: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Result:
    """A run.

    Attributes:
        settings: Of the simulated network.
        rows: One for each way to order.
        requests: How many held-out requests each measure is a mean over.
        interval: 95 % interval of the model's NDCG@10 (engaged) as a multiple of the rates'.
        pairs: How many pairs the model was trained on.
        training: What the training measured by itself.
    """

    settings: Settings
    rows: Sequence[Row]
    requests: Mapping[str, int]
    interval: tuple[float, float]
    pairs: int
    training: Mapping[str, Any]

    def ratio(self) -> float:
        """The model's NDCG@10 (engaged) as a multiple of the rates'."""
        found = {row.method: row.ndcg["engaged"] for row in self.rows}
        return found["trained model"] / found["smoothed rates"]


class Direct(Learning):
    """The client's calls for learning, over a connection as the database's owner."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def _call(self, call: Call[T]) -> T:
        names = list(call.params)
        arguments = ", ".join(f"{name} => %({name})s" for name in names)
        values = {
            name: Jsonb(value) if isinstance(value, list | dict) else value
            for name, value in call.params.items()
        }
        query = f"select to_json(r) from public.{call.function}({arguments}) as r"
        found = [row for (row,) in self._connection.execute(query.encode(), values)]
        # As the API answers: rows as a list, a value as it is.
        return call.parse(found if not found or isinstance(found[0], dict) else found[0])


def evaluate(
    connection: Connection[Any], settings: Settings, say: Callable[[str], None], *, epochs: int = 40
) -> Result:
    """Simulates, writes, trains, and measures, in an empty database.

    Args:
        connection: As the owner of the database.
        settings: Of the network; with requests that are held out.
        say: Told each step.
        epochs: Of the training, at most.
    """
    say("Simulating")
    log = make_log(make_world(settings))
    # Pairs younger than a day wait for their outcome: the log ends a day ago, the test is since.
    write_log(connection, log, datetime.now(UTC) - timedelta(hours=25), progress=say)
    say("Deriving tastes and rates")
    _derive(connection)
    requests = _held_out(connection, log)
    rates = _scored(connection, modelled=False)
    say("Training")
    training = _train(connection, epochs)
    say("Measuring")
    return _measured(log, requests, rates, _scored(connection, modelled=True), training)


def _derive(connection: Connection[Any]) -> None:
    """What jobs keep: members' tastes, and how often members engage with each author's posts."""
    while _value(connection, "select medley.refresh_taste_vectors(1000)"):
        pass
    # The log was written this moment; the roll-up leaves the last ten minutes for later.
    connection.execute("select medley.roll_up_author_rates_at(now() + interval '30 minutes')")
    connection.execute("analyze")


def _held_out(connection: Connection[Any], log: Log) -> Ints:
    """Tells the database the rows of held-out requests; returns of each row its request."""
    seed, rows = log.world.settings.seed, slice(int(log.first[log.told()]), None)
    request = log.request()[rows]
    connection.execute(
        "create temporary table held_out (row_no int primary key, user_id uuid, item_id uuid)"
    )
    with connection.cursor() as cursor, cursor.copy("copy held_out from stdin") as copy:
        for row, (member, post) in enumerate(
            zip(log.member[request].tolist(), log.post[rows].tolist(), strict=True)
        ):
            copy.write_row((row, simulated_member_id(seed, member), post_id(seed, post)))
    connection.execute("analyze held_out")
    return request


def _scored(connection: Connection[Any], *, modelled: bool) -> dict[str, Floats]:
    """The score of each held-out row before multipliers, and the probability of each kind."""
    rows = connection.execute(
        """
        with parameters as materialized (
          select (medley.timeline_parameters(null)).*
        )

        select b.points, b.probabilities
        from held_out as h
        cross join parameters as p
        inner join medley.items as i on i.id = h.item_id
        left join medley.members as m on m.user_id = h.user_id
        left join lateral (
          select r.counts, r.exposures, medley.recency(r.counted_at, now(), p.rate_days) as fading
          from medley.author_rates as r
          where r.user_id = i.owner_id
        ) as r on true
        left join medley.user_taste_vectors as u
          on u.user_no = m.user_no and u.embedding_type = 'two_tower'
          and u.model_version = p.version
        left join medley.content_embeddings as v
          on v.item_no = i.item_no and v.embedding_type = 'two_tower'
          and v.model_version = p.version
        cross join lateral medley.timeline_probabilities(
          p.weights, p.rates, r.counts::real[], coalesce(r.exposures * r.fading, 0), r.fading,
          p.prior_exposures,
          case when %s then 1 - (v.embedding_256 operator(extensions.<=>) u.embedding_256) end,
          p.intercepts, p.similarities, p.rate_factors
        ) as b
        order by h.row_no
        """,
        (modelled,),
    ).fetchall()
    places = dict(
        connection.execute(
            "select t.kind, t.place from medley.timeline_kinds as t "
            "where t.sign = 1 and t.place > 0"
        ).fetchall()
    )
    found = {"points": np.array([points for points, _ in rows])}
    for kind in NAMES:
        found[kind] = np.array([chances[places[kind] - 1] for _, chances in rows])
    return found


def _train(connection: Connection[Any], epochs: int) -> dict[str, Any]:
    """What an owner does: pairs, training, publishing, activation."""
    from medley.learning.export import read_pairs, to_arrays
    from medley.learning.publish import publish
    from medley.learning.train import train_two_tower
    from medley.learning.two_tower import Options

    client: Any = Direct(connection)
    client.generate_training_pairs(kind="post")
    read = to_arrays(read_pairs(connection, kind="post"))
    report = train_two_tower(read.pairs, Options(epochs=epochs))
    metadata = report.metadata(read.text_model)
    publish(
        client,
        "accuracy",
        report.training.model,
        heads=report.heads,
        losses={},
        metadata=json.loads(json.dumps(metadata, default=str)),
    )
    client.prepare_model("accuracy")
    client.activate_model("accuracy")
    while _value(connection, "select medley.refresh_tower_vectors(5000)"):
        pass
    return metadata


def _measured(
    log: Log,
    request: Ints,
    rates: Mapping[str, Floats],
    model: Mapping[str, Floats],
    training: Mapping[str, Any],
) -> Result:
    """NDCG@10 of every way to order, by every measure."""
    rows = slice(int(log.first[log.told()]), None)
    happened, chance = log.happened[rows], log.chance[rows]
    places = [NAMES.index(name) for name in ENGAGED]
    gains: dict[str, Flags] = {name: happened[:, NAMES.index(name)] for name in MEASURES[1:]}
    gains["engaged"] = np.logical_or.reduce(happened[:, places], axis=1)
    truth = {name: chance[:, NAMES.index(name)] for name in MEASURES[1:]}
    truth["engaged"] = 1 - (1 - chance[:, places]).prod(axis=1)
    rng = np.random.default_rng(log.world.settings.seed)
    guess = rng.random(len(request))

    def by(found: Mapping[str, Floats]) -> dict[str, Floats]:
        return {"engaged": found["points"], **{name: found[name] for name in MEASURES[1:]}}

    ways = {
        "random": dict.fromkeys(MEASURES, guess),
        "smoothed rates": by(rates),
        "trained model": by(model),
        "oracle": truth,
    }
    each = {
        method: {name: ndcg(request, scores[name], gains[name]) for name in MEASURES}
        for method, scores in ways.items()
    }
    return Result(
        settings=log.world.settings,
        rows=[
            Row(method, {name: float(values.mean()) for name, values in found.items()})
            for method, found in each.items()
        ],
        requests={name: len(values) for name, values in each["random"].items()},
        interval=_interval(
            rng, each["trained model"]["engaged"], each["smoothed rates"]["engaged"]
        ),
        pairs=int(training["num_training_samples"]),
        training=training,
    )


def ndcg(request: Ints, score: Floats, gain: Flags) -> Floats:
    """NDCG@10 of each request in which anything was gained; one gain each, ties in given order."""
    found = []
    for rows in np.split(np.arange(len(request)), np.flatnonzero(np.diff(request)) + 1):
        gains = int(gain[rows].sum())
        if gains:
            best = rows[np.argsort(-score[rows], kind="stable")][:DEPTH]
            discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
            ideal = discounts[: min(gains, DEPTH)].sum()
            found.append(float(discounts[: len(best)][gain[best]].sum() / ideal))
    return np.array(found)


def _interval(rng: np.random.Generator, ours: Floats, theirs: Floats) -> tuple[float, float]:
    """95 % interval of a ratio of means, resampling requests 2,000 times."""
    drawn = rng.integers(len(ours), size=(2000, len(ours)))
    ratios = ours[drawn].mean(axis=1) / theirs[drawn].mean(axis=1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(low), float(high)


def _value(connection: Connection[Any], query: str) -> int:
    ((found,),) = connection.execute(query.encode()).fetchall()
    return int(found)


def table(result: Result) -> Table:
    """For the terminal."""
    made = Table(title=f"NDCG@{DEPTH} on held-out requests", caption=_summary(result))
    for heading in ("method", *MEASURES):
        made.add_column(heading, justify="left" if heading == "method" else "right")
    for row in result.rows:
        made.add_row(row.method, *(f"{row.ndcg[name]:.4f}" for name in MEASURES))
    made.add_row("requests with such", *(f"{result.requests[name]:,}" for name in MEASURES))
    return made


def page(results: Sequence[Result]) -> str:
    """docs/accuracy-timeline.md: a table for each network."""
    text = (Path(__file__).parent / "timeline.md").read_text(encoding="utf-8")
    return text.format(
        verdicts="\n".join(f"- {_verdict(result)}" for result in results),
        target=TARGET,
        tables="\n\n".join(_markdown(result) for result in results),
        **asdict(results[0].settings),
    )


def _markdown(result: Result) -> str:
    rows = [
        f"| {row.method} | " + " | ".join(f"{row.ndcg[name]:.4f}" for name in MEASURES) + " |"
        for row in result.rows
    ]
    counts = " | ".join(f"{result.requests[name]:,}" for name in MEASURES)
    return "\n".join(
        (
            f"### Seed {result.settings.seed}",
            "",
            "| method | " + " | ".join(MEASURES) + " |",
            "|---|" + "---:|" * len(MEASURES),
            *rows,
            f"| requests with such | {counts} |",
            "",
            f"{_summary(result)}.",
        )
    )


def _summary(result: Result) -> str:
    s = result.settings
    return (
        f"{s.members:,} members, {s.posts:,} posts, {s.impressions:,} impressions in "
        f"{s.days:g} days, seed {s.seed}; trained on {result.pairs:,} pairs; "
        f"{s.held_out:,} requests held out"
    )


def _verdict(result: Result) -> str:
    low, high = result.interval
    met = "met" if result.ratio() >= TARGET else "missed"
    return (
        f"Seed {result.settings.seed}: {result.ratio():.2f} times the NDCG@{DEPTH} of smoothed "
        f"rates (95 % interval {low:.2f} to {high:.2f}): {met}."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; the exit status is 1 where the target is missed."""
    parser = argparse.ArgumentParser(
        prog="accuracy.timeline",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--members", type=int, default=1_000)
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--impressions", type=int, default=300_000)
    parser.add_argument("--held-out", type=int, default=2_000, help="requests")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="a network each")
    parser.add_argument("--epochs", type=int, default=40, help="of the training, at most")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--write", action="store_true", help="update docs/accuracy-timeline.md")
    options = parser.parse_args(arguments)
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    results = []
    for seed in options.seeds:
        settings = Settings(
            members=options.members,
            posts=options.posts,
            impressions=options.impressions,
            held_out=options.held_out,
            seed=seed,
        )
        with (
            medley_database(name="timeline", factories=False) as database,
            database.connect() as connection,
        ):
            connection.execute("set statement_timeout = 0")
            results.append(evaluate(connection, settings, console.print, epochs=options.epochs))
        console.print(table(results[-1]))
        console.print(_verdict(results[-1]))
    if options.json:
        found = [{**asdict(result), "ratio": result.ratio()} for result in results]
        options.json.write_text(json.dumps(found, indent=2, default=str) + "\n")
    if options.write:
        PAGE.write_text(page(results), encoding="utf-8")
        console.print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0 if all(result.ratio() >= TARGET for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
