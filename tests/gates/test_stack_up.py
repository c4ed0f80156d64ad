"""`make up` in a clone of its own: idempotent, beside others, after a crash, and in words."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from medley_stack import ports, toolchain
from medley_stack.errors import StackError
from medley_stack.paths import CHECKOUT, STACK, VENV
from medley_stack.process import run
from medley_stack.source import modules

MIGRATION = "create table public.first (id int);\nnotify pgrst, 'reload schema';\n"


@dataclass(frozen=True, slots=True)
class Clone:
    """A copy of the stack with one small migration; it shares the installed tools."""

    folder: Path

    def call(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        ours = re.compile(r"MEDLEY_(INSTANCE|EXPOSE)|DATABASE_URL|SUPABASE_")
        kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
        return subprocess.run(
            [sys.executable, "-m", "medley_stack", *arguments],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": "stack", **extra},
            capture_output=True,
            text=True,
            check=False,
        )

    def up(self, **extra: str) -> dict[str, str]:
        done = self.call("up", **extra)
        assert done.returncode == 0, done.stderr
        return self.variables()

    def variables(self) -> dict[str, str]:
        lines = (self.folder / ".medley/env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def ask(self, question: str) -> str:
        done = self.call("psql", "-XAtc", question)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def processes(self) -> list[str]:
        state = (self.folder / ".medley/state.json").read_text()
        return [
            *re.findall(r'"api_pid": (\d+)', state),
            self.ask("select pg_postmaster_start_time()"),
        ]


def copy_of_the_stack(folder: Path) -> Clone:
    shutil.copytree(
        STACK, folder / "stack", ignore=shutil.ignore_patterns("node_modules", "__pycache__")
    )
    for name in ("pyproject.toml", "requirements"):
        (folder / name).symlink_to(CHECKOUT / name)
    (folder / "supabase/migrations").mkdir(parents=True)
    shutil.copy(CHECKOUT / "supabase/config.toml", folder / "supabase")
    (folder / "supabase/migrations/20260101000000_first.sql").write_text(MIGRATION)
    (folder / "stack/node_modules").symlink_to(STACK / "node_modules")
    (folder / ".medley").mkdir()
    # Up to date, so that no clone installs itself into the environment that it borrows.
    toolchain.python()
    (folder / ".medley/venv").symlink_to(VENV)
    return Clone(folder)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    made = copy_of_the_stack(tmp_path_factory.mktemp("clone"))
    yield made
    made.call("destroy")


def test_it_starts_beside_others_and_takes_free_ports(clone: Clone) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ports.is_free(54322):
            taken.bind((ports.HOST, 54322))
            taken.listen()
        found = clone.up()
    assert ":54322/" not in found["DATABASE_URL"]
    assert re.fullmatch(r"sb_publishable_\w{32}", found["SUPABASE_PUBLISHABLE_KEY"])
    assert re.fullmatch(r"sb_secret_\w{32}", found["SUPABASE_SECRET_KEY"])
    assert clone.ask("select to_regclass('public.first')") == "first"
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{found['SUPABASE_URL']}/rest/v1/first",
        headers={"apikey": found["SUPABASE_SECRET_KEY"], "User-Agent": "test"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)  # noqa: S310 - our own server
    assert caught.value.code == 403  # found, and not granted
    assert (clone.folder / ".medley/env").stat().st_mode & 0o077 == 0


def test_again_it_changes_nothing(clone: Clone) -> None:
    before, running = clone.up(), clone.processes()
    assert clone.up() == before
    assert clone.processes() == running


def test_a_new_migration_is_applied(clone: Clone) -> None:
    second = clone.folder / "supabase/migrations/20260101000100_second.sql"
    second.write_text("create table public.second (id int);\n")
    clone.up()
    assert clone.ask("select to_regclass('public.second')") == "second"


def test_a_migration_that_fails_leaves_nothing_and_is_shown(clone: Clone) -> None:
    broken = clone.folder / "supabase/migrations/20260101000200_broken.sql"
    broken.write_text("create table public.half (id int);\nselect 1 / 0;\n")
    done = clone.call("up")
    broken.unlink()
    assert done.returncode == 1
    assert "division by zero" in done.stderr
    assert "next step:" in done.stderr
    assert "Traceback" not in done.stderr
    assert clone.ask("select to_regclass('public.half') is null") == "t"


def test_a_rewritten_migration_asks_for_a_reset(clone: Clone) -> None:
    first = clone.folder / "supabase/migrations/20260101000000_first.sql"
    first.write_text(MIGRATION + "-- rewritten\n")
    done = clone.call("up")
    assert (done.returncode, "make reset" in done.stderr) == (1, True)
    assert clone.call("reset").returncode == 0
    assert clone.ask("select to_regclass('public.first')") == "first"


def test_what_was_killed_is_started_again_on_its_ports(clone: Clone) -> None:
    before = clone.up()
    clone.ask("create table public.kept (id int)")
    api_pid, _ = clone.processes()
    os.kill(int(api_pid), signal.SIGKILL)
    data = Path(re.search(r"data +(\S+)", clone.call("status").stdout)[1])  # type: ignore[index]
    os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    # Its children end by themselves; until then a start may be refused.
    for _ in range(20):
        if clone.call("up").returncode == 0:
            break
    assert clone.variables() == before
    assert clone.ask("select to_regclass('public.kept')") == "kept"


def test_down_keeps_the_data_and_reset_the_keys(clone: Clone) -> None:
    before = clone.up()
    assert clone.call("down").returncode == 0
    assert clone.call("status").returncode == 3
    assert clone.up() == before
    assert clone.ask("select to_regclass('public.kept')") == "kept"
    assert clone.call("reset").returncode == 0
    assert clone.variables() == before
    assert clone.ask("select to_regclass('public.kept') is null") == "t"


def test_a_given_database_is_used_instead(clone: Clone, tmp_path: Path) -> None:
    url = clone.up()["DATABASE_URL"]
    other = copy_of_the_stack(tmp_path)
    theirs = clone.folder / "supabase/migrations"
    shutil.copytree(theirs, tmp_path / "supabase/migrations", dirs_exist_ok=True)
    try:
        assert other.up(DATABASE_URL=url)["DATABASE_URL"] == url
        assert "stopped" in other.call("status").stdout
    finally:
        other.call("destroy")
    assert clone.ask("select 1") == "1"


def test_a_given_database_that_is_no_project_is_refused(clone: Clone, tmp_path: Path) -> None:
    url = clone.up()["DATABASE_URL"]
    clone.ask("create database plain")
    other = copy_of_the_stack(tmp_path)
    plain = other.call("up", DATABASE_URL=url.removesuffix("/postgres") + "/plain")
    gone = other.call("up", DATABASE_URL="postgresql://postgres@127.0.0.1:1/postgres")
    other.call("destroy")
    assert "auth.users" in plain.stderr
    assert "bootstrap.sql" in plain.stderr
    assert "does not answer" in gone.stderr
    assert "Traceback" not in plain.stderr + gone.stderr


def test_exec_gives_variables_and_programs(clone: Clone) -> None:
    found = clone.up()
    shown = clone.call(
        "exec", "--", "sh", "-c", "echo $SUPABASE_URL; psql --version; deno --version"
    )
    assert shown.stdout.startswith(f"{found['SUPABASE_URL']}\npsql (PostgreSQL) ")
    assert "deno 2" in shown.stdout
    missing = clone.call("exec", "--", "no-such-program")
    assert (missing.returncode, "no-such-program" in missing.stderr) == (1, True)


# Missing or wrong tools ------------------------------------------------------------------------


def script(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def fresh(tmp_path: Path) -> Clone:
    """A clone whose tools are still to be installed."""
    made = copy_of_the_stack(tmp_path / "clone")
    (made.folder / ".medley/venv").unlink()
    (made.folder / "stack/node_modules").unlink()
    return made


def explained(done: subprocess.CompletedProcess[str]) -> str:
    """The message of a failure: words and a next step, never a stack trace."""
    assert done.returncode == 1
    assert "next step:" in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_python_without_venv_is_explained(tmp_path: Path) -> None:
    made = fresh(tmp_path)
    # `python3 -m medley_stack` works, a second Python without ensurepip does not.
    poor = script(tmp_path / "bin", "python3", "exit 1")
    program = f"import sys; sys.executable = {str(poor)!r}; from medley_stack import cli; "
    done = subprocess.run(
        [sys.executable, "-c", program + "sys.exit(cli.main(['up']))"],
        cwd=made.folder,
        env={**os.environ, "PYTHONPATH": "stack"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "python3-venv" in explained(done)


def test_an_unreachable_package_index_is_explained(tmp_path: Path) -> None:
    nowhere = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}
    done = fresh(tmp_path).call("up", **nowhere, PIP_CONFIG_FILE=os.devnull)
    assert "package index" in explained(done)


def test_an_old_node_is_replaced_or_explained(tmp_path: Path) -> None:
    made = fresh(tmp_path)
    (made.folder / ".medley/venv").symlink_to(VENV)
    old = script(tmp_path / "bin", "node", "echo v16.20.0").parent
    script(old, "npm", "exit 1")
    nowhere = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    path = f"{old}:{os.environ['PATH']}"
    if (VENV / "bin/node").exists():
        return  # this machine has the replacement already
    assert "16, too old" in explained(made.call("up", PATH=path, **nowhere))


def test_a_failing_npm_is_explained(tmp_path: Path) -> None:
    made = fresh(tmp_path)
    (made.folder / ".medley/venv").symlink_to(VENV)
    good = script(tmp_path / "bin", "node", "echo v22.0.0").parent
    script(good, "npm", "echo 'npm error network'; exit 1")
    message = explained(made.call("up", PATH=f"{good}:{os.environ['PATH']}"))
    assert "npm error network" in message
    assert "npm ping" in message


def test_a_full_disk_is_named() -> None:
    with pytest.raises(StackError) as caught:
        run(
            ["sh", "-c", "echo 'cp: No space left on device'; exit 1"],
            what="Copying",
            next_step="other",
        )
    assert "disk is full" in caught.value.next_step


def test_an_old_python_is_told_so_in_words_that_it_can_parse() -> None:
    text = (STACK / "medley_stack/__main__.py").read_text()
    compile(text, "__main__.py", "exec")
    assert text.index("sys.version_info") < text.index("from medley_stack")


# The manifest ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("core/a tables.sql", "folder: file"),
        ("core/a:", "folder: file"),
        ("core/a: b.sql", "b.sql"),
    ],
)
def test_a_wrong_line_of_the_manifest_is_named(tmp_path: Path, line: str, problem: str) -> None:
    (tmp_path / "manifest").write_text(f"# order\n{line}\n")
    with pytest.raises(StackError, match=problem) as caught:
        modules(tmp_path / "manifest")
    assert "line 2" in caught.value.problem


def test_a_file_that_no_line_lists_is_named(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core/a.sql").write_text("select 1;\n")
    (tmp_path / "core/b.sql").write_text("select 2;\n")
    (tmp_path / "manifest").write_text("core: a.sql\n")
    with pytest.raises(StackError, match=r"core/b\.sql"):
        modules(tmp_path / "manifest")
