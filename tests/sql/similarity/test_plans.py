"""Similar items are read by index: no plan scans a table that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import psycopg
import pytest
from medley_stack.cluster import SUPERUSER

from tests.database import Database

GROWING = {
    "item_neighbors",
    "content_features",
    "content_vectors",
    "content_embeddings",
    "features",
    "items",
    "item_statistics",
}

WORLD = """
select tests.make_kind('film');
insert into medley.items (kind, title)
select 'film', 'film ' || n from generate_series(1, 3000) as n;
insert into medley.features (feature_type, feature_value, idf)
select 'genre', 'g' || n, 1 from generate_series(1, 1000) as n;
insert into medley.content_features (item_no, feature_no, source)
select distinct i.item_no, f.feature_no, 'tests'
from medley.items as i
inner join medley.features as f on (i.item_no + f.feature_no) % 250 = 0;
insert into medley.item_statistics
  (item_no, kind, member_count, popularity, impressions, engagements)
select i.item_no, i.kind, 1, 0.5, 0, 0 from medley.items as i where i.kind = 'film';
insert into medley.embedding_types (embedding_type, model_version, dims) values ('plot', 'm', 64);
insert into medley.content_embeddings (item_no, embedding_type, model_version, dims, embedding_64)
select i.item_no, 'plot', 'm', 64, (
  select array_agg(sin(i.item_no * n)) from generate_series(1, 64) as n
)::extensions.vector
from medley.items as i where i.kind = 'film';
analyze;
select medley.rebuild_content_neighbors(100000);
"""


@pytest.fixture(scope="module")
def similar(new_database: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A world in which scanning a table is never the cheapest way."""
    with new_database(name="similar") as made:
        made.execute(WORLD)
        made.execute("analyze")
        yield made


@pytest.fixture
def explained(similar: Database) -> Iterator[Callable[[str], list[str]]]:
    """Runs a query and takes it back; returns the plan of each statement that ran inside it."""
    notices: list[str] = []
    with psycopg.connect(similar.cluster.url(SUPERUSER)) as connection:
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        connection.execute(
            "load 'auto_explain'; set client_min_messages = log; set log_min_messages = panic; "
            "set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on; "
            "set auto_explain.log_format = json"
        )

        def run(query: str) -> list[str]:
            del notices[:]
            rows = connection.execute(query).fetchall()
            assert len(rows) > 0, "a query that finds nothing proves nothing"
            return [text for text in notices if "Plan" in text]

        yield run
        connection.rollback()


def scanned(plans: list[str]) -> set[str]:
    """The tables that a plan reads from end to end."""
    found = set()
    for text in plans:
        for part in text.split('"Node Type": "Seq Scan"')[1:]:
            name = part.split('"Relation Name": "', 1)
            if len(name) == 2:
                found.add(name[1].split('"')[0])
    return found


ONE = "(select i.id from medley.items as i where i.item_no = 777)"


@pytest.mark.parametrize(
    "query",
    [
        f"select * from public.get_similar_items({ONE})",
        f"select * from public.get_similar_items({ONE}, 'film', 'content', 200)",
        f"select * from public.get_similar_items({ONE}, 'film', 'genre', 100)",
        # A page of its own for what fills the page.
        f"select * from public.get_similar_items({ONE}, 'film', 'content', 20, ("
        f"select max(next_cursor) from public.get_similar_items({ONE}, 'film', 'content', 60)))",
    ],
)
def test_no_growing_table_is_scanned(explained: Callable[[str], list[str]], query: str) -> None:
    plans = explained(query)
    assert len(plans) > 2, "plans of the statements inside are there"
    assert scanned(plans) & GROWING == set(), "\n".join(plans)


def test_a_change_touches_only_what_it_concerns(explained: Callable[[str], list[str]]) -> None:
    explained(
        "select medley.replace_item_features('tests', array[i.id], array[i.id], "
        "array['genre'], array['g9']) from medley.items as i where i.item_no = 777"
    )
    plans = explained("select medley.refresh_content_neighbors(200)")
    assert any("content_vectors" in text for text in plans)
    assert scanned(plans) & GROWING == set(), "\n".join(plans)


def test_many_embeddings_are_compared_by_the_index(explained: Callable[[str], list[str]]) -> None:
    explained(
        "update medley.settings set value = 0 where key = 'similarity.exact_embeddings' returning 1"
    )
    plans = explained("select medley.rebuild_embedding_neighbors(10)")
    assert any("content_embeddings_64_idx" in text for text in plans), "\n".join(plans)


def test_a_scan_would_be_noticed(explained: Callable[[str], list[str]]) -> None:
    assert scanned(explained("select count(*) from medley.item_neighbors where weight = 1")) == {
        "item_neighbors"
    }
