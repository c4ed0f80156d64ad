"""Where the project is: from the environment, or from the file that `make up` writes."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from supabase import SupabaseException

from medley import Medley

NAMES = ("DATABASE_URL", "SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY")


class NotConfigured(Exception):  # noqa: N818 -- named as a state, like the errors of the client
    """A setting that the command needs is missing or unusable."""


def env_file() -> Path:
    """The file of the stack that MEDLEY_INSTANCE names, below the checkout."""
    instance = os.environ.get("MEDLEY_INSTANCE") or "dev"
    return Path(".medley", "env") if instance == "dev" else Path(".medley", instance, "env")


def this(program: str) -> str:
    """A program of this environment as a shell runs it from here, for the same stack."""
    path = Path(sys.prefix, "bin", program)
    if not path.exists():
        path = Path(program)
    elif path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    instance = os.environ.get("MEDLEY_INSTANCE")
    stack = f"MEDLEY_INSTANCE={shlex.quote(instance)} " if instance else ""
    return stack + shlex.quote(str(path))


def _from_file() -> dict[str, str]:
    """The nearest such file at or above the working directory; empty where there is none."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        try:
            lines = (folder / env_file()).read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        pairs = (line.split("=", 1) for line in lines if "=" in line and line[0] != "#")
        return {name.strip(): value.strip().strip("'\"") for name, value in pairs}
    return {}


def setting(name: str) -> str:
    """A setting by its name; the environment wins over the file.

    Raises:
        NotConfigured: It is in neither.
    """
    value = os.environ.get(name) or _from_file().get(name)
    if not value:
        raise NotConfigured(
            f"{name} is not set. Run `make up`, which writes it to {env_file()}, or export it."
        )
    return value


def api(*, secret: bool = False) -> Medley:
    """A client with the publishable key, or with the secret one."""
    url = setting("SUPABASE_URL")
    key = setting("SUPABASE_SECRET_KEY" if secret else "SUPABASE_PUBLISHABLE_KEY")
    try:
        return Medley(url, key)
    except SupabaseException as error:
        raise NotConfigured(f"SUPABASE_URL or its key cannot be used: {error}") from error


@contextmanager
def database() -> Iterator[psycopg.Connection[Any]]:
    """A connection for loads and jobs, which may take as long as they need."""
    url = setting("DATABASE_URL")
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise NotConfigured(f"DATABASE_URL cannot be used: {str(error).strip()}") from error
    with psycopg.connect(
        url, autocommit=True, application_name="medley", connect_timeout=10
    ) as connection:
        connection.execute("set statement_timeout = 0")
        yield connection
