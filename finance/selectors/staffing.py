"""Who is needed for the mechanisms, who there is, and the days that others give."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from django.db.models import (
    Count,
    DateField,
    DecimalField,
    Exists,
    F,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce, ExtractYear, Greatest, Least

from iscm_portal.common.access import Reader
from iscm_portal.common.numbers import ratio, summed
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import WORKING_DAYS_A_YEAR
from ..models import Position, PositionShare, StaffNeed, TermsOfReference, TimeEntry
from ..querysets import PositionQuerySet

WHOLE_POST = Decimal(100)
DIMENSIONS = ("iscm", "office", "year")

Rows = TypeVar("Rows", bound=PortalQuerySet)


@dataclass(frozen=True)
class SurveyFinding:
    """What offices answered in the evaluation's survey: no count of posts."""

    offices: int
    of: int
    printed_pct: int
    source: str


# "Less than half (45 per cent) reported having some kind of staffing plan and/or specific ToRs."
TOR_IN_SURVEY = SurveyFinding(
    offices=10, of=22, printed_pct=45, source="evaluation 2019, section 4.3 (Staffing)"
)


@dataclass(frozen=True)
class Staffing:
    """Posts needed and held in a cell, and days that were given without a post.

    ``key`` has one entry for each dimension asked for: ``iscm`` and ``office`` slugs (None: time
    that names no mechanism, a need that names no office), ``year`` a number. Posts are full posts
    (1.00 = 100 per cent of one for a year), cents of a post. ``needed`` is None where no need is
    on record. ``held`` adds up the stated shares, ``held_high`` also the most that unknown ones
    can be; ``unknown`` counts the posts with an unknown share. ``days`` come from accepted reports.
    """

    key: dict[str, Any]
    needed: Decimal | None
    held: Decimal
    held_high: Decimal
    unknown: int
    days: Decimal

    @property
    def gap(self) -> Decimal | None:
        """What is missing if unknown shares are nothing; below zero more is held than needed."""
        return None if self.needed is None else self.needed - self.held

    @property
    def gap_low(self) -> Decimal | None:
        """What is missing if unknown shares are all that they can be."""
        return None if self.needed is None else self.needed - self.held_high

    @property
    def is_range(self) -> bool:
        return self.held_high > self.held

    @property
    def days_pct(self) -> Decimal | None:
        """The days in per cent of a post."""
        return ratio(self.days, WORKING_DAYS_A_YEAR, scale=100)


@dataclass
class _Cell:
    needed: Fraction | None = None
    held: Fraction = Fraction(0)
    possible: Fraction = Fraction(0)  # on top of what is held
    unknown: int = 0
    days: Decimal = Decimal(0)

    def add(self, other: _Cell) -> None:
        if other.needed is not None:
            self.needed = (self.needed or Fraction(0)) + other.needed
        self.held += other.held
        self.possible += other.possible
        self.unknown += other.unknown
        self.days += other.days


@dataclass(frozen=True)
class _Leaf:
    """The finest place that posts and days can have."""

    iscm: str | None
    office: str | None
    year: int


def staffing(
    period: Period,
    by: tuple[str, ...] = (),
    *,
    iscm: str | None = None,
    office: str | None = None,
    reader: Reader | None = None,
) -> list[Staffing]:
    """Posts needed and held, and days given, in every cell of ``by`` (see ``DIMENSIONS``).

    In each calendar year that the period touches (decision 0024):

    - *needed*: the per cent of posts that the staff needs of the year say;
    - *held*: the share that a post has for the mechanism, weighted by the part of the year's days
      on which the post was held. A post without a first day is in no year;
    - an unknown share adds nothing to what is held and to the range what the post's stated shares
      leave, once to a cell that has several unknown shares of one post;
    - *days*: time entries of accepted reports that are not part of a post's share.

    Without ``year`` among ``by``, several years add up to years of posts. ``iscm`` and ``office``
    (slugs; "" for what names none) narrow; with ``reader`` only what he may read is counted. The
    number of statements is constant.
    """
    (cells,) = staffings(period, [by], iscm=iscm, office=office, reader=reader)
    return cells


def staffings(
    period: Period,
    cuts: Sequence[tuple[str, ...]],
    *,
    iscm: str | None = None,
    office: str | None = None,
    reader: Reader | None = None,
) -> list[list[Staffing]]:
    """``staffing`` by each of several ``cuts``, the records read once for all of them."""
    scope = _Scope(period, iscm, office, reader)
    amounts = list(scope.amounts())
    return [_cut(amounts, by) for by in cuts]


def _cut(
    amounts: Iterable[tuple[list[_Leaf], _Cell]],
    by: tuple[str, ...],
    iscms: Collection[str | None] | None = None,
) -> list[Staffing]:
    """The cells of ``by``; of the mechanisms ``iscms`` only, where these are given."""
    wrong = set(by) - set(DIMENSIONS)
    if wrong:
        raise ValueError(f"Unknown dimensions: {', '.join(sorted(wrong))}")
    cells: dict[tuple[Any, ...], _Cell] = defaultdict(_Cell)
    for leaves, amount in amounts:
        taken = [leaf for leaf in leaves if iscms is None or leaf.iscm in iscms]
        # A set: what several mechanisms share is added once to a cell that has them all.
        for key in {tuple(getattr(leaf, name) for name in by) for leaf in taken}:
            cells[key].add(amount)
    return [
        _rounded(dict(zip(by, key, strict=True)), cells[key])
        for key in sorted(cells, key=lambda key: str(key))
    ]


def _rounded(key: dict[str, Any], cell: _Cell) -> Staffing:
    return Staffing(
        key=key,
        needed=None if cell.needed is None else _cents(cell.needed),
        held=_cents(cell.held),
        held_high=_cents(cell.held + cell.possible),
        unknown=cell.unknown,
        days=cell.days,
    )


def _cents(number: Fraction) -> Decimal:
    """``number``, never negative here, rounded half up to hundredths."""
    return Decimal((number * 200 + 1) // 2).scaleb(-2)


def part_of_year(starts_on: dt.date, ends_on: dt.date | None, year: int) -> Fraction:
    """The part of the days of ``year`` on which a post was held, its first and last included."""
    whole = Period.year(year)
    first = max(starts_on, whole.start)
    end = whole.end if ends_on is None else min(ends_on + dt.timedelta(days=1), whole.end)
    return Fraction(max((end - first).days, 0), (whole.end - whole.start).days)


def _called(path: str, slug: str) -> Q:
    """The condition that what ``path`` leads to is called ``slug``; "" is nothing."""
    return Q(**{f"{path}__slug": slug}) if slug else Q(**{f"{path}__isnull": True})


class _Scope:
    """The records of some years, a mechanism, an office and a reader, as amounts with a place."""

    def __init__(
        self, period: Period, iscm: str | None, office: str | None, reader: Reader | None
    ) -> None:
        self.years = period.calendar_years
        self.period = Period.years(self.years[0], self.years[-1])
        self.iscm, self.office, self.reader = iscm, office, reader

    def amounts(self) -> Iterator[tuple[list[_Leaf], _Cell]]:
        """Every amount with the places it belongs to; several only for unknown shares."""
        yield from self._needed()
        yield from self._held()
        yield from self._unknown()
        yield from self._days()

    def needs(self) -> PortalQuerySet:
        return self._narrowed(StaffNeed.objects.filter(year__in=list(self.years)), "office")

    def shares(self) -> PortalQuerySet:
        held = PositionShare.objects.filter(
            position__in=Position.objects.held_during(self.period).values("pk")
        )
        return self._narrowed(held, "position__office")

    def time_entries(self) -> PortalQuerySet:
        entries = TimeEntry.objects.worked_in(self.period).given_without_a_post()
        return self._narrowed(entries, "office")

    def _narrowed(self, rows: Rows, office: str) -> Rows:
        if self.reader is not None:
            rows = rows.visible_to(self.reader)
        if self.iscm is not None:
            rows = rows.filter(_called("iscm", self.iscm))
        if self.office is not None:
            rows = rows.filter(_called(office, self.office))
        return rows

    def _needed(self) -> Iterator[tuple[list[_Leaf], _Cell]]:
        groups = self.needs().order_by().values_list("iscm__slug", "office__slug", "year")
        for *leaf, pct in groups.annotate(pct=Sum("share_pct")):
            yield [_Leaf(*leaf)], _Cell(needed=Fraction(summed(pct)) / 100)

    def _held(self) -> Iterator[tuple[list[_Leaf], _Cell]]:
        groups = (
            self._dated(self.shares())
            .filter(share_pct__isnull=False)
            .values_list("iscm__slug", "position__office__slug", "first_day", "last_day")
        )
        for iscm, office, first, last, pct in groups.annotate(pct=Sum("share_pct")):
            for year, part in self._parts(first, last):
                yield [_Leaf(iscm, office, year)], _Cell(held=Fraction(summed(pct)) * part / 100)

    def _unknown(self) -> Iterator[tuple[list[_Leaf], _Cell]]:
        stated = (
            PositionShare.objects.filter(position=OuterRef("position"))
            .order_by()
            .values("position")
            .annotate(pct=Sum("share_pct"))
            .values("pct")
        )
        rows = (
            self._dated(self.shares())
            .filter(share_pct__isnull=True)
            .annotate(stated=Coalesce(Subquery(stated), Value(0), output_field=DecimalField()))
            .values_list(
                "position",
                "stated",
                "position__office__slug",
                "first_day",
                "last_day",
                "iscm__slug",
            )
        )
        posts: dict[tuple[Any, ...], list[str]] = defaultdict(list)
        for *post, iscm in rows:
            posts[tuple(post)].append(iscm)
        for (_pk, pct, office, first, last), iscms in posts.items():
            left = Fraction(WHOLE_POST - summed(pct)) / 100
            for year, part in self._parts(first, last):
                places = [_Leaf(iscm, office, year) for iscm in iscms]
                yield places, _Cell(possible=left * part, unknown=1)

    def _days(self) -> Iterator[tuple[list[_Leaf], _Cell]]:
        groups = (
            self.time_entries()
            .order_by()
            .annotate(worked_year=ExtractYear("worked_on"))
            .values_list("iscm__slug", "office__slug", "worked_year")
        )
        for *leaf, days in groups.annotate(total=Sum("days")):
            yield [_Leaf(*leaf)], _Cell(days=summed(days))

    def _dated(self, shares: PortalQuerySet) -> PortalQuerySet:
        """Adds ``first_day`` and ``last_day`` inside of the years: few different ones, whatever
        the number of posts."""
        last_day = self.period.end - dt.timedelta(days=1)
        ends_on = Coalesce("position__ends_on", Value(last_day), output_field=DateField())
        dated: PortalQuerySet = shares.order_by().annotate(
            first_day=Greatest(
                "position__starts_on", Value(self.period.start), output_field=DateField()
            ),
            last_day=Least(ends_on, Value(last_day), output_field=DateField()),
        )
        return dated

    def _parts(self, first: dt.date, last: dt.date) -> Iterator[tuple[int, Fraction]]:
        for year in range(first.year, last.year + 1):
            yield year, part_of_year(first, last, year)


@dataclass(frozen=True)
class StaffingPlan:
    """The plan of ``year`` by mechanism, and by place: mechanism and office.

    ``planned`` adds up the mechanisms with a need on record, where needed and held can be set side
    by side; ``total`` all of them. Both are None where there is nothing. ``no_office`` is, where
    an office was asked for, what is needed (posts) of no office in particular, else None.
    """

    year: int
    by_iscm: list[Staffing]
    by_place: list[Staffing]
    planned: Staffing | None
    total: Staffing | None
    no_office: Decimal | None

    @property
    def mechanisms_planned(self) -> int:
        return sum(row.needed is not None for row in self.by_iscm)

    @property
    def largest(self) -> Staffing | None:
        """The mechanism with the largest gap."""
        gaps = [row for row in self.by_iscm if row.gap is not None and row.gap > 0]
        return max(gaps, key=lambda row: row.gap or 0, default=None)

    @property
    def over(self) -> list[Staffing]:
        """Mechanisms that have more than they need, also if unknown shares are nothing."""
        return [row for row in self.by_iscm if row.gap is not None and row.gap < 0]

    @property
    def not_planned(self) -> list[Staffing]:
        """Mechanisms with posts, and without a need on record."""
        return [
            row for row in self.by_iscm if row.needed is None and (row.held_high or row.unknown)
        ]


def staffing_plan(
    year: int,
    *,
    iscm: str | None = None,
    office: str | None = None,
    reader: Reader | None = None,
) -> StaffingPlan:
    """The plan of a year, narrowed as in ``staffing``; in five statements at most."""
    period = Period.year(year)
    amounts = list(_Scope(period, iscm, office, reader).amounts())
    by_iscm = _cut(amounts, ("iscm",))
    planned = {row.key["iscm"] for row in by_iscm if row.needed is not None}
    return StaffingPlan(
        year=year,
        by_iscm=by_iscm,
        by_place=_cut(amounts, ("iscm", "office")),
        planned=next(iter(_cut(amounts, (), planned)), None),
        total=next(iter(_cut(amounts, ())), None),
        no_office=_of_no_office(_Scope(period, iscm, None, reader)) if office else None,
    )


def _of_no_office(scope: _Scope) -> Decimal:
    needs = scope.needs().filter(office__isnull=True)
    return _cents(Fraction(summed(needs.aggregate(pct=Sum("share_pct"))["pct"])) / 100)


def staffing_records(
    period: Period, *, iscm: str | None = None, office: str | None = None
) -> dict[str, PortalQuerySet]:
    """The records that ``staffing`` counts for the same mechanism and office.

    ``needs``, ``shares`` (of posts) and ``time_entries``, not yet narrowed to their reader: the
    caller applies ``visible_to``.
    """
    scope = _Scope(period, iscm, office, None)
    return {
        "needs": scope.needs(),
        "shares": scope.shares(),
        "time_entries": scope.time_entries(),
    }


def posts(iscm: str | None = None, office: str | None = None) -> PositionQuerySet:
    """The posts of an office, and with a share for a mechanism, where these are given (slugs; ""
    for posts without a share for any)."""
    found: PositionQuerySet = Position.objects.all()
    if iscm is not None:
        shares = PositionShare.objects.filter(position=OuterRef("pk"))
        found = found.filter(Exists(shares.filter(iscm__slug=iscm)) if iscm else ~Exists(shares))
    if office is not None:
        found = found.filter(_called("office", office))
    return found


@dataclass(frozen=True)
class ToRCoverage:
    """Posts by whether their terms of reference are on record; each post once, whatever its share.

    ``with_document`` of those ``with_tor`` have the document itself in the portal.
    """

    with_tor: int
    without_tor: int
    unknown: int
    with_document: int

    @property
    def known(self) -> int:
        return self.with_tor + self.without_tor

    @property
    def posts(self) -> int:
        return self.known + self.unknown

    @property
    def pct(self) -> Decimal | None:
        """Of the posts of which it is known, the per cent with ToR; None where it is of none."""
        return ratio(self.with_tor, self.known, scale=100)


def tor_coverage(held: PositionQuerySet) -> ToRCoverage:
    """How many of the posts ``held`` have their terms of reference on record, in one statement.

    For a year: ``tor_coverage(posts(iscm, office).held_during(Period.year(year)))``, narrowed to
    its reader by the caller. Source of the question: evaluation 2019, section 4.3; its own 45 per
    cent (``TOR_IN_SURVEY``) counts offices, not posts.
    """
    documents = TermsOfReference.objects.filter(position=OuterRef("pk"))
    counts = held.order_by().aggregate(
        with_tor=Count("pk", filter=Q(has_tor=True)),
        without_tor=Count("pk", filter=Q(has_tor=False)),
        unknown=Count("pk", filter=Q(has_tor__isnull=True)),
        with_document=Count("pk", filter=Q(Exists(documents), has_tor=True)),
    )
    return ToRCoverage(**counts)


def post_list(rows: PositionQuerySet) -> PositionQuerySet:
    """The posts ``rows`` with all that a list of them shows, and ``office_name`` to sort by."""
    found: PositionQuerySet = rows.annotate(office_name=F("office__name"))
    return found.select_related("office", "funding_line", "project").prefetch_related(
        "shares__iscm", "terms_of_reference"
    )


def posts_in_year(share: PositionShare, year: int) -> Decimal | None:
    """What a share of a post comes to in ``year`` (posts); None where the share is unknown."""
    post = share.position
    if share.share_pct is None or post.starts_on is None:
        return None
    part = part_of_year(post.starts_on, post.ends_on, year)
    return _cents(Fraction(share.share_pct) * part / 100)


@dataclass(frozen=True)
class Undated:
    """Posts without a first day: in no year. ``stated`` adds up their stated shares, in posts."""

    posts: int
    stated: Decimal


def undated(rows: PositionQuerySet, iscm: str | None = None) -> Undated:
    """How many of the posts ``rows`` have no first day, and their stated shares; for ``iscm``
    where it is given. Two statements."""
    without = rows.without_first_day()
    shares = PositionShare.objects.filter(position__in=without.order_by().values("pk"))
    if iscm is not None:
        shares = shares.filter(_called("iscm", iscm))
    stated = shares.aggregate(pct=Sum("share_pct"))["pct"]
    return Undated(without.count(), _cents(Fraction(summed(stated)) / 100))
