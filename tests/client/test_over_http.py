"""The client against the running API: what members and the service may do, and how it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from medley import (
    AsyncMedley,
    Conflict,
    Forbidden,
    InvalidArgument,
    InvalidCursor,
    Medley,
    MedleyError,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from supabase import Client

from tests.conftest import Api, Member

# A place in the ocean, so that nothing else that the stack holds is near.
LATITUDE, LONGITUDE = -48.0, -123.0
NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Catalogue:
    """Two artists at one venue: five events of the first, one of the second."""

    artists: list[str]
    events: list[str]
    mark: str


@pytest.fixture(scope="module")
def catalogue(service: Client) -> Iterator[Catalogue]:
    mark = uuid4().hex

    def insert(table: str, *rows: dict[str, Any]) -> list[str]:
        answer: list[Any] = service.table(table).insert(list(rows)).execute().data
        return [row["id"] for row in answer]

    artists = insert(
        "artists",
        *({"name": f"Artist {n}", "genres": ["Shoegaze"], "source": mark} for n in range(2)),
    )
    (venue,) = insert(
        "venues",
        {"name": "Raft", "latitude": LATITUDE, "longitude": LONGITUDE, "source": mark},
    )
    first = datetime.now(UTC) + timedelta(days=10)
    events = insert(
        "events",
        *(
            {
                "title": f"Night {n}",
                "starts_at": (first + timedelta(days=n)).isoformat(),
                "venue_id": venue,
                "headliner_artist_id": artists[n // 5],
                "genres": ["Shoegaze"],
                "source": mark,
            }
            for n in range(6)
        ),
    )
    yield Catalogue(artists, events, mark)
    for table in ("events", "venues", "artists"):
        service.table(table).delete().eq("source", mark).execute()


@pytest.fixture
def medley(member: Member) -> Medley:
    return Medley(member.client)


def rows_of(client: Client, table: str) -> list[Any]:
    return client.table(table).select("*").execute().data


# Feed


def test_a_followed_artist_leads_the_feed_at_once(medley: Medley, catalogue: Catalogue) -> None:
    medley.follow_item(catalogue.artists[0])
    page = medley.personalized_feed(limit=5)
    assert {event.event_id for event in page} == set(catalogue.events[:5])
    for event in page:
        assert event.breakdown["artist_follow"] > 0
        assert sum(event.breakdown.values()) == pytest.approx(event.score)
        assert event.reasons
        assert event.starts_at.tzinfo is not None


def test_pages_neither_repeat_nor_skip(medley: Medley, catalogue: Catalogue) -> None:
    medley.follow_item(catalogue.artists[0])
    whole = [event.event_id for event in medley.personalized_feed(limit=5)]
    paged = []
    for event in medley.iter_feed(page_size=2):
        paged.append(event.event_id)
        if len(paged) == 5:
            break
    assert paged == whole


def test_the_service_sees_the_members_feed(
    medley: Medley, member: Member, service: Client, catalogue: Catalogue
) -> None:
    medley.follow_item(catalogue.artists[1])
    seen = Medley(service).personalized_feed(limit=1, user_id=member.id)
    assert [event.event_id for event in seen] == [catalogue.events[5]]


def test_the_service_must_name_a_member(service: Client) -> None:
    with pytest.raises(InvalidArgument) as error:
        Medley(service).personalized_feed()
    assert error.value.argument == "p_user_id"
    assert error.value.hint


def test_a_feed_needs_a_member(anon: Client) -> None:
    with pytest.raises(Unauthenticated) as error:
        Medley(anon).personalized_feed()
    assert (error.value.code, error.value.sqlstate) == ("unauthenticated", "42501")
    assert error.value.hint == "Sign in, or use the secret key."


def test_what_needs_the_secret_key_says_so(medley: Medley) -> None:
    with pytest.raises(Forbidden) as error:
        medley.engine_status()
    assert error.value.hint == "This call needs the secret key."
    with pytest.raises(Forbidden) as error:
        medley.rsvp(NOBODY)
    assert error.value.hint is None


def test_someone_elses_feed_is_forbidden(medley: Medley, other_member: Member) -> None:
    with pytest.raises(Forbidden):
        medley.personalized_feed(user_id=other_member.id)


@pytest.mark.parametrize("limit", [0, -1, 201, 10**9])
def test_a_limit_out_of_range_is_refused(medley: Medley, limit: int) -> None:
    with pytest.raises(InvalidArgument) as error:
        medley.personalized_feed(limit=limit)
    assert error.value.argument == "p_limit"


@pytest.mark.parametrize("cursor", ["x", "", "eyJxIjogIngiLCAicCI6IHt9fQ=="])
def test_a_cursor_of_something_else_is_refused(medley: Medley, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        medley.personalized_feed(cursor=cursor)


# Calendar


def test_the_calendar_is_in_order_of_time_around_a_place(
    medley: Medley, catalogue: Catalogue
) -> None:
    events = list(
        medley.iter_calendar(latitude=LATITUDE, longitude=LONGITUDE, radius_km=5, page_size=4)
    )
    assert [event.event_id for event in events] == catalogue.events
    assert {event.distance_km for event in events} == {0.0}


@pytest.mark.usefixtures("catalogue")
def test_the_calendar_takes_dates_genres_and_umbrellas(anon: Client) -> None:
    medley = Medley(anon)
    here: dict[str, Any] = {"latitude": LATITUDE, "longitude": LONGITUDE, "radius_km": 5.0}
    tomorrow = datetime.now(UTC) + timedelta(days=12, hours=12)
    assert len(medley.calendar_events(end_date=tomorrow, **here)) == 3
    assert len(medley.calendar_events(genres=["shoegaze", "polka"], **here)) == 6
    assert len(medley.calendar_events(genres=["polka"], **here)) == 0
    assert len(medley.calendar_events(umbrella_slug="rock", **here)) == 6
    assert len(medley.calendar_events(umbrella_slug="jazz", **here)) == 0


def test_bad_questions_to_the_calendar_are_refused(anon: Client) -> None:
    medley = Medley(anon)
    now = datetime.now(UTC)
    bad: list[dict[str, Any]] = [
        {"start_date": now, "end_date": now - timedelta(days=1)},
        {"latitude": 100.0, "longitude": 0.0, "radius_km": 1.0},
        {"latitude": 0.0, "longitude": 0.0, "radius_km": float("inf")},
        {"latitude": 0.0, "longitude": 0.0, "radius_km": -1.0},
        {"genres": []},
        {"limit": 0},
    ]
    for question in bad:
        with pytest.raises(InvalidArgument):
            medley.calendar_events(**question)
    with pytest.raises(NotFound):
        medley.calendar_events(umbrella_slug="no-such-umbrella")


# Genres


def test_the_tree_has_parents_before_children(anon: Client) -> None:
    nodes = Medley(anon).genre_tree(root_slug="rock", max_depth=2)
    seen = {"rock"}
    for node in nodes:
        assert node.path_slug == "rock" or node.parent_path_slug in seen
        seen.add(node.path_slug)
    assert len(nodes) > 1


def test_genres_under_an_umbrella_are_those_of_its_tree(anon: Client) -> None:
    medley = Medley(anon)
    tree = medley.genre_tree(root_slug="jazz", max_depth=5)
    assert medley.genres_under_umbrella("jazz") == {node.genre_id for node in tree}


def test_unknown_genres_are_not_found(anon: Client) -> None:
    medley = Medley(anon)
    for ask in (
        lambda: medley.genre_tree(root_slug="no-such"),
        lambda: medley.similar_genres("no-such"),
        lambda: medley.genres_under_umbrella("no-such"),
    ):
        with pytest.raises(NotFound):
            ask()


# What members write


def test_preferences_keep_what_is_left_out(medley: Medley, member: Member) -> None:
    medley.set_preferences(genres=("Dub", "Ska"), home=(0.0, 10.0), radius_km=50)
    medley.set_preferences(home_city="Libreville", profile={"theme": "dark"})
    (kept,) = rows_of(member.client, "user_preferences")
    assert kept["genre_preferences"] == ["Dub", "Ska"]
    assert (kept["home_latitude"], kept["home_longitude"], kept["radius_km"]) == (0, 10, 50)
    assert (kept["home_city"], kept["preferences_profile"]) == ("Libreville", {"theme": "dark"})


@pytest.mark.parametrize(
    "wrong", [{"radius_km": 0}, {"home": (91.0, 0.0)}, {"genres": ["x"] * 51}, {"home_city": "\0"}]
)
def test_impossible_preferences_are_refused(medley: Medley, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        medley.set_preferences(**wrong)


def test_an_rsvp_may_change_and_go(medley: Medley, member: Member, catalogue: Catalogue) -> None:
    event = catalogue.events[0]
    medley.rsvp(event)
    medley.rsvp(event, status="maybe")
    (kept,) = rows_of(member.client, "event_rsvps")
    assert (kept["event_id"], kept["status"]) == (event, "maybe")
    medley.cancel_rsvp(event)
    medley.cancel_rsvp(event)
    assert rows_of(member.client, "event_rsvps") == []


def test_an_rsvp_to_nothing_or_of_another_kind_is_refused(
    medley: Medley, catalogue: Catalogue
) -> None:
    with pytest.raises(Forbidden):
        medley.rsvp(NOBODY)
    with pytest.raises(InvalidArgument):
        medley.rsvp(catalogue.events[0], status="perhaps")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument):
        medley.rsvp("not an id")


def test_following_twice_is_following_once(
    medley: Medley, member: Member, other_member: Member, catalogue: Catalogue
) -> None:
    for _ in range(2):
        medley.follow_item(catalogue.artists[0])
        medley.follow_member(other_member.id)
    assert len(rows_of(member.client, "item_follows")) == 1
    assert len(rows_of(member.client, "follows")) == 1
    for _ in range(2):
        medley.unfollow_item(catalogue.artists[0])
        medley.unfollow_member(other_member.id)
    assert rows_of(member.client, "item_follows") == rows_of(member.client, "follows") == []


def test_follows_that_cannot_be_are_refused(medley: Medley, member: Member) -> None:
    with pytest.raises(InvalidArgument):
        medley.follow_member(member.id)
    with pytest.raises(NotFound):
        medley.follow_member(NOBODY)
    with pytest.raises(Forbidden):
        medley.follow_item(NOBODY)


def test_nobody_acts_for_another(
    medley: Medley, other_member: Member, catalogue: Catalogue
) -> None:
    with pytest.raises(Forbidden):
        medley.rsvp(catalogue.events[0], user_id=other_member.id)


def test_a_write_without_a_member_is_not_even_sent(
    anon: Client, service: Client, catalogue: Catalogue
) -> None:
    for client in (anon, service):
        with pytest.raises(Unauthenticated):
            Medley(client).cancel_rsvp(catalogue.events[0])


def test_the_service_takes_back_one_members_answer_only(
    member: Member, other_member: Member, service: Client, catalogue: Catalogue
) -> None:
    event = catalogue.events[0]
    for someone in (member, other_member):
        Medley(service).rsvp(event, user_id=someone.id)
    Medley(service).cancel_rsvp(event, user_id=member.id)
    assert rows_of(member.client, "event_rsvps") == []
    assert len(rows_of(other_member.client, "event_rsvps")) == 1


# What the service does


def test_items_are_registered_and_updated(service: Client) -> None:
    medley = Medley(service)
    item = {"id": str(uuid4()), "kind": "artist", "title": "Registered"}
    try:
        assert [row.status for row in medley.register_items([item])] == ["registered"]
        (again,) = medley.register_items([item | {"title": "Renamed"}])
        assert (again.item_id, again.status) == (item["id"], "updated")
        with pytest.raises(Conflict):
            medley.register_items([item | {"kind": "venue"}])
    finally:
        # The registry is not exposed; an item is taken back by expiring it.
        medley.register_items([item | {"visibility": "private", "expires_at": "2000-01-01"}])


def test_items_that_cannot_be_are_refused(service: Client) -> None:
    medley = Medley(service)
    with pytest.raises(InvalidArgument):
        medley.register_items([{"kind": "no such kind", "title": "x"}])
    with pytest.raises(TooLarge):
        medley.register_items([{"kind": "artist", "title": "x"}] * 10_001)


def test_members_do_not_do_what_the_service_does(medley: Medley) -> None:
    for forbidden in (
        lambda: medley.register_items([{"kind": "artist", "title": "x"}]),
        medley.engine_status,
        medley.refresh_user_cluster_affinity,
    ):
        with pytest.raises(Forbidden):
            forbidden()


def test_the_engine_reports_its_state(service: Client) -> None:
    status = Medley(service).engine_status()
    assert status.version
    assert {job["name"] for job in status.jobs} >= {"rebuild_genre_taxonomy"}
    assert Medley(service).refresh_user_cluster_affinity() >= 0


# Keys and addresses


def test_a_wrong_key_is_unauthenticated(api: Api) -> None:
    with pytest.raises(Unauthenticated):
        Medley(api.url, "sb_publishable_of_another_project").genre_tree()


def test_an_address_where_nobody_listens_is_unavailable() -> None:
    with pytest.raises(Unavailable) as error:
        Medley("http://127.0.0.1:9", "key", retries=0).genre_tree()
    assert isinstance(error.value, MedleyError)


# The other client


def test_the_asynchronous_client_answers_the_same(
    api: Api, member: Member, medley: Medley, catalogue: Catalogue
) -> None:
    medley.follow_item(catalogue.artists[0])

    async def ask() -> tuple[list[str], list[str]]:
        client = AsyncMedley(api.url, api.secret_key)
        paged = []
        async for event in client.iter_feed(page_size=2, user_id=member.id):
            paged.append(event.event_id)
            if len(paged) == 5:
                break
        await client.rsvp(catalogue.events[0], user_id=member.id)
        with pytest.raises(NotFound):
            await client.similar_genres("no-such")
        page = await client.personalized_feed(limit=5, user_id=member.id)
        return paged, [event.event_id for event in page]

    paged, whole = asyncio.run(ask())
    assert set(paged) == set(whole) == set(catalogue.events[:5])
    assert len(rows_of(member.client, "event_rsvps")) == 1
