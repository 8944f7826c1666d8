"""Compile: every measure for every cell, published in one piece."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.db import transaction

from engagements.models import ISCM
from iscm_portal.common import outbox
from iscm_portal.common.locks import lock_until_commit
from iscm_portal.common.period import Period

from ..choices import Direction, IndicatorState, Status
from ..measures import MEASURES, Cell
from ..models import CompileRun, Indicator, IndicatorValue
from ..selectors.indicators import Coverage, report_coverage
from .duties import sync_duties

OVERALL = "overall"
BATCH = 1000
# All that a new run may change of a cell.
WRITTEN = [
    "iscm",
    "value",
    "numerator",
    "denominator",
    "n",
    "beside",
    "status",
    "reports_owed",
    "reports_accepted",
    "compiled_at",
    "run",
    "version",
]


def compile_indicators(
    first_year: int, last_year: int, at: dt.datetime, *, whole: bool = False
) -> CompileRun:
    """Work out every indicator in use for each year, overall and for each mechanism.

    ``whole`` says that there is no evidence in other years: what stands there is taken away.

    One transaction, one compile at a time: readers see the previous values until all the new ones
    stand, and a run that is killed leaves no trace. Running it again changes nothing but the
    moment. The number of statements depends on the number of measures only.
    """
    period = Period.years(first_year, last_year)
    with transaction.atomic():
        lock_until_commit("compile")
        sync_duties(at)
        run = CompileRun.objects.create(
            first_year=first_year,
            last_year=last_year,
            started_at=at,
            state=CompileRun.State.RUNNING,
        )
        indicators = list(
            Indicator.objects.filter(key__in=MEASURES).exclude(state=IndicatorState.RETIRED)
        )
        coverage = report_coverage(period, at.date())
        iscms = dict(ISCM.objects.order_by().values_list("slug", "pk"))
        values = [
            IndicatorValue(indicator=indicator, run=run, compiled_at=at, **value)
            for indicator in indicators
            for value in _values_of(indicator, period, coverage, iscms)
        ]
        IndicatorValue.objects.bulk_create(
            values,
            batch_size=BATCH,
            update_conflicts=True,
            unique_fields=["indicator", "year", "cell"],
            update_fields=WRITTEN,
        )
        # Cells that have no evidence any more.
        outdated = IndicatorValue.objects.filter(indicator__in=indicators).exclude(run=run)
        if not whole:
            outdated = outdated.filter(year__range=(first_year, last_year))
        outdated.delete()
        run.state, run.published_at, run.values_written = (
            CompileRun.State.PUBLISHED,
            at,
            len(values),
        )
        run.save()
    return run


@outbox.handles("evidence_changed")
def recompile(payload: dict[str, Any], at: dt.datetime) -> None:
    """Compile the years that a change touched; years in a row go in one pass."""
    for first, last in spans(payload["years"]):
        compile_indicators(first, last, at)


def spans(years: Iterable[int]) -> list[tuple[int, int]]:
    """``years`` as runs in a row: 2024, 2026, 2025, 2019 are (2019, 2019) and (2024, 2026)."""
    found: list[tuple[int, int]] = []
    for year in sorted(set(years)):
        if found and year == found[-1][1] + 1:
            found[-1] = (found[-1][0], year)
        else:
            found.append((year, year))
    return found


def status_of(indicator: Indicator, value: Decimal | None) -> Status:
    """Green, amber or red by the indicator's thresholds; else why there is no colour."""
    if value is None:
        return Status.NO_DATA
    green, amber = indicator.green_from, indicator.amber_from
    if green is None or amber is None or indicator.direction == Direction.CONTEXT:
        return Status.NO_TARGET
    if indicator.direction == Direction.DOWN:
        value, green, amber = -value, -green, -amber
    if value >= green:
        return Status.GREEN
    return Status.AMBER if value >= amber else Status.RED


def _values_of(
    indicator: Indicator,
    period: Period,
    coverage: dict[tuple[int, str | None], Coverage],
    iscms: dict[str, int],
) -> Iterator[dict[str, Any]]:
    for (year, slug), cell in _cells_of(indicator.key, period, coverage).items():
        reports = coverage.get((year, slug), Coverage())
        yield {
            "year": year,
            "cell": OVERALL if slug is None else f"iscm:{iscms[slug]}",
            "iscm_id": None if slug is None else iscms[slug],
            "value": cell.value,
            "numerator": cell.numerator,
            "denominator": cell.denominator,
            "n": cell.n,
            "beside": {name: _as_json(told) for name, told in cell.beside.items()},
            "status": status_of(indicator, cell.value),
            "version_id": indicator.current_version_id,
            "reports_owed": reports.owed,
            "reports_accepted": reports.accepted,
        }


def _cells_of(
    key: str, period: Period, coverage: dict[tuple[int, str | None], Coverage]
) -> dict[tuple[int, str | None], Cell]:
    """The cells by year and mechanism (None: overall), with those that have no evidence.

    Nothing on record is 0 only for a count, and only where a report was accepted: somebody would
    have said so. Elsewhere nobody knows: the overall cell says "no data", a mechanism has none.
    """
    measure = MEASURES[key]
    cells: dict[tuple[int, str | None], Cell] = {}
    if measure.is_count:
        cells = {cell: _zero() for cell, reports in coverage.items() if reports.accepted}
    for year in period.calendar_years:
        cells.setdefault((year, None), Cell({}, None, None, None, 0))
    for cell in measure.cells(period, "year"):
        cells[cell.key["year"], None] = cell
    for cell in measure.cells(period, "year", "iscm"):
        if cell.key["iscm"] is not None:
            cells[cell.key["year"], cell.key["iscm"]] = cell
    return cells


def _zero() -> Cell:
    return Cell({}, Decimal("0.0000"), Decimal("0.0000"), None, 0)


def _as_json(told: Any) -> Any:
    """Decimals as text, so that no digit is lost; whole numbers and None as they are."""
    return str(told) if isinstance(told, Decimal) else told
