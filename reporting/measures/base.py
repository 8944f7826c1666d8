"""What a measure is, and everything that follows from its declaration.

A measure names the evidence it counts, what it takes from each record, and the dimensions by which
it may be cut. Compile, pages, API and "show the records" all go through ``cells`` and ``records``,
so they cannot disagree.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from django.db.models import (
    Aggregate,
    BigIntegerField,
    Count,
    F,
    FilteredRelation,
    Max,
    Min,
    Q,
    Sum,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import ExtractYear
from django.utils.functional import Promise

from engagements.choices import MembershipKind
from iscm_portal.common.numbers import ratio, to_four_places
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import Direction

Text = str | Promise
CellKey = tuple[Any, ...]

STEP = Decimal("0.0001")
# No mechanism is older; the end leaves room for whoever reads this.
ALL_TIME = Period.years(1900, 2199)


def known_years(years: Iterable[int | None]) -> set[int]:
    return {year for year in years if year is not None}


@dataclass(frozen=True)
class Rows:
    """The number of records (of those that meet ``where``), each once."""

    where: Q | None = None

    def expression(self, once: bool) -> Aggregate:
        return Count("pk", filter=self.where, distinct=once)

    def read(self, total: int | None) -> Fraction:
        return Fraction(total or 0)


@dataclass(frozen=True)
class Total:
    """The sum of a whole number of ``1/per`` units that each record has.

    Whole numbers, because SQLite adds decimals up as floats.
    """

    of: Combinable
    per: int = 1

    # Beyond any number that a record has (scores in hundredths: -10,000 to 10,000).
    _SPAN = 2**16
    _SHIFT = 2**15

    def expression(self, once: bool) -> Any:
        if not once:
            return Sum(self.of, output_field=BigIntegerField())
        # A join that meets a record twice must not add it twice. The sum over distinct
        # (record, number) pairs, each packed into one integer, less the same without the number.
        place = F("pk") * Value(self._SPAN)
        packed = Sum(place + self.of + Value(self._SHIFT), distinct=True)
        empty = Sum(place + Value(self._SHIFT), distinct=True)
        return packed - empty

    def read(self, total: int | None) -> Fraction:
        return Fraction(int(total or 0), self.per)


@dataclass
class Cell:
    """What a measure comes to in one cell: ``key`` holds the dimensions asked for.

    ``value`` has four decimals, or is None: no data. ``n`` is the number of records that it rests
    on; ``beside`` has what is shown next to it (Decimals, whole numbers or None).
    """

    key: dict[str, Any]
    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    n: int
    beside: dict[str, Any] = field(default_factory=dict)


class Measure(ABC):
    """One published number. A subclass declares; only what no declaration can say is a method.

    ``cuts`` maps each dimension to the path from a record to its value: slugs, codes and names,
    never ids. Every measure can be cut by ``year`` as well. ``repeats`` names the dimensions whose
    path may meet the same value of a record more than once (two mechanisms of a joint event with
    the same theme); there each record is counted once by force.
    """

    key: str
    label: Text
    unit: Text
    definition: Text
    source: str
    direction: Direction = Direction.UP
    records_label: Text
    dated_by: str
    cuts: dict[str, str]
    repeats: frozenset[str] = frozenset({"region"})
    numerator: Rows | Total = Rows()
    denominator: Rows | None = None
    scale: int = 1
    # Fewer records than this would tell what single persons or States answered.
    least_n: int = 0
    # The value of a count is 0 where nothing is on record; a ratio or an amount has none.
    is_count: bool = False
    also: dict[str, Rows] = {}
    # What each number beside the value is called.
    beside_labels: dict[str, Text] = {}

    @abstractmethod
    def evidence(self, period: Period) -> PortalQuerySet:
        """The records of ``period`` that the measure counts."""

    def year_of(self) -> Combinable:
        """The calendar year of a record."""
        return ExtractYear(self.dated_by)

    def cells(self, period: Period, *dimensions: str) -> list[Cell]:
        """Every cell of ``dimensions`` that has evidence in ``period``, in one statement.

        Without dimensions: the one cell of everything, also when there is no evidence.
        """
        specs = {"numerator": self.numerator, **self.also}
        if self.denominator:
            specs["denominator"] = self.denominator
        rows = self.grouped(period, dimensions, specs)
        beside = self.beside_by_cell(period, dimensions)
        return [
            self._cell(dict(zip(dimensions, key, strict=True)), row, beside.get(key, {}))
            for key, row in rows.items()
        ]

    def records(self, period: Period, **cell: Any) -> PortalQuerySet:
        """The evidence of one cell (``iscm="sacm"``, ``theme=None``), each record once.

        Not narrowed to a reader: whoever shows it applies ``visible_to``.
        """
        evidence = self.evidence(period)
        if not cell:
            return evidence
        inside: dict[str, Any] = {}
        for dimension, value in cell.items():
            path = self._paths((dimension,))[dimension]
            evidence = evidence.alias(**{f"in_{dimension}": path})
            inside[f"in_{dimension}{'__isnull' if value is None else ''}"] = (
                True if value is None else value
            )
        found = evidence.filter(**inside).values("pk")
        records: PortalQuerySet = evidence.model.objects.filter(pk__in=found)
        return records

    def record_sets(self, period: Period, **cell: Any) -> list[tuple[Text, PortalQuerySet]]:
        """The records of a cell with what they are called; several where a number mixes kinds."""
        return [(self.records_label, self.records(period, **cell))]

    def years(self) -> set[int]:
        """The first and the last year that have evidence; empty when there is none."""
        dated = self.evidence(ALL_TIME).order_by().annotate(in_year=self.year_of())
        return known_years(dated.aggregate(first=Min("in_year"), last=Max("in_year")).values())

    def beside_by_cell(
        self, period: Period, dimensions: tuple[str, ...]
    ) -> dict[CellKey, dict[str, Any]]:
        """What is shown beside the value and takes a statement of its own, by cell."""
        return {}

    def beside(self, totals: dict[str, int]) -> dict[str, Any]:
        """What is shown beside the value, from the totals of the same statement."""
        return {}

    # --- how it is worked out

    def grouped(
        self,
        period: Period,
        dimensions: tuple[str, ...],
        specs: dict[str, Rows | Total],
        *,
        within: dict[str, Combinable] | None = None,
        where: Q | None = None,
    ) -> dict[CellKey, dict[str, Any]]:
        """``specs`` summed up by ``dimensions`` and then ``within`` (expressions), by key."""
        once = not self.repeats.isdisjoint(dimensions)
        evidence = self.evidence(period).order_by()
        if where is not None:
            evidence = evidence.filter(where)
        totals = {f"sum_{name}": spec.expression(once) for name, spec in specs.items()}
        paths = {f"by_{name}": path for name, path in self._paths(dimensions).items()}
        paths |= {f"by_{name}": path for name, path in (within or {}).items()}
        if paths:
            rows = list(evidence.annotate(**paths).values(*paths).annotate(**totals))
        else:
            rows = [evidence.aggregate(**totals)]
        return {
            tuple(row[name] for name in paths): {
                name: spec.read(row[f"sum_{name}"]) for name, spec in specs.items()
            }
            for row in rows
        }

    def _paths(self, dimensions: tuple[str, ...]) -> dict[str, Combinable]:
        unknown = set(dimensions) - {"year", *self.cuts}
        if unknown:
            raise ValueError(f"{self.key} cannot be cut by {', '.join(sorted(unknown))}.")
        return {
            name: self.year_of() if name == "year" else F(self.cuts[name]) for name in dimensions
        }

    def _cell(
        self, key: dict[str, Any], totals: dict[str, Fraction], beside: dict[str, Any]
    ) -> Cell:
        numerator = totals["numerator"]
        if self.denominator is None:
            shown = to_four_places(numerator)
            told = self.beside({name: int(totals[name]) for name in ("numerator", *self.also)})
            return Cell(key, shown, shown, None, int(numerator), told | beside)
        n = int(totals["denominator"])
        if n < self.least_n:
            return Cell(key, None, None, None, n)
        told = self.beside({name: int(totals[name]) for name in ("denominator", *self.also)})
        return Cell(
            key,
            ratio(numerator, n, self.scale),
            to_four_places(numerator),
            to_four_places(n),
            n,
            told | beside,
        )


def members_of(path: str) -> FilteredRelation:
    """The memberships of member States (not observers, not organisations) of a mechanism."""
    # A membership of no organisation and no party without a code is a State's, by constraint.
    condition = {
        f"{path}__memberships__kind": MembershipKind.MEMBER,
        f"{path}__memberships__organisation__isnull": True,
        f"{path}__memberships__party_name": "",
    }
    return FilteredRelation(f"{path}__memberships", condition=Q(**condition))


def cuts_of_iscm(path: str) -> dict[str, str]:
    """The cuts that go through the mechanism at the end of ``path``."""
    return {
        "iscm": f"{path}__slug",
        "type": f"{path}__type",
        "theme": f"{path}__themes__code",
    }


OF_STATE = {"country": "country__iso3", "region": "country__region"}


def spread(means: list[Fraction]) -> Decimal | None:
    """The population standard deviation of ``means``; None of fewer than two."""
    if len(means) < 2:
        return None
    mean = sum(means, Fraction(0)) / len(means)
    variance = sum(((value - mean) ** 2 for value in means), Fraction(0)) / len(means)
    return (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()


def change_in_spread(before: list[Fraction], after: list[Fraction]) -> Decimal | None:
    """By how much the spread of country means changed; below 0 is a more shared understanding."""
    first, last = spread(before), spread(after)
    if first is None or last is None:
        return None
    return (last - first).quantize(STEP, ROUND_HALF_UP)
