"""Makes medley/_sync.py from medley/_async.py, so that the two clients cannot drift.

    python python_client/make_sync.py           writes it
    python python_client/make_sync.py --check   exits 1 if the file on disk is not current

A list of word replacements, as httpcore does it. The package `unasync` does the same token by
token, but leaves docstrings asynchronous and needs setuptools' internals to be imported.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent / "medley"

REPLACEMENTS = (
    (
        r"^\"\"\"The asynchronous client.*$",
        '"""The client. Made from `_async.py` by `make_sync.py`; edit that file."""',
    ),
    (r", for asyncio\.", "."),
    (r"async with", "with"),
    (r"for row in page:\n +yield row", "yield from page"),
    (r"async for", "for"),
    (r"async def", "def"),
    (r"await ", ""),
    (r"AsyncIterator, Callable, Iterable,", "Callable, Iterable, Iterator,"),
    (r"AsyncIterator", "Iterator"),
    (r"AsyncMedley", "Medley"),
    (r"AsyncClient", "Client"),
    (r"aiter_lines", "iter_lines"),
    (r"aread", "read"),
    (r"asyncio\.sleep", "time.sleep"),
    (r"^import asyncio\nimport random\n", "import random\nimport time\n"),
)


def sync_source(source: str) -> str:
    """The synchronous twin of the source of `_async.py`."""
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
    """Writes the twin, or with --check compares it with the file on disk."""
    twin = PACKAGE / "_sync.py"
    wanted = sync_source((PACKAGE / "_async.py").read_text(encoding="utf-8"))
    if arguments == ["--check"]:
        if not twin.exists() or twin.read_text(encoding="utf-8") != wanted:
            sys.stderr.write("medley/_sync.py is not current: run python_client/make_sync.py\n")
            return 1
        return 0
    if arguments:
        sys.stderr.write(__doc__ or "")
        return 2
    twin.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
