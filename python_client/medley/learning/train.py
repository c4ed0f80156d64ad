"""From pairs to a model that may be published: split by time, train, fit heads, measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from . import heads, metrics
from .evaluate import Measured, compare
from .pairs import Pairs
from .two_tower import Options, Training, train, untrained

#: Oldest to newest: to learn from, to say when to stop and to fit heads on, to measure on.
SHARES = (0.8, 0.1, 0.1)

_FEWEST = 20


class TooFewPairs(Exception):  # noqa: N818 -- named as a state, like the errors of the client
    """There is not enough to learn from, or to tell whether anything was learnt."""


@dataclass(frozen=True, slots=True)
class Report:
    """A trained model and how good it is.

    Attributes:
        training: The towers and the losses of each epoch.
        heads: One for each kind of engagement.
        pairs: How many pairs were learnt from, validated on, and tested on.
        validation_loss: The loss of the best epoch, in nats.
        accuracy: Share of the test's pairs that are told right, 0 to 1.
        measured: On the test's pairs; see `compare`.
        calibration: By kind, on the test's pairs: engagements predicted for each that happened.
        losses: The logistic loss of each pair that was learnt from or validated on, by its id.
        started_at: When the training began.
        ended_at: When it ended.
    """

    training: Training
    heads: tuple[heads.Head, ...]
    pairs: Mapping[str, int]
    validation_loss: float
    accuracy: float
    measured: Mapping[str, Measured]
    calibration: Mapping[str, float]
    losses: Mapping[int, float]
    started_at: datetime
    ended_at: datetime

    def metadata(self, text_model: str | None) -> dict[str, Any]:
        """As `Medley.create_model_version` takes it."""
        measured = {name: _finite(asdict(found)) for name, found in self.measured.items()}
        return {
            "text_model": text_model,
            "training_start_at": self.started_at,
            "training_end_at": self.ended_at,
            "num_training_samples": self.pairs["training"],
            "validation_loss": self.validation_loss,
            "accuracy": self.accuracy,
            "metrics": {
                "pairs": dict(self.pairs),
                "epoch": self.training.epoch,
                "untrained_loss": self.training.losses[0][1],
                "device": self.training.device,
                "test": measured,
                "calibration": _finite(self.calibration),
            },
        }


def train_two_tower(
    pairs: Pairs,
    options: Options,
    progress: Callable[[int, float, float], None] = lambda *_: None,
) -> Report:
    """Trains a model, fits its heads, and measures it on the newest pairs.

    Args:
        pairs: With vectors on both sides.
        options: See `Options`.
        progress: As for `two_tower.train`.

    Raises:
        TooFewPairs: A part has fewer than 20 pairs of one label.
    """
    started_at = datetime.now(UTC)
    parts = pairs.split(*SHARES)
    for name, part in zip(("training", "validation", "test"), parts, strict=True):
        positives = int(part.labels.sum())
        if min(positives, len(part) - positives) < _FEWEST:
            raise TooFewPairs(
                f"{len(pairs):,} pairs with vectors leave {positives:,} positive and "
                f"{len(part) - positives:,} negative ones for {name}; {_FEWEST} of each are needed"
            )
    learn, validation, test = parts
    training = train(learn, validation, options, progress)

    cosine = training.model.cosine(validation)
    fitted = tuple(
        heads.fit(
            kind,
            cosine,
            validation.rates[:, place],
            validation.happened[:, place],
            validation.weights,
        )
        for place, kind in enumerate(pairs.kinds)
    )
    # Of the label, and of the pairs as they are: for losses and measures, not for serving.
    engaged = heads.fit(
        "engaged", cosine, validation.engaged_rates, validation.labels, np.ones(len(validation))
    )

    def told(part: Pairs) -> metrics.Floats:
        return engaged.probability(training.model.cosine(part), part.engaged_rates)

    seen = pairs.take(pairs.times < test.times.min())
    losses = metrics.log_loss(told(seen), seen.labels)
    return Report(
        training=training,
        heads=fitted,
        pairs={"training": len(learn), "validation": len(validation), "test": len(test)},
        validation_loss=training.losses[training.epoch][1],
        accuracy=float(((told(test) >= 0.5) == test.labels).mean()),
        measured=compare(training.model, untrained(options.seed), engaged, seen, test),
        calibration=_calibration(fitted, training, test),
        losses=dict(zip(seen.ids.tolist(), losses.tolist(), strict=True)),
        started_at=started_at,
        ended_at=datetime.now(UTC),
    )


def _calibration(
    fitted: tuple[heads.Head, ...], training: Training, test: Pairs
) -> dict[str, float]:
    """Predicted for each that happened, of the kinds that happened often enough to tell."""
    cosine = training.model.cosine(test)
    found = {}
    for place, head in enumerate(fitted):
        happened = test.happened[:, place]
        if happened.sum() >= _FEWEST:
            predicted = head.probability(cosine, test.rates[:, place])
            found[head.kind] = float(test.weights @ predicted / (test.weights @ happened))
    return found


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    """JSON has no NaN: what says nothing is left out."""
    return {name: value for name, value in values.items() if np.isfinite(value)}
