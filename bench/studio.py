"""Measures the studio pack: similar tracks, allowances, the queue, and the order of playlists.

Similar tracks: `public.get_similar_tracks` as an anonymous caller beside an exact scan of what its
filter lets through, over vectors in groups that know nothing of genres or of who may see what.
Recall is the share of the exact first 20 that the call gives.

    python -m bench.studio --database-url postgresql://... [--vectors 100000] [--queries 100]

Needs a scratch database with room for a hundred connections, and leaves its data there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from threading import Barrier
from typing import Any

import numpy as np
import psycopg

SUMMARY = "Measures similar tracks, allowances, the queue, and the order of playlists."
DIMS = 768
GROUPS = 300
DIRECTIONS = 32
MEMBERS = 1000
PAGE = 20
# Requests of one member at once, each in a session of its own, and how many of them are allowed.
REQUESTS = 100
ALLOWED = 60
MEMBER = "('00000000-0000-4000-8000-' || lpad(to_hex(%s), 12, '0'))::uuid"
# Shares of the tracks that have a genre; of each scenario the filter that the call gets.
GENRES = {"wide": 0.2, "narrow": 0.05, "rare": 0.002}

FILL = f"""
insert into auth.users (id, aud, role, email)
select {MEMBER % "n"}, 'authenticated', 'authenticated', n || '@example.com'
from generate_series(1, {MEMBERS}) as n;
select from medley.member_numbers(array(select u.id from auth.users as u));
alter table public.generated_tracks disable trigger generated_tracks_3_features_insert;
insert into public.generated_tracks
  (id, user_id, title, mode, status, url, duration, claimable_at, is_public, genres)
select
  ('10000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  {MEMBER % f"1 + mod(n, {MEMBERS})"},
  'track ' || n, 'new', 'completed', 'u', 180, null, random() < 0.7,
  array_remove(array[
    case when random() < {GENRES["wide"]} then 'wide' end,
    case when random() < {GENRES["narrow"]} then 'narrow' end,
    case when random() < {GENRES["rare"]} then 'rare' end
  ], null)
from generate_series(1, %(vectors)s) as n;
alter table public.generated_tracks enable trigger generated_tracks_3_features_insert;
create temp table sound (n int, place extensions.vector(768));
alter table sound alter place set storage external;
"""
# As a project builds it after a bulk load: the index last, no triggers row by row.
INDEX = """
set maintenance_work_mem = '2GB';
alter table medley.content_embeddings disable trigger user;
drop index medley.content_embeddings_768_idx;
insert into medley.content_embeddings (item_no, embedding_type, model_version, dims, embedding_768)
select i.item_no, 'audio', medley.audio_model(), 768, extensions.l2_normalize(s.place)
from sound as s
inner join medley.items as i
  on i.id = ('10000000-0000-4000-8000-' || lpad(to_hex(s.n), 12, '0'))::uuid;
create index content_embeddings_768_idx on medley.content_embeddings
using hnsw (embedding_768 extensions.vector_cosine_ops) where embedding_768 is not null;
alter table medley.content_embeddings enable trigger user;
drop table sound;
reset maintenance_work_mem;
"""
# Every vector compared and sorted, without a filter: what there is without an index.
SCAN = """
select e.item_no
from medley.content_embeddings as e
where e.embedding_type = 'audio'
order by (e.embedding_768 operator(extensions.<=>) medley.audio_vector(%s)) + 0
limit 20
"""
EXACT = """
select i.id
from medley.nearest_exactly(
  medley.audio_vector(%s), '{track}', (select g.id from public.genres as g where g.slug = %s),
  array[(select i.item_no from medley.items as i where i.id = %s)], null, null, null, 20, now()
) as n
inner join medley.items as i on i.item_no = n.item_no
"""


@dataclass(frozen=True, slots=True)
class Search:
    """One way of asking for similar tracks."""

    filter: str
    candidates: int
    recall: float
    full_pages: float
    call_ms: float
    exact_ms: float
    scan_ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What else was measured."""

    requests: int
    allowed: int
    granted: int
    request_ms: float
    claims_per_second: dict[str, float]
    lookup_ms: float
    move_ms: float
    same_gap_ms: float


def sounds(count: int, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Vectors in groups of uneven size that vary in few directions, as audio embeddings do."""
    fixed = np.random.default_rng(0)
    centres = fixed.standard_normal((GROUPS, DIMS))
    directions = fixed.standard_normal((DIRECTIONS, DIMS))
    chance = np.random.default_rng(seed + 1)
    group = chance.zipf(1.3, count) % GROUPS
    inner = chance.standard_normal((count, DIRECTIONS)) @ directions / DIRECTIONS**0.5
    noise = chance.standard_normal((count, DIMS))
    made: np.ndarray[Any, np.dtype[np.float32]] = centres[group] + inner + 0.1 * noise
    return made.astype(np.float32)


def load(connection: psycopg.Connection[Any], vectors: int) -> None:
    """Members, tracks, genres, vectors and their index."""
    for statement in FILL.split(";\n"):
        if statement.strip():
            connection.execute(statement % {"vectors": vectors})
    row = np.dtype(
        [("fields", ">i2"), ("a", ">i4"), ("n", ">i4"), ("b", ">i4"), ("dims", ">i2"),
         ("unused", ">i2"), ("place", ">f4", (DIMS,))]
    )  # fmt: skip
    with connection.cursor().copy("copy sound from stdin (format binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for first in range(0, vectors, 10_000):
            numbers = range(first, min(first + 10_000, vectors))
            rows = np.zeros(len(numbers), row)
            rows["fields"], rows["a"], rows["b"], rows["dims"] = 2, 4, 4 + 4 * DIMS, DIMS
            rows["n"] = np.arange(first, numbers.stop) + 1
            rows["place"] = sounds(len(numbers), first)
            copy.write(rows.tobytes())
        copy.write(b"\xff\xff")
    for statement in INDEX.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    connection.execute("vacuum analyze medley.content_embeddings, medley.items, public.item_genres")


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds, and what came back."""
    begin = time.perf_counter()
    found = call()
    return (time.perf_counter() - begin) * 1000, found


def search(
    connection: psycopg.Connection[Any], name: str, genre: str | None, queries: Sequence[str]
) -> Search:
    """The call and the exact scan in turns, on the same tracks."""
    candidates = connection.execute(
        "select count(*) from medley.items as i where i.visibility = 'public' and i.kind = 'track' "
        "and (%s::text is null or exists (select from public.item_genres as l inner join "
        "public.genres as g on g.id = l.genre_id where l.item_id = i.id and g.slug = %s))",
        (genre, genre),
    ).fetchall()[0]
    calls, exacts, recalls, full = [], [], [], []
    for track in queries:
        spent, exact = timed(
            lambda: connection.execute(EXACT, (track, genre, track)).fetchall()  # noqa: B023
        )
        exacts.append(spent)
        spent, rows = timed(
            lambda: connection.execute(
                "select s.item_id from public.get_similar_tracks(%s, 'track', %s, 20) as s",
                (track, genre),  # noqa: B023
            ).fetchall()
        )
        calls.append(spent)
        recalls.append(len({*rows} & {*exact}) / max(1, len(exact)))
        full.append(len(rows) == len(exact))
    scans = [
        timed(lambda: connection.execute(SCAN, (track,)).fetchall())[0]  # noqa: B023
        for track in queries[:10]
    ]
    return Search(
        name, candidates[0], mean(recalls), mean(full), mean(calls), mean(exacts), mean(scans)
    )


def searches(connection: psycopg.Connection[Any], queries: int) -> list[Search]:
    """All scenarios: only visibility, by genre, and where hardly anything is seen."""
    chosen = [
        row[0]
        for row in connection.execute(
            "select t.id from public.generated_tracks as t where t.is_public "
            "order by md5(t.id::text) limit %s",
            (queries,),
        )
    ]
    # Pages of the index and of the vectors into memory.
    search(connection, "warm", None, chosen[:20])
    found = [search(connection, "70 % visible", None, chosen)]
    found += [
        search(connection, f"genre of {share:.1%}", genre, chosen)
        for genre, share in GENRES.items()
    ]
    connection.execute(
        "update medley.items as i set visibility = 'private' "
        "where i.kind = 'track' and i.item_no %% 50 <> 0 and i.id <> all(%s)",
        (chosen,),
    )
    connection.execute("vacuum analyze medley.items")
    found.append(search(connection, "1.4 % visible", None, chosen))
    return found


def act_as(connection: psycopg.Connection[Any], number: int | None) -> None:
    """Calls come from that member, or from the service."""
    role = "authenticated" if number else "service_role"
    claims = {"role": role, "sub": f"00000000-0000-4000-8000-{number or 0:012x}"}
    connection.execute(
        "select set_config('request.jwt.claims', %s, false), set_config('role', %s, false)",
        (json.dumps(claims), role),
    )


def ask(url: str, member: int, ready: Barrier) -> tuple[bool, float]:
    """A request of a member in a session of its own, when all are there: granted, and its ms."""
    with psycopg.connect(url, autocommit=True) as connection:
        act_as(connection, member)
        ready.wait()
        begin = time.perf_counter()
        try:
            connection.execute("select public.request_generation('new')")
        except psycopg.Error as error:
            if error.sqlstate != "PT429":
                raise
            return False, (time.perf_counter() - begin) * 1000
        return True, (time.perf_counter() - begin) * 1000


def at_once(url: str, member: int) -> list[tuple[bool, float]]:
    """REQUESTS of one member at the same moment."""
    ready = Barrier(REQUESTS)
    with ThreadPoolExecutor(REQUESTS) as pool:
        return list(pool.map(lambda _: ask(url, member, ready), range(REQUESTS)))


def claim(url: str, batch: int, seconds: float) -> tuple[int, float]:
    """A worker that claims as fast as it can: how many tracks, in how many seconds."""
    claimed = 0
    with psycopg.connect(url, autocommit=True) as connection:
        act_as(connection, None)
        begin = time.perf_counter()
        while (spent := time.perf_counter() - begin) < seconds:
            claimed += len(
                connection.execute(
                    "select c.track_id from public.claim_generation_jobs('w', %s) as c", (batch,)
                ).fetchall()
            )
        return claimed, spent


def queue(url: str, seconds: float) -> dict[str, float]:
    """Claims a second of two workers, one by one and ten at a time."""
    rates = {}
    for name, batch in (("one by one", 1), ("ten at a time", 10)):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("delete from public.generated_tracks where status <> 'completed'")
            connection.execute(
                "insert into public.generated_tracks (user_id, mode) "
                f"select {MEMBER % f'1 + mod(n, {MEMBERS})'}, 'new' "
                "from generate_series(1, %s) as n",
                (int(seconds * 20_000),),
            )
            connection.execute("vacuum analyze public.generated_tracks")
        with ProcessPoolExecutor(2) as pool:
            shares = list(pool.map(claim, [url] * 2, [batch] * 2, [seconds] * 2))
        rates[name] = sum(claimed for claimed, _ in shares) / mean(spent for _, spent in shares)
    return rates


def playlists(url: str, tracks: int, moves: int) -> tuple[float, float, float]:
    """Milliseconds of a lookup by key, of a move to a random place, and into one gap."""
    chance = random.Random(1)  # noqa: S311
    with psycopg.connect(url, autocommit=True) as owner:
        ids = [
            str(row[0])
            for row in owner.execute(
                "insert into public.generated_tracks "
                "(user_id, mode, status, url, duration, claimable_at) "
                f"select {MEMBER % '1'}, 'new', 'completed', 'u', 9, null "
                "from generate_series(1, %s) returning id",
                (tracks,),
            )
        ]
        owner.execute("vacuum analyze public.generated_tracks")
    with psycopg.connect(url, autocommit=True) as connection:
        act_as(connection, 1)
        row = connection.execute(
            "insert into public.user_playlists (name) values ('Long') returning id"
        ).fetchall()[0]
        connection.execute("select public.add_playlist_tracks(%s, %s::uuid[])", (row[0], ids))
        lookup: list[float] = []
        move: list[float] = []
        same: list[float] = []
        for _ in range(moves):
            for times, query, parameters in (
                (lookup, "select t.title from public.generated_tracks as t where t.id = %s",
                 (chance.choice(ids),)),
                (move, "select public.move_playlist_track(%s, %s, %s)",
                 (row[0], *chance.sample(ids, 2))),
                (same, "select public.move_playlist_track(%s, %s, %s)",
                 (row[0], chance.choice(ids[1:]), ids[0])),
            ):  # fmt: skip
                times.append(timed(lambda: connection.execute(query, parameters).fetchall())[0])  # noqa: B023
    return mean(lookup), mean(move), mean(same)


def others(url: str, options: argparse.Namespace) -> Figures:
    """Allowances, the queue, playlists."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "update medley.generation_plans set daily_limit = %s where plan = 'free'", (ALLOWED,)
        )
    asked = at_once(url, 7)
    lookup, move, same = playlists(url, options.playlist, options.moves)
    return Figures(
        requests=REQUESTS,
        allowed=ALLOWED,
        granted=sum(granted for granted, _ in asked),
        request_ms=mean(spent for _, spent in asked),
        claims_per_second=queue(url, options.seconds),
        lookup_ms=lookup,
        move_ms=move,
        same_gap_ms=same,
    )


def report(found: Sequence[Search], figures: Figures, options: argparse.Namespace) -> str:
    """The figures as Markdown."""
    lines = [
        f"{options.vectors:,} vectors of {DIMS}, {options.queries} queries, pages of {PAGE}.\n",
        "| filter | candidates | recall@20 | full pages | call, ms | scan of all vectors, ms "
        "| share | exact scan of the candidates, ms | share |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {s.filter} | {s.candidates:,} | {s.recall:.3f} | {s.full_pages:.0%} | {s.call_ms:.1f} "
        f"| {s.scan_ms:.1f} | 1/{s.scan_ms / s.call_ms:.0f} "
        f"| {s.exact_ms:.1f} | 1/{s.exact_ms / s.call_ms:.1f} |"
        for s in found
    ]
    lines += [
        "",
        "| what | measured | target |",
        "|---|---|---|",
        f"| {figures.requests} requests at once, {figures.allowed} allowed "
        f"| {figures.granted} granted, {figures.request_ms:.0f} ms each, waiting included "
        f"| {figures.allowed} |",
        *(
            f"| claims a second, two workers, {name} | {rate:,.0f} | 1,000 |"
            for name, rate in figures.claims_per_second.items()
        ),
        f"| move within {options.playlist:,} tracks | {figures.move_ms:.2f} ms, "
        f"{figures.move_ms / figures.lookup_ms:.1f} lookups of {figures.lookup_ms:.2f} ms | 20 |",
        f"| the same, always into one gap | {figures.same_gap_ms:.2f} ms, "
        f"{figures.same_gap_ms / figures.lookup_ms:.1f} lookups | 20 |",
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints the tables."""
    parser = argparse.ArgumentParser(prog="bench.studio", description=SUMMARY)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"))
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--playlist", type=int, default=10_000, help="tracks of the playlist")
    parser.add_argument("--moves", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5, help="of claiming, one way")
    parser.add_argument("--output", type=Path, help="file for the JSON, beside what is printed")
    options = parser.parse_args(arguments)
    if not options.database_url:
        print("no database: pass --database-url or set DATABASE_URL", file=sys.stderr)
        return 2
    found: list[Search] = []
    with psycopg.connect(options.database_url, autocommit=True) as connection:
        connection.execute("set statement_timeout = 0")
        if options.vectors:
            begin = time.perf_counter()
            load(connection, options.vectors)
            print(f"loaded in {time.perf_counter() - begin:.0f} s", flush=True)
            found = searches(connection, options.queries)
        else:
            connection.execute(FILL.partition("alter table")[0])
    figures = others(options.database_url, options)
    print(report(found, figures, options))
    if options.output:
        result = {"vectors": options.vectors, "searches": [asdict(s) for s in found]}
        options.output.write_text(json.dumps({**result, **asdict(figures)}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
