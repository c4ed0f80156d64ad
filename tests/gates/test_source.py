"""Rules for the text of sql/ and of everything else that is committed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from medley_stack.paths import CHECKOUT
from medley_stack.source import SQL

FILES = sorted(SQL.rglob("*.sql"))
TOKENS = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\$\w*\$", re.DOTALL)
WRITES = re.compile(
    r"\bdelete\s+from\s+(?:only\s+)?[\w.%]+|\bupdate\s+(?:only\s+)?[\w.%]+(?:\s+(?:as\s+)?\w+)?\s+set\b"
)
HEADER = re.compile(
    r"create (?:or replace )?(?P<kind>function|procedure) (?P<name>[\w.]+)(?P<header>.*?)"
    r"(?=\bas \$|\bbegin atomic\b|\breturn\b)",
    re.DOTALL,
)
HOSTS = re.compile(
    r"registry\.npmjs\.org|registry\.yarnpkg\.com|files\.pythonhosted\.org|pypi\.org/simple"
    r"|(?:deb|security)\.debian\.org|https?://[^\s\"']+/(?:simple|root/pypi|npm)/"
)
SECRETS = re.compile(r"sb_secret_[\w-]{16,}|\beyJ[\w-]{20,}\.[\w-]{20,}\.")


def relative(file: Path) -> str:
    return str(file.relative_to(CHECKOUT))


def code_and_strings(text: str) -> list[str]:
    """The code without comments and strings, and each string that may itself be a statement."""
    strings: list[str] = []

    def blank(match: re.Match[str]) -> str:
        if match.group().startswith("'"):
            strings.append(match.group()[1:-1].replace("''", "'"))
            return "''"
        return " ; " if match.group().startswith("$") else " "

    # Strings that follow each other on lines of their own are one string.
    code = TOKENS.sub(blank, re.sub(r"'[ \t]*\n\s*'", "", text.lower()))
    return [code, *strings]


def unbounded_writes(text: str) -> list[str]:
    """Updates and deletes without a WHERE of their own; API sessions refuse them."""
    found = []
    for part in code_and_strings(text):
        for match in WRITES.finditer(part):
            depth, rest = 0, ""
            for character in part[match.end() :]:
                depth += {"(": 1, ")": -1}.get(character, 0)
                if depth < 0 or (depth == 0 and character == ";"):
                    break
                rest += character if depth == 0 else ""
            if not re.search(r"\bwhere\b", rest):
                found.append(" ".join(match.group().split()))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("delete from a.b;", ["delete from a.b"]),
        ("delete from a.b where true;", []),
        ("update a.b as x set c = (select 1 where true);", ["update a.b as x set"]),
        ("update a.b x\nset c = 1\nwhere x.d = 2;", []),
        ("with g as (delete from a.b returning 1) select 1 where true", ["delete from a.b"]),
        ("with g as (delete from a.b where x returning 1) select 1", []),
        ("insert into a values (1) on conflict (i) do update set x = 1;", []),
        ("select 1 from a for update of a; -- delete from a.b;", []),
        ("execute format('delete from a.%I', x);", ["delete from a.%i"]),
        ("execute 'update a.b as x set '\n  'c = 1 '\n'where true';", []),
        ("execute 'update a.b as x set '\n  'c = 1'; where", ["update a.b as x set"]),
        ("as $$ begin delete from a.b; end $$; select 1 where true;", ["delete from a.b"]),
        ("as $$ delete from a.b $$; select 1 where true;", ["delete from a.b"]),
    ],
)
def test_the_check_for_unbounded_writes_works(text: str, expected: list[str]) -> None:
    assert sorted(set(unbounded_writes(text))) == expected


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_every_update_and_delete_has_a_where(file: Path) -> None:
    assert unbounded_writes(file.read_text()) == []


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_functions_state_what_they_are(file: Path) -> None:
    vague = []
    for match in HEADER.finditer(file.read_text()):
        header = re.sub(r"\([^()]*\)", "", match["header"])
        needed = [r"\bsecurity (invoker|definer)\b"]
        if match["kind"] == "function":
            needed += [r"\b(immutable|stable|volatile)\b", r"\bparallel (safe|unsafe|restricted)\b"]
        if not all(re.search(pattern, header) for pattern in needed):
            vague.append(match["name"])
    assert vague == []


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_a_file_begins_by_saying_what_it_is(file: Path) -> None:
    assert file.read_text().startswith("-- ")


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_only_fail_raises(file: Path) -> None:
    raised = re.findall(r"\braise\s+exception\b", TOKENS.sub(" ", file.read_text()))
    assert len(raised) == (1 if relative(file) == "sql/core/foundation/errors.sql" else 0)


def test_core_names_no_pack() -> None:
    packs = [folder.name for folder in (SQL / "packs").iterdir() if folder.is_dir()]
    for file in FILES:
        if file.is_relative_to(SQL / "core"):
            text = file.read_text()
            assert not [pack for pack in packs if f"packs/{pack}" in text], relative(file)


def committed() -> list[Path]:
    """Files that git tracks or would track, without lock files of packages and binary files."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    files = [CHECKOUT / name for name in listed if name]
    return [file for file in files if file.is_file() and b"\0" not in file.read_bytes()[:4096]]


def test_nothing_committed_names_a_registry_a_secret_or_this_machine() -> None:
    found = []
    for file in committed():
        if file == Path(__file__):
            continue
        text = file.read_text(errors="replace")
        found += [f"{relative(file)}: {hit}" for hit in HOSTS.findall(text) + SECRETS.findall(text)]
        found += [f"{relative(file)}: {here}" for here in (f"{CHECKOUT}/",) if here in text]
    assert found == []
