"""The peers find planted tastes; what they return is what the protocol says."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("scipy", reason="requirements/accuracy.txt is not installed: make accuracy")
pytest.importorskip("implicit", reason="requirements/accuracy.txt is not installed: make accuracy")

import numpy as np

from tests.accuracy.cases import Case, Source
from tests.accuracy.data import planted, split_randomly
from tests.accuracy.evaluate import Bench, peers_for
from tests.accuracy.metrics import DEPTH, Ranking, mean_ndcg
from tests.accuracy.peers import BY_NAME, PEERS, Matrix, Peer, ease, matrix, rank


@pytest.fixture(scope="module")
def bench() -> Bench:
    data = planted(users=200, items=120)
    return Bench(Case(Source("planted", "like", ("random",)), "random", data, split_randomly(data)))


@pytest.fixture(scope="module")
def answer(bench: Bench) -> Callable[[Peer], Ranking]:
    data = bench.case.data
    known = matrix((data.pairs[at] for at in bench.known), len(data.users), len(data.items))

    # The grid is for real data; so little needs few factors.
    small = {"als": {"factors": 8, "regularization": 1, "alpha": 5}}

    def found(peer: Peer) -> Ranking:
        first = peer.settings()[0]
        if peer.after:
            first = {**BY_NAME[peer.after].settings()[0], **first}
        settings = small.get(peer.name, first)
        return rank(peer.fit(known, **settings), known, bench.test)

    return found


@pytest.fixture(scope="module")
def by_chance(bench: Bench) -> float:
    chance = random.Random(1)  # noqa: S311
    items = len(bench.case.data.items)
    return mean_ndcg({user: chance.sample(range(items), DEPTH) for user in bench.test}, bench.test)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_every_peer_beats_chance(
    bench: Bench, answer: Callable[[Peer], Ranking], by_chance: float, peer: Peer
) -> None:
    assert mean_ndcg(answer(peer), bench.test) > 1.3 * by_chance


@pytest.mark.parametrize("name", ["itemknn", "rp3beta", "ease", "als"])
def test_who_learns_tastes_beats_popularity(
    bench: Bench, answer: Callable[[Peer], Ranking], name: str
) -> None:
    popular = mean_ndcg(answer(BY_NAME["popularity"]), bench.test)
    assert mean_ndcg(answer(BY_NAME[name]), bench.test) > 1.2 * popular


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_no_list_repeats_an_item_or_holds_a_known_one(
    bench: Bench, answer: Callable[[Peer], Ranking], peer: Peer
) -> None:
    known = {bench.case.data.pairs[at] for at in bench.known}
    for user, ranked in answer(peer).items():
        assert len(set(ranked)) == len(ranked) == DEPTH
        assert not known & {(user, item) for item in ranked}


def test_a_user_who_has_met_nearly_everything_gets_a_short_list() -> None:
    train = matrix(((0, item) for item in range(28)), 1, 30)
    assert rank(lambda users: np.zeros((len(users), 30)), train, [0]) == {0: [28, 29]}


def test_ease_is_the_ridge_regression_of_each_item_on_the_others() -> None:
    chance = np.random.default_rng(1)
    pairs = np.argwhere(chance.random((40, 6)) < 0.4)
    train = matrix(((int(u), int(i)) for u, i in pairs), 40, 6)
    scores = ease(train, penalty=5)(np.arange(40))
    dense = train.toarray().astype(float)
    for item in range(6):
        others = np.delete(dense, item, axis=1)
        weights = np.linalg.solve(others.T @ others + 5 * np.eye(5), others.T @ dense[:, item])
        assert scores[:, item] == pytest.approx(others @ weights)


def test_ease_above_its_limit_leaves_the_rarest_items_unscored() -> None:
    train = matrix(((0, 0), (1, 0), (0, 1), (1, 1), (2, 2)), 3, 3)
    scores = ease(train, penalty=1, limit=2)(np.arange(3))
    assert not scores[:, 2].any()
    assert scores[:2, :2].all()


def test_ease_that_knows_when_learns_the_same_and_weighs_newer_items_more() -> None:
    chance = np.random.default_rng(2)
    pairs = [(int(u), int(i)) for u, i in np.argwhere(chance.random((40, 6)) < 0.4)]
    pairs += [(40, 0), (40, 1)]
    newer = dict.fromkeys(pairs, 1.0) | {(40, 1): 0.25}
    plain, timed = matrix(pairs, 41, 6), matrix(pairs, 41, 6, newer)
    users = np.arange(41)
    scores = ease(plain, penalty=5)(users)
    assert ease(timed, penalty=5)(users) == pytest.approx(scores)
    found = ease(timed, penalty=5, recency=0.5)(users)
    assert found[:40] == pytest.approx(scores[:40])
    # 0.25 to the power of -0.5 is 2.
    second = ease(plain, penalty=5)(np.array([40]))[0] - _scores_of(plain, 0)
    assert found[40] == pytest.approx(scores[40] + second)


def _scores_of(train: Matrix, item: int) -> Any:
    """What a user would be told who had met one item alone."""
    gram = (train.T @ train).toarray() + 5 * np.eye(train.shape[1])
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights[item]


def test_only_a_split_by_time_tells_a_peer_when(bench: Bench) -> None:
    def names(split: str) -> set[str]:
        case = replace(bench.case, split_name=split)
        return {peer.name for peer in peers_for(case, [])}

    assert names("time") - names("random") == {"ease-recency"}
