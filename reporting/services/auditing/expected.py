"""All cells of an indicator as they should stand, with status and coverage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from . import floor
from .directory import Directory, quarter_of
from .figures import Figures
from .money import MONEY, Ledger
from .published import Published
from .readings import READINGS, Reading
from .tally import OVERALL, Cell, Span, Tally, ends_of, tallies

Place = tuple[Span, Cell]

# In these cells a report and a record are of the same mechanisms.
WHERE_SILENCE_IS_ZERO = ("", "type", "theme")
# No report has them: the reports of the mechanism stand beside.
WITHOUT_REPORTS = ("country", "kind", "source")


@dataclass
class Target:
    """An indicator: what its values are held against. One that ``is_new`` since the last run has
    no values yet."""

    pk: int
    key: str
    direction: str
    target: Decimal | None
    green_from: Decimal | None
    amber_from: Decimal | None
    baseline_year: int | None
    is_new: bool = False

    def status(
        self, found: Figures, span: Span, today: dt.date, *, is_sum: bool, is_part: bool
    ) -> str:
        """The colour of a value, or why it has none. A sum of what is not over yet has the colour
        that nothing to come can take away."""
        value = found.value
        if found.n is None:
            return "too_few"
        if value is None:
            return "no_data"
        if self.direction == "context":
            return "context"
        if self.green_from is None or self.amber_from is None:
            return "no_target" if self.target is None else "no_limits"
        if is_sum and is_part:
            return "part"
        first_year, last_quarter = ends_of(span)
        if self.baseline_year is not None and first_year <= self.baseline_year:
            return "baseline"
        less = self.direction == "down"
        colour = "red"
        if value <= self.amber_from if less else value >= self.amber_from:
            colour = "amber"
        if value <= self.green_from if less else value >= self.green_from:
            colour = "green"
        if is_sum and last_quarter >= quarter_of(today) and colour != ("red" if less else "green"):
            return "not_over"
        return colour


@dataclass
class Standing:
    """A cell as it should stand."""

    figures: Figures
    status: str
    reports_owed: int
    reports_accepted: int

    def fields(self) -> dict[str, Any]:
        found = self.figures
        return {
            "value": found.value,
            "numerator": found.numerator,
            "denominator": found.denominator,
            "n": found.n,
            "beside": found.beside,
            "status": self.status,
            "reports_owed": self.reports_owed,
            "reports_accepted": self.reports_accepted,
        }


Standings = dict[tuple[Span, Cell], Standing]


class Recount:
    """The figures of every measure, one measure at a time."""

    def __init__(self, published: Published, directory: Directory) -> None:
        self.published = published
        self.spans = published.spans | published.others
        self.directory = directory
        self.ledger = Ledger(directory, published.years)
        self.reports = self._tallies(READINGS["report_coverage"])

    def standings(self, target: Target) -> Standings:
        """Every cell that the indicator should have."""
        figures = self._money(target.key) if target.key in MONEY else self._counted(target.key)
        reading = READINGS.get(target.key)
        is_sum = reading.is_sum if reading else target.key == "resources_allocated"
        return {
            (span, cell): Standing(
                found,
                target.status(
                    found,
                    span,
                    self.published.today,
                    is_sum=is_sum,
                    is_part=cell != OVERALL or span[0] == "quarter",
                ),
                *self._coverage(span, cell),
            )
            for (span, cell), found in figures.items()
        }

    def _tallies(self, reading: Reading) -> dict[tuple[Span, Cell], Tally]:
        facts = reading.facts(self.directory, self.published.today)
        return tallies(facts, self.directory, self.spans)

    def _money(self, key: str) -> dict[tuple[Span, Cell], Figures]:
        found = MONEY[key](self.ledger)
        return self._with_every_year(found, Figures)

    def _counted(self, key: str) -> dict[tuple[Span, Cell], Figures]:
        reading = READINGS[key]
        found = self._tallies(reading)
        if reading.is_count:
            for (span, cell), reports in self.reports.items():
                if reports.amount and cell.dimension in WHERE_SILENCE_IS_ZERO:
                    found.setdefault((span, cell), Tally())
        figures = {place: reading.figures(tally) for place, tally in found.items()}
        if reading.least:
            figures = self._told(figures, reading)
        return self._with_every_year(figures, lambda: reading.figures(None))

    def _told(self, figures: dict[Place, Figures], reading: Reading) -> dict[Place, Figures]:
        """Figures of answers as they may be told: none of twelve months, for those overlap. Of
        what is hidden a cut has nothing, and everything or a mechanism only that it is."""
        facts = reading.facts(self.directory, self.published.today)
        hidden, without_spread = floor.untold(facts, self.directory, reading.least)
        told: dict[Place, Figures] = {}
        for (span, cell), found in figures.items():
            if span[0] == "rolling" or ((span, cell) in hidden and cell.dimension):
                continue
            if (span, cell) in hidden:
                found = Figures(n=None)
            elif (span, cell) in without_spread and "change_in_spread" in found.beside:
                found.beside["change_in_spread"] = None
            told[span, cell] = found
        return told

    def _with_every_year(
        self, found: dict[tuple[Span, Cell], Figures], nothing: Callable[[], Figures]
    ) -> dict[tuple[Span, Cell], Figures]:
        """A year has its overall cell, if only to say that nobody knows."""
        for span in self.published.spans:
            if span[0] == "year":
                found.setdefault((span, OVERALL), nothing())
        return found

    def _coverage(self, span: Span, cell: Cell) -> tuple[int, int]:
        if cell.dimension in WITHOUT_REPORTS:
            cell = Cell(cell.iscm)
        reports = self.reports.get((span, cell))
        return (reports.n, reports.amount) if reports else (0, 0)
