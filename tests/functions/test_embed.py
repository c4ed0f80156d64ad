"""The function embed over HTTP: real Deno, a real database, and words hashed for a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from medley import Medley

from tests.functions.conftest import Project, serving


@pytest.fixture(scope="module")
def embedding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose model are hashed words, with three films and a song."""
    folder = tmp_path_factory.mktemp("embed")
    with serving("embed", folder, {"EMBEDDING_MODEL": "words"}) as project:
        Medley(project.url, project.secret_key).register_items(
            [
                {"kind": "movie", "title": "Rain falls on Mars"},
                {"kind": "movie", "title": "On Mars, rain falls at night"},
                {"kind": "movie", "title": "Income tax returns"},
                {"kind": "song", "title": "Rain"},
            ]
        )
        yield project


def call(project: Project, key: str | None = None, **body: Any) -> httpx.Response:
    return project.call("POST", "embed", key=key or project.secret_key, json=body)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.json()["details"])["code"]


def test_items_without_a_vector_get_theirs_once(embedding: Project) -> None:
    first = call(embedding, kind="movie", limit=2).json()
    assert first == {"model": "words", "embedded": 2, "failed": 0, "done": False}
    assert call(embedding, kind="movie").json()["embedded"] == 1
    assert call(embedding, kind="movie").json() == first | {"embedded": 0, "done": True}
    assert call(embedding).json()["embedded"] == 1
    written = embedding.database.rows(
        """
        select i.title, e.embedding_type, e.dims, 1 - (e.embedding_384 operator(extensions.<=>)
          (select o.embedding_384 from medley.content_embeddings as o
            inner join medley.items as r on r.item_no = o.item_no
            where r.title = 'Rain falls on Mars'))
        from medley.content_embeddings as e
        inner join medley.items as i on i.item_no = e.item_no
        where e.model_version = 'words'
        """
    )
    assert {(kind, dims) for _, kind, dims, _ in written} == {("text", 384)}
    near = {title: cosine for title, _, _, cosine in written}
    assert near["On Mars, rain falls at night"] > 0.7
    assert near["Income tax returns"] < 0.4


def test_only_the_service_may_ask(embedding: Project) -> None:
    member = embedding.member()
    assert code(call(embedding, member.token)) == (403, "forbidden")
    assert code(call(embedding, embedding.publishable_key)) == (401, "unauthenticated")


@pytest.mark.parametrize("body", [{"limit": 0}, {"limit": 1e9}, {"limit": None}, {"kind": 7}])
def test_what_cannot_be_asked_for_is_refused(embedding: Project, body: dict[str, Any]) -> None:
    assert code(call(embedding, **body)) == (400, "invalid_argument")


def test_a_model_that_is_not_there_is_said(embedding: Project) -> None:
    before = embedding.secrets.read_text()
    try:
        embedding.secrets.write_text("EMBEDDING_MODEL=gte-small\n")
        assert code(call(embedding)) == (503, "not_configured")
    finally:
        embedding.secrets.write_text(before)
