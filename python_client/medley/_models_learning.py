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
