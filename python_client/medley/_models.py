"""What the API answers, as frozen dataclasses that are parsed by key.

A column that this version does not know is ignored; one that it needs and does not find raises
`UnexpectedAnswer`. Ids are strings, as supabase-py wants them back.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from ._errors import UnexpectedAnswer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        rows: The rows, in the order of the list.
        next_cursor: What to pass as `cursor` for the next page; None on the last one.
    """

    rows: tuple[T, ...]
    next_cursor: str | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """An item recommended to a member.

    Attributes:
        score: The sum of `breakdown`.
        algorithm: Where it comes from: collaborative, content_based, hybrid, social, followed,
            trending or exploration.
        variant: `experiment:variant` where an experiment ranks for this member; None otherwise.
        position: Place in the list. `log_impressions` sends it back with the last three.
        reason: Why it is shown, in words.
        breakdown: Points by term of the ranking.
    """

    item_id: str
    kind: str
    title: str
    score: float
    algorithm: str
    variant: str | None
    position: int
    reason: str
    breakdown: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Explanation:
    """How an item stands with a member: why it is recommended, or why not.

    Attributes:
        score: What the item is worth to the member, its neighbours on a page apart: the sum of
            `breakdown`. None, as `algorithm`, `reason` and `breakdown`, where nothing leads to it.
        causes: What the member engaged with that speaks for it most: item_id, title, points.
        hidden_by: The filters that keep it out: expired, not_published, own, muted, seen,
            rejected, shown_lately. Empty if none does.
        variant: As in `Recommendation`.
    """

    item_id: str
    kind: str
    title: str
    score: float | None
    algorithm: str | None
    reason: str | None
    breakdown: Mapping[str, float] | None
    causes: tuple[Mapping[str, Any], ...]
    hidden_by: tuple[str, ...]
    variant: str | None


@dataclass(frozen=True, slots=True)
class SimilarItem:
    """An item like another.

    Attributes:
        score: How alike; compares within one `method`.
        method: What found it: blend, behavior, cosine, content, genre, embedding or popular.
        reason: What they share, in words.
    """

    item_id: str
    kind: str
    title: str
    score: float
    method: str
    reason: str


@dataclass(frozen=True, slots=True)
class FoundItem:
    """An item that was looked for by name.

    Attributes:
        score: How much of both names is the same, 0 to 1.
    """

    item_id: str
    kind: str
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class TrendingItem:
    """An item that trends.

    Attributes:
        score: How much; compares within one list.
        time_window: hour, day, week or month.
        trend_type: global, genre, platform, friend_network or cluster. Who asks for cluster gets
            global while their taste is not known.
        segment: The genre's slug or the platform; None for the others.
    """

    item_id: str
    kind: str
    title: str
    score: float
    time_window: str
    trend_type: str
    segment: str | None


@dataclass(frozen=True, slots=True)
class EngagementResult:
    """What became of a logged event.

    Attributes:
        event_index: Its place in what was sent, from 1.
        status: accepted, duplicate (logged before, so nothing was done) or refused.
        code: The stable code of a refusal (docs/errors.md).
        message: Why it was refused, in words.
    """

    event_index: int
    status: str
    code: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class TasteFeature:
    """Something that a member likes or dislikes.

    Attributes:
        label: The value for people: where it is the id of an item, its title, None if not public.
        affinity_score: -1 to 1, relative to the strongest.
        confidence: 0 to 1; 0.5 at three items' worth of evidence.
    """

    feature_type: str
    feature_value: str
    label: str | None
    affinity_score: float
    confidence: float
    last_updated: datetime


@dataclass(frozen=True, slots=True)
class ItemFeatures:
    """How many features an item was given."""

    item_id: str
    feature_count: int


@dataclass(frozen=True, slots=True)
class UnembeddedItem:
    """An item that has no vector yet."""

    item_id: str
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment and its state.

    Attributes:
        ranker: Whose weights it varies.
        metric: What decides.
        status: draft, running or stopped.
        traffic: Share of all members who take part.
        variants: Variants: variant, share, weights.
    """

    experiment: str
    ranker: str
    metric: str
    status: str
    traffic: float
    variants: tuple[Mapping[str, Any], ...]
    description: str | None
    created_at: datetime
    started_at: datetime | None
    ends_at: datetime | None
    stopped_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """What a metric says of a variant. Intervals hold however often one looks.

    Attributes:
        is_guardrail: Whether the metric only warns.
        members: Exposed to this variant alone.
        excluded: Exposed to another variant too, so left out.
        value: Mean of the metric.
        lift: Difference to control, from `lift_lower` to `lift_upper`.
        relative_lift: The same as a share of control's value.
        adjusted_lift: The lift corrected for what the members did before (CUPED), from
            `adjusted_lower` to `adjusted_upper`.
        variance_ratio: The share of the variance that this correction leaves.
        verdict: better, worse or undecided, by the adjusted interval.
        alarm: A guardrail got worse.
        ratio_p_value: Of the hypothesis that members are divided as promised.
        ratio_alarm: They are not: believe nothing else.
        recorded_until: Exposures up to then are counted.
    """

    metric: str
    is_guardrail: bool
    variant: str
    share: float
    members: int
    excluded: int
    value: float | None
    lift: float | None
    lift_lower: float | None
    lift_upper: float | None
    relative_lift: float | None
    adjusted_lift: float | None
    adjusted_lower: float | None
    adjusted_upper: float | None
    variance_ratio: float | None
    verdict: str | None
    alarm: bool | None
    ratio_p_value: float | None
    ratio_alarm: bool | None
    recorded_until: datetime | None


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event of the personalized feed.

    Attributes:
        distance_km: From the member's home; None where either place is unknown.
        score: The sum of `breakdown`.
        breakdown: Points by term of the ranking; terms that gave nothing are left out.
        reasons: Why the event is shown, in words.
    """

    event_id: str
    title: str
    starts_at: datetime
    venue_name: str | None
    city: str | None
    country: str | None
    headliner: str | None
    genres: tuple[str, ...]
    distance_km: float | None
    score: float
    breakdown: Mapping[str, float]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """An event of the calendar.

    Attributes:
        distance_km: From the place that was asked for; None without one.
    """

    event_id: str
    title: str
    starts_at: datetime
    venue_id: str | None
    venue_name: str | None
    city: str | None
    country: str | None
    latitude: float | None
    longitude: float | None
    headliner_artist_id: str | None
    headliner: str | None
    genres: tuple[str, ...]
    promoted: bool
    ticket_available: bool
    distance_km: float | None


@dataclass(frozen=True, slots=True)
class SetlistSong:
    """A song of a setlist.

    Attributes:
        setlist_song_id: What one votes for.
        position: Place, from 1.
        my_vote: 1, -1 or 0 (none); None for who is not signed in.
    """

    setlist_song_id: str
    song_id: str
    position: int
    title: str
    artist: str
    duration_ms: int | None
    upvotes: int
    downvotes: int
    my_vote: int | None


@dataclass(frozen=True, slots=True)
class Setlist:
    """A setlist of a show.

    Attributes:
        type: actual, predicted or user_created.
        created_by: The member who made it; None for the others.
        total_votes: Votes on its songs, up and down.
        songs: In order, with the fields of `SetlistSong`.
    """

    setlist_id: str
    type: str
    name: str
    artist_id: str
    artist: str
    created_by: str | None
    is_locked: bool
    total_votes: int
    songs: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class SetlistVote:
    """What a vote led to.

    Attributes:
        my_vote: 1, -1, or 0 for none.
        total_votes: Of the whole setlist.
    """

    setlist_song_id: str
    upvotes: int
    downvotes: int
    my_vote: int
    total_votes: int


@dataclass(frozen=True, slots=True)
class TrendingArtist:
    """An artist with what members did lately.

    Attributes:
        trending_score: Weighted votes, follows and views.
        show_count: Events that the artist headlines.
    """

    artist_id: str
    name: str
    slug: str
    image_url: str | None
    trending_score: float
    show_count: int
    follower_count: int


@dataclass(frozen=True, slots=True)
class GenreNode:
    """A genre at one of its places in the taxonomy.

    Attributes:
        path_slug: The place: slugs from the umbrella down, joined by dots.
        depth: 0 for an umbrella.
        artist_count: Artists that carry the genre itself.
        parent_path_slug: The place above; None for an umbrella.
    """

    genre_id: str
    name: str
    slug: str
    path_slug: str
    depth: int
    artist_count: int
    parent_path_slug: str | None


@dataclass(frozen=True, slots=True)
class SimilarGenre:
    """A neighbour in the similarity graph.

    Attributes:
        weight: Pointwise mutual information: ln of how much more often than by chance
            the same artist carries both.
        pair_count: Artists that carry both.
    """

    genre_id: str
    name: str
    slug: str
    weight: float
    pair_count: int


@dataclass(frozen=True, slots=True)
class RegisteredItem:
    """What became of an item: status `registered` or `updated`."""

    item_id: str
    status: str


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The state of the engine.

    Attributes:
        version: Of the engine in the database.
        scheduler: Whether pg_cron is there to run the jobs.
        generations: Derived tables: name, generation, built_at, age_seconds, row_count.
        jobs: Jobs: name, schedule, enabled, last_status, last_started_at, last_succeeded_at,
            lag_seconds.
        errors: The last runs that failed or were killed: name, status, started_at, error.
        partitions: Partitioned tables: table_name, partitions_ahead, covered_until.
    """

    version: str
    checked_at: datetime
    scheduler: bool
    generations: tuple[Mapping[str, Any], ...]
    jobs: tuple[Mapping[str, Any], ...]
    errors: tuple[Mapping[str, Any], ...]
    partitions: tuple[Mapping[str, Any], ...]


def _identity(value: Any) -> Any:
    return value


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return tuple(str(entry) for entry in value)


def _objects(value: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise TypeError("not a list of objects")
    return tuple(value)


def _numbers(value: Any) -> Mapping[str, float]:
    return {str(key): float(number) for key, number in value.items()}


def _vector(value: Any) -> tuple[float, ...]:
    return tuple(float(number) for number in value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


_CONVERTERS: dict[Any, Callable[[Any], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: _flag,
    datetime: datetime.fromisoformat,
    tuple[str, ...]: _strings,
    tuple[float, ...]: _vector,
    tuple[Mapping[str, Any], ...]: _objects,
    Mapping[str, float]: _numbers,
}


@functools.cache
def _plan(model: type[Any]) -> tuple[tuple[str, Callable[[Any], Any], bool, bool], ...]:
    """How each field of a model is parsed: key, converter, may be null, has a default."""
    hints = typing.get_type_hints(model)
    plan = []
    for field in fields(model):
        hint = hints[field.name]
        optional = isinstance(hint, types.UnionType) and type(None) in hint.__args__
        if optional:
            (hint,) = (arm for arm in hint.__args__ if arm is not type(None))
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        plan.append((field.name, _CONVERTERS.get(hint, _identity), optional, has_default))
    return tuple(plan)


@dataclass(frozen=True, slots=True)
class ImportJob:
    """The import of an artist, as starting it answers.

    Attributes:
        stage: The stage to come: identify, artist, songs, events, setlists; `done` where the artist
            was imported just now.
        started: True where this call made the job or let a failed one go on; False where it joined.
    """

    job_id: str
    stage: str
    started: bool


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """One update of an import.

    Attributes:
        update_no: Its number among the job's updates; they have no gaps.
        stage: What is being done; done or failed at the end.
        progress: Percent of the whole that are done.
        error: Why it failed: a code, a colon, the reason.
        estimated_time_remaining: Seconds, by the pace so far; None where that says nothing yet.
        artist_id: The artist, as soon as there is one.
    """

    job_id: str
    update_no: int
    stage: str
    progress: int
    message: str | None
    error: str | None
    estimated_time_remaining: int | None
    updated_at: datetime
    artist_id: str | None

    @property
    def finished(self) -> bool:
        """True for the last update of a job."""
        return self.stage in ("done", "failed")


def parse_row(model: type[T], row: object) -> T:
    """Builds a model from a row of the API.

    Args:
        model: The dataclass to build.
        row: A JSON object with at least the fields of `model` that have no default.

    Returns:
        The model; keys that it does not know are ignored.

    Raises:
        UnexpectedAnswer: A field is missing, null or not of its type.
    """
    if not isinstance(row, Mapping):
        raise UnexpectedAnswer(f"expected an object for {model.__name__}, got {type(row).__name__}")
    values: dict[str, Any] = {}
    # mypy does not take a class for hashable where its type is a variable.
    for key, convert, optional, has_default in _plan(cast(Any, model)):
        if key not in row:
            if has_default:
                continue
            raise UnexpectedAnswer(
                f"the answer has no {key} for {model.__name__}",
                hint="The database may hold an older Medley than this client: migrate it.",
            )
        value = row[key]
        if value is None and optional:
            values[key] = None
            continue
        try:
            if value is None:
                raise TypeError("null")
            values[key] = convert(value)
        except (TypeError, ValueError, AttributeError) as error:
            raise UnexpectedAnswer(f"{model.__name__}.{key} cannot be {value!r}") from error
    return model(**values)


def parse_rows(model: type[T], data: object) -> tuple[T, ...]:
    """Builds a model from every row of a list; see `parse_row`."""
    if not isinstance(data, list):
        raise UnexpectedAnswer(f"expected a list of {model.__name__}, got {type(data).__name__}")
    return tuple(parse_row(model, row) for row in data)


def parse_page(model: type[T], data: object) -> Page[T]:
    """Builds a page: its rows, and the cursor that every row repeats."""
    rows = parse_rows(model, data)
    cursor = data[-1].get("next_cursor") if rows and isinstance(data, list) else None
    if cursor is not None and not isinstance(cursor, str):
        raise UnexpectedAnswer(f"next_cursor cannot be {cursor!r}")
    return Page(rows, cursor)
