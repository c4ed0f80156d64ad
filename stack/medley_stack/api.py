"""The process of the REST and auth API."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from medley_stack import ports
from medley_stack.errors import StackError
from medley_stack.paths import STACK
from medley_stack.process import tail

SERVER = STACK / "api" / "server.mjs"
SCHEMAS = "public,graphql_public"


def base_url(port: int) -> str:
    """The API's address, what supabase-py calls the project's URL."""
    return f"http://{ports.HOST}:{port}"


def is_running(pid: int) -> bool:
    """True when that process is one of our API servers."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return pid > 0 and str(SERVER).encode() in command


def start(node: Path, port: int, settings: Mapping[str, str], log: Path) -> int:
    """Start the server, wait until it answers, return its process id.

    Args:
        node: the Node.js program.
        port: where to listen.
        settings: environment that the server reads (see server.mjs).
        log: what it prints goes there.

    Raises:
        StackError: it ended or did not answer within 30 seconds.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        server = subprocess.Popen(
            [node, SERVER],
            cwd=STACK,
            env={**os.environ, **settings, "MEDLEY_API_PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        if answers(port):
            return server.pid
        time.sleep(0.05)
    stop(server.pid)
    raise StackError(
        f"The API server did not start:\n{tail(log.read_text(errors='replace'))}",
        f"The whole log is {log}.",
    )


def fingerprint(settings: Mapping[str, str]) -> str:
    """Differs when a running server was started with other settings or other scripts."""
    scripts = sorted(file for file in SERVER.parent.iterdir() if file.is_file())
    text = "".join(file.read_text() for file in scripts) + repr(sorted(settings.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def answers(port: int) -> bool:
    """True when something speaks HTTP on the port."""
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=2)
    try:
        connection.request("GET", "/auth/v1/health")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def stop(pid: int) -> None:
    """End the server and wait until it is gone."""
    if not is_running(pid):
        return
    os.kill(pid, signal.SIGTERM)
    for _ in range(100):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if not is_running(pid):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
