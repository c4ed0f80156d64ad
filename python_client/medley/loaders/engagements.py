"""Engagements in bulk: what a source knows of its members goes into the log."""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import Cursor, sql


def write_engagements(cursor: Cursor[Any], query: LiteralString) -> int:
    """Logs engagements as the API's function does for the service, a thousand at a time.

    What the log has already is left alone, so a second run writes nothing.

    Args:
        cursor: Inside `load_transaction`.
        query: Gives user_id, item_id, kind and occurred_at, and what else of an event is known,
            in columns that are called as log_engagement calls the fields. Where occurred_at is
            null the source does not say when: it is then when the member was made, that is first
            loaded.

    Returns:
        How many are new.

    Raises:
        ValueError: The log refused some; nothing was written.
    """
    cursor.execute(
        sql.SQL(
            """
            with given as (
              {query}
            ),

            placed as (
              select
                to_jsonb(g) || jsonb_build_object(
                  'occurred_at', coalesce(g.occurred_at, u.created_at)
                ) as event,
                (row_number() over (order by g.user_id, g.item_id) - 1) / 1000 as batch
              from given as g
              inner join auth.users as u on u.id = g.user_id
            ),

            batches as materialized (
              select
                jsonb_agg(jsonb_strip_nulls(p.event)) as events
              from placed as p
              group by p.batch
              order by p.batch
            )

            select
              count(*) filter (where l.status = 'accepted'),
              count(*) filter (where l.status = 'refused'),
              min(l.message)
            from batches as b
            cross join lateral medley.write_engagements(
              null, b.events, '1970-01-01 00:00Z', now()
            ) as l
            """
        ).format(query=sql.SQL(query))
    )
    accepted, refused, message = cursor.fetchone() or (0, 0, None)
    if refused:
        raise ValueError(f"the log refused {refused} engagements: {message}")
    return int(accepted)
