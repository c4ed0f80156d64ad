"""The simulated network: the same seed is the same network, calibrated, and written once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import numpy as np
import psycopg
import pytest
from medley.simulator import Log, Settings, make_log, make_world, write_log
from medley.simulator.calibration import (
    Figures,
    figures_of_file,
    figures_of_log,
    simulated_figures,
)
from medley.simulator.requests import WEIGHTS, attention
from medley.simulator.world import NAMES

from tests.database import Database

BEHAVIORS = Path("../shared/data/impressions_mind/behaviors.tsv")
SMALL = Settings(members=100, posts=600, impressions=3000, held_out=5, days=5)
UNTIL = datetime.now(UTC) - timedelta(hours=25)


@pytest.fixture(scope="module")
def log() -> Log:
    return make_log(make_world(SMALL))


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose work is rolled back, with all deferred constraints checked before."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        yield connection
        connection.execute("set constraints all immediate")


def value(connection: psycopg.Connection[Any], query: LiteralString) -> Any:
    ((found,),) = connection.execute(query).fetchall()
    return found


def test_the_same_settings_give_the_same_network_and_log(log: Log) -> None:
    again = make_log(make_world(SMALL))
    assert np.array_equal(again.world.texts, log.world.texts)
    assert np.array_equal(again.post, log.post)
    assert np.array_equal(again.happened, log.happened)


def test_nobody_is_shown_a_post_twice_or_of_their_own_or_before_it_was_written(log: Log) -> None:
    told = int(log.first[log.told()])
    member = log.member[log.request()]
    assert len({*zip(member[:told], log.post[:told], strict=True)}) == told
    assert not (log.world.author[log.post] == member).any()
    age = log.time[log.request()] - log.world.posted[log.post]
    assert age.min() >= 0
    assert age.max() <= 2


def test_nothing_happens_to_what_was_not_looked_at(log: Log) -> None:
    assert not log.happened[~log.looked].any()
    assert (log.dwell_ms > 0).tolist() == log.looked.tolist()


def test_the_ranker_is_right_on_average_and_knows_less_than_all() -> None:
    log = make_log(make_world(Settings(members=500, posts=3000, impressions=40_000, explored=0.0)))
    click = NAMES.index("click")
    expected, chance = log.expected[:, click], log.chance[:, click]
    for part in np.array_split(np.argsort(expected), 4):
        assert expected[part].mean() == pytest.approx(chance[part].mean(), rel=0.08)
    assert 0.3 < np.corrcoef(np.log(expected), np.log(chance))[0, 1] < 0.9


def test_the_truth_of_the_weights_that_ranked_is_what_happens_on_average(log: Log) -> None:
    log = make_log(make_world(Settings(members=500, posts=3000, impressions=40_000, explored=0.0)))
    request = log.request()
    seen = attention(log.position, log.world.settings.attention_slope)
    truth = log.engagement(WEIGHTS, slice(None))
    for name in ("click", "like", "dwell"):
        chance = log.chance[:, NAMES.index(name)]
        assert truth[name] == pytest.approx((seen * chance).sum() / (request[-1] + 1))
        happened = log.happened[:, NAMES.index(name)].sum() / (request[-1] + 1)
        assert happened == pytest.approx(truth[name], rel=0.15)


def test_figures_count_lists_with_a_click() -> None:
    found = Figures.of([(10, 1), (30, 2), (20, 0), (5, 1)])
    assert (found.lists, found.shown, found.clicked) == (3, 45, 4)
    assert found.one_click == pytest.approx(2 / 3)
    assert found.two_clicks == pytest.approx(1 / 3)
    assert found.by_length[1:4] == (1 / 5, 1 / 10, 2 / 30)
    with pytest.raises(ValueError, match="no list has a click"):
        Figures.of([(3, 0)])


@pytest.mark.skipif(not BEHAVIORS.is_file(), reason=f"{BEHAVIORS} is not there")
def test_simulated_lists_are_like_real_ones() -> None:
    real, made = figures_of_file(BEHAVIORS), simulated_figures()
    assert made.rate == pytest.approx(real.rate, rel=0.1)
    assert made.clicks == pytest.approx(real.clicks, rel=0.1)
    assert made.shown / made.lists == pytest.approx(real.shown / real.lists, rel=0.1)
    assert made.one_click == pytest.approx(real.one_click, abs=0.06)
    assert made.lengths == pytest.approx(real.lengths, rel=0.2, abs=2)
    assert made.by_length == pytest.approx(real.by_length, rel=0.25)


def test_the_defaults_stay_where_they_were_calibrated() -> None:
    settings = Settings(members=500, posts=4000, impressions=60_000)
    made = figures_of_log(make_log(make_world(settings)))
    assert made.rate == pytest.approx(0.0398, rel=0.15)
    assert made.clicks == pytest.approx(1.508, rel=0.15)


def test_the_log_is_in_the_database_and_what_is_held_out_is_not(
    connection: psycopg.Connection[Any], log: Log
) -> None:
    report = write_log(connection, log, UNTIL)
    told = int(log.first[log.told()])
    did = {name: int(log.happened[:told, NAMES.index(name)].sum()) for name in NAMES}
    logged = dict(
        connection.execute(
            """
            select k.kind, count(*)
            from medley.engagements as e
            inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
            inner join medley.items as i on i.item_no = e.item_no and i.kind = 'post'
            group by k.kind
            """
        ).fetchall()
    )
    assert logged.pop("impression") == told
    assert logged.pop("view") == log.looked[:told].sum()
    assert logged.pop("not_dwelled") + logged.get("dwell", 0) == log.looked[:told].sum()
    assert {**dict.fromkeys(NAMES, 0), **logged} == did
    assert report.written["posts"] == value(
        connection, "select count(*) from public.posts as p where p.content like 'Post %%'"
    )
    assert value(connection, "select sum(p.like_count) from public.posts as p") == did["like"]
    vectors = "select count(*) from medley.content_embeddings where embedding_type = 'text'"
    assert value(connection, vectors) == SMALL.posts
    newest = value(connection, "select max(occurred_at) from medley.engagements where position = 0")
    assert newest <= UNTIL
    graph = "select count(*) from pg_indexes where indexname = 'content_embeddings_384_idx'"
    assert value(connection, graph) == 1


def test_a_network_is_written_once(connection: psycopg.Connection[Any], log: Log) -> None:
    write_log(connection, log, UNTIL)
    with pytest.raises(ValueError, match="of seed 1 is there already"):
        write_log(connection, log, UNTIL)


def test_a_network_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 10 members"):
        Settings(members=1)
    with pytest.raises(ValueError, match="days above 0"):
        Settings(days=0)
    with pytest.raises(ValueError, match="knowledge strictly between"):
        Settings(knowledge=1)
