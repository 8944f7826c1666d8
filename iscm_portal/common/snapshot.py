"""One view of the database for many questions, whatever is written meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction


@contextmanager
def one_snapshot() -> Iterator[None]:
    """All that is read inside is of one moment; nothing is to be written.

    Also a decorator, ``@one_snapshot()``: of a view it is the whole page, drawn inside. Hinders no
    writer. Inside a transaction that has begun already it is that transaction's view.
    """
    if connection.in_atomic_block:
        yield
        return
    if connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    with _deferred(), transaction.atomic():
        yield


@contextmanager
def _deferred() -> Iterator[None]:
    """SQLite: begin without the write lock. What is read then is of the first question's moment."""
    database: Any = connection
    database.ensure_connection()  # it sets the mode
    mode, database.transaction_mode = database.transaction_mode, "DEFERRED"
    try:
        yield
    finally:
        database.transaction_mode = mode
