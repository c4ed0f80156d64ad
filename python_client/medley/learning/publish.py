"""A trained model into the database: a version, its weights and heads, and what it learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from medley import Medley, ModelVersion, NotFound

if TYPE_CHECKING:  # choosing a version needs no PyTorch
    from .heads import Head
    from .two_tower import Tower, TwoTower

MODEL_TYPE = "two_tower"
_ROWS = 64


def publish(
    client: Medley,
    version: str,
    model: TwoTower,
    *,
    heads: Sequence[Head],
    losses: Mapping[int, float],
    metadata: Mapping[str, Any],
) -> None:
    """Writes a version, ready to be activated. What goes wrong on the way leaves no version.

    Args:
        client: With the secret key.
        version: Its name, for good.
        model: The towers.
        heads: One for each kind of engagement.
        losses: The loss of each pair that it learnt from, by the pair's id.
        metadata: As for `Medley.create_model_version`.

    Raises:
        Conflict: The name is taken.
        MedleyError: A call failed.
    """
    client.create_model_version(version, model_type=MODEL_TYPE, metadata=metadata)
    try:
        _set_tower(client, version, "item", model.item)
        _set_tower(client, version, "user", model.user)
        client.set_model_heads(
            version,
            [
                {
                    "kind": head.kind,
                    "intercept": head.intercept,
                    "similarity": head.similarity,
                    "rate": head.rate,
                }
                for head in heads
            ],
        )
        client.set_model_pairs(version, losses)
    except BaseException:
        client.delete_model_version(version)
        raise


def _set_tower(client: Medley, version: str, name: str, tower: Tower) -> None:
    rows = [
        {"row_no": number, "weights": weights, "bias": bias}
        for number, (weights, bias) in enumerate(
            zip(tower.weights.tolist(), tower.bias.tolist(), strict=True)
        )
    ]
    for start in range(0, len(rows), _ROWS):
        client.set_model_weights(version, name, rows[start : start + _ROWS])


def previous(versions: Sequence[ModelVersion], model_type: str = MODEL_TYPE) -> ModelVersion:
    """The version that was in use before the one that is, or last where none is.

    Raises:
        NotFound: No other version was ever in use.
    """
    found = [
        version
        for version in versions
        if version.model_type == model_type and not version.is_active and version.activated_at
    ]
    if not found:
        raise NotFound("no other version was ever active", code="not_found")
    return max(found, key=lambda version: version.activated_at or version.created_at)
