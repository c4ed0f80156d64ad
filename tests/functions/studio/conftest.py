"""A project with the studio's functions, and the services that they ask, both local."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functions.conftest import Member, Project, Recorded, recorded, serving

PLATFORMS = Path(__file__).parents[1] / "platforms.ts"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a secret of the webhooks").decode()
KEYS = {name: base64.b64encode(name.encode() * 16).decode() for name in ("k1", "k2")}


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
        return self.project.member()


@pytest.fixture(scope="session")
def platforms_server(deno: Path) -> Iterator[Recorded]:
    """The server that stands for Spotify, Apple Music, YouTube and Replicate."""
    with recorded(deno, PLATFORMS) as found:
        yield found


@pytest.fixture
def platforms(platforms_server: Recorded) -> Recorded:
    """The platforms, in good health."""
    platforms_server.set()
    return platforms_server


@pytest.fixture(scope="session")
def studio_server(
    platforms_server: Recorded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
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
    with serving("studio", tmp_path_factory.mktemp("studio"), variables) as project:
        yield Studio(project, variables)


@pytest.fixture
def studio(studio_server: Studio, platforms: Recorded) -> Studio:
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
