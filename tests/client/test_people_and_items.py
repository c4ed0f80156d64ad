"""Members and items through supabase-py, as an app uses them: writes under RLS, and errors."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from postgrest.exceptions import APIError
from supabase import Client

from tests.conftest import Member


def data(call: Any) -> Any:
    """What a call answers."""
    return call.execute().data


def test_a_member_keeps_a_profile_and_preferences(member: Member, anon: Client) -> None:
    name = f"m{uuid4().hex[:12]}"
    member.client.table("profiles").insert({"id": member.id, "username": name}).execute()
    member.client.table("user_preferences").upsert(
        {"user_id": member.id, "genre_preferences": ["Dream Pop"], "radius_km": 120}
    ).execute()
    member.client.table("user_preferences").update({"home_city": "Turin"}).eq(
        "user_id", member.id
    ).execute()
    (kept,) = data(member.client.table("user_preferences").select("*"))
    assert (kept["genre_preferences"], kept["radius_km"], kept["home_city"]) == (
        ["Dream Pop"],
        120,
        "Turin",
    )
    (seen,) = data(anon.table("profiles").select("username").eq("id", member.id))
    assert seen == {"username": name}
    with pytest.raises(APIError) as refused:
        anon.table("user_preferences").select("*").execute()
    assert refused.value.code == "42501"


def test_follows_end_with_a_block(member: Member, other_member: Member) -> None:
    member.client.table("follows").insert({"followed_id": other_member.id}).execute()
    other_member.client.table("follows").insert({"followed_id": member.id}).execute()
    assert len(data(member.client.table("follows").select("*"))) == 2
    other_member.client.table("user_blocks").insert({"blocked_id": member.id}).execute()
    assert data(member.client.table("follows").select("*")) == []
    with pytest.raises(APIError) as refused:
        member.client.table("follows").insert({"followed_id": other_member.id}).execute()
    assert refused.value.code == "42501"


def test_following_again_by_upsert_changes_nothing(
    member: Member, other_member: Member, service: Client
) -> None:
    (item,) = data(service.table("artists").insert({"name": "Twice", "source": uuid4().hex}))
    for _ in range(2):
        member.client.table("item_follows").upsert(
            {"user_id": member.id, "item_id": item["id"]}
        ).execute()
        member.client.table("follows").upsert(
            {"follower_id": member.id, "followed_id": other_member.id}
        ).execute()
    assert len(data(member.client.table("item_follows").select("*"))) == 1
    assert len(data(member.client.table("follows").select("*"))) == 1
    with pytest.raises(APIError) as refused:
        member.client.table("item_follows").update({"user_id": other_member.id}).eq(
            "item_id", item["id"]
        ).execute()
    assert refused.value.code == "42501"


def test_an_unknown_kind_is_named(service: Client) -> None:
    with pytest.raises(APIError) as refused:
        service.rpc("register_items", {"p_items": [{"kind": "podcast", "title": "x"}]}).execute()
    assert refused.value.code == "PT400"
    assert "podcast" in (refused.value.message or "")
    assert "medley.item_kinds" in (refused.value.hint or "")


def test_nobody_writes_in_anothers_name(member: Member, other_member: Member) -> None:
    with pytest.raises(APIError) as refused:
        member.client.table("user_mutes").insert(
            {"user_id": other_member.id, "muted_id": member.id}
        ).execute()
    assert refused.value.code == "42501"
    with pytest.raises(APIError):
        member.client.table("profiles").update({"created_at": "2001-01-01"}).eq(
            "id", member.id
        ).execute()


def test_an_error_arrives_with_code_hint_and_argument(service: Client) -> None:
    with pytest.raises(APIError) as refused:
        service.rpc("register_items", {"p_items": {"kind": "artist"}}).execute()
    assert refused.value.code == "PT400"
    assert refused.value.hint
    assert '"code": "invalid_argument"' in str(refused.value.details)
    assert '"argument": "p_items"' in str(refused.value.details)


def test_the_service_registers_items_and_members_follow_them(
    service: Client, member: Member
) -> None:
    item = str(uuid4())
    rows = [{"id": item, "kind": "artist", "title": "An act without a row of its own"}]
    answer = data(service.rpc("register_items", {"p_items": rows}))
    assert answer == [{"item_id": item, "status": "registered"}]
    member.client.table("item_follows").insert({"item_id": item}).execute()
    (kept,) = data(member.client.table("item_follows").select("item_id"))
    assert kept == {"item_id": item}


def test_only_the_secret_key_reads_the_engines_state(
    service: Client, member: Member, anon: Client
) -> None:
    (status,) = data(service.rpc("get_engine_status"))
    assert {entry["name"] for entry in status["jobs"]} >= {"prune_job_runs"}
    for client in (member.client, anon):
        with pytest.raises(APIError) as refused:
            client.rpc("get_engine_status").execute()
        assert refused.value.code == "42501"


def test_the_engines_schema_is_not_exposed(service: Client) -> None:
    with pytest.raises(APIError) as refused:
        service.schema("medley").table("items").select("*").execute()
    assert refused.value.code == "PGRST106"
