"""The dashboard: what each indicator came to in a span, its trend, and how it compares.

Everything is read from compiled values, in a number of statements that does not depend on theirs.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from engagements.choices import EventKind, InstrumentKind, OrganisationKind, SupportKind
from engagements.models import ISCM, Country
from iscm_portal.common.access import Reader
from iscm_portal.common.as_of import end_of, record_of, rows_of
from iscm_portal.common.templatetags.portal import no_number

from ..choices import Direction, IndicatorState, PeriodKind, Status
from ..models import (
    CompileRun,
    Indicator,
    IndicatorValue,
    PublishedValue,
    Release,
    ReleasedValue,
)
from .indicators import OVERALL, cell_of, latest_run
from .resources import labels_of

# What values can be cut by, besides the mechanism.
DIMENSIONS = ("type", "theme", "region", "office", "country", "kind", "event_kind", "source")
CUTS = ("iscm", *DIMENSIONS)
# Spans of a trend that is not of years: three years of quarters.
QUARTERS_SHOWN = 12
# Changes that are named first.
MOST_CHANGES = 5
# So many mechanisms beside each other have a column each; what is more has a row.
MOST_COLUMNS = 4
COLOURS = (Status.GREEN, Status.AMBER, Status.RED)

# Instead of a status: what is not published in such spans.
WITHHELD = "withheld"

Value = IndicatorValue | PublishedValue
Place = tuple[int, int]
Grid = dict[tuple[int, str], Value | None]


@dataclass(frozen=True)
class Asked:
    """What a dashboard is of: a span, one or several mechanisms or all, cut by a dimension or not,
    as it is or as it stood at the end of a day."""

    year: int
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


def span_label(period: str, year: int, part: int) -> str:
    """A span in words: "2026", "2026, second quarter", "twelve months to June 2026"."""
    if period == PeriodKind.YEAR:
        return str(year)
    quarter = [
        (_("first quarter"), _("March")),
        (_("second quarter"), _("June")),
        (_("third quarter"), _("September")),
        (_("fourth quarter"), _("December")),
    ][part - 1]
    if period == PeriodKind.QUARTER:
        return f"{year}, {quarter[0]}"
    return _("twelve months to %(month)s %(year)s") % {"month": quarter[1], "year": year}


def short_label(period: str, year: int, part: int) -> str:
    return str(year) if period == PeriodKind.YEAR else f"{year} Q{part}"


@dataclass(frozen=True)
class Row:
    """One indicator in the cell asked for: its value, the one of a year before, the released one,
    and the trend up to it as pairs of a span and a number."""

    indicator: Indicator
    value: Value | None
    before: Value | None
    released: ReleasedValue | None
    trend: list[tuple[str, Decimal | None]]
    # Whether the target is one of this cell: the target of a sum is not that of its parts.
    has_target: bool
    # Answers are not published for twelve months.
    is_withheld: bool = False

    @property
    def number(self) -> Decimal | None:
        return self.value.value if self.value else None

    @property
    def status(self) -> str:
        if self.is_withheld:
            return WITHHELD
        return self.value.status if self.value else Status.NO_DATA

    @property
    def status_label(self) -> str:
        return _("Not published") if self.is_withheld else str(Status(self.status).label)

    @property
    def no_number(self) -> str:
        """Why there is no number, in words."""
        return _("not published") if self.is_withheld else no_number(self.value)

    @property
    def no_number_before(self) -> str:
        return _("not published") if self.is_withheld else no_number(self.before)

    @property
    def change(self) -> Decimal | None:
        """Against the same span of the year before."""
        before = self.before.value if self.before else None
        return None if self.number is None or before is None else self.number - before

    @property
    def is_better(self) -> bool | None:
        """Whether the change goes where it should; None where neither is to be said."""
        if not self.change or self.indicator.direction == Direction.CONTEXT:
            return None
        return (self.change > 0) == (self.indicator.direction == Direction.UP)

    @property
    def weight(self) -> Decimal:
        """How large the change is against what was before."""
        before = self.before.value if self.before else None
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
class TableCell:
    indicator: Indicator
    value: Value | None

    @property
    def records(self) -> str:
        return records_address(self.indicator, self.value)

    @property
    def no_number(self) -> str:
        """Why there is no number: a dash, or that answers are too few."""
        is_too_few = self.value is not None and self.value.status == Status.TOO_FEW
        return no_number(self.value) if is_too_few else "–"

    @property
    def has_colour(self) -> bool:
        """Whether there are thresholds that it can be held against."""
        return self.value is not None and self.value.status in COLOURS


@dataclass(frozen=True)
class Line:
    label: str
    link: str
    cells: list[TableCell]
    columns: list[str]

    @property
    def told(self) -> Iterable[tuple[str, TableCell]]:
        """Each cell with the head that it stands under."""
        return zip(self.columns, self.cells, strict=True)


@dataclass(frozen=True)
class Table:
    """Indicators beside the values of a dimension; ``left_out`` cannot be cut by it."""

    corner: str
    columns: list[str]
    lines: list[Line]
    left_out: list[Indicator] = field(default_factory=list)

    def count_of(self, status: str) -> int:
        """How many cells have a value of that status."""
        cells = [cell for line in self.lines for cell in line.cells]
        return sum(cell.value is not None and cell.value.status == status for cell in cells)

    @property
    def off_track(self) -> int:
        return self.count_of(Status.RED)

    @property
    def with_value(self) -> int:
        cells = [cell for line in self.lines for cell in line.cells]
        return sum(cell.value is not None and cell.value.value is not None for cell in cells)


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
    def too_few(self) -> list[Row]:
        """What people answered, but too few of them to show it."""
        return self.with_status(Status.TOO_FEW)

    @property
    def withheld(self) -> list[Row]:
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


def records_address(indicator: Indicator, value: Value | None) -> str:
    """Where the records of a value are; nowhere for one that nothing was counted in, and for what
    stood on a past day."""
    if not isinstance(value, IndicatorValue) or not value.n:
        return ""
    asked: dict[str, Any] = {"year": value.year}
    if value.period != PeriodKind.YEAR:
        asked |= {"period": value.period, "quarter": value.part}
    if value.iscm is not None:
        asked["iscm"] = value.iscm.slug
    if value.dimension:
        asked |= {"dimension": value.dimension, "value": value.dimension_value}
    return f"{reverse('indicator_records', args=[indicator.key])}?{urlencode(asked)}"


def board(
    asked: Asked,
    user: Reader,
    cuts: dict[str, Sequence[str]],
    wholes: set[str],
    answers: set[str],
) -> Board:
    """The dashboard. ``cuts`` are the dimensions of each measure, ``wholes`` the keys of those
    whose target is not one of their parts, ``answers`` of those of what people answered."""
    by = end_of(asked.as_of) if asked.as_of else None
    run = latest_run(by)
    indicators = indicators_in_use(user, by)
    cells = [cell_of(iscm) for iscm in asked.iscms] or [OVERALL]
    found: dict[tuple[int, str], dict[Place, Value]] = defaultdict(dict)
    for value in _values(asked, run).filter(cell__in=cells).select_related("iscm"):
        found[value.indicator_id, value.cell][value.year, value.part] = value
    release = None if asked.as_of else _release_for(asked.year)
    released = _released(release, asked, cells[0])
    rows = [
        Row(
            indicator,
            found[indicator.pk, cells[0]].get(asked.place),
            found[indicator.pk, cells[0]].get(asked.before),
            released.get(indicator.pk),
            _trend(found[indicator.pk, cells[0]], asked),
            _has_target(indicator, asked, wholes),
            asked.period == PeriodKind.ROLLING and indicator.key in answers,
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
        _table(asked, run, indicators, cuts, found) if asked.is_table else None,
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


def _values(asked: Asked, run: CompileRun | None) -> QuerySet[Any]:
    if asked.as_of:
        return PublishedValue.objects.stood_after(run.pk if run else None)
    return IndicatorValue.objects.filter(period=asked.period)


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


def _has_target(indicator: Indicator, asked: Asked, wholes: set[str]) -> bool:
    """As the compile decides on a status: a part of a sum is not held against the whole's."""
    is_part = bool(asked.iscms) or asked.period == PeriodKind.QUARTER
    return indicator.target is not None and not (is_part and indicator.key in wholes)


def _table(
    asked: Asked,
    run: CompileRun | None,
    indicators: list[Indicator],
    cuts: dict[str, Sequence[str]],
    found: dict[tuple[int, str], dict[Place, Value]],
) -> Table:
    if asked.compares:
        shown = list(indicators)
        heads = [(iscm.slug, iscm.acronym) for iscm in asked.iscms]
        grid: Grid = {
            (indicator.pk, iscm.slug): found[indicator.pk, cell_of(iscm)].get(asked.place)
            for indicator in shown
            for iscm in asked.iscms
        }
    else:
        shown = [row for row in indicators if asked.by in cuts.get(row.key, ())]
        heads, grid = _cut(asked, run)
    left_out = [row for row in indicators if row not in shown]
    labels = [label for _code, label in heads]
    if 0 < len(heads) <= MOST_COLUMNS:
        lines = [
            Line(
                row.title,
                reverse("indicator", args=[row.key]),
                [TableCell(row, grid.get((row.pk, code))) for code, _label in heads],
                labels,
            )
            for row in shown
        ]
        return Table(_("Indicator"), labels, lines, left_out)
    titles = [row.title for row in shown]
    lines = [
        Line(
            label,
            reverse("iscm", args=[code]) if asked.by == "iscm" else "",
            [TableCell(row, grid.get((row.pk, code))) for row in shown],
            titles,
        )
        for code, label in heads
    ]
    return Table(dimension_label(asked.by), titles, lines, left_out)


def _cut(asked: Asked, run: CompileRun | None) -> tuple[list[tuple[str, str]], Grid]:
    """The values of the dimension that have any, as code and word, and what each indicator came to
    in each; those of none come last."""
    values = _values(asked, run).filter(year=asked.year)
    if not asked.as_of:
        values = values.filter(part=asked.part)
    grid: Grid = {}
    heads: dict[str, str] = {}
    words = words_of(asked.by)
    for value in cut_of(values, asked.by, asked.iscm):
        code = value.iscm.slug if asked.by == "iscm" else value.dimension_value
        heads[code] = word_of_value(words, code)
        grid[value.indicator_id, code] = value
    return sorted(heads.items(), key=lambda head: (not head[0], head[1].casefold())), grid


def cut_of(values: Any, dimension: str, iscm: ISCM | None) -> Any:
    """The values by mechanism, or by a dimension (of one mechanism, or over all); without those of
    answers that are too few to show."""
    values = values.listed()
    if values.model is PublishedValue:  # kept of whole mechanisms only
        return values.filter(iscm__isnull=False).select_related("iscm")
    if dimension == "iscm":
        return values.by_iscm().select_related("iscm")
    return values.filter(dimension=dimension, iscm=iscm).select_related("iscm")


def dimension_label(dimension: str) -> str:
    return {
        "iscm": _("Mechanism"),
        "type": _("Kind of mechanism"),
        "theme": _("Theme"),
        "region": _("Region"),
        "office": _("Office"),
        "country": _("State"),
        "kind": _("Kind"),
        "event_kind": _("Kind of event"),
        "source": _("Source of funds"),
    }[dimension]


def words_of(dimension: str) -> dict[str, Any]:
    """The words for the values of a dimension."""
    if dimension == "country":
        return dict(Country.objects.values_list("iso3", "name_en"))
    if dimension == "event_kind":
        return dict(EventKind.choices)
    if dimension == "kind":
        kinds: Iterable[Any] = (OrganisationKind, InstrumentKind, SupportKind)
        return {code: word for kind in kinds for code, word in kind.choices}
    return labels_of(dimension)


def word_of_value(words: dict[str, Any], code: str) -> str:
    return str(words.get(code, code)) if code else _("Of none, or not known")


# --- what is downloaded: what the page shows, no more and no less

COLUMNS = [
    *("indicator", "title", "period", "mechanism", "value", "unit", "year_before", "change"),
    *("target", "status", "n", "reports_accepted", "reports_owed", "released"),
]


def table_of(found: Board) -> tuple[list[str], list[list[Any]]]:
    """The columns and rows of the table that the page shows."""
    if found.table:
        lines = [
            [line.label, *(cell.value.value if cell.value else None for cell in line.cells)]
            for line in found.table.lines
        ]
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
            row.change,
            row.indicator.target if row.has_target else None,
            row.status,
            row.value.n if row.value else None if row.is_withheld else 0,
            row.value.reports_accepted if row.value else 0,
            row.value.reports_owed if row.value else 0,
            row.released.value if row.released else None,
        ]
        for row in found.rows
    ]
