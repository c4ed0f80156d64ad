"""Neighbours by content, genre and embedding are those of a plain computation in Python."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.database import Database

Connection = psycopg.Connection[Any]
Feature = tuple[str, str]
# Item -> feature -> weight.
World = dict[int, dict[Feature, float]]
# Item -> neighbour -> weight.
Lists = dict[int, dict[int, float]]

KINDS = ("film", "song", "person")
TYPES = {"keyword": 1.0, "maker": 2.0, "mood": 0.5, "unused": 0.0}
SAME_KIND, ACROSS, MAX_FEATURE_ITEMS = 4, 2, 8
DIMS = 64


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A transaction that ends with the test, in a world of three kinds and short lists."""
    with psycopg.connect(database.cluster.url()) as opened:
        for kind in KINDS:
            opened.execute("select tests.make_kind(%s)", (kind,))
        for name, weight in TYPES.items():
            opened.execute(
                "insert into medley.feature_types (feature_type, weight) values (%s, %s) "
                "on conflict (feature_type) do update set weight = excluded.weight",
                (name, weight),
            )
        for key, value in (
            ("neighbors", SAME_KIND),
            ("neighbors_across", ACROSS),
            ("max_feature_items", MAX_FEATURE_ITEMS),
        ):
            opened.execute(
                "update medley.settings set value = %s where key = %s",
                (value, f"similarity.{key}"),
            )
        yield opened
        opened.rollback()


def make_items(connection: Connection, dice: random.Random, count: int) -> dict[int, str]:
    """Items of random kinds: their numbers with their kinds."""
    made = {}
    for n in range(count):
        kind = dice.choice(KINDS)
        ((number,),) = connection.execute(
            "insert into medley.items (kind, title) values (%s, %s) returning item_no",
            (kind, f"item {n}"),
        ).fetchall()
        made[number] = kind
    return made


def roll_features(dice: random.Random) -> dict[Feature, float]:
    """A few features of one item, some of them common."""
    found: dict[Feature, float] = {}
    for _ in range(dice.randint(0, 6)):
        feature_type = dice.choice(list(TYPES))
        value = str(int(12 * dice.random() ** 2))
        found[feature_type, value] = dice.choice((0.5, 1.0, 2.0))
    return found


def describe(connection: Connection, world: World) -> None:
    """Make the features of these items what the world says."""
    rows = [
        (item, *feature, weight)
        for item, features in world.items()
        for feature, weight in features.items()
    ]
    connection.execute(
        """
        select medley.replace_item_features(
          'tests',
          array(select i.id from medley.items as i where i.item_no = any(%s::int[])),
          array(
            select i.id from unnest(%s::int[]) with ordinality as u (item_no, place)
            inner join medley.items as i using (item_no) order by u.place
          ),
          %s::text[], %s::text[], %s::real[]
        )
        """,
        (list(world), *([row[n] for row in rows] for n in range(4))),
    )


def counts(world: World) -> Counter[Feature]:
    return Counter(feature for features in world.values() for feature in features)


def idf(count: int, total: int) -> float:
    return round(math.log(1 + (total - count + 0.5) / (count + 0.5)), 2)


def vectors(world: World, known: Counter[Feature], total: int) -> World:
    """Each item as a vector of length 1, by what was known of features when they were counted."""
    made: World = {}
    for item, features in world.items():
        vector = {
            feature: weight * TYPES[feature[0]] * idf(max(known[feature], 1), total)
            for feature, weight in features.items()
            if known[feature] <= MAX_FEATURE_ITEMS
        }
        length = math.sqrt(sum(value * value for value in vector.values()))
        made[item] = {f: value / length for f, value in vector.items() if value > 0}
    return made


def content_cosines(found: World) -> Lists:
    return {
        a: {
            b: cosine
            for b in found
            if b != a and (cosine := sum(v * found[b].get(f, 0) for f, v in found[a].items())) > 0
        }
        for a in found
    }


def stored(connection: Connection, method: str) -> Lists:
    """The current list of a method."""
    found: Lists = defaultdict(dict)
    for item, neighbor, weight in connection.execute(
        "select item_no, neighbor_no, weight from medley.item_neighbors "
        "where list_no = medley.current_list(%s)",
        (method,),
    ):
        found[item][neighbor] = weight
    return found


def check(found: Lists, all_weights: Lists, kinds: dict[int, str]) -> None:
    """Every list holds the best of each kind; which of several equals it holds is its choice."""
    assert set(found) <= set(all_weights)
    for item, weights in all_weights.items():
        check_list(found.get(item, {}), weights, kinds[item], kinds)


def check_list(
    found: dict[int, float], weights: dict[int, float], own: str, kinds: dict[int, str]
) -> None:
    for kind in KINDS:
        held = {n: w for n, w in found.items() if kinds[n] == kind}
        possible = sorted((w for n, w in weights.items() if kinds[n] == kind), reverse=True)
        best = possible[: SAME_KIND if kind == own else ACROSS]
        assert sorted(held.values(), reverse=True) == pytest.approx(best, abs=2e-5), kind
        for neighbor, weight in held.items():
            assert weight == pytest.approx(weights[neighbor], abs=2e-5), neighbor


def check_refreshed(
    before: Lists, after: Lists, weights: Lists, changed: set[int], kinds: dict[int, str]
) -> None:
    """Changed items have their best and entered the lists of those; all else is as it was."""
    assert set(after) <= set(weights)
    for item in weights:
        entered = {n for n in changed & set(after[item]) if item in after[n]}
        assert entered == {n for n in changed & set(weights) if item in after[n]}, item
        if item not in changed:
            expected = {n: w for n, w in before[item].items() if n not in changed}
            expected |= {n: weights[item][n] for n in entered}
            assert after[item] == pytest.approx(expected, abs=2e-5), item
        else:
            # Another changed item may stand here, behind the best, because it names this one.
            best = sorted(after[item].items(), key=lambda entry: -entry[1])
            kept: Counter[str] = Counter()
            own = {}
            for neighbor, weight in best:
                kept[kinds[neighbor]] += 1
                limit = SAME_KIND if kinds[neighbor] == kinds[item] else ACROSS
                if kept[kinds[neighbor]] <= limit:
                    own[neighbor] = weight
                else:
                    assert neighbor in changed, (item, neighbor)
            check_list(own, weights[item], kinds[item], kinds)


def rebuild(connection: Connection, method: str, block: int) -> None:
    while connection.execute(
        f"select medley.rebuild_{method}_neighbors(%s)", (block,)
    ).fetchall() == [(block,)]:
        pass


@pytest.mark.parametrize("seed", range(4))
def test_content_neighbors_are_exact_after_a_rebuild_and_for_changed_items(
    connection: Connection, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    kinds = make_items(connection, dice, 60)
    world = {item: roll_features(dice) for item in kinds}
    describe(connection, world)
    rebuild(connection, "content", 17)

    known = counts(world)
    total = sum(1 for features in world.values() if features)
    assert max(known.values()) > MAX_FEATURE_ITEMS, "the world has a feature that is too common"
    check(stored(connection, "content"), content_cosines(vectors(world, known, total)), kinds)

    # Until the next rebuild every feature keeps the idf that it had.
    for _ in range(3):
        changed = {item: roll_features(dice) for item in dice.sample(sorted(world), 7)}
        gone = dice.choice(sorted(set(world) - set(changed)))
        born = make_items(connection, dice, 2)
        changed |= {item: roll_features(dice) for item in born}
        kinds |= born
        world |= changed
        describe(connection, changed)
        connection.execute("delete from medley.items where item_no = %s", (gone,))
        del world[gone]
        before = stored(connection, "content")
        connection.execute("select medley.refresh_content_neighbors(1000)")
        after = stored(connection, "content")
        weights = content_cosines(vectors(world, known, total))
        check_refreshed(before, after, weights, set(changed) | {gone}, kinds)

    rebuild(connection, "content", 1000)
    known = counts(world)
    total = sum(1 for features in world.values() if features)
    check(stored(connection, "content"), content_cosines(vectors(world, known, total)), kinds)


@pytest.mark.parametrize("seed", range(3))
def test_genre_neighbors_are_exact(connection: Connection, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    kinds = make_items(connection, dice, 50)
    names = [f"genre {letter}" for letter in "abcdefgh"]
    world = {item: set(dice.sample(names, dice.randint(0, 3))) for item in kinds}
    for item, genres in world.items():
        if genres:
            connection.execute(
                "select medley.sync_item_genres(array_fill(i.id, array[%s]), %s) "
                "from medley.items as i where i.item_no = %s",
                (len(genres), sorted(genres), item),
            )
    edges = {tuple(dice.sample(names, 2)): dice.random() for _ in range(8)}
    for (a, b), relatedness in edges.items():
        connection.execute(
            "insert into medley.genre_similarity_edges "
            "values (tests.genre(%s), tests.genre(%s), 1, %s, 1, 1)",
            (a, b, relatedness),
        )
    rebuild(connection, "genre", 7)

    items = {item: genres for item, genres in world.items() if genres}
    number = Counter(genre for genres in items.values() for genre in genres)

    def alike(a: str, b: str) -> float:
        if a == b:
            return 1.0
        return 0.5 * max(edges.get((a, b), 0), edges.get((b, a), 0))

    def product(a: set[str], b: set[str]) -> float:
        return sum(
            idf(number[g], len(items)) * alike(g, h) * idf(number[h], len(items))
            for g in a
            for h in b
        )

    weights = {
        a: {
            b: min(weight / math.sqrt(product(items[a], items[a]) * product(items[b], items[b])), 1)
            for b in items
            if b != a and (weight := product(items[a], items[b])) > 0
        }
        for a in items
    }
    check(stored(connection, "genre"), weights, kinds)


@pytest.mark.parametrize("exact", [True, False])
def test_embedding_neighbors_are_the_nearest_of_the_active_model(
    connection: Connection, exact: bool
) -> None:
    dice = random.Random(7)  # noqa: S311
    kinds = make_items(connection, dice, 60)
    connection.execute(
        "update medley.settings set value = %s where key = 'similarity.exact_embeddings'",
        (1000 if exact else 0,),
    )
    if not exact:
        # Sixty vectors alone would not make the planner use the index.
        connection.execute("set local enable_seqscan = off; set local enable_sort = off")
    connection.execute(
        "insert into medley.embedding_types (embedding_type, model_version, dims, taste_rank) "
        "values ('first', 'm2', %s, 1), ('second', 'm1', %s, 2)",
        (DIMS, DIMS),
    )
    places: dict[str, dict[int, list[float]]] = {"first": {}, "second": {}}
    for item in kinds:
        has = dice.choice(("first", "second", "both", "old"))
        rows = [("first", "m1")] if has == "old" else []
        rows += [("first", "m2")] if has in ("first", "both") else []
        rows += [("second", "m1")] if has in ("second", "both") else []
        for name, model in rows:
            place = [dice.gauss(0, 1) for _ in range(DIMS)]
            length = math.sqrt(sum(x * x for x in place))
            place = [x / length for x in place]
            connection.execute(
                "insert into medley.content_embeddings "
                "(item_no, embedding_type, model_version, dims, embedding_64) "
                "values (%s, %s, %s, %s, %s::float8[]::extensions.vector)",
                (item, name, model, DIMS, place),
            )
            if has != "old":
                places[name][item] = place
    rebuild(connection, "embedding", 13)

    weights: Lists = {}
    for name in ("second", "first"):
        for a, place in places[name].items():
            weights[a] = {
                b: cosine
                for b, other in places[name].items()
                if b != a and (cosine := sum(x * y for x, y in zip(place, other, strict=True))) > 0
            }
    check(stored(connection, "embedding"), weights, kinds)
