"""A span of days, half-open: what begins on ``start`` and is over before ``end``."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.db.models import Q

# IOM is of 1951; a date before it or far ahead is a slip of the finger.
FIRST_DAY, LAST_DAY = dt.date(1951, 1, 1), dt.date(2100, 12, 31)


@dataclass(frozen=True)
class Period:
    """Days from ``start`` (included) to ``end`` (not included)."""

    start: dt.date
    end: dt.date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError("A period ends after it starts.")

    @classmethod
    def year(cls, year: int) -> Period:
        """The calendar year, 1 January to 31 December."""
        return cls(dt.date(year, 1, 1), dt.date(year + 1, 1, 1))

    @classmethod
    def years(cls, first: int, last: int) -> Period:
        """The calendar years from ``first`` to ``last``, both included."""
        return cls(dt.date(first, 1, 1), dt.date(last + 1, 1, 1))

    @classmethod
    def months_to(cls, year: int, month: int, months: int) -> Period:
        """The ``months`` months of which the last is ``month`` of ``year``; at most twelve."""
        first = year * 12 + month - months
        ends = year * 12 + month
        return cls(dt.date(first // 12, first % 12 + 1, 1), dt.date(ends // 12, ends % 12 + 1, 1))

    def __contains__(self, day: dt.date) -> bool:
        return self.start <= day < self.end

    def q(self, field: str) -> Q:
        """The condition that the date ``field`` lies in the period."""
        return Q(**{f"{field}__gte": self.start, f"{field}__lt": self.end})

    @property
    def calendar_years(self) -> range:
        """The calendar years that the period touches."""
        last_day = self.end - dt.timedelta(days=1)
        return range(self.start.year, last_day.year + 1)

    @property
    def whole_years(self) -> range:
        """The calendar years of which all days are in the period."""
        first = self.start.year + (self.start > dt.date(self.start.year, 1, 1))
        return range(first, self.end.year)


def quarter_slot(day: dt.date) -> int:
    """The quarter of ``day`` as one number: year x 10 + 1 to 4. What only has a year has + 0."""
    return day.year * 10 + (day.month + 2) // 3


def year_slots(year: int) -> range:
    """The slots of a year: its quarters, and what only has the year."""
    return range(year * 10, year * 10 + 5)


def latest_day(today: dt.date) -> dt.date:
    """The last day that has begun anywhere. ``today`` is UTC's; where the sun rises earlier, the
    next day has begun already."""
    return today + dt.timedelta(days=1)


def held_on(day: dt.date, starts: str = "starts_on", ends: str = "ends_on") -> Q:
    """The condition that something with a first and a last day was held on ``day``.

    An unknown first day counts as "since before we know", an open last day as "still held".
    """
    begun = Q(**{f"{starts}__isnull": True}) | Q(**{f"{starts}__lte": day})
    not_over = Q(**{f"{ends}__isnull": True}) | Q(**{f"{ends}__gte": day})
    return begun & not_over


def held_during(period: Period, starts: str = "starts_on", ends: str = "ends_on") -> Q:
    """The condition that something was held on at least one day of ``period``."""
    kwargs: dict[str, Any] = {f"{starts}__lt": period.end}
    begun = Q(**{f"{starts}__isnull": True}) | Q(**kwargs)
    not_over = Q(**{f"{ends}__isnull": True}) | Q(**{f"{ends}__gte": period.start})
    return begun & not_over


def part_of_year(starts_on: dt.date, ends_on: dt.date | None, year: int) -> Fraction:
    """The part of the days of ``year`` on which something was held, first and last day included."""
    whole = Period.year(year)
    first = max(starts_on, whole.start)
    end = whole.end if ends_on is None else min(ends_on + dt.timedelta(days=1), whole.end)
    return Fraction(max((end - first).days, 0), (whole.end - whole.start).days)


def year_span(first: int, last: int) -> str:
    """The years from ``first`` to ``last`` in words: "2014–2019"; of one year "2019"."""
    return str(first) if first == last else f"{first}–{last}"
