"""Members in bulk, straight into auth.users.

Only for imports of people who never sign in (research data, simulations): such a row has no
password and no identity. Members who do sign in are made through the auth API.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Cursor, sql

from ._write import run, stable_id, stage

# The auth service of some versions cannot read a user in whom one of these is null.
_EMPTY_NOT_NULL = ("confirmation_token", "recovery_token", "email_change_token_new", "email_change")


def member_id(source: str, external_id: str) -> uuid.UUID:
    """The id that a member of some source always gets."""
    return stable_id("member", source, external_id)


def write_members(cursor: Cursor[Any], source: str, rows: Iterable[Sequence[str]]) -> int:
    """Makes the members that are not there yet, with their profiles.

    Args:
        cursor: Inside `load_transaction`.
        source: Where they come from; kept in `raw_app_meta_data`.
        rows: external_id and display name.

    Returns:
        How many are new.
    """
    stage(
        cursor,
        "load_members",
        "id uuid, email text, display_name text",
        ((member_id(source, key), f"{source}-{key}@members.invalid", name) for key, name in rows),
    )
    cursor.execute(
        """
        select a.attname
        from pg_catalog.pg_attribute as a
        where a.attrelid = 'auth.users'::regclass and a.attname = any(%s)
        """,
        (list(_EMPTY_NOT_NULL),),
    )
    empty = [name for (name,) in cursor.fetchall()]
    cursor.execute(
        sql.SQL(
            """
            insert into auth.users
              (id, aud, role, email, raw_app_meta_data, created_at, updated_at{columns})
            select
              l.id, 'authenticated', 'authenticated', l.email,
              jsonb_build_object('provider', 'import', 'source', {source}::text),
              now(), now(){values}
            from pg_temp.load_members as l
            where not exists (select from auth.users as u where u.id = l.id)
            """
        ).format(
            columns=sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(n)) for n in empty),
            values=sql.SQL(", ''") * len(empty),
            source=sql.Literal(source),
        )
    )
    written = cursor.rowcount
    run(
        cursor,
        """
        insert into public.profiles (id, display_name)
        select l.id, l.display_name
        from pg_temp.load_members as l
        on conflict (id) do nothing
        """,
    )
    return written
