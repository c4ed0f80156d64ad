"""Medley: personalization inside a Supabase database, called from Python.

from medley import Medley

medley = Medley(url, publishable_key)
medley.supabase.auth.sign_in_with_password({"email": email, "password": password})
for item in medley.recommendations(limit=5):
    print(item.title, item.score, item.reason)
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
    QuotaExceeded,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
)
from ._models import (
    CalendarEvent,
    EngagementResult,
    EngineStatus,
    Experiment,
    ExperimentResult,
    Explanation,
    FeedEvent,
    GenreNode,
    ImportJob,
    ImportProgress,
    ItemFeatures,
    Page,
    Recommendation,
    RegisteredItem,
    Setlist,
    SetlistSong,
    SetlistVote,
    SimilarGenre,
    SimilarItem,
    TasteFeature,
    TrendingArtist,
    TrendingItem,
    UnembeddedItem,
)
from ._sync import Medley

__version__ = "0.1.0"

__all__ = [
    "AsyncMedley",
    "CalendarEvent",
    "Conflict",
    "Cycle",
    "EngagementResult",
    "EngineStatus",
    "Experiment",
    "ExperimentResult",
    "Explanation",
    "FeedEvent",
    "Forbidden",
    "GenreNode",
    "ImportJob",
    "ImportProgress",
    "InvalidArgument",
    "InvalidCursor",
    "ItemFeatures",
    "Medley",
    "MedleyError",
    "NotFound",
    "NotInstalled",
    "Page",
    "QuotaExceeded",
    "Recommendation",
    "RegisteredItem",
    "Setlist",
    "SetlistSong",
    "SetlistVote",
    "SimilarGenre",
    "SimilarItem",
    "TasteFeature",
    "TimedOut",
    "TooLarge",
    "TrendingArtist",
    "TrendingItem",
    "Unauthenticated",
    "Unavailable",
    "UnembeddedItem",
    "UnexpectedAnswer",
]
