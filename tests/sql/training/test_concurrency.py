"""Models that are activated, and pairs that are generated, at the same time as something else."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.database import Database

NAMES = ("left", "right")
ITEM = "00000000-0000-0000-0000-0000000007a1"


@pytest.fixture
def models(database: Database) -> Iterator[None]:
    """Two versions, an item with a text embedding, and a member who likes it."""
    database.execute("select tests.make_kind('thing')")
    database.execute(
        "insert into medley.items (id, kind, title) values (%s, 'thing', 'raced')", ITEM
    )
    database.execute("select tests.embed_text(%s::uuid, 1)", ITEM)
    member = database.value("select tests.make_member('raced')")
    database.execute(
        "select tests.happened(%s::uuid, %s::uuid, 'like', now() - interval '3 days')", member, ITEM
    )
    database.execute("select tests.make_model('left', 1)")
    database.execute("select tests.make_model('right', -1)")
    yield
    database.execute("delete from medley.training_pairs where item_title_snapshot = 'raced'")
    database.execute("delete from medley.model_versions where version = any(%s)", list(NAMES))
    database.execute("delete from auth.users where id = %s", member)
    database.execute("delete from medley.items where id = %s", ITEM)
    database.execute("delete from medley.embedding_types where embedding_type = 'text'")
    database.execute(
        "update medley.embedding_types set model_version = 'none' "
        "where embedding_type = 'two_tower'"
    )


def wait_for_lock(database: Database, waiting: Future[None]) -> None:
    """Return once some session waits for a lock, which must be the one of `waiting`."""
    while not database.value(
        "select exists (select from pg_stat_activity where wait_event_type = 'Lock')"
    ):
        assert not waiting.done()


def places(database: Database) -> dict[str, int]:
    """Which way the item's place by each version points."""
    rows = database.rows(
        """
        select e.model_version,
          sign(1 - (e.embedding_256 operator(extensions.<=>) l.embedding_256))::int
        from medley.content_embeddings as e
        cross join medley.content_embeddings as l
        where e.embedding_type = 'two_tower' and l.embedding_type = 'two_tower'
          and l.model_version = 'left'
        """
    )
    return dict(rows)


@pytest.mark.usefixtures("models")
def test_of_two_activations_the_second_waits_and_wins(database: Database) -> None:
    with ThreadPoolExecutor(1) as pool, database.connect() as first:
        with first.transaction():
            first.execute("select public.activate_model('left')")
            second = pool.submit(database.execute, "select public.activate_model('right')")
            wait_for_lock(database, second)
        second.result(timeout=10)
    active = "select version from public.get_model_versions() where is_active"
    assert database.rows(active) == [("right",)]
    in_use = "select model_version from medley.embedding_types where embedding_type = 'two_tower'"
    assert database.value(in_use) == "right"
    assert places(database) == {"left": 1, "right": -1}


@pytest.mark.usefixtures("models")
def test_an_activation_that_fails_leaves_the_earlier_one(database: Database) -> None:
    database.execute("select public.activate_model('left')")
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("select public.activate_model('right')")
    assert database.rows("select version from public.get_model_versions() where is_active") == [
        ("left",)
    ]
    assert places(database) == {"left": 1}


@pytest.mark.usefixtures("models")
def test_what_is_embedded_during_an_activation_is_placed_by_the_new_model(
    database: Database,
) -> None:
    database.execute("select public.activate_model('left')")
    with ThreadPoolExecutor(1) as pool, database.connect() as writer:
        # A new item, embedded while `left` is active and committed after `right` was asked for.
        with writer.transaction():
            late = writer.execute("select tests.make_item('thing', 'raced late')").fetchall()[0][0]
            writer.execute("select tests.embed_text(%s, 2)", (late,))
            activation = pool.submit(database.execute, "select public.activate_model('right')")
            wait_for_lock(database, activation)
        activation.result(timeout=10)
    placed = database.rows(
        """
        select e.model_version from medley.content_embeddings as e
        inner join medley.items as i on e.item_no = i.item_no
        where i.id = %s and e.embedding_type = 'two_tower' order by 1
        """,
        late,
    )
    database.execute("delete from medley.items where id = %s", late)
    assert placed == [("left",), ("right",)]


@pytest.mark.usefixtures("models")
def test_of_two_generations_each_pair_is_written_once(database: Database) -> None:
    generate = "select public.generate_training_pairs(p_algorithm_version => 'raced')"
    with ThreadPoolExecutor(1) as pool, database.connect() as first:
        with first.transaction():
            first.execute(generate)
            second = pool.submit(database.execute, generate)
            wait_for_lock(database, second)
        second.result(timeout=10)
    pairs = "select count(*) from medley.training_pairs where algorithm_version = 'raced'"
    assert database.value(pairs) == 1


@pytest.mark.usefixtures("models")
def test_a_refresh_of_tastes_and_an_activation_do_not_block_each_other(database: Database) -> None:
    member = "(select user_no from medley.members where user_id = md5('member raced')::uuid)"
    refresh = f"select medley.refresh_taste_vectors_of(array[{member}], now())"
    database.execute("select public.activate_model('left')")
    database.execute(refresh)
    with database.connect() as refreshing, refreshing.transaction():
        # A refresh has its members, and has yet to write; the activation is about to place them.
        refreshing.execute(f"select medley.lock_members(array[{member}])")
        with database.connect() as activating:
            activating.execute("set lock_timeout = '5s'")
            activating.execute("select public.activate_model('right')")
        refreshing.execute(refresh)
    place = f"select model_version from medley.user_taste_vectors where user_no = {member}"
    assert set(database.rows(place)) == {("all-MiniLM-L6-v2",), ("right",)}


@pytest.mark.usefixtures("models")
def test_an_older_place_never_replaces_a_newer_one(database: Database) -> None:
    database.execute("select public.activate_model('left')")
    # The place is out of date, and the job is about to come by.
    database.execute(
        "update medley.content_embeddings set created_at = created_at - interval '1 day' "
        "where embedding_type = 'two_tower'"
    )
    database.execute(
        "update medley.model_versions set items_below = 2147483647 where version = 'left'"
    )
    with ThreadPoolExecutor(1) as pool, database.connect() as writer:
        with writer.transaction():
            writer.execute("select tests.embed_text(%s::uuid, 5)", (ITEM,))
            # It sees the text that was, and waits for the place that is being written.
            job = pool.submit(database.execute, "select medley.refresh_tower_vectors(10)")
            wait_for_lock(database, job)
        job.result(timeout=10)
    apart = database.value(
        """
        select e.embedding_256 operator(extensions.<=>)
          extensions.subvector(t.embedding_384, 1, 256)::extensions.vector
        from medley.content_embeddings as e
        inner join medley.content_embeddings as t on e.item_no = t.item_no
        where e.embedding_type = 'two_tower' and t.embedding_type = 'text'
        """
    )
    assert apart < 1e-6
