"""The functions of training as data; see `_rpc`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ._models import Page, parse_page, parse_rows
from ._models_learning import (
    Activation,
    ModelVersion,
    OldEvents,
    OldPairs,
    TrainingPair,
    TrainingPairs,
)
from ._rpc import Call, _count, _nothing, _only, _params, _rpc, _text


@_rpc("generate_training_pairs", row=TrainingPairs, read=False)
def generate_training_pairs(
    *,
    lookback_days: int | None = None,
    negative_ratio: float | None = None,
    kind: str | None = None,
    algorithm_version: str | None = None,
    user_id: str | None = None,
) -> Call[TrainingPairs]:
    return Call(
        "generate_training_pairs",
        _params(locals()),
        lambda data: _only(TrainingPairs, data),
        read=False,
    )


@_rpc("create_model_version", read=False)
def create_model_version(
    *, version: str, model_type: str | None = None, metadata: Mapping[str, Any] | None = None
) -> Call[str]:
    return Call("create_model_version", _params(locals()), _text, read=False)


@_rpc("set_model_weights", read=False)
def set_model_weights(*, version: str, tower: str, rows: Sequence[Mapping[str, Any]]) -> Call[int]:
    return Call("set_model_weights", _params(locals()), _count, read=False)


@_rpc("set_model_heads", read=False)
def set_model_heads(*, version: str, heads: Sequence[Mapping[str, Any]]) -> Call[int]:
    return Call("set_model_heads", _params(locals()), _count, read=False)


@_rpc("set_model_pairs", read=False)
def set_model_pairs(*, version: str, pairs: Sequence[Mapping[str, Any]]) -> Call[int]:
    return Call("set_model_pairs", _params(locals()), _count, read=False)


@_rpc("get_model_versions", row=ModelVersion)
def model_versions() -> Call[tuple[ModelVersion, ...]]:
    return Call("get_model_versions", {}, lambda data: parse_rows(ModelVersion, data))


@_rpc("prepare_model", read=False)
def prepare_model(*, version: str, limit: int | None = None) -> Call[int]:
    return Call("prepare_model", _params(locals()), _count, read=False)


@_rpc("activate_model", row=Activation, read=False)
def activate_model(*, version: str) -> Call[Activation]:
    return Call(
        "activate_model", _params(locals()), lambda data: _only(Activation, data), read=False
    )


@_rpc("deactivate_model", read=False)
def deactivate_model(*, model_type: str | None = None) -> Call[str]:
    return Call("deactivate_model", _params(locals()), _text, read=False)


@_rpc("delete_model_version", read=False)
def delete_model_version(*, version: str) -> Call[None]:
    return Call("delete_model_version", _params(locals()), _nothing, read=False)


@_rpc("export_training_pairs", row=TrainingPair)
def export_training_pairs(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    kind: str | None = None,
    since: datetime | None = None,
    algorithm_version: str | None = None,
) -> Call[Page[TrainingPair]]:
    return Call(
        "export_training_pairs", _params(locals()), lambda data: parse_page(TrainingPair, data)
    )


@_rpc("cleanup_old_engagement_events", row=OldEvents, read=False)
def cleanup_old_engagement_events(
    *, days: int | None = None, dry_run: bool | None = None
) -> Call[tuple[OldEvents, ...]]:
    return Call(
        "cleanup_old_engagement_events",
        _params(locals()),
        lambda data: parse_rows(OldEvents, data),
        read=False,
    )


@_rpc("cleanup_old_training_pairs", row=OldPairs, read=False)
def cleanup_old_training_pairs(
    *, days: int | None = None, dry_run: bool | None = None
) -> Call[tuple[OldPairs, ...]]:
    return Call(
        "cleanup_old_training_pairs",
        _params(locals()),
        lambda data: parse_rows(OldPairs, data),
        read=False,
    )
