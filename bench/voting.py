"""Measures votes on setlists: what one costs, and whether any is lost among many at once.

One client votes for random members on songs of many setlists, beside a look-up by primary key
under row-level security in the same rounds; both sign their session in within the statement. Then
every member of a crowd votes on every song of one setlist, all at once, in an order of its own,
first against it and then for it; counters are compared with a recount.

    python -m bench.voting --database-url postgresql://... [--members 200] [--songs 20]

Needs a scratch database (one without items), and leaves its data there. The crowd has as many
connections as members, as far as the server allows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from threading import Barrier

import psycopg

SUMMARY = "Measures votes on setlists, one by one and many at once."
SETLISTS = 200  # for single votes

FILL = """
insert into auth.users (id, aud, role, email)
select ('c0000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  'authenticated', 'authenticated', n || '@example.com'
from generate_series(1, %(accounts)s) as n;
insert into public.profiles (id, username)
select u.id, 'member' || split_part(u.email, '@', 1) from auth.users as u;
insert into public.artists (id, name) values ('a0000000-0000-4000-8000-000000000000', 'The Band');
insert into public.songs (title, artist)
select 'Song ' || n, 'The Band' from generate_series(1, %(songs)s) as n;
insert into public.artist_songs (artist_id, song_id)
select a.id, s.id from public.artists as a, public.songs as s;
insert into public.events (title, starts_at, headliner_artist_id)
select 'Night ' || n, now() + n * interval '1 day', a.id
from public.artists as a, generate_series(1, %(setlists)s) as n;
insert into public.setlists (event_id, artist_id, name)
select e.id, e.headliner_artist_id, 'Predicted' from public.events as e;
insert into public.setlist_songs (setlist_id, song_id, position)
select s.id, g.id, row_number() over (partition by s.id order by g.title)
from public.setlists as s, public.songs as g;
create schema bench;
grant usage on schema bench to authenticated;
create function bench.as_member(p_member int) returns text language sql volatile as
  'select set_config(''request.jwt.claims'', json_build_object(''sub'', '
  '''c0000000-0000-4000-8000-'' || lpad(to_hex(p_member), 12, ''0''), '
  '''role'', ''authenticated'')::text, false)';
"""
TABLES = (
    "auth.users, public.profiles, public.artists, public.songs, public.events, public.setlists, "
    "public.setlist_songs, medley.items"
)
LOOKUP = """
select p.username from bench.as_member(%s) as n
cross join lateral (
  select q.username from public.profiles as q where q.id = %s and n is not null
) as p
"""
VOTE = """
select v.total_votes from bench.as_member(%s) as n
cross join lateral public.vote_setlist_song((case when n is not null then %s end)::uuid, %s) as v
"""
MISCOUNTED = """
select
  (
    select count(*) from public.setlist_songs as g
    where array[g.upvotes, g.downvotes] <> (
      select array[count(*) filter (where v.vote = 1), count(*) filter (where v.vote = -1)]::int[]
      from public.setlist_votes as v where v.setlist_song_id = g.id
    )
  ) + (
    select count(*) from public.setlists as s
    where s.total_votes <> (
      select count(*) from public.setlist_votes as v
      inner join public.setlist_songs as g on g.id = v.setlist_song_id
      where g.setlist_id = s.id
    )
  ) + (
    select count(*) from public.profiles as p
    where p.total_votes <> (
      select count(*) from public.setlist_votes as v where v.user_id = p.id
    )
  )
"""


@dataclass(frozen=True, slots=True)
class Single:
    """Milliseconds of one call, averages over all rounds; the ratio is the rounds' median."""

    lookup: float
    vote: float
    ratio: float
    votes: int


@dataclass(frozen=True, slots=True)
class Crowd:
    """What many members at once came to.

    Attributes:
        connections: Of the members, at the same time.
        lost: Votes that are not in the counters of their songs.
        miscounted: Counters that a recount would change.
        errors: Calls that failed; a deadlock is one.
        seconds: From the first vote to the last.
    """

    members: int
    connections: int
    votes: int
    lost: int
    miscounted: int
    errors: int
    seconds: float


def account(number: int) -> str:
    """The id of an account."""
    return f"c0000000-0000-4000-8000-{number:012x}"


def fill(database_url: str, *, accounts: int, songs: int) -> list[list[str]]:
    """Makes accounts and setlists; the songs of each setlist, by what one votes for."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        if connection.execute("select exists (select from medley.items)").fetchone() != (False,):
            raise SystemExit("the database has items; this benchmark needs a scratch one to fill")
        values = {"accounts": accounts, "songs": songs, "setlists": SETLISTS + 1}
        for statement in FILL.split(";\n"):
            if statement.strip():
                connection.execute(statement, values if "%(" in statement else None)
        connection.execute(f"vacuum analyze {TABLES}")
        rows = connection.execute(
            "select array_agg(g.id::text order by g.position) from public.setlist_songs as g "
            "group by g.setlist_id order by g.setlist_id"
        ).fetchall()
    return [ids for (ids,) in rows]


def single(
    database_url: str, setlists: Sequence[Sequence[str]], *, accounts: int, rounds: int, votes: int
) -> Single:
    """One client: rounds of look-ups and votes, one after the other."""
    chance = random.Random(1)  # noqa: S311 -- a load, no secret
    lookups, cast, ratios = [], [], []
    with psycopg.connect(database_url, autocommit=True, prepare_threshold=1) as connection:
        connection.execute("set role authenticated")
        for turn in range(rounds + 1):
            numbers = [chance.randint(1, accounts) for _ in range(votes)]
            targets = [chance.choice(chance.choice(setlists)) for _ in range(votes)]
            kinds = chance.choices((1, -1, 0), (6, 3, 1), k=votes)
            ids = [account(number) for number in numbers]
            start = time.perf_counter()
            for number, member in zip(numbers, ids, strict=True):
                connection.execute(LOOKUP, (number, member))
            middle = time.perf_counter()
            for number, target, kind in zip(numbers, targets, kinds, strict=True):
                connection.execute(VOTE, (number, target, kind))
            end = time.perf_counter()
            # The first round warms up: plans, caches, members' numbers.
            if turn:
                lookups.append((middle - start) / votes * 1000)
                cast.append((end - middle) / votes * 1000)
                ratios.append((end - middle) / (middle - start))
    return Single(sum(lookups) / rounds, sum(cast) / rounds, median(ratios), rounds * votes)


def crowd(database_url: str, songs: Sequence[str], *, members: int) -> Crowd:
    """Everybody votes on every song of one setlist at once: against, then for it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        ((free,),) = connection.execute(
            "select current_setting('max_connections')::int - 20 - count(*) from pg_stat_activity"
        ).fetchall()
    connections = min(members, free)
    together = Barrier(connections)

    def work(first: int) -> int:
        failed = 0
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("set role authenticated")
            together.wait()
            for member in range(first, members + 1, connections):
                order = random.Random(member).sample(songs, len(songs))  # noqa: S311
                for vote in (-1, 1):
                    for song in order:
                        try:
                            connection.execute(VOTE, (member, song, vote))
                        except psycopg.Error:
                            failed += 1
        return failed

    start = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        errors = sum(pool.map(work, range(1, connections + 1)))
    seconds = time.perf_counter() - start
    with psycopg.connect(database_url) as connection:
        ((counted,),) = connection.execute(
            "select sum(g.upvotes) from public.setlist_songs as g where g.id = any(%s::uuid[])",
            (list(songs),),
        ).fetchall()
        ((miscounted,),) = connection.execute(MISCOUNTED).fetchall()
    return Crowd(
        members=members,
        connections=connections,
        votes=members * len(songs) * 2,
        lost=members * len(songs) - counted,
        miscounted=miscounted,
        errors=errors,
        seconds=seconds,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs and prints; the exit status says whether a vote was lost."""
    parser = argparse.ArgumentParser(prog="bench.voting", description=SUMMARY)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"))
    parser.add_argument("--members", type=int, default=200, help="of the crowd")
    parser.add_argument("--songs", type=int, default=20, help="of a setlist")
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--votes", type=int, default=2_000, help="single ones a round")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write JSON there")
    options = parser.parse_args(arguments)
    if not options.database_url:
        print("no database: pass --database-url or set DATABASE_URL", file=sys.stderr)
        return 2
    url = options.database_url
    setlists = fill(url, accounts=max(options.accounts, options.members), songs=options.songs)
    alone = single(
        url, setlists[1:], accounts=options.accounts, rounds=options.rounds, votes=options.votes
    )
    many = crowd(url, setlists[0], members=options.members)
    if options.output:
        options.output.write_text(
            json.dumps({"single": asdict(alone), "crowd": asdict(many)}, indent=2) + "\n"
        )
    print("| what | target | measured |")
    print("|---|---:|---:|")
    print(f"| a vote / primary-key lookup | ≤ 20 | {alone.ratio:.1f} |")
    print(f"| a vote, ms (lookup: {alone.lookup:.3f}) | | {alone.vote:.3f} |")
    print(
        f"| votes lost of {many.votes:,} by {many.members} members on one setlist over "
        f"{many.connections} connections | 0 | {many.lost} |"
    )
    print(f"| calls that failed there, deadlocks included | 0 | {many.errors} |")
    print(f"| counters that a recount changes | 0 | {many.miscounted} |")
    print(f"| votes a second there | | {many.votes / many.seconds:,.0f} |")
    return 1 if many.lost or many.errors or many.miscounted else 0


if __name__ == "__main__":
    sys.exit(main())
