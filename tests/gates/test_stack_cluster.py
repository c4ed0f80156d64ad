"""Clusters are hosted-like, cheap, separate, and survive interruptions."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from medley_stack import binaries, cluster, ports
from medley_stack.cluster import Cluster
from medley_stack.errors import StackError
from medley_stack.paths import STACK
from medley_stack.process import Account


@pytest.fixture(scope="module")
def hosted() -> Iterator[Cluster]:
    with cluster.scratch(name="hosted") as made:
        yield made


def test_postgres_is_no_superuser_but_may_do_what_migrations_need(hosted: Cluster) -> None:
    rights = "rolsuper, rolcreatedb, rolcreaterole, rolbypassrls"
    row = hosted.psql("-Atc", f"select {rights} from pg_roles where rolname = 'postgres'")
    assert row.strip() == "f|t|t|t"
    hosted.psql(
        "-c",
        "create table public.t (id uuid primary key references auth.users (id)); "
        "create extension if not exists vector with schema extensions; "
        "create extension if not exists pg_cron; "
        "select cron.schedule('x', '* * * * *', 'select 1'), cron.unschedule('x'); "
        "drop table public.t",
    )


def test_text_sorts_as_on_hosted(hosted: Cluster) -> None:
    words = hosted.psql(
        "-Atc", "select string_agg(w, '' order by w) from (values ('B'), ('a'), ('c')) as v (w)"
    )
    assert words.strip() == "aBc"


@pytest.mark.parametrize(("expose", "granted"), [("on", "t"), ("off", "f")])
def test_new_objects_are_exposed_only_where_asked(expose: str, granted: str) -> None:
    with cluster.scratch(expose=expose) as made:
        made.psql("-c", "create table public.t (id int)")
        asked = "select has_table_privilege('anon', 'public.t', 'select')"
        assert made.psql("-Atc", asked).strip() == granted


def test_a_cluster_is_gone_afterwards() -> None:
    with cluster.scratch() as made:
        data = made.data
        assert made.is_running()
    assert not made.is_running()
    assert not list(data.parent.glob(data.name + "*"))


def test_clusters_are_separate(hosted: Cluster) -> None:
    with cluster.scratch() as other:
        other.psql("-c", "create table public.only_here ()")
        seen = hosted.psql("-Atc", "select to_regclass('public.only_here') is null")
    assert seen.strip() == "t"


def test_a_killed_server_starts_again_with_its_data() -> None:
    with cluster.scratch() as made:
        made.psql("-c", "create table public.kept ()")
        pid = int((made.data / "postmaster.pid").read_text().splitlines()[0])
        made.psql("-c", "checkpoint", role=cluster.SUPERUSER)
        os.kill(pid, signal.SIGKILL)
        while made.is_running():
            pass
        # Children of the killed server end by themselves; until then a start is refused.
        for attempt in range(20):
            try:
                made.start(durable=False)
                break
            except StackError:
                assert attempt < 19
        kept = made.psql("-Atc", "select to_regclass('public.kept') is not null")
        assert kept.strip() == "t"


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache that the server's account can enter, with the unpacked binaries in it."""
    unpacked = binaries.ensure().root
    folder = Path(tempfile.mkdtemp(prefix="medley-test-"))
    folder.chmod(0o755)
    (folder / unpacked.name).symlink_to(unpacked)
    monkeypatch.setenv("MEDLEY_CACHE", str(folder))
    yield folder
    shutil.rmtree(folder)


def test_an_interrupted_template_and_copy_are_made_anew(own_cache: Path) -> None:
    half = own_cache / "making-template"
    half.mkdir()
    (half / "PG_VERSION").write_text("17\n")
    data = own_cache / "clusters" / "data"
    (data.parent / "data.new").mkdir(parents=True)
    cluster.create(data, binaries.ensure(), "off")
    made = Cluster(data, ports.any_free(), binaries.ensure())
    made.start(durable=False)
    try:
        assert made.psql("-Atc", "select count(*) from auth.users").strip() == "0"
    finally:
        made.stop(fast=False)


def test_what_a_killed_run_left_is_swept(own_cache: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = own_cache / "scratch" / f"{ended.pid}-1-left"
    left.mkdir(parents=True)
    with cluster.scratch():
        assert not left.exists()


def test_an_ordinary_user_gets_a_cluster(own_cache: Path) -> None:
    """What root runs as another account, others run as themselves."""
    as_root = os.geteuid() == 0
    account = Account.for_server()
    package = own_cache / "stack"
    shutil.copytree(STACK, package, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    cache = own_cache / "own"
    cache.mkdir()
    account.own(cache)
    for entry in own_cache.glob("postgresql-*"):
        (cache / entry.name).symlink_to(entry.resolve())
    program = (
        "from medley_stack import cluster\n"
        "with cluster.scratch() as made:\n"
        "    print(made.psql('-Atc', 'select current_user').strip())\n"
    )
    # A Python below root's home is out of the other account's reach.
    python = "/usr/bin/python3" if as_root else sys.executable
    done = subprocess.run(
        [python, "-c", program],
        cwd="/",
        env={
            "PATH": os.defpath,
            "HOME": str(cache),
            "MEDLEY_CACHE": str(cache),
            "PYTHONPATH": str(package),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        user=account.uid if as_root else None,
        group=account.gid if as_root else None,
        extra_groups=[] if as_root else None,
    )
    assert done.stdout == "postgres\n", done.stderr
