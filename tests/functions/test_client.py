"""The Python client and the command line against the edge functions."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal

import pytest
from medley import (
    AsyncMedley,
    ImportProgress,
    InvalidArgument,
    Medley,
    NotFound,
    NotInstalled,
    Unauthenticated,
)
from medley._functions import Updates
from medley.cli import app
from supabase import AsyncClient
from typer.testing import CliRunner, Result

from tests.functions.conftest import Project, Recorded

pytestmark = pytest.mark.usefixtures("sources")

NAME = "The Paper Kites of Mars"


@pytest.fixture
def medley(project: Project) -> Medley:
    """The service's client."""
    return Medley(project.url, project.secret_key)


def test_an_import_is_started_and_watched(medley: Medley) -> None:
    job = medley.start_import(name=NAME)
    assert (job.stage, job.started) == ("identify", True)
    updates = list(medley.watch_import(job.job_id))
    assert updates[-1].stage == "done"
    assert updates[-1].finished
    assert updates[-1].progress == 100
    assert updates[-1].artist_id
    assert not any(update.finished for update in updates[:-1])
    again = medley.start_import(artist_id=updates[-1].artist_id)
    assert (again.job_id, again.started) == (job.job_id, False)
    # Who comes later sees how it ended.
    assert [update.stage for update in medley.watch_import(job.job_id)] == ["done"]


def test_the_asynchronous_client_does_the_same(project: Project) -> None:
    async def run() -> list[ImportProgress]:
        medley = AsyncMedley(AsyncClient(project.url, project.secret_key))
        job = await medley.start_import(name=NAME)
        return [update async for update in medley.watch_import(job.job_id)]

    assert asyncio.run(run())[-1].stage == "done"


def test_a_member_may_and_nobody_may_not(project: Project) -> None:
    client = project.client()
    with pytest.raises(Unauthenticated):
        Medley(client).start_import(name=NAME)
    client.auth.sign_up(
        {"email": f"{os.urandom(8).hex()}@example.com", "password": "correct horse"}
    )
    assert Medley(client).start_import(name=NAME).started


def test_refusals_are_the_exceptions_of_the_database(medley: Medley) -> None:
    with pytest.raises(NotFound):
        medley.start_import(artist_id="00000000-0000-0000-0000-000000000000")
    with pytest.raises(InvalidArgument):
        medley.start_import()
    with pytest.raises(InvalidArgument):
        medley.start_import(name=NAME, spotify_id="x")
    with pytest.raises(NotFound):
        list(medley.watch_import("nothing"))


def test_functions_that_are_not_deployed_are_told_from_things_not_found(
    project: Project, medley: Medley, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Medley, "_function", lambda *_: f"{project.url}/functions/v1/absent")
    with pytest.raises(NotInstalled):
        medley.start_import(name=NAME)


def test_a_stream_that_breaks_goes_on(project: Project, medley: Medley, sources: Recorded) -> None:
    sources.set(delay=60)
    job = medley.start_import(name=NAME)
    numbers = []
    broken = False
    for update in medley.watch_import(job.job_id):
        numbers.append(update.update_no)
        if update.stage == "songs" and not broken:
            (process,) = project.processes("import-progress")
            os.kill(process, signal.SIGKILL)
            broken = True
    assert broken
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert update.stage == "done"


def test_events_are_read_line_by_line() -> None:
    updates = Updates("job")
    state = {
        "job_id": "job",
        "stage": "songs",
        "progress": 20,
        "message": None,
        "error": None,
        "estimated_time_remaining": None,
        "updated_at": "2026-01-02T03:04:05+00:00",
        "artist_id": None,
    }
    lines = ["retry: 2000", "", ": alive", "", "id: 7", "event: progress"]
    lines += [f"data: {json.dumps(state)}", ""]
    found = [update for line in lines if (update := updates.feed(line)) is not None]
    assert [update.update_no for update in found] == [7]
    assert updates.headers() == {"Last-Event-ID": "7"}


# The command line ----------------------------------------------------------------------------


def command(project: Project, *arguments: str) -> Result:
    keys = {
        "SUPABASE_URL": project.url,
        "SUPABASE_PUBLISHABLE_KEY": project.publishable_key,
        "SUPABASE_SECRET_KEY": project.secret_key,
    }
    return CliRunner().invoke(app, ["import", *arguments], env=keys)


def test_the_command_imports_and_says_what_came(project: Project) -> None:
    result = command(project, "artist", NAME)
    assert result.exit_code == 0, result.output
    assert "100% done" in result.stderr
    assert re.search(r"artist [0-9a-f-]{36}: Imported\.", result.stdout)


def test_a_job_that_was_started_can_be_watched(project: Project) -> None:
    started = command(project, "artist", NAME, "--no-wait", "--json")
    job = json.loads(started.stdout)["job_id"]
    watched = command(project, "watch", job, "--json")
    assert watched.exit_code == 0
    assert json.loads(watched.stdout)["stage"] == "done"


def test_a_failed_import_fails_the_command_and_the_same_command_goes_on(
    project: Project, sources: Recorded
) -> None:
    sources.set(fail=[{"path": "/events.json", "status": 401}])
    failed = command(project, "artist", NAME)
    assert failed.exit_code == 1
    assert "source_refused: Ticketmaster" in failed.stderr
    sources.set()
    assert command(project, "artist", NAME).exit_code == 0


def test_an_unknown_job_is_bad_input(project: Project) -> None:
    result = command(project, "watch", "nothing")
    assert result.exit_code == 5
    assert "no import nothing" in result.stderr
