"""Questions about compiled values and about how complete they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engagements.models import ISCM

from ..choices import IndicatorState, PeriodKind
from ..models import CompileRun, Indicator, IndicatorValue

# The cell of everything; as a key it is found by an index.
OVERALL = "overall"


def cell_of(iscm: ISCM | None) -> str:
    """The key of the cell of a mechanism as a whole, or of all of them."""
    return f"iscm:{iscm.pk}" if iscm else OVERALL


def latest_run(before: dt.datetime | None = None) -> CompileRun | None:
    """The compile run that was published last (before that moment)."""
    runs = CompileRun.objects.filter(state=CompileRun.State.PUBLISHED)
    return (runs if before is None else runs.filter(published_at__lt=before)).first()


def first_run() -> CompileRun | None:
    """The compile run that was published first."""
    return CompileRun.objects.filter(state=CompileRun.State.PUBLISHED).last()


@dataclass(frozen=True)
class OverviewRow:
    """One indicator with its overall value of a year and of the year before."""

    indicator: Indicator
    value: IndicatorValue | None
    before: IndicatorValue | None


def compiled_years() -> list[int]:
    """The years that have values, the earliest first."""
    years = IndicatorValue.objects.of_years().filter(cell=OVERALL).order_by("year")
    return list(years.values_list("year", flat=True).distinct())


def overview(user: Any, year: int) -> list[OverviewRow]:
    """All indicators in use with their overall values, in two statements."""
    values = {
        (value.indicator_id, value.year): value
        for value in IndicatorValue.objects.of_years().filter(
            cell=OVERALL, year__in=[year - 1, year]
        )
    }
    indicators = Indicator.objects.visible_to(user).exclude(state=IndicatorState.RETIRED)
    return [
        OverviewRow(row, values.get((row.pk, year)), values.get((row.pk, year - 1)))
        for row in indicators
    ]


def trend(
    indicator: Indicator,
    iscm: ISCM | None = None,
    period: str = PeriodKind.YEAR,
    last_year: int | None = None,
) -> list[IndicatorValue]:
    """The indicator's values by year (or another period) up to ``last_year``: overall, or of one
    mechanism.

    From the first span with data (or too few answers to show) to the last; those between them that
    have none are there.
    """
    rows = indicator.values.filter(period=period, cell=cell_of(iscm)).select_related("iscm")
    if last_year:
        rows = rows.filter(year__lte=last_year)
    values = list(rows.order_by("year", "part"))
    filled = [place for place, value in enumerate(values) if value.n != 0]
    return values[filled[0] : filled[-1] + 1] if filled else []


def highest_first(values: Iterable[IndicatorValue]) -> list[IndicatorValue]:
    """Values of one cut with the highest on top and those without data last."""
    return sorted(values, key=lambda value: (value.value is None, -(value.value or 0), value.pk))


def values_of_iscm(iscm: ISCM, this_year: int) -> list[IndicatorValue]:
    """The latest value of each indicator for one mechanism, of years that have begun."""
    values = IndicatorValue.objects.of_years().by_iscm().filter(iscm=iscm, year__lte=this_year)
    values = values.select_related("indicator")
    latest: dict[int, IndicatorValue] = {}
    for value in values.order_by("year"):
        latest[value.indicator_id] = value
    return sorted(latest.values(), key=lambda value: value.indicator.number)


def values_of(key: str, year: int, dimension: str = "") -> list[IndicatorValue]:
    """An indicator's values of a year: overall, by mechanism (``iscm``), or by a dimension."""
    values = IndicatorValue.objects.of_year(year).filter(indicator__key=key)
    if dimension == "iscm":
        return list(values.by_iscm().select_related("iscm"))
    return list(values.by(dimension) if dimension else values.overall())
