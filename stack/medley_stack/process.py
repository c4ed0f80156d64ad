"""Running programs, and the account that may run a database server."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from medley_stack.errors import StackError


def say(message: str) -> None:
    """Progress for people, on stderr, so that stdout stays for results."""
    print(f"medley: {message}", file=sys.stderr, flush=True)


def need(command: str, next_step: str) -> str:
    """The path of a program, or the way to get it."""
    found = shutil.which(command)
    if found is None:
        raise StackError(f"The program `{command}` is missing.", next_step)
    return found


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server: PostgreSQL refuses root."""

    uid: int
    gid: int
    name: str

    @classmethod
    def for_server(cls) -> Account:
        """Oneself; for root the account `postgres`, else `nobody`."""
        if os.geteuid() != 0:
            me = os.geteuid()
            try:
                name = pwd.getpwuid(me).pw_name
            except KeyError:
                name = str(me)
            return cls(me, os.getegid(), name)
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid, name)
        raise StackError(
            "PostgreSQL does not run as root, and there is no account `postgres` or `nobody`.",
            "Create one (`useradd --system postgres`) or run as an ordinary user.",
        )

    @property
    def is_other(self) -> bool:
        """True when we are root and the server is somebody else."""
        return self.uid != os.geteuid()

    def run(
        self, command: Sequence[str | Path], env: Mapping[str, str], output: Path
    ) -> subprocess.CompletedProcess[bytes]:
        """Run as this account with output appended to a file (a daemon would hold a pipe open)."""
        with output.open("ab") as log:
            return subprocess.run(
                [str(part) for part in command],
                cwd="/",
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                user=self.uid if self.is_other else None,
                group=self.gid if self.is_other else None,
                extra_groups=[] if self.is_other else None,
            )

    def reaches(self, folder: Path) -> bool:
        """True when this account may enter the folder."""
        probe = subprocess.run(
            ["test", "-x", str(folder)],
            cwd="/",
            check=False,
            user=self.uid if self.is_other else None,
            group=self.gid if self.is_other else None,
            extra_groups=[] if self.is_other else None,
        )
        return probe.returncode == 0

    def own(self, *paths: Path) -> None:
        """Give files to this account."""
        if self.is_other:
            for path in paths:
                os.chown(path, self.uid, self.gid)


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    next_step: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Run a program and return what it printed; a failure shows its last lines.

    Args:
        command: program and arguments.
        what: the work in words, for the message of a failure.
        next_step: what the user can do about a failure.
        cwd: working folder.
        env: the whole environment, default ours.
        stdin: text for its standard input.

    Raises:
        StackError: the program failed.
    """
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=None if env is None else dict(env),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise StackError(
            f"{what} failed:\n{tail(done.stdout)}", disk_hint(done.stdout) or next_step
        )
    return done.stdout


def tail(text: str, lines: int = 15) -> str:
    """The last lines of a program's output, indented."""
    return "\n".join(f"  | {line}" for line in text.strip().splitlines()[-lines:])


def disk_hint(text: str) -> str:
    """The next step when the output says that the disk is full, else nothing."""
    full = "No space left on device" in text or "ENOSPC" in text
    return "The disk is full: free about 2 GB and run the command again." if full else ""


@contextmanager
def lock(path: Path, busy: str) -> Iterator[None]:
    """Hold a file lock; says whom it waits for, and waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        # A child that outlives us (the server) must not keep the lock.
        os.set_inheritable(handle.fileno(), False)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting: {busy}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
