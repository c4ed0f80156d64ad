"""A small world with known tastes: members, articles with vectors, lists, what came of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import psycopg
from medley.loaders._write import load_transaction
from medley.loaders.members import member_id, write_members

SOURCE = "learning-test"
KIND = "article"
TEXT_MODEL = "a-model-for-tests"
MEMBERS, ARTICLES, AUTHORS = 50, 200, 12
LISTS, LENGTH = 16, 12
TASTE_DIMS = 4


def write_world(connection: psycopg.Connection[object], *, seed: int = 7) -> None:
    """Members who click what matches their taste, of lists in random order over ten days.

    A text vector shows its article's place in four dimensions and, twice as strongly, its author's
    style in others; so its cosine alone says little, and less than one that has been learnt.
    """
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(384, 384)))[0]
    tastes = _unit(rng.normal(size=(MEMBERS, TASTE_DIMS)))
    places = _unit(rng.normal(size=(ARTICLES, TASTE_DIMS)))
    author = rng.integers(0, AUTHORS, size=ARTICLES)
    style = 2 * _unit(rng.normal(size=(AUTHORS, 20)))[author]
    texts = places @ axes[:, :TASTE_DIMS].T + style @ axes[:, TASTE_DIMS : TASTE_DIMS + 20].T
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=12)

    with load_transaction(connection) as cursor:
        people = [f"m{number}" for number in range(MEMBERS)]
        write_members(cursor, SOURCE, [(key, key) for key in people])
        members = [member_id(SOURCE, key) for key in people]
        cursor.execute(
            "insert into medley.item_kinds (kind, description) values (%s, 'To read.')", (KIND,)
        )
        articles = [UUID(int=int(1e30) + number) for number in range(ARTICLES)]
        _register(cursor, articles, [members[number] for number in author], begin)
        rows = [
            {"item_id": str(item), "embedding": vector}
            for item, vector in zip(articles, texts.tolist(), strict=True)
        ]
        cursor.execute(
            "select public.set_item_embeddings('text', %s, %s)", (TEXT_MODEL, json.dumps(rows))
        )
        events = []
        for who in range(MEMBERS):
            shown = rng.permutation(ARTICLES)[: LISTS * LENGTH].reshape(-1, LENGTH)
            days = np.sort(rng.uniform(0, 10, size=len(shown)))
            for posts, day in zip(shown, days, strict=True):
                at = begin + timedelta(days=float(day))
                care = 4 * places[posts] @ tastes[who] - 2.2
                clicked = rng.random(LENGTH) < 1 / (1 + np.exp(-care))
                liked = clicked & (rng.random(LENGTH) < 0.5)
                for place, post in enumerate(posts.tolist()):
                    event = {"user_id": str(members[who]), "item_id": str(articles[post])}
                    acts = {"impression": True, "click": clicked[place], "like": liked[place]}
                    events += [
                        event
                        | {
                            "kind": kind,
                            "position": place,
                            "occurred_at": (at + timedelta(seconds=after)).isoformat(),
                        }
                        for after, (kind, happened) in enumerate(acts.items())
                        if happened
                    ]
        for start in range(0, len(events), 1000):
            cursor.execute(
                """
                select count(*) filter (where l.status <> 'accepted'), min(l.message)
                from medley.write_engagements(null, %s, '1970-01-01 00:00Z', now()) as l
                """,
                (json.dumps(events[start : start + 1000]),),
            )
            assert (cursor.fetchone() or (1, ""))[0] == 0


def _register(
    cursor: psycopg.Cursor[object], articles: list[UUID], owners: list[UUID], published: datetime
) -> None:
    items = [
        {
            "id": str(item),
            "kind": KIND,
            "title": f"Article {number}",
            "owner_id": str(owner),
            "published_at": published.isoformat(),
        }
        for number, (item, owner) in enumerate(zip(articles, owners, strict=True))
    ]
    cursor.execute("select count(*) from public.register_items(%s)", (json.dumps(items),))


def _unit(
    rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
