"""Many sessions at once: allowances are exact, claims disjoint, edits and counters lose nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest

from tests.database import Database

ACT = "select set_config('request.jwt.claims', %s, false), set_config('role', %s, false)"


@pytest.fixture(scope="module")
def studio(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A database of its own: these tests commit."""
    with new_database(name="studio") as made:
        made.execute("alter role postgres set search_path = tests, extensions, public")
        for name in ("ada", "bob", "cleo"):
            made.execute("select tests.make_member(%s)", name)
        yield made


def act_as(connection: psycopg.Connection[Any], member: str | None) -> None:
    """Calls come from that member, or from the service."""
    role = "authenticated" if member else "service_role"
    claims: dict[str, str] = {"role": role}
    if member:
        row = connection.execute("select tests.member(%s)::text", (member,)).fetchone()
        assert row
        claims["sub"] = row[0]
    connection.execute(ACT, (json.dumps(claims), role))


Call = tuple[str, tuple[Any, ...]]
Answer = list[tuple[Any, ...]] | str


def rows_of(answers: Sequence[Answer]) -> list[tuple[Any, ...]]:
    """The rows of the answers that are no refusals."""
    return [row for answer in answers if not isinstance(answer, str) for row in answer]


def at_once(
    database: Database, member: str | None, calls: Sequence[Call], sessions: int
) -> list[Answer]:
    """Each call in one of so many sessions: its rows, or the code that it was refused with."""

    def work(share: Sequence[Call]) -> list[Answer]:
        found: list[Answer] = []
        with psycopg.connect(
            database.cluster.url(),
            autocommit=True,
            options="-c search_path=tests,extensions,public",
        ) as connection:
            act_as(connection, member)
            for query, parameters in share:
                try:
                    found.append(connection.execute(query, parameters).fetchall())
                except psycopg.Error as error:
                    detail = json.loads(error.diag.message_detail or "{}")
                    found.append(detail.get("code", error.sqlstate))
        return found

    with ThreadPoolExecutor(sessions) as pool:
        shares = [calls[start::sessions] for start in range(sessions)]
        return [answer for answers in pool.map(work, shares) for answer in answers]


def test_a_hundred_requests_at_once_take_exactly_what_there_is(studio: Database) -> None:
    studio.execute("update medley.generation_plans set daily_limit = 37 where plan = 'free'")
    call = ("select r.remaining from public.request_generation('new') as r", ())
    answers = at_once(studio, "ada", [call] * 100, 50)
    assert answers.count("quota_exceeded") == 63
    left = sorted(row[0] for row in rows_of(answers))
    assert left == list(range(37)), "each request took one"
    assert studio.value("select count(*) from public.generated_tracks") == 37
    assert studio.value("select daily_count from medley.generation_quotas") == 37


def test_a_request_that_is_repeated_at_once_is_one(studio: Database) -> None:
    call = (
        "select r.track_id "
        "from public.request_generation('new', p_track_id => tests.track('once')) as r",
        (),
    )
    answers = at_once(studio, "bob", [call] * 16, 16)
    assert len(set(rows_of(answers))) == 1
    assert (
        studio.value(
            "select q.daily_count from medley.generation_quotas as q "
            "where q.user_no = medley.member_no(tests.member('bob'))"
        )
        == 1
    )
    studio.execute("delete from public.generated_tracks where true")
    assert studio.value("select sum(daily_count) from medley.generation_quotas") == 0


def test_claims_are_disjoint_and_complete(studio: Database) -> None:
    studio.execute(
        "insert into public.generated_tracks (user_id, mode) "
        "select tests.member('ada'), 'new' from generate_series(1, 300)"
    )
    call = ("select c.track_id, c.attempt from public.claim_generation_jobs('w', 7, 600) as c", ())
    answers = at_once(studio, None, [call] * 80, 8)
    claimed = rows_of(answers)
    assert len(claimed) == len(set(claimed)) == 300
    assert {attempt for _, attempt in claimed} == {1}

    # All fail for good at once: each gives back, none twice.
    studio.execute(
        "update public.generated_tracks set quota_day = medley.utc_day(now()) where true"
    )
    studio.execute(
        "insert into medley.generation_quotas (user_no, quota_day, daily_count) "
        "values (medley.member_no(tests.member('ada')), medley.utc_day(now()), 300) "
        "on conflict (user_no) do update set quota_day = excluded.quota_day, daily_count = 300"
    )
    calls = [
        ("select f.status from public.fail_generation(%s, 1, 'e', false) as f", (track,))
        for track, _ in claimed
    ] * 2
    answers = at_once(studio, None, calls, 8)
    assert Counter(str(answer) for answer in answers) == {"[('failed',)]": 300, "conflict": 300}
    assert (
        studio.value(
            "select q.daily_count from medley.generation_quotas as q "
            "where q.user_no = medley.member_no(tests.member('ada'))"
        )
        == 0
    )


def test_an_event_that_comes_many_times_at_once_counts_once(studio: Database) -> None:
    studio.execute(
        "insert into public.generated_tracks (id, user_id, mode) "
        "values (tests.track('hooked'), tests.member('ada'), 'new')"
    )
    begin = [
        ("select c.track_id from public.claim_generation_jobs('w', 1) as c", ()),
        (
            "select public.start_provider_job(tests.track('hooked'), 1, 'recorded', 'job')::text",
            (),
        ),
    ]
    at_once(studio, None, begin, 1)
    call = (
        "select e.outcome from public.record_generation_event('recorded', 'event', 'job', "
        """'completed', '{"url": "u", "duration": 9}') as e""",
        (),
    )
    answers = at_once(studio, None, [call] * 16, 16)
    assert Counter(row[0] for row in rows_of(answers)) == {"applied": 1, "duplicate": 15}


def test_two_devices_edit_one_playlist(studio: Database) -> None:
    studio.execute("select tests.make_track('ada', 't' || n) from generate_series(1, 60) as n")
    studio.execute("select tests.make_playlist('ada', 'Shared list')")
    playlist = "tests.playlist('Shared list')"
    adds = [
        (
            f"select public.add_playlist_tracks({playlist}, "
            "array[tests.track(%s), tests.track(%s)])",
            (f"t{n}", f"t{n + 1}"),
        )
        for n in range(1, 60)
    ]
    answers = at_once(studio, "ada", adds, 4)
    assert sum(row[0] for row in rows_of(answers)) == 60, "each track was added once"

    edits: list[Call] = []
    for n in range(1, 31):
        edits += [
            (
                f"select public.move_playlist_track({playlist}, tests.track(%s), tests.track(%s))",
                pair,
            )
            for pair in ((f"t{n}", f"t{61 - n}"), (f"t{61 - n}", f"t{n}"))
        ]
        edits.append(
            (
                f"select public.remove_playlist_tracks({playlist}, array[tests.track(%s)])",
                (f"t{n}",),
            )
        )
    answers = at_once(studio, "ada", edits, 6)
    assert {answer for answer in answers if isinstance(answer, str)} <= {"conflict"}
    titles = studio.value("select tests.playlist_order('Shared list')").split()
    assert sorted(titles) == sorted(f"t{n}" for n in range(31, 61)), (
        "what was removed is gone, all else is there"
    )
    assert (
        studio.value(f"select track_count from public.user_playlists where id = {playlist}") == 30
    )

    answers = at_once(
        studio,
        "ada",
        [
            (
                f"select public.reorder_playlist({playlist}, array[tests.track('t60')], p.version) "
                f"from public.user_playlists as p where p.id = {playlist}",
                (),
            )
        ]
        * 8
        + [
            (
                f"select public.add_playlist_tracks({playlist}, "
                "array[tests.track('t1')], tests.track('t40'))",
                (),
            )
        ],
        9,
    )
    assert {answer for answer in answers if isinstance(answer, str)} <= {"conflict"}
    titles = studio.value("select tests.playlist_order('Shared list')").split()
    assert titles[0] == "t60"
    assert titles.index("t1") + 1 == titles.index("t40"), (
        "a track that came meanwhile keeps its place"
    )


def test_counters_and_styles_are_exact(studio: Database) -> None:
    studio.execute("select tests.make_track('cleo', 'c' || n) from generate_series(1, 40) as n")
    studio.execute(
        "select tests.give_sound(tests.track('c' || n), n, 1) from generate_series(1, 40) as n"
    )
    studio.execute("select tests.make_band('cleo', 'Band'), tests.make_band('cleo', 'Other')")
    calls = [
        (
            "select public.add_band_tracks(tests.band(%s), "
            "array[tests.track(%s), tests.track(%s)])",
            (band, f"c{n}", f"c{41 - n}"),
        )
        for n in range(1, 41)
        for band in ("Band", "Other")
    ]
    assert sum(row[0] for row in rows_of(at_once(studio, "cleo", calls, 8))) == 80
    at_once(
        studio,
        "cleo",
        [
            (
                "delete from public.generated_tracks where id = tests.track(%s) returning 1",
                (f"c{n}",),
            )
            for n in range(1, 21)
        ],
        8,
    )
    assert studio.rows("select track_count from public.bands order by name") == [(20,), (20,)]
    exact = studio.value(
        "select extensions.vector_norm(extensions.vector_sub(b.style_vector, m.mean)) "
        "from public.bands as b, lateral (select extensions.avg(e.embedding_768) as mean "
        "from public.band_tracks as l inner join medley.items as i on i.id = l.track_id "
        "inner join medley.content_embeddings as e on e.item_no = i.item_no "
        "where l.band_id = b.id) as m where b.name = 'Band'"
    )
    assert exact < 1e-6

    studio.execute("select tests.make_member('f' || n) from generate_series(1, 40) as n")

    def follow(n: int) -> None:
        verb = (
            "insert into public.user_follows (user_id, band_id) "
            "values (tests.member(%s), tests.band('Band'))"
        )
        at_once(studio, f"f{n}", [(verb + " returning 1", (f"f{n}",))], 1)
        if n % 4 == 0:
            at_once(
                studio, f"f{n}", [("delete from public.user_follows where true returning 1", ())], 1
            )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(follow, range(1, 41)))
    assert studio.value("select follower_count from public.bands where name = 'Band'") == 30
