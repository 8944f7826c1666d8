"""One view of the database for many questions, whatever is written meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction

# What is known of the snapshot that is read from: it stays true to its end. None outside of one.
_known: ContextVar[dict[str, Any] | None] = ContextVar("known of the snapshot", default=None)


def known_of_snapshot() -> dict[str, Any] | None:
    """Where to note what is true of the snapshot that is read from; None outside of one, and in a
    transaction that may write."""
    return _known.get()


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
            known = _known.set({})
            try:
                yield
            finally:
                _known.reset(known)
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
