"""From the log to a served model: pairs, export, training, versions, activation, rollback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from medley.cli import app
from typer.testing import CliRunner, Result

from tests.functions.conftest import Project
from tests.learning.conftest import configure
from tests.learning.world import ARTICLES, TEXT_MODEL

pytest.importorskip("torch")
pytest.importorskip("pyarrow")

FAST = ("--epochs", "6", "--batch-size", "256", "--learning-rate", "0.003", "--device", "cpu")


def medley(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def shown(*arguments: str) -> Any:
    result = medley(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def pairs(learning_project: Project) -> dict[str, int]:
    """The pairs of the world."""
    with pytest.MonkeyPatch.context() as patch:
        configure(patch, learning_project)
        written: dict[str, int] = shown("train", "pairs")
        again = medley("train", "pairs")
    assert written["positives"] > 0
    assert again.stdout.startswith("0 positive and 0 negative pairs\nNothing new")
    return written


@pytest.fixture(scope="module")
def exported(
    learning_project: Project, pairs: dict[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The pairs in a file."""
    file = tmp_path_factory.mktemp("pairs") / "pairs.parquet"
    with pytest.MonkeyPatch.context() as patch:
        configure(patch, learning_project)
        assert shown("export", "pairs", str(file))["pairs"] == sum(pairs.values())
    return file


@pytest.fixture
def without_models(project: Project) -> Project:
    """The project without any version."""
    project.database.execute("delete from medley.model_versions where true")
    return project


def test_what_is_exported_is_what_the_database_knew(exported: Path, project: Project) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(exported)
    labels = np.asarray(table["label"])
    assert 0.1 < labels.mean() < 0.5
    assert set(np.asarray(table["weight"])[labels]) == {1}
    kept = int((~labels).sum())
    shown_in_vain = project.database.value(
        """
        select count(*)
        from (select distinct e.user_no, e.item_no from medley.engagements as e) as e
        where not exists (
          select from medley.training_pairs as p
          where p.user_no = e.user_no and p.item_no = e.item_no and p.label
        )
        """
    )
    weights = np.asarray(table["weight"])[~labels]
    assert weights.sum() == pytest.approx(shown_in_vain, rel=0.02)
    assert kept < shown_in_vain

    # One pair's rate by hand: what the owner's other articles had had by then.
    row = {name: table[name][len(table) // 2].as_py() for name in table.column_names}
    ((seen, clicks, all_seen, all_clicks),) = project.database.rows(
        """
        with met as (
          select o.user_id as owner, e.user_no, e.item_no, k.kind, min(e.occurred_at) as at
          from medley.engagements as e
          inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
          inner join medley.items as i on i.item_no = e.item_no
          inner join medley.members as o on o.user_id = i.owner_id
          where e.user_no <> o.user_no and e.occurred_at < %s
          group by o.user_id, e.user_no, e.item_no, k.kind
        ),
        counted as (
          select m.*, m.owner = (select i.owner_id from medley.items as i where i.id = %s) as own,
            power(0.5, extract(epoch from %s - m.at) / 86400 / 30) as worth
          from met as m
        )
        select
          sum(c.worth) filter (where c.own and c.kind = 'impression'),
          coalesce(sum(c.worth) filter (where c.own and c.kind = 'click'), 0),
          sum(c.worth) filter (where c.kind = 'impression'),
          coalesce(sum(c.worth) filter (where c.kind = 'click'), 0)
        from counted as c
        """,
        row["interaction_at"],
        row["item_id"],
        row["interaction_at"],
    )
    usual = (float(all_clicks) + 1) / (float(all_seen) + 100)
    expected = (float(clicks) + 50 * usual) / (float(seen) + 50)
    assert row["rate_click"] == pytest.approx(expected, rel=1e-4)


def test_a_trained_model_beats_what_it_has_to_and_is_served(
    exported: Path, without_models: Project
) -> None:
    database = without_models.database
    told = shown(
        "train", "two-tower", "--pairs", str(exported), "--version", "one", "--activate", *FAST
    )
    test = told["metrics"]["test"]
    assert test["towers"]["auc"] > test["untrained"]["auc"] + 0.02
    assert test["model"]["auc"] > test["rates"]["auc"] + 0.1
    assert test["model"]["ndcg_10"] > 1.05 * test["rates"]["ndcg_10"]
    assert test["towers"]["recall_10"] > test["popularity"]["recall_10"]
    assert told["validation_loss"] < told["metrics"]["untrained_loss"]
    assert 0.8 < told["metrics"]["calibration"]["click"] < 1.25
    assert told["text_model"] == TEXT_MODEL

    (version,) = shown("models", "list")
    assert (version["version"], version["is_active"]) == ("one", True)
    assert set(version["heads"]) >= {"click", "like"}
    assert version["num_training_samples"] == told["metrics"]["pairs"]["training"]
    noted, losses = database.rows(
        "select count(*), count(m.loss) from medley.training_pair_models as m"
    )[0]
    learnt = told["metrics"]["pairs"]["training"] + told["metrics"]["pairs"]["validation"]
    assert noted == losses == learnt
    placed = "select count(*) from medley.content_embeddings where model_version = 'one'"
    assert database.value(placed) == ARTICLES


def test_the_database_places_as_the_model_does(exported: Path, without_models: Project) -> None:
    import pyarrow.parquet as pq
    from medley import Medley
    from medley.learning.heads import Head
    from medley.learning.publish import publish
    from medley.learning.two_tower import Tower, TwoTower

    rng = np.random.default_rng(3)
    towers = [
        Tower(
            rng.normal(size=(256, 384)).astype(np.float32),
            rng.normal(size=256).astype(np.float32),
        )
        for _ in range(2)
    ]
    client = Medley(without_models.url, without_models.secret_key)
    heads = [Head("click", -1, 2, 1)]
    publish(client, "random", TwoTower(*towers), heads=heads, losses={}, metadata={})
    assert client.prepare_model("random") == ARTICLES
    assert client.activate_model("random").is_complete

    table = pq.read_table(exported, columns=["item_id", "item_vector"]).slice(0, 50)
    rows = without_models.database.rows(
        """
        select i.id::text, e.embedding_256::text
        from medley.content_embeddings as e
        inner join medley.items as i on i.item_no = e.item_no
        where e.model_version = 'random'
        """
    )
    by_item = {item: np.array(json.loads(vector)) for item, vector in rows}
    places = towers[0](np.array(table["item_vector"].to_pylist(), np.float32))
    for item, place in zip(table["item_id"].to_pylist(), places, strict=True):
        assert by_item[item] == pytest.approx(place, abs=1e-5)
    ((text, place),) = without_models.database.rows(
        """
        select t.embedding_384::text, p.embedding_256::text
        from medley.user_taste_vectors as t
        inner join medley.user_taste_vectors as p on p.user_no = t.user_no
        where t.embedding_type = 'text' and p.embedding_type = 'two_tower'
        order by t.user_no
        limit 1
        """
    )
    (expected,) = towers[1](np.array([json.loads(text)], np.float32))
    assert np.array(json.loads(place)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.usefixtures("without_models")
def test_going_back_is_one_command(exported: Path) -> None:
    quick = ("--pairs", str(exported), "--epochs", "1", "--batch-size", "256", "--device", "cpu")
    for name in ("one", "two", "three"):
        shown("train", "two-tower", "--version", name, *quick)
    shown("models", "activate", "one")
    shown("models", "activate", "three")
    assert shown("models", "rollback")["version"] == "one"
    assert active() == ["one"]
    # And back again: the one before is the one that was in use last.
    assert shown("models", "rollback")["version"] == "three"
    assert shown("models", "deactivate")["version"] == "three"
    assert active() == []
    assert shown("models", "rollback")["version"] == "three"

    refused = medley("models", "delete", "three")
    assert refused.exit_code == 5
    assert "active" in refused.stderr
    assert medley("models", "delete", "two").exit_code == 0
    again = medley("train", "two-tower", "--version", "one", *quick)
    assert again.exit_code == 5
    assert "there is a model version one already" in again.stderr


def active() -> list[str]:
    return [row["version"] for row in shown("models", "list") if row["is_active"]]


def test_what_goes_wrong_while_publishing_leaves_nothing(without_models: Project) -> None:
    from medley import InvalidArgument, Medley
    from medley.learning.heads import Head
    from medley.learning.publish import publish
    from medley.learning.two_tower import untrained

    client = Medley(without_models.url, without_models.secret_key)
    with pytest.raises(InvalidArgument):
        publish(client, "x", untrained(), heads=[Head("no_such", 0, 0, 1)], losses={}, metadata={})
    assert shown("models", "list") == []


@pytest.mark.usefixtures("without_models")
def test_too_little_to_learn_from_is_said(tmp_path: Path) -> None:
    file = tmp_path / "none.parquet"
    assert shown("export", "pairs", str(file), "--set", "no such set")["pairs"] == 0
    result = medley("train", "two-tower", "--pairs", str(file), "--dry-run")
    assert result.exit_code == 5
    assert "are needed" in result.stderr
    assert medley("models", "rollback").exit_code == 5
