"""The database of an instance: our own cluster, or one that the user gave."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from medley_stack import binaries as pg
from medley_stack import cluster, ports
from medley_stack.cluster import Cluster
from medley_stack.errors import StackError
from medley_stack.paths import CHECKOUT, DOT, MIGRATIONS, NODE_BIN, Instance
from medley_stack.process import run, say
from medley_stack.state import OTHER_PORTS, PREFERRED_PORTS, State


def given() -> str | None:
    """DATABASE_URL where the user set it; one of our own stacks does not count."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        return None
    ours = [DOT / "env", *DOT.glob("*/env")]
    if any(f"DATABASE_URL={url}\n" in file.read_text() for file in ours if file.is_file()):
        return None
    return url


def own(instance: Instance, state: State, binaries: pg.Binaries) -> Cluster:
    """The instance's cluster as the state knows it, running or not, made or not."""
    return Cluster(cluster.home(instance) / "data", state.db_port, binaries)


def start(instance: Instance, state: State, binaries: pg.Binaries, *, durable: bool) -> Cluster:
    """Make the cluster if need be and start it on its port or the next free one."""
    database = own(instance, state, binaries)
    if database.is_running():
        # The state file may have been lost; the server knows better.
        state.db_port = cluster.port_of(database.data) or state.db_port
        return own(instance, state, binaries)
    if (database.data / "PG_VERSION").exists():
        made_by = int((database.data / "PG_VERSION").read_text())
        if made_by != binaries.version:
            raise StackError(
                f"The database was made by PostgreSQL {made_by}; this is {binaries.version}.",
                f"MEDLEY_POSTGRES={made_by} keeps it, `make reset` starts an empty one.",
            )
    else:
        cluster.remove(database.data)
        cluster.create(database.data, binaries, os.environ.get("MEDLEY_EXPOSE", "off"))
        state.applied = {}
    preferred, _ = PREFERRED_PORTS.get(instance.name, OTHER_PORTS)
    state.db_port = ports.choose(state.db_port or preferred)
    state.save(instance)
    database = own(instance, state, binaries)
    database.start(durable=durable)
    return database


def check_hosted_like(url: str, binaries: pg.Binaries) -> None:
    """Refuse a given database that has not the roles and schemas of a Supabase project."""
    version = cluster.version_of(url, binaries)
    if version is None:
        raise StackError("The database in DATABASE_URL does not answer.", "Check the address.")
    if version < 15:
        raise StackError(f"The database in DATABASE_URL is PostgreSQL {version}.", "Use 15 or 17.")
    asked = "select to_regclass('auth.users') is not null and to_regrole('anon') is not null"
    answer = run(
        [binaries.bin / "psql", "-XAtq", "-d", url, "-c", asked],
        what="Looking at the database in DATABASE_URL",
        next_step="Check the address.",
        env=binaries.environment,
    )
    if answer.strip() != "t":
        raise StackError(
            "The database in DATABASE_URL has no `auth.users` or no role `anon`.",
            "Prepare it as superuser: psql -v expose=off -f stack/bootstrap.sql -f stack/auth.sql",
        )


def push(url: str, state: State, path: str) -> None:
    """Apply the migrations that the database lacks.

    Args:
        url: the database as role postgres.
        state: remembers what was applied, to notice a migration that was rewritten.
        path: PATH for the command, with Node.js on it.
    """
    present = {p.name: _digest(p) for p in sorted(MIGRATIONS.glob("*.sql"))}
    rewritten = [name for name, text in state.applied.items() if present.get(name) != text]
    if rewritten:
        raise StackError(
            f"The database holds an older version of {rewritten[0]}"
            + (f" and {len(rewritten) - 1} more." if len(rewritten) > 1 else "."),
            "`make reset` rebuilds it from the migrations (what was loaded into it is lost).",
        )
    if state.applied == present:
        return
    say(f"applying {len(present) - len(state.applied)} migrations")
    run(
        [NODE_BIN / "supabase", "db", "push", "--include-all", "--yes", f"--remote={url}"],
        what="supabase db push",
        next_step="Mend the migration, then run the command again.",
        cwd=CHECKOUT,
        env={**os.environ, "PATH": path, "DO_NOT_TRACK": "1"},
        stdin="",
    )
    state.applied = present


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
