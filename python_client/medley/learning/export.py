"""Training pairs out of the database: as Parquet for other tools, as arrays for training.

Beside what the database has of each pair, a row has the weight that makes up for rows left out, and
the smoothed rates of its owner as of then (see `rates`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import dict_row

from .pairs import TEXT_DIMS, Pairs
from .rates import Log

_PAGE = 1000
_HISTORY_DAYS = 90
_RATE = "rate_"
# Whoever an item belongs to; one that belongs to nobody stands for itself. Greater than 0.
_OWNER = "coalesce(o.user_no, 2147483648 + i.item_no)"
_VECTOR = pa.list_(pa.float32(), TEXT_DIMS)
_COLUMNS = pa.schema(
    [
        pa.field("pair_id", pa.int64(), nullable=False),
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("label", pa.bool_(), nullable=False),
        pa.field("weight", pa.float32(), nullable=False),
        pa.field("engagement", pa.string()),
        pa.field("engagements", pa.list_(pa.string()), nullable=False),
        pa.field("dwell_ms", pa.int32()),
        pa.field("position", pa.int16()),
        pa.field("interaction_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("history", pa.string(), nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
        pa.field("popularity", pa.float32(), nullable=False),
        pa.field("user_vector", _VECTOR),
        pa.field("item_vector", _VECTOR),
        pa.field("engaged_rate", pa.float32(), nullable=False),
    ]
)


def read_pairs(
    connection: Connection[Any],
    *,
    kind: str | None = None,
    since: datetime | None = None,
    version: str | None = None,
) -> Iterator[pa.RecordBatch]:
    """Reads training pairs, page by page.

    Args:
        connection: As the owner of the database.
        kind: Only items of this kind.
        since: Only pairs of interactions from then on.
        version: The set of pairs; the one that was written last by default.

    Yields:
        Batches of up to 1,000 rows; see docs/learning.md for the columns.
    """
    chosen = _Chosen(kind, since, version or _value(connection, _NEWEST_SET))
    about = _About(connection, chosen)
    cursor: str | None = None
    while True:
        with connection.cursor(row_factory=dict_row) as found:
            rows = found.execute(
                """
                select e.*
                from public.export_training_pairs(
                  %(limit)s, %(cursor)s, %(kind)s, %(since)s, %(version)s
                ) as e
                """,
                {"limit": _PAGE, "cursor": cursor, **asdict(chosen)},
            ).fetchall()
        if rows:
            yield about.batch(rows)
        if len(rows) < _PAGE:
            return
        cursor = rows[-1]["next_cursor"]


def write_parquet(batches: Iterator[pa.RecordBatch], file: Path) -> int:
    """Writes batches to a file; returns how many rows. What fails on the way leaves no file."""
    partial = file.with_name(file.name + ".partial")
    rows = 0
    try:
        writer: Any = None
        for batch in batches:
            writer = writer or pq.ParquetWriter(partial, batch.schema, compression="zstd")
            writer.write_batch(batch)
            rows += batch.num_rows
        if writer is None:
            pq.write_table(_COLUMNS.empty_table(), partial)
        else:
            writer.close()
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def read_parquet(file: Path) -> Iterator[pa.RecordBatch]:
    """The batches of a file that `write_parquet` wrote."""
    with pq.ParquetFile(file) as opened:
        yield from opened.iter_batches()


@dataclass(frozen=True, slots=True)
class Read:
    """What was read.

    Attributes:
        pairs: Those whose both sides have a vector.
        without_vectors: How many have not.
        text_model: What made the vectors; None where nothing was read.
    """

    pairs: Pairs
    without_vectors: int
    text_model: str | None


def to_arrays(batches: Iterator[pa.RecordBatch]) -> Read:
    """Batches as arrays to train on."""
    whole, total = [], 0
    for batch in batches:
        total += batch.num_rows
        vectors = pc.and_(pc.is_valid(batch["user_vector"]), pc.is_valid(batch["item_vector"]))
        whole.append(batch.filter(vectors))
    table = pa.Table.from_batches(whole) if whole else _COLUMNS.empty_table()
    kinds = tuple(name.removeprefix(_RATE) for name in table.column_names if name.startswith(_RATE))
    rates = [_numbers(table, _RATE + kind) for kind in kinds]
    pairs = Pairs(
        ids=_numbers(table, "pair_id"),
        users=_codes(table, "user_id"),
        items=_codes(table, "item_id"),
        labels=_numbers(table, "label"),
        times=_numbers(table, "interaction_at").astype("datetime64[us]").astype(np.int64) / 1e6,
        weights=_numbers(table, "weight"),
        user_vectors=_vectors(table, "user_vector"),
        item_vectors=_vectors(table, "item_vector"),
        popularity=_numbers(table, "popularity"),
        happened=_happened(table["engagements"], kinds),
        rates=np.stack(rates, axis=1) if rates else np.empty((len(table), 0), np.float32),
        engaged_rates=_numbers(table, "engaged_rate"),
        kinds=kinds,
    )
    text_model = (table.schema.metadata or {}).get(b"text_model")
    return Read(pairs, total - len(table), text_model.decode() if text_model else None)


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    return np.asarray(table[name].to_numpy())


def _codes(table: pa.Table, name: str) -> NDArray[np.int64]:
    """A number from 0 for each different value."""
    return np.unique(_numbers(table, name).astype(str), return_inverse=True)[1].astype(np.int64)


def _vectors(table: pa.Table, name: str) -> NDArray[np.float32]:
    """Shape (n, 384)."""
    values = table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(values, np.float32).reshape(-1, TEXT_DIMS)


def _happened(column: pa.ChunkedArray, kinds: Sequence[str]) -> NDArray[np.bool_]:
    """Which of the kinds each list names; shape (n, kinds)."""
    found = np.zeros((len(column), len(kinds)), bool)
    lists = column.combine_chunks()
    places = pc.index_in(lists.flatten(), pa.array(kinds, pa.string()))
    rows = pc.list_parent_indices(lists)
    known = np.asarray(places.is_valid())
    found[np.asarray(rows)[known], np.asarray(places.drop_null())] = True
    return found


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which pairs are read."""

    kind: str | None
    since: datetime | None
    version: str


def _value(connection: Connection[Any], query: LiteralString) -> str:
    """The only value of a query; an empty text where there is none."""
    row = connection.execute(query).fetchone()
    return row[0] if row else ""


_NEWEST_SET = (
    "select p.algorithm_version from medley.training_pairs as p order by p.pair_id desc limit 1"
)
_TEXT_MODEL = """
select t.model_version
from medley.embedding_types as t
where t.embedding_type = 'text'
"""


class _About:
    """What is asked of the database once, for all pairs."""

    def __init__(self, connection: Connection[Any], chosen: _Chosen) -> None:
        self._owners = _read_owners(connection)
        self._kinds, self._log = _read_log(connection, chosen.since)
        self._weight = _weight(connection, chosen)
        self._text_model = _value(connection, _TEXT_MODEL)
        self._positive = {
            name
            for (name,) in connection.execute(
                "select k.kind from medley.engagement_kinds as k where k.polarity = 1"
            )
        }

    def batch(self, rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
        """Rows of export_training_pairs as a batch."""
        owners = np.array([self._owners.get(row["item_id"], 0) for row in rows], np.int64)
        times = np.array([row["interaction_at"].timestamp() for row in rows])
        rates = self._log.rates(owners, times, len(self._kinds) + 1)
        counts = [row["item_metadata"].get("counts", {}) for row in rows]
        columns: dict[str, Any] = {
            "pair_id": [row["pair_id"] for row in rows],
            "user_id": [str(row["user_id"]) for row in rows],
            "item_id": [str(row["item_id"]) for row in rows],
            "kind": [row["kind"] for row in rows],
            "label": [row["label"] for row in rows],
            "weight": [1.0 if row["label"] else self._weight for row in rows],
            "engagement": [row["engagement"] for row in rows],
            "engagements": [row["engagements"] for row in rows],
            "dwell_ms": [row["dwell_ms"] for row in rows],
            "position": [row["position"] for row in rows],
            "interaction_at": [row["interaction_at"] for row in rows],
            "title": [row["item_title"] for row in rows],
            "history": [json.dumps(row["user_history"]) for row in rows],
            "metadata": [json.dumps(row["item_metadata"]) for row in rows],
            "popularity": [
                sum(number for kind, number in count.items() if kind in self._positive)
                for count in counts
            ],
            "user_vector": [_parsed(row["user_embedding"]) for row in rows],
            "item_vector": [_parsed(row["item_embedding"]) for row in rows],
            "engaged_rate": rates[:, 0],
        }
        arrays = [pa.array(columns[field.name], field.type) for field in _COLUMNS]
        arrays += [pa.array(rates[:, 1 + place]) for place in range(len(self._kinds))]
        fields = [*_COLUMNS, *(pa.field(_RATE + kind, pa.float32()) for kind in self._kinds)]
        schema = pa.schema(fields, metadata={"text_model": self._text_model})
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


# Items come again and again, and a member is the same for all rows of a list.
@lru_cache(maxsize=4096)
def _parsed(vector: str | None) -> NDArray[np.float32] | None:
    """A vector as pgvector writes it."""
    return None if vector is None else np.fromstring(vector[1:-1], np.float32, sep=",")


def _read_log(connection: Connection[Any], since: datetime | None) -> tuple[tuple[str, ...], Log]:
    """The kinds that pairs name, and the log: 0 is any positive kind, 1 + i the i-th of the kinds.

    A member counts once for an item and a kind, at the first time; no owner for its own items.
    """
    kinds = tuple(
        name
        for (name,) in connection.execute(
            """
            select k.kind
            from medley.engagement_kinds as k
            where k.kind <> 'impression'
              and exists (select from medley.training_pairs as p where k.kind = any (p.engagements))
            order by k.kind
            """
        )
    )
    buffer = BytesIO()
    with (
        connection.cursor() as cursor,
        cursor.copy(
            f"""
            copy (
              with met as materialized (
                select
                  {_OWNER} as owner, e.user_no, e.item_no, k.kind, p.polarity,
                  extract(epoch from min(e.occurred_at)) as first_at
                from medley.engagements as e
                inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
                inner join medley.items as i on i.item_no = e.item_no
                left join medley.members as o on o.user_id = i.owner_id
                cross join lateral (
                  select medley.engagement_polarity(k.polarity, k.value_rule, e.value) as polarity
                ) as p
                where e.user_no is distinct from o.user_no
                  and e.occurred_at >= %(since)s::timestamptz - make_interval(days => %(days)s)
                group by owner, e.user_no, e.item_no, k.kind, p.polarity
              )

              select m.owner, -1 as kind, min(m.first_at) as first_at
              from met as m
              group by m.owner, m.user_no, m.item_no
              union all
              select m.owner, 0, min(m.first_at)
              from met as m
              where m.polarity = 1
              group by m.owner, m.user_no, m.item_no
              union all
              select m.owner, array_position(%(kinds)s::text[], m.kind), m.first_at
              from met as m
              where m.kind = any (%(kinds)s::text[])
            ) to stdout with (format csv)
            """,
            {
                "since": since or datetime(1970, 4, 1, tzinfo=UTC),
                "days": _HISTORY_DAYS,
                "kinds": list(kinds),
            },
        ) as blocks,
    ):
        for block in blocks:
            buffer.write(block)
    if buffer.tell() == 0:
        nothing = np.empty(0, np.int64)
        return kinds, Log(nothing, nothing, np.empty(0))
    buffer.seek(0)
    events = pyarrow.csv.read_csv(
        buffer,
        pyarrow.csv.ReadOptions(column_names=["owner", "kind", "first_at"]),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={"owner": pa.int64(), "kind": pa.int64(), "first_at": pa.float64()}
        ),
    )
    return kinds, Log(*(events[name].to_numpy() for name in ("owner", "kind", "first_at")))


def _read_owners(connection: Connection[Any]) -> dict[UUID, int]:
    """The number of each item's owner, as the log has it."""
    found = connection.execute(
        f"""
        select i.id, {_OWNER}
        from medley.items as i
        left join medley.members as o on o.user_id = i.owner_id
        where exists (select from medley.training_pairs as p where p.item_no = i.item_no)
        """
    )
    return dict(found.fetchall())


def _weight(connection: Connection[Any], chosen: _Chosen) -> float:
    """How many rows that were shown in vain stand behind each negative pair, on average."""
    row = connection.execute(
        """
        with pairs as materialized (
          select p.user_no, p.item_no, p.label, p.interaction_at
          from medley.training_pairs as p
          inner join medley.items as i on i.item_no = p.item_no
          where p.algorithm_version = %(version)s
            and (%(kind)s::text is null or i.kind = %(kind)s)
            and (%(since)s::timestamptz is null or p.interaction_at >= %(since)s)
        ),

        shown as (
          select distinct e.user_no, e.item_no
          from medley.engagements as e
          inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
          inner join medley.items as i on i.item_no = e.item_no
          where k.kind in ('impression', 'view')
            and (%(kind)s::text is null or i.kind = %(kind)s)
            and e.occurred_at >= (select min(p.interaction_at) from pairs as p)
            and e.occurred_at <= (select max(p.interaction_at) from pairs as p)
            and e.user_no in (select p.user_no from pairs as p)
        )

        select
          (
            select count(*)
            from shown as s
            where not exists (
              select
              from pairs as p
              where p.user_no = s.user_no and p.item_no = s.item_no and p.label
            )
          ),
          (select count(*) from pairs as p where not p.label)
        """,
        asdict(chosen),
    ).fetchone()
    shown, kept = row or (0, 0)
    return max(1.0, shown / kept) if kept else 1.0
