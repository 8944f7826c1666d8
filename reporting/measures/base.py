"""What a measure is: a declaration that everything else follows from.

A measure names the evidence it counts, what it takes from each record, and the dimensions by which
it may be cut. Compiling, pages, API and "show the records" all read that declaration, so they
cannot disagree. How cells are made of it is written once, in ``reporting.services.compiling``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import (
    Aggregate,
    BigIntegerField,
    Count,
    F,
    FilteredRelation,
    IntegerField,
    Max,
    Min,
    Q,
    Sum,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, ExtractQuarter, ExtractYear, Round
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from engagements.choices import MembershipKind
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import Direction, PeriodKind

Text = str | Promise

# No mechanism is older; the end leaves room for whoever reads this.
ALL_TIME = Period.years(1900, 2199)
# The dimensions that go through the mechanism of a record, whatever the record is.
OF_MECHANISM = {"iscm": "slug", "type": "type", "theme": "themes__code"}
# What else a record may be cut by. The sums of evidence have a column for each.
OWN_CUTS = ("country", "region", "kind", "event_kind", "office")
OF_STATE = {"country": "country__iso3", "region": "country__region"}
# Twelve months of answers overlap: what lies between two such spans would be told.
OF_ANSWERS = (PeriodKind.YEAR.value, PeriodKind.QUARTER.value)


class Shape(models.TextChoices):
    """How a cell's value comes of its sums: ``n`` records and their ``total``."""

    SUM = "sum", _("a count or a sum: the total")
    RATIO = "ratio", _("a share or a mean: the total over the records")
    MEDIAN = "median", _("the median of what is told apart")


@dataclass(frozen=True)
class Rows:
    """The number of records (of those that meet ``where``)."""

    where: Q | None = None

    def expression(self) -> Aggregate:
        return Count("pk", filter=self.where)


@dataclass(frozen=True)
class Total:
    """The sum of a whole number that each record has.

    Whole numbers (hundredths, where there are decimals), because SQLite adds decimals up as floats.
    """

    of: Combinable

    def expression(self) -> Aggregate:
        return Sum(self.of, output_field=BigIntegerField())


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

    ``mechanism`` is the path from a record to its mechanisms: ``iscm`` where it has one,
    ``event__iscms`` (of an event: ``iscms``) where a joint event has several. Through it go the
    cuts ``iscm``, ``type``, ``theme`` and, where the record itself names no State, ``region``:
    those of the mechanism's member States. ``own_cuts`` maps each other dimension (of
    ``OWN_CUTS``) to the path from a record to its value: codes and slugs, never ids.
    """

    key: str
    label: Text
    unit: Text
    definition: Text
    source: str
    direction: Direction = Direction.UP
    records_label: Text
    dated_by: str
    mechanism: str = "iscm"
    own_cuts: dict[str, str] = {}
    shape: Shape = Shape.SUM
    # The kinds of period that it has values of.
    periods: tuple[str, ...] = tuple(PeriodKind.values)
    # What is added up, in 1/``per`` units.
    total: Rows | Total = Rows()
    per: int = 1
    scale: int = 1
    # Fewer records than this would tell what single persons or States answered (decision 0037).
    least_n: int = 0
    # What came in together, as a number: what is shown of it stays what was shown when more comes.
    batch: Combinable | None = None
    # Whether everybody may know how many records there are, those that he may not read among them:
    # not of money, and not of answers, where a number tells who answered (decision 0033).
    count_is_open: bool = True
    # The value of a count is 0 where nothing is on record; a ratio or an amount has none.
    is_count: bool = False
    # A second sum, and what its share of the records is called where it stands beside the value.
    aside: Rows | Total | None = None
    share_beside: str = ""
    # A whole number that tells records of a cell apart, and what stands beside the value of it:
    # its median, or (of countries) the change in spread of their means.
    within: Combinable | None = None
    median_beside: str = ""
    spread_beside: str = ""
    # The kinds of records (models) whose change may move it.
    moved_by: frozenset[str]
    # What each number beside the value is called.
    beside_labels: dict[str, Text] = {}

    @abstractmethod
    def evidence(self, period: Period) -> PortalQuerySet:
        """The records of ``period`` that the measure counts."""

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Everything besides the period that it may be cut by."""
        through = tuple(OF_MECHANISM) if "region" in self.own_cuts else (*OF_MECHANISM, "region")
        return (*through, *self.own_cuts)

    @property
    def is_part_of_a_whole(self) -> bool:
        """Whether the value of a mechanism is a part of the overall one: of counts and sums."""
        return self.shape == Shape.SUM

    @property
    def place(self) -> str:
        """The path from a record to the id of its mechanism, or of its event."""
        return "pk" if self.mechanism == "iscms" else self.mechanism.removesuffix("__iscms")

    @property
    def is_of_events(self) -> bool:
        """Whether ``place`` is an event: then a record may have several mechanisms."""
        return self.mechanism.endswith("iscms")

    def year_of(self) -> Combinable:
        """The calendar year of a record."""
        return ExtractYear(self.dated_by)

    def slot_of(self) -> Combinable:
        """The quarter of a record: year x 10 + 1 to 4; + 0 where only its year is known."""
        quarter = Coalesce(ExtractQuarter(self.dated_by), Value(0), output_field=IntegerField())
        return Cast(self.year_of() * Value(10) + quarter, IntegerField())

    def sums(self, period: Period) -> models.QuerySet[Any]:
        """The evidence of ``period`` added up by all that it may be cut by, each record once.

        Columns: ``slot``, ``place`` (an id or None), those of ``OWN_CUTS`` ("" where unknown or no
        cut), ``part`` (the number that tells records apart), ``batch``, ``n``, ``total`` and
        ``aside``.
        """
        keys: dict[str, Any] = {"in_slot": self.slot_of(), "in_place": F(self.place)}
        for name in OWN_CUTS:
            path = self.own_cuts.get(name)
            value = Coalesce(F(path), Value("")) if path else Value("")
            keys[f"in_{name}"] = value
        keys["in_part"] = Value(0) if self.within is None else self.within
        keys["in_batch"] = Value(0) if self.batch is None else Coalesce(self.batch, Value(0))
        sums = {
            "sum_n": Count("pk"),
            "sum_total": self.total.expression(),
            "sum_aside": Value(0) if self.aside is None else self.aside.expression(),
        }
        rows: models.QuerySet[Any] = self.evidence(period).order_by()
        found: models.QuerySet[Any] = rows.annotate(**keys).values(*keys).annotate(**sums)
        return found

    def records(self, period: Period, **cell: Any) -> PortalQuerySet:
        """The evidence of one cell (``iscm="sacm"``, ``theme=None``), each record once.

        Not narrowed to a reader: whoever shows it applies ``visible_to``.
        """
        evidence = self.evidence(period)
        if not cell:
            return evidence
        found = self.narrowed(evidence, cell).values("pk")
        records: PortalQuerySet = evidence.model.objects.filter(pk__in=found)
        return records

    def narrowed(self, rows: PortalQuerySet, cell: dict[str, Any]) -> PortalQuerySet:
        """``rows`` of the evidence, or kept versions of them, in a cell; one in several places of
        it may come several times."""
        inside = Q()
        for dimension, value in cell.items():
            path = self._path(dimension)
            if path.startswith("member__"):
                rows = rows.alias(member=members_of(self.mechanism))
            name = f"in_{dimension}"
            rows = rows.alias(**{name: F(path)})
            if value:
                inside &= Q(**{name: value})
            else:  # a kind that nobody chose is an empty text
                inside &= Q(**{name: ""}) | Q(**{f"{name}__isnull": True})
        return rows.filter(inside)

    def _path(self, dimension: str) -> str:
        if dimension in self.own_cuts:
            return self.own_cuts[dimension]
        if dimension in OF_MECHANISM:
            return f"{self.mechanism}__{OF_MECHANISM[dimension]}"
        if dimension == "region":
            return "member__country__region"
        raise ValueError(f"{self.key} cannot be cut by {dimension}.")

    def record_sets(self, period: Period, **cell: Any) -> list[tuple[Text, PortalQuerySet]]:
        """The records of a cell with what they are called; several where a number mixes kinds."""
        return [(self.records_label, self.records(period, **cell))]

    def years(self) -> set[int]:
        """The first and the last year that have evidence; empty when there is none."""
        dated = self.evidence(ALL_TIME).order_by().annotate(in_year=self.year_of())
        return known_years(dated.aggregate(first=Min("in_year"), last=Max("in_year")).values())


def hundredths(path: str) -> Cast:
    """A number of two decimals as a whole number of hundredths."""
    return Cast(Round(F(path) * 100), BigIntegerField())


class MoneyMeasure(Measure):
    """A number that ``finance`` works out by itself, year by year.

    Its records are of several kinds and some are known by their year only: it has years, and no
    quarters.
    """

    count_is_open = False
    periods = (PeriodKind.YEAR.value,)

    @abstractmethod
    def cells(self, period: Period, groupings: list[tuple[str, ...]]) -> list[list[Cell]]:
        """For each of ``groupings`` (dimensions, ``year`` among them) its cells with evidence."""


def known_years(years: Iterable[int | None]) -> set[int]:
    return {year for year in years if year is not None}


def members_of(path: str) -> FilteredRelation:
    """The memberships of member States (not observers, not organisations) of the mechanisms at the
    end of ``path``; of a mechanism itself the path is empty."""
    relation = f"{path}__memberships" if path else "memberships"
    # A membership of no organisation and no party without a code is a State's, by constraint.
    condition = {
        f"{relation}__kind": MembershipKind.MEMBER,
        f"{relation}__organisation__isnull": True,
        f"{relation}__party_name": "",
    }
    return FilteredRelation(relation, condition=Q(**condition))
