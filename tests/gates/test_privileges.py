"""Who may do what: the catalogue against the written matrix, whatever a project grants itself."""

from __future__ import annotations

import re

from tests.database import Database, medley_database
from tests.gates.privileges import actual, written


def test_the_matrix_holds_where_new_objects_are_granted_to_the_api_roles(pushed: Database) -> None:
    assert actual(pushed) == written()


def test_the_matrix_holds_where_they_are_not() -> None:
    with medley_database(expose="off", name="unexposed", factories=False) as database:
        assert actual(database) == written()


def test_the_migrations_ran_without_superuser_rights(pushed: Database) -> None:
    assert pushed.value("select current_user") == "postgres"
    assert not pushed.value("select rolsuper from pg_roles where rolname = current_user")
    assert (
        pushed.value("select nspowner::regrole::text from pg_namespace where nspname = 'medley'")
        == "postgres"
    )


def test_everybody_has_nothing() -> None:
    assert [row for row in written() if row[2] == "PUBLIC"] == []


def test_nobody_who_is_not_signed_in_writes_a_table() -> None:
    for kind, name, role, rights in written():
        if kind == "table" and role == "anon":
            assert re.fullmatch(r"select( \([^)]*\))?", rights), name


# Relations of the engine that members may read, as views in public read them on their behalf.
READ_BY_VIEWS = {"medley.genre_cluster_keys": "genres, which everybody may read"}


def test_members_touch_no_table_of_the_engine_but_to_read_what_is_about_them(
    pushed: Database,
) -> None:
    own_rows = {
        name
        for name, quals in pushed.rows(
            """
            select format('%I.%I', schemaname, tablename), array_agg(qual) from pg_policies
            where schemaname = 'medley' group by schemaname, tablename
            """
        )
        if quals == ["(user_no = ( SELECT medley.acting_user_no() AS acting_user_no))"]
    }
    found = {
        (name, rights)
        for kind, name, role, rights in written()
        if kind == "table" and name.startswith("medley.") and role in ("anon", "authenticated")
    }
    by_views = {(name, "select") for name in READ_BY_VIEWS}
    assert by_views <= found <= by_views | {(name, "select") for name in own_rows}


def test_no_api_role_may_do_what_only_owners_do() -> None:
    for _, name, role, rights in written():
        words = re.sub(r"\([^)]*\)", "", rights)
        assert not re.search(r"truncate|references|trigger|maintain|create", words), (name, role)
