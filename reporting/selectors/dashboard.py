"""The dashboard: what each indicator came to in a span, its trend, and how it compares.

Everything is read from compiled values, in a number of statements that does not depend on theirs.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from iscm_portal.common.access import Reader
from iscm_portal.common.as_of import known_by, record_of, rows_of
from iscm_portal.common.templatetags.portal import no_number

from ..choices import Direction, IndicatorState, PeriodKind, Status
from ..models import CompileRun, Indicator, IndicatorValue, Release, ReleasedValue
from .asked import Asked, Measured, Place, values_asked
from .cut_table import Table, table_of
from .cuts import Value, records_address, short_label
from .indicators import OVERALL, cell_of, latest_run

# Spans of a trend that is not of years: three years of quarters.
QUARTERS_SHOWN = 12
# Changes that are named first.
MOST_CHANGES = 5
# The status, in downloads, of what has no values of quarters, and of what is not published.
BY_YEAR = "by_year"
WITHHELD = "withheld"


@dataclass(frozen=True)
class Row:
    """One indicator in the cell asked for: its value, the one of a year before, the released one,
    and the trend up to it as pairs of a span and a number.

    ``compared`` are two numbers of the same length, a year apart: of the span and the year before,
    or while it is not over of the last twelve months that are."""

    indicator: Indicator
    value: Value | None
    before: Value | None
    released: ReleasedValue | None
    trend: list[tuple[str, Decimal | None]]
    # Whether the target is one of this cell: the target of a sum is not that of its parts.
    has_target: bool
    compared: tuple[Decimal | None, Decimal | None]
    # Whether the span is a quarter or ends with one, and there are values of years only.
    is_by_year: bool = False
    # Whether values of such spans are not published.
    is_withheld: bool = False

    @property
    def number(self) -> Decimal | None:
        return self.value.value if self.value else None

    @property
    def status(self) -> str:
        if self.is_by_year:
            return BY_YEAR
        if self.is_withheld:
            return WITHHELD
        return self.value.status if self.value else Status.NO_DATA

    @property
    def status_label(self) -> str:
        if self.is_withheld:
            return _("Not published")
        return _("Known by the year only") if self.is_by_year else str(Status(self.status).label)

    @property
    def no_number(self) -> str:
        """Why there is no number, in words."""
        return self._no_number(self.value)

    @property
    def no_number_before(self) -> str:
        return self._no_number(self.before)

    def _no_number(self, value: Value | None) -> str:
        if self.is_withheld:
            return _("not published")
        return "–" if self.is_by_year else no_number(value)

    @property
    def n(self) -> int | None:
        """How many records it was counted from; None where that is not told."""
        if self.is_withheld:
            return None
        return self.value.n if self.value else 0

    @property
    def change(self) -> Decimal | None:
        """Against the same months of a year before."""
        before, now = self.compared
        return None if now is None or before is None else now - before

    @property
    def is_better(self) -> bool | None:
        """Whether the change goes where it should; None where neither is to be said."""
        if not self.change or self.indicator.direction == Direction.CONTEXT:
            return None
        return (self.change > 0) == (self.indicator.direction == Direction.UP)

    @property
    def weight(self) -> Decimal:
        """How large the change is against what was before."""
        before = self.compared[0]
        if not self.change:
            return Decimal(0)
        return abs(self.change / before) if before else Decimal("Infinity")

    @property
    def moved(self) -> bool:
        """Whether it is another number now than when the year was closed."""
        return self.released is not None and self.released.value != self.number

    @property
    def records(self) -> str:
        return records_address(self.indicator, self.value)


@dataclass(frozen=True)
class Board:
    """All that the page, its downloads and the sheet show."""

    asked: Asked
    rows: list[Row]
    run: CompileRun | None
    release: Release | None
    # Of the last year closed, where another one is shown: how many of its overall values moved.
    moved_elsewhere: int
    table: Table | None
    series: dict[int, dict[str, list[tuple[str, Decimal | None]]]]

    def with_status(self, status: str) -> list[Row]:
        return [row for row in self.rows if row.status == status]

    @property
    def off_track(self) -> list[Row]:
        return self.with_status(Status.RED)

    @property
    def needs_attention(self) -> list[Row]:
        return self.with_status(Status.AMBER)

    @property
    def on_track(self) -> list[Row]:
        return self.with_status(Status.GREEN)

    @property
    def without_data(self) -> list[Row]:
        return self.with_status(Status.NO_DATA)

    @property
    def by_year(self) -> list[Row]:
        """What has no values of such a span, though there may be data of the year."""
        return self.with_status(BY_YEAR)

    @property
    def too_few(self) -> list[Row]:
        """What people answered, but too few of them to show it."""
        return self.with_status(Status.TOO_FEW)

    @property
    def withheld(self) -> list[Row]:
        """What people answered, of spans of which nothing is published."""
        return self.with_status(WITHHELD)

    @property
    def without_target(self) -> list[Row]:
        return [
            row
            for row in self.rows
            if row.indicator.target is None and row.indicator.direction != Direction.CONTEXT
        ]

    @property
    def changed(self) -> list[Row]:
        """The largest changes since the year before."""
        rows = sorted((row for row in self.rows if row.change), key=lambda row: -row.weight)
        return rows[:MOST_CHANGES]

    @property
    def moved(self) -> list[Row]:
        """What is another number now than when the year was closed."""
        return [row for row in self.rows if row.moved]


def board(asked: Asked, user: Reader, measured: Measured) -> Board:
    """The dashboard."""
    by = known_by(asked.as_of)
    run = latest_run(by)
    indicators = indicators_in_use(user, by)
    cells = [cell_of(iscm) for iscm in asked.iscms] or [OVERALL]
    found: dict[tuple[int, str], dict[Place, Value]] = defaultdict(dict)
    for value in values_asked(asked, run).filter(cell__in=cells).select_related("iscm"):
        found[value.indicator_id, value.cell][value.year, value.part] = value
    release = None if asked.as_of else _release_for(asked.year)
    released = _released(release, asked, cells[0])
    compared = _compared(asked, cells[0], found)
    rows = [
        Row(
            indicator,
            found[indicator.pk, cells[0]].get(asked.place),
            found[indicator.pk, cells[0]].get(asked.before),
            released.get(indicator.pk),
            _trend(found[indicator.pk, cells[0]], asked),
            _has_target(indicator, asked, measured.wholes),
            compared.get(indicator.pk, (None, None)),
            not measured.is_known_by(indicator, asked.period)
            and not measured.withholds(indicator, asked.period),
            measured.withholds(indicator, asked.period),
        )
        for indicator in indicators
    ]
    series = {
        indicator.pk: {
            iscm.acronym: _trend(found[indicator.pk, cell_of(iscm)], asked) for iscm in asked.iscms
        }
        for indicator in indicators
    }
    return Board(
        asked,
        rows,
        run,
        release,
        len(moved_values(release)) if release and release.year != asked.year else 0,
        table_of(asked, run, indicators, measured, found) if asked.is_table else None,
        series if asked.compares else {},
    )


def indicators_in_use(user: Reader, by: dt.datetime | None = None) -> list[Indicator]:
    """The indicators that are not retired, as they are or as they were defined before ``by``."""
    rows = rows_of(Indicator, by).visible_to(user).exclude(state=IndicatorState.RETIRED)
    return [record_of(row) for row in rows.order_by("number", "key")]


def moved_values(release: Release) -> list[ReleasedValue]:
    """The overall values of a release that are others now."""
    now = dict(
        IndicatorValue.objects.of_year(release.year)
        .filter(cell=OVERALL)
        .values_list("indicator_id", "value")
    )
    values = release.values.filter(cell=OVERALL).select_related("indicator")
    return [row for row in values if now.get(row.indicator.indicator_id) != row.value]


def _release_for(year: int) -> Release | None:
    """The latest release of the year, else of any."""
    of_year: Release | None = Release.objects.filter(year=year).first()
    return of_year or Release.objects.first()


def _released(release: Release | None, asked: Asked, cell: str) -> dict[int, ReleasedValue]:
    if release is None or release.year != asked.year or asked.period != PeriodKind.YEAR:
        return {}
    values = release.values.filter(cell=cell).select_related("indicator")
    return {value.indicator.indicator_id: value for value in values}


def _trend(values: dict[Place, Value], asked: Asked) -> list[tuple[str, Decimal | None]]:
    """From the first span with data to the one asked for; spans between without any are there."""
    places = sorted(place for place in values if place <= asked.place)
    if asked.period != PeriodKind.YEAR:
        places = places[-QUARTERS_SHOWN:]
    filled = [number for number, place in enumerate(places) if values[place].n != 0]
    places = places[filled[0] :] if filled else []
    return [(short_label(asked.period, *place), values[place].value) for place in places]


def _compared(
    asked: Asked, cell: str, found: dict[tuple[int, str], dict[Place, Value]]
) -> dict[int, tuple[Decimal | None, Decimal | None]]:
    """By indicator the numbers before and now that are of the same length, a year apart."""
    if asked.is_over:
        now, before = asked.place, asked.before
        values = {pk: spans for (pk, of), spans in found.items() if of == cell}
    elif asked.twelve_months:
        now = asked.twelve_months
        before = now[0] - 1, now[1]
        values = defaultdict(dict)
        rows = IndicatorValue.objects.filter(
            cell=cell, period=PeriodKind.ROLLING, part=now[1], year__in=[now[0], before[0]]
        )
        for value in rows:
            values[value.indicator_id][value.year, value.part] = value
    else:
        return {}
    return {
        pk: (_number(spans.get(before)), _number(spans.get(now))) for pk, spans in values.items()
    }


def _number(value: Value | None) -> Decimal | None:
    return value.value if value else None


def _has_target(indicator: Indicator, asked: Asked, wholes: set[str]) -> bool:
    """As the compile decides on a status: a part of a sum is not held against the whole's."""
    is_part = bool(asked.iscms) or asked.period == PeriodKind.QUARTER
    return indicator.target is not None and not (is_part and indicator.key in wholes)


# --- what is downloaded: what the page shows, no more and no less

COLUMNS = [
    *("indicator", "title", "period", "mechanism", "value", "unit", "year_before", "change"),
    *("target", "status", "n", "reports_accepted", "reports_owed", "released"),
]


def lines_of(found: Board) -> tuple[list[str], list[list[Any]]]:
    """The columns and rows of the table that the page shows."""
    if found.table:
        lines = [[line.label, *(cell.number for cell in line.cells)] for line in found.table.lines]
        return [found.table.corner, *found.table.columns], lines
    asked = found.asked
    return COLUMNS, [
        [
            row.indicator.key,
            row.indicator.title,
            asked.label,
            asked.iscm.acronym if asked.iscm else "",
            row.number,
            row.indicator.unit,
            row.before.value if row.before else None,
            row.change if asked.is_over else None,
            row.indicator.target if row.has_target else None,
            row.status,
            row.n,
            row.value.reports_accepted if row.value else 0,
            row.value.reports_owed if row.value else 0,
            row.released.value if row.released else None,
        ]
        for row in found.rows
    ]
