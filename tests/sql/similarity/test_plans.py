"""Similar items are read by index: no plan scans a table that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import psycopg
import pytest
from medley_stack.cluster import SUPERUSER

from tests.database import Database

GROWING = {"item_neighbors", "content_features", "features", "items", "item_statistics"}

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
insert into medley.item_statistics (item_no, kind, member_count, popularity, impressions, engagements)
select i.item_no, i.kind, 1, 0.5, 0, 0 from medley.items as i where i.kind = 'film';
analyze;
select medley.rebuild_content_neighbors(100000);
vacuum analyze;
"""


@pytest.fixture(scope="module")
def world(
    new_database: Callable[..., AbstractContextManager[Database]],
) -> Iterator[Database]:
    """A database with enough rows that a scan would be the wrong plan."""
    with new_database(name="similar-plans") as made:
        for statement in WORLD.split(";\n"):
            if statement.strip():
                made.execute(statement)
        yield made
