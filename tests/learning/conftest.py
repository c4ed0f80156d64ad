"""A project of its own with a small world in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.database import Database, medley_database
from tests.functions.conftest import Project, serving
from tests.learning.world import write_world


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    """A database of this folder's own.

    Loads analyze the tables that they fill, and what a test rolls back leaves its statistics: those
    of empty tables make plans that take minutes.
    """
    with medley_database(name="simulated") as made:
        yield made


@pytest.fixture(scope="session")
def learning_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """An API server on a database with the world of world.py."""
    with serving("learning", tmp_path_factory.mktemp("learning"), {}) as project:
        with project.database.connect() as connection:
            write_world(connection)
            connection.execute("call medley.run_job('refresh_taste_vectors')")
        yield project


def configure(patch: pytest.MonkeyPatch, project: Project) -> None:
    """Tell the command line where the project is."""
    patch.setenv("DATABASE_URL", project.database.cluster.url())
    patch.setenv("SUPABASE_URL", project.url)
    patch.setenv("SUPABASE_PUBLISHABLE_KEY", project.publishable_key)
    patch.setenv("SUPABASE_SECRET_KEY", project.secret_key)


@pytest.fixture
def project(learning_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The same, as the command line's own settings."""
    configure(monkeypatch, learning_project)
    return learning_project
