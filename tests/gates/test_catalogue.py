"""Rules that every object of the schemas public and medley keeps, read from the catalogue.

A new object falls under them by being there. An exception needs a line, with its reason, in one
of the lists below; a line that nothing needs any more fails too.
"""

from __future__ import annotations

import re

import psycopg
import pytest
from medley_stack import source

from tests.database import Database

# Definer functions that members or anybody may call, and that do not ask who acts for whom.
OPEN_DEFINERS = {
    "medley.fail": "raises; tells nothing but what the caller passed",
    "medley.acting_user": "is the question itself",
    "medley.acting_user_no": "answers for auth.uid() only",
    "medley.is_blocked": "for policies; tells no more than a refused follow does",
    "medley.calculate_trending_score": "counts about an artist, as far as visible_to shows it",
    "medley.get_event_setlists": "public setlists, as far as setlist_visible shows them",
    "medley.get_setlist": "public setlists, as far as setlist_visible shows them",
    "medley.get_trending_artists": "the public catalogue and counts, nothing about members",
    "medley.setlist_visible": "the predicate of the policies of setlists",
    "medley.visible_to": "the predicate of the catalogue's policies; tells what a select tells",
    "medley.get_calendar_events": "the public catalogue, nothing about members",
    "medley.get_genre_tree": "genres, which everybody may read",
    "medley.get_genres_under_umbrella": "genres, which everybody may read",
    "medley.get_similar_genres": "genres, which everybody may read",
    "medley.match_music_embeddings": "a public cache, nothing about members",
    "medley.get_similar_items": "the catalogue, as far as visible_to shows it to the caller",
}

# Functions without `set search_path` that are not helpers which the planner is to inline.
UNPINNED = {
    "medley.run_job": "a procedure that commits cannot have a SET clause",
}

# Columns about members without a foreign key, which would double the cost of each row; a statement
# trigger on medley.members deletes their rows instead.
SWEPT = {
    "medley.affinities.user_no": "sweep_member_signals",
    "medley.affinity_checkpoints.user_no": "sweep_member_signals",
    "medley.behavior_histories.user_no": "forget_behavior_histories",
    "medley.engagements.user_no": "sweep_member_signals",
}

# Columns about members without a foreign key, in rows that go with their item, which goes with the
# account; and the column that says which item.
GOING_WITH_ITEMS = {"medley.timeline_posts.author_id": "item_no"}

# Tables and views of the engine that its code does not use: people and dashboards read them.
READ_BY_PEOPLE = {
    "medley.content_feature_details": "content_features by id and name, for a look at an item",
    "medley.content_similarity": "the current neighbours with their methods, as one list",
    "medley.recommendation_feedback": "what became of recommendations, as rows of the log",
    "medley.social_signals": "what friends do, as one list; friend_trends takes a few of each",
}

# What says that a table is there, and who may read it, but does nothing with it.
DECLARATIONS = re.compile(
    r"--.*$"
    r"|^comment on (?s:.*?);$"
    r"|^create (table|view) [\w.]+"
    r"|^(alter table|grant|revoke|create policy) [^;]*;$",
    re.MULTILINE,
)
DECLARING_FILE = re.compile(r"(tables|policies)(_\w+)?\.sql|views\.sql")

OURS = """
  not exists (
    select from pg_depend as d
    where d.objid = {oid} and d.classid = '{catalogue}'::regclass and d.deptype = 'e'
  )
"""
IN_SCHEMAS = "in ('public'::regnamespace, 'medley'::regnamespace)"

FUNCTIONS = f"""
  select
    n.nspname || '.' || p.proname as name,
    p.oid,
    p.prosecdef,
    coalesce(p.proconfig, '{{}}') as config,
    p.prosrc,
    l.lanname,
    has_function_privilege('anon', p.oid, 'execute')
      or has_function_privilege('authenticated', p.oid, 'execute') as open,
    p.proacl is null
      or exists (select from aclexplode(p.proacl) as a where a.grantee = 0) as to_public
  from pg_proc as p
  inner join pg_namespace as n on p.pronamespace = n.oid
  inner join pg_language as l on p.prolang = l.oid
  where p.pronamespace {IN_SCHEMAS} and {OURS.format(oid="p.oid", catalogue="pg_proc")}
"""

RELATIONS = f"""
  select n.nspname || '.' || c.relname as name, c.*
  from pg_class as c
  inner join pg_namespace as n on c.relnamespace = n.oid
  where c.relnamespace {IN_SCHEMAS} and {OURS.format(oid="c.oid", catalogue="pg_class")}
"""


def names(database: Database, query: str, *parameters: object) -> set[str]:
    """The first column."""
    return {row[0] for row in database.rows(query, *parameters)}


def test_the_rules_see_the_objects(pushed: Database) -> None:
    found = names(pushed, f"select name from ({FUNCTIONS}) as f")
    assert {"medley.fail", "medley.run_job", "public.register_items"} <= found
    found = names(pushed, f"select name from ({RELATIONS}) as r")
    assert {"medley.items", "public.profiles"} <= found


def test_tables_views_and_functions_have_comments(pushed: Database) -> None:
    bare = names(
        pushed,
        f"""
        select name from ({RELATIONS}) as r
        where relkind in ('r', 'p', 'v', 'm') and not relispartition
          and obj_description(r.oid, 'pg_class') is null
        union all
        select name from ({FUNCTIONS}) as f where obj_description(f.oid, 'pg_proc') is null
        """,
    )
    assert bare == set()


def test_public_columns_have_comments(pushed: Database) -> None:
    bare = names(
        pushed,
        f"""
        select r.name || '.' || a.attname from ({RELATIONS}) as r
        inner join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
        where r.relkind in ('r', 'p', 'v', 'm') and not r.relispartition and r.name like 'public.%'
          and col_description(r.oid, a.attnum) is null
        """,
    )
    assert bare == set()


def test_nothing_is_executable_by_everybody(pushed: Database) -> None:
    assert names(pushed, f"select name from ({FUNCTIONS}) as f where to_public") == set()


# A SET clause keeps the planner from inlining. Such a helper runs as its caller; one that API roles
# may call has its names resolved when it is created (a body that is SQL, not a string).
INLINED = f"""
  select f.name, f.oid from ({FUNCTIONS}) as f
  inner join pg_proc as p on f.oid = p.oid
  where f.config = '{{}}' and f.name like 'medley.%' and f.lanname = 'sql' and not f.prosecdef
    and (p.prosqlbody is not null or not f.open)
    and p.provolatile <> 'v' and not p.proisstrict
"""


def test_functions_pin_their_search_path(pushed: Database) -> None:
    unpinned = names(
        pushed,
        f"""
        select name from ({FUNCTIONS}) as f
        where not 'search_path=""' = any(config) and oid not in (select i.oid from ({INLINED}) as i)
        """,
    )
    assert unpinned == set(UNPINNED)


def test_inlined_helpers_write_every_name_in_full(pushed: Database) -> None:
    unclear = []
    with pushed.connect() as connection:
        for name, oid in pushed.rows(INLINED):
            try:
                with connection.transaction(force_rollback=True):
                    # Under an empty path the server prints, and reads, no name without its schema.
                    connection.execute("set local search_path = ''")
                    definition = connection.execute("select pg_get_functiondef(%s)", (oid,))
                    for (text,) in definition.fetchall():
                        connection.execute(text)
            except psycopg.Error as error:
                unclear.append(f"{name}: {error.diag.message_primary}")
    assert unclear == []


# What asks: the question itself, and what asks it first thing.
ASKS = r"medley\.(acting_user|reading_user|begin_setlist_edit)\("


def test_definer_functions_ask_who_is_calling(pushed: Database) -> None:
    unasked = names(
        pushed,
        f"""
        select name from ({FUNCTIONS}) as f
        where prosecdef and open and prosrc !~ %s
        """,
        ASKS,
    )
    assert unasked == set(OPEN_DEFINERS)


# One call into medley like all, by a plan that the session keeps: docs/decisions/0007.
PLANS_KEPT = (
    "public.get_home_timeline",
    "public.get_recommendations",
    "public.get_similar_items",
    "public.log_engagement",
)


def test_api_functions_are_thin_and_run_as_the_caller(pushed: Database) -> None:
    found = pushed.rows(
        f"""
        select name, prosecdef, lanname from ({FUNCTIONS}) as f
        where name like 'public.%' and (prosecdef or lanname <> 'sql')
        """
    )
    assert {name: how for name, *how in found} == {name: [False, "plpgsql"] for name in PLANS_KEPT}


def test_views_run_as_the_caller(pushed: Database) -> None:
    definers = names(
        pushed,
        f"""
        select name from ({RELATIONS}) as r
        where relkind = 'v' and name like 'public.%'
          and not coalesce(reloptions, '{{}}') && '{{security_invoker=true,security_invoker=on}}'
        """,
    )
    assert definers == set()


def test_no_materialized_views(pushed: Database) -> None:
    assert names(pushed, f"select name from ({RELATIONS}) as r where relkind = 'm'") == set()


def test_row_level_security_is_on_everywhere(pushed: Database) -> None:
    off = names(
        pushed,
        f"select name from ({RELATIONS}) as r where relkind in ('r', 'p') and not relrowsecurity",
    )
    assert off == set()


def test_a_grant_would_show_members_their_own_rows_only(pushed: Database) -> None:
    # Also where nothing is granted: a mistake in a grant must not become a leak.
    leaks = names(
        pushed,
        f"""
        select r.name from ({RELATIONS}) as r
        inner join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
        where r.name like 'medley.%' and r.relkind in ('r', 'p') and not r.relispartition
          and a.attname ~ '(^|_)(user|member)_(no|id)$'
          and array(
            select row(p.polcmd, p.polroles, pg_get_expr(p.polqual, p.polrelid))::text
            from pg_policy as p
            where p.polrelid = r.oid
          ) <> array[
            row('r'::"char", array['authenticated'::regrole::oid], case
              when r.name = 'medley.members' then '(user_id = ( SELECT auth.uid() AS uid))'
              when a.attname ~ '_id$' then format('(%I = ( SELECT auth.uid() AS uid))', a.attname)
              else format('(%I = ( SELECT medley.acting_user_no() AS acting_user_no))', a.attname)
            end)::text
          ]
        """,
    )
    assert leaks == set()


def test_foreign_keys_have_an_index(pushed: Database) -> None:
    # An index serves when its first columns are the key's, in any order, over all rows that refer.
    bare = names(
        pushed,
        f"""
        select r.name || ': ' || k.conname from ({RELATIONS}) as r
        inner join pg_constraint as k
          on k.conrelid = r.oid and k.contype = 'f' and k.conparentid = 0
        where not exists (
          select from pg_index as i
          where i.indrelid = k.conrelid and i.indisvalid
            and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
            and coalesce(pg_get_expr(i.indpred, i.indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$', true)
        )
        """,
    )
    assert bare == set()


def test_foreign_keys_to_accounts_delete_with_them(pushed: Database) -> None:
    kept = names(
        pushed,
        f"""
        select r.name || ': ' || k.conname from ({RELATIONS}) as r
        inner join pg_constraint as k on k.conrelid = r.oid and k.contype = 'f'
        where k.confrelid = 'auth.users'::regclass and k.confdeltype <> 'c'
        """,
    )
    assert kept == set()


def test_columns_about_members_go_with_the_account(pushed: Database) -> None:
    # Accounts by id, or members by number: every such column refers, and is deleted along.
    loose = names(
        pushed,
        f"""
        select r.name || '.' || a.attname from ({RELATIONS}) as r
        inner join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
        where r.relkind in ('r', 'p') and not r.relispartition
          and (
            a.atttypid = 'uuid'::regtype and a.attname
              ~ '(^|_)(user|member|owner|author|follower|followed|friend|blocked|muted)_id$'
            or a.attname ~ '(^|_)(user|member|owner|friend)_no$'
          )
          and r.name || '.' || a.attname <> 'medley.members.user_no'
          and not exists (
            select from pg_constraint as k
            where k.conrelid = r.oid and k.contype = 'f' and k.confdeltype = 'c'
              and a.attnum = any(k.conkey)
              and k.confrelid in ('auth.users'::regclass, 'medley.members'::regclass)
          )
        """,
    )
    assert loose == set(SWEPT) | set(GOING_WITH_ITEMS)


def test_rows_that_go_with_items_refer_to_them(pushed: Database) -> None:
    items = names(
        pushed,
        """
        select k.conrelid::regclass || '.' || a.attname from pg_constraint as k
        inner join pg_attribute as a on a.attrelid = k.conrelid and array[a.attnum] = k.conkey
        where k.contype = 'f' and k.confdeltype = 'c' and k.confrelid = 'medley.items'::regclass
        """,
    )
    for column, item in GOING_WITH_ITEMS.items():
        assert f"{column.rpartition('.')[0]}.{item}" in items


def test_rows_without_a_foreign_key_are_swept(pushed: Database) -> None:
    sweepers = dict(
        pushed.rows(
            """
            select p.proname::text, p.prosrc from pg_trigger as t
            inner join pg_proc as p on t.tgfoid = p.oid
            where t.tgrelid = 'medley.members'::regclass and t.tgtype & 8 = 8 and t.tgenabled = 'O'
            """
        )
    )
    for column, sweeper in SWEPT.items():
        table = column.rpartition(".")[0]
        assert f"delete from {table} " in sweepers.get(sweeper, ""), column


def test_every_table_of_the_engine_is_used(pushed: Database) -> None:
    code = "\n".join(
        DECLARATIONS.sub("", file.read_text())
        for module in source.modules()
        for file in module.files
        if not DECLARING_FILE.fullmatch(file.name)
    )
    tables = names(
        pushed,
        f"""
        select name from ({RELATIONS}) as r
        where relkind in ('r', 'p', 'v') and not relispartition and name like 'medley.%'
        """,
    )
    unused = {name for name in tables if not re.search(rf"\b{re.escape(name)}\b", code)}
    assert unused == set(READ_BY_PEOPLE)


PLPGSQL = f"""
  select f.name, f.oid, 0::oid as relation, null::name as old_rows, null::name as new_rows
  from ({FUNCTIONS}) as f
  inner join pg_proc as p on f.oid = p.oid
  where f.lanname = 'plpgsql' and p.prorettype <> 'trigger'::regtype
  union all
  -- One function may serve the triggers of several events, each with its own transition tables.
  select f.name, f.oid, t.tgrelid, max(t.tgoldtable), max(t.tgnewtable)
  from ({FUNCTIONS}) as f
  inner join pg_trigger as t on f.oid = t.tgfoid and not t.tgisinternal
  where f.lanname = 'plpgsql'
  group by f.name, f.oid, t.tgrelid
"""


def test_plpgsql_functions_are_free_of_errors(pushed: Database) -> None:
    found = pushed.rows(
        f"""
        select p.name, c.lineno, c.level, c.sqlstate, c.message, c.detail
        from ({PLPGSQL}) as p
        cross join extensions.plpgsql_check_function_tb(
          p.oid, p.relation, oldtable => p.old_rows, newtable => p.new_rows,
          fatal_errors => false, other_warnings => true, extra_warnings => true
        ) as c
        where c.level in ('error', 'warning', 'warning extra')
        """
    )
    assert found == []


def test_trigger_functions_are_used(pushed: Database) -> None:
    unused = names(
        pushed,
        f"""
        select f.name from ({FUNCTIONS}) as f
        inner join pg_proc as p on f.oid = p.oid
        where p.prorettype = 'trigger'::regtype
          and not exists (select from pg_trigger as t where t.tgfoid = f.oid)
        """,
    )
    assert unused == set()


@pytest.mark.parametrize("schema", ["auth", "storage", "realtime", "extensions", "cron"])
def test_nothing_of_ours_lies_in_the_platforms_schemas(pushed: Database, schema: str) -> None:
    found = names(
        pushed,
        f"""
        select c.relname::text from pg_class as c
        where c.relnamespace = to_regnamespace('{schema}') and c.relowner = 'postgres'::regrole
        union all
        select p.proname::text from pg_proc as p
        where p.pronamespace = to_regnamespace('{schema}') and p.proowner = 'postgres'::regrole
        """,
    )
    assert found == set()
