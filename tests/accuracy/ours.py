"""Medley on a case: a scratch database, the project's own loaders, events, jobs and ranking."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg

from tests.accuracy import worlds
from tests.accuracy.cases import Case
from tests.accuracy.evaluate import Bench, Progress, Result
from tests.accuracy.metrics import DEPTH, Ranking, difference, mean_ndcg
from tests.database import medley_database

RANKER = "recommendations"
EVENTS = 1000  # as many as one call may bring
MEMBERS = 250  # asked about at a time
BLOCK = 1000  # items whose neighbours are computed at a time
BEHAVIOR = f"{RANKER}.behavior"
ALONE = "medley-behavior"
AGE = timedelta(days=3650)  # of items at least

# Needless here, or in the way: the log must stay as it was written.
SKIPPED_JOBS = (
    "rebuild_behavior_neighbors",  # came first
    "rebuild_genre_neighbors",  # recommendations do not read these two; a data set has no vectors
    "rebuild_spectral_embeddings",
    "rebuild_embedding_neighbors",
    "refresh_trending",  # the events have one time, or the times of decades: there is no now
    "retain_engagements",
    "prune_job_runs",
    "ensure_engagement_partitions",
)


@dataclass(frozen=True, slots=True)
class Variant:
    """One of our rows.

    Attributes:
        name: For `--only`.
        label: For people.
        all_signals: Whether it knows more than who met what.
        tuned: Whether settings are chosen on the validation part, and `--set` is heard.
        times: Whether it may know when, where a case is split by time; nobody does elsewhere.
    """

    name: str
    label: str
    all_signals: bool
    tuned: bool = True
    times: bool = True

    def asked(self, case: Case) -> bool:
        """Whether it says something of its own about a case."""
        return self.times or case.by_time


VARIANTS = {
    variant.name: variant
    for variant in (
        # Of behaviour the row without times first, which the one with times differs from.
        Variant("medley-pairs", "Medley, bare pairs", all_signals=False, times=False),
        Variant(ALONE, "Medley, behaviour alone", all_signals=False),
        # As installed first: what the other tuned is in force when both learn the rest.
        Variant("medley-installed", "Medley, as installed", all_signals=True, tuned=False),
        Variant("medley-all", "Medley, all signals", all_signals=True),
    )
}

# What an app reads of long histories is limited to keep calls and rebuilds cheap, which says
# nothing about how well it fits, and of pairs that are all alike a limit keeps any. So where
# histories are longer, behaviour alone reads as much as the ranges of the settings allow.
LIMITS: Mapping[str, float] = {
    "recommend.history": 500.0,
    "recommend.neighbors": 100_000.0,
    "behavior.history": 1000.0,
}
# Likewise where items have more members.
CROWDED: Mapping[str, float] = {"behavior.max_members": 8000.0}
# Old and new count alike.
TIMELESS: Mapping[str, float] = {
    "recommend.history_exponent": 0.0,
    "recommend.history_recency": 0.0,
}
# What is tried on the validation part, one knob after the other, each with the best of those
# before: the courtesy that the peers get by their grids. With all signals what behaviour alone has
# chosen stays, and multiples of the ranker's weights are tried.
BEHAVIOR_KNOBS: Mapping[str, tuple[float, ...]] = {"behavior.popularity_damping": (0.05, 0.15)}
# Tried before them, together: for items with many members. Four times the work must pay clearly, by
# an interval above nothing.
DENSE: Mapping[str, float] = {"behavior.ridge": 40.0, "behavior.candidates": 200.0}
RECENCY_KNOBS: Mapping[str, tuple[float, ...]] = {"recommend.history_recency": (0.0, 0.4, 0.6)}
MULTIPLES: Mapping[str, tuple[float, ...]] = {"popularity": (0.0, -1.0), "content": (2.0, 3.0)}


@dataclass(frozen=True, slots=True)
class Knobs:
    """Rows of medley.settings and medley.ranker_weights to change.

    Attributes:
        fixed: Values that are in force throughout.
        tune: Values to try; None for the default ones.
    """

    fixed: Mapping[str, float]
    tune: Mapping[str, tuple[float, ...]] | None

    @classmethod
    def parse(
        cls, settings: Sequence[str], weights: Sequence[str], tune: Sequence[str], untuned: bool
    ) -> Knobs:
        """From NAME=VALUE, and for `tune` NAME=VALUE,VALUE.

        Raises:
            ValueError: Some of it has no such form.
        """

        def pair(text: str) -> tuple[str, tuple[float, ...]]:
            name, _, values = text.partition("=")
            try:
                return name.strip(), tuple(float(value) for value in values.split(","))
            except ValueError:
                raise ValueError(f"{text!r} is not NAME=NUMBER") from None

        fixed = dict(pair(text) for text in (*settings, *weights))
        several = [name for name, values in fixed.items() if len(values) > 1]
        if several:
            raise ValueError(f"{several[0]} has several values; --tune tries them")
        if untuned and tune:
            raise ValueError("--no-tune and --tune exclude each other")
        tried = dict(pair(text) for text in tune) if tune or untuned else None
        return cls({name: values[0] for name, values in fixed.items()}, tried)


class Engine:
    """Medley with a case's members and items in a scratch database."""

    def __init__(self, connection: psycopg.Connection[Any], bench: Bench, variant: Variant) -> None:
        self._connection = connection
        self._case = bench.case
        self._full = variant.all_signals
        self._load = worlds.loader(bench.case, all_signals=variant.all_signals)
        self._now = datetime.now(UTC)
        # Of all pairs, once: there are many.
        data = bench.case.data
        self._later = self._now - max(data.times) if data.times else timedelta()
        self._highest = max(data.weights) if bench.case.source.kind == "rate" else 1.0
        # In the order in which the modules brought them: later jobs read what earlier ones derive.
        jobs = connection.execute(
            "select j.name from medley.jobs as j where j.name <> all(%s) order by j.ctid",
            [list(SKIPPED_JOBS)],
        )
        self._jobs = [name for (name,) in jobs]
        # The schedule would run jobs in between; here they run when all is loaded.
        connection.execute("update medley.jobs set enabled = false where enabled")
        self._learnt: set[int] = set()
        self._user_of: dict[int, int] = {}
        self._item_of: dict[int, int] = {}
        self._no_of: dict[int, int] = {}
        self._kind = ""

    def learn(self, places: Iterable[int]) -> None:
        """Brings in the pairs at some places besides those that are there; then the jobs run."""
        new = sorted(set(places) - self._learnt)
        self._learnt.update(new)
        world = self._load(self._connection, self._case, sorted(self._learnt), self._now)
        self._kind = world.kind
        self._number(world)
        for start in range(0, 0 if world.logged else len(new), EVENTS):
            self._log(world, new[start : start + EVENTS])
        self._connection.execute("analyze")
        self._rebuild()
        for name in self._jobs:
            self._run(name)
        self._connection.execute("analyze")

    def rank(self, users: Iterable[int]) -> Ranking:
        """The best items of each user, as the engine ranks them now."""
        wanted = [self._no_of[user] for user in sorted(users)]
        found: dict[int, list[int]] = defaultdict(list)
        for start in range(0, len(wanted), MEMBERS):
            rows = self._connection.execute(
                "select r.user_no, r.item_no "
                "from medley.recommend_batch(%s, %s, %s, %s) as r order by r.user_no, r.rank",
                [wanted[start : start + MEMBERS], self._kind, DEPTH, self._now],
            )
            for user_no, item_no in rows:
                found[self._user_of[user_no]].append(self._item_of[item_no])
        return dict(found)

    def values(self) -> dict[str, float]:
        """Everything that may be set: settings by key, weights as ranker.term."""
        rows = self._connection.execute(
            "select s.key, s.value from medley.settings as s "
            "union all "
            "select w.ranker || '.' || w.term, w.weight from medley.ranker_weights as w"
        )
        return {name: float(value) for name, value in rows}

    def set(self, values: Mapping[str, float]) -> None:
        """Changes settings and weights, and derives again what depends on settings.

        Raises:
            KeyError: There is no such row.
        """
        before = self.values()
        changed = {name: value for name, value in values.items() if before[name] != value}
        for name, value in changed.items():
            done = self._connection.execute(
                "update medley.settings set value = %s where key = %s", [value, name]
            )
            if not done.rowcount:
                self._connection.execute(
                    "update medley.ranker_weights set weight = %s where ranker || '.' || term = %s",
                    [value, name],
                )
        if any(name.startswith("behavior.") for name in changed):
            self._rebuild()
        if any(name.startswith("similarity.") for name in changed):
            self._run("rebuild_content_neighbors")

    def _rebuild(self) -> None:
        """The neighbours by behaviour, all of them."""
        while self._value_of("select medley.rebuild_behavior_neighbors(%s)", BLOCK) >= BLOCK:
            pass

    def _run(self, job: str) -> None:
        self._connection.execute("call medley.run_job(%s)", [job])
        outcome = self._value_of(
            "select concat_ws(': ', r.status, r.error) from medley.job_runs as r "
            "where r.name = %s order by r.run_id desc limit 1",
            job,
        )
        if outcome != "succeeded":
            raise RuntimeError(f"job {job} {outcome}")

    def _value_of(self, query: LiteralString, *parameters: object) -> Any:
        row = self._connection.execute(query, parameters).fetchone()
        return row[0] if row else None

    def _number(self, world: worlds.World) -> None:
        members = self._connection.execute(
            "select m.user_id, m.user_no from medley.member_numbers(%s) as m",
            [list(world.members)],
        )
        number_of = dict(members.fetchall())
        self._no_of = {user: number_of[key] for user, key in enumerate(world.members)}
        self._user_of = {number: user for user, number in self._no_of.items()}
        items = self._connection.execute(
            "select i.id, i.item_no from medley.items as i where i.kind = %s", [world.kind]
        )
        item_no = dict(items.fetchall())
        self._item_of = {item_no[key]: item for item, key in enumerate(world.items)}
        # They were there before anybody met them; none is new.
        self._connection.execute(
            "update medley.items as i set published_at = %s where i.published_at > %s",
            [self._now - AGE, self._now - AGE],
        )

    def _log(self, world: worlds.World, places: Sequence[int]) -> None:
        data = self._case.data
        events = []
        for place in places:
            user, item = data.pairs[place]
            event = {
                "user_id": str(world.members[user]),
                "item_id": str(world.items[item]),
                "kind": self._case.source.kind,
                "occurred_at": self._time(place).isoformat(),
                "value": self._value(place),
            }
            events.append(event)
        refused = self._connection.execute(
            "select e.status, e.code, e.message from medley.log_engagement(null, %s, %s) as e "
            "where e.status <> 'accepted' limit 1",
            [json.dumps(events), self._now],
        ).fetchone()
        if refused:
            raise RuntimeError(f"an event was not accepted: {refused}")

    def _time(self, place: int) -> datetime:
        """When the pair met, moved so that the newest of all is now."""
        times = self._case.data.times
        if times is None or not (self._full or self._case.by_time):
            return self._now
        return times[place] + self._later

    def _value(self, place: int) -> float | None:
        """The play count, or the rating as a share of the highest; 1 where it is not to be told."""
        if not self._full:
            return 1.0
        return self._case.data.weights[place] / self._highest


@contextmanager
def engine(bench: Bench, variant: Variant) -> Iterator[Engine]:
    """A database of its own, gone afterwards."""
    with medley_database(name="accuracy", factories=False) as database, database.connect() as own:
        own.execute("set statement_timeout = 0")
        # As with the secret key: such a caller logs and asks for any member.
        own.execute(
            "select set_config('request.jwt.claims', '{\"role\": \"service_role\"}', false)"
        )
        yield Engine(own, bench, variant)


def run_medley(
    bench: Bench, variants: Sequence[Variant], knobs: Knobs, progress: Progress
) -> Iterator[tuple[Result, Ranking]]:
    """Learns from training, tunes on validation, learns the rest, and tests.

    Args:
        bench: The case.
        variants: All with all signals, or none: they share a database.
        knobs: What to set and to try, but for a variant that is as installed.
        progress: Told each step.
    """
    if not variants:
        return
    with engine(bench, variants[0]) as medley:
        progress(f"{variants[0].label}: loading and learning")
        medley.learn(bench.case.split.train)
        installed = medley.values()
        tuned = []
        for variant in variants:
            medley.set(installed)
            if variant.tuned:
                if not variant.all_signals:
                    medley.set(_behavior_alone(installed))
                if not variant.times:
                    medley.set(TIMELESS)
                medley.set(_known(knobs.fixed, installed))
            found = _tune(medley, bench, variant, knobs, progress)
            tuned.append((variant, medley.values(), dict(knobs.fixed), found))
            if not variant.times:
                # What goes together does not depend on when: what was chosen stays.
                knobs = replace(knobs, fixed={**knobs.fixed, **found[0]})
        progress(f"{variants[0].label}: learning from all but the test part")
        started = time.perf_counter()
        if set(bench.known) != set(bench.case.split.train):
            medley.learn(bench.known)
        learning = time.perf_counter() - started
        for variant, values, fixed, (chosen, validation, tried) in reversed(tuned):
            progress(f"{variant.label}: testing")
            medley.set(values)
            started = time.perf_counter()
            ranking = medley.rank(bench.test)
            result = Result(
                method=variant.name,
                label=variant.label,
                metrics=bench.metrics(ranking),
                settings={**fixed, **chosen} if variant.tuned else {},
                validation=validation,
                tried=tried,
                seconds=learning + time.perf_counter() - started,
            )
            yield result, ranking


def _behavior_alone(values: Mapping[str, float]) -> dict[str, float]:
    """Every other term of the ranker weighs nothing."""
    return {name: 0.0 for name in values if name.startswith(f"{RANKER}.") and name != BEHAVIOR}


def _known(wanted: Mapping[str, float], values: Mapping[str, float]) -> Mapping[str, float]:
    missing = [name for name in wanted if name not in values]
    if missing:
        raise SystemExit(f"accuracy: there is no setting or weight {missing[0]}")
    return wanted


def _tune(
    medley: Engine, bench: Bench, variant: Variant, knobs: Knobs, progress: Progress
) -> tuple[dict[str, float], float | None, int]:
    """One knob after the other; leaves the best values in force.

    Returns:
        What was chosen other than it was, NDCG@10 on the validation part, and how many were tried.
    """
    if not variant.tuned:
        return {}, None, 1
    before = medley.values()
    chosen = _lifted(before, bench, variant, knobs)
    medley.set({**before, **chosen})
    ranking = medley.rank(bench.validation)
    tried = 1
    if not variant.all_signals and knobs.tune is None and not DENSE.keys() & knobs.fixed.keys():
        progress(f"{variant.label}: {', '.join(f'{name} = {DENSE[name]:g}' for name in DENSE)}")
        medley.set({**before, **chosen, **DENSE})
        dense = medley.rank(bench.validation)
        tried += 1
        if difference(dense, ranking, bench.validation).low > 0:
            ranking = dense
            chosen.update(DENSE)
    best = mean_ndcg(ranking, bench.validation)
    for name, candidates in _candidates(before, bench, variant, knobs).items():
        for value in candidates:
            if value == before[name] or (knobs.tune is None and name in knobs.fixed):
                continue
            tried += 1
            progress(f"{variant.label}: {name} = {value:g}")
            # All at once: what is derived from them is derived once.
            medley.set({**before, **chosen, name: value})
            found = mean_ndcg(medley.rank(bench.validation), bench.validation)
            if found > best:
                best = found
                chosen[name] = value
    medley.set({**before, **chosen})
    return chosen, best, tried


def _lifted(
    values: Mapping[str, float], bench: Bench, variant: Variant, knobs: Knobs
) -> dict[str, float]:
    """The limits to lift, for behaviour alone: those below the longest history or largest crowd."""
    if variant.all_signals or knobs.tune is not None:
        return {}
    pairs = [bench.case.data.pairs[place] for place in bench.known]
    longest = max(Counter(user for user, _ in pairs).values())
    largest = max(Counter(item for _, item in pairs).values())
    lifted: dict[str, float] = {}
    if longest > min(values["recommend.history"], values["behavior.history"]):
        lifted |= LIMITS
    if largest > values["behavior.max_members"]:
        lifted |= CROWDED
    return {name: value for name, value in lifted.items() if value > values[name]}


def _candidates(
    values: Mapping[str, float], bench: Bench, variant: Variant, knobs: Knobs
) -> Mapping[str, Sequence[float]]:
    if knobs.tune is not None:
        _known(dict.fromkeys(knobs.tune, 0.0), values)
        return knobs.tune
    if variant.all_signals:
        terms = {
            f"{RANKER}.{term}": [values[f"{RANKER}.{term}"] * multiple for multiple in multiples]
            for term, multiples in MULTIPLES.items()
        }
        return {**RECENCY_KNOBS, **terms} if bench.case.data.times else terms
    if variant.times and bench.case.by_time:
        return {**BEHAVIOR_KNOBS, **RECENCY_KNOBS}
    return BEHAVIOR_KNOBS
