"""What an event, a day and an outcome cost: the total investment over what there was of each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum

from engagements.choices import RequestOutcome
from engagements.models import Event, Partnership, PolicyInstrument, SupportRequest
from finance.models import Position
from finance.selectors.investment import days_beside_posts, post_days
from iscm_portal.common.numbers import cents, summed
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from .resources import Amounts, ResourceFilter, cells_of, labels_of

# What the total is set against.
COUNTED = ("events", "days", "outcomes")


@dataclass(frozen=True)
class UnitCost:
    """USD for one of something, from what is known to the most it could be; None over none."""

    count: Decimal
    known_usd: Decimal | None
    high_usd: Decimal | None

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
        )


@dataclass(frozen=True)
class UnitCosts:
    """One mechanism: what it cost (None where no money is on record), and by event, staff day and
    outcome."""

    label: str
    slug: str
    total: Amounts | None
    events: UnitCost
    days: UnitCost
    outcomes: UnitCost


def unit_costs(chosen: ResourceFilter) -> list[UnitCosts]:
    """Per mechanism with a cost, an event, a day or an outcome in the years asked for.

    Events are those that began in the years (a joint one counts for each of its mechanisms), staff
    days the working days that posts gave by their shares and all other days on record, whoever
    pays them, outcomes what came of the engagement: policy
    instruments passed or amended, partnerships that began and requests that were met. The largest
    known sum first; the number of statements is constant.
    """
    (cells,) = cells_of(chosen, ("iscm",), known_by=None)
    totals = {cell.key["iscm"]: Amounts.of(cell) for cell in cells if cell.key["iscm"]}
    events, days, outcomes = (count_of(of, chosen.period) for of in COUNTED)
    names = labels_of("iscm")
    wanted = {chosen.iscm} if chosen.iscm else {*totals, *events, *days, *outcomes}
    rows = [
        UnitCosts(
            label=names[slug],
            slug=slug,
            total=totals.get(slug),
            events=UnitCost.of(totals.get(slug), events[slug]),
            days=UnitCost.of(totals.get(slug), days[slug]),
            outcomes=UnitCost.of(totals.get(slug), outcomes[slug]),
        )
        for slug in wanted
    ]
    return sorted(rows, key=lambda row: (-row.total.known_usd if row.total else 1, row.label))


def cost_records(of: str, period: Period, iscm: str) -> list[PortalQuerySet]:
    """The records that ``count_of`` counts for a mechanism, not yet narrowed to their reader."""
    found = [rows.filter(**{path: iscm}).distinct() for rows, path, _sum in _counted(of, period)]
    if of == "days":
        posts = Position.objects.held_during(period).filter(shares__iscm__slug=iscm)
        return [posts.distinct(), *found]
    return found


def count_of(of: str, period: Period) -> dict[str, Decimal]:
    """How many events, days or outcomes of the period each mechanism has; those of none are out."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    if of == "days":
        found.update(post_days(period))
    for rows, path, number in _counted(of, period):
        pairs = rows.exclude(**{path: None}).order_by().values_list(path).annotate(number)
        for slug, n in pairs:
            found[slug] += summed(n)
    return found


def _counted(of: str, period: Period) -> list[tuple[Any, str, Any]]:
    """The records, the path to their mechanism, and what of them is added up."""
    match of:
        case "events":
            return [(Event.objects.begun_in(period), "iscms__slug", Count("pk", distinct=True))]
        case "days":
            return [(days_beside_posts(period), "iscm__slug", Sum("days"))]
    met = SupportRequest.objects.filter(period.q("asked_on"), outcome=RequestOutcome.MET)
    instruments = PolicyInstrument.objects.filter(period.q("dated_on"))
    partnerships = Partnership.objects.filter(period.q("since_on"))
    return [(rows, "iscm__slug", Count("pk")) for rows in (instruments, partnerships, met)]
