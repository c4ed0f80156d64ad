"""Loaders: the good goes in once, the bad is named with its line, nothing goes in by half."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, LiteralString

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medley.loaders import BadData, load_artists, load_concerts, load_lastfm, load_venues
from medley.loaders._rows import Problems, TableFile
from medley.loaders._write import stable_id

from tests.database import Database

LASTFM = {
    "artists.dat": "id\tname\turl\tpictureURL\n"
    '1\tThe "Quotes\thttp://x\thttp://x/1.jpg\n'
    "2\tBjörk\thttp://x\t\n"
    "3\tNobody tagged\thttp://x\t\n",
    "tags.dat": "tagID\ttagValue\n1\tindie rock\n2\tcafé\n3\tseen live\n4\tjazz\n",
    "user_taggedartists.dat": "userID\tartistID\ttagID\tday\tmonth\tyear\n"
    "10\t1\t1\t1\t4\t2009\n11\t1\t1\t1\t4\t2009\n10\t1\t1\t1\t5\t2010\n10\t1\t2\t1\t4\t2009\n"
    "10\t2\t4\t1\t4\t2009\n10\t2\t2\t1\t4\t2009\n11\t3\t2\t1\t4\t2009\n",
    "user_artists.dat": "userID\tartistID\tweight\n10\t1\t500\n10\t2\t900\n11\t1\t3\n",
    "user_friends.dat": "userID\tfriendID\n10\t11\n11\t10\n10\t12\n",
}


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose work is rolled back, with all deferred constraints checked before."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        yield connection
        connection.execute("set constraints all immediate")


@pytest.fixture
def lastfm(tmp_path: Path) -> Path:
    for name, text in LASTFM.items():
        encoding = "iso-8859-1" if name == "tags.dat" else "utf-8"
        (tmp_path / name).write_bytes(text.encode(encoding))
    return tmp_path


def rows(connection: psycopg.Connection[Any], query: LiteralString) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


def write(folder: Path, text: str, *, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def reasons(error: pytest.ExceptionInfo[BadData]) -> list[str]:
    return [str(row) for row in error.value.rows]


# Last.fm


def test_lastfm_artists_get_the_tags_that_members_agree_on(
    connection: psycopg.Connection[Any], lastfm: Path
) -> None:
    report = load_lastfm(connection, lastfm)
    assert report.skipped == 0
    assert rows(connection, "select name, genres from public.artists order by external_id") == [
        ('The "Quotes', ["indie rock"]),
        ("Björk", ["café", "jazz"]),
        ("Nobody tagged", ["café"]),
    ]
    linked = "select count(*) from public.item_genres"
    assert rows(connection, linked) == [(4,)]


def test_lastfm_members_follow_what_they_play_and_befriend_both_ways(
    connection: psycopg.Connection[Any], lastfm: Path
) -> None:
    load_lastfm(connection, lastfm, follows_per_member=1)
    assert rows(
        connection,
        """
        select p.display_name, a.name
        from public.item_follows as f
        inner join public.profiles as p on p.id = f.user_id
        inner join public.artists as a on a.id = f.item_id
        order by 1
        """,
    ) == [("Last.fm listener 10", "Björk"), ("Last.fm listener 11", 'The "Quotes')]
    assert rows(connection, "select count(*), count(distinct follower_id) from public.follows") == [
        (4, 3)
    ]


def test_lastfm_again_writes_nothing(connection: psycopg.Connection[Any], lastfm: Path) -> None:
    load_lastfm(connection, lastfm)
    assert set(load_lastfm(connection, lastfm).written.values()) == {0}


def test_lastfm_again_follows_a_changed_file(
    connection: psycopg.Connection[Any], lastfm: Path
) -> None:
    load_lastfm(connection, lastfm)
    renamed = LASTFM["artists.dat"].replace("Björk", "Björk Guðmundsdóttir")
    (lastfm / "artists.dat").write_text(renamed, encoding="utf-8")
    assert load_lastfm(connection, lastfm).written["artists"] == 1
    assert rows(connection, "select count(*) from public.artists") == [(3,)]
    assert ("Björk Guðmundsdóttir",) in rows(connection, "select i.title from medley.items as i")


BAD_LASTFM = [
    ("artists.dat", "x\tName\t\t\n", "id is not a whole number: 'x'"),
    ("artists.dat", "2\tTwice\t\t\n", "artist 2 is on line 3 already"),
    ("artists.dat", "7\t \t\t\n", "name is empty"),
    ("artists.dat", "7\tShort\n", "has 2 columns, not 4"),
    ("tags.dat", f"9\t{'long ' * 30}\n", "a genre has at most 100 characters"),
    ("user_taggedartists.dat", "10\t99\t1\t1\t4\t2009\n", "there is no artist 99"),
    ("user_taggedartists.dat", "10\t1\t99\t1\t4\t2009\n", "there is no tag 99"),
    ("user_artists.dat", "10\t1\t-5\n", "weight is out of range: '-5'"),
    ("user_artists.dat", "10\t1\t99999999999\n", "weight is out of range: '99999999999'"),
    ("user_friends.dat", "10\t10\n", "member 10 cannot be their own friend"),
    ("artists.dat", "7\tN\0UL\t\t\n", "holds a NUL"),
]


@pytest.mark.parametrize(("name", "line", "reason"), BAD_LASTFM)
def test_a_bad_row_stops_the_load_and_is_named(
    connection: psycopg.Connection[Any], lastfm: Path, name: str, line: str, reason: str
) -> None:
    with (lastfm / name).open("a", encoding="utf-8") as file:
        file.write(line)
    number = LASTFM[name].count("\n") + 1
    with pytest.raises(BadData) as error:
        load_lastfm(connection, lastfm)
    assert any(row.startswith(f"{name}:{number}: {reason}") for row in reasons(error))
    assert rows(connection, "select from public.artists") == []

    report = load_lastfm(connection, lastfm, skip_bad=True)
    assert report.skipped == 1
    assert rows(connection, "select count(*) from public.artists") == [(3,)]


def test_broken_encoding_is_a_bad_row(connection: psycopg.Connection[Any], lastfm: Path) -> None:
    with (lastfm / "artists.dat").open("ab") as file:
        file.write(b"7\tBj\xf6rk\t\t\n8\tGood\t\t\n")
    with pytest.raises(BadData) as error:
        load_lastfm(connection, lastfm)
    assert reasons(error) == ["artists.dat:5: byte 5 is not UTF-8"]
    load_lastfm(connection, lastfm, skip_bad=True)
    assert ("Good",) in rows(connection, "select name from public.artists")


def test_a_missing_file_is_named(connection: psycopg.Connection[Any], lastfm: Path) -> None:
    (lastfm / "tags.dat").unlink()
    with pytest.raises(FileNotFoundError, match="tags"):
        load_lastfm(connection, lastfm)


# Headers


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the header has no column name"),
        ("title,city\nx,y\n", "the header has no column name"),
        ("name,lat,latitude\nx,1,1\n", "the header names a column twice"),
    ],
)
def test_a_header_that_will_not_do_cannot_be_skipped(
    connection: psycopg.Connection[Any], tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(BadData) as error:
        load_venues(connection, write(tmp_path, text), skip_bad=True)
    assert reasons(error) == [f"file.csv:1: {reason}"]
    assert not error.value.skippable


def test_a_byte_order_mark_and_windows_line_ends_are_fine(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    load_venues(connection, write(tmp_path, "\ufeffname,city\r\nParadiso,Amsterdam\r\n"))
    assert rows(connection, "select name, city from public.venues") == [("Paradiso", "Amsterdam")]


def test_a_quoted_value_may_hold_commas_and_line_breaks(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    text = 'name,city\n"Hall, the\nbig one",Rome\nNext,Rome,extra\n'
    with pytest.raises(BadData) as error:
        load_venues(connection, write(tmp_path, text))
    assert reasons(error) == ["file.csv:4: has 3 columns, not 2"]
    load_venues(connection, write(tmp_path, text), skip_bad=True)
    assert rows(connection, "select name from public.venues") == [("Hall, the\nbig one",)]


# Venues and artists


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Hall,1000,0,5", "lat is out of range: '1000'"),
        ("Hall,10,-180.5,5", "lng is out of range: '-180.5'"),
        ("Hall,nan,10,5", "lat is out of range: 'nan'"),
        ("Hall,north,10,5", "lat is not a number: 'north'"),
        ("Hall,10,,5", "latitude and longitude go together, one is empty"),
        ("Hall,10,10,many", "capacity is not a whole number: 'many'"),
        ("Hall,10,10,-1", "capacity is out of range: '-1'"),
        (",10,10,5", "name is empty"),
        (f"{'x' * 501},10,10,5", "name has 501 characters, at most 500 fit"),
    ],
)
def test_a_venue_that_cannot_be_is_named(
    connection: psycopg.Connection[Any], tmp_path: Path, row: str, reason: str
) -> None:
    path = write(tmp_path, f"name,lat,lng,capacity\nGood,1,2,3\n{row}\n")
    with pytest.raises(BadData) as error:
        load_venues(connection, path)
    expected = reason.replace("lat is", "latitude is").replace("lng is", "longitude is")
    assert reasons(error) == [f"file.csv:3: {expected}"]
    assert rows(connection, "select from public.venues") == []


def test_venues_have_a_place_or_none(connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    path = write(tmp_path, "id,name,metroArea,lat,lng,capacity\n1,A,X,52.5,13.4,\n2,B,Y,,,80\n")
    load_venues(connection, path)
    assert rows(
        connection,
        "select v.name, v.city, extensions.st_y(v.location), v.capacity from public.venues as v "
        "order by v.name",
    ) == [("A", "X", 52.5, None), ("B", "Y", None, 80)]


def test_artists_bring_their_genres(connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    path = write(tmp_path, "name,genres,country\nA,Rock|Hip-Hop| ,NL\nB,,\n")
    load_artists(connection, path)
    assert rows(connection, "select name, genres, country from public.artists order by name") == [
        ("A", ["Rock", "Hip-Hop"], "NL"),
        ("B", [], None),
    ]
    assert set(load_artists(connection, path).written.values()) == {0}


def test_ids_come_from_the_source(connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    path = write(tmp_path, "id,name,genres\n7,A,Rock\n")
    load_artists(connection, path, source="here")
    load_artists(connection, path, source="there")
    ids = {row[0] for row in rows(connection, "select id from public.artists")}
    assert ids == {stable_id("artist", "here", "7"), stable_id("artist", "there", "7")}


def test_a_row_that_the_app_wrote_under_its_own_id_keeps_it(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    connection.execute(
        "insert into public.artists (id, name, source, external_id) "
        "values ('00000000-0000-0000-0000-00000000000a', 'Old', 'artists', '7')"
    )
    load_artists(connection, write(tmp_path, "id,name,genres\n7,New,Rock\n"))
    assert rows(connection, "select right(id::text, 1), name from public.artists") == [("a", "New")]


# Concerts

SHOWS = (
    "artist,show_id,date,venue,city,state,country,lat,lon\n"
    "Goose,1,2023-03-03,The Hall,Rome,GA,USA,,\n"
    "Goose,1,2023-03-03,The Park,Rome,GA,USA,34.2,-85.1\n"
    "phish,2,2023-03-05,The Hall,Rome,GA,USA,34.2,-85.1\n"
    "Phish,3,2020-01-01,The Hall,Rome,GA,USA,34.2,-85.1\n"
)


def test_shows_move_by_whole_weeks(connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    path = write(tmp_path, SHOWS)
    load_concerts(connection, path, since=date(2023, 1, 1), shift_to=date(2030, 1, 1))
    moved = rows(connection, "select distinct e.starts_at from public.events as e order by 1")
    assert moved == [
        (datetime(2030, 1, 4, 20, tzinfo=UTC),),
        (datetime(2030, 1, 6, 20, tzinfo=UTC),),
    ]
    assert date(2030, 1, 4).weekday() == date(2023, 3, 3).weekday()


def test_shows_find_the_artists_that_are_there(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    load_artists(connection, write(tmp_path, "name,genres\nPHISH,Jam Band\n", name="a.csv"))
    report = load_concerts(connection, write(tmp_path, SHOWS))
    assert report.written == {"artists": 1, "venues": 2, "events": 4}
    assert rows(
        connection,
        """
        select e.title, a.name, e.genres, v.latitude
        from public.events as e
        inner join public.artists as a on a.id = e.headliner_artist_id
        inner join public.venues as v on v.id = e.venue_id
        where e.starts_at > '2023-03-01'
        order by e.title
        """,
    ) == [
        ("Goose at The Hall", "Goose", [], 34.2),
        ("Goose at The Park", "Goose", [], 34.2),
        ("phish at The Hall", "PHISH", ["Jam Band"], 34.2),
    ]
    assert set(load_concerts(connection, write(tmp_path, SHOWS)).written.values()) == {0}


@pytest.mark.parametrize("day", ["2023-02-30", "03/04/2023", "", "2023-1-1"])
def test_a_date_that_is_none_is_named(
    connection: psycopg.Connection[Any], tmp_path: Path, day: str
) -> None:
    with pytest.raises(BadData) as error:
        load_concerts(connection, write(tmp_path, f"artist,date,venue\nA,{day},B\n"))
    assert reasons(error) == [f"file.csv:2: date is not a date (YYYY-MM-DD): '{day}'"]


# Any bytes


@given(st.binary(max_size=300))
def test_no_file_breaks_the_reader(content: bytes) -> None:
    problems = Problems(skip_bad=True)
    with NamedTemporaryFile(suffix=".csv") as file:
        file.write(b"name,city\n" + content)
        file.flush()
        found = list(TableFile(Path(file.name), ("name",), {}).rows(problems))
    lines = content.count(b"\n") + 2
    assert all(2 <= line <= lines for line, _ in found)
    assert all(2 <= row.line <= lines for row in problems.rows)
