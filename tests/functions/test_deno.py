"""The functions' own tests, run by Deno: the files `*.test.ts` beside this one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from medley_stack.paths import CHECKOUT, FUNCTIONS

FILES = sorted(Path(__file__).parent.glob("*.test.ts"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_functions_pass_their_own_tests(deno: Path, file: Path) -> None:
    config = FUNCTIONS / "deno.json"
    allowed = ("--allow-net", "--allow-env")
    done = subprocess.run(
        [str(deno), "test", "--quiet", "--config", str(config), *allowed, str(file)],
        cwd=CHECKOUT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_function_is_in_the_configuration() -> None:
    config = (CHECKOUT / "supabase" / "config.toml").read_text()
    workspace = (FUNCTIONS / "deno.json").read_text()
    names = [folder.parent.name for folder in FUNCTIONS.glob("*/index.ts")]
    assert names
    for name in names:
        # The local gateway checks no JWT, and that of hosted knows no publishable and secret keys.
        assert f"[functions.{name}]\nverify_jwt = false" in config, name
        assert f'"./{name}"' in workspace, name
        assert (FUNCTIONS / name / "deno.json").is_file(), name
