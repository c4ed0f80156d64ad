"""Every failure has the exception that a caller would handle it by."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medley import (
    Conflict,
    Cycle,
    Forbidden,
    InvalidArgument,
    InvalidCursor,
    MedleyError,
    NotFound,
    NotInstalled,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from medley._errors import ERRORS_BY_CODE, error_from, role_of
from postgrest.exceptions import APIError


def raised(**answer: Any) -> MedleyError:
    return error_from(APIError({"message": "no", "hint": None, "details": None, **answer}))


@pytest.mark.parametrize("code", sorted(ERRORS_BY_CODE))
def test_a_stable_code_decides(code: str) -> None:
    error = raised(
        code="PT400", details=f'{{"code": "{code}", "argument": "p_limit"}}', hint="Ask for less."
    )
    assert type(error) is ERRORS_BY_CODE[code]
    assert (error.code, error.argument, error.hint) == (code, "p_limit", "Ask for less.")
    assert "Ask for less." in str(error)


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("42501", Forbidden),
        ("22P02", InvalidArgument),
        ("22P05", InvalidArgument),
        ("22003", InvalidArgument),
        ("23514", InvalidArgument),
        ("23502", InvalidArgument),
        ("23503", NotFound),
        ("23505", Conflict),
        ("40001", Unavailable),
        ("40P01", Unavailable),
        ("57014", TimedOut),
        ("57P01", Unavailable),
        ("54000", TooLarge),
        ("42883", NotInstalled),
        ("42P01", NotInstalled),
        ("PGRST202", NotInstalled),
        ("PGRST205", NotInstalled),
        ("PGRST301", Unauthenticated),
        ("PGRST003", Unavailable),
        ("PGRST100", InvalidArgument),
        ("PT404", NotFound),
        ("401", Unauthenticated),
        ("403", Forbidden),
        ("413", TooLarge),
        ("429", Unavailable),
        ("503", Unavailable),
        ("XX000", MedleyError),
        ("", MedleyError),
    ],
)
def test_without_a_stable_code_the_sqlstate_decides(
    sqlstate: str, expected: type[MedleyError]
) -> None:
    error = raised(code=sqlstate)
    assert type(error) is expected
    assert error.sqlstate == (sqlstate or None)


@pytest.mark.parametrize(
    ("details", "says"),
    [
        ('Key (post_id)=(7c2) is not present in table "posts".', "there is no post 7c2"),
        ('Key (user_id)=(7c2) is not present in table "users".', "there is no member 7c2"),
        ('Key is not present in table "setlist_songs".', "there is no such setlist song"),
    ],
)
def test_a_row_that_is_not_there_is_named_in_plain_words(details: str, says: str) -> None:
    error = raised(code="23503", message="violates a foreign key", details=details)
    assert type(error) is NotFound
    assert (error.message, bool(error.hint)) == (says, True)


def test_a_wrong_key_is_unauthenticated_although_the_gateway_sends_no_code() -> None:
    error = error_from(APIError({"message": "Invalid API key", "hint": "Double check it."}))
    assert type(error) is Unauthenticated


def test_the_role_of_a_key_or_token_is_read_and_never_guessed() -> None:
    def token(claims: object) -> str:
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return f"Bearer e30.{body}.signature"

    assert role_of("Bearer sb_publishable_x") == "anon"
    assert role_of(token({"role": "anon"})) == "anon"
    assert role_of(token({"role": "authenticated", "sub": "x"})) == "authenticated"
    for unclear in ("", "key", "Bearer sb_secret_x", "Bearer a.b.c", token([]), token({"role": 1})):
        assert role_of(unclear) is None


@pytest.mark.parametrize(
    ("message", "role", "expected", "hint"),
    [
        ("permission denied for function f", "anon", Unauthenticated, "Sign in"),
        ("permission denied for function f", "authenticated", Forbidden, "This call needs"),
        ("permission denied for function f", "service_role", Forbidden, None),
        ("permission denied for function f", None, Forbidden, None),
        ("new row violates row-level security policy", "anon", Unauthenticated, "Sign in"),
        ("new row violates row-level security policy", "authenticated", Forbidden, None),
    ],
)
def test_who_asked_decides_what_a_missing_right_means(
    message: str, role: str | None, expected: type[MedleyError], hint: str | None
) -> None:
    error = error_from(APIError({"message": message, "code": "42501"}), role=role)
    assert type(error) is expected
    assert error.hint is None if hint is None else str(error.hint).startswith(hint)


def test_no_answer_at_all_is_unavailable_and_may_pass() -> None:
    error = error_from(httpx.ConnectError("refused"))
    assert type(error) is Unavailable
    assert error.transient


def test_special_cases_can_be_caught_as_the_general_one() -> None:
    assert issubclass(InvalidCursor, InvalidArgument)
    assert issubclass(Cycle, Conflict)


anything = st.none() | st.text() | st.integers() | st.dictionaries(st.text(), st.text())


@given(message=st.none() | st.text(), code=st.none() | st.text(), details=anything, hint=st.text())
def test_whatever_the_server_sends_there_is_an_exception(
    message: str | None, code: str | None, details: Any, hint: str
) -> None:
    error = raised(message=message, code=code, details=details, hint=hint)
    assert isinstance(error, MedleyError)
    assert error.message


@given(st.text())
def test_a_detail_that_is_no_object_is_no_code(details: str) -> None:
    assert raised(code="42501", details=details).code == "forbidden"
