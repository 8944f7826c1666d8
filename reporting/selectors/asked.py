"""What a dashboard is asked for, and the compiled values that answer it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from engagements.models import ISCM

from ..choices import PeriodKind
from ..models import CompileRun, Indicator, IndicatorValue, PublishedValue
from .cuts import last_day_of, span_label

# A year and its quarter (0 of a whole year).
Place = tuple[int, int]


@dataclass(frozen=True)
class Asked:
    """What a dashboard is of: a span, one or several mechanisms or all, cut by a dimension or not,
    as it is or as it stood at the end of a day. ``today`` is the day it is looked at from: that
    day, or the present one."""

    year: int
    today: dt.date
    period: str = PeriodKind.YEAR
    part: int = 0
    by: str = ""
    iscms: tuple[ISCM, ...] = ()
    as_of: dt.date | None = None

    @property
    def compares(self) -> bool:
        return len(self.iscms) > 1

    @property
    def is_table(self) -> bool:
        """Whether it sets cells beside each other instead of showing one."""
        return bool(self.by) or self.compares

    @property
    def iscm(self) -> ISCM | None:
        return self.iscms[0] if len(self.iscms) == 1 else None

    @property
    def place(self) -> Place:
        return self.year, self.part

    @property
    def before(self) -> Place:
        return self.year - 1, self.part

    @property
    def label(self) -> str:
        return span_label(self.period, self.year, self.part)

    @property
    def last_day(self) -> dt.date:
        return last_day_of(self.period, self.year, self.part)

    @property
    def is_over(self) -> bool:
        return self.last_day < self.today

    @property
    def has_begun(self) -> bool:
        return PeriodKind(self.period).days(self.year, self.part).start <= self.today

    @property
    def twelve_months(self) -> Place | None:
        """Of what is not over the last twelve months that are, by the quarter they end with:
        they can be set beside those of a year before. Of a quarter, and of what has not begun or
        is read as of a past day, there are none."""
        if self.is_over or not self.has_begun or self.as_of or self.period == PeriodKind.QUARTER:
            return None
        year, quarters_over = self.today.year, (self.today.month - 1) // 3
        return (year, quarters_over) if quarters_over else (year - 1, 4)

    @property
    def compared_label(self) -> str:
        """What of it is set beside the same of a year before."""
        if self.is_over:
            return self.label
        return span_label(PeriodKind.ROLLING, *self.twelve_months) if self.twelve_months else ""


@dataclass(frozen=True)
class Measured:
    """What the measures say of themselves, by their keys: what each may be cut by, the kinds of
    period that it has values of, and which have a target for the whole only."""

    cuts: dict[str, Sequence[str]]
    periods: dict[str, Sequence[str]]
    wholes: set[str]

    def withholds(self, indicator: Indicator, period: str) -> bool:
        """Whether values of such periods are not published: twelve months of answers, which
        overlap."""
        known = self.periods.get(indicator.key, ())
        return PeriodKind.QUARTER in known and period not in known

    def is_known_by(self, indicator: Indicator, period: str) -> bool:
        """Whether there are values of such periods: money is known by the year only."""
        return indicator.key not in self.periods or period in self.periods[indicator.key]


def values_asked(asked: Asked, run: CompileRun | None) -> QuerySet[Any]:
    """The values of such spans: those of now, or of a past day after its last ``run``."""
    if asked.as_of:
        return PublishedValue.objects.stood_after(run.pk if run else None)
    return IndicatorValue.objects.filter(period=asked.period)
