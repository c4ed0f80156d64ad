"""Writes a simulated network into a database, in bulk and through the project's own functions."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from psycopg import Connection, Cursor, sql

from medley.loaders._write import (
    LoadReport,
    Progress,
    load_transaction,
    no_progress,
    run,
    stable_id,
    stage,
)
from medley.loaders.engagements import write_engagements
from medley.loaders.members import member_id, write_members

from .requests import DWELL_MS, WEIGHTS, Log
from .world import NAMES, TEXT_DIMS, TOPICS

KIND = "post"
#: What a request names as its algorithm: ranked, or in random order.
RANKED, EXPLORED = "simulated", "simulated-random"
#: The model of the text vectors.
TEXT_MODEL = "simulated"

#: Kinds that are rows of tables of their own: a trigger logs them.
_ROWS = {"like", "repost", "reply", "quote"}
_VECTORS = 500
_GRAPH = "medley.content_embeddings_384_idx"


def write_log(
    connection: Connection[Any],
    log: Log,
    until: datetime,
    *,
    progress: Progress = no_progress,
) -> LoadReport:
    """Writes members, follows, posts with vectors, and what the log tells of.

    The vectors are of the type `text` and the model `simulated`, which comes into use. Held-out
    requests are left out; posts of their time are there.

    Args:
        connection: As a role that may write the catalogue and auth.users (`DATABASE_URL`).
        log: Of a world that the database has not yet: each seed is one.
        until: When the log ends. Held-out requests follow within a day.
        progress: Told each step.

    Raises:
        ValueError: The world is there already; nothing was written.
    """
    writer = _Writer(log, until)
    report = LoadReport()
    with load_transaction(connection) as cursor:
        progress("Writing members")
        report.written["members"] = writer.members(cursor)
        progress("Writing posts")
        report.written["posts"] = writer.posts(cursor)
        progress("Writing vectors")
        report.written["vectors"] = writer.vectors(cursor)
        progress("Writing what was shown and done")
        report.written["engagements"] = writer.engagements(cursor)
        progress("Writing likes, reposts, views and answers")
        report.written.update(writer.actions(cursor))
        progress("Writing follows, mutes and blocks")
        report.written.update(writer.edges(cursor))
        cursor.execute(
            "analyze public.posts, public.likes, public.reposts, public.post_views, "
            "medley.content_embeddings"
        )
    return report


def post_id(seed: int, post: int) -> uuid.UUID:
    """The id of a simulated post."""
    return stable_id(KIND, _source(seed), str(post))


def simulated_member_id(seed: int, member: int) -> uuid.UUID:
    """The id of a simulated member."""
    return member_id(_source(seed), str(member))


def _source(seed: int) -> str:
    return f"simulated-{seed}"


class _Writer:
    """What a log says, as rows with ids and times."""

    def __init__(self, log: Log, until: datetime) -> None:
        world, seed = log.world, log.world.settings.seed
        self.log, self.world, self.seed = log, world, seed
        self.begin = until - timedelta(days=world.settings.days)
        self.member_ids = [simulated_member_id(seed, m) for m in range(world.settings.members)]
        self.post_ids = [post_id(seed, p) for p in range(world.settings.posts)]
        # Of each row of the log: who was asked, and when what was done was done.
        rows = slice(0, int(log.first[log.told()]))
        request = log.request()[rows]
        self.request = request
        self.row_member = log.member[request].tolist()
        self.row_post = log.post[rows].tolist()
        self.row_time = (log.time[request] + (log.position[rows] + 1) / 86_400).tolist()

    def at(self, days: float) -> datetime:
        return self.begin + timedelta(days=days)

    def did(self, kind: str) -> list[int]:
        """The rows of the log in which something happened."""
        return np.flatnonzero(self.log.happened[: len(self.request), NAMES.index(kind)]).tolist()

    def members(self, cursor: Cursor[Any]) -> int:
        source, members = _source(self.seed), self.world.settings.members
        rows = ((str(m), f"Simulated member {m}") for m in range(members))
        written = write_members(cursor, source, rows)
        if written < members:
            raise ValueError(f"a simulated network of seed {self.seed} is there already")
        return written

    def posts(self, cursor: Cursor[Any]) -> int:
        world = self.world
        words = [TOPICS[topic] for topic in world.topic.tolist()]
        return self._insert_posts(
            cursor,
            (
                (self.post_ids[p], self.member_ids[author], None, None, text, self.at(posted))
                for p, (author, posted, text) in enumerate(
                    zip(
                        world.author.tolist(),
                        world.posted.tolist(),
                        (f"Post {p} on {word} #{word}" for p, word in enumerate(words)),
                        strict=True,
                    )
                )
            ),
        )

    def vectors(self, cursor: Cursor[Any]) -> int:
        """Text vectors of posts, as many at a time as the project's function takes.

        The graph over them is taken down and made anew from all: a search for each vector's place
        in it would take ten times as long.
        """
        written = 0
        numbers = ",".join(["%.5f"] * TEXT_DIMS)
        template = f'{{"item_id":"%s","embedding":[{numbers}]}}'
        cursor.execute("select pg_get_indexdef(%s::regclass)", (_GRAPH,))
        ((graph,),) = cursor.fetchall()
        cursor.execute(sql.SQL("drop index {}").format(sql.Identifier(*_GRAPH.split("."))))
        for start in range(0, len(self.post_ids), _VECTORS):
            entries = ",".join(
                template % (item, *vector)
                for item, vector in zip(
                    self.post_ids[start : start + _VECTORS],
                    self.world.texts[start : start + _VECTORS].tolist(),
                    strict=True,
                )
            )
            cursor.execute(
                "select medley.set_item_embeddings('text', %s, %s)", (TEXT_MODEL, f"[{entries}]")
            )
            written += cursor.fetchall()[0][0]
        cursor.execute("set local maintenance_work_mem = '512MB'")
        cursor.execute(graph.encode())
        cursor.execute("select medley.activate_embedding_model('text', %s)", (TEXT_MODEL,))
        return written

    def engagements(self, cursor: Cursor[Any]) -> int:
        """What was shown, and what happened that is no row of another table."""
        stage(
            cursor,
            "load_events",
            "user_id uuid, item_id uuid, kind text, at timestamptz, place smallint, dwell int, "
            "algorithm text, score real, context text",
            self._events(),
        )
        return write_engagements(
            cursor,
            """
            select
              l.user_id, l.item_id, l.kind, l.at as occurred_at, l.place as position,
              l.dwell as dwell_ms, l.algorithm, l.score as predicted_score,
              l.context::jsonb as context
            from pg_temp.load_events as l
            """,
        )

    def actions(self, cursor: Cursor[Any]) -> dict[str, int]:
        """Rows of likes, reposts and views, and answers, which are posts; triggers log them."""
        written = {}
        looked = np.flatnonzero(self.log.looked[: len(self.request)]).tolist()
        columns = "post_id uuid, user_id uuid, created_at timestamptz"
        stage(cursor, "load_likes", columns, self._actions(self.did("like")))
        written["likes"] = run(
            cursor,
            "insert into public.likes (post_id, user_id, created_at) select * from load_likes",
        )
        stage(cursor, "load_reposts", columns, self._actions(self.did("repost")))
        written["reposts"] = run(
            cursor,
            "insert into public.reposts (post_id, user_id, created_at) select * from load_reposts",
        )
        stage(cursor, "load_views", columns, self._actions(looked))
        written["post_views"] = run(
            cursor,
            "insert into public.post_views (post_id, user_id, created_at) select * from load_views",
        )
        written["replies and quotes"] = self._insert_posts(cursor, self._answers())
        return written

    def edges(self, cursor: Cursor[Any]) -> dict[str, int]:
        """Follows, mutes, blocks and reports; last, for a block hides the posts it came from."""
        written = {}
        begin = self.at(-2)
        follows = {
            (member, author): begin
            for member, authors in enumerate(self.world.follows)
            for author in authors
        }
        for row in self.did("follow_author"):
            follows.setdefault(self._pair(row), self.at(self.row_time[row]))
        columns = "user_id uuid, other_id uuid, created_at timestamptz"
        stage(cursor, "load_follows", columns, self._people(follows))
        written["follows"] = run(
            cursor,
            "insert into public.follows (follower_id, followed_id, created_at) "
            "select * from load_follows",
        )
        mutes = {self._pair(row): self.at(self.row_time[row]) for row in self.did("mute_author")}
        stage(cursor, "load_mutes", columns, self._people(mutes))
        written["user_mutes"] = run(
            cursor,
            "insert into public.user_mutes (user_id, muted_id, created_at) "
            "select * from load_mutes",
        )
        blocks = {self._pair(row): self.at(self.row_time[row]) for row in self.did("block_author")}
        stage(cursor, "load_blocks", columns, self._people(blocks))
        written["user_blocks"] = run(
            cursor,
            "insert into public.user_blocks (user_id, blocked_id, created_at) "
            "select * from load_blocks",
        )
        stage(
            cursor,
            "load_reports",
            "post_id uuid, user_id uuid, created_at timestamptz",
            self._actions(self.did("report")),
        )
        written["post_reports"] = run(
            cursor,
            "insert into public.post_reports (post_id, user_id, reason, created_at) "
            "select l.post_id, l.user_id, 'other', l.created_at from load_reports as l",
        )
        return written

    def _insert_posts(self, cursor: Cursor[Any], rows: Iterable[Sequence[Any]]) -> int:
        stage(
            cursor,
            "load_posts",
            "id uuid, author_id uuid, parent_id uuid, quoted_id uuid, content text, "
            "created_at timestamptz",
            rows,
        )
        return run(
            cursor,
            """
            insert into public.posts
              (id, author_id, parent_id, quoted_id, content, language, created_at)
            select l.id, l.author_id, l.parent_id, l.quoted_id, l.content, 'en', l.created_at
            from pg_temp.load_posts as l
            """,
        )

    def _events(self) -> Iterator[tuple[Any, ...]]:
        log = self.log
        score, place = log.score(WEIGHTS).tolist(), log.position.tolist()
        dwell, time = log.dwell_ms.tolist(), log.time.tolist()
        explored, multiplier = log.explored.tolist(), log.multiplier.tolist()
        kinds = [(NAMES.index(kind), kind) for kind in WEIGHTS]
        template = ",".join(f'"{kind}":%.4g' for _, kind in kinds)
        expected = log.expected[:, [column for column, _ in kinds]]
        for row, request in enumerate(self.request.tolist()):
            who, what = self.member_ids[self.row_member[row]], self.post_ids[self.row_post[row]]
            request_id = stable_id("request", _source(self.seed), str(request))
            if explored[request]:
                # Nothing was predicted.
                told, ranked, context = EXPLORED, None, f'{{"request_id":"{request_id}"}}'
            else:
                chances = template % tuple(expected[row].tolist())
                told, ranked, context = (
                    RANKED,
                    score[row],
                    f'{{"request_id":"{request_id}","p":{{{chances}}},"m":{multiplier[row]}}}',
                )
            at = self.at(time[request])
            yield who, what, "impression", at, place[row], None, told, ranked, context
            if dwell[row]:
                at = self.at(self.row_time[row])
                kind = "dwell" if dwell[row] >= DWELL_MS else "not_dwelled"
                yield who, what, kind, at, place[row], dwell[row], told, None, None
        for kind in NAMES:
            if kind not in _ROWS and kind != "dwell":
                for row in self.did(kind):
                    who, at = self.row_member[row], self.at(self.row_time[row])
                    what = self.post_ids[self.row_post[row]]
                    yield self.member_ids[who], what, kind, at, place[row], None, None, None, None

    def _actions(self, rows: Iterable[int]) -> Iterator[tuple[Any, ...]]:
        for row in rows:
            post, member = self.row_post[row], self.row_member[row]
            yield self.post_ids[post], self.member_ids[member], self.at(self.row_time[row])

    def _answers(self) -> Iterator[tuple[Any, ...]]:
        for kind, words in (("reply", "An answer"), ("quote", "Look at this")):
            for row in self.did(kind):
                target = self.post_ids[self.row_post[row]]
                parent, quoted = (target, None) if kind == "reply" else (None, target)
                yield (
                    stable_id(kind, _source(self.seed), str(row)),
                    self.member_ids[self.row_member[row]],
                    parent,
                    quoted,
                    words,
                    self.at(self.row_time[row]),
                )

    def _pair(self, row: int) -> tuple[int, int]:
        """The member of a row of the log, and the author of its post."""
        return self.row_member[row], int(self.world.author[self.row_post[row]])

    def _people(self, pairs: dict[tuple[int, int], datetime]) -> Iterator[tuple[Any, ...]]:
        for (member, author), at in pairs.items():
            yield self.member_ids[member], self.member_ids[author], at
