"""Hot queries find their rows by an index, whatever the tables hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.database import Database, swept


@pytest.fixture(scope="module")
def plans(
    new_database: Callable[..., AbstractContextManager[Database]],
) -> Iterator[Callable[[str], list[str]]]:
    """The nodes of the plans of a statement and of all that it runs inside."""
    with new_database(name="studioplans") as made:
        made.execute("alter role postgres set search_path = tests, extensions, public")
        made.execute("select tests.make_member('ada'), tests.make_playlist('ada', 'List')")
        made.execute(
            "insert into public.generated_tracks "
            "(id, user_id, title, mode, status, url, duration, claimable_at, is_public) "
            "select tests.track('t' || n), tests.member('ada'), 't' || n, "
            "'new', 'completed', 'u', 9, null, true "
            "from generate_series(1, 1500) as n"
        )
        made.execute(
            "insert into public.generated_tracks (user_id, mode) "
            "select tests.member('ada'), 'new' from generate_series(1, 500) as n"
        )
        made.execute(
            "insert into public.playlist_tracks (playlist_id, track_id, place) "
            "select tests.playlist('List'), t.id, 4294967296 * row_number() over () "
            "from public.generated_tracks as t where t.status = 'completed'"
        )
        made.execute(
            "insert into medley.content_embeddings "
            "(item_no, embedding_type, model_version, dims, embedding_768) "
            "select i.item_no, 'audio', medley.audio_model(), 768, "
            "tests.sound(random()::real, random()::real, i.item_no)::extensions.vector "
            "from medley.items as i where i.kind = 'track' and i.visibility = 'public'"
        )
        made.execute(
            "insert into public.bands (id, user_id, name, style_vector) "
            "select tests.band('b' || n), tests.member('ada'), 'b' || n, "
            "tests.sound(random()::real, random()::real, n)::extensions.vector "
            "from generate_series(1, 1500) as n"
        )
        made.execute("update medley.settings set value = 100 where key = 'studio.exact_vectors'")
        made.execute("analyze")

        yield made.scans


GROWING = {
    "bands",
    "content_embeddings",
    "generated_tracks",
    "item_genres",
    "items",
    "playlist_tracks",
}


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("select public.claim_generation_jobs('w', 10)", "generated_tracks_queue_idx"),
        ("select public.match_tracks(tests.sound(1, 0.5))", "content_embeddings_768_idx"),
        ("select public.get_similar_bands(tests.band('b1'))", "idx_bands_style_vector"),
        (
            "select public.move_playlist_track(tests.playlist('List'), tests.track('t9'), "
            "tests.track('t5'), tests.member('ada'))",
            "playlist_tracks_place",
        ),
        ("select medley.fail_abandoned_generations(100)", "idx_generated_tracks_status"),
        (
            "select public.get_playlist_tracks(tests.playlist('List'), "
            "p_user_id => tests.member('ada'))",
            "playlist_tracks_place",
        ),
    ],
)
def test_hot_queries_use_their_index(
    plans: Callable[[str], list[str]], statement: str, index: str
) -> None:
    nodes = plans(statement)
    assert any(index in node for node in nodes), nodes
    assert swept(nodes) & GROWING == set(), nodes
