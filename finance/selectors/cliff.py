"""The funding cliff: what fell from one year to the next, and what ends with its project.

Source: evaluation 2019, 4.3: the drop in project support of 2019, laid to the end of the project
FMM West Africa.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from engagements.models import ISCM
from iscm_portal.common.as_of import record_of, rows_of
from iscm_portal.common.numbers import percent
from iscm_portal.common.period import Period
from iscm_portal.common.sorting import Columns

from ..models import Attribution, Project
from .investment import investments
from .words import lacking

ZERO = Decimal(0)


@dataclass(frozen=True)
class Change:
    """From one year to the next (USD): what a row had, has, and its part in the whole change.

    ``of_whole_pct`` is None where the whole did not change.
    """

    label: str
    before: Decimal
    after: Decimal
    of_whole_pct: Decimal | None

    @property
    def change(self) -> Decimal:
        return self.after - self.before


@dataclass(frozen=True)
class Changes:
    before: Decimal
    after: Decimal
    rows: list[Change]

    @property
    def change(self) -> Decimal:
        return self.after - self.before

    @property
    def change_pct(self) -> Decimal | None:
        return percent(self.change, self.before)


def changes(
    rows: Mapping[str, Mapping[int, Decimal | int]], first_year: int, last_year: int
) -> Changes:
    """What each of ``rows`` (label: {year: USD}) changed between two years, the largest fall first.

    A year without a record counts as nothing received: what ended has none.
    """
    pairs = {
        label: (Decimal(years.get(first_year, 0)), Decimal(years.get(last_year, 0)))
        for label, years in rows.items()
    }
    before = sum((first for first, _last in pairs.values()), ZERO)
    after = sum((last for _first, last in pairs.values()), ZERO)
    found = [
        Change(label, first, last, percent(last - first, after - before))
        for label, (first, last) in pairs.items()
        if first or last
    ]
    return Changes(before, after, sorted(found, key=lambda row: (row.change, row.label)))


@dataclass(frozen=True)
class Ending:
    """What a mechanism is known to get in a year through a project that ends in it (USD).

    ``high_usd`` is the most it could be where the share is unknown.
    """

    iscm: str
    label: str
    project: str
    title: str
    ends_on: dt.date
    known_usd: Decimal
    high_usd: Decimal


@dataclass(frozen=True)
class Cliff:
    """One mechanism and year (USD): all that is known, what of it ends, and the projects that end.

    ``high_usd`` is the most that could end where a share is unknown. ``ends_pct`` is None over
    nothing. ``endings`` are the projects that the reader may read, ``hidden`` the number of others:
    totals are open, projects are not. ``lacks`` says what is missing in all that is known.
    """

    iscm: str
    label: str
    known_usd: Decimal
    ends_usd: Decimal
    high_usd: Decimal
    ends_pct: Decimal | None
    endings: list[Ending]
    hidden: int
    lacks: list[str]

    @property
    def projects(self) -> list[str]:
        """The codes of the projects that end."""
        return [ending.project for ending in self.endings]


# How the table of mechanisms can be sorted.
COLUMNS: Columns[Cliff] = {
    "row": lambda row: row.label,
    "known": lambda row: row.known_usd,
    "ends": lambda row: row.ends_usd,
    "part": lambda row: row.ends_pct,
}


def sum_of_endings(cliffs: Iterable[Cliff]) -> Decimal:
    """What is known to end with its project, of all the mechanisms (USD)."""
    return sum((cliff.ends_usd for cliff in cliffs), ZERO)


def funding_cliff(year: int, user: Any, *, known_by: dt.datetime | None = None) -> list[Cliff]:
    """Per mechanism the share of what is known for ``year`` that ends with a project ending then,
    as ``user`` may read it.

    Mechanisms with an ending project only, the largest sum first. ``known_by`` asks for what was on
    record before that moment, the last days of projects with it. The number of statements is
    constant.
    """
    period = Period.year(year)
    by_project, by_iscm = investments(
        period, [("iscm", "project"), ("iscm",)], known_by=known_by, supports="iscm"
    )
    ending = rows_of(Project, known_by).filter(period.q("ends_on"))
    projects = {
        code: (title, ends_on)
        for code, title, ends_on in ending.values_list("code", "title", "ends_on")
    }
    readable = set(ending.visible_to(user).values_list("code", flat=True))
    labels = dict(ISCM.objects.values_list("slug", "acronym"))
    endings: dict[str, list[Ending]] = {}
    for cell in by_project:
        slug, code = cell.key["iscm"], cell.key["project"]
        if code not in projects or not cell.high_usd:
            continue
        title, ends_on = projects[code]
        endings.setdefault(slug, []).append(
            Ending(slug, labels[slug], code, title, ends_on, cell.known_usd, cell.high_usd)
        )
    whole = {cell.key["iscm"]: cell for cell in by_iscm}
    cliffs = []
    for slug, rows in endings.items():
        ends = sum((row.known_usd for row in rows), ZERO)
        seen = [row for row in rows if row.project in readable]
        cliffs.append(
            Cliff(
                iscm=slug,
                label=labels[slug],
                known_usd=whole[slug].known_usd,
                ends_usd=ends,
                high_usd=sum((row.high_usd for row in rows), ZERO),
                ends_pct=percent(ends, whole[slug].known_usd),
                endings=sorted(seen, key=lambda row: (-row.known_usd, row.project)),
                hidden=len(rows) - len(seen),
                lacks=lacking(whole[slug].missing),
            )
        )
    return sorted(cliffs, key=lambda cliff: (-cliff.ends_usd, cliff.label))


@dataclass(frozen=True)
class Sum:
    """What is known to end (USD), and the most that could."""

    known_usd: Decimal
    high_usd: Decimal

    @property
    def is_range(self) -> bool:
        return self.high_usd > self.known_usd


@dataclass(frozen=True)
class Ends:
    """What ends when: for each mechanism (slug, label) and year the support that comes in the year
    through projects that end in it. A year's total has what mechanisms share once.

    ``open_ended`` are the projects with a share for a mechanism and no last day, which the reader
    may read, and ``hidden`` the number of the others: they end in no year here.
    """

    years: list[int]
    rows: list[tuple[str, str, dict[int, Sum]]]
    totals: dict[int, Sum]
    open_ended: list[Project]
    hidden: int


def endings_by_year(user: Any, *, known_by: dt.datetime | None = None) -> Ends:
    """What ends in every year in which a project on record ends. The number of statements is
    constant."""
    projects = rows_of(Project, known_by)
    ending = projects.filter(ends_on__isnull=False).order_by().values_list("code", "ends_on")
    last_year = {code: ends_on.year for code, ends_on in ending}
    found: dict[str, dict[int, list[Sum]]] = defaultdict(lambda: defaultdict(list))
    totals: dict[int, list[Sum]] = defaultdict(list)
    if last_year:
        by_iscm, in_all = investments(
            Period.years(min(last_year.values()), max(last_year.values())),
            [("iscm", "project", "year"), ("project", "year")],
            known_by=known_by,
            supports="iscm",
        )
        for cell in (*by_iscm, *in_all):
            code, year = cell.key["project"], cell.key["year"]
            if last_year.get(code) == year and cell.high_usd:
                one = Sum(cell.known_usd, cell.high_usd)
                (found[cell.key["iscm"]] if "iscm" in cell.key else totals)[year].append(one)
    labels = dict(ISCM.objects.values_list("slug", "acronym"))
    shares = rows_of(Attribution, known_by).filter(project=OuterRef("id"))
    open_ended = projects.filter(Exists(shares), ends_on__isnull=True)
    seen = [record_of(row) for row in open_ended.visible_to(user).order_by("code")]
    return Ends(
        years=sorted(totals),
        rows=sorted(
            (
                (slug, labels[slug], {year: _added(sums) for year, sums in by_year.items()})
                for slug, by_year in found.items()
            ),
            key=itemgetter(1),
        ),
        totals={year: _added(sums) for year, sums in totals.items()},
        open_ended=seen,
        hidden=open_ended.count() - len(seen),
    )


def _added(sums: list[Sum]) -> Sum:
    return Sum(
        sum((one.known_usd for one in sums), ZERO), sum((one.high_usd for one in sums), ZERO)
    )


CLIFF_COLUMNS = [
    "mechanism",
    "known_usd",
    "ends_usd",
    "ends_high_usd",
    "ends_pct",
    "project",
    "title",
    "ends_on",
    "project_known_usd",
    "project_high_usd",
]


def cliff_table(cliffs: list[Cliff]) -> tuple[list[str], list[list[Any]]]:
    """A line a mechanism, then one a project that the reader may read, then one for all others.

    The part that ends is not known where a share is not.
    """
    lines: list[list[Any]] = []
    for cliff in cliffs:
        pct = None if cliff.high_usd > cliff.ends_usd else cliff.ends_pct
        sums = [cliff.known_usd, cliff.ends_usd, cliff.high_usd, pct]
        lines.append([cliff.label, *sums, *[None] * 5])
        lines += [
            [
                *(one.label, *[None] * 4, one.project, one.title, one.ends_on),
                *(one.known_usd, one.high_usd),
            ]
            for one in cliff.endings
        ]
        if cliff.hidden:
            known = cliff.ends_usd - sum((one.known_usd for one in cliff.endings), ZERO)
            high = cliff.high_usd - sum((one.high_usd for one in cliff.endings), ZERO)
            others = _("projects that you may not read: %(n)s") % {"n": cliff.hidden}
            lines.append([cliff.label, *[None] * 4, "", others, None, known, high])
    return CLIFF_COLUMNS, lines
