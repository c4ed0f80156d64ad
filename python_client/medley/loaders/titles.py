"""Films and series: how staged rows get into the tables, whichever source knew them first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field
from datetime import date
from typing import Any

from psycopg import Cursor

from ._write import run, stable_id, stage


@dataclass(slots=True)
class Title:
    """A film as one source knows it; what it does not know is None or empty."""

    external_id: str
    title: str
    original_title: str | None = None
    year: int | None = None
    released_on: date | None = None
    runtime_minutes: int | None = None
    overview: str | None = None
    genres: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    language: str | None = None
    country: str | None = None
    imdb_id: str | None = None
    tmdb_id: int | None = None
    vote_average: float | None = None
    vote_count: int | None = None


def write_titles(cursor: Cursor[Any], source: str, titles: Iterable[Title]) -> int:
    """Upserts films, and leaves `pg_temp.load_titles` behind: which id each external_id has.

    A film that another source made is found by its ids at IMDb or TMDB. It keeps its title and
    year, takes everything else that this source knows, and has the genres and keywords of both.
    """
    stage(
        cursor,
        "load_titles",
        "external_id text, title text, original_title text, year smallint, released_on date, "
        "runtime_minutes int, overview text, genres text[], keywords text[], language text, "
        "country text, imdb_id text, tmdb_id int, vote_average real, vote_count int, "
        "place int, source text, id uuid",
        (
            (*astuple(title), place, source, stable_id("title", source, title.external_id))
            for place, title in enumerate(titles)
        ),
    )
    run(
        cursor,
        """
        update pg_temp.load_titles as l
        set id = coalesce(own.id, imdb.id, tmdb.id)
        from pg_temp.load_titles as g
        left join public.titles as own
          on own.source = g.source and own.external_id = g.external_id
        left join public.titles as imdb on imdb.imdb_id = g.imdb_id
        left join public.titles as tmdb on tmdb.tmdb_id = g.tmdb_id and tmdb.kind = 'movie'
        where l.place = g.place and coalesce(own.id, imdb.id, tmdb.id) is not null
        """,
    )
    # One id belongs to one title: who comes later goes without.
    run(
        cursor,
        """
        update pg_temp.load_titles as l
        set
          imdb_id = case when not taken.imdb then l.imdb_id end,
          tmdb_id = case when not taken.tmdb then l.tmdb_id end
        from (
          select
            g.place,
            exists (select from public.titles as t where t.imdb_id = g.imdb_id and t.id <> g.id)
            or row_number() over (partition by g.imdb_id order by g.place) > 1 as imdb,
            exists (
              select from public.titles as t
              where t.tmdb_id = g.tmdb_id and t.kind = 'movie' and t.id <> g.id
            )
            or row_number() over (partition by g.tmdb_id order by g.place) > 1 as tmdb
          from pg_temp.load_titles as g
        ) as taken
        where taken.place = l.place and (taken.imdb or taken.tmdb)
        """,
    )
    new = run(
        cursor,
        """
        insert into public.titles (
          id, kind, title, original_title, year, released_on, runtime_minutes, overview, genres,
          keywords, language, country, imdb_id, tmdb_id, vote_average, vote_count, source,
          external_id
        )
        select distinct on (l.id)
          l.id, 'movie', l.title, l.original_title, l.year, l.released_on, l.runtime_minutes,
          l.overview, l.genres, l.keywords, l.language, l.country, l.imdb_id, l.tmdb_id,
          l.vote_average, l.vote_count, l.source, l.external_id
        from pg_temp.load_titles as l
        where not exists (select from public.titles as t where t.id = l.id)
        order by l.id, l.place
        """,
    )
    return new + run(
        cursor,
        """
        with wanted as (
          select distinct on (t.id)
            t.id,
            case when o.own then l.title else t.title end as title,
            case when o.own then coalesce(l.original_title, t.original_title)
              else coalesce(t.original_title, l.original_title) end as original_title,
            case when o.own then coalesce(l.year, t.year) else coalesce(t.year, l.year) end as year,
            coalesce(l.released_on, t.released_on) as released_on,
            coalesce(l.runtime_minutes, t.runtime_minutes) as runtime_minutes,
            coalesce(l.overview, t.overview) as overview,
            t.genres || array(
              select n.name
              from unnest(l.genres) with ordinality as n (name, place)
              where not exists (
                select from unnest(t.genres) as k (name)
                where public.normalize_genre_key(k.name) = public.normalize_genre_key(n.name)
              )
              order by n.place
            ) as genres,
            t.keywords || array(
              select n.name
              from unnest(l.keywords) with ordinality as n (name, place)
              where n.name <> all (t.keywords)
              order by n.place
            ) as keywords,
            coalesce(l.language, t.language) as language,
            coalesce(l.country, t.country) as country,
            coalesce(t.imdb_id, l.imdb_id) as imdb_id,
            coalesce(t.tmdb_id, l.tmdb_id) as tmdb_id,
            coalesce(l.vote_average, t.vote_average) as vote_average,
            coalesce(l.vote_count, t.vote_count) as vote_count
          from pg_temp.load_titles as l
          inner join public.titles as t on t.id = l.id
          cross join lateral (
            select t.source = l.source and t.external_id = l.external_id as own
          ) as o
          order by t.id, o.own desc, l.place
        )

        update public.titles as t
        set
          title = w.title,
          original_title = w.original_title,
          year = w.year,
          released_on = w.released_on,
          runtime_minutes = w.runtime_minutes,
          overview = w.overview,
          genres = w.genres,
          keywords = w.keywords,
          language = w.language,
          country = w.country,
          imdb_id = w.imdb_id,
          tmdb_id = w.tmdb_id,
          vote_average = w.vote_average,
          vote_count = w.vote_count
        from wanted as w
        where t.id = w.id
          and (
            t.title, t.original_title, t.year, t.released_on, t.runtime_minutes, t.overview,
            t.genres, t.keywords, t.language, t.country, t.imdb_id, t.tmdb_id, t.vote_average,
            t.vote_count
          ) is distinct from (
            w.title, w.original_title, w.year, w.released_on, w.runtime_minutes, w.overview,
            w.genres, w.keywords, w.language, w.country, w.imdb_id, w.tmdb_id, w.vote_average,
            w.vote_count
          )
        """,
    )


def write_credits(cursor: Cursor[Any], source: str, rows: Iterable[Sequence[Any]]) -> int:
    """Adds people, by name, and their credits of titles in `pg_temp.load_titles`.

    Columns: external_id of the title, name, role, position.
    """
    stage(
        cursor,
        "load_credits",
        "title text, name text, role text, position smallint, source text, id uuid",
        ((*row, source, stable_id("person", source, row[1])) for row in rows),
    )
    new = run(
        cursor,
        """
        insert into public.people (id, name, source, external_id)
        select distinct l.id, l.name, l.source, l.name
        from pg_temp.load_credits as l
        on conflict (source, external_id) do nothing
        """,
    )
    return new + run(
        cursor,
        """
        insert into public.title_credits as c (title_id, person_id, role, position)
        select distinct on (t.id, p.id, l.role) t.id, p.id, l.role, l.position
        from pg_temp.load_credits as l
        inner join pg_temp.load_titles as t on t.external_id = l.title
        inner join public.people as p on p.source = l.source and p.external_id = l.name
        order by t.id, p.id, l.role, l.position
        on conflict (title_id, person_id, role) do update
        set position = excluded.position
        where c.position <> excluded.position
        """,
    )
