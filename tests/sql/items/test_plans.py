"""Names are looked up by what is asked: no plan reads the registry from end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.database import Database

WORLD = """
select tests.make_kind('film'), tests.make_member('ada');
insert into medley.items (kind, title) values ('film', '!!!');
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
    assert not _read_whole(scans), "\n".join(scans)


def test_a_name_without_letters_is_found_by_an_index(named: Database) -> None:
    scans = named.scans("select * from public.find_items('!!!')")
    assert any("items_name_idx" in scan for scan in scans), "\n".join(scans)
    assert not _read_whole(scans), "\n".join(scans)


def _read_whole(scans: list[str]) -> bool:
    """Whether some scan of the registry is asked for no name, owner or number."""
    asked = "items_title_idx", "items_name_idx", "items_owner_idx", "items_item_no_key"
    registry = (scan for scan in scans if " on items " in scan and "Bitmap Heap" not in scan)
    return any(not any(index in scan for index in asked) for scan in registry)
