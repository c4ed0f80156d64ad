"""Neighbours by behaviour are those of a plain computation in Python, rebuilt or refreshed."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
import pytest

from tests.database import Database

# Member -> items that the member likes.
Likes = dict[int, set[int]]
# Item -> neighbour -> weight.
Lists = dict[int, dict[int, float]]

MEMBERS, ITEMS = 80, 20
SHRINKAGE, RIDGE, DAMPING, STEPS = 10.0, 20.0, 0.1, 5
RUN = "call medley.run_job('rebuild_behavior_neighbors')"
WAITING = "select exists (select from pg_locks where not granted)"


@pytest.fixture(scope="module")
def world(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A database of its own with members m1 to m80 and films f1 to f20: these tests commit."""
    with new_database(name="behavior") as made:
        made.execute("alter role postgres set search_path = tests, extensions, public")
        made.execute("select make_kind('film')")
        made.execute("select make_members(%s)", MEMBERS)
        made.execute("select make_items('film', 'f', %s)", ITEMS)
        yield made


@pytest.fixture
def empty(world: Database) -> Database:
    """The same before anybody did anything."""
    for table in (
        "engagements",
        "affinities",
        "member_activity",
        "item_neighbors",
        "packed_neighbors",
    ):
        world.execute(f"delete from medley.{table} where true")
    world.execute("delete from medley.neighbor_lists where true")
    world.execute("truncate medley.behavior_items, medley.behavior_histories")
    world.execute("update medley.jobs set batch_size = 500 where name like 'rebuild%'")
    world.execute("delete from medley.job_runs where true")
    return world


def like(database: Database, likes: Likes, kind: str = "like") -> None:
    """Log that these members like these items: f<n> by number."""
    with database.connect() as connection, connection.transaction():
        for member, items in likes.items():
            for item in items:
                connection.execute(
                    "select engage(%s, %s, %s, '1 hour')", (f"m{member}", f"f{item}", kind)
                )


def roll(dice: random.Random, members: int = MEMBERS) -> Likes:
    """Two tastes and some noise: items that go together, and a few that nobody likes."""
    found: Likes = defaultdict(set)
    for member in range(1, members + 1):
        taste = range(1, 10) if member % 2 else range(8, 18)
        found[member] = set(dice.sample(taste, dice.randint(1, 6)))
        if dice.random() < 0.3:
            found[member].add(dice.randint(1, 18))
    return found


@contextmanager
def setting(database: Database, key: str, value: float) -> Iterator[None]:
    """A setting with another value meanwhile."""
    before = database.value("select value from medley.settings where key = %s", key)
    change = "update medley.settings set value = %s where key = %s"
    database.execute(change, value, key)
    try:
        yield
    finally:
        database.execute(change, before, key)


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """The exact solution, by elimination with pivots."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for k in range(size):
        pivot = max(range(k, size), key=lambda n: abs(rows[n][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for n in range(size):
            if n != k:
                factor = rows[n][k] / rows[k][k]
                rows[n] = [a - factor * b for a, b in zip(rows[n], rows[k], strict=True)]
    return [rows[k][size] / rows[k][k] for k in range(size)]


def descend(matrix: list[list[float]], right: list[float], steps: int) -> list[float]:
    """Conjugate gradients, as in the textbook."""
    size = len(right)
    found, residual, direction = [0.0] * size, list(right), list(right)
    norm = math.fsum(r * r for r in residual)
    for _ in range(steps):
        if norm < 1e-12:
            break
        product = [math.fsum(a * d for a, d in zip(row, direction, strict=True)) for row in matrix]
        step = norm / math.fsum(d * p for d, p in zip(direction, product, strict=True))
        found = [x + step * d for x, d in zip(found, direction, strict=True)]
        residual = [r - step * p for r, p in zip(residual, product, strict=True)]
        last, norm = norm, math.fsum(r * r for r in residual)
        direction = [r + norm / last * d for r, d in zip(residual, direction, strict=True)]
    return found


def neighbors(likes: Likes, steps: int = STEPS) -> tuple[Lists, Lists]:
    """What behavior_neighbors_of should say of every item: ridge weights and shrunk cosines."""
    who: dict[int, set[int]] = defaultdict(set)
    for member, items in likes.items():
        for item in items:
            who[item].add(member)
    weights: Lists = {}
    cosines: Lists = {}
    for item, members in who.items():
        others = [n for n in who if n != item and who[n] & members]
        cosines[item] = {
            n: len(who[n] & members)
            / math.sqrt((len(members) + SHRINKAGE) * (len(who[n]) + SHRINKAGE))
            for n in others
        }
        if not others:
            weights[item] = {}
            continue
        scale = {n: 1 / math.sqrt(len(who[n]) + RIDGE * math.sqrt(len(who[n]))) for n in others}
        matrix = [
            [1.0 if a == b else len(who[a] & who[b]) * scale[a] * scale[b] for b in others]
            for a in others
        ]
        right = [len(who[n] & members) * scale[n] for n in others]
        solved = descend(matrix, right, steps)
        weights[item] = {
            n: x * scale[n] * len(members) ** -DAMPING for n, x in zip(others, solved, strict=True)
        }
    return weights, cosines


def numbers(database: Database) -> dict[int, int]:
    """Item numbers in the database by the numbers in the titles."""
    return {
        int(title[1:]): item_no
        for title, item_no in database.rows("select title, item_no from medley.items")
    }


def computed(database: Database, item: int) -> tuple[dict[int, float], dict[int, float]]:
    """What the database says of one item now."""
    by_number = {item_no: n for n, item_no in numbers(database).items()}
    rows = database.rows("select * from medley.behavior_neighbors_of(%s)", numbers(database)[item])
    return (
        {by_number[neighbor]: weight for neighbor, weight, _ in rows},
        {by_number[neighbor]: cosine for neighbor, _, cosine in rows},
    )


def stored(database: Database, method: str) -> dict[tuple[int, int], float]:
    """The current list of a method, by titles' numbers; packed it says the same."""
    assert database.rows("select * from tests.packed_otherwise()") == []
    return {
        (a, b): weight
        for a, b, weight in database.rows(
            "select substr(a.title, 2)::int, substr(b.title, 2)::int, n.weight "
            "from medley.item_neighbors as n "
            "inner join medley.items as a on a.item_no = n.item_no "
            "inner join medley.items as b on b.item_no = n.neighbor_no "
            "where n.list_no = medley.current_list(%s)",
            method,
        )
    }


def close(found: dict[Any, float], wanted: dict[Any, float]) -> None:
    """Both hold the same keys and, up to the precision of real, the same numbers."""
    assert set(found) == set(wanted)
    for key, weight in wanted.items():
        assert found[key] == pytest.approx(weight, rel=2e-3, abs=2e-5), key


@pytest.mark.parametrize("seed", range(3))
def test_neighbors_are_those_of_a_plain_ridge(empty: Database, seed: int) -> None:
    likes = roll(random.Random(seed))  # noqa: S311
    like(empty, likes)
    empty.execute("select medley.rebuild_behavior_neighbors(1000)")
    weights, cosines = neighbors(likes)
    for item in weights:
        found = computed(empty, item)
        close(found[0], weights[item])
        close(found[1], cosines[item])
    # In the list a row says: who likes the first should be shown the second.
    close(
        stored(empty, "behavior"),
        {(n, i): w for i, row in weights.items() for n, w in row.items() if abs(w) > 0.0005},
    )
    close(
        stored(empty, "cosine"), {(i, n): w for i, row in cosines.items() for n, w in row.items()}
    )


def test_enough_steps_give_the_exact_ridge(empty: Database) -> None:
    likes = roll(random.Random(11))  # noqa: S311
    like(empty, likes)
    empty.execute("select medley.rebuild_behavior_neighbors(1000)")
    empty.execute("update medley.settings set value = 50 where key = 'behavior.ridge_steps'")
    try:
        close(computed(empty, 9)[0], neighbors(likes, 200)[0][9])
    finally:
        empty.execute("update medley.settings set value = 5 where key = 'behavior.ridge_steps'")


@pytest.mark.parametrize("size", [1, 2, 7, 25])
def test_solve_ridge_converges_to_the_exact_solution(database: Database, size: int) -> None:
    dice = random.Random(size)  # noqa: S311
    factors = [[dice.uniform(0, 1) for _ in range(size + 3)] for _ in range(size)]
    gram = [[math.fsum(a * b for a, b in zip(x, y, strict=True)) for y in factors] for x in factors]
    for n in range(size):
        gram[n][n] += size
    matrix = [
        [gram[a][b] / math.sqrt(gram[a][a] * gram[b][b]) for b in range(size)] for a in range(size)
    ]
    right = [dice.uniform(-1, 1) for _ in range(size)]

    def ask(steps: int) -> list[float]:
        found: list[float] = database.value(
            "select medley.solve_ridge("
            "  %s::text[]::extensions.vector[], %s::extensions.vector, %s)::real[]",
            [str(row) for row in matrix],
            str(right),
            steps,
        )
        return found

    assert ask(60) == pytest.approx(solve(matrix, right), abs=2e-4)
    assert ask(2) == pytest.approx(descend(matrix, right, 2), abs=2e-4)
    assert ask(0) == [0] * size


def test_solve_ridge_ends_where_there_is_nothing_to_gain(database: Database) -> None:
    ask = (
        "select medley.solve_ridge("
        "  %s::text[]::extensions.vector[], %s::extensions.vector, 20)::real[]"
    )
    assert database.value(ask, ["[1,0]", "[0,1]"], "[0,0]") == [0, 0]
    # No solution lies downhill of an indefinite matrix; the answer is finite all the same.
    found = database.value(ask, ["[1,3]", "[3,1]"], "[1,-1]")
    assert all(math.isfinite(value) for value in found)


@pytest.mark.parametrize("seed", range(3))
def test_a_refresh_gives_moved_items_what_a_rebuild_gives(empty: Database, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    likes = roll(dice, MEMBERS - 10)
    like(empty, likes)
    empty.execute("select medley.rebuild_behavior_neighbors(1000)")
    empty.execute(
        "update medley.member_activity set last_written_at = now() - interval '1 day' where true"
    )
    empty.execute("update medley.settings set value = 0 where key = 'behavior.moved_share'")
    try:
        before = stored(empty, "behavior")
        # New members, a known one with more, one whose mind changes, an item nobody had liked.
        news: Likes = {n: set(dice.sample(range(1, 6), 3)) for n in range(MEMBERS - 9, MEMBERS - 4)}
        news[1] = {2, 19}
        news[MEMBERS - 9].add(19)
        like(empty, news)
        dropped = min(likes[2])
        like(empty, {2: {dropped}}, "not_interested")
        moved = {item for m, items in news.items() for item in items - likes[m]} | {dropped}
        for member, items in news.items():
            likes[member] = likes[member] | items
        likes[2] = likes[2] - {dropped}

        assert empty.value("select medley.refresh_behavior_neighbors()") == len(moved)
        weights, _ = neighbors(likes)
        now = stored(empty, "behavior")
        close(
            {pair: w for pair, w in now.items() if pair[1] in moved},
            {(n, i): w for i in moved for n, w in weights[i].items() if abs(w) > 0.0005},
        )
        kept = {pair: w for pair, w in before.items() if pair[1] not in moved}
        assert {pair: w for pair, w in now.items() if pair[1] not in moved} == kept
        assert empty.value("select medley.refresh_behavior_neighbors()") == 0, "nothing moved since"
        empty.execute("select medley.rebuild_behavior_neighbors(1000)")
        rebuilt = stored(empty, "behavior")
        close(
            {pair: w for pair, w in now.items() if pair[1] in moved},
            {pair: w for pair, w in rebuilt.items() if pair[1] in moved},
        )
    finally:
        empty.execute("update medley.settings set value = 0.1 where key = 'behavior.moved_share'")


def test_a_refresh_reads_histories_as_a_rebuild_does(empty: Database) -> None:
    likes = roll(random.Random(7))  # noqa: S311
    like(empty, likes)
    with setting(empty, "behavior.history", 4):
        empty.execute("select medley.rebuild_behavior_neighbors(1000)")
        # More than a history holds, in another order, a pair of two half-lives, one who likes
        # nothing any more, and another who likes one item less.
        like(empty, {n: {19, 20, *range(1, 8)} for n in range(1, 30)})
        like(empty, {5: {19}, 6: {3}}, "view")
        like(empty, {n: {6, 7} for n in range(1, 9)})
        like(empty, {31: likes[31], 32: {min(likes[32])}}, "not_interested")
        empty.execute("select medley.refresh_behavior_neighbors()")
        stored_rows = empty.rows("select user_no, item_nos from medley.behavior_histories")
        all_rows = empty.rows("select user_no, item_nos from medley.behavior_history_rows(null)")
        assert sorted(stored_rows) == sorted(all_rows)
        assert max(len(item_nos) for _, item_nos in stored_rows) == 4
        assert len(stored_rows) == MEMBERS - 1


def test_a_refresh_leaves_the_strongest_as_a_rebuild_does(empty: Database) -> None:
    likes = roll(random.Random(8))  # noqa: S311
    like(empty, {n: likes[n] for n in range(1, MEMBERS - 5)})
    with setting(empty, "behavior.targets", 5), setting(empty, "behavior.moved_share", 0):
        empty.execute("select medley.rebuild_behavior_neighbors(1000)")
        like(empty, {n: set(range(1, ITEMS - 1)) for n in range(MEMBERS - 5, MEMBERS + 1)})
        assert empty.value("select medley.refresh_behavior_neighbors()") == ITEMS - 2
        refreshed = stored(empty, "behavior")
        assert Counter(item for item, _ in refreshed) == dict.fromkeys(range(1, ITEMS - 1), 5)
        empty.execute("select medley.rebuild_behavior_neighbors(1000)")
        close(refreshed, stored(empty, "behavior"))


def test_a_killed_rebuild_goes_on_and_readers_see_the_former_list(empty: Database) -> None:
    likes = roll(random.Random(5))  # noqa: S311
    like(empty, likes)
    empty.execute("select medley.rebuild_behavior_neighbors(1000)")
    former = stored(empty, "behavior")
    like(empty, {n: {1, 17} for n in range(1, 30)})
    for n in range(1, 30):
        likes[n] = likes[n] | {1, 17}

    empty.execute("update medley.jobs set batch_size = 7 where name = 'rebuild_behavior_neighbors'")
    # Held up in its second block by a lock on the list's progress, and killed there.
    assert empty.value("select medley.rebuild_behavior_neighbors(7)") == 7
    with psycopg.connect(empty.cluster.url()) as gate, ThreadPoolExecutor(1) as pool:
        gate.execute("select from medley.neighbor_lists where state = 'building' for update")
        run = pool.submit(empty.execute, RUN)
        for _ in range(9000):
            if empty.value(WAITING):
                break
        empty.execute("select pg_terminate_backend(pid) from pg_locks where not granted")
        with pytest.raises(psycopg.OperationalError):
            run.result(timeout=90)
    assert stored(empty, "behavior") == former
    done = (
        "select count(distinct neighbor_no) from medley.item_neighbors "
        "inner join medley.neighbor_lists using (list_no) "
        "where state = 'building' and method = 'behavior'"
    )
    assert empty.value(done) <= 7, "of the block that was killed nothing is there"
    assert empty.value("select medley.refresh_behavior_neighbors()") == 0, "refreshes wait"

    empty.execute(RUN)
    weights, _ = neighbors(likes)
    close(
        stored(empty, "behavior"),
        {(n, i): w for i, row in weights.items() for n, w in row.items() if abs(w) > 0.0005},
    )
    assert empty.rows("select status from medley.job_runs order by run_id") == [
        ("killed",),
        ("succeeded",),
    ]


def test_a_deleted_member_leaves_no_history(empty: Database) -> None:
    like(empty, {n: {1, 2, 3} for n in range(1, 5)})
    empty.execute("select medley.rebuild_behavior_neighbors(1000)")
    with empty.connect() as connection, connection.transaction(force_rollback=True):
        count = "select count(*) from medley.behavior_histories"
        assert connection.execute(count).fetchone() == (4,)
        connection.execute("delete from auth.users where id = md5('member m1')::uuid")
        assert connection.execute(count).fetchone() == (3,)


def test_an_empty_world_has_empty_lists(empty: Database) -> None:
    assert empty.value("select medley.rebuild_behavior_neighbors(10)") == 0
    assert empty.value("select medley.current_list('behavior')") is not None
    assert empty.value("select medley.refresh_behavior_neighbors()") == 0
