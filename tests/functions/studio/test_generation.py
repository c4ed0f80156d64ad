"""From a member's request to a track, over HTTP: the worker, the provider, its signed webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from medley import Medley
from postgrest.exceptions import APIError

from tests.functions.conftest import Member, Recorded
from tests.functions.studio.conftest import WEBHOOK_SECRET, Studio

AUDIO = "https://audio.example/rain.mp3"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.json()["details"])["code"]


def rpc(studio: Studio, member: Member, name: str, **arguments: Any) -> list[dict[str, Any]]:
    client = studio.project.client()
    client.postgrest.auth(member.token)
    found: Any = client.rpc(name, arguments).execute().data
    rows: list[dict[str, Any]] = found
    return rows


def requested(studio: Studio, member: Member, **arguments: Any) -> str:
    (row,) = rpc(studio, member, "request_generation", p_mode="new", p_title="Rain", **arguments)
    found: str = row["track_id"]
    return found


def status(studio: Studio, member: Member, track: str) -> dict[str, Any]:
    (row,) = rpc(studio, member, "get_generation_status", p_track_id=track)
    return row


def eventually(
    studio: Studio, member: Member, track: str, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        row = status(studio, member, track)
        if holds(row):
            return row
        time.sleep(0.05)
    raise AssertionError(f"still {row}")


def job_of(studio: Studio, track: str, attempt: int = 1) -> str:
    """The provider's job for an attempt at a track, once it is noted."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        rows = studio.project.database.rows(
            "select j.provider_job_id from medley.provider_jobs as j "
            "where j.track_id = %s and j.attempt = %s",
            track,
            attempt,
        )
        if rows:
            found: str = rows[0][0]
            return found
        time.sleep(0.05)
    raise AssertionError("the provider was not asked")


def begun(studio: Studio, member: Member) -> tuple[str, str]:
    """A track that the provider works on, and the provider's job."""
    track = requested(studio, member)
    assert studio.service("generate-track") == {"claimed": 1}
    return track, job_of(studio, track)


def webhook(
    studio: Studio,
    prediction: dict[str, Any] | bytes,
    *,
    event: str | None = None,
    at: float | None = None,
    secret: str = WEBHOOK_SECRET,
    provider: str = "replicate",
    sent: bytes | None = None,
) -> httpx.Response:
    """A webhook as Replicate sends it; `sent` replaces the body after it is signed."""
    body = prediction if isinstance(prediction, bytes) else json.dumps(prediction).encode()
    event = event or str(uuid4())
    timestamp = str(int(at or time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    message = f"{event}.{timestamp}.".encode() + body
    signed = base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()
    return httpx.post(
        f"{studio.project.url}/functions/v1/generate-track/webhook/{provider}",
        content=body if sent is None else sent,
        headers={
            "webhook-id": event,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{signed}",
        },
        timeout=90,
    )


def succeeded(job: str) -> dict[str, Any]:
    return {"id": job, "status": "succeeded", "input": {"duration": 31}, "output": AUDIO}


def test_a_track_from_request_to_audio(studio: Studio, platforms: Recorded) -> None:
    ada = studio.member()
    track = requested(studio, ada, p_parameters={"prompt": "slow rain"})
    assert status(studio, ada, track)["queue_position"] == 1
    # The member's own app wakes the worker.
    answer = studio.call("generate-track", ada.token)
    assert (answer.status_code, answer.json()) == (202, {"claimed": 1})
    job = job_of(studio, track)
    (asked,) = platforms.state()["requests"]
    body = json.loads(asked["body"])
    assert body["input"]["prompt"] == "slow rain"
    assert body["webhook"].endswith("/functions/v1/generate-track/webhook/replicate")

    progress = {"id": job, "status": "processing", "logs": " 45%|"}
    assert webhook(studio, progress).json() == {"outcome": "applied"}
    seen = status(studio, ada, track)
    assert (seen["status"], seen["progress"], seen["attempts"]) == ("generating", 45, 1)

    assert webhook(studio, succeeded(job)).json() == {"outcome": "applied"}
    seen = status(studio, ada, track)
    assert (seen["status"], seen["url"], seen["duration"]) == ("completed", AUDIO, 31)


def test_an_event_counts_once(studio: Studio) -> None:
    ada = studio.member()
    track, job = begun(studio, ada)
    assert webhook(studio, succeeded(job), event="one").json() == {"outcome": "applied"}
    assert webhook(studio, succeeded(job), event="one").json() == {"outcome": "duplicate"}
    other = succeeded(job) | {"output": "https://evil.example/x.mp3"}
    assert code(webhook(studio, other, event="one")) == (409, "conflict")
    assert webhook(studio, other, event="two").json() == {"outcome": "late"}
    assert status(studio, ada, track)["url"] == AUDIO


def test_workers_and_webhooks_at_once_do_each_thing_once(
    studio: Studio, platforms: Recorded
) -> None:
    ada = studio.member()
    tracks = [requested(studio, ada) for _ in range(5)]
    with ThreadPoolExecutor(8) as pool:
        claims = pool.map(lambda _: studio.service("generate-track", limit=2), range(8))
        assert sum(claim["claimed"] for claim in claims) == len(tracks)
        jobs = [job_of(studio, track) for track in tracks]
        assert len(set(jobs)) == len(tracks)
        asked = [one["method"] for one in platforms.state()["requests"]]
        assert asked == ["POST"] * len(tracks)

        body = succeeded(jobs[0])
        answers = list(pool.map(lambda _: webhook(studio, body, event="one"), range(8)))
    assert [answer.text for answer in answers if answer.is_error] == []
    assert sorted(answer.json()["outcome"] for answer in answers) == ["applied"] + ["duplicate"] * 7


def test_forged_and_replayed_webhooks_change_nothing(studio: Studio) -> None:
    ada = studio.member()
    track, job = begun(studio, ada)
    before = status(studio, ada, track)
    good = succeeded(job)
    changed = json.dumps(good | {"output": "https://evil.example/x.mp3"}).encode()
    for answer in (
        webhook(studio, good, secret=base64.b64encode(b"a guess").decode()),
        webhook(studio, good, sent=changed),
        webhook(studio, good, at=time.time() - 400),
        webhook(studio, good, at=time.time() + 400),
        studio.project.call(
            "POST", "generate-track/webhook/replicate", key=studio.project.secret_key, json=good
        ),
    ):
        assert code(answer) == (401, "unauthenticated")
    assert code(webhook(studio, good, provider="napster")) == (404, "not_found")
    assert code(webhook(studio, good, provider="recorded")) == (404, "not_found")
    # Signed, but not what a prediction is.
    for body in (b"", b"{", b"[]", b'{"id": 7}', json.dumps({"id": job, "status": "odd"}).encode()):
        assert code(webhook(studio, body)) == (400, "invalid_argument")
    assert status(studio, ada, track) == before


def test_a_webhook_that_is_faster_than_the_worker_is_sent_again(studio: Studio) -> None:
    assert code(webhook(studio, succeeded("job-of-nobody"), event="early")) == (503, "not_found")
    # What was refused has not counted.
    ada = studio.member()
    track, job = begun(studio, ada)
    assert webhook(studio, succeeded(job), event="early").json() == {"outcome": "applied"}
    assert status(studio, ada, track)["status"] == "completed"


def test_a_model_that_fails_is_tried_again_and_at_last_the_allowance_comes_back(
    studio: Studio, platforms: Recorded
) -> None:
    ada = studio.member()
    (before,) = rpc(studio, ada, "get_generation_quota")
    track = requested(studio, ada)
    attempts = studio.project.database.value(
        "select value::int from medley.settings where key = 'studio.max_attempts'"
    )
    jobs = set()
    for attempt in range(1, attempts + 1):
        studio.project.database.execute(
            "update public.generated_tracks set claimable_at = now() where id = %s", track
        )
        assert studio.service("generate-track") == {"claimed": 1}
        job = job_of(studio, track, attempt)
        jobs.add(job)
        failed = {"id": job, "status": "failed", "error": "out of memory"}
        platforms.set(fail=[{"path": f"/v1/predictions/{job}", "body": json.dumps(failed)}])
        assert webhook(studio, failed).json() == {"outcome": "applied"}
    assert len(jobs) == attempts
    seen = status(studio, ada, track)
    assert (seen["status"], seen["error"]) == ("failed", "out of memory")
    assert studio.service("generate-track") == {"claimed": 0}
    (after,) = rpc(studio, ada, "get_generation_quota")
    assert after["remaining"] == before["remaining"]
    service = studio.project.client(studio.project.secret_key)
    dead = Medley(service).iter_failed_generations()
    assert [row.track_id for row in dead] == [track]


@pytest.mark.parametrize(
    ("failure", "final", "error"),
    [
        ({"status": 500}, False, "HTTP status 500"),
        ({"status": 429, "headers": {"retry-after": "3600"}}, False, "asks to wait 3600 s"),
        ({"status": 201, "body": ""}, False, "is not JSON"),
        ({"status": 201, "body": "[]"}, False, "is not an object"),
        ({"status": 422, "body": '{"detail": "no such input"}'}, True, "HTTP status 422"),
        ({"status": 401}, False, "HTTP status 401"),
    ],
)
def test_trouble_at_the_provider_is_noted(
    studio: Studio, platforms: Recorded, failure: dict[str, Any], final: bool, error: str
) -> None:
    ada = studio.member()
    platforms.set(fail=[{"path": "/v1/predictions", **failure}])
    track = requested(studio, ada)
    studio.service("generate-track")
    seen = eventually(studio, ada, track, lambda row: row["error"] is not None)
    assert error in seen["error"]
    assert (seen["status"] == "failed") == final
    assert "replicate-token" not in seen["error"]
    if "headers" in failure:
        wait = studio.project.database.value(
            "select claimable_at > now() + interval '59 minutes' from public.generated_tracks "
            "where id = %s",
            track,
        )
        assert wait


def test_a_job_whose_webhook_was_lost_is_found_again(studio: Studio, platforms: Recorded) -> None:
    ada = studio.member()
    track, job = begun(studio, ada)
    studio.project.database.execute(
        "update public.generated_tracks set claimable_at = now() where id = %s", track
    )
    body = json.dumps(succeeded(job))
    platforms.set(fail=[{"path": f"/v1/predictions/{job}", "body": body}])
    assert studio.service("generate-track") == {"claimed": 1}
    seen = eventually(studio, ada, track, lambda row: row["status"] == "completed")
    assert (seen["url"], seen["attempts"]) == (AUDIO, 2)
    # No second prediction was begun.
    assert [one["method"] for one in platforms.state()["requests"]] == ["GET"]


def test_recorded_tracks_need_no_provider(studio: Studio, platforms: Recorded) -> None:
    studio.set(GENERATION_PROVIDER="recorded", RECORDED_TRACK_URL=AUDIO)
    ada = studio.member()
    track = requested(studio, ada)
    studio.service("generate-track")
    seen = eventually(studio, ada, track, lambda row: row["status"] == "completed")
    assert (seen["url"], seen["duration"]) == (AUDIO, 30)
    assert platforms.state()["requests"] == []


def test_without_a_provider_nothing_is_claimed(studio: Studio) -> None:
    ada = studio.member()
    track = requested(studio, ada)
    for name in ("napster", "", "recorded"):
        studio.set(GENERATION_PROVIDER=name)
        answer = studio.call("generate-track", studio.project.secret_key)
        assert code(answer) == (503, "not_configured")
    assert status(studio, ada, track)["status"] == "queued"


def test_who_may_wake_the_worker_and_who_may_look(studio: Studio) -> None:
    ada, bob = studio.member(), studio.member()
    track = requested(studio, ada)
    assert code(studio.call("generate-track")) == (401, "unauthenticated")
    assert code(studio.call("generate-track", ada.token, limit=1000)) == (400, "invalid_argument")
    with pytest.raises(APIError, match="no request"):
        status(studio, bob, track)
    with pytest.raises(APIError, match="permission denied"):
        rpc(studio, bob, "claim_generation_jobs", p_worker="bob")
    with pytest.raises(APIError, match="permission denied"):
        studio.project.client().rpc("get_generation_status", {"p_track_id": track}).execute()
