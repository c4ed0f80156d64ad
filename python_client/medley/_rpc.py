"""Every function of the API as data: what is called with what, and how the answer is read.

Nothing here does I/O. An argument has the database's name without its `p_`; one that is None is
not sent, so the database's own default holds. `RPCS` lists all of them for the contract gate.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar

from ._errors import UnexpectedAnswer
from ._models import (
    CalendarEvent,
    EngagementResult,
    EngineStatus,
    Experiment,
    ExperimentResult,
    Explanation,
    FeedEvent,
    FoundItem,
    GenreNode,
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
    parse_page,
    parse_row,
    parse_rows,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One call: the function, its arguments, the parser of its answer, whether it only reads."""

    function: str
    params: Mapping[str, Any]
    parse: Callable[[Any], T]
    read: bool = True


@dataclass(frozen=True, slots=True)
class Rpc:
    """What the contract gate compares with pg_proc.

    Attributes:
        params: Names of the arguments as the database has them.
        required: Those without a default.
        row: The dataclass of a row, whose fields must be columns of the result; None for scalars.
    """

    function: str
    build: Callable[..., Call[Any]]
    params: tuple[str, ...]
    required: frozenset[str]
    row: type[Any] | None
    read: bool


RPCS: dict[str, Rpc] = {}

Builder = TypeVar("Builder", bound=Callable[..., Call[Any]])


def _rpc(
    function: str, *, row: type[Any] | None = None, read: bool = True
) -> Callable[[Builder], Builder]:
    def register(build: Builder) -> Builder:
        arguments = inspect.signature(build).parameters.values()
        RPCS[function] = Rpc(
            function=function,
            build=build,
            params=tuple("p_" + argument.name for argument in arguments),
            required=frozenset("p_" + a.name for a in arguments if a.default is a.empty),
            row=row,
            read=read,
        )
        return build

    return register


def _json(value: Any) -> Any:  # noqa: PLR0911 -- one line a type
    """A value as JSON has it, for what the JSON library of the HTTP client refuses."""
    match value:
        case datetime():
            # A time without a zone would be read in the server's zone: the caller's is meant.
            return (value if value.tzinfo else value.astimezone()).isoformat()
        case date():
            return datetime(value.year, value.month, value.day, tzinfo=UTC).isoformat()
        case float() if not math.isfinite(value):
            # As text it reaches the database, which says what it thinks of it.
            return str(value)
        case str() | bool() | int() | float():
            return value
        case Mapping():
            return {str(key): _json(entry) for key, entry in value.items() if entry is not None}
        case Iterable():
            return [_json(entry) for entry in value]
        case _:
            return str(value)


def _params(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {f"p_{name}": _json(value) for name, value in arguments.items() if value is not None}


def _scalar(data: Any) -> Any:
    """The single value of a function that returns one, however the server wraps it."""
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if isinstance(data, Mapping) and len(data) == 1:
        (data,) = data.values()
    return data


def _count(data: Any) -> int:
    value = _scalar(data)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnexpectedAnswer(f"expected a number of rows, got {value!r}")
    return value


def _ids(data: Any) -> frozenset[str]:
    if not isinstance(data, list):
        raise UnexpectedAnswer(f"expected a list of ids, got {type(data).__name__}")
    return frozenset(str(_scalar(entry)) for entry in data)


def _text(data: Any) -> str:
    value = _scalar(data)
    if not isinstance(value, str):
        raise UnexpectedAnswer(f"expected a word, got {value!r}")
    return value


def _nothing(_: Any) -> None:
    return None


def _only(model: type[T], data: Any) -> T:
    """The single row of a function that returns one."""
    return parse_row(model, data[0] if isinstance(data, list) and data else data)


@_rpc("get_recommendations", row=Recommendation)
def recommendations(
    *,
    kind: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    context: Mapping[str, Any] | None = None,
    user_id: str | None = None,
) -> Call[Page[Recommendation]]:
    return Call(
        "get_recommendations", _params(locals()), lambda data: parse_page(Recommendation, data)
    )


@_rpc("explain_recommendation", row=Explanation)
def explain_recommendation(*, item_id: str, user_id: str | None = None) -> Call[Explanation]:
    return Call("explain_recommendation", _params(locals()), lambda data: _only(Explanation, data))


@_rpc("get_similar_items", row=SimilarItem)
def similar_items(
    *,
    item_id: str,
    kind: str | None = None,
    method: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[Page[SimilarItem]]:
    return Call("get_similar_items", _params(locals()), lambda data: parse_page(SimilarItem, data))


@_rpc("find_items", row=FoundItem)
def find_items(
    *,
    query: str,
    kind: str | None = None,
    limit: int | None = None,
    user_id: str | None = None,
) -> Call[tuple[FoundItem, ...]]:
    return Call("find_items", _params(locals()), lambda data: parse_rows(FoundItem, data))


@_rpc("get_trending", row=TrendingItem)
def trending(
    *,
    kind: str | None = None,
    window: str | None = None,
    trend_type: str | None = None,
    segment: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    user_id: str | None = None,
) -> Call[Page[TrendingItem]]:
    return Call("get_trending", _params(locals()), lambda data: parse_page(TrendingItem, data))


@_rpc("log_engagement", row=EngagementResult, read=False)
def log_engagement(*, events: Sequence[Mapping[str, Any]]) -> Call[tuple[EngagementResult, ...]]:
    return Call(
        "log_engagement",
        _params(locals()),
        lambda data: parse_rows(EngagementResult, data),
        read=False,
    )


@_rpc("record_feedback", read=False)
def record_feedback(
    *,
    item_id: str,
    feedback_type: str,
    value: float | None = None,
    context: Mapping[str, Any] | None = None,
    user_id: str | None = None,
) -> Call[str]:
    return Call("record_feedback", _params(locals()), _text, read=False)


@_rpc("get_taste_profile", row=TasteFeature)
def taste_profile(
    *, limit: int | None = None, user_id: str | None = None
) -> Call[tuple[TasteFeature, ...]]:
    return Call("get_taste_profile", _params(locals()), lambda data: parse_rows(TasteFeature, data))


@_rpc("set_platform_subscription", read=False)
def set_platform_subscription(
    *, platform: str, has_subscription: bool | None = None, user_id: str | None = None
) -> Call[None]:
    return Call("set_platform_subscription", _params(locals()), _nothing, read=False)


@_rpc("register_item_features", row=ItemFeatures, read=False)
def register_item_features(
    *, features: Sequence[Mapping[str, Any]]
) -> Call[tuple[ItemFeatures, ...]]:
    return Call(
        "register_item_features",
        _params(locals()),
        lambda data: parse_rows(ItemFeatures, data),
        read=False,
    )


@_rpc("set_item_embeddings", read=False)
def set_item_embeddings(
    *,
    type: str,  # noqa: A002 -- the name that the database has
    model: str,
    rows: Sequence[Mapping[str, Any]],
) -> Call[int]:
    return Call("set_item_embeddings", _params(locals()), _count, read=False)


@_rpc("activate_embedding_model", read=False)
def activate_embedding_model(*, type: str, model: str) -> Call[int]:  # noqa: A002
    return Call("activate_embedding_model", _params(locals()), _count, read=False)


@_rpc("get_items_without_embedding", row=UnembeddedItem)
def items_without_embedding(
    *,
    type: str,  # noqa: A002
    model: str | None = None,
    kind: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[Page[UnembeddedItem]]:
    return Call(
        "get_items_without_embedding",
        _params(locals()),
        lambda data: parse_page(UnembeddedItem, data),
    )


@_rpc("create_experiment", read=False)
def create_experiment(
    *,
    name: str,
    ranker: str,
    variants: Sequence[Mapping[str, Any]],
    metric: str | None = None,
    traffic: float | None = None,
    ends_at: datetime | None = None,
    salt: str | None = None,
    description: str | None = None,
) -> Call[None]:
    return Call("create_experiment", _params(locals()), _nothing, read=False)


@_rpc("start_experiment", read=False)
def start_experiment(*, name: str) -> Call[None]:
    return Call("start_experiment", _params(locals()), _nothing, read=False)


@_rpc("stop_experiment", read=False)
def stop_experiment(*, name: str) -> Call[None]:
    return Call("stop_experiment", _params(locals()), _nothing, read=False)


@_rpc("set_experiment_traffic", read=False)
def set_experiment_traffic(*, name: str, traffic: float) -> Call[None]:
    return Call("set_experiment_traffic", _params(locals()), _nothing, read=False)


@_rpc("get_experiments", row=Experiment)
def experiments(*, name: str | None = None) -> Call[tuple[Experiment, ...]]:
    return Call("get_experiments", _params(locals()), lambda data: parse_rows(Experiment, data))


@_rpc("get_experiment_results", row=ExperimentResult)
def experiment_results(
    *, name: str, metric: str | None = None, as_of: datetime | None = None
) -> Call[tuple[ExperimentResult, ...]]:
    return Call(
        "get_experiment_results",
        _params(locals()),
        lambda data: parse_rows(ExperimentResult, data),
    )


@_rpc("get_personalized_feed_v3", row=FeedEvent)
def personalized_feed(
    *, limit: int | None = None, cursor: str | None = None, user_id: str | None = None
) -> Call[Page[FeedEvent]]:
    return Call(
        "get_personalized_feed_v3", _params(locals()), lambda data: parse_page(FeedEvent, data)
    )


@_rpc("get_calendar_events", row=CalendarEvent)
def calendar_events(
    *,
    start_date: datetime | date | None = None,
    end_date: datetime | date | None = None,
    genres: Sequence[str] | None = None,
    latitude: float | None = None,
    longitude: float | None = None,
    radius_km: float | None = None,
    umbrella_slug: str | None = None,
    max_depth: int | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[Page[CalendarEvent]]:
    return Call(
        "get_calendar_events", _params(locals()), lambda data: parse_page(CalendarEvent, data)
    )


@_rpc("get_genre_tree", row=GenreNode)
def genre_tree(
    *, root_slug: str | None = None, max_depth: int | None = None
) -> Call[tuple[GenreNode, ...]]:
    return Call("get_genre_tree", _params(locals()), lambda data: parse_rows(GenreNode, data))


@_rpc("get_similar_genres", row=SimilarGenre)
def similar_genres(*, slug: str, limit: int | None = None) -> Call[tuple[SimilarGenre, ...]]:
    return Call(
        "get_similar_genres", _params(locals()), lambda data: parse_rows(SimilarGenre, data)
    )


@_rpc("get_genres_under_umbrella")
def genres_under_umbrella(*, slug: str, max_depth: int | None = None) -> Call[frozenset[str]]:
    return Call("get_genres_under_umbrella", _params(locals()), _ids)


@_rpc("register_items", row=RegisteredItem, read=False)
def register_items(*, items: Sequence[Mapping[str, Any]]) -> Call[tuple[RegisteredItem, ...]]:
    return Call(
        "register_items",
        _params(locals()),
        lambda data: parse_rows(RegisteredItem, data),
        read=False,
    )


@_rpc("get_event_setlists", row=Setlist)
def event_setlists(*, event_id: str) -> Call[tuple[Setlist, ...]]:
    return Call("get_event_setlists", _params(locals()), lambda data: parse_rows(Setlist, data))


@_rpc("get_setlist", row=SetlistSong)
def setlist(*, setlist_id: str) -> Call[tuple[SetlistSong, ...]]:
    return Call("get_setlist", _params(locals()), lambda data: parse_rows(SetlistSong, data))


@_rpc("vote_setlist_song", row=SetlistVote, read=False)
def vote_setlist_song(
    *, setlist_song_id: str, vote: int, user_id: str | None = None
) -> Call[SetlistVote]:
    return Call(
        "vote_setlist_song",
        _params(locals()),
        lambda data: _only(SetlistVote, data),
        read=False,
    )


@_rpc("create_setlist", read=False)
def create_setlist(
    *,
    event_id: str,
    artist_id: str,
    name: str,
    song_ids: Sequence[str] | None = None,
    user_id: str | None = None,
) -> Call[str]:
    return Call("create_setlist", _params(locals()), _text, read=False)


@_rpc("add_setlist_song", read=False)
def add_setlist_song(
    *, setlist_id: str, song_id: str, position: int | None = None, user_id: str | None = None
) -> Call[str]:
    return Call("add_setlist_song", _params(locals()), _text, read=False)


@_rpc("move_setlist_song", read=False)
def move_setlist_song(
    *, setlist_song_id: str, position: int, user_id: str | None = None
) -> Call[None]:
    return Call("move_setlist_song", _params(locals()), _nothing, read=False)


@_rpc("remove_setlist_song", read=False)
def remove_setlist_song(*, setlist_song_id: str, user_id: str | None = None) -> Call[None]:
    return Call("remove_setlist_song", _params(locals()), _nothing, read=False)


@_rpc("lock_setlist", read=False)
def lock_setlist(*, setlist_id: str, locked: bool | None = None) -> Call[None]:
    return Call("lock_setlist", _params(locals()), _nothing, read=False)


@_rpc("predict_setlist", read=False)
def predict_setlist(*, event_id: str, artist_id: str | None = None) -> Call[str]:
    return Call("predict_setlist", _params(locals()), _text, read=False)


@_rpc("get_trending_artists", row=TrendingArtist)
def trending_artists(
    *, limit: int | None = None, cursor: str | None = None
) -> Call[Page[TrendingArtist]]:
    return Call(
        "get_trending_artists", _params(locals()), lambda data: parse_page(TrendingArtist, data)
    )


@_rpc("refresh_user_cluster_affinity", read=False)
def refresh_user_cluster_affinity() -> Call[int]:
    return Call("refresh_user_cluster_affinity", {}, _count, read=False)


@_rpc("get_engine_status", row=EngineStatus)
def engine_status() -> Call[EngineStatus]:
    return Call("get_engine_status", {}, lambda data: _only(EngineStatus, data))
