"""What was worked out from the records is kept for as long as no record changes.

A sum over a million funding lines takes seconds, and most readers ask for it while nothing has
changed. What is kept goes by the version of all tables that records are read from
(``versions``, docs/decisions/0043): a figure is never older than the record that it is read with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache
from django.db import connection

from .versions import settled_version

# A deploy that works figures out otherwise shows what was kept for no longer than this.
KEPT_SECONDS = 600
Found = TypeVar("Found")


def remembered(name: str, asked: object, work: Callable[[], Found]) -> Found:
    """What ``work`` finds, or found for the same question since the records changed last.

    ``asked`` is all that it depends on beside the records, the reader's rights among it; ``name``
    says what is asked. On PostgreSQL only: SQLite holds what is read at once. A transaction that
    has written works things out itself, for nobody else sees its records.
    """
    if connection.vendor != "postgresql" or (version := settled_version()) is None:
        return work()
    question = hashlib.sha256(repr((name, asked, version)).encode()).hexdigest()
    key = f"remembered:{question}"
    if (kept := cache.get(key)) is not None:
        (found,) = kept
        return found  # type: ignore[no-any-return]
    found = work()
    if settled_version() == version:  # nothing was written meanwhile
        cache.set(key, (found,), KEPT_SECONDS)
    return found
