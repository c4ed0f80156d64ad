"""Recommendations read indexes: no plan scans a table that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import psycopg
import pytest
from medley_stack.cluster import SUPERUSER

from tests.database import Database

GROWING = (
    "affinities",
    "item_neighbors",
    "packed_neighbors",
    "items",
    "engagements",
    "item_statistics",
    "follows",
)

WORLD = """
select make_kind('film'), make_member('nobody');
insert into auth.users (id, email)
select md5('member m' || n)::uuid, 'm' || n || '@example.com' from generate_series(1, 2000) as n;
select count(*) from medley.member_numbers(array(select id from auth.users));
select make_items('film', 'f', 3000, '10 days');
insert into medley.affinities (user_no, item_no, half_life_days, score, last_at, positive_at, seen)
select m.user_no, i.item_no, 30, 2, now() - interval '1 day', now() - interval '1 day', true
from medley.members as m
cross join generate_series(1, 20) as k
inner join medley.items as i on i.title = 'f' || 1 + (m.user_no * 31 + k * 97) % 3000;
insert into medley.engagements (occurred_at, user_no, item_no, kind_no, score)
select a.last_at - k * interval '1 hour', a.user_no, a.item_no, e.kind_no, 0
from medley.affinities as a, generate_series(1, 2) as k, medley.engagement_kinds as e
where e.kind = 'impression';
insert into follows (follower_id, followed_id)
select a.user_id, b.user_id
from medley.members as a
inner join medley.members as b on abs(a.user_no - b.user_no) between 1 and 3;
select medley.refresh_item_statistics();
"""
NEIGHBORS = """
insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight)
select l.list_no, a.item_no, b.item_no, 0.1
from (select medley.begin_list('behavior') as list_no) as l
cross join medley.items as a
inner join medley.items as b on b.item_no between a.item_no + 1 and a.item_no + 20
"""


@pytest.fixture(scope="module")
def world(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A world in which scanning a table is never the cheapest way."""
    with new_database(name="plans") as made:
        made.execute("alter role postgres set search_path = tests, extensions, public")
        made.execute(WORLD)
        made.execute(NEIGHBORS)
        made.execute("select medley.finish_list(list_no) from medley.neighbor_lists")
        made.execute("analyze")
        yield made


@pytest.fixture
def explained(world: Database) -> Iterator[Callable[[str], list[str]]]:
    """Runs a query; returns the plan of each statement that ran inside it."""
    notices: list[str] = []
    with psycopg.connect(world.cluster.url(SUPERUSER)) as connection:
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        connection.execute(
            "load 'auto_explain'; set client_min_messages = log; set log_min_messages = panic; "
            "set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on; "
            "set auto_explain.log_format = json; set search_path = tests, extensions, public; "
            "select set_config('request.jwt.claims', "
            """'{"role": "service_role"}', false)"""
        )

        def run(query: str) -> list[str]:
            del notices[:]
            rows = connection.execute(query).fetchall()
            assert len(rows) > 0, "a query that finds nothing proves nothing"
            return [text for text in notices if "Plan" in text]

        yield run


def scanned(plans: list[str]) -> set[str]:
    """The tables that a plan reads from end to end; months of the log by the name of the log."""
    found = set()
    for text in plans:
        for part in text.split('"Node Type": "Seq Scan"')[1:]:
            name = part.split('"Relation Name": "', 1)
            if len(name) == 2:
                table = name[1].split('"')[0]
                found.add("engagements" if table.startswith("engagements_") else table)
    return found


ASK = "select * from public.get_recommendations({}p_user_id => md5('member m7')::uuid)"


@pytest.mark.parametrize(
    "query",
    [
        ASK.format(""),
        ASK.format("p_kind => 'film', p_limit => 200, "),
        ASK.format("""p_context => '{"country": "DE"}', """),
        "select * from public.get_recommendations(p_user_id => md5('member nobody')::uuid)",
        "select * from public.explain_recommendation(item_named('f70'), md5('member m7')::uuid)",
    ],
)
def test_no_growing_table_is_scanned(explained: Callable[[str], list[str]], query: str) -> None:
    plans = explained(query)
    assert len(plans) > 2, "plans of the statements inside are there"
    # The test itself looks an item up by its title.
    own = {"items"} if "item_named" in query else set()
    assert scanned(plans) & set(GROWING) <= own, "\n".join(plans)


def test_a_page_ahead_is_found_by_index(world: Database, request: pytest.FixtureRequest) -> None:
    world.execute(
        "select medley.write_recommendation_candidates(array(select user_no from medley.members "
        "where user_no % 40 = 0 or user_id = md5('member m7')::uuid), now())"
    )
    world.execute("analyze medley.recommendation_candidates")
    # Its transaction begins after the page was computed.
    explained: Callable[[str], list[str]] = request.getfixturevalue("explained")
    plans = explained(ASK.format(""))
    assert scanned(plans) & {*GROWING, "recommendation_candidates"} == set()
    assert not any("rank_items" in text for text in plans), "the page that was computed is used"


def test_a_scan_would_be_noticed(explained: Callable[[str], list[str]]) -> None:
    assert scanned(explained("select count(*) from medley.engagements where platform is null")) == {
        "engagements"
    }
