"""`medley simulate` and `medley replay`: from nothing to what other weights would have done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from medley.cli import app
from typer.testing import CliRunner, Result

from tests.database import Database

NETWORK = ("--members", "60", "--posts", "300", "--impressions", "1500", "--days", "3")


@pytest.fixture(scope="module")
def empty(
    new_database: Callable[..., AbstractContextManager[Database]],
) -> Iterator[Database]:
    """A database of its own: a simulated network is committed."""
    with new_database(name="simulate") as made:
        yield made


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, empty: Database) -> Database:
    monkeypatch.setenv("DATABASE_URL", empty.cluster.url())
    return empty


def medley(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def shown(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_network_is_simulated_once_and_replayed(settings: Database, tmp_path: Path) -> None:
    report = shown(medley("simulate", *NETWORK, "--json"))
    assert (report["written"]["members"], report["written"]["posts"]) == (60, 300)
    again = medley("simulate", *NETWORK)
    assert again.exit_code == 5
    assert "seed 1 is there already" in again.stderr

    weights = tmp_path / "weights.json"
    weights.write_text('{"click": 50}')
    rows = shown(medley("replay", "--weights", str(weights), "--json"))
    told = {row["measure"]: row for row in rows}
    assert told["kendall_tau"]["replayed"] < 1
    assert told["click"]["logged"] > 0
    shown_rows = settings.value(
        "select count(*) from medley.engagements as e where e.context ? 'p'"
    )
    assert told["click"]["shown"] == shown_rows
    table = medley("replay", "--weights", str(weights), "--kind", "post")
    assert "requests" in table.stdout
    assert "± 95 %" in table.stdout


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "p_weights must be an object"),
        ('{"nonsense": 1}', "nonsense is no weight that can be replayed"),
    ],
)
def test_bad_weights_end_with_5(tmp_path: Path, text: str, message: str) -> None:
    weights = tmp_path / "weights.json"
    weights.write_text(text)
    result = medley("replay", "--weights", str(weights))
    assert result.exit_code == 5
    assert message in result.stderr


@pytest.mark.usefixtures("settings")
def test_a_time_without_requests_ends_with_5(tmp_path: Path) -> None:
    weights = tmp_path / "weights.json"
    weights.write_text("{}")
    result = medley("replay", "--weights", str(weights), "--until", "2001-01-01")
    assert result.exit_code == 5
    assert "No request of that time" in result.stderr


def test_calibrate_prints_both_beside_each_other(tmp_path: Path) -> None:
    lists = tmp_path / "behaviors.tsv"
    lists.write_text("1\tU1\t11/9/2019 6:42:51 PM\t\tN3-0 N2-1\n")
    result = medley("simulate", "--calibrate", str(lists))
    assert result.exit_code == 0, result.stderr
    assert "click rate" in result.stdout
    assert "50.00%" in result.stdout
