"""Where things live.

Binaries and templates are shared by all clones (the cache); everything that
belongs to one checkout lies under its `.medley/`. An instance is one running
stack of a checkout: `dev` is what `make up` starts, `test` is what the tests
use, so that a test run never touches what a developer has loaded.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from medley_stack.errors import StackError

CHECKOUT = Path(__file__).resolve().parents[2]
STACK = CHECKOUT / "stack"
DOT = CHECKOUT / ".medley"
VENV = DOT / "venv"
NODE_BIN = STACK / "node_modules" / ".bin"
MIGRATIONS = CHECKOUT / "supabase" / "migrations"
FUNCTIONS = CHECKOUT / "supabase" / "functions"

DEV = "dev"


def cache_dir() -> Path:
    """The folder shared by clones; its parents must be traversable for the server's account."""
    given = os.environ.get("MEDLEY_CACHE")
    if given:
        path = Path(given)
    elif os.geteuid() == 0:
        # Not root's home: the server's account must get in. The owner is checked below.
        path = Path("/var/tmp/medley-root")  # noqa: S108
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        path = Path(base) / "medley"
    # ld.so splits a library path at these, and libpq and pg_ctl quote none of them.
    if re.search(r"[\s:;'\"$]", str(path)):
        raise StackError(
            f"The cache folder's path holds a space or a quote: {path}",
            "Set MEDLEY_CACHE to a folder without them.",
        )
    path.mkdir(parents=True, exist_ok=True, mode=0o755)
    owner = path.stat().st_uid
    if owner not in (os.geteuid(), 0):
        raise StackError(
            f"{path} belongs to another account (uid {owner}).",
            "Set MEDLEY_CACHE to a folder of your own.",
        )
    return path.resolve()


@dataclass(frozen=True, slots=True)
class Instance:
    """One stack of this checkout: its name and its folder."""

    name: str

    @classmethod
    def current(cls) -> Instance:
        """The instance named by MEDLEY_INSTANCE, `dev` without it."""
        name = os.environ.get("MEDLEY_INSTANCE") or DEV
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name):
            raise StackError(
                f"MEDLEY_INSTANCE={name!r} is not a name.",
                "Use lower-case letters, digits and underscores.",
            )
        return cls(name)

    @property
    def folder(self) -> Path:
        """Its state; the developer's own lies directly in `.medley/`."""
        return DOT if self.name == DEV else DOT / self.name

    @property
    def env_file(self) -> Path:
        """The four variables that programs need to reach this stack."""
        return self.folder / "env"

    @property
    def key(self) -> str:
        """A short name that is unique among the clones that share the cache."""
        digest = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
        return f"{digest}-{self.name}"
