"""Jobs as pg_cron runs them: several sessions, failures, and sessions that are killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from threading import Thread
from typing import Any

import psycopg
import pytest

from tests.database import Database

KEY = 4711  # an advisory lock by which a test holds a job up


@pytest.fixture(scope="module")
def jobs(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A database of its own with job functions for every outcome."""
    with new_database(name="jobs", include=lambda m: m.folder in CORE, clock=True) as made:
        made.execute(FUNCTIONS)
        yield made


CORE = ("core/foundation", "core/ops", "core/identity", "core/items")

FUNCTIONS = f"""
create table medley.test_work (id int primary key, done boolean not null default false);
create table medley.test_parent (id int primary key);
create table medley.test_child (
  id int references medley.test_parent (id) deferrable initially deferred
);
create function medley.test_fine() returns bigint language sql as 'select 42::bigint';
create function medley.test_breaks() returns bigint language plpgsql as $$
begin
  insert into medley.test_work (id) values (-1);
  raise exception 'out of cheese';
end $$;
create function medley.test_breaks_at_commit() returns bigint language sql as
  'insert into medley.test_child values (1) returning 1::bigint';
create function medley.test_waits() returns bigint language plpgsql as $$
begin
  perform pg_advisory_xact_lock({KEY});
  return 7;
end $$;
create function medley.test_batches(p_limit int) returns bigint language sql as $$
  with done as (
    update medley.test_work set done = true
    where id in (select id from medley.test_work where not done order by id limit p_limit)
    returning 1
  )
  select count(*) from done
$$;
create function medley.test_batches_then_breaks(p_limit int) returns bigint language plpgsql as $$
declare v_rows bigint := medley.test_batches(p_limit);
begin
  if not exists (select from medley.test_work where not done) then
    raise exception 'the last batch breaks';
  end if;
  return v_rows;
end $$;
"""


@pytest.fixture
def job(jobs: Database) -> Iterator[Callable[..., str]]:
    """Adds a job for a function; runs and jobs of a test go with it."""

    def add(function: str, *, batch_size: int | None = None, timeout: int = 600) -> str:
        jobs.execute(
            "insert into medley.jobs values ('job', '0 0 1 1 *', %s, %s, %s, true, 'A test.')",
            function,
            batch_size,
            timeout,
        )
        return "job"

    yield add
    jobs.execute("delete from medley.jobs where name = 'job'")
    jobs.execute("truncate medley.test_work")


def run(database: Database, setting: str | None = None) -> list[str]:
    """Run the job in a session of its own; returns the notices."""
    notices: list[str] = []
    with database.connect() as connection:
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        if setting:
            connection.execute(f"set {setting}")
        connection.execute("call medley.run_job('job')")
        held = connection.execute(
            "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
        ).fetchone()
    assert held == (0,), "the run left its lock behind"
    return notices


def runs(database: Database) -> list[tuple[str, int, str | None]]:
    """Status, rows and error of all runs, oldest first."""
    return database.rows(
        "select status, rows, error from medley.job_runs where name = 'job' order by run_id"
    )


def until(database: Database, query: str) -> None:
    """Wait for a state that another session is about to reach; ninety seconds are forever."""
    for _ in range(9000):
        if database.value(query):
            return
        time.sleep(0.01)
    pytest.fail(f"never true: {query}")


WAITING = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
GONE = "select not exists (select from pg_stat_activity where query like 'call medley.run_job%')"


class HeldUp:
    """A run of the job in another session that stands still in the middle of its work."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.error: psycopg.Error | None = None
        self.gate: psycopg.Connection[Any] = database.connect()
        self.gate.execute("select pg_advisory_lock(%s)", (KEY,))
        self.thread = Thread(target=self._run)
        self.thread.start()
        until(database, WAITING)

    def _run(self) -> None:
        try:
            run(self.database)
        except psycopg.Error as error:
            self.error = error

    def let_go(self) -> None:
        """Let the run end by itself."""
        self.gate.close()
        self.thread.join()

    def kill(self) -> None:
        """End the run's session in the middle."""
        self.database.rows(
            "select pg_terminate_backend(pid) from pg_locks "
            "where locktype = 'advisory' and not granted"
        )
        self.thread.join()
        self.gate.close()
        until(self.database, GONE)


def test_success_is_recorded_with_its_rows(jobs: Database, job: Callable[..., str]) -> None:
    job("test_fine")
    run(jobs)
    assert runs(jobs) == [("succeeded", 42, None)]


def test_a_run_is_on_record_while_it_works(jobs: Database, job: Callable[..., str]) -> None:
    job("test_waits")
    held = HeldUp(jobs)
    assert runs(jobs) == [("running", 0, None)]
    held.let_go()
    assert runs(jobs) == [("succeeded", 7, None)]


def test_a_second_run_meanwhile_is_skipped(jobs: Database, job: Callable[..., str]) -> None:
    job("test_waits")
    held = HeldUp(jobs)
    assert run(jobs) == ["job job is running already: skipped"]
    held.let_go()
    assert [status for status, _, _ in runs(jobs)] == ["succeeded", "skipped"]


def test_a_failure_is_recorded_and_undone(jobs: Database, job: Callable[..., str]) -> None:
    job("test_breaks")
    assert run(jobs) == ["job job failed: out of cheese"]
    assert runs(jobs) == [("failed", 0, "out of cheese (P0001)")]
    assert jobs.value("select count(*) from medley.test_work") == 0


def test_a_constraint_that_fails_at_commit_is_recorded(
    jobs: Database, job: Callable[..., str]
) -> None:
    job("test_breaks_at_commit")
    run(jobs)
    ((status, _, error),) = runs(jobs)
    assert status == "failed"
    assert "(23503)" in (error or "")


def test_a_missing_function_is_a_failure_not_a_crash(
    jobs: Database, job: Callable[..., str]
) -> None:
    job("test_does_not_exist")
    run(jobs)
    assert [status for status, _, _ in runs(jobs)] == ["failed"]


def test_a_killed_run_is_marked_by_the_next_one(jobs: Database, job: Callable[..., str]) -> None:
    job("test_waits")
    held = HeldUp(jobs)
    held.kill()
    assert held.error is not None, "the session was not killed"
    assert [status for status, _, _ in runs(jobs)] == ["running"]
    run(jobs)
    assert runs(jobs) == [
        ("killed", 0, "the session ended during the run"),
        ("succeeded", 7, None),
    ]


def test_batches_run_until_one_is_not_full(jobs: Database, job: Callable[..., str]) -> None:
    jobs.execute("insert into medley.test_work select generate_series(1, 25)")
    job("test_batches", batch_size=10)
    run(jobs)
    assert runs(jobs) == [("succeeded", 25, None)]


def test_batches_that_were_done_stay_when_a_later_one_fails(
    jobs: Database, job: Callable[..., str]
) -> None:
    jobs.execute("insert into medley.test_work select generate_series(1, 30)")
    job("test_batches_then_breaks", batch_size=10)
    run(jobs)
    assert runs(jobs) == [("failed", 20, "the last batch breaks (P0001)")]
    assert jobs.value("select count(*) from medley.test_work where done") == 20


def test_a_batch_job_stops_after_its_time_and_goes_on_at_the_next_run(
    jobs: Database, job: Callable[..., str]
) -> None:
    jobs.execute("insert into medley.test_work select generate_series(1, 25)")
    job("test_batches", batch_size=10)
    # A run that began long ago has no time left after any batch.
    with jobs.connect() as connection:
        (run_id,) = connection.execute("select medley.start_run('job')").fetchone() or (None,)
        connection.execute(
            "update medley.job_runs set started_at = started_at - interval '1 day' "
            "where run_id = %s",
            (run_id,),
        )
        more = connection.execute("select medley.continue_run(%s)", (run_id,)).fetchone()
    assert more == (False,)
    assert runs(jobs) == [("succeeded", 10, None)]
    run(jobs)
    assert jobs.value("select count(*) from medley.test_work where not done") == 0


def test_the_sessions_own_limit_is_a_failure_with_a_next_step(
    jobs: Database, job: Callable[..., str]
) -> None:
    job("test_waits")
    gate = jobs.connect()
    gate.execute("select pg_advisory_lock(%s)", (KEY,))
    run(jobs, "statement_timeout = '200ms'")
    gate.close()
    ((status, _, error),) = runs(jobs)
    assert status == "failed"
    assert "(57014)" in (error or "")
    assert "raise statement_timeout" in (error or "")


def test_a_run_that_outlives_its_timeout_is_cancelled_by_the_next_run_of_any_job(
    jobs: Database, job: Callable[..., str]
) -> None:
    job("test_waits", timeout=5)
    held = HeldUp(jobs)
    other = "call medley.run_job('prune_job_runs')"
    jobs.execute(other)
    assert [status for status, _, _ in runs(jobs)] == ["running"], "cancelled before its time"
    jobs.execute(
        "update medley.job_runs set started_at = started_at - interval '1 minute' "
        "where name = 'job'"
    )
    jobs.execute(other)
    held.thread.join()
    held.gate.close()
    ((status, _, error),) = runs(jobs)
    assert status == "failed"
    assert "The job may take 5 s." in (error or "")


def test_a_run_whose_session_was_reused_cancels_nobody(
    jobs: Database, job: Callable[..., str]
) -> None:
    job("test_fine", timeout=1)
    with jobs.connect() as connection:
        # The record of a run that was killed names a process that now does something else.
        connection.execute(
            "insert into medley.job_runs (name, started_at, pid) "
            "values ('job', now() - interval '1 day', %s)",
            (connection.info.backend_pid,),
        )
        assert jobs.value("select medley.cancel_overdue_runs()") == 0
    run(jobs)
    assert [status for status, _, _ in runs(jobs)] == ["killed", "succeeded"]


def test_inside_a_transaction_nothing_is_left_behind(
    jobs: Database, job: Callable[..., str]
) -> None:
    job("test_fine")
    with jobs.connect() as connection:
        with pytest.raises(psycopg.errors.InvalidTransactionTermination), connection.transaction():
            connection.execute("call medley.run_job('job')")
        assert runs(jobs) == []
        run(jobs)
    assert [status for status, _, _ in runs(jobs)] == ["succeeded"]


def test_an_unknown_job_is_not_found(jobs: Database) -> None:
    with jobs.connect() as connection, pytest.raises(psycopg.Error) as raised:
        connection.execute("call medley.run_job('no_such_job')")
    assert raised.value.sqlstate == "PT404"


def test_pg_cron_runs_the_job(jobs: Database, job: Callable[..., str]) -> None:
    job("test_fine")
    try:
        jobs.execute("update medley.jobs set schedule = '1 second' where name = 'job'")
    except psycopg.errors.InvalidParameterValue:
        # pg_cron before 1.5 counts in minutes.
        jobs.execute("update medley.jobs set schedule = '* * * * *' where name = 'job'")
    until(
        jobs,
        "select exists (select from medley.job_runs where name = 'job' and status = 'succeeded')",
    )
