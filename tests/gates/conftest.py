"""Databases for the gates: Medley as an app gets it, by `supabase db push`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator

import psycopg
import pytest
from medley_stack import cluster
from medley_stack.cluster import Cluster
from medley_stack.paths import CHECKOUT, NODE_BIN

from tests.database import Database

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def supabase_cli() -> Cli:
    """Runs the Supabase CLI in the checkout, asking nothing."""
    program = shutil.which("supabase") or NODE_BIN / "supabase"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments, "--workdir", str(CHECKOUT)],
            input="",
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "DO_NOT_TRACK": "1"},
        )

    return run


@pytest.fixture(scope="session")
def push(supabase_cli: Cli) -> Callable[[Cluster], str]:
    """Pushes the migrations as an app does; returns what the CLI said."""

    def run(server: Cluster) -> str:
        done = supabase_cli("db", "push", "--include-all", "--yes", f"--remote={server.url()}")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="session")
def pushed(push: Callable[[Cluster], str]) -> Iterator[Database]:
    """The migrations on an empty project that grants new objects to the API roles (expose=on)."""
    with cluster.scratch("on", "pushed") as server:
        push(server)
        yield Database(server)


@pytest.fixture(scope="session")
def superuser(pushed: Database) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The same database as superuser, for checks that read everything."""
    with pushed.connect("supabase_admin") as connection:
        yield connection
