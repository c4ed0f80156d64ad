"""The rules of test_catalogue fail where they should: each against objects that break it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.database import Database, medley_database
from tests.gates import privileges, test_catalogue

SPOILED = """
create table public.spoiled (
  id int primary key,
  user_id uuid,
  owner_id uuid references auth.users (id)
);
create table medley.spoiled (id int primary key, user_no int);
create view public.spoiled_view as select id from medley.items;
create materialized view medley.spoiled_view as select 1 as one;
create function public.spoiled() returns int language plpgsql security definer
as $$ begin return nonsense from nowhere; end $$;
create function medley.spoiled_trigger() returns trigger language plpgsql
as $$ begin return null; end $$;
set search_path = medley, public;
create function medley.spoiled_inline() returns bigint language sql stable
as 'select count(*) from items';
revoke all on function medley.spoiled_inline() from public;
reset search_path;
alter table medley.members disable trigger user;
alter table medley.timeline_posts drop constraint timeline_posts_item_no_fkey;
create function extensions.spoiled() returns int language sql as 'select 1';
"""

RULES = [
    test_catalogue.test_tables_views_and_functions_have_comments,
    test_catalogue.test_public_columns_have_comments,
    test_catalogue.test_nothing_is_executable_by_everybody,
    test_catalogue.test_functions_pin_their_search_path,
    test_catalogue.test_inlined_helpers_write_every_name_in_full,
    test_catalogue.test_definer_functions_ask_who_is_calling,
    test_catalogue.test_api_functions_are_thin_and_run_as_the_caller,
    test_catalogue.test_views_run_as_the_caller,
    test_catalogue.test_no_materialized_views,
    test_catalogue.test_row_level_security_is_on_everywhere,
    test_catalogue.test_a_grant_would_show_members_their_own_rows_only,
    test_catalogue.test_foreign_keys_have_an_index,
    test_catalogue.test_foreign_keys_to_accounts_delete_with_them,
    test_catalogue.test_columns_about_members_go_with_the_account,
    test_catalogue.test_rows_that_go_with_items_refer_to_them,
    test_catalogue.test_rows_without_a_foreign_key_are_swept,
    test_catalogue.test_every_table_of_the_engine_is_used,
    test_catalogue.test_plpgsql_functions_are_free_of_errors,
    test_catalogue.test_trigger_functions_are_used,
]


@pytest.fixture(scope="module")
def spoiled() -> Iterator[Database]:
    with medley_database(expose="on", name="spoiled", factories=False) as made:
        made.execute(SPOILED)
        yield made


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_catches_what_breaks_it(
    spoiled: Database, rule: Callable[[Database], None]
) -> None:
    with pytest.raises(AssertionError):
        rule(spoiled)


def test_every_rule_is_tried() -> None:
    own = vars(test_catalogue).items()
    apart = {"test_the_rules_see_the_objects"}
    apart |= {"test_nothing_of_ours_lies_in_the_platforms_schemas"}
    assert {name for name, _ in own if name.startswith("test_")} - apart == {
        rule.__name__ for rule in RULES
    }


def test_the_platforms_schemas_are_watched(spoiled: Database) -> None:
    with pytest.raises(AssertionError):
        test_catalogue.test_nothing_of_ours_lies_in_the_platforms_schemas(spoiled, "extensions")


def test_rights_that_nobody_wrote_down_are_seen(spoiled: Database) -> None:
    extra = {row[:3] for row in set(privileges.actual(spoiled)) - set(privileges.written())}
    assert extra >= {
        ("table", "public.spoiled", "anon"),
        ("table", "public.spoiled_view", "authenticated"),
        ("function", "public.spoiled()", "PUBLIC"),
        ("function", "medley.spoiled_trigger()", "PUBLIC"),
    }
