"""The SQL source: the manifest's order, the migrations made of it, and applying it.

`sql/manifest` has one line a module: its folder, a colon, its files. Each
module becomes one migration with a fixed timestamp, so that writing them again
changes only what changed in `sql/`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medley_stack import binaries as pg
from medley_stack.errors import StackError
from medley_stack.paths import CHECKOUT, MIGRATIONS
from medley_stack.process import tail

SQL = CHECKOUT / "sql"
MANIFEST = SQL / "manifest"
# Migrations are numbered by their place in the manifest, as minutes of this day.
DAY = "20260101"
RELOAD = "notify pgrst, 'reload schema';\n"


@dataclass(frozen=True, slots=True)
class Module:
    """One line of the manifest."""

    folder: str
    files: tuple[Path, ...]

    @property
    def is_core(self) -> bool:
        """True for what must install and work without any pack."""
        return self.folder.startswith("core/")

    @property
    def name(self) -> str:
        """Its folder as a word: `packs/live` is `packs_live`."""
        return self.folder.replace("/", "_")

    def text(self) -> str:
        """Its files one after the other, each under a line that names it."""
        return "\n".join(
            f"-- {file.relative_to(CHECKOUT)}\n{file.read_text()}" for file in self.files
        )


def modules(manifest: Path = MANIFEST) -> list[Module]:
    """The manifest's modules in order.

    Raises:
        StackError: a line is malformed, a file is missing, or a file of a
            listed folder is not listed.
    """
    found: list[Module] = []
    for number, line in enumerate(manifest.read_text().splitlines(), start=1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        folder, colon, names = entry.partition(":")
        files = tuple(manifest.parent / folder.strip() / name for name in names.split())
        if not colon or not files:
            raise StackError(
                f"{manifest.name}, line {number}: {line!r} is not `folder: file …`.",
                "Write the module's folder, a colon, and its files.",
            )
        for file in files:
            if not file.is_file():
                raise StackError(
                    f"{manifest.name}, line {number}: there is no {folder.strip()}/{file.name}.",
                    "Add the file or take its name out of the line.",
                )
        found.append(Module(folder.strip(), files))
    listed = {file for module in found for file in module.files}
    for file in sorted(manifest.parent.rglob("*.sql")):
        if file not in listed:
            raise StackError(
                f"{file.relative_to(manifest.parent)} is in no line of {manifest.name}.",
                "Add it to its module's line.",
            )
    return found


def migrations(manifest: Path = MANIFEST) -> dict[str, str]:
    """File name and text of every migration that the source makes."""
    made: dict[str, str] = {}
    listed = modules(manifest)
    for position, module in enumerate(listed):
        name = f"{DAY}{position // 60:02d}{position % 60:02d}00_{module.name}.sql"
        head = f"-- Made from sql/{module.folder} by `make migrations`; edit that, not this.\n\n"
        last = f"\n{RELOAD}" if module is listed[-1] else ""
        made[name] = head + module.text() + last
    return made


def write_migrations() -> list[str]:
    """Bring supabase/migrations in step with sql/; returns the names that changed."""
    drifted = drift()
    wanted = migrations()
    MIGRATIONS.mkdir(parents=True, exist_ok=True)
    for name in drifted:
        if name in wanted:
            (MIGRATIONS / name).write_text(wanted[name])
        else:
            (MIGRATIONS / name).unlink()
    return drifted


def drift() -> list[str]:
    """Names of migrations that differ from what sql/ makes, are missing or are left over."""
    wanted = migrations()
    present = {path.name: path.read_text() for path in MIGRATIONS.glob("*.sql")}
    names = wanted.keys() | present.keys()
    return sorted(name for name in names if wanted.get(name) != present.get(name))


def apply_sql_source(url: str, include: Callable[[Module], bool] = lambda _: True) -> None:
    """Apply the modules of sql/ in the manifest's order, each in one transaction.

    Args:
        url: the database, as the role that owns the objects (`postgres`).
        include: which modules; `lambda module: module.is_core` leaves the packs out.

    Raises:
        StackError: a statement failed; the message has file context and error.
    """
    psql = pg.ensure()
    for module in modules():
        if not include(module):
            continue
        done = subprocess.run(
            [psql.bin / "psql", "-XqAt1", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", "-"],
            input=module.text(),
            env=psql.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StackError(
                f"sql/{module.folder} does not apply:\n{tail(done.stderr)}",
                "Line numbers count from the module's first file.",
            )
