"""The Python client and the functions of the API agree: names, arguments, types, columns."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest
from medley._rpc import RPCS, Rpc

from tests.database import Database

# Functions of the API that the client leaves to plain `supabase.rpc(...)`.
NOT_IN_THE_CLIENT = {
    "backfill_genres": "maintenance; the loaders run it over a database connection",
    "calculate_trending_score": "for SQL; trending_artists has what it gives",
    "claim_generation_jobs": "the edge function generate-track calls it",
    "claim_import": "the edge functions of imports call it",
    "complete_generation": "the edge function generate-track calls it",
    "fail_generation": "the edge function generate-track calls it",
    "fail_import": "the edge functions of imports call it",
    "finish_import": "the edge functions of imports call it",
    "genre_taxonomy_assert_dag": "for who edits the taxonomy's tables by hand",
    "get_import_updates": "the edge function import-progress calls it",
    "get_oauth_tokens": "the edge function sync-history calls it",
    "heartbeat_generation": "the edge function generate-track calls it",
    "identify_import": "the edge functions of imports call it",
    "import_artist": "the edge functions of imports call it",
    "import_events": "the edge functions of imports call it",
    "import_history": "the edge function sync-history calls it",
    "import_setlists": "the edge functions of imports call it",
    "import_songs": "the edge functions of imports call it",
    "claim_connections_to_sync": "the edge function sync-history calls it",
    "list_oauth_tokens_to_rotate": "the edge function rotate-tokens calls it",
    "normalize_genre_key": "a helper for SQL",
    "record_generation_event": "the edge function generate-track calls it",
    "reencrypt_oauth_tokens": "the edge function rotate-tokens calls it",
    "report_import_progress": "the edge functions of imports call it",
    "reset_daily_count": "the edge function and the job of that name do it",
    "set_oauth_status": "the edge function sync-history calls it",
    "start_import": "the edge functions of imports call it",
    "start_provider_job": "the edge function generate-track calls it",
    "store_oauth_tokens": "the edge function connect-account calls it",
    "sync_artist_genres": "triggers do it; here for apps that load around them",
    "sync_event_genres": "triggers do it; here for apps that load around them",
    "upsert_genre": "for who edits the taxonomy's tables by hand",
}

# What the client calls a type of the database. `next_cursor` is Page's, not a row's.
ACCEPTED: dict[str, set[object]] = {
    "uuid": {str},
    "text": {str},
    "integer": {int},
    "bigint": {int},
    "double precision": {float},
    "real": {float},
    "numeric": {float},
    "boolean": {bool},
    "timestamp with time zone": {datetime, date},
    "text[]": {tuple[str, ...], Sequence[str]},
    "uuid[]": {tuple[str, ...], Sequence[str]},
    "real[]": {tuple[float, ...], Sequence[float]},
    "jsonb": {
        Mapping[str, float],
        Mapping[str, Any],
        tuple[Mapping[str, Any], ...],
        Sequence[Mapping[str, Any]],
    },
}


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the API as pg_proc has it."""

    arguments: dict[str, str]
    required: frozenset[str]
    columns: dict[str, str]
    reads: bool


@pytest.fixture(scope="module")
def functions(pushed: Database) -> dict[str, Function]:
    rows = pushed.rows(
        """
        select
          p.proname,
          p.pronargs - p.pronargdefaults,
          p.provolatile <> 'v',
          array(
            select array[coalesce(p.proargmodes[a.n], 'i')::text, p.proargnames[a.n],
              format_type(coalesce(p.proallargtypes[a.n], p.proargtypes[a.n - 1]), null)]
            from generate_series(1, coalesce(cardinality(p.proallargtypes), p.pronargs)) as a (n)
          )
        from pg_proc as p
        where p.pronamespace = 'public'::regnamespace
          and not exists (select from pg_depend as d where d.objid = p.oid and d.deptype = 'e')
          and (has_function_privilege('anon', p.oid, 'execute')
            or has_function_privilege('authenticated', p.oid, 'execute')
            or has_function_privilege('service_role', p.oid, 'execute'))
        """
    )
    found = {}
    for name, required, reads, arguments in rows:
        assert name not in found, f"{name} is overloaded"
        given = {argument: kind for mode, argument, kind in arguments if mode == "i"}
        returned = {argument: kind for mode, argument, kind in arguments if mode == "t"}
        found[name] = Function(given, frozenset(list(given)[:required]), returned, reads)
    return found


def test_every_function_of_the_api_is_in_the_client_or_left_out_on_purpose(
    functions: dict[str, Function],
) -> None:
    assert set(functions) - set(RPCS) == set(NOT_IN_THE_CLIENT)
    assert set(RPCS) - set(functions) == set()


def core(hint: object) -> set[object]:
    """The types in a union, without None."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return {entry for entry in typing.get_args(hint) if entry is not type(None)}
    return {hint}


@pytest.mark.parametrize("rpc", RPCS.values(), ids=lambda rpc: rpc.function)
def test_arguments_agree(functions: dict[str, Function], rpc: Rpc) -> None:
    function = functions[rpc.function]
    assert set(rpc.params) == set(function.arguments)
    assert rpc.required == function.required
    assert rpc.read == function.reads
    hints = typing.get_type_hints(rpc.build)
    for name in inspect.signature(rpc.build).parameters:
        accepted = ACCEPTED[function.arguments[f"p_{name}"]]
        assert core(hints[name]) <= accepted, name


@pytest.mark.parametrize(
    "rpc", [rpc for rpc in RPCS.values() if rpc.row is not None], ids=lambda rpc: rpc.function
)
def test_rows_agree(functions: dict[str, Function], rpc: Rpc) -> None:
    columns = functions[rpc.function].columns
    assert rpc.row is not None
    hints = typing.get_type_hints(rpc.row)
    fields = {field.name for field in dataclasses.fields(rpc.row)}
    assert fields == set(columns) - {"next_cursor"}
    for name in fields:
        assert core(hints[name]) <= ACCEPTED[columns[name]], name
