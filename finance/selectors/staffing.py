"""Who is needed for the mechanisms, who there is, and the days that others give."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeVar

from django.db.models import (
    Aggregate,
    Case,
    Count,
    DateField,
    DecimalField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, ExtractYear, Greatest, Least
from django.db.models.lookups import GreaterThan

from iscm_portal.common.access import Reader
from iscm_portal.common.as_of import record_of, rows_of
from iscm_portal.common.expressions import DaysBetween
from iscm_portal.common.numbers import ratio, summed
from iscm_portal.common.period import Period, held_during, part_of_year
from iscm_portal.common.querysets import PortalQuerySet
from iscm_portal.common.sorting import Columns

from ..choices import WORKING_DAYS_A_YEAR
from ..models import Position, PositionShare, StaffNeed, TermsOfReference, TimeEntry
from ..querysets import PositionQuerySet, TimeEntryQuerySet

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


# How the table of mechanisms can be sorted; what its rows are called is the caller's.
COLUMNS: Columns[Staffing] = {
    "needed": lambda row: row.needed,
    "held": lambda row: row.held,
    "unknown": lambda row: row.unknown,
    "gap": lambda row: row.gap,
    "days": lambda row: row.days,
    "part": lambda row: row.days_pct,
}


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


Key = tuple[Any, ...]
Amounts = Iterator[tuple[Key, _Cell]]


def staffing(
    period: Period,
    by: tuple[str, ...] = (),
    *,
    iscm: str | None = None,
    office: str | None = None,
    reader: Reader | None = None,
    known_by: dt.datetime | None = None,
    planned: bool = False,
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
    (slugs; "" for what names none) narrow, ``planned`` to the mechanisms with a need on record
    there; with ``reader`` only what he may read is counted; ``known_by`` asks for what was on
    record before that moment. The database adds up, in four statements.
    """
    wrong = set(by) - set(DIMENSIONS)
    if wrong:
        raise ValueError(f"Unknown dimensions: {', '.join(sorted(wrong))}")
    return _listed(by, _scope(period, iscm, office, reader, known_by, planned=planned).cells(by))


def _listed(by: tuple[str, ...], cells: dict[Key, _Cell]) -> list[Staffing]:
    return [_rounded(by, key, cells[key]) for key in sorted(cells, key=_in_order)]


def _in_order(key: Key) -> list[tuple[bool, Any]]:
    """What names no mechanism, or no office, comes after what does."""
    return [(value is None, value or "") for value in key]


def _rounded(by: tuple[str, ...], key: Key, cell: _Cell) -> Staffing:
    return Staffing(
        key=dict(zip(by, key, strict=True)),
        needed=None if cell.needed is None else _cents(cell.needed),
        held=_cents(cell.held),
        held_high=_cents(cell.held + cell.possible),
        unknown=cell.unknown,
        days=cell.days,
    )


def _cents(number: Fraction) -> Decimal:
    """``number``, never negative here, rounded half up to hundredths."""
    return Decimal((number * 200 + 1) // 2).scaleb(-2)


def _called(path: str, slug: str) -> Q:
    """The condition that the slug at ``path`` is ``slug``; "" is nothing."""
    return Q(**{path: slug}) if slug else Q(**{f"{path}__isnull": True})


def _days_held(year: int, post: str = "") -> Greatest:
    """The days of ``year`` on which the post at the path ``post`` was held, as an expression."""
    first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
    begins = Greatest(f"{post}starts_on", Value(first), output_field=DateField())
    ends_on = Coalesce(f"{post}ends_on", Value(last), output_field=DateField())
    ends = Least(ends_on, Value(last), output_field=DateField())
    return Greatest(DaysBetween(ends, begins) + 1, 0, output_field=IntegerField())


def _days_of(year: int) -> int:
    whole = Period.year(year)
    return (whole.end - whole.start).days


def _called_one_of(path: str, slugs: set[str | None]) -> Q:
    found = Q(**{f"{path}__in": sorted(slug for slug in slugs if slug)})
    return found | Q(**{f"{path}__isnull": True}) if None in slugs else found


class _Scope:
    """The records of some years, a mechanism, an office and a reader, added up by the database.

    ``places`` narrows further, to the mechanisms and to the offices (slugs or None) that it names.
    """

    # Where the slug of a share's office stands.
    office_of_post = "position__office__slug"

    def __init__(
        self,
        period: Period,
        iscm: str | None,
        office: str | None,
        reader: Reader | None,
        known_by: dt.datetime | None = None,
        *,
        planned: bool = False,
        places: Collection[Key] | None = None,
    ) -> None:
        self.years = period.calendar_years
        self.period = Period.years(self.years[0], self.years[-1])
        self.iscm, self.office, self.reader = iscm, office, reader
        self.planned, self.places = planned, places
        self.known_by = known_by

    def needs(self) -> PortalQuerySet:
        return self._narrowed(self._of_years(), "office__slug")

    def shares(self) -> PortalQuerySet:
        held = PositionShare.objects.filter(
            held_during(self.period, "position__starts_on", "position__ends_on"),
            position__starts_on__isnull=False,
        )
        return self._narrowed(held, self.office_of_post)

    def time_entries(self) -> PortalQuerySet:
        rows: TimeEntryQuerySet = rows_of(TimeEntry, self.known_by)  # type: ignore[assignment]
        held: PositionQuerySet = rows_of(Position, self.known_by)  # type: ignore[assignment]
        beside = rows.beside_posts(held, rows_of(PositionShare, self.known_by))
        return self._narrowed(beside.of_reports().worked_in(self.period), "office__slug")

    def unknown_posts(self) -> PositionQuerySet:
        """The posts with an unknown share, each once; adds ``left`` (per cent) for it."""
        unknown = self.shares().filter(share_pct__isnull=True, position=OuterRef("pk"))
        posts: PositionQuerySet = Position.objects.filter(Exists(unknown)).annotate(
            left=self._left("pk")
        )
        return posts

    def _of_years(self) -> PortalQuerySet:
        return rows_of(StaffNeed, self.known_by).filter(year__in=list(self.years))

    def _narrowed(self, rows: Rows, office: str) -> Rows:
        rows = self._read(rows, office)
        if self.planned:
            needs = self._read(self._of_years(), "office__slug")
            rows = rows.filter(iscm__in=needs.order_by().values("iscm"))
        if self.places is not None:
            iscms = {iscm for iscm, _office in self.places}
            rows = rows.filter(_called_one_of("iscm__slug", iscms))
        return rows

    def _read(self, rows: Rows, office: str) -> Rows:
        """Narrowed to the reader, the mechanism, and by the slug at ``office`` where there is one
        to the office."""
        if self.reader is not None:
            rows = rows.visible_to(self.reader)
        if self.iscm is not None:
            rows = rows.filter(_called("iscm__slug", self.iscm))
        return self._of_office(rows, office) if office else rows

    def _of_office(self, rows: Rows, path: str) -> Rows:
        if self.office is not None:
            rows = rows.filter(_called(path, self.office))
        if self.places is not None:
            offices = {office for _iscm, office in self.places}
            rows = rows.filter(_called_one_of(path, offices))
        return rows

    def cells(self, by: tuple[str, ...]) -> dict[Key, _Cell]:
        cells: dict[Key, _Cell] = defaultdict(_Cell)
        for amounts in (self._needed(by), self._held(by), self._unknown(by), self._days(by)):
            for key, amount in amounts:
                cells[key].add(amount)
        return cells

    def totals(self, cells: dict[Key, _Cell]) -> tuple[Staffing | None, Staffing | None]:
        """The ``cells`` of mechanisms as one: of those with a need on record, and of all.

        A post with unknown shares for several mechanisms counts once: that alone is asked again.
        """
        planned = {iscm for (iscm,), cell in cells.items() if cell.needed is not None}
        of_planned, of_all = _Cell(), _Cell()
        for (iscm,), cell in cells.items():
            certain = replace(cell, possible=Fraction(0), unknown=0)
            of_all.add(certain)
            if iscm in planned:
                of_planned.add(certain)
        for is_planned, cell in self._unknown_together(planned):
            of_all.add(cell)
            if is_planned:
                of_planned.add(cell)
        return (
            _rounded((), (), of_planned) if planned else None,
            _rounded((), (), of_all) if cells else None,
        )

    def _unknown_together(self, planned: set[str]) -> Iterator[tuple[bool, _Cell]]:
        """Posts with an unknown share for one of the mechanisms ``planned``, and the others."""
        shares = self.shares().filter(share_pct__isnull=True, position=OuterRef("pk"))
        is_planned = Exists(shares.filter(iscm__slug__in=sorted(planned)))
        posts = self.unknown_posts().order_by().annotate(is_planned=is_planned, nothing=Value(0))
        groups = posts.values_list("is_planned", "nothing")
        for (of_planned,), year, n, pct_days in self._by_year(groups, (), F("left")):
            yield of_planned, _possible(pct_days, year, n)

    def _needed(self, by: tuple[str, ...]) -> Amounts:
        groups = _grouped(self.needs(), by, "office__slug", year=F("year"))
        for *key, _nothing, n, pct in groups.annotate(n=Count("pk"), pct=Sum("share_pct")):
            if n:
                yield tuple(key), _Cell(needed=Fraction(summed(pct)) / 100)

    def _days(self, by: tuple[str, ...]) -> Amounts:
        rows = self.time_entries()
        groups = _grouped(rows, by, "office__slug", year=ExtractYear("worked_on"))
        for *key, _nothing, n, days in groups.annotate(n=Count("pk"), total=Sum("days")):
            if n:
                yield tuple(key), _Cell(days=summed(days))

    def _held(self, by: tuple[str, ...]) -> Amounts:
        rows = self.shares().filter(share_pct__isnull=False)
        groups = _grouped(rows, by, self.office_of_post)
        for key, year, _n, pct_days in self._by_year(groups, by, F("share_pct"), "position__"):
            yield key, _Cell(held=pct_days / (100 * _days_of(year)))

    def _unknown(self, by: tuple[str, ...]) -> Amounts:
        if "iscm" in by:  # a post has one share at most for each mechanism
            rows = self.shares().filter(share_pct__isnull=True)
            rows = rows.annotate(left=self._left("position"))
            groups = _grouped(rows, by, self.office_of_post)
            years = self._by_year(groups, by, F("left"), "position__")
        else:
            groups = _grouped(self.unknown_posts(), by, "office__slug")
            years = self._by_year(groups, by, F("left"))
        for key, year, n, pct_days in years:
            yield key, _possible(pct_days, year, n)

    def _by_year(
        self, groups: Any, by: tuple[str, ...], pct: F, post: str = ""
    ) -> Iterator[tuple[Key, int, int, Fraction]]:
        """For each group and year with any: its key, the year, how many were held, and their per
        cent times days."""
        sums: dict[str, Aggregate] = {}
        for year in self.years:
            days = _days_held(year, post)
            sums[f"n_{year}"] = Count("pk", filter=Q(GreaterThan(days, 0)))
            sums[f"pct_days_{year}"] = Sum(pct * days, output_field=DecimalField())
        for row in groups.annotate(**sums):
            *places, _nothing = row[: -len(sums)]
            found = row[-len(sums) :]
            for year, n, pct_days in zip(self.years, found[::2], found[1::2], strict=True):
                key = list(places)
                if "year" in by:
                    key.insert(by.index("year"), year)
                if n:
                    yield tuple(key), year, n, Fraction(summed(pct_days))

    def _left(self, post: str) -> Combinable:
        """What the stated shares of the post ``post`` leave of it (per cent), as an expression."""
        stated = (
            rows_of(PositionShare, self.known_by)
            .filter(position=OuterRef(post))
            .order_by()
            .values("position")
            .annotate(pct=Sum("share_pct"))
            .values("pct")
        )
        summed_up = Coalesce(Subquery(stated), Value(0), output_field=DecimalField())
        return Value(WHOLE_POST) - summed_up


@dataclass(frozen=True)
class _KeptPost:
    """A post as it was on record: its office (a slug), and when it was held."""

    office: str
    starts_on: dt.date
    ends_on: dt.date | None


class _PastScope(_Scope):
    """The same of what was on record before the moment ``known_by``.

    A kept share points to the post as it is now. So the kept posts and their shares are read side
    by side and put together here, as the total investment does; needs and days are added up by the
    database.
    """

    office_of_post = "post_office"

    def shares(self) -> PortalQuerySet:
        posts = rows_of(Position, self.known_by).order_by()
        held = self._held_posts().order_by().values("id")
        rows = rows_of(PositionShare, self.known_by).filter(position__in=held)
        # Offices are narrowed with the posts.
        narrowed = self._narrowed(rows, "")
        office = posts.filter(id=OuterRef("position_id")).values("office__slug")
        with_office: PortalQuerySet = narrowed.annotate(post_office=Subquery(office))
        return with_office

    def unknown_posts(self) -> PositionQuerySet:
        unknown = self.shares().filter(share_pct__isnull=True).order_by().values("position_id")
        rows = rows_of(Position, self.known_by).filter(id__in=unknown)
        posts: PositionQuerySet = rows.annotate(left=self._left("id"))
        return posts

    def _held_posts(self) -> PositionQuerySet:
        posts: PositionQuerySet = rows_of(Position, self.known_by)  # type: ignore[assignment]
        return self._of_office(posts.held_during(self.period), "office__slug")

    @cached_property
    def _posts(self) -> dict[int, _KeptPost]:
        columns = ("id", "office__slug", "starts_on", "ends_on")
        return {pk: _KeptPost(*post) for pk, *post in self._held_posts().values_list(*columns)}

    @cached_property
    def _shares(self) -> list[tuple[int, str, Decimal | None]]:
        """Post, mechanism (a slug) and per cent of each share."""
        return list(self.shares().values_list("position_id", "iscm__slug", "share_pct"))

    @cached_property
    def _undecided(self) -> dict[int, list[str]]:
        """The mechanisms that a post has an unknown share for, by post."""
        found: dict[int, list[str]] = defaultdict(list)
        for pk, iscm, pct in self._shares:
            if pct is None:
                found[pk].append(iscm)
        return found

    @cached_property
    def _stated(self) -> dict[int, Decimal]:
        """What all the stated shares of the posts with an unknown one come to, by post."""
        unknown = self.shares().filter(share_pct__isnull=True).order_by().values("position_id")
        shares = rows_of(PositionShare, self.known_by).filter(position__in=unknown).order_by()
        sums = shares.values_list("position_id").annotate(pct=Sum("share_pct"))
        return {pk: summed(pct) for pk, pct in sums}

    def _held(self, by: tuple[str, ...]) -> Amounts:
        # Few different ones, whatever the number of posts.
        stated: dict[tuple[str, _KeptPost], Decimal] = defaultdict(Decimal)
        for pk, iscm, pct in self._shares:
            if pct is not None:
                stated[iscm, self._posts[pk]] += pct
        for (iscm, post), pct in stated.items():
            for year, part in self._parts(post):
                yield _key(by, iscm, post.office, year), _Cell(held=Fraction(pct) * part / 100)

    def _unknown(self, by: tuple[str, ...]) -> Amounts:
        for pk, iscms in self._undecided.items():
            for year, cell in self._possible(pk):
                # Once to a cell that has several unknown shares of the post.
                for key in {_key(by, iscm, self._posts[pk].office, year) for iscm in iscms}:
                    yield key, cell

    def _unknown_together(self, planned: set[str]) -> Iterator[tuple[bool, _Cell]]:
        for pk, iscms in self._undecided.items():
            for _year, cell in self._possible(pk):
                yield not planned.isdisjoint(iscms), cell

    def _possible(self, pk: int) -> Iterator[tuple[int, _Cell]]:
        """What the unknown shares of a post can come to at most, year by year."""
        left = Fraction(WHOLE_POST - self._stated[pk]) / 100
        for year, part in self._parts(self._posts[pk]):
            yield year, _Cell(possible=left * part, unknown=1)

    def _parts(self, post: _KeptPost) -> Iterator[tuple[int, Fraction]]:
        for year in self.years:
            if part := part_of_year(post.starts_on, post.ends_on, year):
                yield year, part


def _key(by: tuple[str, ...], iscm: str, office: str, year: int) -> Key:
    place = {"iscm": iscm, "office": office, "year": year}
    return tuple(place[name] for name in by)


def _scope(
    period: Period,
    iscm: str | None,
    office: str | None,
    reader: Reader | None,
    known_by: dt.datetime | None,
    **more: Any,
) -> _Scope:
    """The records as they are, or as they were on record before the moment ``known_by``."""
    kind = _Scope if known_by is None else _PastScope
    return kind(period, iscm, office, reader, known_by, **more)


def _possible(pct_days: Fraction, year: int, n: int) -> _Cell:
    return _Cell(possible=pct_days / (100 * _days_of(year)), unknown=n)


def _grouped(rows: Any, by: tuple[str, ...], office: str, year: Any = None) -> Any:
    """``rows`` by the dimensions ``by`` as tuples, and a last column of nothing, so that without
    dimensions all of them are one group. Without ``year`` that one is left out."""
    paths = {"iscm": F("iscm__slug"), "office": F(office), "year": year}
    names = {f"by_{name}": paths[name] for name in by if paths[name] is not None}
    return rows.order_by().annotate(**names, nothing=Value(0)).values_list(*names, "nothing")


@dataclass(frozen=True)
class StaffingPlan:
    """The plan of ``year`` by mechanism.

    ``planned`` adds up the mechanisms with a need on record, where needed and held can be set side
    by side; ``total`` all of them. Both are None where there is nothing. ``no_office`` is, where
    an office was asked for, what is needed (posts) of no office in particular, else None.
    """

    year: int
    by_iscm: list[Staffing]
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
    known_by: dt.datetime | None = None,
) -> StaffingPlan:
    """The plan of a year, narrowed as in ``staffing``; in six statements at most."""
    period = Period.year(year)
    scope = _scope(period, iscm, office, reader, known_by)
    cells = scope.cells(("iscm",))
    planned, total = scope.totals(cells)
    return StaffingPlan(
        year=year,
        by_iscm=_listed(("iscm",), cells),
        planned=planned,
        total=total,
        no_office=_of_no_office(_scope(period, iscm, None, reader, known_by)) if office else None,
    )


PLACE = ("iscm", "office")
# How pages go through the places: what names no mechanism, or no office, comes last.
PLACE_ORDER = ("no_iscm", "iscm_slug", "no_office", "office_slug")


def staffing_places(
    year: int,
    *,
    iscm: str | None = None,
    office: str | None = None,
    reader: Reader | None = None,
    known_by: dt.datetime | None = None,
) -> Callable[[Q], QuerySet[Any]]:
    """Where there is anything to count: mechanism and office, each pair once, for ``page_beyond``.

    What it gives are places in ``PLACE_ORDER`` that meet a condition on these columns.
    """
    scope = _scope(Period.year(year), iscm, office, reader, known_by)
    kinds = (
        (scope.needs(), "office__slug"),
        (scope.shares(), scope.office_of_post),
        (scope.time_entries(), "office__slug"),
    )

    def beyond(condition: Q) -> QuerySet[Any]:
        # Each kind distinct by itself: there are fewer places than records to sort.
        found = [_places(rows, office).filter(condition).distinct() for rows, office in kinds]
        together: QuerySet[Any] = found[0].union(*found[1:]).order_by(*PLACE_ORDER)
        return together

    return beyond


def _places(rows: PortalQuerySet, office: str) -> Any:
    columns = {
        "no_iscm": _is_missing("iscm__slug"),
        "iscm_slug": Coalesce("iscm__slug", Value("")),
        "no_office": _is_missing(office),
        "office_slug": Coalesce(office, Value("")),
    }
    return rows.order_by().annotate(**columns).values_list(*PLACE_ORDER, named=True)


def _is_missing(path: str) -> Case:
    return Case(When(**{f"{path}__isnull": True}, then=1), default=0)


def staffing_at(
    year: int,
    places: Iterable[Any],
    *,
    iscm: str | None = None,
    office: str | None = None,
    reader: Reader | None = None,
    known_by: dt.datetime | None = None,
) -> list[Staffing]:
    """The cells at some of the ``staffing_places``, in their order."""
    keys = [(place.iscm_slug or None, place.office_slug or None) for place in places]
    scope = _scope(Period.year(year), iscm, office, reader, known_by, places=keys)
    cells = scope.cells(PLACE)
    return [_rounded(PLACE, key, cells[key]) for key in keys]


def _of_no_office(scope: _Scope) -> Decimal:
    needs = scope.needs().filter(office__isnull=True)
    return _cents(Fraction(summed(needs.aggregate(pct=Sum("share_pct"))["pct"])) / 100)


def staffing_records(
    period: Period,
    *,
    iscm: str | None = None,
    office: str | None = None,
    reader: Reader | None = None,
    known_by: dt.datetime | None = None,
    planned: bool = False,
) -> dict[str, PortalQuerySet]:
    """The records that ``staffing`` counts for the same arguments.

    ``needs``; ``shares`` of posts that are stated; ``unknown``, the posts with an unknown share,
    each once, with ``left`` (per cent), and their ``unknown_shares``; and ``time_entries``.
    """
    scope = _scope(period, iscm, office, reader, known_by, planned=planned)
    shares = scope.shares()
    return {
        "needs": scope.needs(),
        "shares": shares.filter(share_pct__isnull=False),
        "unknown": scope.unknown_posts(),
        "unknown_shares": shares.filter(share_pct__isnull=True),
        "time_entries": scope.time_entries(),
    }


def posts(
    iscm: str | None = None, office: str | None = None, *, known_by: dt.datetime | None = None
) -> PositionQuerySet:
    """The posts of an office, and with a share for a mechanism, where these are given (slugs; ""
    for posts without a share for any); as they were on record before the moment ``known_by``."""
    found: PositionQuerySet = rows_of(Position, known_by)  # type: ignore[assignment]
    if iscm is not None:
        shares = rows_of(PositionShare, known_by).filter(position=OuterRef("id"))
        found = found.filter(Exists(shares.filter(iscm__slug=iscm)) if iscm else ~Exists(shares))
    if office is not None:
        found = found.filter(_called("office__slug", office))
    return found


# The numbers of ``ToRCoverage`` that count posts.
TOR_ANSWERS = ("known", "with_tor", "without_tor", "unknown", "with_document")


def tor_answer(name: str, known_by: dt.datetime | None = None) -> Q:
    """The condition of the posts that the number ``name`` of ``ToRCoverage`` counts."""
    documents = rows_of(TermsOfReference, known_by).filter(position=OuterRef("id"))
    answers = {
        "known": Q(has_tor__isnull=False),
        "with_tor": Q(has_tor=True),
        "without_tor": Q(has_tor=False),
        "unknown": Q(has_tor__isnull=True),
        "with_document": Q(Exists(documents), has_tor=True),
    }
    return answers[name]


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


def tor_coverage(held: PositionQuerySet, known_by: dt.datetime | None = None) -> ToRCoverage:
    """How many of the posts ``held`` have their terms of reference on record, in one statement;
    with the documents that were there before the moment ``known_by``, as the posts.

    For a year: ``tor_coverage(posts(iscm, office).held_during(Period.year(year)))``, narrowed to
    its reader by the caller. Source of the question: evaluation 2019, section 4.3; its own 45 per
    cent (``TOR_IN_SURVEY``) counts offices, not posts.
    """
    names = ("with_tor", "without_tor", "unknown", "with_document")
    counts = held.order_by().aggregate(
        **{name: Count("pk", filter=tor_answer(name, known_by)) for name in names}
    )
    return ToRCoverage(**counts)


def post_list(rows: PositionQuerySet) -> PositionQuerySet:
    """The posts ``rows`` with what a list of them shows (``told_posts`` has the rest), and
    ``office_name`` to sort by."""
    found: PositionQuerySet = rows.annotate(office_name=F("office__name"))
    return found.select_related("office", "funding_line", "project")


def told_posts(rows: Iterable[Any], known_by: dt.datetime | None = None) -> list[Any]:
    """Posts of ``post_list`` as records, with their ``share_list`` and ``documents``, the newest
    first, as they were at the same moment. Two statements."""
    posts = [record_of(row, "days_noted") for row in rows]
    keys = [post.pk for post in posts]
    shares = rows_of(PositionShare, known_by).filter(position__in=keys).select_related("iscm")
    documents = rows_of(TermsOfReference, known_by).filter(position__in=keys).order_by("-id")
    of_posts = _by_post(shares.order_by("iscm"))
    with_documents = _by_post(documents)
    for post in posts:
        post.share_list = of_posts[post.pk]
        post.documents = [record_of(row) for row in with_documents[post.pk]]
    return posts


def told_unknown(rows: Iterable[Any], shares: PortalQuerySet) -> list[Any]:
    """The ``unknown`` posts of ``staffing_records`` as records, each with its ``unknown_shares``
    out of ``shares``. One statement."""
    posts = [record_of(row, "left") for row in rows]
    unknown = shares.filter(position__in=[post.pk for post in posts]).select_related("iscm")
    of_posts = _by_post(unknown.order_by("iscm__acronym"))
    for post in posts:
        post.unknown_shares = of_posts[post.pk]
    return posts


def told_shares(rows: Iterable[Any], known_by: dt.datetime | None = None) -> list[Any]:
    """The ``shares`` of ``staffing_records`` as records, each with its post as it was at the same
    moment. One statement at most."""
    shares = [record_of(row) for row in rows]
    if known_by is not None:
        keys = [share.position_id for share in shares]
        posts = rows_of(Position, known_by).filter(id__in=keys).select_related("office")
        by_key = {row.id: record_of(row) for row in posts}
        for share in shares:
            share.position = by_key[share.position_id]
    return shares


def _by_post(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.position_id].append(row)
    return found


def with_days_noted(
    rows: PositionQuerySet,
    period: Period,
    reader: Reader | None = None,
    known_by: dt.datetime | None = None,
) -> PositionQuerySet:
    """Adds ``days_noted``: the days of ``period`` that are part of the post's shares."""
    noted = days_noted(period, reader, known_by).filter(position=OuterRef("id")).order_by()
    days = noted.values("position").annotate(total=Sum("days")).values("total")
    found: PositionQuerySet = rows.annotate(
        days_noted=Coalesce(Subquery(days), Value(0), output_field=DecimalField())
    )
    return found


def days_noted(
    period: Period | None, reader: Reader | None = None, known_by: dt.datetime | None = None
) -> TimeEntryQuerySet:
    """Time entries that are part of a post's share; of all years without a ``period``."""
    entries: TimeEntryQuerySet = rows_of(TimeEntry, known_by)  # type: ignore[assignment]
    entries = entries.filter(position__isnull=False)
    if period is not None:
        entries = entries.worked_in(period)
    return entries if reader is None else entries.visible_to(reader)


def days_in(entries: TimeEntryQuerySet) -> Decimal:
    return summed(entries.order_by().aggregate(total=Sum("days"))["total"])


def posts_in_year(post: Position, pct: Decimal, year: int) -> Decimal | None:
    """What ``pct`` per cent of a post come to in ``year`` (posts); None where it has no dates."""
    if post.starts_on is None:
        return None
    return _cents(Fraction(pct) * part_of_year(post.starts_on, post.ends_on, year) / 100)


@dataclass(frozen=True)
class Undated:
    """Posts without a first day: in no year. ``stated`` adds up their stated shares, in posts."""

    posts: int
    stated: Decimal


def undated(
    rows: PositionQuerySet, iscm: str | None = None, known_by: dt.datetime | None = None
) -> Undated:
    """How many of the posts ``rows`` have no first day, and their stated shares at the same moment;
    for ``iscm`` where it is given. Two statements."""
    without = rows.without_first_day()
    shares = rows_of(PositionShare, known_by).filter(position__in=without.order_by().values("id"))
    if iscm is not None:
        shares = shares.filter(_called("iscm__slug", iscm))
    stated = shares.aggregate(pct=Sum("share_pct"))["pct"]
    return Undated(without.count(), _cents(Fraction(summed(stated)) / 100))
