"""Names are looked up by index: no plan reads the registry from end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.database import Database, swept

WORLD = """
select tests.make_kind('film'), tests.make_member('ada');
insert into medley.items (kind, title)
select 'film', 'The ' || md5(n::text) || ' of ' || n from generate_series(1, 20000) as n;
insert into medley.items (kind, title, owner_id)
select 'film', 'My ' || md5(n::text), md5('member ada')::uuid from generate_series(1, 100) as n;
analyze;
"""


@pytest.fixture(scope="module")
def named(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """So many names that reading all is never the cheapest way."""
    with new_database(name="named") as made:
        made.execute(WORLD)
        yield made


@pytest.mark.parametrize(
    "call",
    [
        "find_items('c4ca4238a0b9')",
        "find_items('of 77', 'film')",
        "find_items('c4ca4238a0b9', p_user_id => md5('member ada')::uuid)",
    ],
)
def test_a_name_is_found_by_the_index(named: Database, call: str) -> None:
    scans = named.scans(f"select * from public.{call}")
    assert any("items_title_idx" in scan for scan in scans), "\n".join(scans)
    assert "items" not in swept(scans), "\n".join(scans)
