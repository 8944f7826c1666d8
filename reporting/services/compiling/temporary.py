"""Temporary tables of a run, and what the two databases write differently."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection

# Rows of one INSERT.
BATCH = 500


def create(table: str, columns: str, rows: Iterable[Sequence[Any]] = ()) -> None:
    """A temporary table of ``columns`` with ``rows``."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {table} ({columns})")
    insert(table, rows)


def create_from(table: str, query: str, params: Sequence[Any] = ()) -> None:
    """A temporary table of what ``query`` finds."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {table} AS {query}", params)


def index(table: str, columns: str) -> None:
    """Make joins by ``columns`` fast: by an index, or (PostgreSQL hashes) by telling the size."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ANALYZE {table}")
        else:
            cursor.execute(f"CREATE INDEX {table}_of ON {table} ({columns})")


# With its usual 4 MB PostgreSQL sorts on the disk; compiling expressions takes longer than these
# statements do; of joins by many columns it expects so few rows that it would remember each; and
# what a run reads is in memory more often than not.
ROOM = {
    "work_mem": "'256MB'",
    "jit": "off",
    "enable_mergejoin": "off",
    "enable_memoize": "off",
    "random_page_cost": "1.1",
    "default_statistics_target": "10",
}


def take_room() -> None:
    """Let PostgreSQL group and join in memory until the commit."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("; ".join(f"SET LOCAL {name} = {value}" for name, value in ROOM.items()))


def insert(table: str, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor() as cursor:
        waiting = list(rows)
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]
            row = f"({', '.join(['%s'] * len(batch[0]))})"
            values = ", ".join([row] * len(batch))
            cursor.execute(
                f"INSERT INTO {table} VALUES {values}", [value for one in batch for value in one]
            )


def marks(values: Collection[Any]) -> str:
    """The placeholders for ``values`` in a list of SQL; for none of them NULL."""
    return ", ".join(["%s"] * len(values)) or "NULL"


def differs(left: str, right: str) -> str:
    """The condition that two values differ; NULL is a value like another here."""
    operator = "IS DISTINCT FROM" if connection.vendor == "postgresql" else "IS NOT"
    return f"{left} {operator} {right}"


def bytewise(text: str) -> str:
    """A text that sorts by its bytes, whatever the database's language."""
    return f'{text} COLLATE "C"' if connection.vendor == "postgresql" else text


def four_places(units: str) -> str:
    """Ten-thousandths as a text of four decimals."""
    if connection.vendor == "postgresql":
        return f"CAST(ROUND({units} / 10000.0, 4) AS text)"
    return f"CASE WHEN {units} IS NOT NULL THEN PRINTF('%%.4f', {units} / 10000.0) END"


def as_json(text: str) -> str:
    return f"CAST({text} AS jsonb)" if connection.vendor == "postgresql" else text


def units(numerator: str, denominator: str) -> str:
    """Whole numbers divided, in ten-thousandths and rounded half away from zero; over nothing NULL.

    Whole numbers alone: both databases divide them alike, and nothing is lost on the way.
    """
    rounded = f"(2 * ABS({numerator}) * 10000 + ({denominator})) / NULLIF(2 * ({denominator}), 0)"
    return f"(CASE WHEN ({numerator}) < 0 THEN -1 ELSE 1 END * ({rounded}))"


def seconds_now() -> Decimal:
    """The clock of the database, to the millisecond: how long a run takes is not of its data."""
    clock = (
        "EXTRACT(EPOCH FROM clock_timestamp())"
        if connection.vendor == "postgresql"
        else "(julianday('now') - 2440587.5) * 86400"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {clock}")
        return round(Decimal(cursor.fetchone()[0]), 3)


def drop(tables: Iterable[str]) -> None:
    """What a run made; of one that fails, the transaction takes it back."""
    at_once = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        for names in [", ".join(tables)] if at_once else tables:
            cursor.execute(f"DROP TABLE IF EXISTS {names}")
