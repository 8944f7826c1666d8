"""The money, recounted record by record: total investment, and what Member States paid.

Source: domain, "Total investment" and "Self-financing ratio"; evaluation 2019, 4.3.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

from finance.models import (
    AssessedContribution,
    Attribution,
    FundingLine,
    Position,
    PositionShare,
    StandardCost,
    TimeEntry,
)

from .directory import NOTHING, Directory, rows
from .figures import Figures, four, per_cent, to_places
from .tally import OVERALL, Cell, Span

# 52 weeks of 5 days, less 10 holidays and 30 days of leave.
DAYS_OF_A_POST = 220
# What others pay is no support of IOM's.
OF_OTHERS = ("contribution", "donor_cofunding")


class Place(NamedTuple):
    """Where an amount belongs: what it supports, when, from what source and which office."""

    supports: str
    iscm: int
    year: int
    source: str
    office: str


@dataclass(slots=True)
class Sums:
    """What is known of a cell, what may come on top of it, and what is missing."""

    known: Fraction = Fraction(0)
    possible: Fraction = Fraction(0)
    unknown_shares: int = 0
    posts_without_share: int = 0
    days_without_rate: Fraction = Fraction(0)
    days_without_payer: Fraction = Fraction(0)
    n: int = 0

    def add(self, other: Sums) -> None:
        self.known += other.known
        self.possible += other.possible
        self.unknown_shares += other.unknown_shares
        self.posts_without_share += other.posts_without_share
        self.days_without_rate += other.days_without_rate
        self.days_without_payer += other.days_without_payer
        self.n += other.n


class Post(NamedTuple):
    office: str
    grade: str
    starts_on: dt.date | None
    ends_on: dt.date | None
    paid_in: frozenset[int]  # the years in which a counted line pays it

    def is_held_on(self, day: dt.date) -> bool:
        if self.starts_on is None or day < self.starts_on:
            return False
        return self.ends_on is None or day <= self.ends_on

    def working_days(self, year: int) -> Fraction:
        """Of the year's working days as many as it was held of the year."""
        first, last = dt.date(year, 1, 1).toordinal(), dt.date(year, 12, 31).toordinal()
        days = last - first + 1
        if self.starts_on is None:
            return Fraction(0)
        begins = max(first, self.starts_on.toordinal())
        ends = last if self.ends_on is None else min(last, self.ends_on.toordinal())
        return Fraction(max(0, ends - begins + 1) * DAYS_OF_A_POST, days)


# By the places that an amount may belong to; more than one for what nobody knows the share of.
Amounts = Iterator[tuple[Iterable[Place], Sums]]


class Ledger:
    """The money of ``years``, read from the records: as many amounts as there are places."""

    def __init__(self, directory: Directory, years: Collection[int]) -> None:
        self.directory = directory
        self.years = set(years)
        self.rates = {
            (grade, year): Fraction(usd)
            for grade, year, usd in rows(StandardCost, "grade", "year", "usd_per_day")
        }
        # Of projects by year: their counted lines by source and office, with how many they are.
        self.lines: dict[tuple[int, int], dict[tuple[str, str], list[Any]]] = defaultdict(dict)
        self.amounts: dict[frozenset[Place], Sums] = defaultdict(Sums)
        # The years of counted lines: of those that posts and days name, and of projects.
        self.paying_lines: dict[int, set[int]] = defaultdict(set)
        self.paying_projects: dict[int, set[int]] = defaultdict(set)
        self.posts: dict[int, Post] = {}
        self.shares: dict[int, list[tuple[int, Fraction | None]]] = defaultdict(list)
        self._read_lines()
        self._read_posts()
        for amounts in (self._projects(), self._held_posts(), self._days()):
            for places, sums in amounts:
                self.amounts[frozenset(places)].add(sums)

    def _read_lines(self) -> None:
        columns = ("pk", "supports", "iscm_id", "project_id", "year", "source_of_funds")
        paying = {pk for model in (Position, TimeEntry) for (pk,) in rows(model, "funding_line_id")}
        direct: dict[Place, list[Any]] = {}
        for line in rows(FundingLine, *columns, "office_id", "amount_usd", "is_counted"):
            pk, supports, iscm, project, year, source, office, usd, is_counted = line
            if not is_counted:
                continue
            if pk in paying:
                self.paying_lines[pk].add(year)
            if project is not None:
                self.paying_projects[project].add(year)
            if year not in self.years:
                continue
            slug = self.directory.offices[office]
            if supports == "project":
                sums = self.lines[project, year].setdefault((source, slug), [Decimal(0), 0])
            elif supports in ("iscm", "grcp", "all_rcps"):
                place = Place(supports, iscm or 0, year, source, slug)
                sums = direct.setdefault(place, [Decimal(0), 0])
            else:
                continue
            sums[0] += usd
            sums[1] += 1
        for place, (usd, n) in direct.items():
            self.amounts[frozenset({place})].add(Sums(known=Fraction(usd), n=n))

    def _read_posts(self) -> None:
        columns = ("pk", "office_id", "grade", "starts_on", "ends_on", "paid_by")
        for row in rows(Position, *columns, "funding_line_id", "project_id"):
            pk, office, grade, starts_on, ends_on, paid_by, line, project = row
            paid_in = self._paid_in(paid_by, line, project)
            self.posts[pk] = Post(
                self.directory.offices[office], grade, starts_on, ends_on, paid_in
            )
        for post, iscm, pct in rows(PositionShare, "position_id", "iscm_id", "share_pct"):
            share = None if pct is None else Fraction(pct) / 100
            self.shares[post].append((iscm, share))

    def _paid_in(self, paid_by: str, line: int | None, project: int | None) -> frozenset[int]:
        """The years in which a counted line, the one named or one of the project, pays it."""
        if paid_by != "counted_line":
            return frozenset()
        of_line = self.paying_lines.get(line or 0, set())
        return frozenset(of_line | self.paying_projects.get(project or 0, set()))

    def _projects(self) -> Amounts:
        shares: dict[tuple[int, int], list[tuple[Any, ...]]] = defaultdict(list)
        columns = ("project_id", "year", "iscm_id", "basis", "share_pct", "amount_usd")
        for project, year, *share in rows(Attribution, *columns):
            if year in self.years:
                shares[project, year].append(tuple(share))
        for (project, year), of_year in shares.items():
            yield from _shared_out(year, self.lines.get((project, year), {}), of_year)

    def _held_posts(self) -> Amounts:
        for pk, shares in self.shares.items():
            post = self.posts[pk]
            if post.starts_on is None:
                continue
            left = 1 - sum(share for _iscm, share in shares if share is not None)
            for year in self.years - post.paid_in:
                days = post.working_days(year)
                if not days:
                    continue
                rate = self.rates.get((post.grade, year))
                unknown = []
                for iscm, share in shares:
                    place = Place("iscm", iscm, year, "staff_time", post.office)
                    if share is None:
                        unknown.append(place)
                        yield [place], Sums(posts_without_share=1, n=1)
                    elif rate is None:
                        yield [place], Sums(days_without_rate=days * share, n=1)
                    else:
                        yield [place], Sums(known=days * share * rate, n=1)
                if unknown and rate is None:
                    yield unknown, Sums(days_without_rate=days * left)
                elif unknown and rate is not None:
                    yield unknown, Sums(possible=days * left * rate)

    def _days(self) -> Amounts:
        """Days that no counted line pays and that are no part of a post."""
        grcp = {pk for pk, meeting in self.directory.meetings.items() if meeting.kind == "grcp"}
        found: dict[tuple[Place, str, bool], list[Any]] = {}
        columns = ("iscm_id", "event_id", "office_id", "grade", "worked_on", "days", "paid_by")
        payers = ("position_id", "funding_line_id", "project_id")
        for row in rows(TimeEntry, *columns, *payers):
            iscm, event, office, grade, worked_on, days, paid_by, post, line, project = row
            year = worked_on.year
            if year not in self.years or year in self._paid_in(paid_by, line, project):
                continue
            if post is not None and self._is_part_of(post, iscm, worked_on):
                continue
            supports = "iscm" if iscm else "grcp" if event in grcp else "not_named"
            slug = self.directory.offices[office]
            place = Place(supports, iscm or 0, worked_on.year, "staff_time", slug)
            # Said to be paid by a counted line, and nobody says by which.
            lacks_payer = paid_by == "counted_line" and line is None and project is None
            sums = found.setdefault((place, grade, lacks_payer), [Decimal(0), 0])
            sums[0] += days
            sums[1] += 1
        for (place, grade, lacks_payer), (days, n) in found.items():
            rate = self.rates.get((grade, place.year))
            sums_of = Sums(n=n)
            if rate is None:
                sums_of.days_without_rate = Fraction(days)
            elif lacks_payer:
                sums_of.possible = Fraction(days) * rate
            else:
                sums_of.known = Fraction(days) * rate
            if lacks_payer:
                sums_of.days_without_payer = Fraction(days)
            yield [place], sums_of

    def _is_part_of(self, pk: int, iscm: int | None, day: dt.date) -> bool:
        """Whether the days are in what the post costs, or in what pays it."""
        post = self.posts[pk]
        if day.year in post.paid_in:
            return True
        has_share = iscm is None or any(iscm == other for other, _share in self.shares[pk])
        return post.is_held_on(day) and has_share

    def cells(
        self, by: tuple[str, ...], sources: Collection[str] | None = None
    ) -> dict[tuple[Any, ...], Sums]:
        """Every cell of ``by``: "iscm" (a number, 0 is none), "supports", "year", "source",
        "office", "type", "theme", "region"; from these sources only, where some are given."""
        found: dict[tuple[Any, ...], Sums] = defaultdict(Sums)
        for places, sums in self.amounts.items():
            # A set: what several mechanisms may have had is added once where a cell has them all.
            keys = {
                key
                for place in places
                if sources is None or place.source in sources
                for key in product(*(self._values(place, name) for name in by))
            }
            for key in keys:
                found[key].add(sums)
        return dict(found)

    def _values(self, place: Place, name: str) -> Collection[Any]:
        mechanism = self.directory.mechanism(place.iscm)
        match name:
            case "theme":
                return mechanism.themes
            case "region":
                return mechanism.regions
            case "type":
                return (mechanism.type,)
        return (getattr(place, name),)


def _shared_out(
    year: int, lines: dict[tuple[str, str], list[Any]], shares: list[tuple[Any, ...]]
) -> Amounts:
    """A project's lines of a year, as its attributions share them out."""
    parts = {origin: (Fraction(usd), n) for origin, (usd, n) in lines.items()}
    total = sum((usd for usd, _n in parts.values()), Fraction(0))
    by_share: dict[int, Fraction] = {}
    in_usd: dict[int, Fraction] = {}
    unknown: list[int] = []
    for iscm, basis, pct, usd in shares:
        if basis == "unknown":
            unknown.append(iscm)
        elif basis == "stated_amount":
            in_usd[iscm] = Fraction(usd)
        else:
            by_share[iscm] = total * Fraction(pct or 0) / 100
    room = max(Fraction(0), total - sum(by_share.values()))
    asked = sum(in_usd.values(), Fraction(0))
    if total and asked > room:  # the lines are all there is to share out
        in_usd = {iscm: usd * room / asked for iscm, usd in in_usd.items()}
    stated = by_share | in_usd
    left = max(Fraction(0), total - sum(stated.values()))

    def at(iscm: int, origin: tuple[str, str]) -> Place:
        return Place("iscm", iscm, year, *origin)

    # An amount can be stated before any line is on record.
    nowhere = ("project_support", NOTHING)
    for origin, (_usd, n) in parts.items():
        yield [at(iscm, origin) for iscm in (*stated, *unknown)], Sums(n=n)
    for origin in parts if total else [nowhere]:
        weight = parts[origin][0] / total if total else Fraction(1)
        for iscm, usd in stated.items():
            yield [at(iscm, origin)], Sums(known=usd * weight)
        if unknown:
            places = [at(iscm, origin) for iscm in unknown]
            yield places, Sums(possible=left * weight)
    for iscm in unknown:
        yield [at(iscm, origin) for origin in parts or [nowhere]], Sums(unknown_shares=1)


# --- the two measures

Cells = dict[tuple[Span, Cell], Figures]


def resources_allocated(ledger: Ledger) -> Cells:
    return {place: _resources(sums) for place, sums in _by_cell(ledger)}


def _resources(sums: Sums) -> Figures:
    known = to_places(sums.known, 2)
    beside = {
        "low_usd": str(known),
        "high_usd": str(to_places(sums.known + sums.possible, 2)),
        "unknown_shares": sums.unknown_shares,
        "posts_without_share": sums.posts_without_share,
        "days_without_rate": str(to_places(sums.days_without_rate, 2)),
        "days_without_payer": str(to_places(sums.days_without_payer, 2)),
    }
    return Figures(four(Fraction(known)), four(Fraction(known)), None, sums.n, beside)


def _by_cell(ledger: Ledger) -> Iterator[tuple[tuple[Span, Cell], Sums]]:
    for name in ("", "type", "theme", "region", "source", "office"):
        for iscms in ((), ("iscm",)):
            by = ("year", *iscms, *((name,) if name else ()))
            for (year, *key), sums in ledger.cells(by).items():
                iscm = key.pop(0) if iscms else 0
                if iscm or not iscms:
                    yield (("year", year, 0), Cell(iscm, name, *key)), sums


def self_financing_ratio(ledger: Ledger) -> Cells:
    """Paid by Member States / (that + IOM's support), of mechanisms that have either."""
    directory = ledger.directory
    paid: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for iscm, year, usd in rows(AssessedContribution, "iscm_id", "year", "paid_usd"):
        if year in ledger.years:
            paid[iscm, year] += usd
    known: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    for (iscm, year, source), sums in ledger.cells(("iscm", "year", "source")).items():
        if iscm and source not in OF_OTHERS:
            known[iscm, year] += sums.known
    # To the cent, as every page shows it.
    support = defaultdict(Decimal, {key: to_places(usd, 2) for key, usd in known.items()})
    found: dict[tuple[Span, Cell], list[Any]] = defaultdict(lambda: [Decimal(0), Decimal(0), 0])
    for iscm, year in paid.keys() | support.keys():
        mine = paid[iscm, year], support[iscm, year]
        if not any(mine):
            continue
        mechanism = directory.mechanism(iscm)
        cells = {OVERALL, Cell(iscm)}
        for of in (0, iscm):
            cells.add(Cell(of, "type", mechanism.type))
            cells |= {Cell(of, "theme", theme) for theme in mechanism.themes}
        for cell in cells:
            sums_of = found[("year", year, 0), cell]
            sums_of[0] += mine[0]
            sums_of[1] += mine[1]
            sums_of[2] += 1
    return {
        place: Figures(
            per_cent(Fraction(paid_usd), Fraction(paid_usd + support_usd)),
            four(Fraction(paid_usd)),
            four(Fraction(paid_usd + support_usd)),
            n,
        )
        for place, (paid_usd, support_usd, n) in found.items()
    }


MONEY = {
    "resources_allocated": resources_allocated,
    "self_financing_ratio": self_financing_ratio,
}
