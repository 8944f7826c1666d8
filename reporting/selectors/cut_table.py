"""Indicators and what they came to beside each other: by mechanism, or by another dimension."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from django.urls import reverse
from django.utils.translation import gettext as _

from iscm_portal.common.templatetags.portal import no_number

from ..choices import Status
from ..models import CompileRun, Indicator
from .asked import Asked, Measured, Place, values_asked
from .cuts import Value, cut_of, dimension_label, records_address, word_of_value, words_of
from .indicators import cell_of

# So many mechanisms beside each other have a column each; what is more has a row.
MOST_COLUMNS = 4
COLOURS = (Status.GREEN, Status.AMBER, Status.RED)

Grid = dict[tuple[int, str], Value | None]


@dataclass(frozen=True)
class TableCell:
    indicator: Indicator
    value: Value | None

    @property
    def records(self) -> str:
        return records_address(self.indicator, self.value)

    @property
    def number(self) -> Decimal | None:
        return self.value.value if self.value else None

    @property
    def no_number(self) -> str:
        """Why there is no number: a dash, or that answers are too few."""
        is_too_few = self.value is not None and self.value.status == Status.TOO_FEW
        return no_number(self.value) if is_too_few else "–"

    @property
    def is_off_track(self) -> bool:
        return self.value is not None and self.value.status == Status.RED

    @property
    def has_colour(self) -> bool:
        """Whether there are thresholds that it can be held against."""
        return self.value is not None and self.value.status in COLOURS


@dataclass(frozen=True)
class Line:
    """A row of the table. ``reports`` is a value of its place, with the reports accepted there of
    those owed; None of a row that is an indicator."""

    label: str
    link: str
    cells: list[TableCell]
    columns: list[str]
    reports: Value | None = None

    @property
    def told(self) -> list[tuple[str, TableCell]]:
        """Each cell that has a value, with the head that it stands under."""
        pairs = zip(self.columns, self.cells, strict=True)
        return [(column, cell) for column, cell in pairs if cell.number is not None]

    @property
    def off_track(self) -> int:
        return sum(cell.is_off_track for cell in self.cells)


@dataclass(frozen=True)
class Table:
    """Indicators beside the values of a dimension: these in rows, or, where they are few, in
    columns, with their ``reports`` in the same order.

    ``left_out`` cannot be cut by the dimension, ``by_year`` has no values of such spans, and of
    ``withheld`` none are published.
    """

    corner: str
    columns: list[str]
    lines: list[Line]
    left_out: list[Indicator]
    by_year: list[Indicator]
    withheld: list[Indicator]
    reports: list[Value | None] = field(default_factory=list)

    @property
    def told_reports(self) -> list[tuple[str, Value]]:
        """The reports of each column that has any."""
        pairs = zip(self.columns, self.reports, strict=True)
        return [(column, value) for column, value in pairs if value is not None]

    @property
    def cells(self) -> list[TableCell]:
        return [cell for line in self.lines for cell in line.cells]

    @property
    def off_track(self) -> int:
        return sum(cell.is_off_track for cell in self.cells)

    @property
    def with_value(self) -> int:
        return sum(cell.number is not None for cell in self.cells)


def table_of(
    asked: Asked,
    run: CompileRun | None,
    indicators: list[Indicator],
    measured: Measured,
    found: dict[tuple[int, str], dict[Place, Value]],
) -> Table:
    unknown = [row for row in indicators if not measured.is_known_by(row, asked.period)]
    withheld = [row for row in unknown if measured.withholds(row, asked.period)]
    by_year = [row for row in unknown if row not in withheld]
    shown = [row for row in indicators if row not in unknown]
    if asked.compares:
        heads = [(iscm.slug, iscm.acronym) for iscm in asked.iscms]
        grid: Grid = {
            (indicator.pk, iscm.slug): found[indicator.pk, cell_of(iscm)].get(asked.place)
            for indicator in shown
            for iscm in asked.iscms
        }
        left_out = []
    else:
        left_out = [row for row in shown if asked.by not in measured.cuts.get(row.key, ())]
        shown = [row for row in shown if row not in left_out]
        heads, grid = _cut(asked, run)
    labels = [label for _code, label in heads]
    told = _reports(grid)
    reports = [told.get(code) for code, _label in heads]
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
        return Table(_("Indicator"), labels, lines, left_out, by_year, withheld, reports)
    titles = [row.title for row in shown]
    lines = [
        Line(
            label,
            reverse("iscm", args=[code]) if asked.by == "iscm" else "",
            [TableCell(row, grid.get((row.pk, code))) for row in shown],
            titles,
            of_place,
        )
        for (code, label), of_place in zip(heads, reports, strict=True)
    ]
    return Table(dimension_label(asked.by), titles, lines, left_out, by_year, withheld)


def _reports(grid: Grid) -> dict[str, Value]:
    """A value of each place that has reports: they are the same beside all its values."""
    return {
        place: value for (_indicator, place), value in grid.items() if value and value.reports_owed
    }


def _cut(asked: Asked, run: CompileRun | None) -> tuple[list[tuple[str, str]], Grid]:
    """The values of the dimension that have any, as code and word, and what each indicator came to
    in each; those of none come last."""
    values = values_asked(asked, run).filter(year=asked.year)
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
