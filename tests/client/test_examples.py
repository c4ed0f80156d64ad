"""The Python examples of the guides run as they are printed, as a new member of the test stack.

Those marked `py` need a world of their own: they are held to the client's signatures here, and run
where there is one.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from medley import Medley
from medley_stack.paths import CHECKOUT
from supabase import Client

from tests.conftest import Api

# What each of them prints at least.
GUIDES = {
    "README.md": "An example",
    "python_client/README.md": "An example",
    "docs/recommendations.md": "('seen', 'shown_lately')",
    "docs/social.md": "gone; the answer stays: True",
    "docs/timeline.md": "A post for the examples",
}


@pytest.fixture(scope="module", autouse=True)
def shows(service: Client) -> None:
    """Events in Berlin, where the examples live."""
    mark = uuid4().hex
    venue = {"name": "Hall", "latitude": 52.5, "longitude": 13.4, "source": mark}
    made: list[Any] = service.table("venues").insert(venue).execute().data
    service.table("events").insert(
        [
            {
                "title": "An example",
                "starts_at": (datetime.now(UTC) + timedelta(days=days)).isoformat(),
                "venue_id": made[0]["id"],
                "genres": ["Indie Rock"],
                "source": mark,
            }
            for days in (3, 4)
        ]
    ).execute()


@pytest.fixture(scope="module", autouse=True)
def posts(service: Client, api: Api) -> Iterator[None]:
    """A post of somebody whom nobody knows yet."""
    author = api.client().auth.sign_up(
        {"email": f"{uuid4().hex}@example.com", "password": uuid4().hex}
    )
    assert author.user is not None
    made: list[Any] = (
        service.table("posts")
        .insert({"author_id": author.user.id, "content": "A post for the examples"})
        .execute()
        .data
    )
    yield
    service.table("posts").delete().eq("id", made[0]["id"]).execute()


@pytest.mark.parametrize(("guide", "printed"), GUIDES.items(), ids=GUIDES)
def test_the_examples_of_a_guide_run(
    guide: str, printed: str, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    email, password = f"{uuid4().hex}@example.com", uuid4().hex
    api.client().auth.sign_up({"email": email, "password": password})
    names: dict[str, object] = {
        "url": api.url,
        "publishable_key": api.publishable_key,
        "email": email,
        "password": password,
    }
    examples = re.findall(r"```python\n(.*?)```", (CHECKOUT / guide).read_text(), re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, guide, "exec"), names)  # noqa: S102  (our own text)
    assert printed in capsys.readouterr().out


# Guides whose examples say `medley` for a client, and how many calls of it they show.
SKETCHES = {"docs/imports.md": 2, "docs/setlists.md": 4, "docs/studio.md": 6}


def test_every_guide_with_sketches_is_held_to_the_client() -> None:
    found = {
        str(file.relative_to(CHECKOUT))
        for file in (CHECKOUT / "docs").rglob("*.md")
        if "```py\n" in file.read_text()
    }
    assert found == set(SKETCHES)


@pytest.mark.parametrize(("guide", "expected"), SKETCHES.items(), ids=SKETCHES)
def test_the_sketches_of_a_guide_call_what_there_is(guide: str, expected: int) -> None:
    text = (CHECKOUT / guide).read_text()
    calls = [
        node
        for example in re.findall(r"```py\n(.*?)```", text, re.DOTALL)
        for node in ast.walk(ast.parse(example, guide))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "medley"
    ]
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        method = getattr(Medley, call.func.attr)
        words = {word.arg: word.value for word in call.keywords if word.arg}
        # A name that there is not, or too many places, is a TypeError.
        inspect.signature(method).bind("self", *call.args, **words)
    assert len(calls) == expected
