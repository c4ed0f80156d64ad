"""What one instance remembers between runs, and the keys of its API."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from medley_stack.paths import DEV, Instance

# The ports of `supabase start`; the tests' own stack stands beside them.
PREFERRED_PORTS = {DEV: (54322, 54321), "test": (54422, 54421)}
OTHER_PORTS = (54522, 54521)


@dataclass(slots=True)
class State:
    """Choices that must not change from run to run."""

    db_port: int = 0
    api_port: int = 0
    api_pid: int = 0
    api_settings: str = ""
    publishable_key: str = field(default_factory=lambda: f"sb_publishable_{_token()}")
    secret_key: str = field(default_factory=lambda: f"sb_secret_{_token()}")
    jwt_secret: str = field(default_factory=lambda: secrets.token_hex(32))
    # Text digests of the migrations in the database, by file name.
    applied: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, instance: Instance) -> State:
        """The instance's state; a missing or damaged file gives a new one."""
        try:
            known = json.loads(_path(instance).read_text())
        except (OSError, ValueError):
            known = {}
        names = {item.name for item in fields(cls)}
        return cls(**{key: value for key, value in known.items() if key in names})

    def save(self, instance: Instance) -> None:
        """Write the state, readable by its owner only: it holds keys."""
        write_private(_path(instance), json.dumps(asdict(self), indent=2) + "\n")


def _path(instance: Instance) -> Path:
    return instance.folder / "state.json"


def _token() -> str:
    return secrets.token_urlsafe(24).replace("-", "x").replace("_", "y")


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, with access for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    unfinished.replace(path)
