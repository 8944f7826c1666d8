"""What an event, a day and an outcome cost: the total investment over what there was of each."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from engagements.choices import RequestOutcome
from engagements.models import Event, Partnership, PolicyInstrument, SupportRequest
from finance.choices import Supports
from finance.selectors.investment import (
    days_beside_posts,
    days_of_posts,
    post_days,
    posts_with_days,
)
from iscm_portal.common.access import may
from iscm_portal.common.as_of import rows_of
from iscm_portal.common.numbers import cents, summed
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet
from iscm_portal.common.sorting import Columns, in_order

from .resources import Amounts, ResourceFilter, cells_of, labels_of

# What the total is set against.
COUNTED = ("events", "days", "outcomes")


@dataclass(frozen=True)
class UnitCost:
    """USD for one of something, from what is known to the most it could be; None over none.

    ``is_least`` where days lack a rate: nobody knows the most it could be.
    """

    count: Decimal
    known_usd: Decimal | None
    high_usd: Decimal | None
    is_least: bool = False

    @property
    def is_range(self) -> bool:
        return self.known_usd != self.high_usd

    @classmethod
    def of(cls, amounts: Amounts | None, count: Decimal | int) -> UnitCost:
        count = Decimal(count)
        if not count or amounts is None or amounts.is_unknown:
            return cls(count, None, None)
        return cls(
            count,
            cents(amounts.known_usd / count),
            cents(amounts.high_usd / count),
            is_least=bool(amounts.days_without_rate),
        )


@dataclass(frozen=True)
class UnitCosts:
    """One mechanism, or all of them (``slug`` is empty): what it cost (None where no money is on
    record), and by event, staff day and outcome. ``query`` is the address of the records of the
    sum, without its years."""

    label: str
    slug: str
    query: str
    total: Amounts | None
    events: UnitCost
    days: UnitCost
    outcomes: UnitCost


@dataclass(frozen=True)
class CostTable:
    """Mechanisms, and their total where there are several: what they share (a joint event, the
    unknown share of one project) counts once in it."""

    rows: list[UnitCosts]
    total: UnitCosts | None

    @property
    def dearest(self) -> UnitCosts | None:
        """The mechanism with the largest known sum, where its events are on record."""
        known = [row for row in self.rows if row.total]
        first = max(known, key=lambda row: row.total.known_usd, default=None)  # type: ignore[union-attr]
        return first if first and first.events.known_usd is not None else None


# How the table can be sorted.
COLUMNS: Columns[UnitCosts] = {
    "row": lambda row: row.label,
    "total": lambda row: row.total.told_usd if row.total else None,
    "events": lambda row: row.events.known_usd,
    "days": lambda row: row.days.known_usd,
    "outcomes": lambda row: row.outcomes.known_usd,
}


def unit_costs(chosen: ResourceFilter, sort: str = "") -> CostTable:
    """Per mechanism with a cost, an event, a day or an outcome in the years asked for.

    Events are those that began in the years (a joint one counts for each of its mechanisms), staff
    days the working days that posts gave by their shares and all other days on record, whoever
    pays them, outcomes what came of the engagement: policy instruments passed or amended,
    partnerships that began and requests that were met. The largest known sum first; the number of
    statements is constant.
    """
    # The GRCP and what names no mechanism have no row, so they are no part of the total.
    of_iscms = replace(chosen, only={**chosen.only, "supports": Supports.ISCM})
    cells, whole = cells_of(of_iscms, ("iscm",), ())
    totals = {cell.key["iscm"]: Amounts.of(cell) for cell in cells}
    counts = {of: count_of(of, chosen.period, chosen.known_by) for of in COUNTED}
    names = labels_of("iscm")
    every = {slug for of in COUNTED for slug in counts[of]} | totals.keys()
    rows = [
        _unit_costs(
            names[slug],
            slug,
            of_iscms.query(iscm=slug),
            totals.get(slug),
            {of: counts[of][slug] for of in COUNTED},
        )
        for slug in ({chosen.iscm} if chosen.iscm else every)
    ]
    rows.sort(key=lambda row: (-row.total.known_usd if row.total else 1, row.label))
    total = None
    if len(rows) > 1:
        in_all = {of: sum(counts[of].values(), Decimal(0)) for of in COUNTED}
        in_all["events"] = counted("events", chosen.period, None, chosen.known_by)
        cost = Amounts.of(whole[0]) if whole else None
        total = _unit_costs(_("Total"), "", of_iscms.query(), cost, in_all)
    return CostTable(in_order(rows, sort, COLUMNS), total)


def _unit_costs(
    label: str, slug: str, query: str, total: Amounts | None, counts: dict[str, Decimal]
) -> UnitCosts:
    events, days, outcomes = (UnitCost.of(total, counts[of]) for of in COUNTED)
    return UnitCosts(label, slug, query, total, events, days, outcomes)


def cost_records(
    of: str, period: Period, iscm: str | None, known_by: dt.datetime | None = None
) -> list[PortalQuerySet]:
    """The records that ``counted`` counts for a mechanism or for all, not yet narrowed to their
    reader; of days the posts first, then the days of no post's share."""
    if of == "events":
        events = _events(period, known_by)
        if iscm is None:
            return [events]
        links = Event.iscms.through.objects.filter(iscm__slug=iscm)
        return [events.filter(id__in=links.values("event"))]
    only = Q(iscm__isnull=False) if iscm is None else Q(iscm__slug=iscm)
    found = [rows.filter(only) for rows, _sum in _of_one_iscm(of, period, known_by)]
    return [posts_with_days(period, iscm, known_by), *found] if of == "days" else found


def counted(
    of: str, period: Period, iscm: str | None, known_by: dt.datetime | None = None
) -> Decimal:
    """How many events, days or outcomes of the period a mechanism has, or all have together: a
    joint event counts once."""
    if iscm is None and of == "events":
        return Decimal(_events(period, known_by).count())
    counts = count_of(of, period, known_by)
    return sum(counts.values(), Decimal(0)) if iscm is None else counts[iscm]


@dataclass(frozen=True)
class DaysBehind:
    """The days of a cost taken apart: what posts gave by their shares, and other days on record;
    and what of each the reader may not see."""

    of_posts: Decimal
    of_entries: Decimal
    hidden_of_posts: Decimal
    hidden_of_entries: Decimal


def days_behind(
    period: Period, iscm: str | None, user: Any, known_by: dt.datetime | None = None
) -> DaysBehind:
    """``counted("days", ...)`` by where the days come from; a constant number of statements."""
    posts, entries = cost_records("days", period, iscm, known_by)
    given = post_days(period, known_by)
    of_posts = sum(given.values(), Decimal(0)) if iscm is None else given.get(iscm, Decimal(0))
    of_entries = _days_in(entries)
    if may(user, "read_all_finance"):
        return DaysBehind(of_posts, of_entries, Decimal(0), Decimal(0))
    seen = set(posts.visible_to(user).values_list("id", flat=True))
    by_post = days_of_posts(period, iscm, known_by)
    of_seen = cents(sum((days for post, days in by_post.items() if post in seen), Fraction(0)))
    return DaysBehind(
        of_posts,
        of_entries,
        of_posts - of_seen,
        of_entries - _days_in(entries.visible_to(user)),
    )


def _days_in(entries: PortalQuerySet) -> Decimal:
    return summed(entries.order_by().aggregate(days=Sum("days"))["days"])


def count_of(of: str, period: Period, known_by: dt.datetime | None = None) -> dict[str, Decimal]:
    """How many events, days or outcomes of the period each mechanism has; those of none are out.

    ``known_by`` asks for those that were on record before that moment. The mechanisms of an event
    are those that it has now: the history keeps the event, and not its links.
    """
    found: dict[str, Decimal] = defaultdict(Decimal)
    if of == "events":
        links = Event.iscms.through.objects.filter(
            event__in=_events(period, known_by).order_by().values("id")
        )
        found.update(links.values_list("iscm__slug").annotate(n=Count("pk")))
        return found
    if of == "days":
        found.update(post_days(period, known_by))
    for rows, number in _of_one_iscm(of, period, known_by):
        groups = rows.filter(iscm__isnull=False).order_by().values_list("iscm__slug")
        for slug, n in groups.annotate(number):
            found[slug] += summed(n)
    return found


def _events(period: Period, known_by: dt.datetime | None) -> Any:
    """The events of at least one mechanism that began in the period, each once."""
    links = Event.iscms.through.objects.values("event")
    return rows_of(Event, known_by).begun_in(period).filter(id__in=links)  # type: ignore[attr-defined]


def _of_one_iscm(
    of: str, period: Period, known_by: dt.datetime | None
) -> Iterator[tuple[Any, Count | Sum]]:
    """The days, or the outcomes kind by kind, and what of them is added up."""
    if of == "days":
        yield days_beside_posts(period, known_by), Sum("days")
        return
    yield rows_of(PolicyInstrument, known_by).filter(period.q("dated_on")), Count("pk")
    yield rows_of(Partnership, known_by).filter(period.q("since_on")), Count("pk")
    requests = rows_of(SupportRequest, known_by).filter(outcome=RequestOutcome.MET)
    yield requests.filter(period.q("asked_on")), Count("pk")


def table(found: CostTable) -> tuple[list[str], Iterator[list[Any]]]:
    """The columns and lines of the table as a download, the total last."""
    columns = ["mechanism", "slug", "known_usd", "high_usd"]
    for of in COUNTED:
        columns += [of, f"known_usd_per_{of}", f"high_usd_per_{of}"]
    lines = (
        [
            row.label,
            row.slug,
            row.total.told_usd if row.total else "",
            row.total.most_usd if row.total else "",
            *(
                value
                for of in COUNTED
                for unit in [getattr(row, of)]
                for value in (unit.count, unit.known_usd, unit.high_usd)
            ),
        ]
        for row in (*found.rows, *([found.total] if found.total else []))
    )
    return columns, lines
