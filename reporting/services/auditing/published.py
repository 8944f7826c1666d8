"""What was published: which spans of time, by when, and which wait for a change to be compiled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from engagements.models import FollowUpAction
from iscm_portal.common.models import OutboxMessage

from ...models import CompileRun
from .directory import Directory, When, quarter_of, rows
from .tally import Span, ends_of, spans_of

# More years than any evidence has: a message that names none may be of all.
ALL_YEARS = range(1900, 2200)
# How long a change may wait to be compiled before what it leaves wrong is wrong.
PATIENCE = dt.timedelta(minutes=15)


@dataclass(frozen=True)
class Published:
    """``spans`` must have all their cells; ``others`` have those that a change touched. What is
    ``waiting`` is known not to be compiled yet. Duties are of events over before ``today``,
    follow-ups were due before it, and by it a span is over or not."""

    run: int | None
    at: dt.datetime | None
    spans: frozenset[Span]
    others: frozenset[Span]
    waiting: frozenset[Span]
    today: dt.date

    @property
    def years(self) -> list[int]:
        """The years that have values."""
        return sorted({year for kind, year, _part in self.spans | self.others if kind == "year"})


def published(at: dt.datetime, directory: Directory) -> Published:
    """What the compile runs say that they published, as known at ``at``."""
    runs = [
        (pk, scope, first, last, started_at)
        for pk, state, scope, first, last, started_at in rows(
            CompileRun, "pk", "state", "scope", "first_year", "last_year", "started_at"
        )
        if state == "published"
    ]
    whole = [place for place, run in enumerate(runs) if run[1] == "whole"]
    since = runs[whole[-1] :] if whole else runs
    spans: set[Span] = set()
    others: set[Span] = set()
    today = at.date()
    for _pk, scope, first, last, started_at in since:
        found = spans if scope != "change" else others
        found |= _spans(first, last, started_at, with_next=scope != "whole")
        if scope != "change" and first <= started_at.year <= last:
            today = started_at.date()
    over = {meeting.last_day for meeting in directory.meetings.values()}
    over |= {day for (day,) in rows(FollowUpAction, "due_on")}
    days = {day for day in over if day is not None and today <= day < at.date()}
    waiting = {span for when in _waiting(at, days) for span in spans_of(when)}
    # What ended since is coloured anew.
    begun = quarter_of(today), quarter_of(at.date())
    waiting |= {span for span in spans | others if begun[0] <= ends_of(span)[1] < begun[1]}
    return Published(
        run=runs[-1][0] if runs else None,
        at=runs[-1][4] if runs else None,
        spans=frozenset(spans),
        others=frozenset(others - spans),
        waiting=frozenset(waiting & (spans | others)),
        today=today,
    )


def _spans(first: int, last: int, at: dt.datetime, *, with_next: bool) -> set[Span]:
    """The spans of these years; those of twelve months where their last quarter has begun."""
    found: set[Span] = set()
    for year in range(first, last + 1):
        found.add(("year", year, 0))
        found |= {("quarter", year, quarter) for quarter in range(1, 5)}
        found |= {("rolling", year, quarter) for quarter in range(1, 5)}
    if with_next:
        found |= {("rolling", last + 1, quarter) for quarter in range(1, 4)}
    begun = quarter_of(at.date())
    return {span for span in found if span[0] != "rolling" or span[1:] <= begun}


def _waiting(at: dt.datetime, days: Iterable[dt.date]) -> Iterator[When]:
    """The quarters of which a change is on record that no run has followed yet; ``days`` are last
    days of events that are over, and days of follow-ups, since a run asked.

    A change that could not be worked out, or waits for long, excuses nothing: figures that nobody
    mends are wrong.
    """
    undone = OutboxMessage.objects.filter(topic="evidence_changed", done_at__isnull=True)
    fresh = undone.filter(attempts=0, created_at__gt=at - PATIENCE)
    for payload in fresh.values_list("payload", flat=True):
        yield from _touched(payload)
    yield from map(quarter_of, days)


def _touched(payload: dict[str, Any]) -> Iterable[When]:
    if "years" not in payload and "slots" not in payload:
        years: Iterable[int] = ALL_YEARS
    else:
        years = payload.get("years", ())
    yield from ((year, quarter) for year in years for quarter in range(5))
    yield from (divmod(slot, 10) for slot in payload.get("slots", ()))
