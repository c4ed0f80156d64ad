"""Recommendations through the client: asking, logging, feedback, features, experiments."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import uuid4

import pytest
from medley import (
    AsyncMedley,
    Conflict,
    Forbidden,
    InvalidArgument,
    InvalidCursor,
    Medley,
    NotFound,
    Unauthenticated,
)
from supabase import Client

from tests.conftest import Member

NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def artists(service: Client) -> Iterator[list[str]]:
    """Ids of twelve artists."""
    mark = uuid4().hex
    rows = [
        {"name": f"Band {n}", "genres": ["Shoegaze", "Dream Pop"], "source": mark}
        for n in range(12)
    ]
    answer: list[dict[str, str]] = service.table("artists").insert(rows).execute().data  # type: ignore[assignment]
    yield [row["id"] for row in answer]
    service.table("artists").delete().eq("source", mark).execute()


@pytest.fixture
def medley(member: Member) -> Medley:
    return Medley(member.client)


@pytest.fixture
def admin(service: Client) -> Medley:
    return Medley(service)


# Recommendations


@pytest.mark.usefixtures("artists")
def test_a_new_member_is_recommended_items_with_reasons(medley: Medley) -> None:
    page = medley.recommendations(kind="artist", limit=5)
    assert len(page) == 5
    assert [item.position for item in page] == list(range(5))
    for item in page:
        assert (item.kind, item.variant) == ("artist", None)
        assert item.reason
        assert item.algorithm
        assert sum(item.breakdown.values()) == pytest.approx(item.score, abs=1e-5)


@pytest.mark.usefixtures("artists")
def test_pages_go_on_and_repeat_nothing(medley: Medley) -> None:
    items = list(islice(medley.iter_recommendations(kind="artist", page_size=3), 8))
    assert [item.position for item in items] == list(range(8))
    assert len({item.item_id for item in items}) == 8


def test_what_is_liked_is_not_recommended_again(medley: Medley, artists: list[str]) -> None:
    liked = artists[0]
    assert medley.record_feedback(liked, "like", context={"platform": "web"}) == "accepted"
    shown = islice(medley.iter_recommendations(kind="artist", page_size=100), 200)
    assert liked not in {item.item_id for item in shown}
    assert "seen" in medley.explain_recommendation(liked).hidden_by
    assert medley.explain_recommendation(artists[1]).hidden_by == ()


@pytest.mark.usefixtures("artists")
def test_what_was_shown_makes_room(medley: Medley) -> None:
    page = medley.recommendations(kind="artist", limit=4)
    results = medley.log_impressions(page, session_id=str(uuid4()), platform="web", device="phone")
    assert [result.status for result in results] == ["accepted"] * 4
    again = medley.recommendations(kind="artist", limit=4)
    shown = {item.item_id for item in page}
    assert not shown & {item.item_id for item in again}
    assert medley.explain_recommendation(page.rows[0].item_id).hidden_by == ("shown_lately",)


def test_the_context_leaves_items_out(medley: Medley, artists: list[str]) -> None:
    page = medley.recommendations(kind="artist", limit=200, context={"exclude": artists})
    assert not set(artists) & {item.item_id for item in page}
    with pytest.raises(InvalidArgument):
        medley.recommendations(context={"weather": "fair"})


def test_bad_questions_are_refused(medley: Medley, anon: Client, other_member: Member) -> None:
    with pytest.raises(InvalidArgument):
        medley.recommendations(limit=0)
    with pytest.raises(InvalidArgument):
        medley.recommendations(kind="no_such_kind")
    with pytest.raises(InvalidCursor):
        medley.recommendations(cursor="x")
    with pytest.raises(NotFound):
        medley.explain_recommendation(NOBODY)
    with pytest.raises(Forbidden):
        medley.recommendations(user_id=other_member.id)
    with pytest.raises(Unauthenticated):
        Medley(anon).recommendations()


# Similar items and trends


def test_similar_items_are_others_of_the_kind(anon: Client, artists: list[str]) -> None:
    items = list(islice(Medley(anon).iter_similar_items(artists[0], kind="artist"), 5))
    assert items
    assert artists[0] not in {item.item_id for item in items}
    assert all(item.kind == "artist" and item.reason and item.method for item in items)


def test_similar_items_of_nothing_or_by_no_method_are_refused(
    anon: Client, artists: list[str]
) -> None:
    with pytest.raises(NotFound):
        Medley(anon).similar_items(NOBODY)
    with pytest.raises(InvalidArgument):
        Medley(anon).similar_items(artists[0], method="magic")


def test_a_friends_play_trends_at_once(
    medley: Medley, member: Member, other_member: Member, artists: list[str]
) -> None:
    friend = Medley(other_member.client)
    medley.follow_member(other_member.id)
    friend.follow_member(member.id)
    friend.log_engagement([{"item_id": artists[3], "kind": "play"}])
    (item,) = medley.iter_trending(kind="artist", trend_type="friend_network")
    assert (item.item_id, item.time_window, item.trend_type) == (
        artists[3],
        "day",
        "friend_network",
    )


def test_trends_that_cannot_be_are_refused(anon: Client) -> None:
    with pytest.raises(InvalidArgument):
        Medley(anon).trending(window="century")
    with pytest.raises(NotFound):
        Medley(anon).trending(trend_type="genre", segment="no-such-genre")
    with pytest.raises(Unauthenticated):
        Medley(anon).trending(trend_type="friend_network")
    with pytest.raises(Unauthenticated):
        Medley(anon).trending(trend_type="cluster")


def test_whose_taste_is_not_known_gets_what_trends_everywhere(medley: Medley) -> None:
    page = medley.trending(trend_type="cluster", limit=5)
    assert page.rows == medley.trending(limit=5).rows


# Engagement


def test_every_event_has_its_result(
    medley: Medley, other_member: Member, artists: list[str]
) -> None:
    played = {"item_id": artists[1], "kind": "play", "occurred_at": datetime.now(UTC)}
    results = medley.log_engagement(
        [
            played,
            {"item_id": artists[1], "kind": "no_such_kind"},
            {"item_id": NOBODY, "kind": "play"},
            {"item_id": artists[1], "kind": "like", "value": float("nan")},
            {"item_id": artists[1], "kind": "like", "user_id": other_member.id},
        ]
    )
    assert [(r.event_index, r.status, r.code) for r in results] == [
        (1, "accepted", None),
        (2, "refused", "invalid_argument"),
        (3, "refused", "not_found"),
        (4, "refused", "invalid_argument"),
        (5, "refused", "forbidden"),
    ]
    assert all(result.message for result in results[1:])
    assert [result.status for result in medley.log_engagement([played])] == ["duplicate"]


def test_any_number_of_events_may_be_logged(medley: Medley, artists: list[str]) -> None:
    now = datetime.now(UTC)
    events = (
        {"item_id": artists[2], "kind": "play", "occurred_at": now - timedelta(minutes=minute)}
        for minute in range(2001)
    )
    results = medley.log_engagement(events)
    assert [result.event_index for result in results] == list(range(1, 2002))
    assert {result.status for result in results} == {"accepted"}
    assert medley.log_engagement([]) == ()


def test_feedback_that_cannot_be_is_refused(medley: Medley, artists: list[str]) -> None:
    with pytest.raises(InvalidArgument):
        medley.record_feedback(artists[0], "applause")
    with pytest.raises(NotFound):
        medley.record_feedback(NOBODY, "like")


def test_a_member_says_what_they_subscribe_to(medley: Medley) -> None:
    medley.set_platform_subscription("Somewhere")
    medley.set_platform_subscription("somewhere", has_subscription=False)
    with pytest.raises(InvalidArgument):
        medley.set_platform_subscription(" ")


def test_a_member_without_history_has_no_taste_yet(medley: Medley, admin: Medley) -> None:
    assert medley.taste_profile() == ()
    with pytest.raises(InvalidArgument):
        admin.taste_profile()


# What the service says of items


def test_features_are_registered(admin: Medley, artists: list[str]) -> None:
    features = [{"type": "mood", "value": "calm"}, {"type": "theme", "value": "sea", "weight": 2}]
    (done,) = admin.register_item_features([{"item_id": artists[0], "features": features}])
    assert (done.item_id, done.feature_count) == (artists[0], 2)
    with pytest.raises(NotFound):
        admin.register_item_features([{"item_id": NOBODY, "features": features}])


def test_vectors_are_written_and_activated(admin: Medley, artists: list[str]) -> None:
    vectors = {artist: [float(n == axis) for n in range(64)] for axis, artist in enumerate(artists)}
    assert admin.set_item_embeddings("client_test", "first", vectors) == len(artists)
    assert admin.set_item_embeddings("client_test", "first", vectors) == 0
    assert admin.activate_embedding_model("client_test", "first") >= len(artists)
    left = admin.iter_items_without_embedding("client_test", kind="artist", page_size=500)
    assert not set(artists) & {item.item_id for item in islice(left, 2000)}
    with pytest.raises(InvalidArgument):
        admin.set_item_embeddings("client_test", "first", {artists[0]: [1.0, 2.0]})
    with pytest.raises(InvalidArgument):
        admin.set_item_embeddings("client_test", "first", {artists[0]: [float("nan")] * 64})


# Experiments


@pytest.mark.usefixtures("artists")
def test_an_experiment_lives_once(admin: Medley, medley: Medley) -> None:
    name = f"t{uuid4().hex[:12]}"
    variants = [
        {"variant": "control", "share": 0.5},
        {"variant": "fresh", "share": 0.5, "weights": {"recency": 1}},
    ]
    admin.create_experiment(name, "recommendations", variants, traffic=0.9, description="A test.")
    (made,) = admin.experiments(name=name)
    assert (made.status, made.traffic, made.started_at) == ("draft", 0.9, None)
    assert [variant["share"] for variant in made.variants] == [0.5, 0.5]
    with pytest.raises(Conflict):
        admin.create_experiment(name, "recommendations", variants)
    admin.start_experiment(name)
    try:
        admin.set_experiment_traffic(name, 1)
        # Members are divided from the first thing on that they do.
        medley.log_impressions(medley.recommendations(kind="artist", limit=1))
        shown = medley.recommendations(kind="artist", limit=3)
        (variant,) = {item.variant for item in shown}
        assert variant in (f"{name}:control", f"{name}:fresh")
        medley.log_impressions(shown)
        results = admin.experiment_results(name)
        assert {row.variant for row in results} == {"control", "fresh"}
        assert any(row.is_guardrail for row in results)
    finally:
        admin.stop_experiment(name)
    assert medley.recommendations(kind="artist", limit=1).rows[0].variant is None
    with pytest.raises(Conflict):
        admin.start_experiment(name)
    with pytest.raises(NotFound):
        admin.experiment_results("no_such")


def test_variants_that_cannot_be_are_refused(admin: Medley) -> None:
    for shares in ((0.5, 0.4), (1.0,)):
        variants = [{"variant": f"v{n}", "share": share} for n, share in enumerate(shares)]
        with pytest.raises(InvalidArgument):
            admin.create_experiment(f"t{uuid4().hex[:12]}", "recommendations", variants)


def test_members_do_not_do_what_the_service_does(medley: Medley, artists: list[str]) -> None:
    with pytest.raises(Forbidden):
        medley.register_item_features([])
    with pytest.raises(Forbidden):
        medley.set_item_embeddings("client_test", "first", {artists[0]: [0.0] * 64})
    with pytest.raises(Forbidden):
        medley.create_experiment("mine", "recommendations", [])
    with pytest.raises(Forbidden):
        medley.experiments()


# The other client


def test_the_asynchronous_client_does_the_same(
    service: Client, member: Member, artists: list[str]
) -> None:
    async def ask() -> None:
        client = AsyncMedley(str(service.supabase_url), service.supabase_key)
        results = await client.log_engagement(
            {"item_id": artist, "kind": "like", "user_id": member.id} for artist in artists[:3]
        )
        assert {result.status for result in results} == {"accepted"}
        shown = []
        async for item in client.iter_recommendations(
            kind="artist", page_size=2, user_id=member.id
        ):
            shown.append(item)
            if len(shown) == 4:
                break
        assert not set(artists[:3]) & {item.item_id for item in shown}
        logged = await client.log_impressions(shown, user_id=member.id)
        assert len(logged) == 4

    asyncio.run(ask())
