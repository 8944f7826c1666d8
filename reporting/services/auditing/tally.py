"""What records come to: added up by what they have in common, then by cell, then by span."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .directory import NOTHING, Directory, When

# ("year", 2026, 0), ("quarter", 2026, 3), ("rolling", 2026, 3)
Span = tuple[str, int, int]


class Cell(NamedTuple):
    """Overall, a mechanism (its number, else 0), a value of a dimension, or the two together."""

    iscm: int = 0
    dimension: str = ""
    value: str = NOTHING

    @property
    def name(self) -> str:
        parts = [f"iscm:{self.iscm}"] if self.iscm else []
        if self.dimension:
            parts.append(f"{self.dimension}:{self.value}")
        return "|".join(parts) or "overall"


OVERALL = Cell()


class Fact(NamedTuple):
    """One record: when, of which mechanisms, its own dimensions, and what it adds.

    ``amount`` is a whole number: 1 or 0, or hundredths. ``days`` is what a median is of; ``state``
    (with ``before``) is whose mean a spread is of; ``batch`` with what it came in.
    """

    when: When
    mechanisms: tuple[int, ...]
    cuts: tuple[tuple[str, str], ...]
    amount: int = 1
    aside: int = 0
    days: int | None = None
    state: int | None = None
    before: int = 0
    batch: int = 0


@dataclass(slots=True)
class Tally:
    """What records come to. ``days`` counts how many took so long; ``states`` has for each State
    how many records, the sum of what was before, and the sum of the amounts."""

    n: int = 0
    amount: int = 0
    aside: int = 0
    days: dict[int, int] = field(default_factory=dict)
    states: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def count(self, fact: Fact) -> None:
        self.n += 1
        self.amount += fact.amount
        self.aside += fact.aside
        if fact.days is not None:
            self.days[fact.days] = self.days.get(fact.days, 0) + 1
        if fact.state is not None:
            self._of_state(fact.state, 1, fact.before, fact.amount)

    def add(self, other: Tally) -> None:
        self.n += other.n
        self.amount += other.amount
        self.aside += other.aside
        for days, n in other.days.items():
            self.days[days] = self.days.get(days, 0) + n
        for state, sums in other.states.items():
            self._of_state(state, *sums)

    def _of_state(self, state: int, n: int, before: int, amount: int) -> None:
        had = self.states.get(state, (0, 0, 0))
        self.states[state] = had[0] + n, had[1] + before, had[2] + amount


def tallies(
    facts: Iterable[Fact], directory: Directory, spans: Collection[Span]
) -> dict[tuple[Span, Cell], Tally]:
    """What the facts come to in every cell of ``spans`` that has any."""
    alike: dict[tuple[When, tuple[int, ...], tuple[tuple[str, str], ...]], Tally] = defaultdict(
        Tally
    )
    for fact in facts:
        alike[fact[:3]].count(fact)
    by_quarter: dict[tuple[When, Cell], Tally] = defaultdict(Tally)
    for (when, mechanisms, cuts), tally in alike.items():
        for cell in cells_of(mechanisms, cuts, directory):
            by_quarter[when, cell].add(tally)
    found: dict[tuple[Span, Cell], Tally] = defaultdict(Tally)
    for (when, cell), tally in by_quarter.items():
        for span in spans_of(when):
            if span in spans:
                found[span, cell].add(tally)
    return dict(found)


def cells_of(
    mechanisms: tuple[int, ...], cuts: tuple[tuple[str, str], ...], directory: Directory
) -> set[Cell]:
    """The cells of a record: a set, for it counts once in each, however it comes there."""
    found = {OVERALL, *(Cell(iscm) for iscm in mechanisms)}
    own = {dimension for dimension, _value in cuts}
    for iscm in mechanisms or (0,):
        for dimension, values in directory.mechanism(iscm).cuts():
            if dimension not in own:
                for value in values:
                    found |= {Cell(0, dimension, value), Cell(iscm, dimension, value)}
    for dimension, value in cuts:
        for iscm in (0, *mechanisms):
            found.add(Cell(iscm, dimension, value))
    return found


def ends_of(span: Span) -> tuple[int, When]:
    """The year that a span begins in, and its last quarter."""
    kind, year, part = span
    if kind == "year":
        return year, (year, 4)
    if kind == "rolling" and part < 4:
        return year - 1, (year, part)
    return year, (year, part)


def spans_of(when: When) -> Iterator[Span]:
    """The spans that a quarter is in: its year, itself, and the twelve months that end with it or
    with one of the three after. What only has a year is in that year, all of it."""
    year, quarter = when
    yield "year", year, 0
    if not quarter:
        yield "rolling", year, 4
        return
    yield "quarter", year, quarter
    for later in range(4):
        years, rest = divmod(quarter - 1 + later, 4)
        yield "rolling", year + years, rest + 1
