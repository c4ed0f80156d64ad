"""Makes the client from the asynchronous one, so that the two cannot drift.

    python python_client/make_sync.py           writes them
    python python_client/make_sync.py --check   exits 1 if the files on disk are not current

A list of word replacements, as httpcore does it. The package `unasync` does the same token by
token, but leaves docstrings asynchronous and needs setuptools' internals to be imported.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent / "medley"
TWINS = {
    "_async.py": "_sync.py",
    "_calls_async.py": "_calls_sync.py",
    "_learning_async.py": "_learning_sync.py",
    "_live_async.py": "_live_sync.py",
    "_service_async.py": "_service_sync.py",
    "_social_async.py": "_social_sync.py",
    "_studio_async.py": "_studio_sync.py",
}

REPLACEMENTS = (
    (
        r"asynchronous client(.*); `make_sync\.py` makes the other from this file",
        r"client\1. Made by `make_sync.py` from the asynchronous one",
    ),
    (
        r"^\"\"\"The asynchronous client;.*$",
        '"""The client. Made from `_async.py` by `make_sync.py`; edit that file."""',
    ),
    (r", for asyncio\.", "."),
    (r"async with", "with"),
    (r"for row in page:\n +yield row", "yield from page"),
    (r"async for", "for"),
    (r"async def", "def"),
    (r"await ", ""),
    (r"AsyncIterator, ((?:Callable, |Iterable, )+)", r"\1Iterator, "),
    (r"AsyncIterator", "Iterator"),
    (r"AsyncMedley", "Medley"),
    (r"AsyncClient", "Client"),
    (r"aiter_lines", "iter_lines"),
    (r"aread", "read"),
    (r"asyncio\.sleep", "time.sleep"),
    (r"^import asyncio\nimport random\n", "import random\nimport time\n"),
    (r"^import asyncio\n((?:from .*\n)*)", r"import time\n\1"),
    (r"Async(Calls|Learning|Live|Service|Social|Studio)", r"\1"),
    (r"from \._(calls|learning|live|service|social|studio)_async import", r"from ._\1_sync import"),
)


def sync_source(source: str) -> str:
    """The synchronous twin of `source`, the text of one of the asynchronous files."""
    for pattern, replacement in REPLACEMENTS:
        source = re.sub(pattern, replacement, source, flags=re.MULTILINE)
    leftover = re.search(r"\b(async|await|asyncio)\b|\bAsync[A-Z]", source)
    if leftover:
        raise SystemExit(f"make_sync: no rule for {leftover.group()!r}; add one to REPLACEMENTS")
    formatted = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "format",
            "--stdin-filename",
            str(PACKAGE / "_sync.py"),
            "-",
        ],
        input=source,
        text=True,
        capture_output=True,
        check=True,
    )
    return formatted.stdout


def main(arguments: list[str]) -> int:
    """Writes the twins, or with --check compares them with the files on disk."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(__doc__ or "")
        return 2
    status = 0
    for source, name in TWINS.items():
        twin = PACKAGE / name
        wanted = sync_source((PACKAGE / source).read_text(encoding="utf-8"))
        if not arguments:
            twin.write_text(wanted, encoding="utf-8")
        elif not twin.exists() or twin.read_text(encoding="utf-8") != wanted:
            sys.stderr.write(f"medley/{name} is not current: run python_client/make_sync.py\n")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
