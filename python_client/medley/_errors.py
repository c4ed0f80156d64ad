"""What can go wrong, as exceptions chosen by the stable code that the database sends.

`docs/errors.md` lists the codes. An error without one (PostgreSQL's own, PostgREST's,
the network's) is mapped to the class that a caller would handle it by.
"""
# ruff: noqa: N818 -- the classes are named after the codes: NotFound is not_found.

from __future__ import annotations

import base64
import json
import re
from typing import Any, ClassVar

import httpx
from postgrest.exceptions import APIError


class MedleyError(Exception):
    """Anything that Medley refused or failed to do.

    Attributes:
        message: What happened, naming the value.
        code: The stable code (`docs/errors.md`); None where the error is not the database's.
        hint: The next step, in words; None where there is none.
        argument: The argument that was refused, as the database names it; None if no single one.
        sqlstate: The code that came with the answer (SQLSTATE or PostgREST's), for logs.
    """

    stable_code: ClassVar[str | None] = None
    transient: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        argument: str | None = None,
        code: str | None = None,
        sqlstate: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.argument = argument
        self.code = code or self.stable_code
        self.sqlstate = sqlstate

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InvalidArgument(MedleyError):
    """An argument is missing, malformed or out of range."""

    stable_code = "invalid_argument"


class InvalidCursor(InvalidArgument):
    """The cursor is damaged or belongs to another query."""

    stable_code = "invalid_cursor"


class Unauthenticated(MedleyError):
    """The call needs a signed-in member, or the key is wrong."""

    stable_code = "unauthenticated"


class Forbidden(MedleyError):
    """The caller may not act for that member or on that row."""

    stable_code = "forbidden"


class NotFound(MedleyError):
    """Nothing visible has that id or slug."""

    stable_code = "not_found"


class Conflict(MedleyError):
    """The change contradicts what is stored."""

    stable_code = "conflict"


class Cycle(Conflict):
    """The parent or source would close a cycle."""

    stable_code = "cycle"


class TooLarge(MedleyError):
    """The input holds more than one call accepts."""

    stable_code = "too_large"


class QuotaExceeded(MedleyError):
    """The allowance of the day is used up."""

    stable_code = "quota_exceeded"


class Unavailable(MedleyError):
    """No answer, or one that another attempt may change: network, gateway, deadlock, restart."""

    transient = True


class TimedOut(MedleyError):
    """The call outlived its time budget; the same call would take as long again."""


class NotInstalled(MedleyError):
    """The database lacks this function or table: no Medley, or one older than the client."""


class UnexpectedAnswer(MedleyError):
    """The answer lacks what this version of the client needs."""


#: The exception of every stable code of medley.error_codes and docs/errors.md.
ERRORS_BY_CODE: dict[str, type[MedleyError]] = {
    error.stable_code: error
    for error in (
        InvalidArgument,
        InvalidCursor,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        Cycle,
        TooLarge,
        QuotaExceeded,
    )
    if error.stable_code
}

# SQLSTATEs of PostgreSQL and codes of PostgREST; the longest prefix wins.
_ERRORS_BY_PREFIX: dict[str, type[MedleyError]] = {
    "22": InvalidArgument,
    "23502": InvalidArgument,
    "23503": NotFound,
    "23505": Conflict,
    "23514": InvalidArgument,
    "40": Unavailable,
    "42501": Forbidden,
    "42883": NotInstalled,
    "42P01": NotInstalled,
    "3F000": NotInstalled,
    "53": Unavailable,
    "54": TooLarge,
    "57014": TimedOut,
    "57P": Unavailable,
    "08": Unavailable,
    "PT400": InvalidArgument,
    "PT401": Unauthenticated,
    "PT403": Forbidden,
    "PT404": NotFound,
    "PT409": Conflict,
    "PT413": TooLarge,
    "PT429": QuotaExceeded,
    "PT503": Unavailable,
    "PGRST0": Unavailable,
    "PGRST1": InvalidArgument,
    "PGRST202": NotInstalled,
    "PGRST205": NotInstalled,
    "PGRST3": Unauthenticated,
}

# A gateway's page instead of PostgREST's JSON: supabase-py then gives the HTTP status as the code.
_ERRORS_BY_STATUS: dict[str, type[MedleyError]] = {
    "400": InvalidArgument,
    "401": Unauthenticated,
    "403": Forbidden,
    "404": NotInstalled,
    "409": Conflict,
    "413": TooLarge,
    "429": Unavailable,
    "502": Unavailable,
    "503": Unavailable,
    "504": Unavailable,
    "520": Unavailable,
}


def _detail(details: object) -> dict[str, Any]:
    if isinstance(details, dict):
        return details
    if isinstance(details, str) and details.lstrip().startswith("{"):
        try:
            parsed = json.loads(details)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}
    return {}


def _class_for(sqlstate: str, message: str) -> type[MedleyError]:
    if sqlstate in _ERRORS_BY_STATUS:
        return _ERRORS_BY_STATUS[sqlstate]
    for length in range(len(sqlstate), 1, -1):
        found = _ERRORS_BY_PREFIX.get(sqlstate[:length])
        if found:
            return found
    # The API gateway refuses a wrong key before PostgREST sees it, with no code at all.
    if "api key" in message.lower() or "jwt" in message.lower():
        return Unauthenticated
    return MedleyError


# PostgreSQL's detail; it leaves the key out for those who do not read the table whole.
_MISSING_KEY = re.compile(r'^Key (?:\(\w+\)=\((.*)\) )?is not present in table "(\w+)"')


def _nothing_has_that_key(details: object) -> str | None:
    """The sentence for a row that names another which is not there; None for anything else."""
    missing = _MISSING_KEY.match(details) if isinstance(details, str) else None
    if missing is None:
        return None
    key, table = missing.groups()
    noun = "member" if table == "users" else table.removesuffix("s").replace("_", " ")
    return f"there is no {noun} {key}" if key else f"there is no such {noun}"


def role_of(authorization: str) -> str | None:
    """The database role that a key or a session's token asks as; None for one that does not say.

    Args:
        authorization: The header of that name.
    """
    token = authorization.removeprefix("Bearer ")
    if token.startswith("sb_publishable_"):
        return "anon"
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    role = claims.get("role") if isinstance(claims, dict) else None
    return role if isinstance(role, str) else None


def error_from(problem: APIError | httpx.HTTPError, *, role: str | None = None) -> MedleyError:
    """The exception for what supabase-py raised.

    Args:
        problem: The error of PostgREST's client, or of the HTTP library below it.
        role: Who asked (`role_of`), where it is known: PostgreSQL refuses with one and the same
            code those who have to sign in and those who need another key.

    Returns:
        The exception to raise; its class is chosen by the stable code, then by SQLSTATE.
    """
    if not isinstance(problem, APIError):
        return Unavailable(
            f"no answer from the API: {str(problem) or type(problem).__name__}",
            hint="Check the URL and that the project is running.",
        )
    detail = _detail(problem.details)
    code, argument = detail.get("code"), detail.get("argument")
    message = problem.message or "the API refused the call without saying why"
    sqlstate = problem.code or ""
    error = ERRORS_BY_CODE.get(code) if isinstance(code, str) else None
    if error is None and sqlstate == "42501" and role == "anon":
        return Unauthenticated(message, hint="Sign in, or use the secret key.", sqlstate=sqlstate)
    # Policies refuse rows with the same code; there the secret key is no advice.
    no_grant = sqlstate == "42501" and message.startswith("permission denied")
    if error is None and no_grant and role == "authenticated":
        return Forbidden(message, hint="This call needs the secret key.", sqlstate=sqlstate)
    nothing = _nothing_has_that_key(problem.details) if sqlstate == "23503" else None
    if nothing:
        return NotFound(nothing, hint="Check the id; it may be gone.", sqlstate=sqlstate)
    return (error or _class_for(sqlstate, message))(
        message,
        hint=problem.hint or None,
        argument=argument if isinstance(argument, str) else None,
        code=code if isinstance(code, str) else None,
        sqlstate=sqlstate or None,
    )
