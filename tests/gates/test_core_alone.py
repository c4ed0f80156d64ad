"""The core installs and passes its own tests without any pack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from medley_stack import source

from tests.database import SQL_TESTS, Database, medley_database
from tests.pgtap import needed_version, run_file

MODULES = [Path(module.folder).name for module in source.modules() if module.is_core]
FILES = sorted(file for module in MODULES for file in (SQL_TESTS / module).glob("*.sql"))


@pytest.fixture(scope="module")
def core() -> Iterator[Database]:
    with medley_database(name="core", include=lambda module: module.is_core) as made:
        yield made


def test_every_core_module_has_tests() -> None:
    assert set(MODULES) == {file.parent.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_core_passes_its_tests_alone(core: Database, file: Path) -> None:
    if needed_version(file) > core.version:
        pytest.skip(f"needs PostgreSQL {needed_version(file)}")
    assert run_file(core, file) == []
