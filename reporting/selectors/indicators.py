"""Questions about compiled values and about how complete they are."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, QuerySet
from django.db.models.functions import ExtractYear

from engagements.models import ISCM
from iscm_portal.common.period import Period

from ..choices import IndicatorState
from ..models import CompileRun, Duty, Indicator, IndicatorValue


def latest_run() -> CompileRun | None:
    """The compile run that was published last."""
    return CompileRun.objects.filter(state=CompileRun.State.PUBLISHED).first()


@dataclass(frozen=True)
class OverviewRow:
    """One indicator with its overall value of a year and of the year before."""

    indicator: Indicator
    value: IndicatorValue | None
    before: IndicatorValue | None


def compiled_years() -> list[int]:
    """The years that have values, the earliest first."""
    years = IndicatorValue.objects.order_by("year").values_list("year", flat=True).distinct()
    return list(years)


def overview(user: Any, year: int) -> list[OverviewRow]:
    """All indicators in use with their overall values, in two statements."""
    values = {
        (value.indicator_id, value.year): value
        for value in IndicatorValue.objects.filter(iscm=None, year__in=[year - 1, year])
    }
    indicators = Indicator.objects.visible_to(user).exclude(state=IndicatorState.RETIRED)
    return [
        OverviewRow(row, values.get((row.pk, year)), values.get((row.pk, year - 1)))
        for row in indicators
    ]


def trend(indicator: Indicator, iscm: ISCM | None = None) -> list[IndicatorValue]:
    """The indicator's values by year: overall, or of one mechanism.

    From the first year with data to the last; the years between them that have none are there.
    """
    values = list(indicator.values.filter(iscm=iscm).order_by("year"))
    filled = [place for place, value in enumerate(values) if value.n]
    return values[filled[0] : filled[-1] + 1] if filled else []


def values_by_iscm(indicator: Indicator, year: int) -> list[IndicatorValue]:
    """The indicator's values of a year for each mechanism that has one, the highest first."""
    values = indicator.values.filter(year=year).exclude(iscm=None).select_related("iscm")
    return sorted(values, key=lambda v: (v.value is None, -(v.value or 0), v.iscm.acronym))


def values_of_iscm(iscm: ISCM) -> list[IndicatorValue]:
    """The latest value of each indicator for one mechanism."""
    values = IndicatorValue.objects.filter(iscm=iscm).select_related("indicator")
    latest: dict[int, IndicatorValue] = {}
    for value in values.order_by("year"):
        latest[value.indicator_id] = value
    return sorted(latest.values(), key=lambda value: value.indicator.number)


@dataclass(frozen=True)
class Coverage:
    """How many reports a cell owes, and how many of them IPD has accepted."""

    owed: int = 0
    accepted: int = 0


def report_coverage(period: Period, on: dt.date) -> dict[tuple[int, str | None], Coverage]:
    """Coverage by year and mechanism (slug; None is overall), for events over before ``on``.

    A duty counts in the year of the last day of its event, and as accepted when its report or its
    other answer is. A joint event counts for each of its mechanisms, and once overall.
    """
    duties = Duty.objects.standing().with_last_day().order_by()
    owed = duties.filter(period.q("last_day"), last_day__lt=on)
    found: dict[tuple[int, str | None], Coverage] = {}
    counts = _by_year_and_iscm(owed), _by_year_and_iscm(owed.filter(is_settled=True))
    for cell in counts[0].keys() | counts[1].keys():
        found[cell] = Coverage(counts[0][cell], counts[1][cell])
    return found


def _by_year_and_iscm(rows: QuerySet[Any]) -> dict[tuple[int, str | None], int]:
    counts: dict[tuple[int, str | None], int] = defaultdict(int)
    by_year = rows.annotate(in_year=ExtractYear("last_day")).values("in_year")
    for row in by_year.annotate(n=Count("pk")):
        counts[row["in_year"], None] = row["n"]
    by_iscm = by_year.filter(event__iscms__isnull=False).annotate(of=F("event__iscms__slug"))
    for row in by_iscm.values("in_year", "of").annotate(n=Count("pk")):
        counts[row["in_year"], row["of"]] = row["n"]
    return counts
