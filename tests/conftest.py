"""Fixtures that all tests share: the database, and clients of the running API."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from medley_stack import instance
from medley_stack.cluster import SUPERUSER
from medley_stack.paths import Instance
from medley_stack.source import Module
from supabase import Client, create_client
from xdist.scheduler import LoadScopeScheduling

from tests.database import Database, everything, medley_database

pytest_plugins = ["tests.pgtap"]


# Folders whose tests share a stack or what takes long to make.
TOGETHER = re.compile(r"tests/(client|functions|gates|learning)/")


class ByFolder(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each worker a file at a time, or all of a folder that belongs together."""

    def _split_scope(self, nodeid: str) -> str:
        whole = TOGETHER.match(nodeid)
        return whole[0] if whole else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder:
    """Share the tests out among the workers, each of which has databases of its own."""
    return ByFolder(config, log)


@contextmanager
def quiet_database(name: str, include: Callable[[Module], bool]) -> Iterator[Database]:
    """A database in which nothing runs by itself: no job, and no gathering of statistics."""
    with medley_database(
        expose=os.environ.get("MEDLEY_EXPOSE", "off"), name=name, include=include
    ) as made:
        # Plans made of statistics of rows that a test is about to roll back can take minutes.
        with psycopg.connect(made.cluster.url(SUPERUSER), autocommit=True) as superuser:
            superuser.execute("alter system set autovacuum = off")
            superuser.execute("select pg_reload_conf()")
        yield made


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    """Medley on a scratch cluster; what a test commits here it takes away again."""
    with quiet_database("tests", everything) as made:
        yield made


@pytest.fixture(scope="session")
def core() -> Iterator[Database]:
    """The same without any pack: the core's own .sql tests run here."""
    with quiet_database("core", lambda module: module.is_core) as made:
        yield made


@pytest.fixture(scope="session")
def new_database() -> Callable[..., AbstractContextManager[Database]]:
    """Makes further databases, for tests that commit; see `medley_database`."""
    return medley_database


@dataclass(frozen=True, slots=True)
class Api:
    """The API server of the test stack and the keys to it."""

    url: str
    publishable_key: str
    secret_key: str
    database_url: str

    def client(self, key: str | None = None) -> Client:
        """A new client; without a key it is nobody."""
        return create_client(self.url, key or self.publishable_key)


@dataclass(frozen=True, slots=True)
class Member:
    """A signed-up member: the id, and a client with the member's session."""

    id: str
    email: str
    client: Client


@pytest.fixture(scope="session")
def api() -> Api:
    """The running test stack: from the environment, else from the env file it wrote."""
    found = {**instance.variables(Instance("test")), **os.environ}
    names = ("SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY", "DATABASE_URL")
    missing = [name for name in names if not found.get(name)]
    if missing:
        pytest.fail(f"{missing[0]} is not set: `MEDLEY_INSTANCE=test make up` starts the stack")
    return Api(*(found[name] for name in names))


@pytest.fixture(scope="session")
def anon(api: Api) -> Client:
    """A client that nobody signed in."""
    return api.client()


@pytest.fixture(scope="session")
def service(api: Api) -> Client:
    """A client with the secret key."""
    return api.client(api.secret_key)


@pytest.fixture(scope="session")
def sign_up(api: Api) -> Callable[[], Member]:
    """Signs up a new member each time it is called."""

    def make() -> Member:
        client = api.client()
        email = f"{uuid4().hex}@example.com"
        answer = client.auth.sign_up({"email": email, "password": uuid4().hex})
        assert answer.user is not None
        assert answer.session is not None
        return Member(answer.user.id, email, client)

    return make


@pytest.fixture
def member(sign_up: Callable[[], Member]) -> Member:
    """A new member."""
    return sign_up()


@pytest.fixture
def other_member(sign_up: Callable[[], Member]) -> Member:
    """Another new member."""
    return sign_up()
