"""The Supabase CLI's own checks, without findings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.database import Database
from tests.gates.conftest import Cli
from tests.gates.test_catalogue import INLINED, UNPINNED


def meant(entry: dict[str, Any], unpinned: set[str]) -> bool:
    """Findings that describe a decision, not a mistake."""
    metadata = entry.get("metadata") or {}
    match entry["name"]:
        case "unused_index":
            # A database without traffic has used no index.
            return True
        case "rls_enabled_no_policy":
            # Tables of the engine are read by its functions only.
            return metadata.get("schema") == "medley"
        case "function_search_path_mutable":
            # Pinned, the planner could not inline them; test_catalogue proves their names.
            return f"{metadata.get('schema')}.{metadata.get('name')}" in unpinned
    return False


def findings(cli: Cli, database: Database, *arguments: str) -> list[dict[str, Any]]:
    done = cli(
        *("db", *arguments, f"--remote={database.cluster.url()}"),
        *("--fail-on", "none", "--output-format", "json"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout)["results"]
    assert isinstance(results, list)
    return results


def test_lint_finds_nothing(supabase_cli: Cli, pushed: Database) -> None:
    found = findings(
        supabase_cli, pushed, "lint", "--schema", "public,medley", "--level", "warning"
    )
    assert found == []


@pytest.mark.parametrize("kind", ["security", "performance"])
def test_advisors_find_nothing(supabase_cli: Cli, pushed: Database, kind: str) -> None:
    found = findings(supabase_cli, pushed, "advisors", "--type", kind, "--level", "info")
    unpinned = {name for name, _ in pushed.rows(INLINED)} | set(UNPINNED)
    told = [f"{e['name']}: {e['detail']}" for e in found if not meant(e, unpinned)]
    assert told == []
