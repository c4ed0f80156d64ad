"""Database clusters: made by copying a template, started, stopped.

A template is a data folder of a hosted-like empty project, kept in the cache
for each (binaries, bootstrap, expose). Another cluster is a copy of it, which
takes well under a second, so a test can have one to itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from medley_stack import binaries as pg
from medley_stack import ports
from medley_stack.errors import StackError
from medley_stack.paths import STACK, Instance, cache_dir
from medley_stack.process import Account, lock, run, say, tail

BOOTSTRAP = (STACK / "bootstrap.sql", STACK / "auth.sql")
EXPOSE = ("on", "off")
# As hosted: texts are ordered by ICU; what is a letter the C library says, for all of Unicode.
LOCALE = ("--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8")
SUPERUSER = "supabase_admin"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data folder, the programs that serve it, and its port."""

    data: Path
    port: int
    binaries: pg.Binaries

    def url(self, role: str = "postgres") -> str:
        """Its address for a role; connections from this machine need no password."""
        return f"postgresql://{role}@{ports.HOST}:{self.port}/postgres"

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self.data.with_name(self.data.name + ".log")

    def is_running(self) -> bool:
        """True when its server process is alive (a killed one may leave its pid file)."""
        return _live_pid(self.data) is not None

    def start(self, *, durable: bool = True) -> None:
        """Start the server and wait until it answers.

        Args:
            durable: false for clusters that nobody misses after a power cut.
        """
        account = Account.for_server()
        if _live_pid(self.data) is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        settings = self.data / "medley.conf"
        settings.write_text(_settings(self.port, durable))
        account.own(settings)
        self.log.touch()
        account.own(self.log)
        if self._control("start", "-w", "-t", "120", "-l", self.log) != 0:
            text = self.log.read_text(errors="replace")
            full = "No space left" in text
            raise StackError(
                f"PostgreSQL did not start:\n{tail(text)}",
                "Free disk space and run the command again."
                if full
                else f"The whole log is {self.log}.",
            )

    def stop(self, *, fast: bool = True) -> None:
        """Stop the server; `fast` writes a checkpoint, otherwise it just ends."""
        if self.is_running():
            self._control("stop", "-w", "-t", "120", "-m", "fast" if fast else "immediate")

    def psql(self, *arguments: str | Path, role: str = "postgres", stdin: str | None = None) -> str:
        """Run the matching psql without the user's own settings; returns its output."""
        psql = str(self.binaries.bin / "psql")
        return run(
            [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url(role), *arguments],
            what="psql",
            next_step=f"The server's log is {self.log}.",
            env=self.binaries.environment,
            stdin=stdin,
        )

    def hold_jobs(self) -> None:
        """Keep pg_cron from starting jobs by the clock; before 1.5 it cannot be kept from it."""
        setting = "select name from pg_settings where name = 'cron.launch_active_jobs'"
        if self.psql("-tAc", setting, role=SUPERUSER).strip():
            self.psql(
                *("-c", "alter system set cron.launch_active_jobs = off"),
                *("-c", "select pg_reload_conf()"),
                role=SUPERUSER,
            )

    def _control(self, *arguments: str | Path) -> int:
        command = [self.binaries.bin / "pg_ctl", "-D", self.data, *arguments]
        output = self.data.with_name(self.data.name + ".control.log")
        return Account.for_server().run(command, self.binaries.environment, output).returncode


def _live_pid(data: Path) -> int | None:
    """The server's process, if it is alive and not a zombie that nobody reaped."""
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        status = Path(f"/proc/{pid}/status").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_text()
    except (OSError, ValueError, IndexError):
        return None
    alive = not re.search(r"^State:\s*Z", status, flags=re.MULTILINE)
    return pid if alive and str(data) in command else None


def port_of(data: Path) -> int | None:
    """The port that a running server of this folder listens on."""
    try:
        return int((data / "postmaster.pid").read_text().splitlines()[3])
    except (OSError, ValueError, IndexError):
        return None


def _settings(port: int, durable: bool) -> str:
    """Configuration for two cores; the memory follows the machine's."""
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    memory = pages * page // 2**20
    shared = max(128, min(1024, memory // 8)) if durable else 128
    lines = [
        f"listen_addresses = '{ports.HOST}'",
        f"port = {port}",
        # The path of a socket is limited to about 100 bytes; TCP has no such limit.
        "unix_socket_directories = ''",
        "shared_preload_libraries = 'pg_stat_statements,pg_cron'",
        "cron.database_name = 'postgres'",
        f"cron.host = '{ports.HOST}'",
        "wal_level = logical",
        "jit = off",
        f"shared_buffers = {shared}MB",
        f"effective_cache_size = {memory // 2}MB",
        "work_mem = 32MB",
        "maintenance_work_mem = 256MB",
        "max_wal_size = 4GB",
        "random_page_cost = 1.1",
        "max_parallel_workers = 2",
        "max_parallel_workers_per_gather = 1",
        "log_line_prefix = '%m %u '",
    ]
    if not durable:
        lines += ["fsync = off", "synchronous_commit = off", "full_page_writes = off"]
    return "\n".join(lines) + "\n"


def template(binaries: pg.Binaries, expose: str) -> Path:
    """The data folder of an empty hosted-like project; made on first use.

    Args:
        binaries: the PostgreSQL to make it with.
        expose: `on` or `off`, whether new objects are granted to the API roles.
    """
    if expose not in EXPOSE:
        raise StackError(f"expose={expose!r} is not known.", "Use on or off.")
    recipe = "".join(path.read_text() for path in BOOTSTRAP) + binaries.root.name + "".join(LOCALE)
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    folder = cache_dir() / f"template-{binaries.version}-{expose}-{digest}"
    if not folder.is_dir():
        with lock(cache_dir() / "template.lock", "another run is making the database template"):
            if not folder.is_dir():
                _make_template(folder, binaries, expose)
    return folder


def _make_template(folder: Path, binaries: pg.Binaries, expose: str) -> None:
    """initdb, bootstrap, stop, rename; an interrupted run leaves nothing in place."""
    say(f"preparing an empty hosted-like database (expose={expose})")
    account = Account.for_server()
    for leftover in folder.parent.glob("making-template*"):
        if leftover.is_dir():
            Cluster(leftover, 0, binaries).stop(fast=False)
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
    data = folder.with_name("making-template")
    data.mkdir(mode=0o700)
    account.own(data)
    log = data.with_name("making-template.initdb.log")
    initdb = [
        str(binaries.bin / "initdb"),
        "-D",
        str(data),
        "-U",
        SUPERUSER,
        "-A",
        "trust",
        "-E",
        "UTF8",
    ]
    initdb += [*LOCALE, "--no-sync"]
    if account.run(initdb, binaries.environment, log).returncode != 0:
        text = log.read_text(errors="replace")
        raise StackError(f"initdb failed:\n{tail(text)}", "Free disk space if it is full.")
    with (data / "postgresql.conf").open("a") as handle:
        handle.write("include_if_exists = 'medley.conf'\n")
    cluster = Cluster(data, ports.any_free(), binaries)
    cluster.start(durable=False)
    try:
        for path in BOOTSTRAP:
            cluster.psql("-1", "-v", f"expose={expose}", "-f", path, role=SUPERUSER)
        # A copy must not carry more log than an empty database needs.
        cluster.psql("-c", "checkpoint", role=SUPERUSER)
    finally:
        cluster.stop()
    (data / "medley.conf").unlink()
    data.rename(folder)


def create(data: Path, binaries: pg.Binaries, expose: str) -> None:
    """A new data folder from the template, complete or not there at all."""
    source = template(binaries, expose)
    unfinished = data.with_name(data.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    run(
        ["cp", "-a", "--reflink=auto", source, unfinished],
        what="Copying the database template",
        next_step="Free disk space if it is full, then run the command again.",
    )
    unfinished.rename(data)


def remove(data: Path) -> None:
    """Delete a stopped cluster with what lies beside it."""
    shutil.rmtree(data, ignore_errors=True)
    for path in data.parent.glob(data.name + ".*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def home(instance: Instance) -> Path:
    """Where an instance's clusters lie: with the checkout, else in the cache.

    Started by root, the server runs as another account, which cannot enter a
    checkout below a private home.
    """
    instance.folder.mkdir(parents=True, exist_ok=True)
    if Account.for_server().reaches(instance.folder):
        return instance.folder
    folder = cache_dir() / "clusters" / instance.key
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def scratch(expose: str = "off", name: str = "scratch") -> Iterator[Cluster]:
    """A fresh running cluster that is gone afterwards.

    Args:
        expose: whether new objects are granted to the API roles (`on` or `off`).
        name: a word that tells its folder from others.

    Yields:
        The cluster; `url()` connects as `postgres`, `url("supabase_admin")` as superuser.
    """
    folder = cache_dir() / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    binaries = pg.ensure()
    _sweep(folder)
    data = folder / f"{os.getpid()}-{time.monotonic_ns()}-{name}"
    create(data, binaries, expose)
    cluster = Cluster(data, ports.any_free(), binaries)
    try:
        try:
            cluster.start(durable=False)
        except StackError:
            # Somebody took the port between the choice and the start.
            cluster = Cluster(data, ports.any_free(), binaries)
            cluster.start(durable=False)
        yield cluster
    finally:
        cluster.stop(fast=False)
        remove(data)


def _sweep(folder: Path) -> None:
    """Remove what test runs that were killed left behind."""
    for data in folder.iterdir():
        owner = data.name.partition("-")[0]
        if data.is_dir() and owner.isdigit() and not Path(f"/proc/{owner}").exists():
            pid = _live_pid(data)
            if pid is not None:
                os.kill(pid, signal.SIGQUIT)
            remove(data)


def version_of(url: str, binaries: pg.Binaries) -> int | None:
    """The major version of the server at an address, or nothing when it does not answer."""
    asked = subprocess.run(
        [binaries.bin / "psql", "-XAtq", "-d", url, "-c", "show server_version_num"],
        env=binaries.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return int(asked.stdout) // 10000 if asked.returncode == 0 else None
