"""The edge function import-progress: updates as server-sent events, once and in order."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from medley_stack.cluster import SUPERUSER

from tests.database import Database
from tests.functions.conftest import Project, Recorded, events_of

STREAMS = 200


def make_job(database: Database, name: str) -> tuple[str, str]:
    """A job that this test works on itself; its id and lease."""
    artist = json.dumps({"name": name})
    job_id = database.value("select job_id from public.start_import(%s::jsonb)", artist)
    lease = database.value("select lease from public.claim_import(%s)", job_id)
    return str(job_id), str(lease)


def report(database: Database, job: tuple[str, str], message: str) -> None:
    database.execute("select public.report_import_progress(%s, %s, 0.5, %s)", *job, message)


def fail(database: Database, job: tuple[str, str]) -> None:
    database.execute("select public.fail_import(%s, %s, 'source_unavailable', 'no')", *job)


def read(project: Project, job_id: str, **headers: str) -> httpx.Response:
    """A stream to its end."""
    return project.call("GET", f"import-progress?job_id={job_id}", headers=headers)


def messages(answer: httpx.Response) -> list[str]:
    return [data["message"] for _, _, data in events_of(answer.text)]


def test_a_stream_follows_an_import_to_its_end(project: Project, sources: Recorded) -> None:
    sources.set(delay=20)
    job_id = project.start(name="The Paper Kites of Mars")["job_id"]
    answer = read(project, job_id)
    assert answer.headers["content-type"] == "text/event-stream"
    events = events_of(answer.text)
    ids = [number for number, _, _ in events]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert [name for _, name, _ in events] == ["progress"] * (len(events) - 1) + ["done"]
    progress = [data["progress"] for _, _, data in events]
    assert progress == sorted(progress)
    assert progress[-1] == 100
    stages = list(dict.fromkeys(data["stage"] for _, _, data in events))
    assert stages[-3:] == ["events", "setlists", "done"]
    assert events[-1][2]["job_id"] == job_id
    assert events[-1][2]["artist_id"]


def test_the_current_state_comes_first(project: Project) -> None:
    job = make_job(project.database, "one")
    report(project.database, job, "first")
    report(project.database, job, "second")
    fail(project.database, job)
    ((number, name, data),) = events_of(read(project, job[0]).text)
    assert (number, name) == (4, "failed")
    assert data["error"] == "source_unavailable: no"


def test_last_event_id_brings_what_was_missed(project: Project) -> None:
    job = make_job(project.database, "two")
    for message in ("a", "b", "c"):
        report(project.database, job, message)
    fail(project.database, job)
    missed = read(project, job[0], **{"Last-Event-ID": "2"})
    assert [number for number, _, _ in events_of(missed.text)] == [3, 4, 5]
    # A number of another job's: from the current state.
    future = read(project, job[0], **{"Last-Event-ID": "99"})
    assert future.status_code == 204
    # Nothing is left to say: an EventSource that gets 204 does not come back.
    assert read(project, job[0], **{"Last-Event-ID": "5"}).status_code == 204


def test_a_job_that_goes_on_after_a_failure_goes_on_in_the_stream(project: Project) -> None:
    job = make_job(project.database, "again")
    fail(project.database, job)
    assert [n for n, _, _ in events_of(read(project, job[0]).text)] == [2]
    same = project.database.value(
        "select job_id from public.start_import(%s::jsonb)", '{"name": "again"}'
    )
    assert same == job[0]
    lease = str(project.database.value("select lease from public.claim_import(%s)", job[0]))
    fail(project.database, (job[0], lease))
    later = events_of(read(project, job[0], **{"Last-Event-ID": "2"}).text)
    assert [(number, name) for number, name, _ in later] == [(3, "progress"), (4, "failed")]


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("?job_id=unknown", {}, (404, "not_found")),
        ("", {}, (400, "invalid_argument")),
        ("?job_id=", {}, (400, "invalid_argument")),
        ("?job_id=x", {"Last-Event-ID": "one"}, (400, "invalid_argument")),
        ("?job_id=" + "x" * 300, {}, (400, "invalid_argument")),
    ],
)
def test_bad_requests_are_refused_with_a_code(
    project: Project, query: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    answer = project.call("GET", f"import-progress{query}", headers=headers)
    assert (answer.status_code, json.loads(answer.json()["details"])["code"]) == expected


def test_a_stream_shows_that_it_lives(project: Project) -> None:
    job = make_job(project.database, "quiet")
    url = f"{project.url}/functions/v1/import-progress?job_id={job[0]}"
    with httpx.stream("GET", url, timeout=30) as answer:
        lines = answer.iter_lines()
        assert any(line == ": alive" for line in lines)
    fail(project.database, job)


async def listen(
    client: httpx.AsyncClient, url: str, job_id: str, ready: asyncio.Semaphore
) -> list[tuple[int, str]]:
    """A stream to its end: number and name of each event."""
    found = []
    async with client.stream("GET", url, params={"job_id": job_id}) as answer:
        assert answer.status_code == 200
        number = 0
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                number = int(line[4:])
            elif line.startswith("event: "):
                found.append((number, line[7:]))
                if len(found) == 1:
                    ready.release()
    return found


def test_two_hundred_streams_get_every_update_once_and_in_order(project: Project) -> None:
    jobs = [make_job(project.database, f"job {number}") for number in range(20)]
    url = f"{project.url}/functions/v1/import-progress"

    async def run() -> list[list[tuple[int, str]]]:
        ready = asyncio.Semaphore(0)
        limits = httpx.Limits(max_connections=STREAMS)
        async with httpx.AsyncClient(limits=limits, timeout=60) as client:
            streams = [
                asyncio.create_task(listen(client, url, jobs[number % len(jobs)][0], ready))
                for number in range(STREAMS)
            ]
            for _ in streams:
                await ready.acquire()
            for step in range(10):
                for job in jobs:
                    await asyncio.to_thread(report, project.database, job, f"step {step}")
            for job in jobs:
                await asyncio.to_thread(fail, project.database, job)
            return await asyncio.gather(*streams)

    expected = [(number, "progress") for number in range(1, 12)] + [(12, "failed")]
    assert asyncio.run(run()) == [expected] * STREAMS


@pytest.fixture
def counted(project: Project) -> Iterator[Callable[[], int]]:
    """How often the function has asked the database so far, a second or so behind."""

    def count(setting: str) -> None:
        with project.database.connect(SUPERUSER) as superuser:
            superuser.execute(f"alter system set track_functions = {setting}")
            superuser.execute("select pg_reload_conf()")

    def polls() -> int:
        return int(
            project.database.value(
                """
                select coalesce(sum(f.calls), 0) from pg_stat_user_functions as f
                where f.schemaname = 'medley' and f.funcname = 'get_import_updates'
                """
            )
        )

    count("pl")
    yield polls
    count("none")


def test_clients_that_leave_are_forgotten(project: Project, counted: Callable[[], int]) -> None:
    job = make_job(project.database, "left")
    url = f"{project.url}/functions/v1/import-progress?job_id={job[0]}"

    def moves(seconds: float) -> bool:
        """Whether anything is asked in this time; the count is a second or so behind."""
        before, deadline = counted(), time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(0.5)
            if counted() > before:
                return True
        return False

    with httpx.stream("GET", url, timeout=30) as answer:
        # A name for it: what is dropped closes the stream.
        lines = answer.iter_lines()
        assert next(lines)
        # Twice: the first may be what opening it asked.
        assert moves(20)
        assert moves(20)
    for _ in range(20):
        with httpx.stream("GET", url, timeout=30) as answer:
            assert next(answer.iter_lines())
    # Without streams there is no poller.
    deadline = time.monotonic() + 30
    while moves(3) and time.monotonic() < deadline:
        pass
    assert not moves(3)
    fail(project.database, job)
