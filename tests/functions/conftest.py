"""A project of its own with edge functions run by Deno, and the sources they ask, both local."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from medley_stack import api, ports, toolchain
from medley_stack.paths import FUNCTIONS, NODE_BIN
from supabase import Client, create_client

from tests.database import Database, medley_database

SOURCES = Path(__file__).with_name("sources.ts")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A server that stands for outside services, with recorded answers."""

    url: str

    def set(self, *, fail: list[dict[str, Any]] | None = None, **world: Any) -> None:
        """Change what the services know, and how they fail from now on."""
        body = {"world": world, "fail": fail or []}
        httpx.post(f"{self.url}/_control", json=body).raise_for_status()

    def state(self) -> dict[str, Any]:
        """The world, and the requests since the last change."""
        found: dict[str, Any] = httpx.get(f"{self.url}/_control").json()
        return found

    def requests(self) -> list[str]:
        """The paths that were asked for since the last change."""
        return [request["path"] for request in self.state()["requests"]]


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who is signed in."""

    id: str
    token: str


@dataclass(frozen=True, slots=True)
class Project:
    """An API server with its functions, on a database of its own."""

    url: str
    publishable_key: str
    secret_key: str
    database: Database
    secrets: Path

    def client(self, key: str | None = None) -> Client:
        return create_client(self.url, key or self.publishable_key)

    def call(
        self, method: str, function: str, *, key: str | None = None, **options: Any
    ) -> httpx.Response:
        """One call of a function, with a key or a member's token."""
        token = key or self.publishable_key
        headers = {"apikey": self.publishable_key, "authorization": f"Bearer {token}"}
        headers |= options.pop("headers", {})
        url = f"{self.url}/functions/v1/{function}"
        return httpx.request(method, url, headers=headers, timeout=90, **options)

    def member(self) -> Member:
        """A new member."""
        answer = self.client().auth.sign_up(
            {"email": f"{time.time_ns()}@example.com", "password": "correct horse"}
        )
        assert answer.session is not None
        assert answer.user is not None
        return Member(answer.user.id, answer.session.access_token)

    def start(self, **artist: Any) -> dict[str, Any]:
        """Start an import as the service; returns the answer."""
        answer = self.call("POST", "import-artist", key=self.secret_key, json=artist)
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def status(self, job_id: str) -> dict[str, Any]:
        """The row of import_status."""
        rows = self.database.rows(
            "select to_jsonb(s) from public.import_status as s where s.job_id = %s", job_id
        )
        found: dict[str, Any] = rows[0][0]
        return found

    def wait(self, job_id: str, *, until: tuple[str, ...] = ("done", "failed")) -> dict[str, Any]:
        """Wait until the job is at one of these stages; returns its row."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            status = self.status(job_id)
            if status["stage"] in until:
                return status
            time.sleep(0.05)
        raise AssertionError(f"still {status['stage']}: {status}")

    def finish(self, **artist: Any) -> dict[str, Any]:
        """Start an import and wait for its end."""
        return self.wait(self.start(**artist)["job_id"])

    def processes(self, function: str) -> list[int]:
        """The processes that run a function."""
        wanted = f"MEDLEY_FUNCTION={FUNCTIONS / function / 'index.ts'}".encode()
        address = f"SUPABASE_URL={self.url}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                variables = (folder / "environ").read_bytes().split(b"\0")
                if wanted in variables and address in variables:
                    found.append(int(folder.name))
        return found


@pytest.fixture(scope="session")
def deno() -> Path:
    """The Deno of the stack."""
    return NODE_BIN / "deno"


@contextlib.contextmanager
def recorded(deno: Path, script: Path) -> Iterator[Recorded]:
    """Run a script that answers for outside services."""
    port = ports.any_free()
    server = subprocess.Popen(
        [deno, "run", "--quiet", "--no-config", "--allow-net", "--allow-env", script, str(port)]
    )
    found = Recorded(f"http://127.0.0.1:{port}")
    try:
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                found.state()
                break
            assert server.poll() is None
            time.sleep(0.05)
        yield found
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def serving(name: str, folder: Path, variables: dict[str, str]) -> Iterator[Project]:
    """Serve the API and the functions, which get these secrets, on a database of that name."""
    secrets = folder / ".env"
    secrets.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    with medley_database(name=name, factories=False) as database:
        publishable, secret = "sb_publishable_for_tests", "sb_secret_for_tests"
        settings = {
            "MEDLEY_DB_URL": database.cluster.url(),
            "MEDLEY_API_SCHEMAS": api.SCHEMAS,
            "MEDLEY_PUBLISHABLE_KEY": publishable,
            "MEDLEY_SECRET_KEY": secret,
            "MEDLEY_JWT_SECRET": "a-secret-of-at-least-32-characters-for-tests",
            "MEDLEY_FUNCTIONS": str(FUNCTIONS),
            "MEDLEY_FUNCTIONS_ENV": str(secrets),
        }
        port = ports.any_free()
        log = folder / "api.log"
        pid = api.start(toolchain.node(), port, settings, log)
        try:
            yield Project(api.base_url(port), publishable, secret, database, secrets)
        finally:
            api.stop(pid)
            print(log.read_text())  # noqa: T201 -- shown with a failure


@pytest.fixture(scope="session")
def sources_server(deno: Path) -> Iterator[Recorded]:
    """The server that stands for Spotify, Ticketmaster and setlist.fm."""
    with recorded(deno, SOURCES) as found:
        yield found


@pytest.fixture
def sources(sources_server: Recorded) -> Recorded:
    """The sources, in good health, with one artist of moderate fame."""
    sources_server.set(name="The Paper Kites of Mars", songs=45, events=12, setlists=25, delay=0)
    return sources_server


@pytest.fixture(scope="session")
def project_server(
    sources_server: Recorded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    variables = {
        "SPOTIFY_API_URL": sources_server.url,
        "SPOTIFY_ACCOUNTS_URL": sources_server.url,
        "SPOTIFY_CLIENT_ID": "id",
        "SPOTIFY_CLIENT_SECRET": "word",
        "TICKETMASTER_URL": sources_server.url,
        "TICKETMASTER_API_KEY": "key-of-ticketmaster",
        "SETLISTFM_URL": sources_server.url,
        "SETLISTFM_API_KEY": "key",
        "IMPORT_REQUEST_INTERVAL_MS": "0",
        "IMPORT_ATTEMPTS": "3",
        "IMPORT_TIMEOUT_MS": "1000",
        "IMPORT_PATIENCE_MS": "2000",
        "IMPORT_MAX_BYTES": "2000000",
        "IMPORT_POLL_MS": "50",
        "IMPORT_HEARTBEAT_MS": "200",
    }
    with serving("functions", tmp_path_factory.mktemp("functions"), variables) as project:
        project.database.execute(
            "update medley.settings set value = 2 where key = 'imports.lease_seconds'"
        )
        yield project


@pytest.fixture
def project(project_server: Project) -> Project:
    """The project with no import in it and no catalogue."""
    project_server.database.execute(
        """
        -- In the order in which workers take their locks: one may still be at it.
        delete from medley.import_jobs where true;
        delete from public.import_status where true;
        delete from public.setlists where true;
        delete from public.events where true;
        delete from public.songs where true;
        delete from public.artists where true;
        delete from public.venues where true;
        """
    )
    return project_server


def events_of(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    """Id, name and data of the server-sent events in a text."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "data" in fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found
