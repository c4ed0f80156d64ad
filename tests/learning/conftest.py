"""A project of its own with a small world in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functions.conftest import Project, serving
from tests.learning.world import write_world


@pytest.fixture(scope="session")
def learning_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """An API server on a database with the world of world.py."""
    with serving("learning", tmp_path_factory.mktemp("learning"), {}) as project:
        with project.database.connect() as connection:
            write_world(connection)
            connection.execute("call medley.run_job('refresh_taste_vectors')")
        yield project


@pytest.fixture
def project(learning_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The same, as the command line's own settings."""
    settings = {
        "DATABASE_URL": learning_project.database.cluster.url(),
        "SUPABASE_URL": learning_project.url,
        "SUPABASE_PUBLISHABLE_KEY": learning_project.publishable_key,
        "SUPABASE_SECRET_KEY": learning_project.secret_key,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return learning_project
