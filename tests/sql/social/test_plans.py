"""Reads find their rows by an index, whatever the tables hold; a new post touches a few rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.database import Database, swept

GROWING = {"posts", "likes", "reposts", "post_views", "items", "profiles"}


@pytest.fixture(scope="module")
def plans(
    new_database: Callable[..., AbstractContextManager[Database]],
) -> Iterator[Callable[[str], list[str]]]:
    """The nodes of the plans of a statement and of all that it runs inside."""
    with new_database(name="socialplans") as made:
        made.execute("alter role postgres set search_path = tests, extensions, public")
        made.execute("select tests.make_member('m' || n) from generate_series(1, 400) as n")
        made.execute(
            "insert into public.posts (id, author_id, content, created_at) "
            "select tests.post('p' || n), tests.member('m' || (1 + n % 400)), "
            "'word' || n || ' common #tag' || n % 50, now() - interval '1 second' * n "
            "from generate_series(1, 6000) as n"
        )
        made.execute(
            "insert into public.posts (author_id, content, parent_id) "
            "select tests.member('m' || (1 + n % 400)), 'reply', tests.post('p' || (30 + n % 20)) "
            "from generate_series(1, 3000) as n"
        )
        made.execute(
            "insert into public.likes (user_id, post_id) "
            "select tests.member('m' || n), tests.post('p' || p) "
            "from generate_series(1, 100) as n, generate_series(1, 40) as p"
        )
        made.execute(
            "insert into public.user_blocks (user_id, blocked_id) "
            "select tests.member('m1'), tests.member('m' || n) from generate_series(2, 20) as n"
        )
        made.execute("analyze")

        yield made.scans


FOR = "p_user_id => tests.member('m1')"


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("select public.get_posts_without_embedding(20)", "idx_posts_needs_embedding"),
        (f"select public.get_thread(tests.post('p40'), {FOR})", "posts_parent_idx"),
        (f"select public.get_profile_posts(tests.member('m33'), {FOR})", "posts_author_idx"),
        (f"select public.get_profile_posts(tests.member('m33'), {FOR})", "reposts_user_idx"),
        (f"select public.search_posts('word77', {FOR})", "posts_search_idx"),
        (f"select public.search_posts('common', 5, {FOR})", "posts_created_at_idx"),
        (f"select public.view_posts(array[tests.post('p5')], {FOR})", "posts_pkey"),
        (
            "insert into public.likes (user_id, post_id) "
            "values (tests.member('m300'), tests.post('p5'))",
            "posts_pkey",
        ),
        (
            "insert into public.posts (author_id, content, parent_id, quoted_id) "
            "values (tests.member('m7'), 'hi #tag1', tests.post('p5'), tests.post('p6'))",
            "posts_pkey",
        ),
    ],
)
def test_hot_queries_use_their_index(
    plans: Callable[[str], list[str]], statement: str, index: str
) -> None:
    nodes = plans(statement)
    assert any(index in node for node in nodes), nodes
    assert swept(nodes) & GROWING == set(), nodes
