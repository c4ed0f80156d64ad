"""Edge functions: how an answer that is no answer is read, and server-sent events.

Nothing here does I/O.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
from postgrest.exceptions import APIError

from ._errors import MedleyError, UnexpectedAnswer, error_from
from ._models import ImportProgress, parse_row


def refusal(answer: httpx.Response) -> MedleyError:
    """The exception for an answer with a status of 400 and up, whose body has been read."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    # Functions answer as the database does; without `details` the gateway speaks.
    if not isinstance(body, dict) or "details" not in body:
        message = body.get("message") if isinstance(body, dict) else None
        status = f"HTTP status {answer.status_code}"
        body = {"code": str(answer.status_code), "message": message or status}
    return error_from(APIError(body))


def answer_json(answer: httpx.Response) -> Any:
    """What a function answered.

    Raises:
        MedleyError: It refused.
        UnexpectedAnswer: It is not JSON.
    """
    if answer.is_error:
        raise refusal(answer)
    try:
        return answer.json()
    except ValueError:
        raise UnexpectedAnswer("the function answered something else than JSON") from None


class Updates:
    """Server-sent events of import-progress, line by line.

    Attributes:
        known: The id of the last event; what to send as Last-Event-ID to go on after it.
    """

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self._fields: dict[str, str] = {}
        self.known: str | None = None

    def headers(self) -> Mapping[str, str]:
        """What a connection sends so as to go on where the last one ended."""
        self._fields.clear()
        return {} if self.known is None else {"Last-Event-ID": self.known}

    def feed(self, line: str) -> ImportProgress | None:
        """Take in a line; the update that it completes, if any."""
        if line:
            name, _, value = line.partition(":")
            # A line that begins with a colon shows that the stream lives.
            if name:
                self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        if "data" not in fields or "id" not in fields:
            return None
        try:
            update = parse_row(
                ImportProgress, {"update_no": int(fields["id"]), **json.loads(fields["data"])}
            )
        except ValueError:
            raise UnexpectedAnswer(f"an event of {self._job_id} is not JSON") from None
        self.known = fields["id"]
        return update
