"""The demonstration end to end on the running stack, with the project's own catalogue."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medley import Medley
from medley.cli import app
from medley.demo import find_data
from supabase import create_client
from typer.testing import CliRunner, Result

from tests.conftest import Api

SETTINGS = (
    *("DATABASE_URL", "SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY"),
    "MEDLEY_INSTANCE",
)
SOURCES = ["demo", "simulated"]


@pytest.fixture(scope="module")
def stack(api: Api) -> Iterator[Api]:
    """The stack; afterwards what the demonstration made is gone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", api.database_url)
        patch.setenv("SUPABASE_URL", api.url)
        patch.setenv("SUPABASE_PUBLISHABLE_KEY", api.publishable_key)
        patch.setenv("SUPABASE_SECRET_KEY", api.secret_key)
        yield api
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        connection.execute("delete from auth.users where email like '%@members.invalid'")
        connection.execute("delete from auth.users where email = 'demo@members.example'")
        for table in ("events", "venues", "songs", "artists"):
            connection.execute(f"delete from public.{table} where source = any(%s)", (SOURCES,))


def demo(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ("demo", "--own", *arguments))
    assert result.exit_code == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def first(stack: Api) -> dict[str, Any]:
    """The answer of a first run."""
    assert stack
    answer: dict[str, Any] = json.loads(demo("--json").stdout)
    return answer


def test_everything_is_loaded_and_every_job_succeeds(first: dict[str, Any]) -> None:
    assert all(first["world"]["rows"].values())
    assert {job["status"] for job in first["world"]["jobs"]} == {"succeeded"}


def test_a_like_counts_in_the_next_call(first: dict[str, Any]) -> None:
    seen = first["played"]["recommended"]
    before, after = seen["before"], seen["after"]
    assert seen["liked"]["item_id"] in {item["item_id"] for item in before}
    assert seen["liked"]["item_id"] not in {item["item_id"] for item in after}
    assert any(seen["liked"]["title"] in item["reason"] for item in after)
    assert seen["explained_liked"]["hidden_by"] == ["seen"]
    causes = {cause["item_id"] for cause in seen["explained"]["causes"]}
    assert seen["liked"]["item_id"] in causes
    assert {item["kind"] for item in seen["similar_events"]} == {"event"}


def test_votes_on_a_predicted_setlist_count(first: dict[str, Any]) -> None:
    seen = first["played"]["voted"]
    assert len(seen["predicted"]) == 7
    assert all(song["title"].endswith("(simulated)") for song in seen["predicted"])
    assert [song["my_vote"] for song in seen["after"]] == [1, 0, 0, 0, 0, 0, -1]
    voted = {seen["vote_for"]["song_id"], seen["vote_against"]["song_id"]}
    assert not voted & {item["item_id"] for item in seen["recommended"]}


def test_a_generated_track_is_counted_and_compared(first: dict[str, Any]) -> None:
    seen = first["played"]["generated"]
    assert (seen["queued"]["status"], seen["queued"]["queue_position"]) == ("queued", 1)
    assert seen["completed"]["status"] == "completed"
    assert seen["quota"]["daily_count"] == 1
    # Sounds of a genre are waves of one length.
    assert all(track["title"].startswith("Slow ") for track in seen["similar"])
    assert seen["kept"]["item_id"] not in {item["item_id"] for item in seen["recommended"]}


def test_the_timeline_knows_what_was_shown_and_who_is_followed(first: dict[str, Any]) -> None:
    seen = first["played"]["scrolled"]
    before, after = seen["before"], seen["after"]
    assert {post["source"] for post in before} - {"following", "repost"}
    assert not {post["post_id"] for post in before} & {post["post_id"] for post in after}
    found = [post for post in after if post["author_id"] == seen["followed"]["author_id"]]
    assert found
    assert {post["source"] for post in found} == {"following"}
    assert [entry["depth"] for entry in seen["thread"]] == [0, 1]


def test_an_rsvp_and_a_follow_count_in_the_next_call(first: dict[str, Any]) -> None:
    played = first["played"]
    before = {event["event_id"]: event for event in played["before"]}
    assert played["rsvp"]["event_id"] in before
    raised = [event for event in played["after"] if event["headliner"] == played["followed"]]
    assert raised
    assert all("artist_follow" in event["breakdown"] for event in raised)
    assert not any(
        "artist_follow" in event["breakdown"]
        for event in before.values()
        if event["headliner"] == played["followed"]
    )
    # The answer to one event speaks for others of its clusters in its country.
    assert any("cluster" in event["breakdown"] for event in played["after"])


def test_the_member_of_the_snippet_can_sign_in(first: dict[str, Any], stack: Api) -> None:
    member = first["played"]["member"]
    client = create_client(stack.url, first["publishable_key"])
    client.auth.sign_in_with_password({"email": member["email"], "password": member["password"]})
    assert len(Medley(client).personalized_feed(limit=5)) == 5


def test_a_second_run_doubles_nothing_and_shows_it_to_people(first: dict[str, Any]) -> None:
    result = demo()
    text = result.stdout
    assert "new id and password" in text
    # No terminal here: progress is a line a step.
    assert "Loading the catalogue\n" in result.stderr
    assert "Job refresh_trending\n" in result.stderr
    for count in (f"{first['world']['rows'][name]:,} {name}" for name in ("artists", "events")):
        assert count in text
    # What it says to run next runs as it is printed, in a shell that knows nothing else.
    (command,) = (line for line in text.splitlines() if "medley recommend --user" in line)
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    shell = ("sh", "-c", command)
    ran = subprocess.run(shell, env=kept, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "artist" in ran.stdout
    again = json.loads(demo("--json").stdout)
    assert again["world"]["rows"] == first["world"]["rows"]
    assert again["world"]["plays"] == first["world"]["plays"]
    for section in (
        "Recommendations for a member",
        "The next call after a like",
        "Trending this week",
        "Artists by votes",
        "A member's feed",
        "Generated music",
        "A home timeline",
        "The next timeline after a follow",
        "The next call",
        "The calendar under",
        "Analytics",
        "URL",
        "medley recommend --user ",
    ):
        assert section in text


def test_a_data_folder_without_data_is_named(stack: Api, tmp_path: Path) -> None:
    assert stack
    result = CliRunner().invoke(app, ("demo", "--data", str(tmp_path)))
    assert result.exit_code == 5
    assert str(tmp_path) in result.stderr


def test_data_is_found_by_option_then_by_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("named", "set"):
        (tmp_path / name / "lastfm_hetrec").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MEDLEY_DATA", raising=False)
    assert find_data(None) is None
    monkeypatch.setenv("MEDLEY_DATA", str(tmp_path / "set"))
    assert find_data(None) == tmp_path / "set"
    assert find_data(tmp_path / "named") == tmp_path / "named"
