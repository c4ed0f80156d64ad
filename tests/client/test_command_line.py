"""The command line: what it prints for people and for programs, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from medley import __version__
from medley.cli import app
from medley.cli._output import table
from rich.console import Console
from typer.testing import CliRunner, Result

from tests.conftest import Api, Member

NAMES = ("DATABASE_URL", "SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY")
SOURCE = "command-line-test"
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No settings at all: neither in the environment nor in a file above."""
    for name in (*NAMES, "MEDLEY_INSTANCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture
def stack(nowhere: pytest.MonkeyPatch, api: Api) -> Iterator[Api]:
    """The settings of the running stack; what was loaded under SOURCE goes away."""
    values = (api.database_url, api.url, api.publishable_key, api.secret_key)
    for name, value in zip(NAMES, values, strict=True):
        nowhere.setenv(name, value)
    yield api
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        for table in ("events", "venues", "artists"):
            connection.execute(f"delete from public.{table} where source = '{SOURCE}'")


def medley(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def shown(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def venues(tmp_path: Path) -> Path:
    path = tmp_path / "venues.csv"
    path.write_text("name,city,lat,lng\nOne,Ghent,51.05,3.72\nTwo,Ghent,510,3.72\n")
    return path


# Without a project


@pytest.mark.usefixtures("nowhere")
def test_help_documents_the_exit_codes() -> None:
    assert "Exit codes: 0 done" in " ".join(medley("--help").stdout.split())
    assert medley("--version").stdout == f"medley {__version__}\n"


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    "command",
    [
        ("jobs",),
        ("refresh",),
        ("status",),
        ("calendar",),
        ("genres", "tree"),
        ("feed", "--user", NOBODY),
        ("recommend", "--user", NOBODY),
        ("explain", NOBODY, "--user", NOBODY),
        ("similar", NOBODY),
        ("trending",),
        ("log", "-"),
        ("accuracy",),
        ("experiment", "list"),
        ("load", "venues", "x.csv"),
        ("demo",),
    ],
)
def test_without_settings_it_says_which_and_ends_with_3(command: tuple[str, ...]) -> None:
    result = medley(*command)
    assert result.exit_code == 3
    assert "is not set" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("nowhere")
def test_a_database_that_is_not_there_ends_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@127.0.0.1:9/postgres")
    result = medley("jobs")
    assert result.exit_code == 3
    assert "Connection refused" in result.stderr


@pytest.mark.usefixtures("nowhere")
def test_an_api_that_is_not_there_ends_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SUPABASE_PUBLISHABLE_KEY", "key")
    assert medley("genres", "tree").exit_code == 3


@pytest.mark.usefixtures("nowhere")
def test_addresses_that_are_none_end_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "nonsense")
    for command in (("genres", "tree"), ("jobs",)):
        result = medley(*command)
        assert result.exit_code == 3
        assert "cannot be used" in result.stderr


@pytest.mark.usefixtures("nowhere")
def test_the_file_of_make_up_is_found_from_below(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".medley").mkdir()
    (tmp_path / ".medley" / "env").write_text(
        "# settings\nDATABASE_URL='postgresql://127.0.0.1:9/x?application_name=a%3Db'\n"
    )
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    result = medley("jobs")
    assert result.exit_code == 3
    assert "Connection refused" in result.stderr


@pytest.mark.usefixtures("nowhere")
def test_another_instance_has_a_file_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MEDLEY_INSTANCE", "other")
    (tmp_path / ".medley" / "other").mkdir(parents=True)
    address = "DATABASE_URL=postgresql://127.0.0.1:9/x\n"
    (tmp_path / ".medley" / "env").write_text(address)
    assert ".medley/other/env" in medley("jobs").stderr
    (tmp_path / ".medley" / "other" / "env").write_text(address)
    assert "Connection refused" in medley("jobs").stderr


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    "command",
    [
        ("nonsense",),
        ("feed",),
        ("feed", "--user", NOBODY, "--limit", "0"),
        ("trending", "--genre", "rock", "--platform", "web"),
        ("experiment", "create", "x", "--variant", "control=0.5"),
        ("experiment", "create", "x", "--variant", "control:0.5:recency"),
    ],
)
def test_a_wrong_command_line_ends_with_2(command: tuple[str, ...]) -> None:
    assert medley(*command).exit_code == 2


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    ("command", "finds"),
    [
        (("similar", "Radiohead"), "medley trending"),
        (("explain", NOBODY, "--user", "Ada"), "profiles"),
        (("recommend", "--user", "Ada"), "profiles"),
        (("feed", "--user", "Ada"), "profiles"),
        (("trending", "--friends-of", "Ada"), "profiles"),
        (("thread", "hello"), "medley post search"),
        (("timeline", "--user", "Ada"), "profiles"),
        (("post", "like", NOBODY, "--user", "Ada"), "profiles"),
        (("setlist", "show", "tonight"), "medley calendar"),
        (("setlist", "vote", "encore", "1", "--user", NOBODY), "medley setlist show"),
    ],
)
def test_what_is_no_id_is_refused_with_where_ids_are(command: tuple[str, ...], finds: str) -> None:
    result = medley(*command)
    assert result.exit_code == 2
    assert finds in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.usefixtures("nowhere")
def test_the_demo_does_not_write_into_a_project_elsewhere_unasked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "https://abc.supabase.co")
    result = medley("demo")
    assert result.exit_code == 2
    assert "--yes" in result.stderr


# Loads


@pytest.mark.usefixtures("stack")
def test_bad_rows_stop_a_load_and_end_with_5(venues: Path) -> None:
    result = medley("load", "venues", str(venues), "--source", SOURCE)
    assert result.exit_code == 5
    assert "venues.csv:3: latitude is out of range: '510'" in result.stderr
    assert "--skip-bad" in result.stderr


@pytest.mark.usefixtures("stack")
def test_skip_bad_keeps_the_good_rows_once(venues: Path) -> None:
    command = ("load", "venues", str(venues), "--source", SOURCE, "--skip-bad", "--json")
    first = shown(medley(*command))
    assert first["written"] == {"venues": 1}
    assert (first["skipped"], first["bad_rows"][0]["line"]) == (1, 3)
    assert shown(medley(*command))["written"] == {"venues": 0}


@pytest.mark.usefixtures("stack")
def test_a_load_tells_people_what_it_did(tmp_path: Path) -> None:
    path = tmp_path / "shows.csv"
    path.write_text("artist,date,venue\nSomeone new,2024-02-29,Somewhere\n")
    result = medley("load", "concerts", str(path), "--source", SOURCE, "--shift-to", "2031-01-01")
    assert result.exit_code == 0, result.stderr
    assert "events" in result.stdout


@pytest.mark.usefixtures("stack")
def test_a_missing_file_ends_with_5() -> None:
    result = medley("load", "artists", "no-such.csv")
    assert result.exit_code == 5
    assert "no-such.csv" in result.stderr


# Jobs


@pytest.mark.usefixtures("stack")
def test_a_job_runs_and_is_listed() -> None:
    (run,) = shown(medley("refresh", "rebuild_genre_taxonomy", "--json"))
    assert run["status"] == "succeeded"
    jobs = {job["name"]: job for job in shown(medley("jobs", "--json"))}
    assert jobs["rebuild_genre_taxonomy"]["last_status"] == "succeeded"
    assert "rebuild_genre_taxonomy" in medley("jobs").stdout


@pytest.mark.usefixtures("stack")
def test_refresh_rebuilds_first_and_leaves_housekeeping_out() -> None:
    names = [run["name"] for run in shown(medley("refresh", "--json"))]
    assert names[0] == "rebuild_genre_taxonomy"
    assert names.index("refresh_item_content") < names.index("rebuild_content_neighbors")
    assert "refresh_user_cluster_affinity" in names
    assert "prune_job_runs" not in names


@pytest.mark.usefixtures("stack")
def test_an_unknown_job_ends_with_5() -> None:
    result = medley("refresh", "no_such_job")
    assert result.exit_code == 5
    assert "no_such_job" in result.stderr


def test_a_job_that_fails_ends_with_1(stack: Api) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(
            "insert into medley.jobs (name, schedule, function_name, description, enabled) "
            "values ('cli_broken', '0 0 1 1 *', 'no_such_function', 'A test.', false)"
        )
        try:
            result = medley("refresh", "cli_broken")
        finally:
            connection.execute("delete from medley.jobs where name = 'cli_broken'")
    assert result.exit_code == 1
    assert "failed" in result.stdout


@pytest.mark.usefixtures("stack")
def test_status_is_for_people_and_programs() -> None:
    assert shown(medley("status", "--json"))["version"]
    assert "Jobs" in medley("status").stdout


# Reading


@pytest.mark.usefixtures("stack")
def test_genres_are_shown() -> None:
    tree = shown(medley("genres", "tree", "rock", "--depth", "1", "--json"))
    assert {node["path_slug"].split(".")[0] for node in tree} == {"rock"}
    assert "Rock" in medley("genres", "tree", "rock").stdout
    under = shown(medley("genres", "under", "jazz", "--json"))
    assert "jazz" in {genre["slug"] for genre in under}
    assert isinstance(shown(medley("genres", "similar", "jazz", "--json")), list)


@pytest.mark.usefixtures("stack")
def test_an_unknown_genre_ends_with_5() -> None:
    for command in (("tree", "no-such"), ("similar", "no-such"), ("under", "no-such")):
        result = medley("genres", *command)
        assert result.exit_code == 5
        assert "no-such" in result.stderr


@pytest.mark.usefixtures("stack")
def test_feed_and_calendar_are_lists(member: Member) -> None:
    assert isinstance(shown(medley("feed", "--user", member.id, "--limit", "3", "--json")), list)
    events = shown(
        medley("calendar", "--near", "51,3.7", "--radius", "9", "--limit", "2", "--json")
    )
    assert len(events) <= 2
    assert medley("calendar", "--limit", "3").exit_code == 0
    listed = medley("calendar", "--limit", "3", "--json")
    ids = [event["event_id"] for event in shown(listed)]
    assert all(event in medley("calendar", "--limit", "3", "--ids").stdout for event in ids)
    assert medley("feed", "--user", member.id, "--ids").exit_code == 0
    assert medley("calendar", "--near", "here").exit_code == 2


def test_an_empty_list_says_what_brings_rows(member: Member) -> None:
    past = medley("calendar", "--from", "1950-01-01", "--to", "1950-01-02")
    assert past.stdout == "No show is like that; ask for less.\n"
    written = medley("post", "list", member.id)
    assert written.stdout == "The member wrote nothing that is seen here.\n"
    assert shown(medley("post", "list", member.id, "--json")) == []


@pytest.mark.parametrize("last", [("id",), ("id", "most points")])
def test_ids_and_numbers_are_whole_on_a_narrow_terminal(last: tuple[str, ...]) -> None:
    words = "some words " * 9
    row = ["0.123", "Sun 22 Nov 2026 20:00", words, words, "1234567", NOBODY, words]
    columns = ("#score", "when", "author", "post", "#likes", *last)
    console = Console(width=80, file=StringIO())
    console.print(table(columns, [row[: len(columns)]]))
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(whole in printed for whole in (NOBODY, "0.123", "1234567"))


# Recommendations


@pytest.fixture
def artist(stack: Api) -> str:
    """The id of an artist that goes away with SOURCE."""
    rows = stack.client(stack.secret_key).table("artists")
    made: list[Any] = rows.insert({"name": "Someone", "source": SOURCE}).execute().data
    return str(made[0]["id"])


def test_recommendations_and_what_is_around_them_are_shown(member: Member, artist: str) -> None:
    commands = (
        ("recommend", "--user", member.id, "--kind", "artist", "--limit", "3"),
        ("similar", artist, "--limit", "3"),
        ("trending", "--window", "week", "--limit", "3"),
        ("trending", "--friends-of", member.id),
        ("trending", "--taste-of", member.id),
    )
    for command in commands:
        assert len(shown(medley(*command, "--json"))) <= 3
        assert medley(*command).exit_code == 0
    assert medley(*commands[1], "--ids").exit_code == 0
    recommend = commands[0]
    ids = [row["item_id"] for row in shown(medley(*recommend, "--json"))]
    assert ids
    assert not any(item in medley(*recommend).stdout for item in ids)
    assert all(item in medley(*recommend, "--ids").stdout for item in ids)
    why = shown(medley("explain", artist, "--user", member.id, "--json"))
    assert (why["title"], why["hidden_by"]) == ("Someone", [])
    assert "Someone" in medley("explain", artist, "--user", member.id).stdout


def test_a_log_is_written_once_and_refusals_end_with_5(
    member: Member, artist: str, tmp_path: Path
) -> None:
    event = {"user_id": member.id, "item_id": artist, "occurred_at": "2024-05-01T12:00:00Z"}
    path = tmp_path / "events.jsonl"
    good = json.dumps({**event, "kind": "like"})
    path.write_text(f"{good}\n\n")
    assert shown(medley("log", str(path), "--json"))["accepted"] == 1
    assert "seen" in shown(medley("explain", artist, "--user", member.id, "--json"))["hidden_by"]
    path.write_text(f"{good}\n\n{json.dumps({**event, 'kind': 'applause'})}\n")
    result = medley("log", str(path), "--json")
    assert result.exit_code == 5
    answer = json.loads(result.stdout)
    assert (answer["accepted"], answer["duplicate"], answer["refused"]) == (0, 1, 1)
    assert (answer["refusals"][0]["line"], answer["refusals"][0]["code"]) == (3, "invalid_argument")
    assert "events.jsonl:3: " in medley("log", str(path)).stderr


@pytest.mark.usefixtures("stack")
def test_lines_that_are_no_events_stop_a_log(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("{}\n[1]\nlike\n")
    result = medley("log", str(path))
    assert result.exit_code == 5
    assert "events.jsonl:2: no JSON object" in result.stderr
    assert "events.jsonl:3: no JSON" in result.stderr
    assert medley("log", str(tmp_path / "no-such.jsonl")).exit_code == 5


@pytest.mark.usefixtures("stack")
def test_an_experiment_is_made_started_read_and_stopped() -> None:
    name = f"t{uuid4().hex[:12]}"
    variants = ("--variant", "control:0.5", "--variant", "fresh:0.5:recency=0.5,social=0.1")
    made = shown(medley("experiment", "create", name, *variants, "--traffic", "0.1", "--json"))
    assert (made["status"], made["traffic"]) == ("draft", 0.1)
    assert made["variants"][1]["weights"] == {"recency": 0.5, "social": 0.1}
    try:
        assert shown(medley("experiment", "start", name, "--json"))["status"] == "running"
        assert "control" in medley("experiment", "results", name).stdout
    finally:
        assert shown(medley("experiment", "stop", name, "--json"))["status"] == "stopped"
    assert name in medley("experiment", "list").stdout
    assert medley("experiment", "start", name).exit_code == 5
    assert medley("experiment", "results", "no_such").exit_code == 5


def test_a_wrong_key_ends_with_4(stack: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_wrong")
    assert medley("status").exit_code == 4
    monkeypatch.setenv("SUPABASE_SECRET_KEY", stack.publishable_key)
    assert medley("status").exit_code == 4


@pytest.mark.usefixtures("artist")
def test_items_are_found_by_name(member: Member, artist: str) -> None:
    (found,) = shown(medley("find", "someone", "--kind", "artist", "--limit", "1", "--json"))
    assert (found["title"], found["kind"]) == ("Someone", "artist")
    printed = medley("find", "Somone", "--user", member.id, "--limit", "200")
    assert artist in printed.stdout
    unknown = uuid4().hex
    assert unknown in medley("find", unknown).stdout
    assert medley("find", "").exit_code == 5
