"""The edge function import-artist, run by Deno, from its request to the rows of the catalogue."""

from __future__ import annotations

from typing import Any

from tests.functions.conftest import Project, Sources

NAME = "The Paper Kites of Mars"


def counts(project: Project) -> dict[str, int]:
    tables = ("artists", "songs", "artist_songs", "events", "venues", "setlists", "setlist_songs")
    return {
        table: project.database.value(f"select count(*) from public.{table}") for table in tables
    }


def test_an_artist_is_imported_with_songs_shows_and_setlists(
    project: Project, sources: Sources
) -> None:
    status = project.finish(name=NAME.lower())
    assert (status["stage"], status["progress"], status["error"]) == ("done", 100, None), status
    found = counts(project)
    assert found == {
        "artists": 1,
        "songs": 46,
        "artist_songs": 46,
        "events": 11 + 24,
        "venues": 11,
        "setlists": 24,
        "setlist_songs": 24 * 19,
    }
