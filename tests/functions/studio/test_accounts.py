"""Connecting accounts, syncing histories and rotating keys, over HTTP with real Deno."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.functions.conftest import Member, Recorded
from tests.functions.studio.conftest import KEYS, Studio

SPOTIFY = {"platform": "spotify", "code": "good", "redirect_uri": "https://app.example/back"}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.json()["details"])["code"]


def connected(studio: Studio, **options: Any) -> Member:
    member = studio.member()
    answer = studio.call("connect-account", member.token, **SPOTIFY | options)
    assert answer.status_code == 201, answer.text
    return member


def synced(studio: Studio, member: Member) -> dict[str, Any]:
    answer = studio.call("sync-history", member.token, platform="spotify")
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    assert result["user_id"] == member.id
    found: dict[str, Any] = result
    return found


def stored(studio: Studio) -> list[tuple[Any, ...]]:
    return studio.project.database.rows(
        "select t.access_token, t.refresh_token, t.key_id, t.version from medley.oauth_tokens as t"
    )


def test_the_database_never_sees_a_token(studio: Studio) -> None:
    connected(studio)
    ((access, refresh, key, version),) = stored(studio)
    assert (key, version) == ("k1", 1)
    for ciphertext in (access, refresh):
        assert "access-1" not in ciphertext
        assert "refresh-1" not in ciphertext


def test_a_history_comes_once_and_goes_on(studio: Studio, platforms: Recorded) -> None:
    ada, bob = connected(studio), studio.member()
    first = synced(studio, ada)
    assert (first["imported"], first["done"], first["error"]) == (50, True, None)
    assert synced(studio, ada)["imported"] == 0
    platforms.set(plays=123, grants=1)
    assert synced(studio, ada)["imported"] == 3
    plays = studio.project.database.rows(
        """
        select count(*), sum(e.value)
        from medley.engagements as e inner join medley.members as m on m.user_no = e.user_no
        where m.user_id = %s
        """,
        ada.id,
    )
    assert plays == [(53, 53)]
    # Nobody syncs what is another's.
    answer = studio.call("sync-history", bob.token, platform="spotify", user_id=ada.id)
    assert code(answer) == (404, "not_found")


def test_the_other_platforms_do_the_same(studio: Studio, platforms: Recorded) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    url = studio.variables["SPOTIFY_API_URL"]
    studio.set(
        GOOGLE_CLIENT_ID="id",
        GOOGLE_CLIENT_SECRET="word",
        GOOGLE_API_URL=url,
        GOOGLE_OAUTH_URL=url,
        APPLE_MUSIC_URL=url,
        APPLE_TEAM_ID="team",
        APPLE_KEY_ID="key",
        APPLE_PRIVATE_KEY=key.decode().strip().replace("\n", "\\n"),
    )
    ada = connected(studio, platform="youtube")
    apple = {"platform": "apple", "user_token": "user-token"}
    assert studio.call("connect-account", ada.token, **apple).status_code == 201
    platforms.set(grants=1, apple=["a", "b", "c"])

    def imported() -> list[tuple[int, str | None]]:
        answers = [
            studio.call("sync-history", ada.token, platform=platform).json()["results"][0]
            for platform in ("youtube", "apple")
        ]
        return [(answer["imported"], answer["error"]) for answer in answers]

    # Every tenth of the 120 likes is of a video that has been taken down.
    assert imported() == [(108, None), (3, None)]
    platforms.set(grants=1, apple=["d", "b", "a", "c"], likes=121)
    assert imported() == [(1, None), (2, None)]
    assert imported() == [(0, None), (0, None)]
    platforms.set(grants=1, consent=False, apple=["d"])
    assert imported()[1] == (0, "connection_expired")


def test_two_syncs_at_once_import_each_play_once(studio: Studio) -> None:
    ada = connected(studio)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: synced(studio, ada), range(4)))
    assert sum(result["imported"] for result in results) == 50
    assert {result["error"] for result in results} <= {None, "conflict"}


def test_the_service_syncs_all_that_are_due(studio: Studio, platforms: Recorded) -> None:
    ada = connected(studio)
    bob = connected(studio)
    results = studio.service("sync-history")["results"]
    assert {(r["user_id"], r["imported"], r["error"]) for r in results} == {
        (ada.id, 50, None),
        (bob.id, 50, None),
    }
    assert studio.service("sync-history")["results"] == []
    assert len(studio.service("sync-history", older_than_seconds=0)["results"]) == 2
    assert platforms.state()["world"]["grants"] == 2


def test_where_consent_is_gone_the_member_connects_again(
    studio: Studio, platforms: Recorded
) -> None:
    ada = connected(studio)
    platforms.set(consent=False, grants=1, voided=1)
    assert synced(studio, ada)["error"] == "connection_expired"
    client = studio.project.client()
    client.postgrest.auth(ada.token)
    rows = client.table("oauth_connections").select("platform,status").execute().data
    assert rows == [{"platform": "spotify", "status": "expired"}]
    assert studio.service("sync-history")["results"] == []
    platforms.set()
    assert studio.call("connect-account", ada.token, **SPOTIFY).status_code == 201
    assert synced(studio, ada)["imported"] == 50


def test_keys_are_rotated_and_nothing_is_lost(studio: Studio) -> None:
    ada = connected(studio)
    keys = json.dumps(KEYS)
    studio.set(OAUTH_KEYS=keys, OAUTH_KEY_ID="k2")
    assert studio.service("rotate-tokens") == {
        "key_id": "k2",
        "rotated": 1,
        "left": [],
        "done": True,
    }
    assert [(row[2], row[3]) for row in stored(studio)] == [("k2", 2)]
    assert studio.service("rotate-tokens")["rotated"] == 0
    # The older key may go.
    studio.set(OAUTH_KEYS=json.dumps({"k2": KEYS["k2"]}), OAUTH_KEY_ID="k2")
    assert synced(studio, ada)["imported"] == 50


def test_what_no_key_opens_stays_and_is_named(studio: Studio) -> None:
    ada = connected(studio)
    before = stored(studio)
    studio.set(OAUTH_KEYS=json.dumps({"k2": KEYS["k2"]}), OAUTH_KEY_ID="k2")
    (left,) = studio.service("rotate-tokens")["left"]
    assert (left["key_id"], left["error"]) == ("k1", "key_missing")
    assert synced(studio, ada)["error"] == "key_missing"
    wrong = json.dumps({"k1": KEYS["k2"], "k2": KEYS["k2"]})
    studio.set(OAUTH_KEYS=wrong, OAUTH_KEY_ID="k2")
    (left,) = studio.service("rotate-tokens")["left"]
    assert left["error"] == "token_unreadable"
    assert stored(studio) == before
    studio.set()
    assert synced(studio, ada)["imported"] == 50


def test_a_token_of_another_member_opens_nothing(studio: Studio) -> None:
    connected(studio)
    bob = connected(studio)
    studio.project.database.execute(
        """
        update medley.oauth_tokens as t
        set access_token = o.access_token, refresh_token = o.refresh_token
        from medley.oauth_tokens as o
        inner join public.oauth_connections as c on c.id = o.connection_id and c.user_id <> %s
        where t.connection_id <> o.connection_id
        """,
        bob.id,
    )
    assert synced(studio, bob)["error"] == "token_unreadable"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"platform": "napster"}, (400, "invalid_argument")),
        ({"platform": 7}, (400, "invalid_argument")),
        ({}, (400, "invalid_argument")),
        ({"platform": "spotify"}, (400, "invalid_argument")),
        ({"platform": "spotify", "code": "good"}, (400, "invalid_argument")),
        ({**SPOTIFY, "code": "used"}, (400, "invalid_argument")),
        ({**SPOTIFY, "code": "x" * 5000}, (400, "invalid_argument")),
        ({"platform": "youtube", "code": "good"}, (503, "not_configured")),
    ],
)
def test_what_is_no_consent_is_refused(
    studio: Studio, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert code(studio.call("connect-account", studio.member().token, **body)) == expected
    assert stored(studio) == []


def test_without_keys_no_code_is_used_up(studio: Studio, platforms: Recorded) -> None:
    studio.set(OAUTH_KEYS="")
    answer = studio.call("connect-account", studio.member().token, **SPOTIFY)
    assert code(answer) == (503, "not_configured")
    assert "OAUTH_KEYS is not set" in answer.text
    assert platforms.state()["requests"] == []


@pytest.mark.parametrize("function", ["connect-account", "sync-history", "rotate-tokens"])
def test_nobody_is_refused_everywhere(studio: Studio, function: str) -> None:
    assert code(studio.call(function, **SPOTIFY)) == (401, "unauthenticated")


@pytest.mark.parametrize("function", ["rotate-tokens", "reset-daily-count"])
def test_what_is_for_the_service_is_not_for_members(studio: Studio, function: str) -> None:
    assert code(studio.call(function, studio.member().token)) == (403, "forbidden")


def test_the_service_connects_for_nobody(studio: Studio) -> None:
    answer = studio.call("connect-account", studio.project.secret_key, **SPOTIFY)
    assert code(answer) == (403, "forbidden")


def test_counts_of_earlier_days_are_reset(studio: Studio) -> None:
    database = studio.project.database
    yesterday, today = studio.member().id, studio.member().id
    for member, days in ((yesterday, 1), (today, 0)):
        database.execute(
            """
            insert into medley.generation_quotas (user_no, quota_day, daily_count)
            select m.user_no, (now() at time zone 'UTC')::date - %s::int, 3
            from medley.member_numbers(array[%s::uuid]) as m
            """,
            days,
            member,
        )
    assert studio.service("reset-daily-count") == {"reset": 1}
    found = database.rows(
        """
        select m.user_id::text, q.daily_count, q.quota_day = (now() at time zone 'UTC')::date
        from medley.generation_quotas as q
        inner join medley.members as m on q.user_no = m.user_no
        where m.user_id in (%s, %s)
        """,
        yesterday,
        today,
    )
    assert set(found) == {(yesterday, 0, True), (today, 3, True)}
    assert studio.service("reset-daily-count") == {"reset": 0}
