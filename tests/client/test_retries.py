"""Reads are tried again after what may pass; writes and refusals are not. Against a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from medley import AsyncMedley, InvalidArgument, Medley, Unavailable


class Flaky(ThreadingHTTPServer):
    """Answers with the given statuses in turn, then with an empty list."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses: list[int] = []
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Flaky

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests += 1
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        body = b"[]" if status == 200 else json.dumps({"message": "no", "code": "22023"}).encode()
        if status == 503:
            body = b"<html>the gateway is busy</html>"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Flaky]:
    with Flaky() as flaky:
        thread = Thread(target=flaky.serve_forever)
        thread.start()
        yield flaky
        flaky.shutdown()
        thread.join()


def test_a_read_survives_two_failures(server: Flaky) -> None:
    server.statuses = [503, 503]
    assert Medley(server.url, "key").genre_tree() == ()
    assert server.requests == 3


def test_a_read_gives_up_after_its_retries(server: Flaky) -> None:
    server.statuses = [503] * 9
    with pytest.raises(Unavailable):
        Medley(server.url, "key", retries=1).genre_tree()
    assert server.requests == 2


def test_a_write_is_sent_once(server: Flaky) -> None:
    server.statuses = [503]
    with pytest.raises(Unavailable):
        Medley(server.url, "key").register_items([{"kind": "x", "title": "y"}])
    server.statuses = [503]
    with pytest.raises(Unavailable):
        Medley(server.url, "key").follow_item("item", user_id="member")
    assert server.requests == 2


def test_a_refusal_is_final(server: Flaky) -> None:
    server.statuses = [400]
    with pytest.raises(InvalidArgument):
        Medley(server.url, "key").similar_genres("x", limit=0)
    assert server.requests == 1


def test_the_asynchronous_client_does_the_same(server: Flaky) -> None:
    server.statuses = [503]
    assert asyncio.run(AsyncMedley(server.url, "key").genre_tree()) == ()
    assert server.requests == 2
