"""What the functions of training answer; see `_models`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A model that was trained.

    Attributes:
        is_active: Whether it is in use.
        text_model: The model of the text vectors that it was trained on.
        num_training_samples: Pairs that it learnt from.
        validation_loss: On pairs held out to say when to stop, in nats.
        accuracy: Share of pairs held out that it tells right, 0 to 1.
        metrics: What else was measured.
        heads: By kind of engagement: `intercept`, `similarity`, `rate`.
        activated_at: When it last came into use; None for never.
    """

    version: str
    model_type: str
    is_active: bool
    text_model: str
    training_start_at: datetime | None
    training_end_at: datetime | None
    num_training_samples: int | None
    validation_loss: float | None
    accuracy: float | None
    metrics: Mapping[str, Any]
    model_weights_url: str | None
    heads: Mapping[str, Any]
    activated_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TrainingPairs:
    """How many training pairs were written: engaged with, and only shown."""

    positives: int
    negatives: int


@dataclass(frozen=True, slots=True)
class Activation:
    """What an activation looked at.

    Attributes:
        items: Items that have their place by the version now.
        members: Members that have.
        is_complete: Whether that was all; otherwise a job places the rest within minutes.
    """

    items: int
    members: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """A member and an item as they stood just before the item was shown, and what came of it.

    Attributes:
        label: Whether the member engaged.
        engagement: The kind of the strongest engagement; None for a negative.
        engagements: All kinds that happened.
        dwell_ms: How long the item was in view, at most.
        position: Place in the list in which it was shown, from 0.
        algorithm_version: The set that the pair belongs to.
        interaction_at: The moment: everything else is as of it.
        user_history: `recent_items` and `recent_likes`, ids, newest first.
        user_embedding: 384 numbers as text, `[1,2,...]`: the member's taste; None for none.
        item_embedding: The same of the item's text.
        item_metadata: `counts` by kind, `published_at`, `age_hours`.
    """

    pair_id: int
    user_id: str
    item_id: str
    kind: str
    label: bool
    engagement: str | None
    engagements: tuple[str, ...]
    dwell_ms: int | None
    position: int | None
    algorithm_version: str
    interaction_at: datetime
    user_history: Mapping[str, Any]
    user_embedding: str | None
    item_title: str
    item_embedding: str | None
    item_metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OldEvents:
    """Events in one partition of the log that are old enough to go."""

    partition_name: str
    events: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True)
class OldPairs:
    """Pairs of one set that are old enough to go; `oldest` and `newest` are their moments."""

    algorithm_version: str
    pairs: int
    oldest: datetime
    newest: datetime
