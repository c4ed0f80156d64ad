"""A project with the studio's functions, and the services that they ask, both local."""

from __future__ import annotations

import base64
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
from medley_stack.paths import FUNCTIONS

from tests.database import medley_database
from tests.functions.conftest import Project

PLATFORMS = Path(__file__).parents[1] / "platforms.ts"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a secret of the webhooks").decode()
KEYS = {name: base64.b64encode(name.encode() * 16).decode() for name in ("k1", "k2")}


@dataclass(frozen=True, slots=True)
class Platforms:
    """The server that stands for Spotify, Apple Music, YouTube and Replicate."""

    url: str

    def set(self, *, fail: list[dict[str, Any]] | None = None, **world: Any) -> None:
        """What the platforms know from now on, and how they fail."""
        body = {"world": world, "fail": fail or []}
        httpx.post(f"{self.url}/_control", json=body).raise_for_status()

    def state(self) -> dict[str, Any]:
        """The world, and the requests since the last change."""
        found: dict[str, Any] = httpx.get(f"{self.url}/_control").json()
        return found


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who is signed in."""

    id: str
    token: str


@dataclass(frozen=True, slots=True)
class Studio:
    """A project, with shorthands for what the studio's tests do."""

    project: Project
    variables: dict[str, str]

    def call(self, function: str, key: str | None = None, **body: Any) -> httpx.Response:
        """Post to a function, with a member's token or a key."""
        return self.project.call("POST", function, key=key, json=body)

    def service(self, function: str, **body: Any) -> Any:
        """Post to a function with the secret key; what it answers."""
        answer = self.call(function, self.project.secret_key, **body)
        assert answer.is_success, answer.text
        return answer.json()

    def set(self, **secrets: str) -> None:
        """Change the functions' secrets; those left out are as at the beginning."""
        lines = [f"{name}={value}\n" for name, value in (self.variables | secrets).items()]
        text = "".join(lines)
        if text != self.project.secrets.read_text():
            self.project.secrets.write_text(text)

    def member(self) -> Member:
        """A new member."""
        answer = self.project.client().auth.sign_up(
            {"email": f"{time.time_ns()}@example.com", "password": "correct horse"}
        )
        assert answer.session is not None
        assert answer.user is not None
        return Member(answer.user.id, answer.session.access_token)


@pytest.fixture(scope="session")
def platforms_server(deno: Path) -> Iterator[Platforms]:
    port = ports.any_free()
    server = subprocess.Popen(
        [deno, "run", "--quiet", "--no-config", "--allow-net", "--allow-env", PLATFORMS, str(port)]
    )
    found = Platforms(f"http://127.0.0.1:{port}")
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


@pytest.fixture
def platforms(platforms_server: Platforms) -> Platforms:
    """The platforms, in good health."""
    platforms_server.set()
    return platforms_server


@pytest.fixture(scope="session")
def studio_server(
    platforms_server: Platforms, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio")
    secrets = folder / ".env"
    url = platforms_server.url
    variables = {
        "SPOTIFY_API_URL": url,
        "SPOTIFY_ACCOUNTS_URL": url,
        "SPOTIFY_CLIENT_ID": "id",
        "SPOTIFY_CLIENT_SECRET": "word",
        "OAUTH_KEYS": json.dumps({"k1": KEYS["k1"]}),
        "OAUTH_KEY_ID": "k1",
        "SYNC_REQUEST_INTERVAL_MS": "0",
        "SYNC_ATTEMPTS": "2",
        "GENERATION_PROVIDER": "replicate",
        "REPLICATE_URL": url,
        "REPLICATE_API_TOKEN": "replicate-token",
        "REPLICATE_VERSION": "a-model",
        "REPLICATE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    secrets.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    with medley_database(name="studio", factories=False) as database:
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
            project = Project(api.base_url(port), publishable, secret, database, secrets)
            yield Studio(project, variables)
        finally:
            api.stop(pid)
            print(log.read_text())  # noqa: T201 -- shown with a failure


@pytest.fixture
def studio(studio_server: Studio, platforms: Platforms) -> Studio:
    """The studio with no connections and no requests in it."""
    del platforms
    studio_server.set()
    studio_server.project.database.execute(
        """
        delete from public.oauth_connections where true;
        delete from medley.history_imports where true;
        delete from public.generated_tracks where true;
        delete from medley.provider_events where true;
        """
    )
    return studio_server
