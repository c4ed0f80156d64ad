"""Recommendations read indexes: no plan scans a table that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.database import Database, swept

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
def test_no_growing_table_is_scanned(world: Database, query: str) -> None:
    scans = world.scans(query)
    assert len(scans) > 2, "those of the statements inside are there"
    # The test itself looks an item up by its title.
    own = {"items"} if "item_named" in query else set()
    assert swept(scans) & set(GROWING) <= own, "\n".join(scans)


def test_a_page_ahead_is_found_by_index(world: Database) -> None:
    world.execute(
        "select medley.write_recommendation_candidates(array(select user_no from medley.members "
        "where user_no % 40 = 0 or user_id = md5('member m7')::uuid), now())"
    )
    world.execute("analyze medley.recommendation_candidates")
    ask = ASK.format("")
    assert swept(world.scans(ask)) & {*GROWING, "recommendation_candidates"} == set()
    plans = world.plans(ask)
    assert not any("rank_items" in plan for plan in plans), "the page that was computed is used"


def test_a_scan_would_be_noticed(world: Database) -> None:
    assert swept(world.scans("select count(*) from medley.engagements where platform is null")) == {
        "engagements"
    }
