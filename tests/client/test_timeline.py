"""The home timeline through the API and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from medley import Forbidden, InvalidCursor, Medley, TimelinePost, Unauthenticated
from medley.cli import app
from supabase import Client
from typer.testing import CliRunner

from tests.conftest import Api, Member


@pytest.fixture(scope="module", autouse=True)
def posts_go(service: Client) -> Iterator[None]:
    """What the tests wrote would be new in others."""
    began = datetime.now(UTC)
    yield
    service.table("posts").delete().gte("created_at", began.isoformat()).execute()


@pytest.fixture
def ada(member: Member, other_member: Member) -> Medley:
    """Follows the other member."""
    member.client.table("follows").insert({"followed_id": other_member.id}).execute()
    return Medley(member.client)


@pytest.fixture
def bob(other_member: Member) -> Medley:
    return Medley(other_member.client)


def of(rows: Iterator[TimelinePost], author: Member) -> list[TimelinePost]:
    return [row for row in rows if row.author_id == author.id]


def test_a_timeline_is_read_and_its_impressions_are_logged(
    ada: Medley, bob: Medley, other_member: Member
) -> None:
    written = [bob.post(f"Post {n}") for n in range(3)]
    rows = of(ada.iter_home_timeline(page_size=1), other_member)
    assert {row.post_id for row in rows} == set(written)
    first = rows[0]
    assert (first.source, first.in_network, first.algorithm, first.variant) == (
        "following",
        True,
        "rates",
        None,
    )
    assert first.score == pytest.approx(sum(first.breakdown.values()), abs=1e-5)
    assert first.context["request_id"] == first.request_id
    assert len({row.request_id for row in rows}) == 1
    assert [row.position for row in rows] == sorted(row.position for row in rows)

    results = ada.log_impressions(rows)
    assert [result.status for result in results] == ["accepted"] * 3
    assert of(iter(ada.home_timeline(limit=200)), other_member) == []


def test_a_cursor_is_ones_own(ada: Medley, bob: Medley, api: Api, other_member: Member) -> None:
    bob.post("One"), bob.post("Two")
    page = ada.home_timeline(limit=1)
    assert page.next_cursor is not None
    with pytest.raises(InvalidCursor):
        bob.home_timeline(cursor=page.next_cursor)
    with pytest.raises(Forbidden):
        ada.home_timeline(user_id=other_member.id)
    with pytest.raises(Unauthenticated):
        Medley(api.client()).home_timeline()


def test_the_service_reads_anybodys_timeline(
    ada: Medley, bob: Medley, member: Member, other_member: Member
) -> None:
    written = bob.post("For the command line")
    run = CliRunner().invoke(app, ["timeline", "--user", member.id, "--limit", "50", "--json"])
    assert run.exit_code == 0, run.output
    shown = {row["post_id"]: row for row in json.loads(run.stdout)}
    assert shown[written]["author_id"] == other_member.id
    assert shown[written]["source"] == "following"
    run = CliRunner().invoke(app, ["timeline", "--user", member.id], env={"COLUMNS": "300"})
    assert run.exit_code == 0, run.output
    assert "For the command line" in run.stdout
    assert [row.post_id for row in ada.home_timeline(limit=200) if row.post_id == written]
