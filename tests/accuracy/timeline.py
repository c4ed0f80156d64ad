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
from medley.simulator.world import NAMES, Floats, Ints
from medley.simulator.write import post_id, simulated_member_id
from numpy.typing import NDArray
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
    rates = _scored(connection)
    say("Training")
    training = _train(connection, epochs)
    say("Measuring")
    return _measured(log, requests, rates, _scored(connection), training)


def _derive(connection: Connection[Any]) -> None:
    """What jobs keep: members' tastes, and how often members engage with each author's posts."""
    while _value(connection, "select medley.refresh_taste_vectors(1000)"):
        pass
    # The log was written this moment; the roll-up leaves the last ten minutes for later.
    connection.execute("select medley.roll_up_author_rates_at(now() + interval '30 minutes')")
    connection.execute("analyze")


def _held_out(connection: Connection[Any], log: Log) -> Ints:
    """Tells the database the rows of held-out requests, as numbers; returns the requests of rows."""
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


def _scored(connection: Connection[Any]) -> dict[str, Floats]:
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
        inner join medley.members as m on m.user_id = h.user_id
        left join lateral (
          select r.counts, r.exposures, medley.fading(r.counted_at, now(), p.rate_days) as fading
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
          p.prior_exposures, 1 - (v.embedding_256 operator(extensions.<=>) u.embedding_256),
          p.intercepts, p.similarities, p.rate_factors
        ) as b
        order by h.row_no
        """
    ).fetchall()
    places = dict(
        connection.execute(
            "select t.kind, t.place from medley.timeline_kinds as t where t.sign = 1 and t.place > 0"
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
    gains = {name: happened[:, NAMES.index(name)] for name in MEASURES[1:]}
    gains["engaged"] = happened[:, places].any(axis=1)
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
        interval=_interval(rng, each["trained model"]["engaged"], each["smoothed rates"]["engaged"]),
        pairs=int(training["num_training_samples"]),
        training=training,
    )


def ndcg(request: Ints, score: Floats, gain: NDArray[np.bool_]) -> Floats:
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


def _interval(
    rng: np.random.Generator, ours: Floats, theirs: Floats
) -> tuple[float, float]:
    """95 % interval of a ratio of means, resampling requests 2,000 times."""
    drawn = rng.integers(len(ours), size=(2000, len(ours)))
    ratios = ours[drawn].mean(axis=1) / theirs[drawn].mean(axis=1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(low), float(high)


def _value(connection: Connection[Any], query: str) -> int:
    ((found,),) = connection.execute(query.encode()).fetchall()
    return int(found)
