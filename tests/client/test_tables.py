"""Tables of the packs over HTTP: what two members, nobody and the service may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from postgrest.exceptions import APIError
from supabase import Client

from tests.conftest import Api, Member

# PostgreSQL's word for no grant, and for no policy.
DENIED = "42501"
CALLERS = ("owner", "other", "anon", "service")


@dataclass(frozen=True, slots=True)
class World:
    """A public and a private thing of each kind that one member has, and a small catalogue.

    The public band holds the private track, the public playlist both; the owner keeps the public
    track, the other member follows the public band.
    """

    clients: dict[str, Client]
    owner: str
    other: str
    band: str
    hidden_band: str
    track: str
    hidden_track: str
    playlist: str
    hidden_playlist: str
    cached: str
    sound: list[float]
    artist: str
    songs: list[str]
    setlist: str
    job: str


@contextmanager
def made(api: Api, sign_up: Callable[[], Member]) -> Iterator[World]:
    service, owner, other = api.client(api.secret_key), sign_up(), sign_up()
    mark = uuid4().hex
    # A direction of its own, so that nothing else that the stack holds is near.
    chance = Random(mark)  # noqa: S311
    sound = [chance.gauss(0, 1) for _ in range(768)]

    def insert(table: str, *rows: dict[str, Any]) -> list[str]:
        answer: list[Any] = service.table(table).insert(list(rows)).execute().data
        return [row["id"] for row in answer]

    def pair(table: str, **row: Any) -> list[str]:
        return insert(
            table, *({**row, "user_id": owner.id, "is_public": public} for public in (True, False))
        )

    track, hidden_track = pair(
        "generated_tracks",
        mode="new",
        status="completed",
        title=mark,
        url="https://x.example/1.mp3",
        duration=60,
        claimable_at=None,
        completed_at="2026-01-01T00:00:00Z",
    )
    band, hidden_band = pair("bands", name=mark)
    playlist, hidden_playlist = pair("user_playlists", name=mark)
    vectors = [{"item_id": item, "embedding": sound} for item in (track, hidden_track)]
    audio = {"p_type": "audio", "p_model": "mert-v1-95m", "p_rows": vectors}
    service.rpc("set_item_embeddings", audio).execute()
    service.table("band_tracks").insert({"band_id": band, "track_id": hidden_track}).execute()
    listed = {"p_playlist_id": playlist, "p_track_ids": [track, hidden_track]}
    owner.client.rpc("add_playlist_tracks", listed).execute()
    owner.client.table("user_library").insert({"track_id": track}).execute()
    follow = {"user_id": other.id, "band_id": band}
    other.client.table("user_follows").insert(follow).execute()
    cached = {"track_id": mark, "track_name": "Song", "artist": mark, "source": "test"}
    service.rpc("set_music_embeddings", {"p_rows": [{**cached, "embedding": sound}]}).execute()

    (artist,) = insert("artists", {"name": mark, "verified": True, "source": mark})
    songs = insert(
        "songs", *({"title": f"Song {n}", "artist": mark, "source": mark} for n in range(2))
    )
    service.table("artist_songs").insert({"artist_id": artist, "song_id": songs[0]}).execute()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    show = {"title": mark, "starts_at": tomorrow, "headliner_artist_id": artist, "source": mark}
    (event,) = insert("events", show)
    (setlist,) = insert("setlists", {"event_id": event, "artist_id": artist, "name": "Predicted"})
    place = {"setlist_id": setlist, "song_id": songs[0], "position": 1}
    service.table("setlist_songs").insert(place).execute()
    other.client.table("item_follows").insert({"item_id": artist}).execute()
    started: Any = service.rpc("start_import", {"p_artist": {"name": mark}}).execute().data
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        connection.execute("select medley.refresh_trending_artists()")
    clients = {"owner": owner.client, "other": other.client}
    yield World(
        clients={**clients, "anon": api.client(), "service": service},
        owner=owner.id,
        other=other.id,
        band=band,
        hidden_band=hidden_band,
        track=track,
        hidden_track=hidden_track,
        playlist=playlist,
        hidden_playlist=hidden_playlist,
        cached=mark,
        sound=sound,
        artist=artist,
        songs=songs,
        setlist=setlist,
        job=started[0]["job_id"],
    )
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        for member in (owner, other):
            connection.execute("delete from auth.users where id = %s", (member.id,))
        connection.execute("delete from public.music_embeddings where artist = %s", (mark,))
        for table in ("medley.import_jobs", "public.import_status"):
            connection.execute(f"delete from {table} where job_id = %s", (started[0]["job_id"],))
        for table in ("events", "songs", "artists"):
            connection.execute(f"delete from public.{table} where source = %s", (mark,))


@pytest.fixture(scope="module")
def world(api: Api, sign_up: Callable[[], Member]) -> Iterator[World]:
    """For calls that change nothing."""
    with made(api, sign_up) as found:
        yield found


@pytest.fixture
def worlds(api: Api, sign_up: Callable[[], Member]) -> Iterator[Callable[[], World]]:
    """For calls that change something."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(made(api, sign_up))


def outcome(call: Callable[[], Any]) -> Any:
    """How many rows came back, a number as it is, or the code of the refusal."""
    try:
        data = call().data
    except APIError as error:
        return error.code
    return len(data) if isinstance(data, list) else data


Read = Callable[[Client, World], Any]

READS: dict[str, tuple[Read, tuple[Any, Any, Any, Any]]] = {
    "a public band": (lambda c, w: c.table("bands").select("*").eq("id", w.band), (1, 1, 1, 1)),
    "a private band": (
        lambda c, w: c.table("bands").select("*").eq("id", w.hidden_band),
        (1, 0, 0, 1),
    ),
    "a private track of a public band": (
        lambda c, w: c.table("band_tracks").select("*").eq("band_id", w.band),
        (1, 0, 0, 1),
    ),
    "a library": (
        lambda c, w: c.table("user_library").select("*").eq("track_id", w.track),
        (1, 0, DENIED, 1),
    ),
    "who follows a band": (
        lambda c, w: c.table("user_follows").select("*").eq("band_id", w.band),
        (0, 1, DENIED, 1),
    ),
    "the cache": (
        lambda c, w: c.table("music_embeddings").select("*").eq("track_id", w.cached),
        (1, 1, 1, 1),
    ),
    "a private playlist": (
        lambda c, w: c.table("playlists_with_tracks").select("*").eq("id", w.hidden_playlist),
        (1, 0, 0, 1),
    ),
    "a track that sounds so": (
        lambda c, w: c.rpc("match_tracks", {"p_embedding": w.sound, "p_kind": "track"}).in_(
            "item_id", [w.track, w.hidden_track]
        ),
        (2, 1, 1, 1),
    ),
    "a taste": (lambda c, _: c.rpc("get_taste_vector"), (1, 0, DENIED, "PT400")),
    "somebody's taste": (
        lambda c, w: c.rpc("get_taste_vector", {"p_user_id": w.owner}),
        (1, "PT403", DENIED, 1),
    ),
    "bands like a private one": (
        lambda c, w: c.rpc("get_similar_bands", {"p_band_id": w.hidden_band}),
        (0, "PT404", "PT404", "PT404"),
    ),
    "an import": (
        lambda c, w: c.table("import_status").select("*").eq("job_id", w.job),
        (1, 1, 1, 1),
    ),
    "a trending artist": (
        lambda c, w: c.table("trending_artists").select("*").eq("id", w.artist),
        (1, 1, 1, 1),
    ),
    "who plays a song": (
        lambda c, w: c.table("artist_songs").select("*").eq("artist_id", w.artist),
        (1, 1, 1, 1),
    ),
    "songs of a setlist": (
        lambda c, w: c.table("setlist_songs").select("*").eq("setlist_id", w.setlist),
        (1, 1, 1, 1),
    ),
}

NOBODY = (DENIED, DENIED, DENIED)
WRITES: dict[str, tuple[Read, tuple[Any, Any, Any, Any]]] = {
    "bands insert": (
        lambda c, w: c.table("bands").insert({"user_id": w.owner, "name": "New"}),
        (1, DENIED, DENIED, 1),
    ),
    "bands patch": (
        lambda c, w: c.table("bands").update({"name": "Other"}).eq("id", w.band),
        (1, 0, DENIED, 1),
    ),
    "bands patch counters": (
        lambda c, w: c.table("bands").update({"follower_count": 9}).eq("id", w.band),
        (*NOBODY, 1),
    ),
    "bands delete": (lambda c, w: c.table("bands").delete().eq("id", w.band), (1, 0, DENIED, 1)),
    "band_tracks insert": (
        lambda c, w: c.table("band_tracks").insert({"band_id": w.band, "track_id": w.track}),
        (1, DENIED, DENIED, 1),
    ),
    "band_tracks delete": (
        lambda c, w: c.table("band_tracks").delete().eq("band_id", w.band),
        (1, 0, DENIED, 1),
    ),
    "add_band_tracks": (
        lambda c, w: c.rpc("add_band_tracks", {"p_band_id": w.band, "p_track_ids": [w.track]}),
        (1, "PT403", DENIED, "PT400"),
    ),
    "user_library insert": (
        lambda c, w: c.table("user_library").insert({"user_id": w.other, "track_id": w.track}),
        (DENIED, 1, DENIED, 1),
    ),
    "user_library insert what is private": (
        lambda c, w: c.table("user_library").insert(
            {"user_id": w.other, "track_id": w.hidden_track}
        ),
        (*NOBODY, 1),
    ),
    "user_library delete": (
        lambda c, w: c.table("user_library").delete().eq("track_id", w.track),
        (1, 0, DENIED, 1),
    ),
    "user_follows insert": (
        lambda c, w: c.table("user_follows").insert({"user_id": w.owner, "band_id": w.band}),
        (1, DENIED, DENIED, 1),
    ),
    "user_follows insert what is private": (
        lambda c, w: c.table("user_follows").insert({"user_id": w.other, "band_id": w.hidden_band}),
        (*NOBODY, 1),
    ),
    "user_follows delete": (
        lambda c, w: c.table("user_follows").delete().eq("band_id", w.band),
        (0, 1, DENIED, 1),
    ),
    "music_embeddings insert": (
        lambda c, w: c.table("music_embeddings").insert(
            {"track_name": "x", "artist": w.cached, "source": "test", "vector": str(w.sound)}
        ),
        (*NOBODY, 1),
    ),
    "music_embeddings patch": (
        lambda c, w: c.table("music_embeddings").update({"genre": []}).eq("track_id", w.cached),
        (*NOBODY, 1),
    ),
    "music_embeddings delete": (
        lambda c, w: c.table("music_embeddings").delete().eq("track_id", w.cached),
        (*NOBODY, 1),
    ),
    "playlists_with_tracks patch": (
        lambda c, w: c.table("playlists_with_tracks").update({"name": "x"}).eq("id", w.playlist),
        (*NOBODY, DENIED),
    ),
    "generated_tracks insert": (
        lambda c, w: c.table("generated_tracks").insert({"user_id": w.owner, "mode": "new"}),
        (*NOBODY, 1),
    ),
    "generated_tracks patch": (
        lambda c, w: (
            c.table("generated_tracks")
            .update({"title": "Other", "is_public": False, "band_id": w.band})
            .eq("id", w.track)
        ),
        (1, 0, DENIED, 1),
    ),
    "generated_tracks patch of the queue": (
        lambda c, w: c.table("generated_tracks").update({"status": "queued"}).eq("id", w.track),
        (*NOBODY, "PT409"),
    ),
    "generated_tracks delete": (
        lambda c, w: c.table("generated_tracks").delete().eq("id", w.track),
        (1, 0, DENIED, 1),
    ),
    "import_status insert": (
        lambda c, _: c.table("import_status").insert({"job_id": uuid4().hex, "stage": "done"}),
        (*NOBODY, DENIED),
    ),
    "import_status patch": (
        lambda c, w: c.table("import_status").update({"progress": 100}).eq("job_id", w.job),
        (*NOBODY, DENIED),
    ),
    "import_status delete": (
        lambda c, w: c.table("import_status").delete().eq("job_id", w.job),
        (*NOBODY, DENIED),
    ),
    "trending_artists patch": (
        lambda c, w: c.table("trending_artists").update({"show_count": 9}).eq("id", w.artist),
        (*NOBODY, DENIED),
    ),
    "trending_artists delete": (
        lambda c, w: c.table("trending_artists").delete().eq("id", w.artist),
        (*NOBODY, DENIED),
    ),
    "artist_songs insert": (
        lambda c, w: c.table("artist_songs").insert({"artist_id": w.artist, "song_id": w.songs[1]}),
        (*NOBODY, 1),
    ),
    "artist_songs delete": (
        lambda c, w: c.table("artist_songs").delete().eq("artist_id", w.artist),
        (*NOBODY, 1),
    ),
    "setlist_songs insert": (
        lambda c, w: c.table("setlist_songs").insert(
            {"setlist_id": w.setlist, "song_id": w.songs[1], "position": 2}
        ),
        (*NOBODY, 1),
    ),
    "setlist_songs patch counters": (
        lambda c, w: c.table("setlist_songs").update({"upvotes": 9}).eq("setlist_id", w.setlist),
        (*NOBODY, DENIED),
    ),
    "setlist_songs delete": (
        lambda c, w: c.table("setlist_songs").delete().eq("setlist_id", w.setlist),
        (*NOBODY, 1),
    ),
}


@pytest.mark.parametrize(("call", "expected"), READS.values(), ids=READS)
def test_each_reads_what_they_may(world: World, call: Read, expected: tuple[Any, ...]) -> None:
    found = [outcome(call(world.clients[who], world).execute) for who in CALLERS]
    assert dict(zip(CALLERS, found, strict=True)) == dict(zip(CALLERS, expected, strict=True))


def test_a_playlist_has_the_tracks_that_its_reader_sees(world: World) -> None:
    seen = {}
    for who in CALLERS:
        table = world.clients[who].table("playlists_with_tracks")
        rows: Any = table.select("tracks").eq("id", world.playlist).execute().data
        seen[who] = len(rows[0]["tracks"])
    assert seen == {"owner": 2, "other": 1, "anon": 1, "service": 2}


@pytest.mark.parametrize(("call", "expected"), WRITES.values(), ids=WRITES)
def test_each_writes_what_they_may(
    world: World, worlds: Callable[[], World], call: Read, expected: tuple[Any, ...]
) -> None:
    found = {}
    for who, result in zip(CALLERS, expected, strict=True):
        # A refusal leaves what is there as it is.
        here = worlds() if result == 1 else world
        found[who] = outcome(call(here.clients[who], here).execute)
    assert found == dict(zip(CALLERS, expected, strict=True))
