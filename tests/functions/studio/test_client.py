"""The client and the command line against the studio: two members, nobody, the service."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from uuid import uuid4

import pytest
from medley import (
    AsyncMedley,
    Conflict,
    Forbidden,
    InvalidArgument,
    Medley,
    NotFound,
    QuotaExceeded,
    Unauthenticated,
    Unavailable,
)
from medley.cli import app
from typer.testing import CliRunner

from tests.functions.conftest import Recorded
from tests.functions.studio.conftest import Studio

AUDIO = "https://audio.example/rain.mp3"


@pytest.fixture
def recorded(studio: Studio) -> Studio:
    """A studio whose provider has every track ready."""
    studio.set(GENERATION_PROVIDER="recorded", RECORDED_TRACK_URL=AUDIO)
    return studio


def signed_in(studio: Studio) -> tuple[Medley, str]:
    client = studio.project.client()
    answer = client.auth.sign_up(
        {"email": f"{time.time_ns()}@example.com", "password": "correct horse"}
    )
    assert answer.user is not None
    return Medley(client), answer.user.id


def service_of(studio: Studio) -> Medley:
    return Medley(studio.project.client(studio.project.secret_key))


def track_of(medley: Medley, **options: Any) -> str:
    """A completed track."""
    asked = medley.request_generation("new", title="Rain", **options)
    medley.start_generation()
    *_, last = medley.watch_generation(asked.track_id, every=0.05)
    assert (last.status, last.url, last.finished) == ("completed", AUDIO, True)
    return asked.track_id


def test_a_member_asks_for_a_track_and_gets_it(recorded: Studio) -> None:
    ada, _ = signed_in(recorded)
    before = ada.generation_quota()
    mark = str(uuid4())
    asked = ada.request_generation("new", title="Rain", genres=["ambient"], track_id=mark)
    again = ada.request_generation("new", title="Rain", genres=["ambient"], track_id=mark)
    assert asked == again
    assert asked.remaining == before.remaining - 1
    assert ada.start_generation(limit=3) == 1
    *_, last = ada.watch_generation(asked.track_id, every=0.05)
    assert (last.url, last.duration, last.explanation) == (AUDIO, 30, "A recorded track.")


def test_a_day_has_so_many_requests(recorded: Studio) -> None:
    ada, ada_id = signed_in(recorded)
    for _ in range(ada.generation_quota().remaining):
        ada.request_generation("new")
    with pytest.raises(QuotaExceeded):
        ada.request_generation("new")
    with pytest.raises(Forbidden):
        ada.set_generation_plan(ada_id, "premium")
    service_of(recorded).set_generation_plan(ada_id, "premium")
    assert ada.request_generation("new").remaining > 0


def test_what_is_private_stays_so(recorded: Studio) -> None:
    (ada, _), (bob, bob_id) = signed_in(recorded), signed_in(recorded)
    anon = Medley(recorded.project.client())
    track = track_of(ada)
    for other in (bob, service_of(recorded)):
        user_id = None if other is bob else bob_id
        with pytest.raises(NotFound):
            other.generation_status(track, user_id=user_id)
        with pytest.raises(NotFound):
            other.similar_tracks(track, user_id=user_id)
    with pytest.raises(NotFound):
        bob.request_generation("similar", source_id=track)
    with pytest.raises(NotFound):
        anon.similar_tracks(track)
    for refused in (anon.generation_quota, lambda: anon.request_generation("new")):
        with pytest.raises(Unauthenticated):
            refused()
    public = track_of(ada, is_public=True)
    assert list(bob.similar_tracks(public)) == []
    assert bob.request_generation("similar", source_id=public).status == "queued"
    with pytest.raises(Forbidden):
        bob.request_generation("extend", source_id=public)


def test_a_playlist_keeps_its_order(recorded: Studio) -> None:
    (ada, _), (bob, _) = signed_in(recorded), signed_in(recorded)
    first, second, third = (track_of(ada) for _ in range(3))
    rain = ada.create_playlist("Rain")
    assert ada.add_playlist_tracks(rain, [first, third]) == 2
    assert ada.add_playlist_tracks(rain, [second, third], before=third) == 1

    def order() -> list[str]:
        return [row.track_id for row in ada.iter_playlist_tracks(rain, page_size=2)]

    assert order() == [first, second, third]
    version = ada.move_playlist_track(rain, third, before=first)
    assert order() == [third, first, second]
    ada.reorder_playlist(rain, [first, second, third], version=version)
    assert order() == [first, second, third]
    with pytest.raises(Conflict):
        ada.reorder_playlist(rain, [third], version=version)
    assert ada.remove_playlist_tracks(rain, [second]) == 1
    assert order() == [first, third]
    for refused in (
        lambda: list(bob.iter_playlist_tracks(rain)),
        lambda: bob.add_playlist_tracks(rain, [first]),
        lambda: list(Medley(recorded.project.client()).iter_playlist_tracks(rain)),
    ):
        with pytest.raises(NotFound):
            refused()
    with pytest.raises(InvalidArgument):
        ada.create_playlist("")


def test_accounts_and_histories(studio: Studio, platforms: Recorded) -> None:
    (ada, ada_id), (bob, _) = signed_in(studio), signed_in(studio)
    made = ada.connect_account("spotify", code="good", redirect_uri="https://app.example")
    assert (made.platform, made.scopes) == ("spotify", ("user-read-recently-played",))
    assert made.expires_at is not None
    assert ada.history_cursor("spotify") is None
    (synced,) = ada.sync_history(platform="spotify")
    assert (synced.imported, synced.done, synced.error) == (50, True, None)
    cursor = ada.history_cursor("spotify")
    assert cursor is not None
    assert cursor.imported == 50
    with pytest.raises(NotFound):
        bob.sync_history(platform="spotify")
    with pytest.raises(InvalidArgument):
        bob.connect_account("spotify", code="used", redirect_uri="https://app.example")
    with pytest.raises(Unavailable):
        bob.connect_account("apple", user_token="user-token")
    with pytest.raises(Unauthenticated):
        Medley(studio.project.client()).sync_history(platform="spotify")
    service = service_of(studio)
    assert service.sync_history() == ()
    (synced,) = service.sync_history(platform="spotify", user_id=ada_id)
    assert (synced.imported, synced.user_id) == (0, ada_id)
    rotation = service.rotate_oauth_keys()
    assert (rotation.key_id, rotation.rotated, rotation.done) == ("k1", 0, True)
    with pytest.raises(Forbidden):
        ada.rotate_oauth_keys()
    del platforms


def test_the_asynchronous_client_does_the_same(recorded: Studio) -> None:
    member = recorded.member()

    async def all_of_it() -> list[str]:
        medley = AsyncMedley(recorded.project.url, recorded.project.secret_key)
        asked = await medley.request_generation("new", user_id=member.id)
        await medley.start_generation()
        watch = medley.watch_generation(asked.track_id, every=0.05, user_id=member.id)
        return [status.status async for status in watch]

    assert asyncio.run(all_of_it())[-1] == "completed"


def test_the_command_line(recorded: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", recorded.project.url)
    monkeypatch.setenv("SUPABASE_PUBLISHABLE_KEY", recorded.project.publishable_key)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", recorded.project.secret_key)
    user = recorded.member().id

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["studio", *arguments])
        assert result.exit_code == code, result.output
        return result.stdout

    asked = json.loads(run("request", "slow rain", "--user", user, "--json"))
    track = asked["track_id"]
    assert (asked["status"], asked["url"]) == ("completed", AUDIO)
    assert AUDIO in run("status", track, "--user", user)
    assert "free" in run("quota", "--user", user)
    assert json.loads(run("radio", track, "--user", user, "--json")) == []
    made = run("playlist", "create", "Rain", "--user", user).strip()
    assert "1 added" in run("playlist", "add", made, track, "--user", user)
    assert track in run("playlist", "show", made, "--user", user)
    run("playlist", "move", made, track, "--user", user)
    assert "1 removed" in run("playlist", "remove", made, track, "--user", user)
    assert json.loads(run("failed", "--json")) == []
    assert json.loads(run("sync", "--json")) == []
    assert "0 rotated" in run("rotate-keys")
    run("status", str(uuid4()), "--user", user, code=5)
    run("request", "--mode", "odd", "--user", user, code=5)
