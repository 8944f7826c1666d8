"""What the indicator pages show, from the compiled values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engagements.models import ISCM

from ..models import Indicator, IndicatorValue


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
    indicators = Indicator.objects.visible_to(user).exclude(state="retired")
    return [
        OverviewRow(row, values.get((row.pk, year)), values.get((row.pk, year - 1)))
        for row in indicators
    ]


def trend(indicator: Indicator, iscm: ISCM | None) -> list[IndicatorValue]:
    """The indicator's values of one mechanism, or overall, by year."""
    return list(indicator.values.filter(iscm=iscm).order_by("year"))


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
