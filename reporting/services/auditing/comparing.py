"""What stands against what should stand, cell by cell and field by field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from ...models import Indicator, IndicatorValue, PublishedValue
from .directory import Directory, rows
from .expected import Recount, Target
from .money import MONEY
from .published import Published, published
from .readings import READINGS
from .tally import OVERALL, Cell, Span

FIELDS = (
    "value",
    "numerator",
    "denominator",
    "n",
    "beside",
    "status",
    "reports_owed",
    "reports_accepted",
)
# What is kept of each for past days.
KEPT = tuple(name for name in FIELDS if name != "beside")
KEY = ("period", "year", "part", "iscm_id", "dimension", "dimension_value", "cell")


@dataclass(frozen=True)
class Difference:
    """One field of a published cell that the recount does not bear out. ``field`` is "missing" of
    a cell that should be there, "surplus" of one that should not, "past" where what is kept for
    past days is not what stands."""

    indicator: str
    period: str
    year: int
    part: int
    cell: str
    field: str
    published: Any
    recomputed: Any

    def __str__(self) -> str:
        span = f"{self.year}/{self.part}" if self.part else str(self.year)
        told = f"{self.indicator} {self.period} {span} {self.cell} {self.field}"
        return f"{told}: published {self.published}, recomputed {self.recomputed}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Verdict:
    """How many values were checked, those that wait, and what differs: how many values, and the
    first of the differences."""

    most: int
    checked: int = 0
    waiting: int = 0
    differing: int = 0
    differences: list[Difference] = field(default_factory=list)

    def note(self, found: list[Difference]) -> None:
        self.differing += bool(found)
        self.differences += found[: max(0, self.most - len(self.differences))]


def compare(at: dt.datetime, most: int) -> tuple[Published, Verdict]:
    """Compare every published value of the indicators in use; keep the first ``most``
    differences."""
    directory = Directory()
    known = published(at, directory)
    verdict = Verdict(most)
    recount = Recount(known, directory)
    for target in _targets(known):
        wrong = _compare_one(target, recount, verdict)
        _compare_what_is_kept(target, wrong, verdict)
    return known, verdict


def _targets(known: Published) -> list[Target]:
    """The indicators in use; a retired one keeps its last values, whatever becomes of records."""
    columns = ("pk", "key", "direction", "target", "green_from", "amber_from", "baseline_year")
    found = []
    for *held_against, state, created_at in rows(Indicator, *columns, "state", "created_at"):
        target = Target(*held_against)
        target.is_new = known.at is not None and created_at > known.at
        if target.key in READINGS.keys() | MONEY.keys() and state != "retired":
            found.append(target)
    return found


def _compare_one(target: Target, recount: Recount, verdict: Verdict) -> set[tuple[Span, Cell]]:
    """Note what differs; returns where."""
    wrong = set()
    standings, known = recount.standings(target), recount.published
    # Years first: the first differences are what people read.
    values = IndicatorValue._default_manager.filter(indicator=target.pk).order_by("-period", "pk")
    seen = 0
    for row in values.values_list(*KEY, *FIELDS).iterator(chunk_size=5000):
        seen += 1
        period, year, part, iscm, dimension, value, name = row[: len(KEY)]
        span, cell = (period, year, part), Cell(iscm or 0, dimension, value)
        should = standings.pop((span, cell), None)
        if span in known.waiting:
            verdict.waiting += 1
            continue
        verdict.checked += 1
        stands = dict(zip(FIELDS, row[len(KEY) :], strict=True))
        # Where a change was followed in a year of which nothing else is known, that is said.
        may_be = span in known.others and cell == OVERALL and stands["n"] == 0
        if should is not None:
            told = [*_wrong(stands, should.fields())]
            told += [("cell", name, cell.name)] if name != cell.name else []
        else:
            told = [] if may_be else [("surplus", stands["value"], None)]
        if told:
            wrong.add((span, cell))
        verdict.note([_difference(target, span, cell, *one) for one in told])
    if target.is_new and not seen:
        return wrong
    for (span, cell), missing in standings.items():
        if span in known.spans and span not in known.waiting:
            told_one = ("missing", None, missing.figures.value)
            verdict.note([_difference(target, span, cell, *told_one)])
            wrong.add((span, cell))
    return wrong


def _compare_what_is_kept(target: Target, wrong: set[tuple[Span, Cell]], verdict: Verdict) -> None:
    """What past days are shown from ends in what stands: of years, overall and by mechanism. What
    is ``wrong`` itself has been told."""
    values = IndicatorValue._default_manager.filter(
        indicator=target.pk, period="year", dimension=""
    )
    kept = PublishedValue._default_manager.filter(indicator=target.pk, to_run=None)
    should = {tuple(row[:3]): row[3:] for row in _of_years(values)}
    found = {tuple(row[:3]): row[3:] for row in _of_years(kept)}
    for year, cell, iscm in sorted(should.keys() | found.keys(), key=str):
        stands, past = (rows.get((year, cell, iscm)) for rows in (should, found))
        span, place = ("year", year, 0), Cell(iscm or 0)
        if stands != past and (span, place) not in wrong:
            told = (None if past is None else past[0], None if stands is None else stands[0])
            verdict.note([_difference(target, span, place, "past", *told)])


def _of_years(values: Any) -> Any:
    return values.order_by("pk").values_list("year", "cell", "iscm_id", *KEPT)


def _wrong(stands: dict[str, Any], should: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in FIELDS:
        if stands[name] != should[name]:
            yield name, stands[name], should[name]


def _difference(
    target: Target, span: Span, cell: Cell, field: str, stands: Any, should: Any
) -> Difference:
    return Difference(target.key, *span, cell.name, field, _plain(stands), _plain(should))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
