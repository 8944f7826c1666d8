"""The total investment of a cell: what is known, between what bounds, and what is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import product
from typing import Any

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, Sum, Value, When
from django.db.models.functions import ExtractYear

from engagements.choices import EventKind, MembershipKind
from engagements.models import ISCM, Membership
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import AttributionBasis, FundingSource, Supports
from ..models import Attribution, FundingLine, StandardCost, TimeEntry

CENT = Decimal("0.01")
# What a counted line supports when it goes to a mechanism without an attribution.
DIRECT = (Supports.ISCM, Supports.GRCP, Supports.ALL_RCPS)
DIMENSIONS = ("iscm", "year", "source", "theme", "region", "office", "type")
# Dimensions that are known through the mechanism, not from the money itself.
_OF_ISCM = frozenset({"iscm", "theme", "region", "type"})


@dataclass(frozen=True)
class Investment:
    """What a cell is known to have cost, and between what bounds it lies (USD, cents).

    ``key`` has one entry for each dimension asked for: ``iscm`` and ``office`` slugs, ``theme`` a
    code, ``year`` a number, ``region`` a UN M49 name, ``source`` and ``type`` coded values; with
    ``iscm`` also ``supports`` ("iscm", "grcp", "all_rcps", or "not_named" for time whose entry
    names no mechanism). ``missing`` counts what would close the range: ``unknown_shares``
    (attributions) and ``days_without_rate`` (days). ``n`` is the number of funding lines and time
    entries counted.
    """

    key: dict[str, Any]
    known_usd: Decimal
    low_usd: Decimal
    high_usd: Decimal
    missing: dict[str, Any]
    n: int


@dataclass
class _Cell:
    known: Fraction = Fraction(0)
    possible: Fraction = Fraction(0)  # on top of what is known
    unknown_shares: int = 0
    days_without_rate: Decimal = Decimal(0)
    n: int = 0

    def add(self, other: _Cell) -> None:
        self.known += other.known
        self.possible += other.possible
        self.unknown_shares += other.unknown_shares
        self.days_without_rate += other.days_without_rate
        self.n += other.n


@dataclass(frozen=True)
class _Leaf:
    """The finest place an amount can have: what it supports, when, and who paid."""

    supports: str
    iscm: int | None
    year: int
    source: str
    office: str | None


def investment(
    period: Period,
    by: tuple[str, ...] = (),
    *,
    iscm: str | None = None,
    sources: Collection[str] | None = None,
    theme: str | None = None,
) -> list[Investment]:
    """The total investment of every cell of ``by`` (see ``DIMENSIONS``) in the period's years.

    It adds up (domain: "Total investment"; source: evaluation 2019, 4.3):

    - counted lines for one mechanism, the GRCP or all RCPs;
    - counted lines of projects, through the attributions of the same project and year: a stated
      share of the lines, a stated amount as it is; an unknown share adds nothing to what is known
      and up to what the stated ones leave to the range;
    - staff time that no counted line pays, at the standard cost of its grade and year; days
      without a rate are counted as missing and never guessed.

    A project-year without attribution counts nowhere. A stated amount is shared out over sources
    and offices like the project's lines of that year; without lines it is project support. An
    amount of a mechanism with several themes (or regions) counts whole under each and once where
    the cut is not by theme; so does what an unknown share may add. ``iscm`` (slug), ``sources``
    and ``theme`` (code) narrow. The number of statements is constant.
    """
    (cells,) = investments(period, [by], iscm=iscm, sources=sources, theme=theme)
    return cells


def investments(
    period: Period,
    cuts: Sequence[tuple[str, ...]],
    *,
    iscm: str | None = None,
    sources: Collection[str] | None = None,
    theme: str | None = None,
) -> list[list[Investment]]:
    """``investment`` by each of several ``cuts``, the records read once for all of them."""
    amounts = list(_amounts(period))
    return [_cut(amounts, by, iscm, sources, theme) for by in cuts]


def _cut(
    amounts: Iterable[tuple[list[_Leaf], _Cell]],
    by: tuple[str, ...],
    iscm: str | None,
    sources: Collection[str] | None,
    theme: str | None,
) -> list[Investment]:
    unknown = set(by) - set(DIMENSIONS)
    if unknown:
        raise ValueError(f"Unknown dimensions: {', '.join(sorted(unknown))}")
    places = _Places(by, iscm, sources, theme)
    cells: dict[tuple[Any, ...], _Cell] = defaultdict(_Cell)
    for leaves, amount in amounts:
        # A set: what several mechanisms share is added once to a cell that has them all.
        for key in {key for leaf in leaves for key in places.keys_of(leaf)}:
            cells[key].add(amount)
    return [
        _rounded(places.named(key), cells[key]) for key in sorted(cells, key=lambda key: str(key))
    ]


class _Places:
    """Which cells an amount falls into: knows the mechanisms, their themes, regions and types."""

    def __init__(
        self,
        by: tuple[str, ...],
        iscm: str | None,
        sources: Collection[str] | None,
        theme: str | None,
    ) -> None:
        self.by = by
        self.sources = None if sources is None else {str(source) for source in sources}
        self.iscm = iscm
        self.theme = theme
        self.slugs: dict[int, str] = {}
        self.types: dict[int, str] = {}
        self.themes: dict[int, set[str]] = defaultdict(set)
        self.regions: dict[int, set[str]] = defaultdict(set)
        if _OF_ISCM & set(by) or iscm or theme:
            for pk, slug, kind in ISCM.objects.order_by().values_list("pk", "slug", "type"):
                self.slugs[pk], self.types[pk] = slug, kind
        if "theme" in by or theme:
            with_theme = ISCM.objects.order_by().filter(themes__isnull=False)
            for pk, code in with_theme.values_list("pk", "themes__code"):
                self.themes[pk].add(code)
        if "region" in by:
            members = Membership.objects.filter(kind=MembershipKind.MEMBER, country__isnull=False)
            pairs = members.order_by().values_list("iscm", "country__region").distinct()
            for pk, region in pairs:
                self.regions[pk].add(region)

    def keys_of(self, leaf: _Leaf) -> Iterator[tuple[Any, ...]]:
        """The cells that ``leaf`` belongs to; none where a filter leaves it out."""
        slug = self.slugs.get(leaf.iscm) if leaf.iscm else None
        if self.iscm is not None and slug != self.iscm:
            return
        if self.sources is not None and leaf.source not in self.sources:
            return
        if self.theme is not None and self.theme not in self._of(self.themes, leaf):
            return
        values: dict[str, Iterable[Any]] = {
            "iscm": [(leaf.supports, slug)],
            "year": [leaf.year],
            "source": [leaf.source],
            "office": [leaf.office],
            "theme": self._of(self.themes, leaf),
            "region": self._of(self.regions, leaf),
            "type": [self.types.get(leaf.iscm) if leaf.iscm else None],
        }
        yield from product(*(values[name] for name in self.by))

    @staticmethod
    def _of(many: dict[int, set[str]], leaf: _Leaf) -> Iterable[str | None]:
        """The leaf's values of a dimension with several; [None] where there are none."""
        return (many.get(leaf.iscm) if leaf.iscm else None) or [None]

    def named(self, key: tuple[Any, ...]) -> dict[str, Any]:
        named: dict[str, Any] = {}
        for name, value in zip(self.by, key, strict=True):
            if name == "iscm":
                named["supports"], named["iscm"] = value
            else:
                named[name] = value
        return named


def _rounded(key: dict[str, Any], cell: _Cell) -> Investment:
    known = _cents(cell.known)
    return Investment(
        key=key,
        known_usd=known,
        low_usd=known,
        high_usd=_cents(cell.known + cell.possible),
        missing={
            "unknown_shares": cell.unknown_shares,
            "days_without_rate": cell.days_without_rate.quantize(CENT),
        },
        n=cell.n,
    )


def _cents(amount: Fraction) -> Decimal:
    """``amount``, never negative here, rounded half up to cents."""
    return Decimal((amount * 200 + 1) // 2).scaleb(-2)


def _exact(total: Decimal) -> Fraction:
    # SQLite adds decimals up as floats; the amounts have cents, so the sum is known to the cent.
    return Fraction(Decimal(total).quantize(CENT, ROUND_HALF_UP))


def _amounts(period: Period) -> Iterator[tuple[list[_Leaf], _Cell]]:
    """Every amount with the leaves it belongs to; more than one only for unknown shares."""
    yield from _direct_lines(period)
    yield from _project_lines(period)
    yield from _staff_time(period)


def _direct_lines(period: Period) -> Iterator[tuple[list[_Leaf], _Cell]]:
    lines = FundingLine.objects.counted().in_years(period).filter(supports__in=DIRECT)
    groups = lines.order_by().values_list(
        "supports", "iscm", "year", "source_of_funds", "office__slug"
    )
    for *leaf, total, n in groups.annotate(total=Sum("amount_usd"), n=Count("pk")):
        yield [_Leaf(*leaf)], _Cell(known=_exact(total), n=n)


def _project_lines(period: Period) -> Iterator[tuple[list[_Leaf], _Cell]]:
    lines = FundingLine.objects.counted().in_years(period).filter(supports=Supports.PROJECT)
    groups = lines.order_by().values_list("project", "year", "source_of_funds", "office__slug")
    budgets: dict[tuple[int, int], list[_Part]] = defaultdict(list)
    for project, year, source, office, total, n in groups.annotate(
        total=Sum("amount_usd"), n=Count("pk")
    ):
        budgets[project, year].append(_Part(source, office, _exact(total), n))
    shares: dict[tuple[int, int], list[_Share]] = defaultdict(list)
    rows = Attribution.objects.filter(year__in=list(period.calendar_years)).order_by("pk")
    for project, year, *share in rows.values_list(
        "project", "year", "iscm", "basis", "share_pct", "amount_usd"
    ):
        shares[project, year].append(_Share(*share))
    for (project, year), stated_or_not in shares.items():
        yield from _attributed(year, budgets[project, year], stated_or_not)


@dataclass(frozen=True)
class _Part:
    """What one source and office give to a project in a year."""

    source: str
    office: str | None
    amount: Fraction
    n: int

    def leaf(self, iscm: int, year: int) -> _Leaf:
        return _Leaf(Supports.ISCM.value, iscm, year, self.source, self.office)


# An amount can be stated for a project whose lines are not on record.
_NO_LINES = _Part(FundingSource.PROJECT_SUPPORT.value, None, Fraction(0), 0)


@dataclass(frozen=True)
class _Share:
    iscm: int
    basis: str
    share_pct: Decimal | None
    amount_usd: Decimal | None

    def of(self, total: Fraction) -> Fraction | None:
        """The USD of ``total`` that go to the mechanism; None where nobody knows."""
        if self.basis == AttributionBasis.UNKNOWN:
            return None
        if self.amount_usd is not None:
            return Fraction(self.amount_usd)
        return total * Fraction(self.share_pct or 0) / 100


def _attributed(
    year: int, parts: list[_Part], shares: list[_Share]
) -> Iterator[tuple[list[_Leaf], _Cell]]:
    """The money of one project and year as the attributions share it out."""
    total = sum((part.amount for part in parts), Fraction(0))
    amounts = {share.iscm: share.of(total) for share in shares}
    stated = sum((amount for amount in amounts.values() if amount is not None), Fraction(0))
    left = max(total - stated, Fraction(0))
    undecided = [iscm for iscm, amount in amounts.items() if amount is None]
    for part in parts:
        yield [part.leaf(iscm, year) for iscm in amounts], _Cell(n=part.n)
    for part in parts if total else [_NO_LINES]:
        weight = part.amount / total if total else Fraction(1)
        yield [part.leaf(iscm, year) for iscm in undecided], _Cell(possible=left * weight)
        for iscm, amount in amounts.items():
            if amount is not None:
                yield [part.leaf(iscm, year)], _Cell(known=amount * weight)
    for iscm in undecided:
        places = [part.leaf(iscm, year) for part in parts or [_NO_LINES]]
        yield places, _Cell(unknown_shares=1)


def _staff_time(period: Period) -> Iterator[tuple[list[_Leaf], _Cell]]:
    rates = {
        (grade, year): Fraction(usd)
        for grade, year, usd in StandardCost.objects.filter(
            year__in=list(period.calendar_years)
        ).values_list("grade", "year", "usd_per_day")
    }
    entries = TimeEntry.objects.not_paid_elsewhere().worked_in(period).order_by()
    groups = (
        entries.annotate(worked_year=ExtractYear("worked_on"), supports=_SUPPORTED_BY_TIME)
        .values_list("supports", "iscm", "worked_year", "office__slug", "grade")
        .annotate(total=Sum("days"), n=Count("pk"))
    )
    for supports, iscm, year, office, grade, total, n in groups:
        leaf = _Leaf(supports, iscm, year, FundingSource.STAFF_TIME.value, office)
        days = Decimal(total).quantize(CENT, ROUND_HALF_UP)
        rate = rates.get((grade, year))
        if rate is None:
            yield [leaf], _Cell(days_without_rate=days, n=n)
        else:
            yield [leaf], _Cell(known=Fraction(days) * rate, n=n)


# Time on the GRCP is the GRCP's; other time without a mechanism is shown as "not named".
_SUPPORTED_BY_TIME = Case(
    When(iscm__isnull=False, then=Value(Supports.ISCM.value)),
    When(event__kind=EventKind.GRCP, then=Value(Supports.GRCP.value)),
    default=Value(Supports.NOT_NAMED.value),
    output_field=CharField(),
)


def investment_records(
    period: Period, *, iscm: str | None = None, source: str | None = None, theme: str | None = None
) -> dict[str, PortalQuerySet]:
    """The records that ``investment`` counts for the same mechanism, source and theme.

    ``funding_lines``, ``attributions`` and ``time_entries``, not yet narrowed to their reader:
    the caller applies ``visible_to``.
    """
    years = list(period.calendar_years)
    attributions = Attribution.objects.filter(year__in=years)
    lines = FundingLine.objects.counted().in_years(period)
    entries = TimeEntry.objects.not_paid_elsewhere().worked_in(period)
    direct = Q(supports__in=DIRECT)
    if iscm is not None or theme is not None:
        iscms = ISCM.objects.all() if iscm is None else ISCM.objects.filter(slug=iscm)
        if theme is not None:
            iscms = iscms.filter(themes__code=theme)
        attributions = attributions.filter(iscm__in=iscms)
        entries = entries.filter(iscm__in=iscms)
        direct = Q(iscm__in=iscms)
    to_project = attributions.filter(project=OuterRef("project"), year=OuterRef("year"))
    lines = lines.filter(direct | (Q(supports=Supports.PROJECT) & Exists(to_project)))
    if source is not None:
        lines = lines.of_source(source)
        attributions = attributions.filter(_of_project_with(source))
        if source != FundingSource.STAFF_TIME:
            entries = entries.none()
    return {"funding_lines": lines, "attributions": attributions, "time_entries": entries}


def _of_project_with(source: str) -> Q:
    """The condition that an attribution's project has lines of ``source`` in its year."""
    lines = FundingLine.objects.counted().filter(project=OuterRef("project"), year=OuterRef("year"))
    condition = Q(Exists(lines.filter(source_of_funds=source)))
    if source == FundingSource.PROJECT_SUPPORT:
        condition |= ~Q(Exists(lines))
    return condition
