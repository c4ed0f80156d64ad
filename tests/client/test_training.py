"""The functions of training over HTTP: what the service gets, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from medley import (
    AsyncMedley,
    Conflict,
    Forbidden,
    InvalidArgument,
    InvalidCursor,
    Medley,
    NotFound,
    TrainingPair,
)
from supabase import Client

from tests.conftest import Api, Member

TOWER = [[1.0 if column == row else 0.0 for column in range(384)] for row in range(256)]


@pytest.fixture
def medley(service: Client) -> Medley:
    return Medley(service)


@pytest.fixture
def version(medley: Medley) -> Iterator[str]:
    """A version of no weights."""
    name = uuid4().hex
    medley.create_model_version(name, metadata={"num_training_samples": 1, "metrics": {"auc": 0.5}})
    yield name
    medley.delete_model_version(name)


@pytest.fixture
def engaged(medley: Medley, service: Client, member: Member) -> Iterator[str]:
    """A member who liked three artists of three days ago."""
    names = [uuid4().hex for _ in range(3)]
    rows = service.table("artists").insert([{"name": name} for name in names]).execute().data
    items = [str(row["id"]) for row in rows if isinstance(row, dict)]
    medley.log_engagement(
        [
            {
                "user_id": member.id,
                "item_id": item,
                "kind": "like",
                "occurred_at": datetime.now(UTC) - timedelta(days=3, minutes=place),
            }
            for place, item in enumerate(items)
        ]
    )
    yield member.id
    service.table("artists").delete().in_("id", items).execute()


def test_pairs_come_page_by_page(medley: Medley, engaged: str) -> None:
    name = uuid4().hex
    written = medley.generate_training_pairs(algorithm_version=name, user_id=engaged)
    assert (written.positives, written.negatives) == (3, 0)
    again = medley.generate_training_pairs(algorithm_version=name, user_id=engaged)
    assert (again.positives, again.negatives) == (0, 0)
    pairs = list(medley.iter_training_pairs(algorithm_version=name, page_size=2))
    assert [pair.user_id for pair in pairs] == [engaged] * 3
    assert all(isinstance(pair, TrainingPair) and pair.label for pair in pairs)
    # Each knows those before it.
    by_time = sorted(pairs, key=lambda pair: pair.interaction_at)
    assert [len(pair.user_history["recent_likes"]) for pair in by_time] == [0, 1, 2]
    page = medley.training_pairs(algorithm_version=name, limit=2)
    assert list(page) == pairs[:2]
    with pytest.raises(InvalidCursor):
        medley.training_pairs(cursor=page.next_cursor)


def test_a_version_is_written_and_noted(medley: Medley, version: str, engaged: str) -> None:
    medley.generate_training_pairs(algorithm_version=version, user_id=engaged)
    pairs = list(medley.iter_training_pairs(algorithm_version=version))
    rows = [{"row_no": number, "weights": row} for number, row in enumerate(TOWER)]
    assert medley.set_model_weights(version, "item", rows) == 256
    assert medley.set_model_heads(
        version, [{"kind": "like", "intercept": -1, "similarity": 2, "rate": 1}]
    )
    assert medley.set_model_pairs(version, {pair.pair_id: 0.5 for pair in pairs}) == 3
    (found,) = [entry for entry in medley.model_versions() if entry.version == version]
    assert found.metrics == {"auc": 0.5}
    assert found.heads == {"like": {"intercept": -1, "similarity": 2, "rate": 1}}
    assert not found.is_active
    # One of its towers lacks.
    with pytest.raises(Conflict):
        medley.activate_model(version)
    mine = [old for old in medley.cleanup_old_training_pairs(days=0) if old.pairs >= 3]
    assert version in {old.algorithm_version for old in mine}
    assert len(list(medley.iter_training_pairs(algorithm_version=version))) == 3


def test_bad_input_is_refused(medley: Medley) -> None:
    with pytest.raises(InvalidArgument):
        medley.generate_training_pairs(lookback_days=-1)
    with pytest.raises(InvalidArgument):
        medley.generate_training_pairs(negative_ratio=float("nan"))
    with pytest.raises(InvalidArgument):
        medley.cleanup_old_engagement_events(days=1)
    with pytest.raises(NotFound):
        medley.activate_model("nobody's")
    assert medley.cleanup_old_engagement_events(days=36_500) == ()


@pytest.mark.parametrize(
    "ask",
    [
        lambda medley: medley.generate_training_pairs(),
        lambda medley: medley.training_pairs(),
        lambda medley: medley.model_versions(),
        lambda medley: medley.activate_model("x"),
        lambda medley: medley.cleanup_old_training_pairs(),
        lambda medley: medley.cleanup_old_engagement_events(),
    ],
)
def test_members_have_no_part_in_it(ask: Callable[[Medley], object], member: Member) -> None:
    with pytest.raises(Forbidden):
        ask(Medley(member.client))


def test_the_asynchronous_client_pages_too(api: Api) -> None:
    async def count() -> int:
        medley = AsyncMedley(api.url, api.secret_key)
        return len([pair async for pair in medley.iter_training_pairs(algorithm_version="none's")])

    assert asyncio.run(count()) == 0
