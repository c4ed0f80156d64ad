"""The demo catalogue is complete, well formed, and reaches every umbrella of the curated genres."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "python_client" / "medley" / "demo"
SEEDS = "\n".join(
    file.read_text("utf-8") for file in sorted((ROOT / "sql/core/genres").glob("seed_*.sql"))
)

LITERAL = r"'((?:[^']|'')*)'"
COUNTRY = re.compile(r"[A-Z]{2}")


def read(name: str) -> list[dict[str, str]]:
    with (DEMO / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def key(name: str) -> str:
    """As normalize_genre_key, for the plain names that are used here."""
    return re.sub(r"[\s_-]+", " ", name.lower()).strip()


def genres_of(artist: dict[str, str]) -> list[str]:
    return artist["genres"].split("|")


def unquote(literal: str) -> str:
    return literal.replace("''", "'")


def seed_rows(name: str, pattern: str) -> list[tuple[str, ...]]:
    """Rows of the values list called `name` in the seeds, cells as SQL writes them."""
    body = re.search(rf"with {name} \([^)]*\) as \(\n(.*?)\n\)\n", SEEDS, re.S)
    assert body is not None
    rows = re.finditer(rf"^    \({pattern}\),?$", body.group(1), re.M | re.S)
    return [row.groups() for row in rows]


def seed_keys(name: str) -> list[tuple[str, list[str]]]:
    """Rows of a values list that pairs a word with an array of keys."""
    return [
        (unquote(word), [unquote(word) for word in re.findall(LITERAL, array)])
        for word, array in seed_rows(name, rf"{LITERAL}, array\[(.*?)\]")
    ]


@pytest.fixture(scope="module")
def artists() -> list[dict[str, str]]:
    return read("artists.csv")


@pytest.fixture(scope="module")
def venues() -> list[dict[str, str]]:
    return read("venues.csv")


@pytest.fixture(scope="module")
def umbrellas() -> set[str]:
    return {unquote(row[0]) for row in seed_rows("umbrella", LITERAL)}


@pytest.fixture(scope="module")
def parents() -> list[tuple[str, str, float]]:
    rows = seed_rows("seed", rf"{LITERAL}, {LITERAL}, ([0-9.]+)")
    return [
        (unquote(child), unquote(parent), float(confidence)) for child, parent, confidence in rows
    ]


def shortest_routes(
    genre: str, parents: list[tuple[str, str, float]], umbrellas: set[str]
) -> Iterator[tuple[int, float, str]]:
    """Depth, negative confidence and umbrella of each way up from the genre."""
    if genre in umbrellas:
        yield 0, -1.0, genre
    for child, parent, confidence in parents:
        if child == genre:
            for depth, negative, umbrella in shortest_routes(parent, parents, umbrellas):
                yield depth + 1, negative * confidence, umbrella


def test_about_three_hundred_artists_with_unique_names(artists: list[dict[str, str]]) -> None:
    assert list(artists[0]) == ["name", "genres", "country"]
    assert 290 <= len(artists) <= 350
    assert len({key(row["name"]) for row in artists}) == len(artists)
    assert all(row["name"] == row["name"].strip() != "" for row in artists)


def test_every_artist_has_two_to_five_genres_and_a_country(artists: list[dict[str, str]]) -> None:
    for row in artists:
        genres = genres_of(row)
        assert 2 <= len(genres) <= 5, row
        assert len({key(genre) for genre in genres}) == len(genres), row
        assert all(genre == genre.strip() != "" for genre in genres), row
        assert COUNTRY.fullmatch(row["country"]), row


def test_genres_are_many_spelled_one_way_and_shared(artists: list[dict[str, str]]) -> None:
    uses = Counter(genre for row in artists for genre in genres_of(row))
    assert len(uses) >= 120
    assert len({key(genre) for genre in uses}) == len(uses)
    assert min(uses.values()) >= 2


def test_eighty_venues_in_thirty_cities_have_coordinates(venues: list[dict[str, str]]) -> None:
    assert list(venues[0]) == ["name", "city", "country", "latitude", "longitude", "capacity"]
    assert len(venues) == 80
    assert len({(row["name"], row["city"]) for row in venues}) == 80
    assert len({row["city"] for row in venues}) >= 30
    for row in venues:
        assert COUNTRY.fullmatch(row["country"]), row
        assert re.fullmatch(r"-?\d{1,2}\.\d{4}", row["latitude"]), row
        assert re.fullmatch(r"-?\d{1,3}\.\d{4}", row["longitude"]), row
        assert abs(float(row["latitude"])) <= 90, row
        assert abs(float(row["longitude"])) <= 180, row
        assert 0 < int(row["capacity"]) < 200_000, row


def test_venues_of_one_city_are_close_together(venues: list[dict[str, str]]) -> None:
    places: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in venues:
        places.setdefault((row["country"], row["city"]), []).append(
            (float(row["latitude"]), float(row["longitude"]))
        )
    for city, points in places.items():
        for axis in zip(*points, strict=True):
            assert max(axis) - min(axis) < 0.3, city


def test_files_use_plain_line_ends_and_no_byte_order_mark() -> None:
    for path in DEMO.glob("*.csv"):
        content = path.read_bytes()
        assert b"\r" not in content
        assert not content.startswith(b"\xef\xbb\xbf")
        assert content.endswith(b"\n")


def test_the_curated_tree_has_a_top_and_a_middle(
    umbrellas: set[str], parents: list[tuple[str, str, float]]
) -> None:
    middle = {child for child, _, _ in parents}
    assert 12 <= len(umbrellas) <= 15
    assert 50 <= len(middle) <= 100
    assert not middle & umbrellas
    assert {parent for _, parent, _ in parents} <= middle | umbrellas
    assert len({(child, parent) for child, parent, _ in parents}) == len(parents)


def test_the_first_parent_of_a_curated_genre_decides_its_umbrella(
    umbrellas: set[str], parents: list[tuple[str, str, float]]
) -> None:
    for genre in {child for child, _, _ in parents}:
        (first,) = (up for child, up, confidence in parents if child == genre and confidence == 1)
        home = min(shortest_routes(first, parents, umbrellas))[2]
        assert min(shortest_routes(genre, parents, umbrellas))[2] == home, genre


def test_aliases_and_drop_list_hold_normalized_keys_and_leave_curated_genres_alone(
    umbrellas: set[str], parents: list[tuple[str, str, float]]
) -> None:
    genres = {key(genre) for genre in umbrellas | {child for child, _, _ in parents}}
    spellings = seed_keys("spelling")
    aliases = [alias for _, row in spellings for alias in row]
    targets = {target for target, _ in spellings}
    dropped = [word for _, row in seed_keys("dropped") for word in row]
    assert len(aliases) >= 100
    assert len(dropped) >= 200
    for word in [*aliases, *targets, *dropped]:
        assert word == key(word), word
    assert len(set(aliases)) == len(aliases)
    assert len(set(dropped)) == len(dropped)
    assert not set(aliases) & (genres | targets | set(dropped))
    assert not set(dropped) & (genres | targets)


def test_no_demo_genre_is_an_alias_or_on_the_drop_list(artists: list[dict[str, str]]) -> None:
    used = {key(genre) for row in artists for genre in genres_of(row)}
    for name in ("spelling", "dropped"):
        assert not used & {word for _, row in seed_keys(name) for word in row}, name


def test_every_umbrella_is_reached_by_three_artists(
    artists: list[dict[str, str]], umbrellas: set[str], parents: list[tuple[str, str, float]]
) -> None:
    below: dict[str, set[str]] = {umbrella: {key(umbrella)} for umbrella in umbrellas}
    for genre in {child for child, _, _ in parents}:
        for _, _, umbrella in shortest_routes(genre, parents, umbrellas):
            below[umbrella].add(key(genre))
    for umbrella, genres in below.items():
        reached = [row for row in artists if not genres.isdisjoint(map(key, genres_of(row)))]
        assert len(reached) >= 3, umbrella


def test_every_curated_genre_has_an_artist(
    artists: list[dict[str, str]], umbrellas: set[str], parents: list[tuple[str, str, float]]
) -> None:
    used = {key(genre) for row in artists for genre in genres_of(row)}
    assert {key(genre) for genre in umbrellas | {child for child, _, _ in parents}} <= used
