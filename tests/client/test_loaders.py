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
from medley.loaders import (
    BadData,
    Interaction,
    load_artists,
    load_concerts,
    load_films,
    load_interactions,
    load_lastfm,
    load_movielens,
    load_setlists,
    load_venues,
    read_interactions,
)
from medley.loaders._rows import Problems, TableFile
from medley.loaders._write import stable_id
from medley.loaders.films import ungarbled
from medley.loaders.movielens import film_title

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


LOGGED = """
    select p.display_name, i.title, k.kind, e.occurred_at, e.value
    from medley.engagements as e
    inner join medley.engagement_kinds as k on k.kind_no = e.kind_no
    inner join medley.items as i on i.item_no = e.item_no
    inner join medley.members as m on m.user_no = e.user_no
    inner join public.profiles as p on p.id = m.user_id
    where k.kind <> 'follow'
    order by p.display_name, i.title, e.occurred_at
"""


def test_lastfm_plays_are_engagements_of_the_first_load(
    connection: psycopg.Connection[Any], lastfm: Path
) -> None:
    load_lastfm(connection, lastfm)
    ((now,),) = rows(connection, "select now()")
    assert rows(connection, LOGGED) == [
        ("Last.fm listener 10", "Björk", "play", now, 900),
        ("Last.fm listener 10", 'The "Quotes', "play", now, 500),
        ("Last.fm listener 11", 'The "Quotes', "play", now, 3),
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


# MovieLens and films

MOVIELENS = {
    "movies.csv": "1,Toy Story (1995),Comedy|Sci-Fi\r\n"
    '2,"Postman, The (Postino, Il) (1994)",(no genres listed)\r\n'
    "3,Twin (2005),Drama\r\n4,Twin (2005),Drama\r\n",
    "links.csv": "1,0114709,862\r\n2,0110877,11010\r\n3,0407304,74\r\n4,0407304,74\r\n",
    "tags.csv": "10,1,Pixar,1139045764\r\n11,1,pixar,1139045764\r\n10,1,fun,1139045764\r\n",
    "ratings.csv": "10,1,5.0,964982703\r\n10,2,0.5,964982704\r\n11,4,2.75,1537799250\r\n",
}
FILMS = {
    "tmdb_5000_movies.csv": "genres,id,keywords,original_language,original_title,overview,"
    "production_countries,release_date,runtime,title,vote_average,vote_count\n"
    '"[{""id"": 1, ""name"": ""Comedy""}, {""id"": 2, ""name"": ""Family""}]",862,'
    '"[{""id"": 3, ""name"": ""toys""}]",en,Toy Story,Toys live.,'
    '"[{""iso_3166_1"": ""US"", ""name"": ""USA""}]",1995-10-30,81.0,Toy Story,7.7,5269\n'
    "[],9,[],es,Am\u00e9n,,[],,,Amen,0.0,0\n",
    "movie_metadata.csv": "\ufeffid,movie_title,duration,director_name,actor_1_name,actor_2_name,"
    "actor_3_name,movie_imdb_link,title_year\n"
    "1,Toy Story\u00a0 ,81,John Lasseter,Tom Hanks,Tim Allen,,"
    "http://www.imdb.com/title/tt0114709/?ref_=fn_tt_tt_1,1995\n"
    "2,Toy Story ,81,John Lasseter,Tom Hanks,Tim Allen,,"
    "http://www.imdb.com/title/tt0114709/?ref_=fn_tt_tt_1,1995\n"
    "3,Elsewhere ,90,Dami\u221a\u00b0n,,,,http://www.imdb.com/title/tt1234567/,2001\n",
}


@pytest.fixture
def movielens(tmp_path: Path) -> Path:
    for name, text in MOVIELENS.items():
        write(tmp_path, text, name=name)
    return tmp_path


@pytest.fixture
def films(tmp_path: Path) -> Path:
    for name, text in FILMS.items():
        write(tmp_path, text, name=name)
    return tmp_path


FEATURES = """
    select f.feature_type || ':' || f.feature_value, c.weight::float8
    from medley.content_features as c
    inner join medley.features as f on f.feature_no = c.feature_no
    inner join medley.items as i on i.item_no = c.item_no
    where i.title = 'Toy Story'
    order by 1, c.source
"""


def test_movielens_has_films_ratings_and_tags(
    connection: psycopg.Connection[Any], movielens: Path
) -> None:
    load_movielens(connection, movielens)
    assert rows(
        connection,
        "select title, original_title, year, genres, imdb_id, tmdb_id from public.titles "
        "order by external_id",
    ) == [
        ("Toy Story", None, 1995, ["Comedy", "Sci-Fi"], "tt0114709", 862),
        ("The Postman", "Il Postino", 1994, [], "tt0110877", 11010),
        ("Twin", None, 2005, ["Drama"], "tt0407304", 74),
        ("Twin", None, 2005, ["Drama"], None, None),
    ]
    first, last = datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC), datetime(2018, 9, 24, tzinfo=UTC)
    logged = rows(connection, LOGGED)
    assert [row[:4] for row in logged[:2]] == [
        ("MovieLens member 10", "The Postman", "rate", first.replace(second=4)),
        ("MovieLens member 10", "Toy Story", "rate", first),
    ]
    assert [row[4] for row in logged] == [0, 1, 0.5]
    assert logged[2][3].date() == last.date()
    assert rows(connection, FEATURES) == [
        ("decade:1990s", 1),
        ("genre:comedy", 1),
        ("genre:science-fiction", 1),
        ("keyword:fun", 1),
        ("keyword:pixar", pytest.approx(1.6931, abs=1e-3)),
    ]


def test_movielens_comes_with_a_header_too(
    connection: psycopg.Connection[Any], movielens: Path
) -> None:
    write(movielens, "movieId,title,genres\n" + MOVIELENS["movies.csv"], name="movies.csv")
    assert load_movielens(connection, movielens).read["movies.csv"] == 4


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("ratings.csv", "10,1,5.5,1\n", "rating is out of range: 5.5"),
        ("ratings.csv", "10,1,nan,1\n", "rating is out of range: 'nan'"),
        ("ratings.csv", "10,9,5,1\n", "there is no film 9"),
        ("ratings.csv", "10,1,5,1e12\n", "timestamp is no time in seconds since 1970: '1e12'"),
        ("movies.csv", "1,Twice (1990),Drama\n", "film 1 is on line 1 already"),
        ("links.csv", "9,1,1\n", "there is no film 9"),
        ("tags.csv", "10,1,,1\n", "tag is empty"),
    ],
)
def test_a_bad_row_of_movielens_is_named(
    connection: psycopg.Connection[Any], movielens: Path, name: str, line: str, reason: str
) -> None:
    write(movielens, MOVIELENS[name] + line, name=name)
    with pytest.raises(BadData) as error:
        load_movielens(connection, movielens)
    assert reasons(error) == [f"{name}:{MOVIELENS[name].count(chr(10)) + 1}: {reason}"]
    assert load_movielens(connection, movielens, skip_bad=True).skipped == 1


def test_films_have_people_and_words(connection: psycopg.Connection[Any], films: Path) -> None:
    load_films(connection, films)
    assert rows(
        connection,
        """
        select t.title, c.role, p.name, c.position
        from public.title_credits as c
        inner join public.titles as t on t.id = c.title_id
        inner join public.people as p on p.id = c.person_id
        order by 1, 2, 4
        """,
    ) == [
        ("Elsewhere", "director", "Damián", 1),
        ("Toy Story", "cast", "Tom Hanks", 1),
        ("Toy Story", "cast", "Tim Allen", 2),
        ("Toy Story", "director", "John Lasseter", 1),
    ]
    assert rows(
        connection,
        "select title, original_title, released_on, runtime_minutes, overview, language, country "
        "from public.titles order by title",
    ) == [
        ("Amen", "Amén", None, None, None, "es", None),
        ("Elsewhere", None, None, 90, None, None, None),
        ("Toy Story", None, date(1995, 10, 30), 81, "Toys live.", "en", "US"),
    ]


@pytest.mark.usefixtures("movielens", "films")
@pytest.mark.parametrize("order", [(load_movielens, load_films), (load_films, load_movielens)])
def test_films_of_both_sources_are_one(
    connection: psycopg.Connection[Any], tmp_path: Path, order: tuple[Any, ...]
) -> None:
    for load in order:
        load(connection, tmp_path)
    assert rows(
        connection,
        "select imdb_id, overview, keywords from public.titles where title = 'Toy Story'",
    ) == [("tt0114709", "Toys live.", ["toys"])]
    assert {name for name, _ in rows(connection, FEATURES)} == {
        "cast:Tim Allen",
        "cast:Tom Hanks",
        "country:US",
        "decade:1990s",
        "director:John Lasseter",
        "genre:comedy",
        "genre:family",
        "genre:science-fiction",
        "keyword:fun",
        "keyword:pixar",
        "keyword:toys",
        "language:en",
    }
    for load in order:
        assert set(load(connection, tmp_path).written.values()) == {0}


def test_a_load_of_films_that_broke_off_can_be_repeated(
    connection: psycopg.Connection[Any], movielens: Path
) -> None:
    def stop(step: str) -> None:
        if step == "Writing ratings":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_movielens(connection, movielens, progress=stop)
    assert rows(connection, "select from public.titles") == []
    assert load_movielens(connection, movielens).written["engagements"] == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Heat (1995)", ("Heat", None, 1995)),
        ("Hate (Haine, La) (1995)", ("Hate", "La Haine", 1995)),
        ("Avventura, L' (Adventure, The) (1960)", ("L'Avventura", "The Adventure", 1960)),
        ("Seven (a.k.a. Se7en) (1995) ", ("Seven", "Se7en", 1995)),
        ("(500) Days of Summer (2009)", ("(500) Days of Summer", None, 2009)),
        ("Babylon 5", ("Babylon 5", None, None)),
        ("(2004)", ("(2004)", None, None)),
    ],
)
def test_film_titles_are_taken_apart(text: str, expected: tuple[str, str | None, int]) -> None:
    assert film_title(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zo\u221a\u00b4", "Zo\u00eb"),
        ("Zo\u00eb", "Zo\u00eb"),
        ("Tom", "Tom"),
        ("\u6771", "\u6771"),
    ],
)
def test_accents_are_put_right(text: str, expected: str) -> None:
    assert ungarbled(text) == expected


# Interactions

AT = datetime(1970, 1, 1, 0, 1, 39, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fmt", "text", "expected"),
    [
        ("csv", "a,b\n", Interaction("a", "b", None, None)),
        ("csv", "a,b,2.5\n", Interaction("a", "b", 2.5, None)),
        ("csv", '"a,x",b,,99\r\n', Interaction("a,x", "b", None, AT)),
        ("csv", "\ufeffUser_ID,item_id,timestamp,x\na,b,99,1\n", Interaction("a", "b", None, AT)),
        ("csv", "item,user\nb,a\n", Interaction("a", "b", None, None)),
        ("lastfm", "userID\tartistID\tweight\n2\t51\t13883\n", Interaction("2", "51", 13883, None)),
        ("movielens", "1,2,4.5,99\n", Interaction("1", "2", 4.5, AT)),
        (
            "movielens",
            "userId,movieId,rating,timestamp\n1,2,4.5,99\n",
            Interaction("1", "2", 4.5, AT),
        ),
        ("movielens", "1::2::4.5::99\n", Interaction("1", "2", 4.5, AT)),
        ("movielens", "1\t2\t4.5\t99\n", Interaction("1", "2", 4.5, AT)),
    ],
)
def test_interactions_come_in_several_forms(
    tmp_path: Path, fmt: str, text: str, expected: Interaction
) -> None:
    assert list(read_interactions(write(tmp_path, text), fmt)) == [expected]


@pytest.mark.parametrize(
    ("fmt", "text", "reason"),
    [
        ("csv", "a\n", "has 1 columns, not 2"),
        ("csv", "a,\n", "item is empty"),
        ("csv", "a,b,nan\n", "weight is out of range: 'nan'"),
        ("csv", "a,b,-1\n", "weight is negative: -1"),
        ("csv", "a,b,1,soon\n", "time is not a number: 'soon'"),
        ("lastfm", "1,2,3\n1,2\n", "has 2 columns, not 3"),
        ("movielens", "1,2,3,99,5\n", "has 5 columns, not 4"),
    ],
)
def test_a_bad_interaction_is_named(tmp_path: Path, fmt: str, text: str, reason: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BadData) as error:
        list(read_interactions(path, fmt))
    assert reasons(error) == [f"file.csv:{text.count(chr(10))}: {reason}"]
    problems = Problems(skip_bad=True)
    list(read_interactions(path, fmt, problems))
    assert problems.total == 1


def test_a_format_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="movielens, lastfm, csv"):
        list(read_interactions(write(tmp_path, "a,b\n"), "tsv"))


def test_interactions_are_engagements_with_items_of_their_own(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    path = write(tmp_path, "ada,song,2,\nada,song,3,\nada,song,7,99\nbob,song,,\n")
    load_interactions(connection, path, "csv", kind="tune")
    ((now,),) = rows(connection, "select now()")
    assert rows(connection, LOGGED) == [
        ("ada", "song", "play", AT, 7),
        ("ada", "song", "play", now, 5),
        ("bob", "song", "play", now, None),
    ]
    assert rows(connection, "select kind, title from medley.items") == [("tune", "song")]
    assert set(load_interactions(connection, path, "csv", kind="tune").written.values()) == {0}


def test_rated_interactions_are_ratings(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    load_interactions(connection, write(tmp_path, "1,2,2.75,99\n"), "movielens")
    assert rows(connection, LOGGED) == [("1", "2", "rate", AT, 0.5)]


# The data sets themselves

DATA = Path(__file__).parents[2].parent / "shared/data"


@pytest.mark.skipif(not DATA.is_dir(), reason="the data sets of ../shared/data are not here")
def test_films_join_movielens(connection: psycopg.Connection[Any]) -> None:
    report = load_movielens(connection, DATA / "movielens_small")
    assert report.written["engagements"] == 100836
    load_films(connection, DATA / "films")
    ((joined,),) = rows(
        connection,
        "select count(*) from public.titles as t where t.source = 'movielens' and t.overview <> '' "
        "and exists (select from public.title_credits as c where c.title_id = t.id)",
    )
    assert joined > 3500


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


# Setlists

ARCHIVE = {
    "band_venuedata.csv": "venue_id,venuename,city,state,country\n1,The Hall,Rome,GA,USA\n",
    "band_showdata.csv": "show_id,show_date,venue_id\n"
    "7,2023-03-03,1\n8,2023-03-03,1\n9,2023-03-05,1\n",
    "band_songdata.csv": "song_id,song,original_artist,times_played\n1,One,Band,9\n2,Two,Others,3\n"
    "1,One,Others,1\n3,One (Live),Band,1\n",
    "band_setlistdata.csv": "show_id,song_id,setnumber,position\n"
    "7,2,e,1\n7,1,1,1\n7,1,1,3\n7,3,2,1\n7,99,1,2\n8,1,1,1\n",
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for name, text in ARCHIVE.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_setlists_are_loaded_in_the_order_of_the_sets(
    connection: psycopg.Connection[Any], archive: Path
) -> None:
    report = load_setlists(connection, archive)
    assert report.written == {
        "artists": 1,
        "venues": 1,
        "events": 3,
        "songs": 3,
        "setlists": 2,
        "setlist_songs": 4,
    }
    assert rows(
        connection,
        """
        select e.starts_at, array_agg(s.title order by g.position)
        from public.setlists as l
        inner join public.events as e on e.id = l.event_id
        inner join public.setlist_songs as g on g.setlist_id = l.id
        inner join public.songs as s on s.id = g.song_id
        where l.type = 'actual'
        group by e.id
        order by e.starts_at
        """,
    ) == [
        (datetime(2023, 3, 3, 20, tzinfo=UTC), ["One", "One (Live)", "Two"]),
        (datetime(2023, 3, 3, 21, tzinfo=UTC), ["One"]),
    ]
    # A cover is the work of others; the live recording is the studio's.
    assert rows(
        connection,
        """
        select s.title, s.artist, l.is_primary_artist, s.is_live, s.duplicate_of is not null
        from public.songs as s
        inner join public.artist_songs as l on l.song_id = s.id
        inner join public.artists as a on a.id = l.artist_id and a.name = 'Band'
        order by s.title
        """,
    ) == [
        ("One", "Band", True, False, False),
        ("One (Live)", "Band", True, True, True),
        ("Two", "Others", False, False, False),
    ]
    assert set(load_setlists(connection, archive).written.values()) == {0}


def test_a_corrected_setlist_is_corrected(
    connection: psycopg.Connection[Any], archive: Path
) -> None:
    load_setlists(connection, archive)
    file = archive / "band_setlistdata.csv"
    file.write_text("show_id,song_id,setnumber,position\n7,2,1,1\n7,1,1,2\n")
    assert load_setlists(connection, archive).written["setlist_songs"] == 3
    assert rows(
        connection,
        """
        select s.title
        from public.setlist_songs as g
        inner join public.songs as s on s.id = g.song_id
        inner join public.setlists as l on l.id = g.setlist_id
        inner join public.events as e on e.id = l.event_id
        where e.starts_at = '2023-03-03 20:00Z'
        order by g.position
        """,
    ) == [("Two",), ("One",)]


def test_bad_setlists_are_named(connection: psycopg.Connection[Any], archive: Path) -> None:
    (archive / "band_setlistdata.csv").write_text(
        "show_id,song_id,setnumber,position\n5,1,1,1\n7,1,1,x\n"
    )
    with pytest.raises(BadData) as error:
        load_setlists(connection, archive)
    assert reasons(error) == [
        "band_setlistdata.csv:2: there is no show 5",
        "band_setlistdata.csv:3: position is not a whole number: 'x'",
    ]
    (archive / "band_setlistdata.csv").unlink()
    with pytest.raises(BadData, match="holds 0 files"):
        load_setlists(connection, archive)
