"""What each API role may do, as the catalogue has it, and the written matrix of it.

`PYTHONPATH=stack python -m tests.gates.privileges --write` writes the matrix from sql/ anew; read
the difference before committing it. What has no line, nobody may do.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from tests.database import Database, medley_database

MATRIX = Path(__file__).with_name("privileges.csv")
HEAD = ("kind", "object", "role", "rights")

Row = tuple[str, str, str, str]

OWN = "not exists (select from pg_depend as d where d.objid = {} and d.deptype = 'e')"
ROLES = "(values ('anon'), ('authenticated'), ('service_role')) as role (name)"

TABLES = f"""
  select 'table', c.oid::regclass::text, role.name, p.word
  from {{relations}} as c
  cross join {ROLES}
  cross join unnest({{words}}::text[]) as p (word)
  where has_table_privilege(role.name, c.oid, p.word)
"""

# Rights on single columns, where the role has not the right on the whole table.
COLUMNS = f"""
  select
    'table', c.oid::regclass::text, role.name,
    p.word || ' (' || string_agg(a.attname, ' ' order by a.attnum) || ')'
  from {{relations}} as c
  cross join {ROLES}
  cross join unnest('{{{{select,insert,update,references}}}}'::text[]) as p (word)
  inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where not has_table_privilege(role.name, c.oid, p.word)
    and has_column_privilege(role.name, c.oid, a.attnum, p.word)
  group by c.oid, role.name, p.word
"""

OTHERS = f"""
  select 'sequence', c.oid::regclass::text, role.name, p.word
  from pg_class as c
  cross join {ROLES}
  cross join unnest('{{usage,select,update}}'::text[]) as p (word)
  where c.relkind = 'S' and c.relnamespace in ('public'::regnamespace, 'medley'::regnamespace)
    and {OWN.format("c.oid")}
    and has_sequence_privilege(role.name, c.oid, p.word)
  union all
  select
    'function', p.pronamespace::regnamespace || '.' || p.proname
      || '(' || oidvectortypes(p.proargtypes) || ')',
    role.name, 'execute'
  from pg_proc as p
  cross join {ROLES}
  where p.pronamespace in ('public'::regnamespace, 'medley'::regnamespace)
    and {OWN.format("p.oid")}
    and has_function_privilege(role.name, p.oid, 'execute')
  union all
  select 'schema', n.nspname, role.name, p.word
  from pg_namespace as n
  cross join {ROLES}
  cross join unnest('{{usage,create}}'::text[]) as p (word)
  where n.nspname = 'medley' and has_schema_privilege(role.name, n.oid, p.word)
"""

# What everybody has, by name; the queries above would show it for each role as well.
PUBLIC = f"""
  select 'table', c.oid::regclass::text, 'PUBLIC', lower(a.privilege_type)
  from pg_class as c
  cross join aclexplode(c.relacl) as a
  where a.grantee = 0 and c.relnamespace in ('public'::regnamespace, 'medley'::regnamespace)
    and {OWN.format("c.oid")}
  union all
  select 'function', p.pronamespace::regnamespace || '.' || p.proname
      || '(' || oidvectortypes(p.proargtypes) || ')',
    'PUBLIC', 'execute'
  from pg_proc as p
  cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
  where a.grantee = 0 and p.pronamespace in ('public'::regnamespace, 'medley'::regnamespace)
    and {OWN.format("p.oid")}
  union all
  select 'schema', n.nspname, 'PUBLIC', lower(a.privilege_type)
  from pg_namespace as n
  cross join aclexplode(n.nspacl) as a
  where a.grantee = 0 and n.nspname = 'medley'
"""


def actual(database: Database) -> list[Row]:
    """All rights on objects of public and medley: one row an object and role, sorted."""
    words = ["select", "insert", "update", "delete", "truncate", "references", "trigger"]
    if database.version >= 17:
        words.append("maintain")
    relations = f"""(
      select c.oid from pg_class as c
      where c.relkind in ('r', 'p', 'v', 'm', 'f') and {OWN.format("c.oid")}
        and c.relnamespace in ('public'::regnamespace, 'medley'::regnamespace)
    )"""
    listed = "'{" + ",".join(words) + "}'"
    found: dict[tuple[str, str, str], list[str]] = {}
    with database.connect() as connection:
        # Names are printed with their schema when it is not on the path.
        connection.execute("set search_path = ''")
        for query in (TABLES, COLUMNS, OTHERS, PUBLIC):
            text = (
                query.format(relations=relations, words=listed)
                if query in (TABLES, COLUMNS)
                else query
            )
            for kind, name, role, right in connection.execute(text).fetchall():
                found.setdefault((kind, name, role), []).append(right)
    order = {word: place for place, word in enumerate(words)}
    return sorted(
        (*key, ", ".join(sorted(rights, key=lambda r: order.get(r.split(" ")[0], 99))))
        for key, rights in found.items()
    )


def written() -> list[Row]:
    """The matrix."""
    with MATRIX.open(newline="") as handle:
        head, *rows = csv.reader(handle)
    assert tuple(head) == HEAD
    return [(kind, name, role, rights) for kind, name, role, rights in rows]


def main() -> int:
    """Write the matrix, or say how it differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.gates.privileges", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write privileges.csv")
    options = parser.parse_args()
    with medley_database(factories=False, name="privileges") as database:
        rows = actual(database)
    if options.write:
        with MATRIX.open("w", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerows([HEAD, *rows])
        return 0
    before = set(written())
    for row in sorted(before ^ set(rows)):
        sys.stdout.write(("-" if row in before else "+") + ",".join(row) + "\n")
    return int(before != set(rows))


if __name__ == "__main__":
    sys.exit(main())
