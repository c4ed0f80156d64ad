"""The SQL examples of the recommender's guides run as they are printed."""

from __future__ import annotations

import re

import pytest
from medley_stack.paths import CHECKOUT

from tests.database import Database

MEMBER = "select tests.act_as(md5('member ann')::uuid)"
SERVICE = "select tests.act_as_service()"
# Who calls, and what the results hold at least.
GUIDES = {
    "recommendations.md": (MEMBER, "(1, 'accepted', None)"),
    "similar.md": (MEMBER, "'event', 'Show'"),
    "taste.md": (SERVICE, ", 2)"),
    "experiments.md": (SERVICE, "'control', 0.5"),
}
# Trends need more of a world than these tests make: their examples run, and may be empty.
QUIET = {"trending.md": MEMBER}
# What an example says for the id of an item.
ITEM = re.compile(r"6f0c…|6a1f0f6e-3b0f-4a63-9a37-6d8e1b0c1a11")


@pytest.mark.parametrize("guide", QUIET)
def test_the_examples_of_a_quiet_guide_run(database: Database, guide: str) -> None:
    text = (CHECKOUT / "docs" / guide).read_text()
    example = "\n".join(re.findall(r"```sql\n(.*?)```", text, re.DOTALL))
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("select tests.make_member('ann')")
        connection.execute(QUIET[guide])
        cursor = connection.execute(example.encode())
        count = 1
        while cursor.nextset():
            count += 1
    assert count == len(re.findall("^select", example, re.MULTILINE))


@pytest.mark.parametrize("guide", GUIDES)
def test_the_examples_of_a_guide_run(database: Database, guide: str) -> None:
    caller, told = GUIDES[guide]
    text = (CHECKOUT / "docs" / guide).read_text()
    (example,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("select tests.make_member('ann')")
        connection.execute("insert into public.artists (name) values ('Asked about'), ('Other')")
        connection.execute(
            "insert into public.venues (name, latitude, longitude) values ('Hall', 52.5, 13.4)"
        )
        connection.execute(
            "insert into public.events (title, starts_at, venue_id) "
            "select 'Show', now() + interval '3 days', v.id from public.venues as v"
        )
        item = connection.execute(
            "select id::text from public.artists where name = 'Asked about'"
        ).fetchone()
        assert item is not None
        connection.execute(caller)
        cursor = connection.execute(ITEM.sub(item[0], example).encode())
        results = [cursor.fetchall()]
        while cursor.nextset():
            results.append(cursor.fetchall())
    assert all(results), "every statement has something to tell"
    assert told in str(results)
