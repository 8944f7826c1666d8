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

from .snapshot import known_of_snapshot
from .versions import every_table, version_of

# A deploy that works figures out otherwise shows what was kept for no longer than this.
KEPT_SECONDS = 600
Found = TypeVar("Found")


def remembered(name: str, asked: object, work: Callable[[], Found]) -> Found:
    """What ``work`` finds, or found for the same question since the records changed last.

    ``asked`` is all that it depends on beside the records, the reader's rights among it; ``name``
    says what is asked. On PostgreSQL only: SQLite holds what is read at once. A transaction that
    may write works things out itself, for nobody else sees its records.
    """
    known = known_of_snapshot()
    if connection.vendor != "postgresql" or (connection.in_atomic_block and known is None):
        return work()
    version = _version(known)
    question = hashlib.sha256(repr((name, asked, version)).encode()).hexdigest()
    key = f"remembered:{question}"
    if (kept := cache.get(key)) is not None:
        (found,) = kept
        return found  # type: ignore[no-any-return]
    found = work()
    if _version(known) == version:  # nothing was written meanwhile
        cache.set(key, (found,), KEPT_SECONDS)
    return found


def _version(known: dict[str, str] | None) -> str:
    """The version of all tables now; of a snapshot it is asked once."""
    if known is None:
        return version_of(every_table())
    if "version" not in known:
        known["version"] = version_of(every_table())
    return known["version"]
