"""The triggers that write down changes, made from the list of what is watched.

A row that is part of a record touches it (``updated_at``), and that is what is written down: so
``updated_since`` finds what ``changes/`` tells.

PostgreSQL: one function and three triggers a table, for each statement, with transition tables: a
COPY of 100,000 rows is one INSERT more. SQLite: three triggers a table, for each row.

On SQLite a table that a migration builds anew loses its triggers, and it cannot be built anew while
a trigger of another table reads it: such a migration calls ``drop`` first and ``install`` last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from .watched import Part, Watched

PREFIX = "note_change_"
OPERATIONS = ("insert", "update", "delete")
COLUMNS = "type, record, audience_before, audience_after, changed_at, xid"
# What a statement changed, as PostgreSQL's triggers name it.
TRANSITIONS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}
NOW = {
    "postgresql": "clock_timestamp(), pg_current_xact_id()::text::bigint",
    # One writes at a time: the order of the rows is the order of the commits.
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now'), 0",
}
# When a record is touched. SQLite's clock has milliseconds, and what is touched must not seem older
# than it is.
MOMENT = {
    "postgresql": "clock_timestamp()",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now') || '999'",
}


def install(schema_editor: Any, watched: Iterable[Watched]) -> None:
    """Make the triggers of every table that is there, in place of those that stand."""
    drop(schema_editor)
    connection = schema_editor.connection
    tables = set(connection.introspection.table_names())
    for statement in statements(connection.vendor, watched, tables):
        schema_editor.execute(statement, params=None)


def drop(schema_editor: Any) -> None:
    """Take all of them away."""
    connection = schema_editor.connection
    for name in standing(connection):
        if connection.vendor == "postgresql":
            schema_editor.execute(f"DROP FUNCTION {name}() CASCADE")
        else:
            schema_editor.execute(f"DROP TRIGGER {name}")


def standing(connection: Any) -> dict[str, str]:
    """The functions (PostgreSQL) or triggers (SQLite) that stand: name -> SQL."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT proname, prosrc FROM pg_proc WHERE starts_with(proname, %s)"
                " AND pronamespace = current_schema()::regnamespace",
                [PREFIX],
            )
        else:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name GLOB %s",
                [f"{PREFIX}*"],
            )
        return dict(cursor.fetchall())


def statements(vendor: str, watched: Iterable[Watched], tables: set[str]) -> Iterator[str]:
    """The SQL that makes the triggers, for the ``tables`` that are there."""
    for table, said in by_table(watched).items():
        if table in tables:
            yield from (_postgresql if vendor == "postgresql" else _sqlite)(table, said)


def by_table(watched: Iterable[Watched]) -> dict[str, list[tuple[Watched, Part | None]]]:
    """What a change of each table says: of its own record (None), or of one that it is part of."""
    found: dict[str, list[tuple[Watched, Part | None]]] = defaultdict(list)
    for resource in watched:
        found[resource.table].append((resource, None))
        for part in resource.parts:
            found[part.table].append((resource, part))
    return dict(found)


def _insert(vendor: str, resource: Watched, columns: str, source: str) -> str:
    """``columns`` are the record and its audience before and after, from ``source``."""
    return (
        f"INSERT INTO common_change ({COLUMNS})"
        f" SELECT '{resource.type}', {columns}, {NOW[vendor]} {source};"
    )


# --- PostgreSQL: sets of rows


def _postgresql(table: str, said: list[tuple[Watched, Part | None]]) -> Iterator[str]:
    name = PREFIX + table
    branches = []
    for operation in OPERATIONS:
        inserts = [
            _of_rows(resource, operation) if part is None else _of_parts(resource, part, operation)
            for resource, part in said
        ]
        branches.append(f"IF TG_OP = '{operation.upper()}' THEN {' '.join(inserts)} END IF;")
    yield (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN {' '.join(branches)} RETURN NULL; END $$"
    )
    for operation in OPERATIONS:
        yield (
            f"CREATE TRIGGER {name}_{operation} AFTER {operation.upper()} ON {table}"
            f" REFERENCING {TRANSITIONS[operation]} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )


def _of_rows(resource: Watched, operation: str) -> str:
    old, new = resource.audience.format(row="o"), resource.audience.format(row="n")
    columns, source = {
        "insert": (f"n.id, NULL, {new}", f"FROM new_rows n WHERE {new} IS NOT NULL"),
        "delete": (f"o.id, {old}, NULL", f"FROM old_rows o WHERE {old} IS NOT NULL"),
        "update": (
            f"n.id, {old}, {new}",
            "FROM old_rows o JOIN new_rows n ON n.id = o.id"
            f" WHERE {old} IS NOT NULL OR {new} IS NOT NULL",
        ),
    }[operation]
    return _insert("postgresql", resource, columns, source)


def _of_parts(resource: Watched, part: Part, operation: str) -> str:
    rows = _changed_parts(part, operation)
    audience = resource.audience.format(row="r")
    # Locked in one order, so that no two who change parts of the same records wait for each other.
    records = (
        f"SELECT r.id FROM {resource.table} r"
        f" WHERE EXISTS (SELECT 1 FROM ({rows}) p WHERE {_on(part, 'r', 'p')})"
        f" AND {audience} IS NOT NULL ORDER BY r.id FOR NO KEY UPDATE"
    )
    return _touch("postgresql", resource, f"id IN ({records})")


def _changed_parts(part: Part, operation: str) -> str:
    columns = ", ".join(part.joins)
    if operation == "insert":
        return f"SELECT {columns} FROM new_rows"
    if operation == "delete":
        return f"SELECT {columns} FROM old_rows"
    changed = ""
    if part.only:
        differs = " OR ".join(f"o.{name} IS DISTINCT FROM n.{name}" for name in part.only)
        same = f"SELECT n.id FROM old_rows o JOIN new_rows n ON n.id = o.id WHERE {differs}"
        changed = f" WHERE id IN ({same})"
    return f"SELECT {columns} FROM old_rows{changed} UNION SELECT {columns} FROM new_rows{changed}"


# --- SQLite: row by row


def _sqlite(table: str, said: list[tuple[Watched, Part | None]]) -> Iterator[str]:
    for operation in OPERATIONS:
        inserts = [
            _of_row(resource, operation) if part is None else _of_part(resource, part, operation)
            for resource, part in said
        ]
        yield (
            f"CREATE TRIGGER {PREFIX}{table}_{operation} AFTER {operation.upper()} ON {table}"
            f" BEGIN {' '.join(inserts)} END"
        )


def _of_row(resource: Watched, operation: str) -> str:
    old, new = resource.audience.format(row="OLD"), resource.audience.format(row="NEW")
    columns, where = {
        "insert": (f"NEW.id, NULL, {new}", f"{new} IS NOT NULL"),
        "delete": (f"OLD.id, {old}, NULL", f"{old} IS NOT NULL"),
        "update": (f"NEW.id, {old}, {new}", f"({old} IS NOT NULL OR {new} IS NOT NULL)"),
    }[operation]
    return _insert("sqlite", resource, columns, f"WHERE {where}")


def _of_part(resource: Watched, part: Part, operation: str) -> str:
    rows = {"insert": ("NEW",), "delete": ("OLD",), "update": ("OLD", "NEW")}[operation]
    changed = ""
    if part.only and operation == "update":
        changed = " AND (" + " OR ".join(f"OLD.{c} IS NOT NEW.{c}" for c in part.only) + ")"
    # No other name can be given to what a trigger updates.
    audience = resource.audience.format(row=resource.table)
    on = " OR ".join(f"({_on(part, resource.table, row)})" for row in rows)
    return _touch("sqlite", resource, f"({on}) AND {audience} IS NOT NULL{changed}")


# --- both


def _touch(vendor: str, resource: Watched, where: str) -> str:
    """A record whose part changed has changed itself: its own trigger tells so."""
    return f"UPDATE {resource.table} SET updated_at = {MOMENT[vendor]} WHERE {where};"


def _on(part: Part, record: str, row: str) -> str:
    return " AND ".join(f"{record}.{theirs} = {row}.{ours}" for ours, theirs in part.joins.items())
