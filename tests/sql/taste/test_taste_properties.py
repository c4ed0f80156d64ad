"""Taste against other formulations of the same, and on worlds whose groups are planted."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database import Database

GROUPS, ITEMS, MEMBERS = 4, 80, 240
Connection = psycopg.Connection[Any]


def is_core(module: Any) -> bool:
    return bool(module.is_core)


@pytest.fixture(scope="module")
def taste(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A database of its own, without packs."""
    with new_database(name="taste", include=is_core) as made:
        made.execute("insert into medley.item_kinds values ('thing', false, 'For tests.')")
        yield made


@pytest.fixture
def connection(taste: Database) -> Iterator[Connection]:
    """A transaction that is rolled back."""
    with psycopg.connect(taste.cluster.url()) as opened:
        yield opened
        opened.rollback()


def rows(connection: Connection, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    return connection.execute(query, parameters or None).fetchall()


def make_items(connection: Connection, count: int) -> dict[UUID, int]:
    """Items by id, with their numbers in order."""
    return dict(
        rows(
            connection,
            "insert into medley.items (kind, title) select 'thing', 't' || n "
            "from generate_series(1, %s) as n returning id, item_no",
            count,
        )
    )


def plant(connection: Connection, seed: int) -> dict[str, dict[int, int]]:
    """Items and members in groups, and affinities that stay within them nine times of ten."""
    chance = Random(seed)  # noqa: S311
    items = sorted(make_items(connection, ITEMS).values())
    users = [uuid4() for _ in range(MEMBERS)]
    connection.execute(
        "insert into auth.users (id, aud, role, email) "
        "select u, 'authenticated', 'authenticated', u || '@example.com' from unnest(%s::uuid[]) as u",
        (users,),
    )
    members = [
        n for (n,) in rows(connection, "select user_no from medley.member_numbers(%s)", users)
    ]
    of_item = {item: place % GROUPS for place, item in enumerate(items)}
    of_member = {member: place % GROUPS for place, member in enumerate(members)}
    likes = {
        (member, chance.choice(items) if chance.random() < 0.1 else own[chance.randrange(len(own))])
        for member, group in of_member.items()
        for own in [[item for item in items if of_item[item] == group]]
        for _ in range(10)
    }
    connection.cursor().executemany(
        "insert into medley.affinities (user_no, item_no, score, half_life_days, last_at, positive_at) "
        "values (%s, %s, 3, 30, now(), now())",
        sorted(likes),
    )
    connection.execute(
        "insert into medley.member_activity (user_no, last_engaged_at, engagements) "
        "select u, now(), 1 from unnest(%s::int[]) as u",
        (members,),
    )
    return {"items": of_item, "members": of_member}


def behavior(connection: Connection) -> dict[int, list[float]]:
    found = rows(
        connection,
        "select e.item_no, e.embedding_64::real[] from medley.content_embeddings as e "
        "inner join medley.embedding_types as t using (embedding_type, model_version) "
        "where e.embedding_type = 'behavior'",
    )
    return dict(found)


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_idf_and_weights_are_the_formula(connection: Connection) -> None:
    chance = Random(1)  # noqa: S311
    items = make_items(connection, 60)
    world = {
        item: {chance.choice("aabbbcdefghijk"): chance.randint(1, 4) for _ in range(4)}
        for item in items
    }
    connection.execute(
        "insert into medley.feature_types (feature_type, weight) values ('letter', 3)"
    )
    entries = [
        (item, value, weight) for item, own in world.items() for value, weight in own.items()
    ]
    connection.execute(
        "select medley.replace_item_features('tests', %s::uuid[], %s::uuid[], "
        "array_fill('letter'::text, array[%s]), %s::text[], %s::real[], array_fill(0.5::real, array[%s]))",
        (
            list(items),
            [entry[0] for entry in entries],
            len(entries),
            [entry[1] for entry in entries],
            [entry[2] for entry in entries],
            len(entries),
        ),
    )
    connection.execute("select medley.refresh_feature_statistics()")

    counts: dict[str, int] = defaultdict(int)
    for own in world.values():
        for value in own:
            counts[value] += 1
    total = len(world)
    idf = {v: math.log((total + 1) / (n + 0.5)) for v, n in counts.items()}
    stored = rows(
        connection,
        "select feature_value, item_count, idf from medley.features where feature_type = 'letter'",
    )
    assert {value: count for value, count, _ in stored} == counts
    assert {value: found for value, _, found in stored} == pytest.approx(idf, abs=0.0051)

    found = {
        (item_no, value): weight
        for item_no, value, weight in rows(
            connection,
            "select w.item_no, f.feature_value, w.value from medley.item_feature_weights as w "
            "inner join medley.features as f using (feature_no)",
        )
    }
    rounded = {value: entry for value, _, entry in stored}
    assert found == pytest.approx(
        {
            (items[i], v): w * 0.5 * 3 * rounded[v]
            for i, own in world.items()
            for v, w in own.items()
        },
        rel=1e-5,
    )

    # Cosine over the view, and over dictionaries.
    first, second = list(world)[:2]
    a, b = ({v: w * rounded[v] for v, w in world[item].items()} for item in (first, second))
    expected = (
        sum(a[v] * b.get(v, 0) for v in a) / math.hypot(*a.values()) / math.hypot(*b.values())
    )
    ((cosine,),) = rows(
        connection,
        "select coalesce(sum(a.value * b.value), 0) / min(n.length) from medley.item_feature_weights as a "
        "inner join medley.item_feature_weights as b using (feature_no) cross join lateral ("
        "  select sqrt(sum(x.value * x.value) filter (where x.item_no = a.item_no))"
        "    * sqrt(sum(x.value * x.value) filter (where x.item_no = b.item_no)) as length"
        "  from medley.item_feature_weights as x) as n where a.item_no = %s and b.item_no = %s",
        items[first],
        items[second],
    )
    assert (cosine or 0) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", [1, 2, 5, 64])
def test_the_inverse_factor_makes_columns_orthonormal(connection: Connection, size: int) -> None:
    chance = Random(size)  # noqa: S311
    columns = [[chance.gauss(0, 1) for _ in range(size + 3)] for _ in range(size)]
    if size > 2:
        columns[2] = [x + 2 * y for x, y in zip(columns[0], columns[1], strict=True)]
    gram = [dot(a, b) for a in columns for b in columns]
    ((flat,),) = rows(connection, "select medley.inverse_cholesky(%s::float8[])", gram)
    inverse = [flat[i * size : (i + 1) * size] for i in range(size)]
    made = [
        [sum(row[j] * columns[j][n] for j in range(size)) for n in range(size + 3)]
        for row in inverse
    ]
    for i in range(size):
        for j in range(size):
            dropped = size > 2 and 2 in (i, j)
            expected = 1 if i == j and not dropped else 0
            assert dot(made[i], made[j]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", [1, 2])
def test_spectral_vectors_and_clusters_find_planted_groups(
    connection: Connection, seed: int
) -> None:
    world = plant(connection, seed)
    ((count,),) = rows(connection, "select medley.rebuild_spectral_embeddings()")
    places = behavior(connection)
    assert count == len(places) == ITEMS

    within, between = [], []
    for item, place in places.items():
        assert dot(place, place) == pytest.approx(1, abs=1e-4)
        for other in places:
            if other > item:
                same = world["items"][item] == world["items"][other]
                (within if same else between).append(dot(place, places[other]))
    assert sum(within) / len(within) > 0.5 + sum(between) / len(between)

    connection.execute(
        "update medley.settings set value = %s where key = 'taste.clusters'", (GROUPS,)
    )
    connection.execute(
        "select medley.refresh_taste_vectors(100000), medley.rebuild_user_clusters()"
    )
    for kind in ("behavior_based", "taste_based"):
        clusters: dict[int, list[int]] = defaultdict(list)
        for user_no, cluster_no in rows(
            connection,
            "select user_no, cluster_no from medley.user_clusters where cluster_type = %s",
            kind,
        ):
            clusters[cluster_no].append(world["members"][user_no])
        assert sum(map(len, clusters.values())) == MEMBERS
        purity = sum(max(map(own.count, set(own))) for own in clusters.values()) / MEMBERS
        assert len(clusters) == GROUPS
        assert purity > 0.9


def test_a_rebuild_from_the_same_affinities_gives_the_same_vectors(connection: Connection) -> None:
    plant(connection, 3)
    connection.execute("select medley.rebuild_spectral_embeddings()")
    before = behavior(connection)
    connection.execute("select medley.rebuild_spectral_embeddings()")
    after = behavior(connection)
    assert before.keys() == after.keys()
    for item, place in before.items():
        assert dot(place, after[item]) == pytest.approx(1, abs=1e-3)


def test_taste_vectors_are_the_mean_of_what_a_member_likes(connection: Connection) -> None:
    plant(connection, 4)
    connection.execute(
        "select medley.rebuild_spectral_embeddings(), medley.refresh_taste_vectors(100000)"
    )
    places = behavior(connection)
    likes = defaultdict(list)
    for user_no, item_no in rows(connection, "select user_no, item_no from medley.affinities"):
        likes[user_no].append(places[item_no])
    stored = dict(
        rows(connection, "select user_no, embedding_64::real[] from medley.user_taste_vectors")
    )
    assert stored.keys() == likes.keys()
    for user_no, own in likes.items():
        mean = [sum(column) / len(own) for column in zip(*own, strict=True)]
        assert dot(mean, stored[user_no]) / math.hypot(*mean) == pytest.approx(1, abs=1e-4)


def test_a_rebuild_that_is_killed_leaves_the_former_vectors(taste: Database) -> None:
    with psycopg.connect(taste.cluster.url()) as connection:
        plant(connection, 5)
    taste.execute("select medley.rebuild_spectral_embeddings()")
    query = "select item_no, model_version, embedding_64::text from medley.content_embeddings order by 1"
    before = taste.rows(query)
    # The rebuild waits at its last step, and dies there.
    with taste.connect() as holder, psycopg.connect(taste.cluster.url()) as rebuild:
        holder.execute("begin")
        holder.execute("lock table medley.embedding_types in share mode")
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(rebuild.execute, "select medley.rebuild_spectral_embeddings()")
            while not taste.value("select pg_blocking_pids(%s)", rebuild.info.backend_pid):
                assert not running.done(), "the rebuild did not wait"
            assert taste.rows(query) == before, "readers see the former vectors meanwhile"
            taste.execute("select pg_terminate_backend(%s)", rebuild.info.backend_pid)
            with pytest.raises(psycopg.OperationalError):
                running.result()
        holder.execute("rollback")
    assert taste.rows(query) == before
    assert taste.value("select count(*) from medley.spectral_items") == 0
    assert taste.value("select medley.rebuild_spectral_embeddings()") == len(before)


def test_writers_of_overlapping_features_in_any_order_do_not_deadlock(taste: Database) -> None:
    with psycopg.connect(taste.cluster.url()) as connection:
        items = list(make_items(connection, 30))

    def write(seed: int) -> None:
        chance = Random(seed)  # noqa: S311
        for _ in range(5):
            mine = chance.sample(items, 20)
            with psycopg.connect(taste.cluster.url()) as connection:
                connection.execute(
                    "select medley.replace_item_features('crowd', %s::uuid[], %s::uuid[], "
                    "array_fill('word'::text, array[20]), %s::text[])",
                    (mine, mine, [f"w{chance.randrange(40)}" for _ in mine]),
                )

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    most = (
        "select max(n) from (select count(*) as n from medley.content_features "
        "where source = 'crowd' group by item_no) as c"
    )
    assert taste.value(most) == 1
