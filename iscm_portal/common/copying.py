"""Whole tables out of PostgreSQL: what COPY writes is passed on as it comes.

No row becomes a Python object. COPY runs in a thread of its own and writes to a pipe; when the
reader is slow the pipe is full and COPY waits, so that memory stays flat. The bytes are those of
``tables.csv_bytes``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet

from .tables import Column, csv_count, csv_head

BLOCK = 64 * 1024


def copied_bytes(
    columns: Sequence[Column],
    lines: QuerySet[Any],
    *,
    is_tagged: bool = False,
    is_counted: bool = True,
) -> Iterator[bytes]:
    """The CSV file of ``lines``, a ``values_list`` with the ``columns`` in their order."""
    # At once: the first byte does not wait for the statement.
    yield csv_head(columns, is_tagged).encode()
    number = 0
    try:
        sql, params = lines.query.sql_with_params()
    except EmptyResultSet:
        pass
    else:
        copying = _Copying(sql, params)
        yield from copying.blocks()
        number = copying.rows
    if is_counted:
        yield csv_count(number).encode()


class _Copying:
    """One COPY on the connection of this request."""

    def __init__(self, sql: str, params: Sequence[Any]) -> None:
        self.sql, self.params = sql, params
        self.rows = 0
        self.error: BaseException | None = None

    def blocks(self) -> Iterator[bytes]:
        with transaction.atomic(), connection.cursor() as cursor:
            # Compiling the expressions takes longer than it saves.
            cursor.execute("SET LOCAL jit = off")
            statement = cursor.cursor.mogrify(self.sql, self.params)
            reading, writing = os.pipe()
            thread = threading.Thread(target=self._copy, args=(cursor.cursor, statement, writing))
            thread.start()
            is_whole = False
            try:
                while block := os.read(reading, BLOCK):
                    yield block
                is_whole = True
            finally:
                if not is_whole:  # its reader went away
                    connection.connection.cancel()
                    while os.read(reading, BLOCK):
                        pass
                thread.join()
                os.close(reading)
            if self.error:
                raise self.error

    def _copy(self, cursor: Any, statement: bytes, writing: int) -> None:
        try:
            with os.fdopen(writing, "wb", BLOCK) as out:
                cursor.copy_expert(b"COPY (" + statement + b") TO STDOUT WITH (FORMAT csv)", out)
            self.rows = cursor.rowcount
        except BaseException as error:
            self.error = error
