"""Changing many rows at once, each to values of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model

BATCH = 500


def update_rows(model: type[Model], records: Sequence[Any], names: Iterable[str]) -> None:
    """Save the fields ``names`` of ``records``, as they are.

    ``bulk_update`` writes a CASE for each row and field, which takes several times as long where
    many fields change. SQLite runs one prepared statement row by row within the process; PostgreSQL
    gets one statement for each batch, since a row each would be a journey each.
    """
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    if not fields or not records:
        return
    key: Any = model._meta.pk
    columns = [*fields, key]
    values = [
        [field.get_db_prep_save(getattr(record, field.attname), connection) for field in columns]
        for record in records
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executemany(_one_row(model, fields), values)
            return
        for start in range(0, len(values), BATCH):
            batch = values[start : start + BATCH]
            asked = [value for row in batch for value in row]
            cursor.execute(_many_rows(model, columns, len(batch)), asked)


def _one_row(model: type[Model], fields: Sequence[Any]) -> str:
    name = connection.ops.quote_name
    sets = ", ".join(f"{name(field.column)} = %s" for field in fields)
    key: Any = model._meta.pk
    return f"UPDATE {name(model._meta.db_table)} SET {sets} WHERE {name(key.column)} = %s"  # noqa: S608 - names of our own


def _many_rows(model: type[Model], columns: Sequence[Any], rows: int) -> str:
    """An UPDATE from ``rows`` lists of values, the key the last of each."""
    name = connection.ops.quote_name
    # Without its size: a text that is too long is refused, and not cut.
    types = [str(field.db_type(connection)).partition("(")[0] for field in columns]
    new = [f"CAST(new.column{n} AS {kind})" for n, kind in enumerate(types, start=1)]
    sets = ", ".join(
        f"{name(field.column)} = {value}"
        for field, value in zip(columns[:-1], new[:-1], strict=True)
    )
    row = f"({', '.join(['%s'] * len(columns))})"
    return (
        f"UPDATE {name(model._meta.db_table)} AS stored SET {sets} "  # noqa: S608 - names of our own
        f"FROM (VALUES {', '.join([row] * rows)}) AS new "
        f"WHERE stored.{name(columns[-1].column)} = {new[-1]}"
    )
