"""Reading, folding and parting of interactions."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from medley.loaders import BadData
from medley.loaders.interactions import Interaction

from tests.accuracy.data import (
    Interactions,
    Split,
    items_by_user,
    newness,
    planted,
    split_by_time,
    split_randomly,
)

NO_PEERS = "requirements/accuracy.txt is not installed: make accuracy"
START = datetime(2020, 1, 1, tzinfo=UTC)


def timed(user: str, item: str, day: int, weight: float = 1) -> Interaction:
    return Interaction(user, item, weight, START + timedelta(days=day))


@pytest.fixture(scope="module")
def data() -> Interactions:
    return planted(users=50, items=60)


def test_a_pair_without_times_is_folded_to_the_sum_of_its_weights() -> None:
    rows = [Interaction("a", "x", 2, None), Interaction("a", "x", None, None)]
    found = Interactions.of(rows)
    assert found.pairs == ((0, 0),)
    assert found.weights == (3,)
    assert found.times is None


def test_a_pair_with_times_keeps_the_newest_weight_in_whatever_order() -> None:
    rows = [timed("a", "x", 2, 5), timed("a", "x", 1, 3)]
    for given in (rows, rows[::-1]):
        found = Interactions.of(given)
        assert found.weights == (5,)
        assert found.times == (START + timedelta(days=2),)


def test_rare_items_and_those_who_met_nothing_else_are_left_out() -> None:
    rows = [Interaction(u, i, None, None) for u, i in ("ax", "bx", "by", "cz")]
    found = Interactions.of(rows, min_users_per_item=2)
    assert found.items == ("x",)
    assert found.users == ("a", "b")


def test_the_numbers_do_not_depend_on_the_order_of_the_file() -> None:
    rows = [Interaction(u, i, None, None) for u, i in ("bx", "ay", "ax", "by")]
    assert Interactions.of(rows) == Interactions.of(rows[::-1])


@pytest.mark.parametrize("ratio", [(0.2, 0.1), (0.1, 0.1), (0.9, 0.5)])
def test_a_split_is_disjoint_complete_and_leaves_every_user_something_to_learn_from(
    data: Interactions, ratio: tuple[float, float]
) -> None:
    split = split_randomly(data, test=ratio[0], validation=ratio[1])
    assert sorted(split.train + split.validation + split.test) == list(range(len(data.pairs)))
    assert set(items_by_user(data, split.train)) == set(range(len(data.users)))


def test_each_user_gives_the_same_share(data: Interactions) -> None:
    split = split_randomly(data, test=0.2, validation=0.1)
    all_of = Counter(user for user, _ in data.pairs)
    tested = items_by_user(data, split.test)
    validated = items_by_user(data, split.validation)
    for user, count in all_of.items():
        assert len(tested.get(user, ())) == round(count * 0.2)
        assert len(validated.get(user, ())) == round(count * 0.1)


def test_a_seed_gives_the_same_split_each_time_and_another_seed_another(data: Interactions) -> None:
    assert split_randomly(data, seed=1) == split_randomly(data, seed=1)
    assert split_randomly(data, seed=1) != split_randomly(data, seed=2)


def test_a_users_split_does_not_depend_on_who_else_is_there() -> None:
    alone = [Interaction("m", f"i{n}", None, None) for n in range(20)]
    beside = alone + [Interaction("a", f"i{n}", None, None) for n in range(20)]

    def tested(rows: list[Interaction]) -> set[str]:
        found = Interactions.of(rows)
        user = found.users.index("m")
        return {
            found.items[item] for item in items_by_user(found, split_randomly(found).test)[user]
        }

    assert tested(alone) == tested(beside)


def test_by_time_the_newest_are_tested_and_the_newest_before_them_validate() -> None:
    data = Interactions.of([timed("a", f"i{day:02}", day) for day in range(10)])
    assert split_by_time(data) == Split(tuple(range(7)), (7,), (8, 9))


def test_data_without_times_cannot_be_split_by_time(data: Interactions) -> None:
    with pytest.raises(ValueError, match="time"):
        split_by_time(data)


@pytest.mark.parametrize(
    ("text", "line"),
    [("user,item\na\n", 2), ("a,x,much\n", 1), ("a,x,1\na,y,nan\n", 2), ("a,x,1,yesterday\n", 1)],
    ids=["too few columns", "no number", "not finite", "no time"],
)
def test_a_bad_row_of_a_csv_file_is_named_by_its_line(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "own.csv"
    file.write_text(text)
    with pytest.raises(BadData) as caught:
        Interactions.read(file, "csv", min_users_per_item=1)
    assert caught.value.rows[0].line == line


def test_the_command_line_says_what_is_wrong_with_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = pytest.importorskip("tests.accuracy.__main__", reason=NO_PEERS)
    file = tmp_path / "own.csv"
    file.write_text("a,x\nb\n")
    assert program.main(["--interactions", str(file)]) == program.BAD_INPUT
    assert "own.csv:2" in capsys.readouterr().err


def test_nothing_to_hold_out_is_said_and_not_computed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = pytest.importorskip("tests.accuracy.__main__", reason=NO_PEERS)
    file = tmp_path / "own.csv"
    file.write_text("a,x\nb,x\nc,x\n")
    assert program.main(["--interactions", str(file)]) == program.BAD_INPUT
    assert "too little data" in capsys.readouterr().err


def test_newness_is_the_share_of_a_users_pairs_that_are_no_older() -> None:
    rows = [timed("a", "v", 1), timed("a", "w", 2), timed("a", "x", 2), timed("a", "y", 3)]
    data = Interactions.of([*rows, timed("b", "v", 9)])
    everything = newness(data, range(5))
    assert [everything[pair] for pair in data.pairs] == [1, 0.75, 0.75, 0.25, 1]
    assert newness(data, [0, 3]) == {data.pairs[0]: 1, data.pairs[3]: 0.5}
    assert set(newness(planted(users=5, items=9), [0, 1]).values()) == {1}
