"""Random writes leave the index of events and the affinities as a rebuild makes them."""

from __future__ import annotations

import pytest
from psycopg import sql

from tests.sql.live.worlds import GENRES, NAMED, PLACES, Connection, Dice, World, make_world

AFFINITIES = "select user_no, cluster_path_slug, country, score from medley.user_cluster_affinity"


def literal(value: object) -> sql.Composable:
    return sql.Literal(value)


def write(dice: Dice, world: World) -> sql.Composed:
    """One random statement that any part of the engine depends on."""
    title = dice.one(["e0", *(row["title"] for row in world.events)])
    venue = dice.one([None, *(row["name"] for row in world.venues)])
    artist = dice.one([None, *(row["name"] for row in world.artists)])
    member = dice.one([row["name"] for row in world.members])
    latitude, longitude = dice.one(PLACES)
    statement = dice.one(
        [
            "update events set title = title || '!', starts_at = starts_at + interval '1 day' "
            "where id = event({title})",
            "update events set status = {status} where id = event({title})",
            "update events set genres = {genres}, venue_id = (select id from venues where id = "
            "venue({venue})) where id = event({title})",
            "update events set headliner_artist_id = (select id from artists where id = "
            "artist({artist})), promoted = not promoted where id >= event({title})",
            "insert into events as e (id, title, starts_at, genres) values (event({title}), "
            "{title}, now() + interval '2 days', {genres}) on conflict (id) do update set "
            "genres = excluded.genres, ticket_available = not e.ticket_available",
            "delete from events where id = event({title})",
            "delete from medley.items where id = event({title})",
            "update medley.items set visibility = {visibility} where id >= event({title})",
            "insert into event_artists (event_id, artist_id) select e.id, a.id from events as e, "
            "artists as a where e.id >= event({title}) and a.id = artist({artist}) "
            "on conflict do nothing",
            "update event_artists as p set artist_id = artist({artist}) where event_id = "
            "event({title}) and exists (select from artists where id = artist({artist})) and not "
            "exists (select from event_artists as o where o.event_id = p.event_id)",
            "delete from event_artists where event_id > event({title})",
            "update venues set latitude = {latitude}, longitude = {longitude}, country = "
            "{country} where id = venue({venue})",
            "delete from venues where id = venue({venue})",
            "delete from artists where id = artist({artist})",
            "delete from item_genres where item_id = event({title})",
            "delete from genres where id = genre({genre}) and {often}",
            "insert into item_genres (item_id, genre_id) select e.id, g.id from events as e, "
            "genres as g where e.id >= event({title}) and g.id = genre({genre}) "
            "on conflict do nothing",
            "update item_genres as l set item_id = event({title}) where genre_id = genre({genre}) "
            "and exists (select from events as e where e.id = l.item_id) and exists (select from "
            "events where id = event({title})) and not exists (select from item_genres as o "
            "where o.item_id = event({title})) and 1 = (select count(*) from item_genres as o "
            "inner join events as e on e.id = o.item_id where o.genre_id = l.genre_id)",
            "insert into event_rsvps (user_id, event_id, status) select u.id, e.id, {answer} "
            "from events as e, auth.users as u where e.id >= event({title}) "
            "and u.id = member({member}) "
            "on conflict (user_id, event_id) do update set status = excluded.status",
            "update event_rsvps set status = {answer} where user_id >= member({member})",
            "delete from event_rsvps where user_id = member({member}) "
            "and event_id >= event({title})",
            "delete from auth.users where id = member({member}) and {often}",
            "select medley.rebuild_genre_paths()",
        ]
    )
    return sql.SQL(statement).format(
        title=literal(title),
        venue=literal(venue),
        artist=literal(artist),
        member=literal(member),
        latitude=literal(latitude),
        longitude=literal(longitude),
        genres=literal(dice.some(NAMED, 4)),
        genre=literal(dice.one(GENRES)),
        country=literal(dice.one(["A", "B", "C", None])),
        status=literal(dice.one(["scheduled", "cancelled"])),
        visibility=literal(dice.one(["public", "private"])),
        answer=literal(dice.one(["going", "maybe"])),
        often=literal(dice.number(1, 4) == 1),
    )


@pytest.mark.parametrize("seed", range(300, 320))
def test_after_any_writes(connection: Connection, seed: int) -> None:
    dice = Dice(seed)
    world = make_world(dice, events=30, members=5, clock=0)
    with connection.transaction(force_rollback=True):
        connection.execute("set local search_path = tests, extensions, public")
        world.build(connection)
        done = []
        for _ in range(25):
            statement = write(dice, world)
            done.append(statement.as_string(connection))
            connection.execute(statement)

        # Paths that changed are for the job; so are affinities to events that changed.
        while connection.execute("select medley.refresh_upcoming_events(7) = 7").fetchone() == (
            True,
        ):
            pass
        wrong = connection.execute("select * from tests.upcoming_index_errors()").fetchall()
        assert not wrong, "\n".join(done)

        connection.execute("select medley.refresh_user_cluster_affinity()")
        refreshed = connection.execute(AFFINITIES).fetchall()
        orphans = connection.execute(
            "select medley.refresh_user_cluster_affinity(), count(*) from "
            "medley.user_cluster_affinity as a where a.user_no not in "
            "(select user_no from medley.members)"
        ).fetchone()
        assert orphans == (0, 0), "a second refresh has nothing to do"
        connection.execute("update event_rsvps set status = status where true")
        assert sorted(connection.execute(AFFINITIES).fetchall()) == sorted(refreshed)


@pytest.mark.parametrize("seed", range(320, 330))
def test_affinities_follow_answers_as_the_job_would(connection: Connection, seed: int) -> None:
    dice = Dice(seed)
    world = make_world(dice, events=60, members=6, clock=0)
    answers = ("event_rsvps", "auth.users", "delete from events", "delete from medley.items")
    with connection.transaction(force_rollback=True):
        connection.execute("set local search_path = tests, extensions, public")
        world.build(connection)
        for _ in range(150):
            statement = write(dice, world)
            if any(word in statement.as_string(connection) for word in answers):
                connection.execute(statement)
        kept = connection.execute(AFFINITIES).fetchall()
        changed = connection.execute("select medley.refresh_user_cluster_affinity()").fetchone()
        assert changed == (0,)
        # From nothing, not only from what was there.
        connection.execute("delete from medley.user_cluster_affinity where true")
        connection.execute("select medley.refresh_user_cluster_affinity()")
        assert sorted(connection.execute(AFFINITIES).fetchall()) == sorted(kept)
