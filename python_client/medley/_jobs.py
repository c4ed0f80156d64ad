"""Running a job over a direct connection, as the scheduler would."""

from __future__ import annotations

from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row


def begin_anew(connection: Connection[Any]) -> None:
    """Gives up rebuilds of neighbours that the scheduler began: they know nothing of a load since.

    Args:
        connection: In autocommit mode, as the database's owner.
    """
    connection.execute("select medley.give_up_lists(null)")


def run_job(connection: Connection[Any], name: str) -> dict[str, Any]:
    """Runs a job and reads what is on record about that run.

    Args:
        connection: In autocommit mode: a job commits as it goes.
        name: The job, of medley.jobs.

    Returns:
        name, status (succeeded, failed, skipped), rows, error, started_at, ended_at, seconds.
    """
    connection.execute("call medley.run_job(%s)", (name,))
    with connection.cursor(row_factory=dict_row) as cursor:
        run = cursor.execute(
            """
            select
              r.name, r.status, r.rows, r.error, r.started_at, r.ended_at,
              extract(epoch from r.ended_at - r.started_at)::float as seconds
            from medley.job_runs as r
            where r.name = %s and r.pid = pg_backend_pid()
            order by r.run_id desc
            limit 1
            """,
            (name,),
        ).fetchone()
    if run is None:
        raise RuntimeError(f"the run of {name} left no record")
    return run
