"""Spans of time, the places of a record, and the records of each cell."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from tests.mechanisms import REGIONS_OF, THEMES_OF, TYPE_OF
from tests.twins import rounded

# "year", "quarter" or "rolling"; the year; the quarter, 0 of a year.
Span = tuple[str, int, int]
# A mechanism's slug, a dimension and its value; "" where there is none, or it is not known.
Place = tuple[str, str, str]
OVERALL: Place = ("", "", "")


class Figures(NamedTuple):
    """What is published in a cell."""

    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    n: int
    beside: dict[str, Any]


Cells = dict[tuple[Span, Place], Figures]


@dataclass
class Fact:
    """A record as its measure sees it: when it was, whose it is, and what it says of itself.

    Of an event of which only the year is known, ``day`` is that year.
    """

    row: dict[str, Any]
    day: dt.date | int
    iscms: Iterable[str | None] = ()
    says: dict[str, str | None] = field(default_factory=dict)


def first_and_last(span: Span) -> tuple[dt.date, dt.date]:
    """The days that a span is made of, both in it."""
    kind, year, quarter = span
    if kind == "year":
        return dt.date(year, 1, 1), dt.date(year, 12, 31)
    # The day before the next quarter begins.
    last = dt.date(year + quarter // 4, quarter % 4 * 3 + 1, 1) - dt.timedelta(1)
    if kind == "quarter":
        return dt.date(year, quarter * 3 - 2, 1), last
    after = last + dt.timedelta(1)
    return after.replace(year=after.year - 1), last


def spans(first_year: int, last_year: int, today: dt.date) -> list[Span]:
    """All that is compiled for these years: of twelve months also those that end in the year after,
    and none whose last quarter has not begun."""
    found: list[Span] = []
    for year in range(first_year, last_year + 2):
        if year <= last_year:
            found += [("year", year, 0), *(("quarter", year, part) for part in range(1, 5))]
        for part in range(1, 5):
            if dt.date(year, part * 3 - 2, 1) <= today:
                found.append(("rolling", year, part))
    return found


def is_in(fact: Fact, span: Span) -> bool:
    first, last = first_and_last(span)
    if isinstance(fact.day, int):
        return (first, last) == (dt.date(fact.day, 1, 1), dt.date(fact.day, 12, 31))
    return first <= fact.day <= last


def values_of(iscm: str | None, says: dict[str, str | None]) -> dict[str, Iterable[str]]:
    """The values of each dimension of what belongs to ``iscm``; the region is that of the State,
    where the record speaks of one, else those of the mechanism's members."""
    of_mechanism: dict[str, Iterable[str]] = {
        "type": [TYPE_OF.get(iscm or "", "")],
        "theme": THEMES_OF.get(iscm or "") or [""],
        "region": REGIONS_OF.get(iscm or "") or [""],
    }
    return of_mechanism | {name: [value or ""] for name, value in says.items()}


def places(fact: Fact) -> set[Place]:
    """Every place that a record counts in, once in each."""
    found = {OVERALL}
    for iscm in set(fact.iscms) or {None}:
        of = iscm or ""
        found.add((of, "", ""))
        for name, values in values_of(iscm, fact.says).items():
            for value in values:
                found |= {("", name, value), (of, name, value)}
    return found


def by_cell(
    facts: Iterable[Fact], of_spans: list[Span]
) -> dict[tuple[Span, Place], list[dict[str, Any]]]:
    found: dict[tuple[Span, Place], list[dict[str, Any]]] = defaultdict(list)
    for fact in facts:
        for span in of_spans:
            if is_in(fact, span):
                for place in places(fact):
                    found[span, place].append(fact.row)
    return dict(found)


def figures(
    facts: Iterable[Fact],
    of_spans: list[Span],
    work_out: Callable[[list[dict[str, Any]]], Figures],
    zero_in: Iterable[tuple[Span, Place]] = (),
) -> Cells:
    """What ``work_out`` makes of the records of each cell; of none in the cells ``zero_in``. A year
    has its overall cell, if only to say that nobody knows."""
    found = {cell: work_out(rows) for cell, rows in by_cell(facts, of_spans).items()}
    for cell in zero_in:
        found.setdefault(cell, work_out([]))
    unknown = Figures(None, None, None, 0, work_out([]).beside)
    return with_every_year(found, of_spans, unknown)


def with_every_year(found: Cells, of_spans: list[Span], unknown: Figures) -> Cells:
    for span in of_spans:
        if span[0] == "year":
            found.setdefault((span, OVERALL), unknown)
    return found


# --- numbers: four decimals, half up


def four(number: Fraction | Decimal | int) -> Decimal:
    return rounded(Fraction(number), 4)


def ratio(part: Fraction | Decimal | int, whole: Fraction | Decimal | int) -> Decimal | None:
    """``part`` over ``whole``; over nothing it is no number."""
    return four(Fraction(part) / Fraction(whole)) if whole else None


def text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def total(number: Fraction | Decimal | int, n: int, **beside: Any) -> Figures:
    """A count or a sum of ``n`` records."""
    return Figures(four(number), four(number), None, n, beside)


def share(part: int, rows: list[Any], **beside: Any) -> Figures:
    """So many of ``rows``, in per cent."""
    return Figures(ratio(100 * part, len(rows)), four(part), four(len(rows)), len(rows), beside)


def per_cent(part: int, whole: int) -> str | None:
    return text(ratio(100 * part, whole))


def median(numbers: list[int]) -> Decimal | None:
    """The middle one; of an even number the mean of the two in the middle."""
    if not numbers:
        return None
    ordered = sorted(numbers)
    half = len(ordered) // 2
    middle = ordered[half : half + 1] if len(ordered) % 2 else ordered[half - 1 : half + 1]
    return ratio(sum(middle), len(middle))
