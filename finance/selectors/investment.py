"""The total investment of a cell: what is known, between what bounds, and what is missing."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import groupby, product, starmap
from operator import itemgetter
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import ExtractYear

from engagements.choices import EventKind, MembershipKind
from engagements.models import ISCM, Membership
from iscm_portal.common.as_of import rows_of
from iscm_portal.common.numbers import cents, summed
from iscm_portal.common.period import Period, part_of_year
from iscm_portal.common.querysets import PortalQuerySet
from iscm_portal.common.remembered import remembered

from ..choices import WORKING_DAYS_A_YEAR, AttributionBasis, FundingSource, Supports
from ..models import (
    Attribution,
    FundingLine,
    Position,
    PositionShare,
    Project,
    StandardCost,
    TimeEntry,
)
from ..querysets import (
    NO_PAYER_NAMED,
    FundingLineQuerySet,
    PositionQuerySet,
    TimeEntryQuerySet,
)

# USD a working day, by grade and year.
Rates = dict[tuple[str, int], Fraction]
# The years in which something counted pays, by its key.
PaidYears = defaultdict[int | None, set[int]]
# What a counted line supports when it goes to a mechanism without an attribution.
DIRECT = (Supports.ISCM, Supports.GRCP, Supports.ALL_RCPS)
DIMENSIONS = ("iscm", "year", "source", "theme", "region", "office", "type", "project")
# What a question can be narrowed to: any dimension but the year, and what is supported.
NARROWING = frozenset(DIMENSIONS) - {"year"} | {"supports"}
# What asks for the money that has no value of a dimension: of no office, of no theme.
NONE = "none"
# Dimensions that are known through the mechanism, not from the money itself.
_OF_ISCM = frozenset({"iscm", "theme", "region", "type"})


@dataclass(frozen=True)
class Investment:
    """What a cell is known to have cost, and between what bounds it lies (USD, cents).

    ``key`` has one entry for each dimension asked for: ``iscm`` and ``office`` slugs, ``theme`` a
    code, ``year`` a number, ``region`` a UN M49 name, ``source`` and ``type`` coded values,
    ``project`` a code; with ``iscm`` also ``supports`` ("iscm", "grcp", "all_rcps", or "not_named"
    for time whose entry names no mechanism). ``missing`` counts what would close the range:
    ``unknown_shares`` (attributions), ``posts_without_share`` (posts, by mechanism and year),
    ``days_without_rate`` (days; those of an unknown share of a post are all that the stated ones
    leave) and ``days_without_payer`` (days said to be paid by a line that nobody named). Only
    without days that lack a rate is ``high_usd`` the most that posts and days could come to. ``n``
    is the number of funding lines and time entries counted, and of posts, once for each mechanism
    and year.
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
    posts_without_share: int = 0
    days_without_rate: Fraction = Fraction(0)
    days_without_payer: Fraction = Fraction(0)
    n: int = 0

    def add(self, other: _Cell) -> None:
        self.known += other.known
        self.possible += other.possible
        self.unknown_shares += other.unknown_shares
        self.posts_without_share += other.posts_without_share
        self.days_without_rate += other.days_without_rate
        self.days_without_payer += other.days_without_payer
        self.n += other.n


@dataclass(frozen=True)
class _Leaf:
    """The finest place an amount can have: what it supports, when, and who paid."""

    supports: str
    iscm: int | None
    year: int
    source: str
    office: str | None
    project: str | None = None


def investment(
    period: Period,
    by: tuple[str, ...] = (),
    *,
    known_by: dt.datetime | None = None,
    **only: str | Collection[str] | None,
) -> list[Investment]:
    """The total investment of every cell of ``by`` (see ``DIMENSIONS``) in the period's years.

    It adds up (domain: "Total investment"; source: evaluation 2019, 4.3):

    - counted lines for one mechanism, the GRCP or all RCPs;
    - counted lines of projects, through the attributions of the same project and year: a stated
      share of the lines, a stated amount as it is, but never more in all than the lines come to
      (``gaps.stated_over_lines`` lists where documents say more); an unknown share adds nothing to
      what is known and up to what the stated ones leave to the range;
    - posts, in each year in which no counted line of that year pays them, itself or as a line of
      their project: the mechanism's share of the working days on which the post was held, at the
      standard cost of its grade and year. An unknown share adds up to what the stated ones leave to
      the range; a post without a first day is in no year;
    - other staff time that no counted line of its year pays, at the same rates. Days that are part
      of a post's share for the same mechanism are not added again. Days said to be paid by a line
      that nobody named add nothing to what is known and their cost to the range. Days without a
      rate are counted as missing and never guessed.

    A project-year without attribution counts nowhere. A stated amount is shared out over sources
    and offices like the project's lines of that year; without lines it is project support. An
    amount of a mechanism with several themes (or regions) counts whole under each and once where
    the cut is not by theme; so does what an unknown share may add. ``only`` narrows to values of
    dimensions, and of ``supports``: ``iscm="rcm"``, ``source=["osi", "travel"]``, ``office="none"``
    for what has none. ``known_by`` asks for what was on record before that moment. The number of
    statements is constant.
    """
    (cells,) = investments(period, [by], known_by=known_by, **only)
    return cells


def investments(
    period: Period,
    cuts: Sequence[tuple[str, ...]],
    *,
    known_by: dt.datetime | None = None,
    **only: str | Collection[str] | None,
) -> list[list[Investment]]:
    """``investment`` by each of several ``cuts``, the records read once for all of them."""
    unknown = ({name for cut in cuts for name in cut} - set(DIMENSIONS)) | (set(only) - NARROWING)
    if unknown:
        raise ValueError(f"Unknown dimensions: {', '.join(sorted(unknown))}")
    wanted = _wanted(only)
    narrowed = sorted((name, sorted(map(repr, values))) for name, values in wanted.items())

    def amounts() -> list[tuple[list[_Leaf], _Cell]]:
        return _merged(_amounts(period, known_by))

    def cells() -> list[list[Investment]]:
        found = remembered("amounts", (period, known_by), amounts)
        return [_cut(found, by, wanted) for by in cuts]

    return remembered("investments", (period, known_by, list(cuts), narrowed), cells)


def last_year(today: dt.date, known_by: dt.datetime | None = None) -> int:
    """The last year with a line, an attribution or days, or that of ``today``, if that is later.

    Posts go no further: one without a last day would go on for ever.
    """
    lines = _counted(known_by).order_by().values_list("year")
    shares = rows_of(Attribution, known_by).order_by().values_list("year")
    days = rows_of(TimeEntry, known_by).order_by().values_list(ExtractYear("worked_on"))
    (last,) = lines.union(shares, days, all=True).order_by("-year").first() or (None,)
    return max(today.year, int(last or 0))


def _wanted(only: Mapping[str, str | Collection[str] | None]) -> dict[str, set[Any]]:
    """The values that are asked for, by dimension."""
    return {
        name: {None} if values == NONE else {values} if isinstance(values, str) else set(values)
        for name, values in only.items()
        if values is not None
    }


def _cut(
    amounts: Iterable[tuple[list[_Leaf], _Cell]], by: tuple[str, ...], only: dict[str, set[Any]]
) -> list[Investment]:
    places = _Places(by, only)
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

    def __init__(self, by: tuple[str, ...], only: dict[str, set[Any]]) -> None:
        self.by = by
        self.only = only
        self.slugs: dict[int, str] = {}
        self.types: dict[int, str] = {}
        self.themes: dict[int, set[str]] = defaultdict(set)
        self.regions: dict[int, set[str]] = defaultdict(set)
        asked = {*by, *only}
        if _OF_ISCM & asked:
            for pk, slug, kind in ISCM.objects.order_by().values_list("pk", "slug", "type"):
                self.slugs[pk], self.types[pk] = slug, kind
        if "theme" in asked:
            with_theme = ISCM.objects.order_by().filter(themes__isnull=False)
            for pk, code in with_theme.values_list("pk", "themes__code"):
                self.themes[pk].add(code)
        if "region" in asked:
            members = Membership.objects.filter(kind=MembershipKind.MEMBER, country__isnull=False)
            pairs = members.order_by().values_list("iscm", "country__region").distinct()
            for pk, region in pairs:
                self.regions[pk].add(region)

    def keys_of(self, leaf: _Leaf) -> Iterator[tuple[Any, ...]]:
        """The cells that ``leaf`` belongs to; none where ``only`` leaves it out."""
        slug = self.slugs.get(leaf.iscm) if leaf.iscm else None
        values: dict[str, Collection[Any]] = {
            "iscm": [slug],
            "supports": [leaf.supports],
            "year": [leaf.year],
            "source": [leaf.source],
            "office": [leaf.office],
            "project": [leaf.project],
            "theme": self._of(self.themes, leaf),
            "region": self._of(self.regions, leaf),
            "type": [self.types.get(leaf.iscm) if leaf.iscm else None],
        }
        if any(wanted.isdisjoint(values[name]) for name, wanted in self.only.items()):
            return
        values["iscm"] = [(leaf.supports, slug)]
        yield from product(*(values[name] for name in self.by))

    @staticmethod
    def _of(many: dict[int, set[str]], leaf: _Leaf) -> Collection[str | None]:
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
    known = cents(cell.known)
    return Investment(
        key=key,
        known_usd=known,
        low_usd=known,
        high_usd=cents(cell.known + cell.possible),
        missing={
            "unknown_shares": cell.unknown_shares,
            "posts_without_share": cell.posts_without_share,
            "days_without_rate": cents(cell.days_without_rate),
            "days_without_payer": cents(cell.days_without_payer),
        },
        n=cell.n,
    )


Amounts = Iterator[tuple[list[_Leaf], _Cell]]


def _merged(amounts: Amounts) -> list[tuple[list[_Leaf], _Cell]]:
    """One cell for what belongs to the same leaves: as few as there are places, not records."""
    cells: dict[tuple[_Leaf, ...], _Cell] = defaultdict(_Cell)
    for leaves, amount in amounts:
        cells[tuple(leaves)].add(amount)
    return [(list(leaves), cell) for leaves, cell in cells.items()]


def _amounts(period: Period, known_by: dt.datetime | None) -> Amounts:
    """Every amount with the leaves it belongs to; more than one only for unknown shares."""
    rates = _rates(period, known_by)
    yield from _direct_lines(period, known_by)
    yield from _project_lines(period, known_by)
    yield from _posts(period, rates, known_by)
    yield from _staff_time(period, rates, known_by)


def _rates(period: Period, known_by: dt.datetime | None) -> Rates:
    return {
        (grade, year): Fraction(usd)
        for grade, year, usd in rows_of(StandardCost, known_by)
        .filter(year__in=list(period.calendar_years))
        .values_list("grade", "year", "usd_per_day")
    }


def _counted(known_by: dt.datetime | None) -> FundingLineQuerySet:
    lines: FundingLineQuerySet = rows_of(FundingLine, known_by)  # type: ignore[assignment]
    return lines.counted()


def _lines(period: Period, known_by: dt.datetime | None) -> FundingLineQuerySet:
    return _counted(known_by).in_years(period).order_by()


def _held_posts(period: Period, known_by: dt.datetime | None) -> PositionQuerySet:
    posts: PositionQuerySet = rows_of(Position, known_by)  # type: ignore[assignment]
    return posts.not_paid_elsewhere(period, _counted(known_by)).order_by()


def _entries(period: Period, known_by: dt.datetime | None) -> TimeEntryQuerySet:
    entries: TimeEntryQuerySet = rows_of(TimeEntry, known_by)  # type: ignore[assignment]
    posts: PositionQuerySet = rows_of(Position, known_by)  # type: ignore[assignment]
    shares = rows_of(PositionShare, known_by)
    found = entries.not_paid_elsewhere(posts, shares, _counted(known_by))
    return found.worked_in(period).order_by()


def _direct_lines(period: Period, known_by: dt.datetime | None) -> Amounts:
    lines = _lines(period, known_by).filter(supports__in=DIRECT)
    groups = lines.values_list("supports", "iscm", "year", "source_of_funds", "office__slug")
    for *leaf, total, n in groups.annotate(total=Sum("amount_usd"), n=Count("pk")):
        yield [_Leaf(*leaf)], _Cell(known=Fraction(summed(total)), n=n)


def _project_lines(period: Period, known_by: dt.datetime | None) -> Amounts:
    for _project, _year, _parts, amounts in _shared_out(period, known_by):
        yield from amounts


def _shared_out(
    period: Period, known_by: dt.datetime | None, projects: Collection[int] | None = None
) -> Iterator[tuple[int, int, list[_Part], Amounts]]:
    """Each project and year with an attribution, of ``projects`` (ids) where they are given: what
    sources and offices give to it, and how the attributions share it out."""
    lines = _lines(period, known_by).filter(supports=Supports.PROJECT)
    attributions = rows_of(Attribution, known_by).order_by("pk")
    if projects is not None:
        lines = lines.filter(project__in=projects)
        attributions = attributions.filter(project__in=projects)
    groups = lines.values_list("project", "year", "source_of_funds", "office__slug")
    codes = dict(rows_of(Project, known_by).order_by().values_list("id", "code"))
    budgets: dict[tuple[int, int], list[_Part]] = defaultdict(list)
    for project, year, source, office, total, n in groups.annotate(
        total=Sum("amount_usd"), n=Count("pk")
    ):
        part = _Part(codes.get(project, ""), source, office, Fraction(summed(total)), n)
        budgets[project, year].append(part)
    shares: dict[tuple[int, int], list[_Share]] = defaultdict(list)
    rows = attributions.filter(year__in=list(period.calendar_years))
    for project, year, *share in rows.values_list(
        "project", "year", "iscm", "basis", "share_pct", "amount_usd"
    ):
        shares[project, year].append(_Share(*share))
    for (project, year), stated_or_not in shares.items():
        parts, nothing = budgets[project, year], _Part.of_no_lines(codes.get(project, ""))
        yield project, year, parts, _attributed(year, parts, stated_or_not, nothing)


@dataclass(frozen=True)
class _Part:
    """What one source and office give to a project in a year."""

    project: str
    source: str
    office: str | None
    amount: Fraction
    n: int

    def leaf(self, iscm: int, year: int) -> _Leaf:
        return _Leaf(Supports.ISCM.value, iscm, year, self.source, self.office, self.project)

    @classmethod
    def of_no_lines(cls, project: str) -> _Part:
        """An amount can be stated for a project whose lines are not on record."""
        return cls(project, FundingSource.PROJECT_SUPPORT.value, None, Fraction(0), 0)


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


def _attributed(year: int, parts: list[_Part], shares: list[_Share], nothing: _Part) -> Amounts:
    """The money of one project and year as the attributions share it out."""
    total = sum((part.amount for part in parts), Fraction(0))
    amounts = {share.iscm: share.of(total) for share in shares}
    if total:
        amounts = _fitting(amounts, shares, total)
    stated = sum((amount for amount in amounts.values() if amount is not None), Fraction(0))
    left = max(total - stated, Fraction(0))
    undecided = [iscm for iscm, amount in amounts.items() if amount is None]
    for part in parts:
        yield [part.leaf(iscm, year) for iscm in amounts], _Cell(n=part.n)
    for part in parts if total else [nothing]:
        weight = part.amount / total if total else Fraction(1)
        yield [part.leaf(iscm, year) for iscm in undecided], _Cell(possible=left * weight)
        for iscm, amount in amounts.items():
            if amount is not None:
                yield [part.leaf(iscm, year)], _Cell(known=amount * weight)
    for iscm in undecided:
        places = [part.leaf(iscm, year) for part in parts or [nothing]]
        yield places, _Cell(unknown_shares=1)


def _fitting(
    amounts: dict[int, Fraction | None], shares: list[_Share], total: Fraction
) -> dict[int, Fraction | None]:
    """``amounts`` of which those stated in USD are cut, each by the same part, to what the shares
    leave of the project's lines: no money is counted twice, whatever the documents say."""
    in_usd = {share.iscm for share in shares if share.amount_usd is not None}
    stated = sum((amounts[iscm] or Fraction(0) for iscm in in_usd), Fraction(0))
    shared = sum((amount or Fraction(0) for amount in amounts.values()), Fraction(0)) - stated
    room = max(total - shared, Fraction(0))
    if stated <= room:
        return amounts
    return {
        iscm: amount * room / stated if iscm in in_usd and amount is not None else amount
        for iscm, amount in amounts.items()
    }


@dataclass(frozen=True)
class _Post:
    """A post: what it costs, when it was held, and what pays it."""

    pk: int
    office: str
    grade: str
    starts_on: dt.date
    ends_on: dt.date | None
    funding_line: int | None
    project: int | None

    def working_days(self, year: int) -> Fraction:
        """The working days of ``year`` on which the post was held."""
        return part_of_year(self.starts_on, self.ends_on, year) * WORKING_DAYS_A_YEAR


def post_days(period: Period, known_by: dt.datetime | None = None) -> dict[str, Decimal]:
    """The working days that posts gave to each mechanism (slug), whoever pays them: the stated
    share of the days on which the post was held. Two statements and one for the names."""
    found: dict[int, Fraction] = defaultdict(Fraction)
    for given in _days_given(period, known_by).values():
        for iscm, days in given.items():
            found[iscm] += days
    slugs = dict(ISCM.objects.order_by().values_list("pk", "slug"))
    return {slugs[iscm]: cents(days) for iscm, days in found.items() if days}


def days_of_posts(
    period: Period,
    iscm: str | None = None,
    known_by: dt.datetime | None = None,
    only: Collection[int] | None = None,
) -> dict[int, Fraction]:
    """What of ``post_days`` each post gave to the mechanism (slug), or to all, by the post's id; of
    the posts ``only`` (ids) where they are given."""
    wanted = set(ISCM.objects.filter(slug=iscm).values_list("pk", flat=True)) if iscm else None
    return {
        post: sum(
            (days for pk, days in given.items() if wanted is None or pk in wanted), Fraction(0)
        )
        for post, given in _days_given(period, known_by, only).items()
    }


def _days_given(
    period: Period, known_by: dt.datetime | None, only: Collection[int] | None = None
) -> dict[int, dict[int, Fraction]]:
    """The working days that each post gave to each mechanism (ids)."""
    posts: PositionQuerySet = rows_of(Position, known_by)  # type: ignore[assignment]
    found = {}
    for post, shares in _with_shares(posts.held_during(period), known_by, only):
        days = sum((post.working_days(year) for year in period.calendar_years), Fraction(0))
        found[post.pk] = {iscm: Fraction(pct or 0) / 100 * days for iscm, pct in shares}
    return found


def posts_with_days(
    period: Period, iscm: str | None = None, known_by: dt.datetime | None = None
) -> PortalQuerySet:
    """The posts that were held in the period and have a share for the mechanism (slug), or for
    any."""
    posts: PositionQuerySet = rows_of(Position, known_by)  # type: ignore[assignment]
    shares = rows_of(PositionShare, known_by).filter(position=OuterRef("id"))
    if iscm is not None:
        shares = shares.filter(iscm__slug=iscm)
    return posts.held_during(period).filter(Exists(shares))


def days_beside_posts(period: Period, known_by: dt.datetime | None = None) -> TimeEntryQuerySet:
    """The days on record that are no part of a post's share, whoever pays them."""
    entries: TimeEntryQuerySet = rows_of(TimeEntry, known_by)  # type: ignore[assignment]
    posts: PositionQuerySet = rows_of(Position, known_by)  # type: ignore[assignment]
    beside = entries.beside_posts(posts, rows_of(PositionShare, known_by))
    return beside.worked_in(period).order_by()


def _posts(period: Period, rates: Rates, known_by: dt.datetime | None) -> Amounts:
    posts: PositionQuerySet = rows_of(Position, known_by)  # type: ignore[assignment]
    held = posts.held_during(period).order_by()
    open_years = _open_years(held, period, known_by)
    for post, shares in _with_shares(held, known_by):
        yield from _costs_of(post, shares, open_years(post), rates)


def _open_years(
    posts: PositionQuerySet, period: Period, known_by: dt.datetime | None
) -> Callable[[_Post], list[int]]:
    """What tells of each of ``posts`` the years of the period in which nothing counted pays it."""
    by_line, by_project = _paid_years(posts, _lines(period, known_by))

    def open_years(post: _Post) -> list[int]:
        paid = by_line[post.funding_line] | by_project[post.project]
        return [year for year in period.calendar_years if year not in paid]

    return open_years


def _paid_years(posts: PositionQuerySet, lines: FundingLineQuerySet) -> tuple[PaidYears, PaidYears]:
    """The years in which ``lines`` pay ``posts``: by funding line, and by project."""
    by_line: PaidYears = defaultdict(set)
    by_project: PaidYears = defaultdict(set)
    own = Q(id__in=posts.values("funding_line_id"))
    paying = lines.filter(own | Q(project_id__in=posts.values("project_id")))
    # Of the many lines of a project one row a year is enough.
    rows = paying.annotate(line=Case(When(own, then=F("id"))))
    for line, project, year in rows.values_list("line", "project_id", "year").distinct():
        if line:
            by_line[line].add(year)
        if project:
            by_project[project].add(year)
    return by_line, by_project


def _with_shares(
    posts: PositionQuerySet, known_by: dt.datetime | None, only: Collection[int] | None = None
) -> Iterator[tuple[_Post, list[tuple[int, Decimal | None]]]]:
    """The posts that have shares, with these, read side by side in the order of the posts; of
    ``only`` (ids) where they are given."""
    shares = rows_of(PositionShare, known_by).order_by("position_id", "iscm_id")
    if only is not None:
        posts, shares = posts.filter(id__in=only), shares.filter(position__in=only)
    by_post = groupby(
        shares.values_list("position_id", "iscm_id", "share_pct").iterator(chunk_size=2000),
        key=itemgetter(0),
    )
    of, given = next(by_post, (None, iter(())))
    columns = ("id", "office__slug", "grade", "starts_on", "ends_on", "funding_line_id")
    in_order = posts.order_by("id").values_list(*columns, "project_id")
    for post in starmap(_Post, in_order.iterator(chunk_size=2000)):
        while of is not None and of < post.pk:
            of, given = next(by_post, (None, iter(())))
        if of == post.pk:
            yield post, [(iscm, pct) for _post, iscm, pct in given]


def _costs_of(
    post: _Post, shares: list[tuple[int, Decimal | None]], years: Iterable[int], rates: Rates
) -> Amounts:
    """What a post cost in each of the ``years``, in which nothing counted pays it."""
    stated = (Fraction(pct) for _iscm, pct in shares if pct is not None)
    left = 100 - sum(stated, Fraction(0))
    for year in years:
        days = post.working_days(year)
        if not days:
            continue
        rate = rates.get((post.grade, year))
        leaves = {iscm: _post_leaf(post, iscm, year) for iscm, _pct in shares}
        undecided = [leaves[iscm] for iscm, pct in shares if pct is None]
        if undecided and rate is None:
            yield undecided, _Cell(days_without_rate=left / 100 * days)
        elif undecided:
            yield undecided, _Cell(possible=left / 100 * days * (rate or 0))
        for iscm, pct in shares:
            if pct is None:
                yield [leaves[iscm]], _Cell(posts_without_share=1, n=1)
            elif rate is None:
                yield [leaves[iscm]], _Cell(days_without_rate=Fraction(pct) / 100 * days, n=1)
            else:
                yield [leaves[iscm]], _Cell(known=Fraction(pct) / 100 * days * rate, n=1)


def _post_leaf(post: _Post, iscm: int, year: int) -> _Leaf:
    return _Leaf(Supports.ISCM.value, iscm, year, FundingSource.STAFF_TIME.value, post.office)


def _staff_time(period: Period, rates: Rates, known_by: dt.datetime | None) -> Amounts:
    entries = _entries(period, known_by)
    groups = (
        entries.annotate(supports=_SUPPORTED_BY_TIME, has_payer=~NO_PAYER_NAMED)
        .values_list("supports", "iscm", "worked_year", "office__slug", "grade", "has_payer")
        .annotate(total=Sum("days"), n=Count("pk"))
    )
    for supports, iscm, year, office, grade, has_payer, total, n in groups:
        leaf = _Leaf(supports, iscm, year, FundingSource.STAFF_TIME.value, office)
        days = Fraction(summed(total))
        rate = rates.get((grade, year))
        cell = _Cell(n=n)
        if rate is None:
            cell.days_without_rate = days
        elif has_payer:
            cell.known = days * rate
        else:
            cell.possible = days * rate
        if not has_payer:
            cell.days_without_payer = days
        yield [leaf], cell


# Time on the GRCP is the GRCP's; other time without a mechanism is shown as "not named".
_SUPPORTED_BY_TIME = Case(
    When(iscm__isnull=False, then=Value(Supports.ISCM.value)),
    When(event__kind=EventKind.GRCP, then=Value(Supports.GRCP.value)),
    default=Value(Supports.NOT_NAMED.value),
    output_field=CharField(),
)


def investment_records(
    period: Period,
    *,
    iscm: str | None = None,
    source: str | Collection[str] | None = None,
    theme: str | None = None,
    region: str | None = None,
    office: str | None = None,
    type: str | None = None,
    supports: str | None = None,
    project: Collection[str] | None = None,
    known_by: dt.datetime | None = None,
) -> dict[str, PortalQuerySet]:
    """The records that ``investment`` counts for the same values of its dimensions, as they are or
    as they were on record before the moment ``known_by``. ``project`` are codes.

    ``funding_lines``, ``attributions``, ``positions`` and ``time_entries``, not yet narrowed to
    their reader: the caller applies ``visible_to``.
    """
    years = list(period.calendar_years)
    sources = {source} if isinstance(source, str) else source
    attributions = rows_of(Attribution, known_by).filter(year__in=years)
    lines: PortalQuerySet = _lines(period, known_by)
    entries: PortalQuerySet = _entries(period, known_by)
    posts: PortalQuerySet = _held_posts(period, known_by)
    shares = rows_of(PositionShare, known_by).filter(position=OuterRef("id"))
    direct = Q(supports__in=DIRECT)
    iscms = _narrowed(iscm, theme, region, type)
    if iscms is not None:
        of_iscm = Q(iscm__in=iscms)
        if iscm is None and {theme, region, type} <= {None, NONE}:
            of_iscm |= Q(iscm__isnull=True)  # what names no mechanism has no theme either
        attributions = attributions.filter(iscm__in=iscms)
        entries = entries.filter(of_iscm)
        shares = shares.filter(iscm__in=iscms)
        direct &= of_iscm
    if supports is not None:
        if supports != Supports.ISCM:
            attributions, shares = attributions.none(), shares.none()
        entries = entries.annotate(supports=_SUPPORTED_BY_TIME).filter(supports=supports)
        direct &= Q(supports=supports)
    if project is not None:
        named = rows_of(Project, known_by).filter(code__in=project)
        attributions = attributions.filter(project__in=named.order_by().values("id"))
        direct = Q(pk__in=())
        entries, posts = entries.none(), posts.none()
    if office is not None:
        entries = entries.filter(_of_office(office))
        posts = posts.filter(_of_office(office))
    to_project = attributions.filter(project=OuterRef("project"), year=OuterRef("year"))
    lines = lines.filter(direct | (Q(supports=Supports.PROJECT) & Exists(to_project)))
    if sources is not None or office is not None:
        attributions = attributions.filter(_of_project_with(sources, office, known_by))
    if office is not None:
        lines = lines.filter(_of_office(office))
    if sources is not None:
        lines = lines.filter(source_of_funds__in=sources)
        if FundingSource.STAFF_TIME not in sources:
            entries, posts = entries.none(), posts.none()
    return {
        "funding_lines": lines,
        "attributions": attributions,
        "positions": posts.filter(Exists(shares)),
        "time_entries": entries,
    }


def lines_left_out(
    period: Period,
    *,
    iscm: str | None = None,
    source: str | None = None,
    theme: str | None = None,
    region: str | None = None,
    office: str | None = None,
    type: str | None = None,
    supports: str | None = None,
    project: Collection[str] | None = None,
    known_by: dt.datetime | None = None,
) -> PortalQuerySet:
    """The lines that are kept and not counted, for what ``investment_records`` is asked: those of
    the years, of a span of days in them, and those that name neither, which are of any year."""
    of_span = Q(period_starts_on__lt=period.end, period_ends_on__gte=period.start)
    of_any = Q(period_starts_on__isnull=True, period_ends_on__isnull=True)
    of_years = Q(year__in=list(period.calendar_years)) | Q(of_span | of_any, year__isnull=True)
    lines = rows_of(FundingLine, known_by).filter(of_years, is_counted=False)
    iscms = _narrowed(iscm, theme, region, type)
    if iscms is not None:
        lines = lines.filter(iscm__in=iscms)
    if source is not None:
        lines = lines.filter(source_of_funds=source)
    if office is not None:
        lines = lines.filter(_of_office(office))
    if supports is not None:
        lines = lines.filter(supports=supports)
    if project is not None:
        named = rows_of(Project, known_by).filter(code__in=project)
        lines = lines.filter(project__in=named.order_by().values("id"))
    return lines


def _narrowed(
    iscm: str | None, theme: str | None, region: str | None, type: str | None
) -> QuerySet[ISCM] | None:
    """The mechanisms that a question is narrowed to; None where it asks for all."""
    if iscm is theme is region is type is None:
        return None
    iscms: QuerySet[ISCM] = ISCM.objects.all()
    if iscm is not None:
        iscms = iscms.filter(slug=iscm)
    if theme is not None:
        iscms = iscms.filter(themes=None) if theme == NONE else iscms.filter(themes__code=theme)
    if type is not None:
        iscms = iscms.filter(type=type)
    if region is not None:
        members = Membership.objects.filter(
            iscm=OuterRef("pk"), kind=MembershipKind.MEMBER, country__isnull=False
        )
        of_region = Exists(members.filter(country__region=region))
        iscms = iscms.filter(~Exists(members) if region == NONE else of_region)
    return iscms


def _of_office(slug: str) -> Q:
    return Q(office__isnull=True) if slug == NONE else Q(office__slug=slug)


def _of_project_with(
    sources: Collection[str] | None, office: str | None, known_by: dt.datetime | None
) -> Q:
    """The condition that an attribution's project has lines of ``sources`` and ``office`` in its
    year. Without any line it is project support, of no office."""
    all_lines = rows_of(FundingLine, known_by).filter(
        is_counted=True, project=OuterRef("project"), year=OuterRef("year")
    )
    lines = all_lines
    if sources is not None:
        lines = lines.filter(source_of_funds__in=sources)
    if office is not None:
        lines = lines.filter(_of_office(office))
    condition = Q(Exists(lines))
    is_support = sources is None or FundingSource.PROJECT_SUPPORT in sources
    if is_support and office in (None, NONE):
        condition |= ~Q(Exists(all_lines))
        # A stated amount that no money of lines carries is project support too.
        condition |= ~Q(Exists(all_lines.filter(amount_usd__gt=0))) & Q(amount_usd__isnull=False)
    return condition
