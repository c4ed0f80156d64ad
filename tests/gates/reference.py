"""Everything in `public`, as the catalogue has it, and the page that lists it.

`PYTHONPATH=stack python -m tests.gates.reference --write` writes docs/reference.md from sql/ anew.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from tests.database import Database, medley_database

PAGE = Path(__file__).parents[2] / "docs/reference.md"

RELATIONS = """
  select c.relname, obj_description(c.oid, 'pg_class')
  from pg_class as c
  where c.relnamespace = 'public'::regnamespace and c.relkind = any(%s)
    and not exists (select from pg_depend as d where d.objid = c.oid and d.deptype = 'e')
  order by c.relname collate "C"
"""

FUNCTIONS = """
  select
    p.proname || '(' || coalesce(array_to_string(p.proargnames[1:p.pronargs], ', '), '') || ')',
    has_function_privilege('anon', p.oid, 'execute'),
    has_function_privilege('authenticated', p.oid, 'execute'),
    obj_description(p.oid, 'pg_proc')
  from pg_proc as p
  where p.pronamespace = 'public'::regnamespace and p.prorettype <> 'trigger'::regtype
    and not exists (select from pg_depend as d where d.objid = p.oid and d.deptype = 'e')
  order by p.proname collate "C", p.pronargs
"""

TEXT = """# Reference

All that Medley makes in `public`. The comments in the database say the rest: arguments, units and
errors of functions, the meaning of columns. Written from the catalogue by
`python -m tests.gates.reference --write`.

## Functions

Who may call: all, members who are signed in (member), or the secret key alone (service).

| function | who | what |
|---|---|---|
{functions}

## Tables

Row-level security decides which rows a caller meets.

| table | what |
|---|---|
{tables}

## Views

| view | what |
|---|---|
{views}
"""


def first_sentence(comment: str) -> str:
    """The beginning of a comment, up to its first full stop, fit for a cell of a table."""
    sentence = re.split(r"(?<=[^.]{3})[.](?=\s|$)", comment, maxsplit=1)[0]
    return sentence.replace("|", "\\|") + "."


def page(database: Database) -> str:
    """The page as the catalogue has it."""

    def relations(kinds: list[str]) -> str:
        rows = database.rows(RELATIONS, kinds)
        return "\n".join(f"| `{name}` | {first_sentence(comment)} |" for name, comment in rows)

    functions = "\n".join(
        f"| `{call}` | {'all' if anon else 'member' if member else 'service'} "
        f"| {first_sentence(comment)} |"
        for call, anon, member, comment in database.rows(FUNCTIONS)
    )
    return TEXT.format(
        functions=functions, tables=relations(["r", "p"]), views=relations(["v", "m"])
    )


def main() -> int:
    """Write the page, or say whether it differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.gates.reference", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/reference.md")
    options = parser.parse_args()
    with medley_database(factories=False, name="reference") as database:
        text = page(database)
    if options.write:
        PAGE.write_text(text)
        return 0
    return int(PAGE.read_text() != text)


if __name__ == "__main__":
    sys.exit(main())
