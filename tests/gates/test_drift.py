"""The migrations and sql/ make the same database; pushing them again changes nothing."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from medley_stack import cluster, source
from medley_stack.cluster import Cluster

from tests.database import Database, medley_database


def dump(server: Cluster, *options: str) -> str:
    """The schema as pg_dump writes it, privileges and comments included."""
    done = subprocess.run(
        [
            *(server.binaries.bin / "pg_dump", "--schema-only", "--no-owner"),
            *("-N", "supabase_migrations", *options, server.url("supabase_admin")),
        ],
        env=server.binaries.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    # Newer versions guard the script with a word that is different each time.
    return re.sub(r"^\\(un)?restrict .*\n", "", done.stdout, flags=re.MULTILINE)


def schedule(database: Database) -> list[tuple[object, ...]]:
    """The rows of cron.job that do not depend on when they were made."""
    return database.rows(
        "select jobname, schedule, command, username, active from cron.job order by jobname"
    )


def test_the_migration_files_are_those_that_the_source_makes() -> None:
    assert source.drift() == [], "run `make migrations` and commit the result"


def test_migrations_and_source_make_the_same_database(pushed: Database) -> None:
    with medley_database(expose="on", name="applied", factories=False) as applied:
        assert dump(pushed.cluster) == dump(applied.cluster)
        assert schedule(pushed) == schedule(applied)


@dataclass(frozen=True, slots=True)
class State:
    """Everything that a push could have changed."""

    schema: str
    schedule: list[tuple[object, ...]]
    history: list[tuple[object, ...]]


def state(database: Database) -> State:
    history = database.rows(
        "select version, name from supabase_migrations.schema_migrations order by version"
    )
    return State(dump(database.cluster), schedule(database), history)


def test_a_second_push_does_nothing(pushed: Database, push: Callable[[Cluster], str]) -> None:
    before = state(pushed)
    assert len(before.history) == len(source.modules())
    assert "up to date" in push(pushed.cluster)
    assert state(pushed) == before


# An app that was there first: its own tables, policies and functions, names that need quotes,
# accounts, a scheduled job, and rows.
APP = """
create table public.notes (
  id bigint primary key generated always as identity,
  owner_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  body text not null
);
alter table public.notes enable row level security;
create policy "Own notes, please" on public.notes for all to authenticated
using (owner_id = (select auth.uid()));
create function public.note_count() returns bigint language sql stable
as 'select count(*) from public.notes';
create schema "It's a ""Schema"", 100% odd";
create table "It's a ""Schema"", 100% odd"."Select" ("From" int, "a b" text);
create view "It's a ""Schema"", 100% odd".medley as select 1 as "1";
create type public.mood as enum ('sad', 'ok');
insert into auth.users (id, email) select gen_random_uuid(), 'user' || n || '@example.com'
from generate_series(1, 50) as n;
insert into public.notes (owner_id, body) select id, email from auth.users;
"""


def apps_own(server: Cluster) -> list[str]:
    """What the app made, as pg_dump writes it."""
    return [dump(server, *what) for what in (("-t", "public.notes"), ("-n", '"It\'s a "*'))]


def test_medley_joins_an_app_that_was_there_first(push: Callable[[Cluster], str]) -> None:
    with cluster.scratch("on", "app") as server:
        database = Database(server)
        database.execute(APP)
        database.execute("select cron.schedule('app:tidy', '1 1 * * *', 'select 1')")
        own = apps_own(server)
        push(server)
        assert apps_own(server) == own
        assert database.value("select count(*) from public.notes") == 50
        assert database.value("select count(*) from cron.job where jobname = 'app:tidy'") == 1
        # Members of before are members now.
        numbered = "select count(*) from medley.member_numbers(array(select id from auth.users))"
        assert database.value(numbered) == 50
        before = state(database)
        push(server)
        assert state(database) == before
