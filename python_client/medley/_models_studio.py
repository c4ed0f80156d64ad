"""What the studio's functions answer; see `_models`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A track that was asked for.

    Attributes:
        status: queued, unless a repeated request finds it further on.
        remaining: How many more the member may ask for today.
        resets_at: When the allowance begins anew.
    """

    track_id: str
    status: str
    remaining: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class GenerationStatus:
    """How a request stands.

    Attributes:
        status: queued, generating, completed or failed.
        progress: Per cent.
        queue_position: From 1, while it is queued.
        attempts: How often it was begun.
        error: What went wrong last; with `generating` it is being tried again.
        url: Where the audio is, once it is completed.
        duration: Its length in seconds.
        match_percentage: How near it is to its source, or to the member's taste.
    """

    track_id: str
    status: str
    progress: int
    queue_position: int | None
    attempts: int
    error: str | None
    url: str | None
    duration: int | None
    match_percentage: int | None
    explanation: str | None

    @property
    def finished(self) -> bool:
        """True when it is completed or failed."""
        return self.status in ("completed", "failed")


@dataclass(frozen=True, slots=True)
class GenerationQuota:
    """What a member may still ask for today (UTC).

    Attributes:
        plan: free, premium or another of the app's.
        daily_limit: Requests a day.
        daily_count: Those of today.
    """

    plan: str
    daily_limit: int
    daily_count: int
    remaining: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class FailedGeneration:
    """A request that failed for good."""

    track_id: str
    user_id: str
    mode: str
    attempts: int
    error: str | None
    created_at: datetime
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class TasteVector:
    """What a member's taste sounds like.

    Attributes:
        model_version: The model of the vector; only vectors of one model compare.
        embedding: 768 numbers of unit length.
    """

    model_version: str
    embedding: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SoundAlike:
    """A track or recording that sounds like another.

    Attributes:
        kind: track (generated) or recording.
        similarity: The cosine, -1 to 1.
    """

    item_id: str
    kind: str
    title: str
    similarity: float


@dataclass(frozen=True, slots=True)
class SimilarBand:
    """A band whose style is near that of another; `similarity` is the cosine."""

    band_id: str
    name: str
    similarity: float


@dataclass(frozen=True, slots=True)
class MusicEmbedding:
    """A row of the cache of vectors that is near a vector.

    Attributes:
        track_id: The id at the source.
        source: Where the vector comes from.
        similarity: The cosine.
    """

    id: str
    track_id: str | None
    track_name: str
    artist: str
    genre: tuple[str, ...]
    source: str
    similarity: float


@dataclass(frozen=True, slots=True)
class PlaylistTrack:
    """A track on a playlist.

    Attributes:
        user_id: Whose track it is.
        duration: In seconds.
    """

    track_id: str
    title: str
    url: str | None
    duration: int | None
    user_id: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class HistoryCursor:
    """Where the import of a history stands.

    Attributes:
        history_cursor: The platform's own words.
        imported: Plays in all.
    """

    history_cursor: str | None
    imported: int
    last_played_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Connection:
    """An account elsewhere that was connected.

    Attributes:
        expires_at: When its access token ends; it is renewed by itself.
        scopes: What the member allowed.
    """

    connection_id: str
    platform: str
    expires_at: datetime | None
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HistorySync:
    """What became of one history.

    Attributes:
        duplicates: Plays that were there.
        refused: Plays that lack what a play needs.
        done: Whether it was read to its end; else the next sync goes on.
        error: A code of docs/studio.md where it failed: `connection_expired` means that the member
            must connect again. What was imported before stays.
    """

    user_id: str
    platform: str
    imported: int
    duplicates: int
    refused: int
    done: bool
    error: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """What a rotation of the keys of tokens did.

    Attributes:
        key_id: The key in use.
        rotated: How many connections' tokens are under it now that were not before.
        left: Those that are not, with `connection_id`, `key_id` and `error`: key_missing,
            token_unreadable, or conflict where they changed meanwhile.
        done: False where time was over: rotate again.
    """

    key_id: str
    rotated: int
    left: tuple[Mapping[str, Any], ...]
    done: bool
