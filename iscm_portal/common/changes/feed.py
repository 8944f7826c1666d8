"""Reading the changes in order: no gap and no repeat, whoever writes meanwhile.

Numbers are given out when a row is written and seen when its transaction commits, so that a reader
who goes on "after the last number" passes by what a slower transaction still holds. The feed is
read in windows instead. A window holds what those transactions wrote that were not over when the
one before it was opened, and are over now: its beginning and its end are snapshots of the database.
Nothing can come into it any more, and inside it the numbers are an order that keeps what follows
from what (docs/decisions/0039). On SQLite one writes at a time, and the numbers themselves stand
for the transactions.
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
# Which number of a change names its transaction, and the present snapshot of transactions: all
# below the first number are over, none from the second on has begun, those named are under way.
TRANSACTION = {"postgresql": "xid", "sqlite": "id"}
SNAPSHOT = {
    "postgresql": "SELECT pg_current_snapshot()::text",
    # Numbers are never given twice, so this holds after the newest rows were removed, too.
    "sqlite": "SELECT (seq + 1) || ':' || (seq + 1) || ':' FROM sqlite_sequence"
    " WHERE name = 'common_change'",
}


class Unreadable(Exception):
    """The text is no position of this portal."""


class Gone(Exception):
    """The feed can't go on from the position; everything has to be pulled anew. ``is_old``: it is
    too old; else what its reader sees is not what it was."""

    def __init__(self, is_old: bool = False) -> None:
        super().__init__()
        self.is_old = is_old


@dataclass(frozen=True)
class Reader:
    """Somebody who follows the changes of some types, as far as they are for him."""

    types: tuple[str, ...]
    audiences: tuple[str, ...]
    all_offices: bool
    database: str

    @classmethod
    def of(cls, user: Any, scopes: Collection[Scope], wanted: Collection[str] = ()) -> Reader:
        """What ``user`` sees with ``scopes``; only the ``wanted`` types, where some are named."""
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
class Snapshot:
    """Which transactions were over at a moment."""

    first: int
    next: int
    running: tuple[int, ...] = ()

    @classmethod
    def read(cls, text: str) -> Snapshot:
        """From PostgreSQL's own writing: ``10:20:10,14,15``."""
        first, following, running = text.split(":")
        return cls(int(first), int(following), tuple(int(n) for n in running.split(",") if n))

    def __str__(self) -> str:
        return f"{self.first}:{self.next}:{','.join(map(str, self.running))}"

    @property
    def over(self) -> Q:
        """The condition that the transaction of a change was over."""
        name = TRANSACTION[connection.vendor]
        return Q(**{f"{name}__lt": self.next}) & ~Q(**{f"{name}__in": self.running})

    @property
    def not_over(self) -> Q:
        name = TRANSACTION[connection.vendor]
        later = Q(**{f"{name}__gte": self.next}) | Q(**{f"{name}__in": self.running})
        # What follows from it, said alone: the database enters its index there.
        return Q(**{f"{name}__gte": self.first}) & later


BEGINNING = Snapshot(0, 0)


@dataclass(frozen=True)
class Position:
    """A place in the feed: after the change ``last`` of the window between two snapshots, whose
    highest number is ``end``. ``at`` is when what lies before the place had happened."""

    since: Snapshot
    until: Snapshot
    last: int
    end: int
    at: dt.datetime

    def text(self, reader: Reader) -> str:
        place = [str(self.since), str(self.until), self.last, self.end, self.at.timestamp()]
        return signing.dumps([*place, reader.key], salt=SALT, compress=True)

    @classmethod
    def read(cls, text: str, reader: Reader, at: dt.datetime) -> Position:
        """The position that ``text`` stands for. Raises Unreadable and Gone."""
        try:
            since, until, last, end, seconds, key = signing.loads(text, salt=SALT)
        except signing.BadSignature:
            raise Unreadable from None
        moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
        if key != reader.key:
            raise Gone
        if moment < at - KEPT - MARGIN:
            raise Gone(is_old=True)
        return cls(Snapshot.read(since), Snapshot.read(until), last, end, moment)

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
    snapshot = _snapshot()
    return Position(snapshot, snapshot, 0, 0, at)


def oldest(at: dt.datetime) -> Position:
    """The position before the oldest change that is still promised."""
    return _window(BEGINNING, at - KEPT, from_day=at - KEPT)


def read(reader: Reader, position: Position, size: int, at: dt.datetime) -> Page:
    """At most ``size`` changes after ``position`` that ``reader`` sees."""
    entries: list[Entry] = []
    is_newest = False
    while True:
        if position.is_window_read:
            if is_newest:
                return Page(entries, position, has_more=False)
            position = _window(position.until, at)
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
    before, after = reader.sees("audience_before"), reader.sees("audience_after")
    rows = (
        Change.objects.filter(id__gt=position.last, id__lte=position.end)
        .filter(position.since.not_over, position.until.over)
        .filter(before | after, type__in=reader.types)
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


def _snapshot() -> Snapshot:
    with connection.cursor() as cursor:
        cursor.execute(SNAPSHOT[connection.vendor])
        row = cursor.fetchone()
    return Snapshot.read(row[0]) if row else Snapshot(1, 1)


def _window(since: Snapshot, at: dt.datetime, from_day: dt.datetime | None = None) -> Position:
    """The beginning of a window from ``since`` until now; ``from_day`` leaves older changes out."""
    until = _snapshot()
    rows = Change.objects.filter(since.not_over, until.over)
    if from_day:
        rows = rows.filter(changed_at__gte=from_day)
    # The count keeps PostgreSQL from looking for the ends along the key, past all that is older.
    found = rows.aggregate(first=Min("id"), end=Max("id"), number=Count("id"))
    if not found["number"]:
        return Position(since, until, 0, 0, at)
    return Position(since, until, found["first"] - 1, found["end"], at)


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
