"""How the client asks. Made by `make_sync.py` from the asynchronous one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

import httpx
from postgrest.exceptions import APIError
from postgrest.types import ReturnMethod
from supabase import Client

from ._errors import Unauthenticated, error_from, role_of
from ._functions import answer_json
from ._models import Page
from ._rpc import Call

T = TypeVar("T")

# Writes answer with a status only: a policy may let a member write a row and not read it.
NOTHING = ReturnMethod.minimal
# Seconds without a byte: a sync of many histories takes long.
_FUNCTION_SECONDS = 150


class _Request(Protocol):
    def execute(self) -> Any: ...


class Calls:
    """Calls of the API, writes to tables, and edge functions: what every part is made of."""

    supabase: Client
    _retries: int

    def _function(self, name: str) -> str:
        return f"{str(self.supabase.supabase_url).rstrip('/')}/functions/v1/{name}"

    def _post(self, function: str, body: Mapping[str, Any]) -> Any:
        """What an edge function answers."""
        with httpx.Client(timeout=_FUNCTION_SECONDS) as http:
            try:
                answer = http.post(self._function(function), json=body, headers=self._headers())
            except httpx.HTTPError as problem:
                raise error_from(problem) from problem
        return answer_json(answer)

    def _headers(self) -> dict[str, str]:
        """Who asks an edge function: the signed-in member, or the key alone."""
        key = self.supabase.supabase_key
        session = self.supabase.auth.get_session()
        token = session.access_token if session else key
        return {"apikey": key, "Authorization": f"Bearer {token}"}

    def _member(self, user_id: str | None) -> str:
        """The member to write for: named, or signed in with this client.

        Known before anything is sent, because a delete with the secret key is bound by no policy:
        without a member in its filter it would reach everyone's rows.
        """
        if user_id is not None:
            return user_id
        session = self.supabase.auth.get_session()
        if session is None:
            raise Unauthenticated(
                "no member is signed in with this client",
                hint="Sign in with client.supabase.auth, or name the member with user_id.",
            )
        return session.user.id

    def _insert(self, table: str, row: dict[str, str]) -> None:
        self._send(
            self.supabase.table(table).upsert(
                row, on_conflict=",".join(row), ignore_duplicates=True, returning=NOTHING
            )
        )

    def _delete(self, table: str, key: dict[str, str]) -> None:
        self._send(self.supabase.table(table).delete(returning=NOTHING).match(key))

    def _pages(self, page_at: Callable[[str | None], Call[Page[T]]]) -> Iterator[T]:
        """The rows of all pages, each fetched when the one before is used up."""
        cursor: str | None = None
        while True:
            page = self._call(page_at(cursor))
            yield from page
            cursor = page.next_cursor
            if cursor is None:
                return

    def _call(self, call: Call[T]) -> T:
        request = self.supabase.rpc(call.function, dict(call.params))
        return call.parse(self._send(request, retries=self._retries if call.read else 0))

    def _send(self, request: _Request, *, retries: int = 0) -> Any:
        attempt = 0
        while True:
            try:
                return (request.execute()).data
            except (APIError, httpx.HTTPError) as problem:
                asked = self.supabase.postgrest.headers.get("Authorization", "")
                error = error_from(problem, role=role_of(asked))
                if attempt >= retries or not error.transient:
                    raise error from problem
            # 0.1 s, 0.2 s, 0.4 s …, up to half as much again so that clients do not return in step.
            time.sleep(0.1 * 2**attempt * random.uniform(1.0, 1.5))  # noqa: S311
            attempt += 1
