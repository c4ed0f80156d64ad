"""The client's part for learning. Made by `make_sync.py` from the asynchronous one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from . import _rpc_learning as _rpc
from ._calls_sync import Calls
from ._models import Page
from ._models_learning import (
    Activation,
    ModelVersion,
    OldEvents,
    OldPairs,
    TrainingPair,
    TrainingPairs,
)

_PAIRS = 10_000
_PLACES = 1000


class Learning(Calls):
    """What `Medley` can do with training pairs and models (secret key)."""

    def generate_training_pairs(
        self,
        *,
        lookback_days: int | None = None,
        negative_ratio: float | None = None,
        kind: str | None = None,
        algorithm_version: str | None = None,
        user_id: str | None = None,
    ) -> TrainingPairs:
        """Writes training pairs from the log, each with the state of both sides as it was then.

        Args:
            lookback_days: How far back; 30 by default.
            negative_ratio: Items only shown, at most, for each item engaged with; 5 by default.
            kind: Only items of this kind.
            algorithm_version: Name of the set; that of the active model by default.
            user_id: Only pairs of this member.

        Returns:
            How many pairs were written; those that were there stay as they are.

        Raises:
            InvalidArgument: A lookback or a ratio out of range, no such kind.
            NotFound: There is no such member, or none with events.
            Forbidden: Not the secret key.
        """
        return self._call(
            _rpc.generate_training_pairs(
                lookback_days=lookback_days,
                negative_ratio=negative_ratio,
                kind=kind,
                algorithm_version=algorithm_version,
                user_id=user_id,
            )
        )

    def create_model_version(
        self,
        version: str,
        *,
        model_type: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Registers a model that was trained; returns its id.

        Args:
            version: Its name, for good.
            model_type: `two_tower` by default, which the database serves.
            metadata: `text_model`, `training_start_at`, `training_end_at`, `num_training_samples`,
                `validation_loss`, `accuracy`, `metrics`, `model_weights_url`; all optional.

        Raises:
            Conflict: The name is taken.
            InvalidArgument: A field cannot be read.
            Forbidden: Not the secret key.
        """
        return self._call(
            _rpc.create_model_version(version=version, model_type=model_type, metadata=metadata)
        )

    def set_model_weights(self, version: str, tower: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Writes rows of a tower of a version that was never active; returns how many.

        Args:
            version: The version.
            tower: `item` or `user`.
            rows: Objects with `row_no` (0 to 255), `weights` (384 numbers) and `bias`.

        Raises:
            NotFound: There is no such version.
            Conflict: It was active: its weights stay what they were.
            InvalidArgument: A row of another size, NaN, no such tower.
            Forbidden: Not the secret key.
        """
        return self._call(_rpc.set_model_weights(version=version, tower=tower, rows=rows))

    def set_model_heads(self, version: str, heads: Sequence[Mapping[str, Any]]) -> int:
        """Replaces the heads of a version that was never active; returns how many.

        Args:
            version: The version.
            heads: Objects with `kind`, `intercept`, `similarity` and `rate`.

        Raises:
            NotFound: There is no such version.
            Conflict: It was active: its heads stay what they were.
            InvalidArgument: No such kind, a kind twice, NaN.
            Forbidden: Not the secret key.
        """
        return self._call(_rpc.set_model_heads(version=version, heads=heads))

    def set_model_pairs(self, version: str, losses: Mapping[int, float]) -> int:
        """Notes which pairs a version was trained on, and may be cleaned up therefore.

        Args:
            version: The version.
            losses: The loss of each pair, by its id, in nats.

        Returns:
            How many were noted; pairs that are gone are not.

        Raises:
            NotFound: There is no such version.
            Forbidden: Not the secret key.
            MedleyError: A call failed. They are sent 10,000 at a time: those before are written.
        """
        rows = [{"pair_id": pair_id, "loss": loss} for pair_id, loss in losses.items()]
        noted = 0
        for start in range(0, len(rows), _PAIRS):
            noted += self._call(
                _rpc.set_model_pairs(version=version, pairs=rows[start : start + _PAIRS])
            )
        return noted

    def model_versions(self) -> tuple[ModelVersion, ...]:
        """The models that were trained, newest first.

        Raises:
            Forbidden: Not the secret key.
        """
        return self._call(_rpc.model_versions())

    def activate_model(self, version: str) -> Activation:
        """Puts a version in use, or an earlier one back, in one transaction.

        Args:
            version: The version, with its weights and heads.

        Returns:
            How many items and members have their places by it.

        Raises:
            NotFound: There is no such version.
            Conflict: It lacks weights or heads, or was trained on other text vectors.
            Forbidden: Not the secret key.
        """
        return self._call(_rpc.activate_model(version=version))

    def prepare_model(self, version: str) -> int:
        """Places all items by a version before it is activated, so that none is without a place.

        Args:
            version: The version, with its weights and heads.

        Returns:
            How many items it looked at.

        Raises:
            NotFound: There is no such version.
            Conflict: It lacks weights or heads, or was trained on other text vectors.
            Forbidden: Not the secret key.
        """
        items = 0
        while True:
            batch = self._call(_rpc.prepare_model(version=version, limit=_PLACES))
            items += batch
            if batch < _PLACES:
                return items

    def deactivate_model(self, *, model_type: str | None = None) -> str:
        """Takes the active version out of use: rankers go back to smoothed rates.

        Args:
            model_type: `two_tower` by default.

        Returns:
            Which version it was.

        Raises:
            NotFound: None is active.
            Forbidden: Not the secret key.
        """
        return self._call(_rpc.deactivate_model(model_type=model_type))

    def delete_model_version(self, version: str) -> None:
        """Deletes a version that is not active, with its weights and heads.

        Args:
            version: The version.

        Raises:
            NotFound: There is no such version.
            Conflict: It is active.
            Forbidden: Not the secret key.
        """
        self._call(_rpc.delete_model_version(version=version))

    def training_pairs(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        kind: str | None = None,
        since: datetime | None = None,
        algorithm_version: str | None = None,
    ) -> Page[TrainingPair]:
        """A page of training pairs, by number (secret key).

        Args:
            limit: Rows of a page, 1 to 1,000; 200 by default.
            cursor: `next_cursor` of the page before.
            kind: Only items of this kind.
            since: Only with moments from then on.
            algorithm_version: Only of this set.

        Raises:
            InvalidArgument: `limit` is out of range.
            InvalidCursor: The cursor is damaged or of another query.
            Forbidden: Not the secret key.
        """
        return self._call(
            _rpc.export_training_pairs(
                limit=limit,
                cursor=cursor,
                kind=kind,
                since=since,
                algorithm_version=algorithm_version,
            )
        )

    def iter_training_pairs(
        self,
        *,
        kind: str | None = None,
        since: datetime | None = None,
        algorithm_version: str | None = None,
        page_size: int | None = None,
    ) -> Iterator[TrainingPair]:
        """All training pairs, page after page; the arguments are those of `training_pairs`."""
        return self._pages(
            lambda cursor: _rpc.export_training_pairs(
                limit=page_size,
                cursor=cursor,
                kind=kind,
                since=since,
                algorithm_version=algorithm_version,
            )
        )

    def cleanup_old_training_pairs(
        self, *, days: int | None = None, dry_run: bool = True
    ) -> tuple[OldPairs, ...]:
        """Deletes pairs that a model was trained on, or says which it would (secret key).

        Args:
            days: Those written longer ago, 0 to 36,500; 30 by default.
            dry_run: Only say.

        Raises:
            InvalidArgument: `days` is out of range.
            Forbidden: Not the secret key.
        """
        return self._call(_rpc.cleanup_old_training_pairs(days=days, dry_run=dry_run))

    def cleanup_old_engagement_events(
        self, *, days: int | None = None, dry_run: bool = True
    ) -> tuple[OldEvents, ...]:
        """Takes old months out of the log, or says which it would (secret key).

        What the events were worth stays in the affinities.

        Args:
            days: Months that ended longer ago, 31 to 36,500; 90 by default.
            dry_run: Only say.

        Raises:
            InvalidArgument: `days` is out of range.
            Forbidden: Not the secret key.
        """
        return self._call(_rpc.cleanup_old_engagement_events(days=days, dry_run=dry_run))
