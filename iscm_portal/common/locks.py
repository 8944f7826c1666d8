"""One at a time: a lock that lasts as long as the transaction."""

import zlib

from django.db import connection


def lock_until_commit(name: str) -> None:
    """Wait until no other transaction holds ``name``, then hold it to the commit or rollback.

    SQLite's write lock is taken when the transaction begins (``transaction_mode`` IMMEDIATE), so
    there is nothing to add; PostgreSQL has advisory locks for the purpose.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A lock needs a transaction to last for.")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [zlib.crc32(name.encode())])
