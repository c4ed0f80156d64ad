"""Setlists and votes through the API: two members, a visitor, the service."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from medley import (
    AsyncMedley,
    Conflict,
    Forbidden,
    InvalidArgument,
    Medley,
    NotFound,
    Recommendation,
    Unauthenticated,
)
from medley_stack.paths import CHECKOUT
from postgrest.exceptions import APIError
from supabase import Client

from tests.conftest import Api, Member

NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Tour:
    """A band with five songs, a past show with an actual setlist, and a coming one."""

    artist: str
    past: str
    coming: str
    songs: list[str]
    actual: str


@pytest.fixture(scope="module")
def tour(service: Client) -> Iterator[Tour]:
    mark = uuid4().hex

    def insert(table: str, *rows: dict[str, Any]) -> list[str]:
        answer: list[Any] = service.table(table).insert(list(rows)).execute().data
        return [row["id"] for row in answer]

    (artist,) = insert("artists", {"name": f"Band {mark}", "verified": True, "source": mark})
    songs = insert(
        "songs",
        *({"title": f"Song {n}", "artist": f"Band {mark}", "source": mark} for n in range(5)),
    )
    insert("artist_songs", *({"artist_id": artist, "song_id": song} for song in songs))
    now = datetime.now(UTC)
    past, coming = insert(
        "shows",
        *(
            {
                "name": "Night",
                "starts_at": (now + timedelta(days=days)).isoformat(),
                "headliner_artist_id": artist,
            }
            for days in (-7, 7)
        ),
    )
    (actual,) = insert(
        "setlists",
        {"event_id": past, "artist_id": artist, "type": "actual", "name": "Last week"},
    )
    insert(
        "setlist_songs",
        *(
            {"setlist_id": actual, "song_id": song, "position": place}
            for place, song in enumerate(songs[:4], start=1)
        ),
    )
    yield Tour(artist, past, coming, songs, actual)
    for show in (past, coming):
        service.table("events").delete().eq("id", show).execute()
    service.table("songs").delete().eq("source", mark).execute()
    service.table("artists").delete().eq("id", artist).execute()


@pytest.fixture(scope="module")
def predicted(tour: Tour, service: Client) -> str:
    return Medley(service).predict_setlist(tour.coming)


def test_a_show_has_its_prediction(tour: Tour, predicted: str, anon: Client) -> None:
    medley = Medley(anon)
    (setlist,) = medley.event_setlists(tour.coming)
    assert (setlist.setlist_id, setlist.type) == (predicted, "predicted")
    songs = medley.setlist(predicted)
    assert [song.song_id for song in songs] == tour.songs[:4]
    assert [song["song_id"] for song in setlist.songs] == tour.songs[:4]
    assert {song.my_vote for song in songs} == {None}


def recommended(medley: Medley, tour: Tour) -> dict[str, Recommendation]:
    """What is recommended of the band's songs."""
    found = medley.recommendations(kind="song", limit=200)
    return {item.item_id: item for item in found if item.item_id in tour.songs}


def test_members_vote_each_for_themselves(
    tour: Tour, predicted: str, member: Member, other_member: Member, api: Api
) -> None:
    # What the songs of a band have in common is found at night.
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        connection.execute("call medley.run_job('rebuild_content_neighbors')")
    one, other = Medley(member.client), Medley(other_member.client)
    song = one.setlist(predicted)[0]
    before = (song.upvotes, song.downvotes)
    unknown = recommended(one, tour)
    assert set(tour.songs) <= set(unknown)
    assert {item.breakdown["content"] for item in unknown.values()} == {0}
    assert one.vote_setlist_song(song.setlist_song_id, 1).upvotes == before[0] + 1
    vote = other.vote_setlist_song(song.setlist_song_id, -1)
    assert (vote.upvotes, vote.downvotes, vote.my_vote) == (before[0] + 1, before[1] + 1, -1)
    assert one.setlist(predicted)[0].my_vote == 1
    votes = member.client.table("setlist_votes").select("user_id,vote").execute().data
    assert votes == [{"user_id": member.id, "vote": 1}]
    profile = {"id": member.id, "username": f"u{uuid4().hex[:12]}"}
    member.client.table("user_profiles").insert(profile).execute()
    found = member.client.table("profiles").select("total_votes").eq("id", member.id).execute()
    assert found.data == [{"total_votes": 1}]
    assert one.vote_setlist_song(song.setlist_song_id, 0).my_vote == 0
    assert other.vote_setlist_song(song.setlist_song_id, 0).total_votes == vote.total_votes - 2
    # What one voted for is known, and so is who plays it.
    one.vote_setlist_song(song.setlist_song_id, 1)
    after = recommended(one, tour)
    assert song.song_id not in after
    assert after[tour.songs[4]].breakdown["content"] > 0


def test_many_members_vote_at_once(
    predicted: str, service: Client, sign_up: Callable[[], Member]
) -> None:
    song = Medley(service).setlist(predicted)[1]
    members = [sign_up() for _ in range(6)]

    def vote(member: Member) -> None:
        for value in (1, -1, 1):
            Medley(member.client).vote_setlist_song(song.setlist_song_id, value)

    with ThreadPoolExecutor(len(members)) as pool:
        list(pool.map(vote, members))
    assert Medley(service).setlist(predicted)[1].upvotes == song.upvotes + len(members)


def test_what_must_not_be_voted_on_is_refused(
    tour: Tour, predicted: str, member: Member, service: Client, anon: Client
) -> None:
    medley, admin = Medley(member.client), Medley(service)
    song = medley.setlist(predicted)[0].setlist_song_id
    with pytest.raises(InvalidArgument):
        medley.vote_setlist_song(song, 2)
    with pytest.raises(NotFound):
        medley.vote_setlist_song(NOBODY, 1)
    with pytest.raises(Conflict, match="past"):
        medley.vote_setlist_song(medley.setlist(tour.actual)[0].setlist_song_id, 1)
    with pytest.raises(Forbidden):
        medley.vote_setlist_song(song, 1, user_id=NOBODY)
    with pytest.raises(Unauthenticated):
        Medley(anon).vote_setlist_song(song, 1)
    admin.lock_setlist(predicted)
    try:
        with pytest.raises(Conflict, match="locked"):
            medley.vote_setlist_song(song, 1)
        with pytest.raises(Conflict):
            admin.predict_setlist(tour.coming)
    finally:
        admin.lock_setlist(predicted, locked=False)
    assert admin.vote_setlist_song(song, 1, user_id=member.id).my_vote == 1
    for table, row in (
        ("setlist_votes", {"setlist_song_id": song, "user_id": member.id, "vote": 1}),
        ("setlists", {"event_id": tour.coming, "artist_id": tour.artist, "name": "Mine"}),
        ("songs", {"title": "Mine", "artist": "Me"}),
    ):
        with pytest.raises(APIError, match="permission denied"):
            member.client.table(table).insert(row).execute()
    with pytest.raises(Forbidden):
        medley.lock_setlist(predicted)
    with pytest.raises(Forbidden):
        medley.predict_setlist(tour.coming)


def test_a_member_makes_a_setlist(tour: Tour, member: Member, other_member: Member) -> None:
    medley, other = Medley(member.client), Medley(other_member.client)
    mine = medley.create_setlist(tour.coming, tour.artist, "Mine", song_ids=tour.songs[:2])
    last = medley.add_setlist_song(mine, tour.songs[4])
    medley.move_setlist_song(last, 1)
    first = medley.setlist(mine)[1].setlist_song_id
    medley.remove_setlist_song(first)
    assert [song.song_id for song in medley.setlist(mine)] == [tour.songs[4], tour.songs[1]]
    with pytest.raises(Conflict):
        medley.add_setlist_song(mine, tour.songs[4])
    with pytest.raises(InvalidArgument):
        medley.add_setlist_song(mine, tour.songs[0], position=9)
    with pytest.raises(Forbidden):
        other.remove_setlist_song(last)
    assert other.vote_setlist_song(last, 1).total_votes == 1
    assert mine in {setlist.setlist_id for setlist in other.event_setlists(tour.coming)}
    member.client.table("setlists").delete().eq("id", mine).execute()
    with pytest.raises(NotFound):
        medley.setlist(mine)


def test_the_example_of_the_guide_runs(
    tour: Tour, member: Member, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = (CHECKOUT / "docs" / "setlists.md").read_text()
    (example,) = re.findall(r"```py\n(.*?)```", guide, re.DOTALL)
    medley = Medley(member.client)
    names: dict[str, Any] = {"medley": medley, "event_id": tour.coming, "artist_id": tour.artist}
    names |= dict(zip(("first", "second", "third"), tour.songs, strict=False))
    exec(compile(example, "docs/setlists.md", "exec"), names)  # noqa: S102  (our own text)
    assert "My dream set" in capsys.readouterr().out
    opener, *_ = medley.setlist(names["mine"])
    assert (opener.song_id, opener.my_vote) == (tour.songs[2], 1)
    member.client.table("setlists").delete().eq("id", names["mine"]).execute()


def test_trending_artists_are_served(tour: Tour, api: Api, service: Client, member: Member) -> None:
    asked = {"artist_id_param": tour.artist, "days_back": 30}

    def score() -> float:
        points: Any = service.rpc("calculate_trending_score", asked).execute().data
        return float(points)

    before = score()
    follow = {"artist_id": tour.artist, "notifications_enabled": False}
    member.client.table("user_follows_artists").insert(follow).execute()
    assert score() == pytest.approx(before + 0.3)

    async def ask() -> list[str]:
        medley = AsyncMedley(api.url, api.publishable_key)
        return [artist.artist_id async for artist in medley.iter_trending_artists(page_size=2)]

    found = asyncio.run(ask())
    assert len(set(found)) == len(found)
    with pytest.raises(APIError):
        api.client().table("user_follows_artists").insert(follow).execute()


def test_a_follow_may_be_silent(tour: Tour, member: Member) -> None:
    follow = {"artist_id": tour.artist, "notifications_enabled": False}
    member.client.table("user_follows_artists").insert(follow).execute()
    found: list[Any] = member.client.table("user_follows_artists").select("*").execute().data
    assert [(row["artist_id"], row["notifications_enabled"]) for row in found] == [
        (tour.artist, False)
    ]
