"""Medley: personalization inside a Supabase database, called from Python.

from medley import Medley

medley = Medley(url, publishable_key)
medley.supabase.auth.sign_in_with_password({"email": email, "password": password})
for event in medley.personalized_feed(limit=5):
    print(event.title, event.score, event.reasons)
"""

from ._async import AsyncMedley
from ._errors import (
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
    UnexpectedAnswer,
)
from ._models import (
    CalendarEvent,
    EngineStatus,
    FeedEvent,
    GenreNode,
    Page,
    RegisteredItem,
    SimilarGenre,
)
from ._sync import Medley

__version__ = "0.1.0"

__all__ = [
    "AsyncMedley",
    "CalendarEvent",
    "Conflict",
    "Cycle",
    "EngineStatus",
    "FeedEvent",
    "Forbidden",
    "GenreNode",
    "InvalidArgument",
    "InvalidCursor",
    "Medley",
    "MedleyError",
    "NotFound",
    "NotInstalled",
    "Page",
    "RegisteredItem",
    "SimilarGenre",
    "TimedOut",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
]
