"""Whole tables out of PostgreSQL: what COPY writes is passed on as it comes.

No row becomes a Python object. COPY runs in a thread of its own and hands over blocks; when the
reader is slow a few of them wait and COPY does too, so that memory stays flat. The bytes are those
of ``tables.csv_bytes``.
"""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet

from .tables import Column, csv_count, csv_head

BLOCK = 256 * 1024
# Blocks that wait for the reader.
WAITING = 4


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
        # The last one is empty.
        self.written: queue.Queue[bytes] = queue.Queue(WAITING)

    def blocks(self) -> Iterator[bytes]:
        with transaction.atomic(), connection.cursor() as cursor:
            # Compiling the expressions takes longer than it saves.
            cursor.execute("SET LOCAL jit = off")
            statement = cursor.cursor.mogrify(self.sql, self.params)
            thread = threading.Thread(target=self._copy, args=(cursor.cursor, statement))
            thread.start()
            is_whole = False
            try:
                while block := self.written.get():
                    yield block
                is_whole = True
            finally:
                if not is_whole:  # its reader went away
                    connection.connection.cancel()
                    while self.written.get():
                        pass
                thread.join()
            if self.error:
                raise self.error

    def _copy(self, cursor: Any, statement: bytes) -> None:
        try:
            with io.BufferedWriter(_Handing(self.written), BLOCK) as out:
                cursor.copy_expert(b"COPY (" + statement + b") TO STDOUT WITH (FORMAT csv)", out)
            self.rows = cursor.rowcount
        except BaseException as error:
            self.error = error
        finally:
            self.written.put(b"")


class _Handing(io.RawIOBase):
    """A file that puts what is written to it into a queue."""

    def __init__(self, written: queue.Queue[bytes]) -> None:
        self.written = written

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        self.written.put(bytes(block))
        return len(block)
