"""Reading the changes in order: no gap and no repeat, whoever writes meanwhile.

Numbers are given out when a row is written and seen when its transaction commits, so that a reader
who goes on "after the last number" passes by what a slower transaction still holds. The feed is
read in windows instead. A window holds the changes of the transactions that were not over when the
one before it was opened, and are over now: ``since <= xid < until``, where ``until`` is the oldest
transaction under way. Nothing can come into it any more, and inside it the numbers are an order that
every record's own changes keep (docs/decisions/0039). On SQLite one writes at a time, and the
numbers themselves stand for the transactions.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from django.core import signing
from django.db import connection
from django.db.models import Count, Max, Min, Q

from ..access import may
from ..choices import Scope
from .models import Change
from .watched import RIGHTS_OF_AUDIENCES, SCOPES

SALT = "iscm_portal.changes"
# How long a position is good for, and for how long changes are kept beyond what was promised: a
# reader may be in the middle of them, and a transaction may have lasted.
KEPT = dt.timedelta(days=90)
MARGIN = dt.timedelta(days=1)
# Which number of a change orders the transactions, and below which of them all are over.
ORDER = {"postgresql": "xid", "sqlite": "id"}
HORIZON = {
    "postgresql": "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
    # Numbers are never given twice, so this holds after the newest rows were removed, too.
    "sqlite": "SELECT seq + 1 FROM sqlite_sequence WHERE name = 'common_change'",
}


class Unreadable(Exception):
    """The text is no position of this portal."""


class Gone(Exception):
    """The feed can't go on from the position; everything has to be pulled anew."""


@dataclass(frozen=True)
class Reader:
    """Somebody who follows the changes of some types, as far as they are for him."""

    types: tuple[str, ...]
    audiences: tuple[str, ...]
    all_offices: bool
    database: str

    @classmethod
    def of(cls, user: Any, scopes: Collection[Scope], wanted: Collection[str] = ()) -> Reader:
        """What ``user`` sees with ``scopes``; of the ``wanted`` types only, where some are named."""
        types = [name for name, scope in SCOPES.items() if scope in scopes]
        audiences = ["everyone", *(right for right in RIGHTS_OF_AUDIENCES if may(user, right))]
        if may(user, "read_own_office_reports"):
            audiences.append(f"office:{user.office_id}")
        return cls(
            tuple(name for name in types if not wanted or name in wanted),
            tuple(audiences),
            may(user, "read_all_reports"),
            _database(),
        )

    @property
    def key(self) -> str:
        """Another one where other records are seen: a position is good for one set of them, in one
        database."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def sees(self, column: str) -> Q:
        """The condition that a record with the audience in ``column`` is for this reader."""
        seen = Q(**{f"{column}__in": self.audiences})
        if self.all_offices:
            seen |= Q(**{f"{column}__startswith": "office:"})
        return seen


@dataclass(frozen=True)
class Position:
    """A place in the feed: after the change ``last`` of the window from ``since`` to before
    ``until``, whose highest number is ``end``. ``at`` is when what lies before it had happened."""

    since: int
    until: int
    last: int
    end: int
    at: dt.datetime

    def text(self, reader: Reader) -> str:
        seconds = int(self.at.timestamp())
        place = [self.since, self.until, self.last, self.end, seconds]
        return signing.dumps([*place, reader.key], salt=SALT)

    @classmethod
    def read(cls, text: str, reader: Reader, at: dt.datetime) -> Position:
        """The position that ``text`` stands for. Raises Unreadable and Gone."""
        try:
            *place, seconds, key = signing.loads(text, salt=SALT)
        except signing.BadSignature:
            raise Unreadable from None
        found = cls(*place, at=dt.datetime.fromtimestamp(seconds, dt.UTC))
        if key != reader.key or found.at < at - KEPT - MARGIN:
            raise Gone
        return found

    @property
    def is_window_read(self) -> bool:
        return self.last >= self.end


@dataclass(frozen=True)
class Entry:
    """A change as its reader sees it, with the position after it."""

    position: Position
    type: str
    id: int
    change: str
    changed_at: dt.datetime


@dataclass(frozen=True)
class Page:
    entries: list[Entry]
    position: Position
    has_more: bool


def now(at: dt.datetime) -> Position:
    """The position after everything that is over."""
    until = _horizon()
    return Position(until, until, 0, 0, at)


def oldest(at: dt.datetime) -> Position:
    """The position before the oldest change that is still promised."""
    until, first, end = _window(0, at - KEPT)
    return Position(0, until, first - 1, end, at - KEPT)


def read(reader: Reader, position: Position, size: int, at: dt.datetime) -> Page:
    """At most ``size`` changes after ``position`` that ``reader`` sees."""
    entries: list[Entry] = []
    is_newest = False
    while True:
        if position.is_window_read:
            if is_newest:
                return Page(entries, position, has_more=False)
            until, first, end = _window(position.until)
            position = Position(position.until, until, first - 1, end, at)
            is_newest = True
        found = _entries(reader, position, size + 1 - len(entries))
        entries += found
        if len(entries) > size:
            entries = entries[:size]
            return Page(entries, entries[-1].position, has_more=True)
        position = replace(position, last=position.end)


def forget(at: dt.datetime) -> int:
    """Remove what no position leads to any more; returns how many changes that were."""
    deleted, _models = Change.objects.filter(changed_at__lt=at - KEPT - 2 * MARGIN).delete()
    return deleted


def _entries(reader: Reader, position: Position, most: int) -> list[Entry]:
    """The changes of the position's window after it, in order."""
    name = ORDER[connection.vendor]
    before, after = reader.sees("audience_before"), reader.sees("audience_after")
    rows = (
        Change.objects.filter(before | after, id__gt=position.last, id__lte=position.end)
        .filter(**{f"{name}__gte": position.since, f"{name}__lt": position.until})
        .filter(type__in=reader.types)
        .order_by("id")
    )
    columns = ("id", "type", "record", "audience_before", "audience_after", "changed_at")
    return [
        Entry(
            replace(position, last=pk, at=changed_at),
            kind,
            record,
            _change(reader, audience_before, audience_after),
            changed_at,
        )
        for pk, kind, record, audience_before, audience_after, changed_at in rows.values_list(
            *columns
        )[:most]
    ]


def _change(reader: Reader, before: str | None, after: str | None) -> str:
    """What a change was to ``reader``, who sees the record before it, after it, or both."""

    def seen(audience: str | None) -> bool:
        if audience is None:
            return False
        return audience in reader.audiences or (
            reader.all_offices and audience.startswith("office:")
        )

    if seen(before) and seen(after):
        return "updated"
    return "created" if seen(after) else "deleted"


def _horizon() -> int:
    """All transactions below it are over, and none will begin there."""
    with connection.cursor() as cursor:
        cursor.execute(HORIZON[connection.vendor])
        row = cursor.fetchone()
    return int(row[0]) if row else 1


def _window(since: int, from_day: dt.datetime | None = None) -> tuple[int, int, int]:
    """Opens a window: its ``until``, and the first and last number in it (1 and 0 of an empty one).

    With ``from_day`` the first number is one of that day.
    """
    until, name = _horizon(), ORDER[connection.vendor]
    rows = Change.objects.filter(**{f"{name}__gte": since, f"{name}__lt": until})
    if from_day:
        rows = rows.filter(changed_at__gte=from_day)
    # The count keeps PostgreSQL from looking for the ends along the key, past all that is older.
    found = rows.aggregate(first=Min("id"), end=Max("id"), number=Count("id"))
    return (until, found["first"], found["end"]) if found["number"] else (until, 1, 0)


def _database() -> str:
    """Which database it is: in another one transactions have other numbers."""
    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT system_identifier, oid FROM pg_control_system(), pg_database"
            " WHERE datname = current_database()"
        )
        return "-".join(map(str, cursor.fetchone()))
