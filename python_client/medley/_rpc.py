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
    EngineStatus,
    FeedEvent,
    GenreNode,
    Page,
    RegisteredItem,
    SimilarGenre,
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


def _status(data: Any) -> EngineStatus:
    return parse_row(EngineStatus, data[0] if isinstance(data, list) and data else data)


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


@_rpc("refresh_user_cluster_affinity", read=False)
def refresh_user_cluster_affinity() -> Call[int]:
    return Call("refresh_user_cluster_affinity", {}, _count, read=False)


@_rpc("get_engine_status", row=EngineStatus)
def engine_status() -> Call[EngineStatus]:
    return Call("get_engine_status", {}, _status)
