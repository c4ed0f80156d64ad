"""The package as people meet it: what it exports, its documentation, and its two equal clients."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import resources
from pathlib import Path

import medley
import pytest

ROOT = Path(__file__).parents[2]
MAKE_SYNC = ROOT / "python_client" / "make_sync.py"
METHODS = [name for name in dir(medley.AsyncMedley) if not name.startswith("_")]


def test_all_names_exactly_what_is_public() -> None:
    here = {
        name
        for name, value in vars(medley).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert set(medley.__all__) == here
    assert list(medley.__all__) == sorted(medley.__all__)


def test_the_package_is_typed() -> None:
    assert resources.files(medley).joinpath("py.typed").is_file()


def test_the_sync_client_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(MAKE_SYNC), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_check_finds_a_client_that_is_not_current(tmp_path: Path) -> None:
    package = tmp_path / "medley"
    package.mkdir()
    for file in (MAKE_SYNC.parent / "medley").glob("*sync.py"):
        (package / file.name).write_text(file.read_text())
    (tmp_path / "make_sync.py").write_text(MAKE_SYNC.read_text())
    with (package / "_async.py").open("a") as source:
        source.write("\n# changed\n")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "make_sync.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "not current" in done.stderr


@pytest.mark.parametrize("name", METHODS)
def test_both_clients_take_the_same_arguments(name: str) -> None:
    both = [
        list(inspect.signature(getattr(client, name)).parameters.values())
        for client in (medley.AsyncMedley, medley.Medley)
    ]
    assert both[0] == both[1]


@pytest.mark.parametrize("name", METHODS)
def test_options_are_keyword_only_and_documented(name: str) -> None:
    method = getattr(medley.Medley, name)
    for parameter in inspect.signature(method).parameters.values():
        optional = parameter.default is not parameter.empty
        assert parameter.kind is (
            parameter.KEYWORD_ONLY if optional else parameter.POSITIONAL_OR_KEYWORD
        )
    assert inspect.getdoc(method)


@pytest.mark.parametrize(
    "file", sorted((MAKE_SYNC.parent / "medley").glob("*_sync.py")), ids=lambda file: file.name
)
def test_nothing_in_the_sync_client_is_asynchronous(file: Path) -> None:
    tree = ast.parse(file.read_text())
    kinds = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert not [node for node in ast.walk(tree) if isinstance(node, kinds)]
