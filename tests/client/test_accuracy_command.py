"""`medley accuracy`: what it hands to the harness, which has tests of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medley.cli import _accuracy, app
from medley.loaders import load_interactions
from typer.testing import CliRunner

from tests.conftest import Api
from tests.database import Database


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose work is rolled back, what loaders commit included."""
    with database.connect() as own, own.transaction(force_rollback=True):
        yield own


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands of the stack that were given; none is run."""
    given: list[tuple[str, ...]] = []

    def record(*arguments: str) -> int:
        given.append(arguments)
        return 0

    monkeypatch.setattr(_accuracy, "_stack", record)
    return given


def test_what_members_like_is_written_in_numbers(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    played = tmp_path / "played.csv"
    played.write_text("ada,song,2,86400\nada,tune,1,172800\nada,song,1,259200\n")
    load_interactions(connection, played, "csv", kind="tune")
    rated = tmp_path / "rated.csv"
    rated.write_text("ada,liked,5,86400\nada,disliked,0.5,86400\n")
    load_interactions(connection, rated, "movielens", kind="film")
    file = tmp_path / "members.csv"

    def written(kind: str | None) -> list[list[str]]:
        count = _accuracy.export(connection, kind, file)
        header, *rows = file.read_text().splitlines()
        assert (header, count) == ("user,item,time", len(rows))
        return [row.split(",") for row in rows]

    assert sorted(time for _, _, time in written("tune")) == ["172800", "259200"]
    assert [time for _, _, time in written("film")] == ["86400"]
    assert len(written(None)) == 3
    assert written("artist") == []


def test_a_file_goes_to_the_harness_as_it_is(
    commands: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plays.dat").write_text("1\t2\t3\n")
    monkeypatch.chdir(tmp_path)
    asked = ["--interactions", "plays.dat", "--format", "lastfm", "--only", "ease", "--json"]
    result = CliRunner().invoke(app, ["accuracy", *asked])
    assert result.exit_code == 0, result.stderr
    assert commands[:2] == [("up",), ("peers",)]
    assert commands[2] == (
        *("exec", "python", "-m", "tests.accuracy"),
        *("--interactions", str(tmp_path / "plays.dat"), "--format", "lastfm"),
        *("--only", "ease", "--json", "-"),
    )


def test_ones_own_members_are_split_by_time(
    api: Api, commands: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", api.database_url)
    monkeypatch.setattr(_accuracy, "export", lambda *_: 1)
    assert CliRunner().invoke(app, ["accuracy"]).exit_code == 0
    assert commands[2][-4:] == ("--format", "csv", "--splits", "time")


def test_nobody_who_likes_anything_is_bad_input(
    api: Api, commands: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", api.database_url)
    result = CliRunner().invoke(app, ["accuracy", "--kind", "no such kind"])
    assert result.exit_code == 5
    assert "of the kind no such kind" in result.stderr
    assert not commands


def test_without_the_source_it_says_where_to_find_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(_accuracy, "CHECKOUT", tmp_path)
    result = CliRunner().invoke(app, ["accuracy"])
    assert result.exit_code == 3
    assert "clone it" in result.stderr


def test_what_the_harness_answers_is_the_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("a,b\n")
    monkeypatch.setattr(_accuracy, "_stack", lambda *arguments: 5 * (arguments[0] == "exec"))
    assert CliRunner().invoke(app, ["accuracy", "--interactions", str(file)]).exit_code == 5
