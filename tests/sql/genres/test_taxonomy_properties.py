"""Properties of keys, of the graph of parents, and of paths, over made-up inputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.database import Database

CORE = ("core/foundation", "core/ops", "core/identity", "core/items", "core/genres")
MAX_DEPTH, MAX_PATHS = 5, 8

Edge = tuple[int, int]
Graph = dict[int, set[int]]

relaxed = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# Text that PostgreSQL can hold: no NUL, no lone surrogates.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
names = st.integers(min_value=0, max_value=7)
edges = st.tuples(names, names)
confidences = st.sampled_from((0.2, 0.5, 0.8, 1.0))


@pytest.fixture(scope="module")
def connection(
    new_database: Callable[..., AbstractContextManager[Database]],
) -> Iterator[psycopg.Connection[Any]]:
    """A session of its own on a database without packs; each example rolls back."""
    with (
        new_database(name="taxonomy", include=lambda m: m.folder in CORE) as made,
        psycopg.connect(made.cluster.url()) as opened,
    ):
        # Values are spelt out: the examples are many and small.
        opened.execute("set plan_cache_mode = force_custom_plan")
        opened.commit()
        yield opened


@pytest.fixture
def ids(connection: psycopg.Connection[Any]) -> Iterator[dict[int, Any]]:
    """Eight genres, and nothing else in the taxonomy."""
    connection.execute("select tests.clear_taxonomy()")
    yield {
        n: connection.execute("select public.upsert_genre(%s)", (f"g{n}",)).fetchone()[0]  # type: ignore[index]
        for n in range(8)
    }
    connection.rollback()


def one(connection: psycopg.Connection[Any], query: str, *arguments: object) -> Any:
    row = connection.execute(query, arguments).fetchone()
    assert row is not None
    return row[0]


def refusal_of(
    connection: psycopg.Connection[Any], statement: str, *arguments: object
) -> str | None:
    """The SQLSTATE that the statement fails with, undone; None when it succeeds."""
    try:
        with connection.transaction():
            connection.execute(statement, arguments)
    except psycopg.Error as error:
        return error.sqlstate
    return None


def above(graph: Graph, node: int) -> set[int]:
    """Everything above a node, by plain search."""
    seen: set[int] = set()
    waiting = list(graph[node])
    while waiting:
        parent = waiting.pop()
        if parent not in seen:
            seen.add(parent)
            waiting.extend(graph[parent])
    return seen


def acyclic(candidates: list[Edge]) -> list[Edge]:
    """The edges that can be added one after the other."""
    graph: Graph = defaultdict(set)
    kept = []
    for child, parent in candidates:
        if child != parent and child not in above(graph, parent) and parent not in graph[child]:
            graph[child].add(parent)
            kept.append((child, parent))
    return kept


@relaxed
@given(raw=texts)
def test_a_key_is_its_own_key_and_makes_a_slug(
    connection: psycopg.Connection[Any], raw: str
) -> None:
    key = one(connection, "select public.normalize_genre_key(%s)", raw)
    assert one(connection, "select public.normalize_genre_key(%s)", key) == key
    assert key == key.strip()
    slug = one(connection, "select medley.genre_slug(%s)", key)
    assert slug
    assert not set(slug) & set(" ._/&+\t\n")
    assert not slug.startswith("-")
    assert not slug.endswith("-")


@relaxed
@given(raw=st.lists(st.one_of(texts, st.none()), max_size=8))
def test_upserting_names_gives_one_genre_a_key(
    connection: psycopg.Connection[Any], raw: list[str | None]
) -> None:
    with connection.transaction(force_rollback=True):
        query = "select raw, genre_id from medley.upsert_genres(%s::text[])"
        first = dict(connection.execute(query, (raw,)).fetchall())
        assert first == dict(connection.execute(query, (list(reversed(raw)),)).fetchall())
        key_of = dict(
            connection.execute(
                "select raw, genre_key from medley.genre_keys(%s::text[])", (raw,)
            ).fetchall()
        )
        assert set(first) == set(key_of)
        assert all(
            (first[a] == first[b]) == (key_of[a] == key_of[b]) for a in key_of for b in key_of
        )


@relaxed
@given(candidates=st.lists(edges, max_size=20))
def test_edges_are_refused_exactly_when_they_close_a_cycle(
    connection: psycopg.Connection[Any], ids: dict[int, Any], candidates: list[Edge]
) -> None:
    graph: Graph = defaultdict(set)
    with connection.transaction(force_rollback=True):
        for child, parent in candidates:
            closes = child == parent or child in above(graph, parent)
            for statement in (
                "select public.genre_taxonomy_assert_dag(%s, %s)",
                "insert into public.genre_parent (child_id, parent_id) values (%s, %s) "
                "on conflict do nothing",
            ):
                refusal = refusal_of(connection, statement, ids[child], ids[parent])
                # The check of the table speaks before the trigger where both ends are one.
                expected = {"PT409", "23514"} if child == parent else {"PT409"}
                assert refusal in (expected if closes else {None})
            if not closes:
                graph[child].add(parent)


@relaxed
@given(candidates=st.lists(edges, max_size=12))
def test_a_batch_of_edges_is_refused_exactly_when_it_holds_a_cycle(
    connection: psycopg.Connection[Any], ids: dict[int, Any], candidates: list[Edge]
) -> None:
    batch = sorted({(child, parent) for child, parent in candidates if child != parent})
    graph: Graph = defaultdict(set)
    for child, parent in batch:
        graph[child].add(parent)
    cyclic = any(node in above(graph, node) for node in list(graph))
    with connection.transaction(force_rollback=True):
        refusal = refusal_of(
            connection,
            "insert into public.genre_parent (child_id, parent_id) "
            "select * from unnest(%s::uuid[], %s::uuid[])",
            [ids[child] for child, _ in batch],
            [ids[parent] for _, parent in batch],
        )
    assert refusal == ("PT409" if cyclic else None)


def all_paths(graph: Graph, roots: set[int]) -> dict[int, set[str]]:
    """Every way from a root down to a node, by plain search."""
    children: Graph = defaultdict(set)
    for child, parents in graph.items():
        for parent in parents:
            children[parent].add(child)
    found: dict[int, set[str]] = defaultdict(set)
    waiting: list[tuple[int, tuple[int, ...]]] = [(root, (root,)) for root in roots]
    while waiting:
        node, way = waiting.pop()
        found[node].add(".".join(f"g{step}" for step in way))
        if len(way) <= MAX_DEPTH:
            waiting.extend((child, (*way, child)) for child in children[node])
    return found


@relaxed
@given(
    candidates=st.lists(edges, max_size=24),
    roots=st.sets(names, max_size=3),
    weights=st.lists(confidences, min_size=24, max_size=24),
)
def test_paths_are_all_ways_down_or_the_best_of_them(
    connection: psycopg.Connection[Any],
    ids: dict[int, Any],
    candidates: list[Edge],
    roots: set[int],
    weights: list[float],
) -> None:
    kept = acyclic(candidates)
    graph: Graph = defaultdict(set)
    for child, parent in kept:
        graph[child].add(parent)
    expected = all_paths(graph, roots)
    with connection.transaction(force_rollback=True):
        connection.execute(
            "insert into public.genre_taxonomy_roots select unnest(%s::uuid[])",
            ([ids[root] for root in roots],),
        )
        connection.execute(
            "insert into public.genre_parent (child_id, parent_id, confidence) "
            "select * from unnest(%s::uuid[], %s::uuid[], %s::float8[])",
            (
                [ids[child] for child, _ in kept],
                [ids[parent] for _, parent in kept],
                weights[: len(kept)],
            ),
        )
        connection.execute("select medley.rebuild_genre_paths()")
        rows = connection.execute(
            "select genre_id, path_slug, depth, is_primary, ancestor_nos, path_no "
            "from public.genre_paths"
        ).fetchall()

    slug_of = {path_no: slug for _, slug, _, _, _, path_no in rows}
    by_genre: dict[int, list[tuple[str, int, bool]]] = defaultdict(list)
    number_of = {id_: n for n, id_ in ids.items()}
    for genre_id, slug, depth, is_primary, ancestor_nos, _ in rows:
        by_genre[number_of[genre_id]].append((slug, depth, is_primary))
        segments = slug.split(".")
        prefixes = [".".join(segments[: n + 1]) for n in range(len(segments))]
        assert [slug_of[number] for number in ancestor_nos] == prefixes
        assert depth == len(segments) - 1

    crowded = any(len(paths) > MAX_PATHS for paths in expected.values())
    assert set(by_genre) == set(expected)
    for node, paths in by_genre.items():
        found = {slug for slug, _, _ in paths}
        assert found <= expected[node]
        assert len(found) <= MAX_PATHS
        assert crowded or found == expected[node]
        ((primary_depth,),) = [[depth] for _, depth, is_primary in paths if is_primary]
        assert primary_depth == min(path.count(".") for path in expected[node])


@relaxed
@given(
    bags=st.lists(st.sets(names, min_size=1, max_size=4), max_size=20),
    candidates=st.lists(edges, max_size=6),
    roots=st.sets(names, max_size=2),
)
def test_whatever_the_data_a_rebuild_succeeds_twice_and_never_moves_curated_genres(
    connection: psycopg.Connection[Any],
    ids: dict[int, Any],
    bags: list[set[int]],
    candidates: list[Edge],
    roots: set[int],
) -> None:
    curated = acyclic(candidates)
    with connection.transaction(force_rollback=True):
        for number, bag in enumerate(bags):
            connection.execute(
                "select tests.make_genre_item(%s, %s)", (str(number), [f"g{n}" for n in bag])
            )
        connection.execute(
            "insert into public.genre_taxonomy_roots select unnest(%s::uuid[])",
            ([ids[root] for root in roots],),
        )
        connection.execute(
            "insert into public.genre_parent (child_id, parent_id) "
            "select * from unnest(%s::uuid[], %s::uuid[])",
            ([ids[child] for child, _ in curated], [ids[parent] for _, parent in curated]),
        )
        # The trigger on genre_parent would raise if an induced edge closed a cycle.
        connection.execute("select medley.rebuild_genre_taxonomy()")
        state = (
            "select child_id, parent_id, confidence, source, generation from public.genre_parent "
            "order by 1, 2"
        )
        first = connection.execute(state).fetchall()
        connection.execute("select medley.rebuild_genre_taxonomy()")
        assert connection.execute(state).fetchall() == first

    moved = {ids[child] for child, _ in curated} | {ids[root] for root in roots}
    assert {(child, parent) for child, parent, _, source, _ in first if source == "curated"} == {
        (ids[child], ids[parent]) for child, parent in curated
    }
    assert not {child for child, _, _, source, _ in first if source == "induced"} & moved
