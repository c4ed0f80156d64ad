"""The statistics agree with the same written in Python, from the log to the verdict."""

from __future__ import annotations

import math
import random
import statistics
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

Connection = psycopg.Connection[Any]
START = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=40)
WINDOW, BEFORE = timedelta(days=7), timedelta(days=14)
VARIANTS = ("control", "near", "new")
MEMBERS = 400
ALPHA, TUNED_FOR = 0.05, 5000

Event = tuple[int, str, datetime, str | None, float]


def survival_by_integration(x: float, df: int) -> float:
    """The tail of the chi-square distribution: Simpson's rule over its density, to 60 sigmas."""
    upper, steps = x + 60 * math.sqrt(2 * df) + 60, 20_000
    half = df / 2

    def density(at: float) -> float:
        return math.exp((half - 1) * math.log(at) - at / 2 - half * math.log(2) - math.lgamma(half))

    width = (upper - x) / steps
    inner = sum((4 if i % 2 else 2) * density(x + i * width) for i in range(1, steps))
    return (density(x) + inner + density(upper)) * width / 3


@pytest.mark.parametrize("df", [1, 2, 3, 4, 7, 19])
def test_the_tail_of_chi_square_is_the_integral_of_its_density(
    connection: Connection, df: int
) -> None:
    for x in (0.5, 1.9, 4.2, 11.0, 40.0):
        (found,) = connection.execute(
            "select medley.chi_square_survival(%s, %s)", (x, df)
        ).fetchone() or (None,)
        assert found == pytest.approx(survival_by_integration(x, df), rel=1e-7)


def test_one_degree_of_freedom_is_the_square_of_a_normal(connection: Connection) -> None:
    for z in (0.01, 0.5, 1, 1.2246, 1.96, 3.29, 6, 20):
        (found,) = connection.execute(
            "select medley.chi_square_survival(%s, 1)", (z * z,)
        ).fetchone() or (None,)
        assert found == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-10)


def make_world(dice: random.Random) -> list[Event]:
    """Impressions and what else members did: before, after, too early, too late."""
    events: list[Event] = []
    for member in range(1, MEMBERS + 1):
        variant = dice.choice(VARIANTS)
        keen = dice.random() ** 2 * (1.5 if variant == "near" else 1)
        exposed = START + timedelta(minutes=dice.randrange(1, 30 * 24 * 60))
        for _ in range(dice.randrange(1, 3)):
            events.append((member, "impression", exposed, f"mixed:{variant}", 0.0))
            exposed += timedelta(minutes=dice.randrange(1, 3 * 24 * 60))
        if dice.random() < 0.05:
            events.append((member, "impression", exposed, f"mixed:{dice.choice(VARIANTS)}", 0.0))
        for _ in range(int(keen * 30)):
            kind = dice.choice(["click", "like", "play", "skip", "dislike", "view"])
            at = START + timedelta(minutes=dice.randrange(-20 * 24 * 60, 45 * 24 * 60))
            events.append((member, kind, at, None, dice.randrange(0, 5) / 4))
    return list({(event[0], event[2], event[1]): event for event in events}.values())


@pytest.fixture(scope="module")
def world(connection: Connection) -> list[Event]:
    events = make_world(random.Random(11))  # noqa: S311
    execute = connection.execute
    execute("select tests.make_ranker('shelf')")
    execute("update medley.settings set value = 30 where key = 'experiments.min_members'")
    execute(
        """
        create temp table numbered on commit drop as
        select n, tests.make_member('number_' || n) as user_id
        from generate_series(1, %s) as n
        """,
        (MEMBERS,),
    )
    execute("select medley.member_numbers(array(select user_id from numbered))")
    execute(
        """
        select medley.create_experiment(
          'mixed', 'shelf',
          '[{"variant": "control", "share": 0.4}, {"variant": "near", "share": 0.3},
            {"variant": "new", "share": 0.3}]',
          'engagement', 1, null, 'salt', null, %s
        )
        """,
        (START,),
    )
    execute("select medley.start_experiment('mixed', %s)", (START,))
    execute(
        """
        insert into medley.engagements (occurred_at, user_no, item_no, kind_no, score, variant)
        select e.at, m.user_no, 0, k.kind_no, e.score, e.variant
        from unnest(%s::int[], %s::text[], %s::timestamptz[], %s::text[], %s::real[])
          as e (member, kind, at, variant, score)
        inner join numbered as n on e.member = n.n
        inner join medley.members as m on n.user_id = m.user_id
        inner join medley.engagement_kinds as k on e.kind = k.kind
        """,
        [list(column) for column in zip(*events, strict=True)],
    )
    execute("select medley.record_exposures(%s)", (AS_OF,))
    return events


def exposures(events: list[Event]) -> tuple[dict[int, tuple[str, datetime]], int]:
    """Each member's variant and first impression, and how many saw several."""
    shown: dict[int, list[tuple[datetime, str]]] = {}
    for member, kind, at, variant, _ in events:
        if kind == "impression" and variant and START <= at <= AS_OF:
            shown.setdefault(member, []).append((at, variant.removeprefix("mixed:")))
    clean = {m: rows for m, rows in shown.items() if len({row[1] for row in rows}) == 1}
    return {m: (min(rows)[1], min(rows)[0]) for m, rows in clean.items()}, len(shown) - len(clean)


def measured(rows: list[float], aggregation: str) -> float:
    if aggregation == "rate":
        return float(bool(rows))
    if aggregation == "count":
        return float(len(rows))
    return statistics.fmean(rows) if rows else 0.0


def near(expected: float) -> Any:
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


def half_width(error: float, n: int, alpha: float) -> float:
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / TUNED_FOR
    sigma = error * math.sqrt(n)
    factor = 2 * (n * rho2 + 1) / (n**2 * rho2) * math.log(math.sqrt(n * rho2 + 1) / alpha)
    return sigma * math.sqrt(factor)


@pytest.mark.parametrize(
    ("metric", "kinds", "aggregation"),
    [
        ("engagement", {"click", "like", "play"}, "rate"),
        ("clicks", {"click"}, "count"),
        ("satisfaction", {"click", "like", "play", "skip", "dislike"}, "mean"),
        ("rejection", {"dislike"}, "rate"),
    ],
)
def test_results_agree_with_python(
    connection: Connection, world: list[Event], metric: str, kinds: set[str], aggregation: str
) -> None:
    subjects, crossed = exposures(world)
    after: dict[int, list[float]] = {member: [] for member in subjects}
    before: dict[int, list[float]] = {member: [] for member in subjects}
    for member, kind, at, _, score in world:
        if member in subjects and kind in kinds and at <= AS_OF:
            exposed = subjects[member][1]
            if exposed <= at < exposed + WINDOW:
                after[member].append(score)
            elif exposed - BEFORE <= at < exposed:
                before[member].append(score)
    outcome = {
        v: [measured(after[m], aggregation) for m, s in subjects.items() if s[0] == v]
        for v in VARIANTS
    }
    covariate = {
        v: [measured(before[m], aggregation) for m, s in subjects.items() if s[0] == v]
        for v in VARIANTS
    }

    found = {
        row[0]: row[1:]
        for row in connection.execute(
            """
            select
              variant, members, value, lift, lift_lower, lift_upper, adjusted_lift, adjusted_lower,
              adjusted_upper, variance_ratio, verdict, excluded, ratio_p_value
            from medley.get_experiment_results('mixed', %s, %s)
            where metric = %s
            """,
            (metric, AS_OF, metric),
        )
    }
    assert sum(row[10] for row in found.values()) == crossed > 0
    n_all = sum(len(rows) for rows in outcome.values())
    shares = {"control": 0.4, "near": 0.3, "new": 0.3}
    chi = sum((len(outcome[v]) - n_all * s) ** 2 / (n_all * s) for v, s in shares.items())
    polarity = -1 if metric == "rejection" else 1

    control, control_x = outcome["control"], covariate["control"]
    for variant in VARIANTS:
        y, x = outcome[variant], covariate[variant]
        row = found[variant]
        assert row[0] == len(y)
        assert row[1] == near(statistics.fmean(y))
        assert row[11] == near(math.exp(-chi / 2))  # two degrees of freedom
        if variant == "control":
            assert row[2:10] == (None,) * 8
            continue
        n, alpha = len(y) + len(control), ALPHA / 2
        lift = statistics.fmean(y) - statistics.fmean(control)
        error = math.sqrt(
            statistics.variance(y) / len(y) + statistics.variance(control) / len(control)
        )
        assert row[2] == near(lift)
        assert row[3] == near(lift - half_width(error, n, alpha))
        assert row[4] == near(lift + half_width(error, n, alpha))

        theta = (
            statistics.covariance(x, y) * (len(y) - 1)
            + statistics.covariance(control_x, control) * (len(control) - 1)
        ) / (
            statistics.variance(x) * (len(x) - 1)
            + statistics.variance(control_x) * (len(control_x) - 1)
        )
        # Another way round: compare what is left of each outcome.
        rest = [b - theta * a for a, b in zip(x, y, strict=True)]
        control_rest = [b - theta * a for a, b in zip(control_x, control, strict=True)]
        adjusted = statistics.fmean(rest) - statistics.fmean(control_rest)
        adjusted_error = math.sqrt(
            statistics.variance(rest) / len(rest)
            + statistics.variance(control_rest) / len(control_rest)
        )
        width = half_width(adjusted_error, n, alpha)
        assert row[5] == near(adjusted)
        assert row[6] == near(adjusted - width)
        assert row[7] == near(adjusted + width)
        assert row[8] == near((adjusted_error / error) ** 2)
        verdict = "undecided"
        if abs(adjusted) > width:
            verdict = "better" if adjusted * polarity > 0 else "worse"
        assert row[9] == verdict
