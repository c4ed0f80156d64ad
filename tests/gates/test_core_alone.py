"""The core installs without any pack, and has tests, which run on it alone (tests/pgtap.py)."""

from __future__ import annotations

from tests.database import CORE_MODULES, SQL_TESTS, Database


def test_the_core_installs_without_packs(core: Database) -> None:
    assert core.value("select count(*) from medley.item_kinds") == 0


def test_every_core_module_has_tests() -> None:
    tested = {file.parent.name for file in SQL_TESTS.glob("*/*.sql")}
    assert tested >= CORE_MODULES
