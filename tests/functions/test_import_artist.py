"""The edge function import-artist, run by Deno, from its request to the rows of the catalogue."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from tests.functions.conftest import Project, Recorded

pytestmark = pytest.mark.usefixtures("sources")

NAME = "The Paper Kites of Mars"
SPOTIFY_ID = "4Z8W4fKeB5YxbusRsdQVPb"

TABLES = ("artists", "songs", "artist_songs", "events", "venues", "setlists", "setlist_songs")

# Of 45 songs, 12 shows and 25 setlists: the sets play five songs that are on no album, one show has
# no date, one set no songs, and one hall of a setlist is not among the seven of the shows.
EVERYTHING = {
    "artists": 1,
    "songs": 50,
    "artist_songs": 50,
    "events": 11 + 24,
    "venues": 8,
    "setlists": 24,
    "setlist_songs": 24 * 19,
}


def counts(project: Project) -> dict[str, int]:
    return {
        table: project.database.value(f"select count(*) from public.{table}") for table in TABLES
    }


def refusal(answer: Any) -> tuple[int, str]:
    body = answer.json()
    return answer.status_code, json.loads(body["details"])["code"]


def test_an_artist_is_imported_with_songs_shows_and_setlists(project: Project) -> None:
    status = project.finish(name=NAME.lower())
    assert (status["stage"], status["progress"], status["error"]) == ("done", 100, None), status
    assert counts(project) == EVERYTHING
    artist = project.database.rows(
        """
        select to_jsonb(a) from public.artists as a where a.id = %s
        """,
        status["artist_id"],
    )[0][0]
    assert artist["name"] == NAME
    assert (artist["spotify_id"], artist["ticketmaster_id"]) == (SPOTIFY_ID, "K8vZ9171ob7")
    assert (artist["popularity"], artist["followers"], artist["verified"]) == (80, 123456, True)
    assert artist["genres"] == ["indie rock", "shoegaze"]
    assert set(artist["external_urls"]) == {"spotify", "ticketmaster"}
    assert artist["total_songs"] == 50
    assert artist["last_synced_at"]
    assert artist["song_catalog_synced_at"]
    assert artist["last_full_sync_at"]


def test_what_the_sources_say_arrives_in_the_right_columns(project: Project) -> None:
    project.finish(name=NAME)
    event = project.database.rows(
        """
        select e.title, e.starts_at = '2031-01-03 19:00Z', e.status, e.min_price, e.currency,
          e.age_restrictions is not null, v.name, v.city, v.country, v.timezone, v.latitude,
          e.headliner_artist_id is not null
        from public.events as e inner join public.venues as v on e.venue_id = v.id
        where e.ticketmaster_id = 'event2'
        """
    )
    show = (f"{NAME}: night 2", True, "scheduled", 35.5, "EUR", True)
    hall = ("Hall 2", "Osaka", "JP", "Asia/Tokyo", 34.6937, True)
    assert event == [show + hall]
    cancelled = project.database.value(
        "select status from public.events where ticketmaster_id = 'event1'"
    )
    assert cancelled == "cancelled"
    # On a festival's bill it is one of several.
    festival = project.database.rows(
        """
        select e.headliner_artist_id, a.billing_order
        from public.events as e inner join public.event_artists as a on a.event_id = e.id
        where e.ticketmaster_id = 'event3'
        """
    )
    assert festival == [(None, 2)]
    songs = project.database.rows(
        """
        select s.spotify_id, s.artist, s.release_date::text, s.is_explicit, l.is_primary_artist
        from public.songs as s inner join public.artist_songs as l on l.song_id = s.id
        where s.spotify_id in ('track3', 'track15') order by 1
        """
    )
    assert songs == [
        ("track15", "A Guest", "1997-01-01", False, False),
        ("track3", NAME, "2004-11-09", True, True),
    ]
    cover = project.database.rows(
        """
        select s.artist, l.is_primary_artist
        from public.songs as s inner join public.artist_songs as l on l.song_id = s.id
        where s.title = 'Hallelujah'
        """
    )
    assert cover == [("Leonard Cohen", False)]
    # A remaster is the same work: setlists name one song for both.
    duplicates = project.database.value(
        "select count(*) from public.songs where duplicate_of is not null"
    )
    assert duplicates == 4


def test_a_second_call_joins_the_running_one(project: Project, sources: Recorded) -> None:
    sources.set(delay=100)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: project.start(name=NAME), range(8)))
    assert len({answer["job_id"] for answer in answers}) == 1
    assert sum(answer["started"] for answer in answers) == 1
    assert project.wait(answers[0]["job_id"])["stage"] == "done"
    assert counts(project) == EVERYTHING


def test_an_artist_that_was_just_imported_is_not_imported_again(
    project: Project, sources: Recorded
) -> None:
    done = project.finish(name=NAME)
    sources.set()
    for same in ({"name": NAME}, {"spotify_id": SPOTIFY_ID}, {"artist_id": done["artist_id"]}):
        again = project.start(**same)
        assert again == {"job_id": done["job_id"], "stage": "done", "started": False}
    assert sources.requests() == []


def test_an_import_may_be_repeated_and_duplicates_nothing(
    project: Project, sources: Recorded
) -> None:
    first = project.finish(spotify_id=SPOTIFY_ID)
    project.database.execute(
        "update medley.import_jobs set finished_at = now() - interval '2 days' where true"
    )
    sources.set(songs=47)
    second = project.finish(ticketmaster_id="K8vZ9171ob7")
    assert second["stage"] == "done", second
    assert second["job_id"] != first["job_id"]
    assert second["artist_id"] == first["artist_id"]
    # Two new songs: one of them was known from a setlist under that title.
    assert counts(project) == {**EVERYTHING, "songs": 52, "artist_songs": 52}


def test_one_artist_named_in_two_ways_is_imported_once(project: Project, sources: Recorded) -> None:
    sources.set(delay=100)
    by_id = project.start(spotify_id=SPOTIFY_ID)
    by_name = project.start(name=NAME)
    ended = [project.wait(by_id["job_id"]), project.wait(by_name["job_id"])]
    assert sorted(status["stage"] for status in ended) == ["done", "failed"]
    lost = next(status for status in ended if status["stage"] == "failed")
    won = next(status for status in ended if status["stage"] == "done")
    assert lost["error"].startswith("conflict: ")
    assert won["job_id"] in lost["error"]
    assert counts(project) == EVERYTHING


# What goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "code", "stage"),
    [
        ({"path": "/v1/albums?", "status": 500}, "source_unavailable", "songs"),
        ({"path": "/v1/albums?", "hang": True}, "source_unavailable", "songs"),
        ({"path": "/v1/albums?", "status": 429}, "source_throttled", "songs"),
        (
            {"path": "/events.json", "status": 429, "headers": {"retry-after": "3600"}},
            "source_throttled",
            "events",
        ),
        ({"path": "/events.json", "status": 401}, "source_refused", "events"),
        ({"path": "/events.json", "body": "<html>busy</html>"}, "source_malformed", "events"),
        ({"path": "/events.json", "body": "[]"}, "source_malformed", "events"),
        ({"path": "/events.json", "body": '{"page": 3}'}, "source_malformed", "events"),
        ({"path": "/events.json", "body": ""}, "source_malformed", "events"),
        ({"path": "/setlists", "body": '{"setlist": [7]}'}, "source_malformed", "setlists"),
        ({"path": "/setlists", "huge": 3_000_000}, "source_too_large", "setlists"),
        ({"path": "/v1/artists/4Z8W", "body": "null"}, "source_malformed", "artist"),
        ({"path": "/api/token", "status": 403}, "source_refused", "identify"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
)
def test_a_source_that_fails_fails_the_job_and_the_next_start_goes_on_there(
    project: Project, sources: Recorded, failure: dict[str, Any], code: str, stage: str
) -> None:
    # A token of the test before would do for an hour.
    project.secrets.touch()
    sources.set(fail=[failure])
    failed = project.finish(name=NAME)
    assert failed["stage"] == "failed"
    assert failed["error"].startswith(f"{code}: "), failed["error"]
    assert "key-of-ticketmaster" not in failed["error"]
    due = project.database.value("select stage from medley.import_jobs")
    assert due == stage
    # Nothing of that stage, everything of those before.
    found = counts(project)
    assert (found["songs"] > 0) == (stage in ("events", "setlists"))
    assert (found["events"] > 0) == (stage == "setlists")
    assert found["setlists"] == 0

    sources.set()
    again = project.start(name=NAME)
    assert (again["job_id"], again["stage"]) == (failed["job_id"], stage)
    done = project.wait(failed["job_id"])
    assert (done["stage"], done["error"]) == ("done", None)
    assert counts(project) == EVERYTHING
    asked = " ".join(sources.requests())
    assert ("/v1/albums?" in asked) == (stage in ("identify", "artist", "songs"))


def test_throttling_that_passes_is_waited_for(project: Project, sources: Recorded) -> None:
    sources.set(
        fail=[
            {"path": "/v1/albums?", "status": 429, "times": 1, "headers": {"retry-after": "1"}},
            {"path": "/events.json", "status": 503, "times": 2},
        ]
    )
    assert project.finish(name=NAME)["stage"] == "done"
    assert counts(project) == EVERYTHING


def test_an_artist_without_anything_is_imported(project: Project, sources: Recorded) -> None:
    sources.set(songs=0, events=0, setlists=0)
    assert project.finish(name=NAME)["stage"] == "done"
    assert counts(project) == dict.fromkeys(TABLES, 0) | {"artists": 1}


def test_a_name_that_no_source_knows_fails_the_job(project: Project) -> None:
    failed = project.finish(name="Nobody Ever Heard Of")
    assert failed["error"].startswith("artist_not_found: ")
    assert counts(project)["artists"] == 0


def test_a_function_that_is_killed_is_followed_by_one_that_goes_on(
    project: Project, sources: Recorded
) -> None:
    sources.set(delay=150)
    job = project.start(name=NAME)
    project.wait(job["job_id"], until=("events", "setlists"))
    (process,) = project.processes("import-artist")
    os.kill(process, signal.SIGKILL)
    at = project.status(job["job_id"])
    assert at["stage"] in ("events", "setlists")
    time.sleep(0.2)

    sources.set(delay=0)
    again = project.start(name=NAME)
    assert again["job_id"] == job["job_id"]
    assert not again["started"]
    done = project.wait(job["job_id"])
    assert done["stage"] == "done", done
    assert counts(project) == EVERYTHING
    # The songs were written by the first; the second did not ask for them.
    assert not any("/v1/albums" in path for path in sources.requests())
    assert project.database.value("select attempt from medley.import_jobs") == 2


# Who may, and what may be asked --------------------------------------------------------------


def test_a_member_may_start_an_import(project: Project) -> None:
    answer = project.call("POST", "import-artist", key=project.member().token, json={"name": NAME})
    assert answer.status_code == 202
    assert project.wait(answer.json()["job_id"])["stage"] == "done"


@pytest.mark.parametrize("key", [None, "sb_secret_wrong", "a.b.c", ""])
def test_nobody_else_may(project: Project, key: str | None) -> None:
    answer = project.call("POST", "import-artist", key=key, json={"name": NAME})
    assert refusal(answer) == (401, "unauthenticated")
    assert project.database.value("select count(*) from public.import_status") == 0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", (400, "invalid_argument")),
        (b"no json", (400, "invalid_argument")),
        (b"[1]", (400, "invalid_argument")),
        (b'{"name": ""}', (400, "invalid_argument")),
        (b'{"name": 7}', (400, "invalid_argument")),
        (b'{"name": "a", "spotify_id": "b"}', (400, "invalid_argument")),
        (b'{"nom": "a"}', (400, "invalid_argument")),
        (b'{"name": "' + b"x" * 300 + b'"}', (400, "invalid_argument")),
        (b'{"name": "' + b"x" * 200_000 + b'"}', (413, "too_large")),
        (b'{"artist_id": "7"}', (404, "not_found")),
        (f'{{"artist_id": "{UUID(int=7)}"}}'.encode(), (404, "not_found")),
    ],
    ids=lambda value: value[:40].decode() if isinstance(value, bytes) else None,
)
def test_bad_requests_are_refused_with_a_code(
    project: Project, body: bytes, expected: tuple[int, str]
) -> None:
    answer = project.call("POST", "import-artist", key=project.secret_key, content=body)
    assert refusal(answer) == expected
    assert project.database.value("select count(*) from public.import_status") == 0


def test_other_methods_are_refused_and_browsers_may_ask(project: Project) -> None:
    assert project.call("GET", "import-artist").status_code == 405
    asked = project.call("OPTIONS", "import-artist")
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert "authorization" in asked.headers["access-control-allow-headers"]


def test_there_is_no_other_function(project: Project) -> None:
    for name in ("nothing", "_shared", "..%2f..", ""):
        assert project.call("POST", name).status_code == 404
