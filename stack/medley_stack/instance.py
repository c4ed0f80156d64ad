"""What `make up`, `down`, `reset`, `status` and `destroy` do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from medley_stack import api, cluster, database, ports, toolchain
from medley_stack import binaries as pg
from medley_stack.paths import DEV, FUNCTIONS, Instance
from medley_stack.process import lock, say
from medley_stack.state import OTHER_PORTS, PREFERRED_PORTS, State, write_private


def up(instance: Instance) -> dict[str, str]:
    """Bring the stack up, doing only what is missing; returns its variables."""
    with lock(instance.folder / "lock", "another run is working on this stack"):
        return _up(instance)


def _up(instance: Instance) -> dict[str, str]:
    toolchain.python()
    node = toolchain.node()
    toolchain.modules(node)
    binaries = pg.ensure()
    if binaries.version < 17:
        say(f"PostgreSQL {binaries.version}: the checks that only 17 can run are skipped")
    state = State.load(instance)
    url = database.given()
    if url is None:
        server = database.start(instance, state, binaries, durable=instance.name == DEV)
        url = server.url()
    else:
        database.check_hosted_like(url, binaries)
    path = toolchain.path_variable(node, binaries.bin)
    database.push(url, state, path)
    state.save(instance)
    _start_api(instance, state, node, url)
    variables = {
        "DATABASE_URL": url,
        "SUPABASE_URL": api.base_url(state.api_port),
        "SUPABASE_PUBLISHABLE_KEY": state.publishable_key,
        "SUPABASE_SECRET_KEY": state.secret_key,
    }
    write_private(
        instance.env_file, "".join(f"{name}={value}\n" for name, value in variables.items())
    )
    return variables


def _start_api(instance: Instance, state: State, node: Path, url: str) -> None:
    settings = {
        "MEDLEY_DB_URL": url,
        "MEDLEY_API_SCHEMAS": api.SCHEMAS,
        "MEDLEY_PUBLISHABLE_KEY": state.publishable_key,
        "MEDLEY_SECRET_KEY": state.secret_key,
        "MEDLEY_JWT_SECRET": state.jwt_secret,
        "MEDLEY_FUNCTIONS": str(FUNCTIONS),
        "MEDLEY_FUNCTIONS_ENV": str(FUNCTIONS / ".env"),
    }
    wanted = api.fingerprint(settings)
    if api.is_running(state.api_pid) and state.api_settings == wanted:
        return
    api.stop(state.api_pid)
    _, preferred = PREFERRED_PORTS.get(instance.name, OTHER_PORTS)
    state.api_port = ports.choose(state.api_port or preferred, {state.db_port})
    state.api_pid = api.start(node, state.api_port, settings, instance.folder / "api.log")
    state.api_settings = wanted
    state.save(instance)


def down(instance: Instance) -> None:
    """Stop the servers; the data stays."""
    with lock(instance.folder / "lock", "another run is working on this stack"):
        _down(instance)


def _down(instance: Instance) -> None:
    state = State.load(instance)
    api.stop(state.api_pid)
    if (cluster.home(instance) / "data" / "postmaster.pid").exists():
        database.own(instance, state, pg.ensure()).stop()


def reset(instance: Instance) -> dict[str, str]:
    """An empty database with all migrations; keys and ports stay."""
    with lock(instance.folder / "lock", "another run is working on this stack"):
        _down(instance)
        cluster.remove(cluster.home(instance) / "data")
        return _up(instance)


def destroy(instance: Instance) -> None:
    """Stop the servers and delete this instance's data, keys and logs."""
    down(instance)
    home = cluster.home(instance)
    cluster.remove(home / "data")
    for name in ("state.json", "env", "api.log"):
        (instance.folder / name).unlink(missing_ok=True)
    # The developer's folder also holds the tools and the other instances.
    own_folders = {home, instance.folder} - {Instance(DEV).folder}
    for folder in own_folders:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"removed the stack `{instance.name}`")


def variables(instance: Instance) -> dict[str, str]:
    """The variables of a stack that is up, from its env file; empty without one."""
    try:
        lines = instance.env_file.read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def environment(instance: Instance) -> dict[str, str]:
    """The whole environment for a program that works with the stack."""
    node = toolchain.node()
    path = toolchain.path_variable(node, pg.ensure().bin)
    name = {"MEDLEY_INSTANCE": instance.name}
    return {**os.environ, **variables(instance), **name, "PATH": path}
