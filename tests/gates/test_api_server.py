"""The local API answers as a hosted project's does, as far as Medley and its apps rely on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from medley_stack import api, cluster, ports, toolchain
from postgrest.exceptions import APIError
from supabase import Client, create_client
from supabase_auth.errors import AuthApiError

SCHEMA = """
create table public.notes (
  note_id int generated always as identity primary key,
  owner_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  body text not null check (body <> ''),
  tags text[] not null default '{}',
  weight numeric(6, 2),
  extra jsonb,
  written_at timestamptz not null default '2026-01-02 03:04:05.5+00'
);
alter table public.notes enable row level security;
revoke all on public.notes from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.notes to authenticated, service_role;
create policy own on public.notes for all to authenticated
  using ((select auth.uid()) = owner_id) with check ((select auth.uid()) = owner_id);

create function public.add(p_a int, p_b int default 1) returns int
language sql immutable as 'select p_a + p_b';
create function public.tag_list(p_tags text[], p_limit int default 2)
returns table (tag text, place int, missing text) language sql stable as $$
  select t.tag, t.place::int, null::text
  from unnest(p_tags) with ordinality as t (tag, place) limit p_limit
$$;
create function public.echo(p_value jsonb) returns jsonb language sql immutable as 'select p_value';
create function public.echo_texts(p_value text[]) returns text[]
language sql immutable as 'select p_value';
create function public.ids(p_count int) returns setof int
language sql stable as 'select generate_series(1, p_count)';
create function public.nothing() returns void language sql as '';
create function public.absent() returns text language sql stable as 'select null::text';
create function public.who()
returns table (id uuid, claim_role text, db_role text, claims jsonb, path text, patience text)
language sql stable as $$
  select auth.uid(), auth.role(), current_user::text, auth.jwt(),
         current_setting('search_path'), current_setting('statement_timeout')
$$;
create function public.moment() returns timestamptz
language sql stable as $$ select timestamptz '2026-01-02 03:04:05.5+00' $$;
create function public.near(p_latitude double precision default null, p_at timestamptz default null)
returns double precision language sql stable as 'select p_latitude';
create function public.refuse(p_state text, p_message text default 'no') returns void
language plpgsql as $$
begin
  raise exception '%', p_message
    using errcode = p_state, detail = '{"code": "test"}', hint = 'ask less';
end $$;
create function public.write() returns void
language sql as $$ delete from public.notes where body = 'never' $$;
create function public.hidden() returns int language sql as 'select 1';
create function public.sleep() returns void language sql as 'select pg_sleep(5)';
revoke execute on all functions in schema public from public, anon, authenticated, service_role;
grant execute on all functions in schema public to anon, authenticated, service_role;
revoke execute on function public.hidden from anon, authenticated, service_role;
"""


@dataclass(frozen=True, slots=True)
class Project:
    """An API server on a database of its own."""

    url: str
    publishable_key: str
    secret_key: str
    database: cluster.Cluster
    pid: int

    def client(self, key: str | None = None) -> Client:
        return create_client(self.url, key or self.publishable_key)

    def sign_up(self) -> tuple[Client, str]:
        client = self.client()
        answer = client.auth.sign_up({"email": new_email(), "password": "correct horse"})
        assert answer.user is not None
        return client, answer.user.id

    def get(self, path: str, **parameters: str) -> httpx.Response:
        headers = {"apikey": self.publishable_key}
        return httpx.get(f"{self.url}/rest/v1/{path}", params=parameters, headers=headers)

    def post(self, path: str, body: Any) -> httpx.Response:
        headers = {"apikey": self.publishable_key}
        return httpx.post(f"{self.url}/rest/v1/{path}", json=body, headers=headers)


def new_email() -> str:
    return f"{uuid4().hex}@example.com"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with cluster.scratch(name="api") as database:
        database.psql("-1", "-f", "-", stdin=SCHEMA)
        publishable, secret = "sb_publishable_for_tests", "sb_secret_for_tests"
        settings = {
            "MEDLEY_DB_URL": database.url(),
            "MEDLEY_API_SCHEMAS": api.SCHEMAS,
            "MEDLEY_PUBLISHABLE_KEY": publishable,
            "MEDLEY_SECRET_KEY": secret,
            "MEDLEY_JWT_SECRET": "a-secret-of-at-least-32-characters-for-tests",
        }
        port = ports.any_free()
        log: Path = tmp_path_factory.mktemp("api") / "api.log"
        pid = api.start(toolchain.node(), port, settings, log)
        try:
            yield Project(api.base_url(port), publishable, secret, database, pid)
        finally:
            api.stop(pid)


@pytest.fixture(scope="module")
def anon(project: Project) -> Client:
    return project.client()


@pytest.fixture(scope="module")
def service(project: Project) -> Client:
    return project.client(project.secret_key)


def data(call: Any) -> Any:
    return call.execute().data


def failure(call: Any) -> APIError:
    with pytest.raises(APIError) as caught:
        call.execute()
    return caught.value


# Calls and results ---------------------------------------------------------------------------


def test_a_scalar_function_returns_its_value_and_defaults_apply(anon: Client) -> None:
    assert data(anon.rpc("add", {"p_a": 2, "p_b": 3})) == 5
    assert data(anon.rpc("add", {"p_a": 2})) == 3


def test_a_table_function_returns_rows_with_nulls(anon: Client) -> None:
    rows = data(anon.rpc("tag_list", {"p_tags": ["a", "b", "c"]}))
    assert rows == [
        {"tag": "a", "place": 1, "missing": None},
        {"tag": "b", "place": 2, "missing": None},
    ]


def test_text_arrays_keep_commas_quotes_and_empty_strings(anon: Client) -> None:
    values = ["a,b", 'say "x"', "", "{}", "back\\slash", "ünï", "null"]
    assert data(anon.rpc("echo_texts", {"p_value": values})) == values
    assert data(anon.rpc("echo_texts", {"p_value": []})) == []
    assert data(anon.rpc("echo_texts", {"p_value": ["a", None]})) == ["a", None]
    assert data(anon.rpc("echo_texts", {"p_value": None})) is None


@pytest.mark.parametrize(
    "value",
    [{"a": [1, {"b": None}]}, [{"x": 1}, {"x": 2}], [], {}, "text", 1.5, True, [1, "2", None]],
    ids=repr,
)
def test_json_arguments_arrive_as_they_were_sent(anon: Client, value: Any) -> None:
    assert data(anon.rpc("echo", {"p_value": value})) == value


def test_numbers_and_times_may_be_null(anon: Client) -> None:
    assert data(anon.rpc("near", {"p_latitude": None, "p_at": None})) is None
    given = {"p_latitude": 52.5, "p_at": "2026-01-02T03:04:05+00:00"}
    assert data(anon.rpc("near", given)) == 52.5


def test_a_set_of_scalars_is_a_list(anon: Client) -> None:
    assert data(anon.rpc("ids", {"p_count": 3})) == [1, 2, 3]


def test_nothing_and_null_are_told_apart(project: Project) -> None:
    nothing, absent = project.post("rpc/nothing", {}), project.post("rpc/absent", {})
    assert (nothing.status_code, nothing.text) == (204, "")
    assert (absent.status_code, absent.json()) == (200, None)


def test_a_result_has_at_most_1000_rows(anon: Client) -> None:
    assert len(data(anon.rpc("ids", {"p_count": 1500}))) == 1000


def test_timestamps_are_iso_8601(anon: Client) -> None:
    assert data(anon.rpc("moment", {})) == "2026-01-02T03:04:05.5+00:00"


def test_a_stable_function_answers_get(project: Project, anon: Client) -> None:
    assert project.get("rpc/add", p_a="2", p_b="5").json() == 7
    assert project.get("rpc/tag_list", p_tags="{a,b}").json()[1]["tag"] == "b"
    assert data(anon.rpc("add", {"p_a": 4}, get=True)) == 5


def test_get_cannot_write(project: Project) -> None:
    answer = project.get("rpc/write")
    assert (answer.status_code, answer.json()["code"]) == (405, "25006")


def test_a_call_can_be_filtered_ordered_and_limited(anon: Client) -> None:
    call = anon.rpc("tag_list", {"p_tags": ["a", "b", "c"], "p_limit": 3})
    rows = data(call.select("tag").gte("place", 2).order("place", desc=True).limit(1))
    assert rows == [{"tag": "c"}]


# Errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "status"),
    [
        *(("PT400", 400), ("PT401", 401), ("PT403", 403), ("PT404", 404), ("PT409", 409)),
        *(("PT413", 413), ("P0001", 400), ("22023", 400), ("23514", 400), ("57014", 500)),
        *(("40001", 500), ("54000", 500), ("55P03", 500), ("53300", 503)),
    ],
)
def test_an_error_keeps_code_message_detail_and_hint(
    project: Project, state: str, status: int
) -> None:
    answer = project.post("rpc/refuse", {"p_state": state, "p_message": "bad “x”"})
    assert answer.status_code == status
    expected = {"code": state, "message": "bad “x”", "details": '{"code": "test"}'}
    assert answer.json() == {**expected, "hint": "ask less"}


def test_supabase_py_raises_the_error_with_its_parts(anon: Client) -> None:
    error = failure(anon.rpc("refuse", {"p_state": "PT404"}))
    parts = (error.code, error.message, error.details, error.hint)
    assert parts == ("PT404", "no", '{"code": "test"}', "ask less")


def test_an_unknown_function_or_argument_is_not_found(anon: Client) -> None:
    assert failure(anon.rpc("no_such", {})).code == "PGRST202"
    assert failure(anon.rpc("add", {"p_a": 1, "p_c": 2})).code == "PGRST202"


def test_a_wrong_argument_is_a_bad_request(project: Project) -> None:
    answer = project.post("rpc/add", {"p_a": "two"})
    assert (answer.status_code, answer.json()["code"]) == (400, "22P02")


def test_a_function_without_grant_is_refused(anon: Client, service: Client) -> None:
    assert failure(anon.rpc("hidden", {})).code == "42501"
    assert failure(service.rpc("hidden", {})).code == "42501"


def test_a_call_over_its_time_budget_is_cancelled(anon: Client) -> None:
    assert failure(anon.rpc("sleep", {})).code == "57014"


# Who is calling ------------------------------------------------------------------------------


def test_the_keys_are_anon_and_service_role(anon: Client, service: Client) -> None:
    nobody = data(anon.rpc("who", {}))[0]
    assert (nobody["id"], nobody["claim_role"], nobody["db_role"]) == (None, "anon", "anon")
    server = data(service.rpc("who", {}))[0]
    assert (server["id"], server["claim_role"]) == (None, "service_role")
    assert server["db_role"] == "service_role"


def test_each_role_has_its_search_path_and_time_budget(project: Project) -> None:
    member, _ = project.sign_up()
    budgets = {}
    for client in (project.client(), member, project.client(project.secret_key)):
        row = data(client.rpc("who", {}))[0]
        assert row["path"] == "public, extensions"
        budgets[row["db_role"]] = row["patience"]
    assert budgets == {"anon": "3s", "authenticated": "8s", "service_role": "8s"}


def test_a_member_signs_up_and_in_with_a_password(project: Project) -> None:
    email, client = new_email(), project.client()
    made = client.auth.sign_up(
        {"email": email, "password": "correct horse", "options": {"data": {"name": "Ada"}}}
    )
    assert made.user is not None
    assert made.session is not None
    again = project.client()
    back = again.auth.sign_in_with_password({"email": email, "password": "correct horse"})
    assert back.user is not None
    assert back.user.id == made.user.id
    row = data(again.rpc("who", {}))[0]
    assert (row["id"], row["db_role"]) == (made.user.id, "authenticated")
    assert row["claims"]["email"] == email
    stored = project.database.psql(
        "-Atc", f"select raw_user_meta_data ->> 'name' from auth.users where id = '{back.user.id}'"
    )
    assert stored.strip() == "Ada"


def test_a_wrong_password_and_a_taken_address_are_refused(project: Project) -> None:
    email, client = new_email(), project.client()
    client.auth.sign_up({"email": email, "password": "correct horse"})
    with pytest.raises(AuthApiError):
        project.client().auth.sign_in_with_password({"email": email, "password": "wrong horse"})
    with pytest.raises(AuthApiError):
        project.client().auth.sign_up({"email": email, "password": "correct horse"})


def test_a_session_is_refreshed_and_ended(project: Project) -> None:
    client, user_id = project.sign_up()
    renewed = client.auth.refresh_session()
    assert renewed.user is not None
    assert renewed.user.id == user_id
    client.auth.sign_out()
    assert client.auth.get_session() is None


def test_the_secret_key_administers_users(project: Project, service: Client) -> None:
    email = new_email()
    made = service.auth.admin.create_user(
        {
            "email": email,
            "password": "correct horse",
            "email_confirm": True,
            "user_metadata": {"name": "Bo"},
        }
    ).user
    assert made.user_metadata == {"name": "Bo"}
    signed_in = project.client().auth.sign_in_with_password(
        {"email": email, "password": "correct horse"}
    )
    assert signed_in.user is not None
    assert signed_in.user.id == made.id
    changed = service.auth.admin.update_user_by_id(made.id, {"user_metadata": {"age": 3}}).user
    assert changed.user_metadata == {"name": "Bo", "age": 3}
    assert made.id in {user.id for user in service.auth.admin.list_users(per_page=1000)}
    with pytest.raises(AuthApiError, match="already been registered"):
        service.auth.admin.create_user({"email": email, "password": "correct horse"})
    service.auth.admin.delete_user(made.id)
    with pytest.raises(AuthApiError):
        service.auth.admin.get_user_by_id(made.id)


def test_other_keys_administer_nothing(project: Project) -> None:
    member, _ = project.sign_up()
    for client in (project.client(), member):
        with pytest.raises(AuthApiError):
            client.auth.admin.list_users()


def test_a_wrong_key_is_turned_away(project: Project) -> None:
    answer = httpx.get(f"{project.url}/rest/v1/rpc/who", headers={"apikey": "sb_publishable_other"})
    assert answer.status_code == 401


# Tables under row-level security --------------------------------------------------------------


def test_a_member_sees_and_changes_own_rows_only(project: Project) -> None:
    ada, ada_id = project.sign_up()
    bob, _ = project.sign_up()
    note = data(ada.table("notes").insert({"body": "mine", "tags": ["x", "y,z"]}))[0]
    assert note["owner_id"] == ada_id
    assert note["tags"] == ["x", "y,z"]
    assert note["written_at"] == "2026-01-02T03:04:05.5+00:00"
    assert data(bob.table("notes").select("*")) == []
    theirs = bob.table("notes").update({"body": "his"}).eq("note_id", note["note_id"])
    assert data(theirs) == []
    forged = bob.table("notes").insert({"body": "forged", "owner_id": ada_id})
    assert failure(forged).code == "42501"
    mine = ada.table("notes").update({"weight": 1.5}).eq("note_id", note["note_id"])
    assert data(mine)[0]["weight"] == 1.5


@pytest.mark.parametrize("value", [{"a": [1]}, ["x"], 2.5, None], ids=repr)
def test_a_json_column_keeps_what_was_written(project: Project, value: Any) -> None:
    ada, _ = project.sign_up()
    row = data(ada.table("notes").insert({"body": "b", "extra": value}))[0]
    assert row["extra"] == value
    changed = ada.table("notes").update({"extra": value}).eq("note_id", row["note_id"])
    assert data(changed)[0]["extra"] == value


def test_anon_has_no_access_without_a_grant(project: Project, anon: Client) -> None:
    assert project.get("notes").status_code == 401
    assert failure(anon.table("notes").select("*")).code == "42501"


def test_the_secret_key_reads_all_rows(project: Project, service: Client) -> None:
    ada, ada_id = project.sign_up()
    ada.table("notes").insert([{"body": "one"}, {"body": "two"}]).execute()
    found = service.table("notes").select("body").eq("owner_id", ada_id).order("body")
    assert [row["body"] for row in data(found)] == ["one", "two"]


def test_a_row_that_breaks_a_constraint_is_a_bad_request(project: Project) -> None:
    ada, _ = project.sign_up()
    assert failure(ada.table("notes").insert({"body": ""})).code == "23514"
    assert failure(ada.table("notes").insert({"tags": []})).code == "23502"


def test_deleting_a_user_deletes_the_rows(project: Project, service: Client) -> None:
    ada, ada_id = project.sign_up()
    ada.table("notes").insert({"body": "soon gone"}).execute()
    service.auth.admin.delete_user(ada_id)
    assert data(service.table("notes").select("*").eq("owner_id", ada_id)) == []


# The server ----------------------------------------------------------------------------------


def test_the_server_grants_nothing(project: Project, service: Client) -> None:
    service.table("notes").select("*").execute()
    granted = project.database.psql(
        "-Atc",
        "select count(*) from information_schema.role_table_grants "
        "where table_schema in ('public', 'auth') and grantee = 'anon' "
        "and privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')",
        role=cluster.SUPERUSER,
    )
    assert granted.strip() == "0"


def test_new_objects_are_found_after_the_notification(project: Project, anon: Client) -> None:
    failure(anon.rpc("late", {}))
    project.database.psql(
        "-c",
        "create function public.late() returns int language sql as 'select 9';"
        "grant execute on function public.late to anon;"
        "notify pgrst, 'reload schema'",
    )
    for _ in range(100):  # the notification is on its way
        if project.post("rpc/late", {}).status_code == 200:
            break
    assert data(anon.rpc("late", {})) == 9
