"""The page that lists everything in `public`."""

from __future__ import annotations

from tests.database import Database
from tests.gates.reference import PAGE, first_sentence, page


def test_the_reference_is_what_the_catalogue_has(pushed: Database) -> None:
    assert PAGE.read_text() == page(pushed)


def test_a_sentence_ends_at_its_stop() -> None:
    assert first_sentence("Up to 1.5 km. More.") == "Up to 1.5 km."
    assert first_sentence("One | two: three") == "One \\| two: three."
