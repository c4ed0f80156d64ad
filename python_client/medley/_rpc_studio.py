"""The studio's functions as data; see `_rpc`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ._models import Page, parse_page, parse_rows
from ._models_studio import (
    FailedGeneration,
    GenerationQuota,
    GenerationRequest,
    GenerationStatus,
    HistoryCursor,
    MusicEmbedding,
    PlaylistTrack,
    SimilarBand,
    SoundAlike,
    TasteVector,
)
from ._rpc import Call, _count, _nothing, _only, _params, _rpc


@_rpc("request_generation", row=GenerationRequest, read=False)
def request_generation(
    *,
    mode: str,
    title: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    genres: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    source_id: str | None = None,
    source_external_id: str | None = None,
    band_id: str | None = None,
    is_public: bool | None = None,
    track_id: str | None = None,
    user_id: str | None = None,
) -> Call[GenerationRequest]:
    return Call(
        "request_generation",
        _params(locals()),
        lambda data: _only(GenerationRequest, data),
        read=False,
    )


@_rpc("get_generation_status", row=GenerationStatus)
def generation_status(*, track_id: str, user_id: str | None = None) -> Call[GenerationStatus]:
    return Call(
        "get_generation_status", _params(locals()), lambda data: _only(GenerationStatus, data)
    )


@_rpc("get_generation_quota", row=GenerationQuota)
def generation_quota(*, user_id: str | None = None) -> Call[GenerationQuota]:
    return Call(
        "get_generation_quota", _params(locals()), lambda data: _only(GenerationQuota, data)
    )


@_rpc("set_generation_plan", read=False)
def set_generation_plan(*, user_id: str, plan: str, until: datetime | None = None) -> Call[None]:
    return Call("set_generation_plan", _params(locals()), _nothing, read=False)


@_rpc("get_failed_generations", row=FailedGeneration)
def failed_generations(
    *, limit: int | None = None, cursor: str | None = None
) -> Call[Page[FailedGeneration]]:
    return Call(
        "get_failed_generations", _params(locals()), lambda data: parse_page(FailedGeneration, data)
    )


@_rpc("get_taste_vector", row=TasteVector)
def taste_vector(*, user_id: str | None = None) -> Call[TasteVector | None]:
    return Call(
        "get_taste_vector",
        _params(locals()),
        lambda data: _only(TasteVector, data) if data else None,
    )


@_rpc("get_similar_tracks", row=SoundAlike)
def similar_tracks(
    *,
    track_id: str,
    kind: str | None = None,
    genre: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    user_id: str | None = None,
) -> Call[Page[SoundAlike]]:
    return Call("get_similar_tracks", _params(locals()), lambda data: parse_page(SoundAlike, data))


@_rpc("match_tracks", row=SoundAlike)
def match_tracks(
    *,
    embedding: Sequence[float],
    kind: str | None = None,
    genre: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    user_id: str | None = None,
) -> Call[Page[SoundAlike]]:
    return Call("match_tracks", _params(locals()), lambda data: parse_page(SoundAlike, data))


@_rpc("get_radio", row=SoundAlike)
def radio(
    *,
    track_id: str,
    kind: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    user_id: str | None = None,
) -> Call[Page[SoundAlike]]:
    return Call("get_radio", _params(locals()), lambda data: parse_page(SoundAlike, data))


@_rpc("get_similar_bands", row=SimilarBand)
def similar_bands(
    *, band_id: str, limit: int | None = None, user_id: str | None = None
) -> Call[tuple[SimilarBand, ...]]:
    return Call("get_similar_bands", _params(locals()), lambda data: parse_rows(SimilarBand, data))


@_rpc("set_music_embeddings", read=False)
def set_music_embeddings(*, rows: Sequence[Mapping[str, Any]]) -> Call[int]:
    return Call("set_music_embeddings", _params(locals()), _count, read=False)


@_rpc("match_music_embeddings", row=MusicEmbedding)
def match_music_embeddings(
    *,
    embedding: Sequence[float],
    genre: str | None = None,
    source: str | None = None,
    limit: int | None = None,
) -> Call[tuple[MusicEmbedding, ...]]:
    return Call(
        "match_music_embeddings", _params(locals()), lambda data: parse_rows(MusicEmbedding, data)
    )


@_rpc("add_band_tracks", read=False)
def add_band_tracks(
    *, band_id: str, track_ids: Sequence[str], user_id: str | None = None
) -> Call[int]:
    return Call("add_band_tracks", _params(locals()), _count, read=False)


@_rpc("get_playlist_tracks", row=PlaylistTrack)
def playlist_tracks(
    *,
    playlist_id: str,
    limit: int | None = None,
    cursor: str | None = None,
    user_id: str | None = None,
) -> Call[Page[PlaylistTrack]]:
    return Call(
        "get_playlist_tracks", _params(locals()), lambda data: parse_page(PlaylistTrack, data)
    )


@_rpc("add_playlist_tracks", read=False)
def add_playlist_tracks(
    *,
    playlist_id: str,
    track_ids: Sequence[str],
    before: str | None = None,
    user_id: str | None = None,
) -> Call[int]:
    return Call("add_playlist_tracks", _params(locals()), _count, read=False)


@_rpc("move_playlist_track", read=False)
def move_playlist_track(
    *, playlist_id: str, track_id: str, before: str | None = None, user_id: str | None = None
) -> Call[int]:
    return Call("move_playlist_track", _params(locals()), _count, read=False)


@_rpc("remove_playlist_tracks", read=False)
def remove_playlist_tracks(
    *, playlist_id: str, track_ids: Sequence[str], user_id: str | None = None
) -> Call[int]:
    return Call("remove_playlist_tracks", _params(locals()), _count, read=False)


@_rpc("reorder_playlist", read=False)
def reorder_playlist(
    *,
    playlist_id: str,
    track_ids: Sequence[str],
    version: int | None = None,
    user_id: str | None = None,
) -> Call[int]:
    return Call("reorder_playlist", _params(locals()), _count, read=False)


@_rpc("get_history_cursor", row=HistoryCursor)
def history_cursor(*, provider: str, user_id: str | None = None) -> Call[HistoryCursor | None]:
    return Call(
        "get_history_cursor",
        _params(locals()),
        lambda data: _only(HistoryCursor, data) if data else None,
    )
