"""Similar items are read by index: no plan scans a table that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.database import Database, swept

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
def test_no_growing_table_is_scanned(similar: Database, query: str) -> None:
    scans = similar.scans(query)
    assert len(scans) > 2, "those of the statements inside are there"
    assert swept(scans) & GROWING == set(), "\n".join(scans)


def test_a_change_touches_only_what_it_concerns(similar: Database) -> None:
    scans = similar.scans(
        "select medley.refresh_content_neighbors(200)",
        after="select medley.replace_item_features('tests', array[i.id], array[i.id], "
        "array['genre'], array['g9']) from medley.items as i where i.item_no = 777",
    )
    assert any("content_vectors" in scan for scan in scans)
    assert swept(scans) & GROWING == set(), "\n".join(scans)


def test_a_list_without_statistics_is_trimmed_item_by_item(similar: Database) -> None:
    scans = similar.scans(
        "select medley.trim_behavior_neighbors(9999::smallint, array[1, 2, 3])",
        after="insert into medley.item_neighbors (list_no, item_no, neighbor_no, weight) "
        "select 9999, i, n, 1 from generate_series(1, 100) as i, generate_series(1, 300) as n",
    )
    by_item = "item_neighbors_read_idx", "item_neighbors_pkey"
    read = [scan for scan in scans if "item_neighbors" in scan and not scan.startswith("Tid")]
    assert any(index in scan for scan in read for index in by_item), "\n".join(scans)
    assert not any("item_neighbors_neighbor_idx" in scan for scan in read), "\n".join(scans)
    assert swept(scans) & GROWING == set(), "\n".join(scans)


def test_many_embeddings_are_compared_by_the_index(similar: Database) -> None:
    scans = similar.scans(
        "select medley.rebuild_embedding_neighbors(10)",
        after="update medley.settings set value = 0 where key = 'similarity.exact_embeddings'",
    )
    assert any("content_embeddings_64_idx" in scan for scan in scans), "\n".join(scans)


def test_a_scan_would_be_noticed(similar: Database) -> None:
    assert swept(similar.scans("select count(*) from medley.item_neighbors where weight = 1")) == {
        "item_neighbors"
    }
