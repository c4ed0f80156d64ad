"""The Debian archive is found on any Debian, and its absence is explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from medley_stack import apt, binaries
from medley_stack.errors import StackError

ONE_LINE = """
# deb http://old.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # ours
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian-security bookworm-security main
deb https://vendor.example/apt bookworm main
"""
STANZAS = """
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
# another
Suites: bookworm
 bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/debian-security/
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


@pytest.mark.parametrize("path", ["sources.list", "sources.list.d/main.list"])
def test_one_line_sources_are_read(folder: Path, path: str) -> None:
    (folder / path).write_text(ONE_LINE)
    found = apt._from_sources(apt.read_sources(folder))
    assert found is not None
    assert found.main == "http://mirror.example/debian"
    assert found.security == "http://mirror.example/debian-security"


def test_stanzas_are_read_and_disabled_ones_left_out(folder: Path) -> None:
    (folder / "sources.list.d/debian.sources").write_text(STANZAS)
    sources = apt.read_sources(folder)
    assert [source.uri for source in sources] == [
        "http://mirror.example/debian",
        "http://mirror.example/debian-security/",
    ]
    assert sources[0].suites == ("bookworm", "bookworm-updates")


def test_a_vendor_s_archive_is_not_debian_s(folder: Path) -> None:
    (folder / "sources.list").write_text("deb https://vendor.example/apt stable-vendor extras\n")
    assert apt._from_sources(apt.read_sources(folder)) is None


def test_a_machine_that_never_updated_its_lists_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lists/partial").mkdir(parents=True)
    (tmp_path / "apt.conf").write_text(f'Dir::State::lists "{tmp_path}/lists";\n')
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    monkeypatch.setattr(apt, "SOURCES_FOLDER", tmp_path)
    (tmp_path / "sources.list").write_text(ONE_LINE)
    assert apt.archives().main == "http://mirror.example/debian"


def test_a_given_mirror_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLEY_DEBIAN_MIRROR", "http://given.example/debian")
    assert apt.archives() == apt.Archives("http://given.example/debian", None)


def test_without_apt_the_next_step_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("MEDLEY_CACHE", str(tmp_path / "cache"))
    with pytest.raises(StackError) as caught:
        binaries.ensure(17)
    assert "apt-get" in caught.value.problem
    assert "MEDLEY_DEBIAN_MIRROR" in caught.value.next_step


def test_an_interrupted_unpacking_is_not_taken_for_a_complete_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    (cache / "unpacking-1/usr/lib").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("MEDLEY_CACHE", str(cache))
    with pytest.raises(StackError):
        binaries.ensure(17)
    assert not list(cache.glob("unpacking-*"))
    assert not list(cache.glob("postgresql-*"))


def test_an_unreachable_archive_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDLEY_CACHE", str(tmp_path))
    monkeypatch.setenv("MEDLEY_DEBIAN_MIRROR", "file:///nowhere/debian")
    with pytest.raises(StackError) as caught:
        binaries.ensure(17)
    assert "package lists" in caught.value.problem
    assert "MEDLEY_DEBIAN_MIRROR" in caught.value.next_step
    assert not list(tmp_path.glob("apt-*"))


def test_only_known_versions_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLEY_POSTGRES", "14")
    with pytest.raises(StackError, match="14"):
        binaries.ensure()


def test_a_cache_path_with_a_space_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDLEY_CACHE", str(tmp_path / "with space"))
    with pytest.raises(StackError, match="space"):
        binaries.ensure(17)
