"""The error codes: the same in the table, in the code that raises, in the docs, in the client."""

from __future__ import annotations

import re

from medley._errors import ERRORS_BY_CODE
from medley_stack.paths import CHECKOUT, FUNCTIONS
from medley_stack.source import SQL

from tests.database import Database

DOCS = CHECKOUT / "docs" / "errors.md"


def documented() -> dict[str, tuple[int, str]]:
    database, _, _ = DOCS.read_text().partition("## Edge functions")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+?) \|", database, flags=re.MULTILINE)
    return {code: (int(status), meaning) for code, status, meaning in rows}


def stored(database: Database) -> dict[str, tuple[int, str]]:
    rows = database.rows("select code, http_status, meaning from medley.error_codes")
    return {code: (status, meaning) for code, status, meaning in rows}


def test_the_docs_list_every_code_with_its_status_and_meaning(pushed: Database) -> None:
    assert documented() == stored(pushed)


def test_the_code_raises_these_and_no_others(pushed: Database) -> None:
    texts = [file.read_text() for file in SQL.rglob("*.sql")]
    raised = {code for text in texts for code in re.findall(r"medley\.fail\(\s*'(\w+)'", text)}
    assert raised == set(stored(pushed))


def test_the_docs_list_every_code_of_the_functions(pushed: Database) -> None:
    text = "".join(file.read_text() for file in FUNCTIONS.rglob("*.ts"))
    codes = {*re.findall(r"new ApiError\(\s*\d+,\s*\"(\w+)\"", text)}
    codes |= {*re.findall(r"\"(source_\w+)\"", text)}
    codes |= {*re.findall(r"(?:failure|Unreadable)\(\"(\w+)\"", text)}
    _, _, functions = DOCS.read_text().partition("## Edge functions")
    rows = re.findall(r"^\| (`.+?`) \|", functions, flags=re.MULTILINE)
    listed = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    # What stalls is ended by a job of the database.
    assert listed == codes - set(stored(pushed)) | {"stalled"}


def test_the_client_has_an_exception_for_each(pushed: Database) -> None:
    assert set(ERRORS_BY_CODE) == set(stored(pushed))
