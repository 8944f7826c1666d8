"""What others pay: Member States' contributions, their arrears, and what donors were asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    DecimalField,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    Sum,
    Value,
    When,
)

from iscm_portal.common.access import Reader
from iscm_portal.common.as_of import rows_of
from iscm_portal.common.numbers import median, ratio, summed
from iscm_portal.common.period import Period
from iscm_portal.common.sorting import Columns

from ..choices import FundingSource, ProposalState
from ..models import AssessedContribution, Proposal
from ..querysets import AllFinanceQuerySet, OfficeMoneyQuerySet
from .investment import investment

# The fourth decimal of a scale counts: a share of 0.0001 per cent is one.
SCALE_STEP = Decimal("0.0001")


def _paths(by: tuple[str, ...], known: Mapping[str, str]) -> list[str]:
    wrong = set(by) - set(known)
    if wrong:
        raise ValueError(f"Unknown dimensions: {', '.join(sorted(wrong))}")
    return [known[name] for name in by]


# --- contributions

BY_CONTRIBUTION = {"iscm": "iscm__slug", "country": "country__iso3", "year": "year"}
# What is still owed; who paid more than assessed owes nothing, and makes up for nobody.
_ARREARS = Case(
    When(assessed_usd__gt=F("paid_usd"), then=F("assessed_usd") - F("paid_usd")),
    default=Value(0),
    output_field=DecimalField(max_digits=14, decimal_places=2),
)


@dataclass(frozen=True)
class Contributions:
    """What Member States were to pay, and paid, in a cell (USD, cents).

    ``key`` has one entry for each dimension asked for: ``iscm`` a slug, ``country`` an ISO code,
    ``year`` a number. ``scale_pct`` adds up the agreed shares; it should come to 100 in a
    mechanism and year, and is None where no share is on record or several years or mechanisms
    are in the cell. ``n`` counts the records, ``in_arrears`` those with something owed.
    """

    key: dict[str, Any]
    assessed_usd: Decimal
    paid_usd: Decimal
    arrears_usd: Decimal
    scale_pct: Decimal | None
    n: int
    in_arrears: int

    @property
    def paid_pct(self) -> Decimal | None:
        return ratio(self.paid_usd, self.assessed_usd, scale=100)


def contribution_records(
    period: Period,
    *,
    iscm: str | None = None,
    country: str | None = None,
    known_by: dt.datetime | None = None,
) -> AllFinanceQuerySet:
    """The contributions for the period's years, with ``arrears_usd``; for ``iscm`` (slug) and
    ``country`` (ISO code) only, where these are given; as they were on record before the moment
    ``known_by``. The caller applies ``visible_to``."""
    rows = rows_of(AssessedContribution, known_by).filter(year__in=list(period.calendar_years))
    if iscm is not None:
        rows = rows.filter(iscm__slug=iscm)
    if country is not None:
        rows = rows.filter(country__iso3=country)
    found: AllFinanceQuerySet = rows.annotate(arrears_usd=_ARREARS)
    return found


def contributions(
    period: Period,
    by: tuple[str, ...] = (),
    *,
    iscm: str | None = None,
    country: str | None = None,
    reader: Reader | None = None,
    known_by: dt.datetime | None = None,
) -> list[Contributions]:
    """Assessed, paid and owed in every cell of ``by`` (iscm, country, year), in one statement.

    A contribution belongs to the year that it is assessed for, whenever it is paid. With
    ``reader`` only what he may read is counted; ``known_by`` asks for what was on record before
    that moment.
    """
    paths = _paths(by, BY_CONTRIBUTION)
    rows = contribution_records(period, iscm=iscm, country=country, known_by=known_by)
    if reader is not None:
        rows = rows.visible_to(reader)
    groups = (
        # Without a dimension all rows are one group, even where there are none.
        rows.order_by()
        .annotate(all_rows=Value(1))
        .values("all_rows", *paths)
        .annotate(
            assessed=Sum("assessed_usd"),
            paid=Sum("paid_usd"),
            arrears=Sum("arrears_usd"),
            scale=Sum("scale_pct"),
            years=Count("year", distinct=True),
            mechanisms=Count("iscm", distinct=True),
            n=Count("pk"),
            in_arrears=Count("pk", filter=Q(arrears_usd__gt=0)),
        )
    )
    cells = [
        Contributions(
            key={name: row[path] for name, path in zip(by, paths, strict=True)},
            assessed_usd=summed(row["assessed"]),
            paid_usd=summed(row["paid"]),
            arrears_usd=summed(row["arrears"]),
            scale_pct=_scale(row),
            n=row["n"],
            in_arrears=row["in_arrears"],
        )
        for row in groups
        if row["n"]
    ]
    return sorted(cells, key=lambda cell: str(tuple(cell.key.values())))


# How tables of contributions, and of proposals, can be sorted; what their rows are is the caller's.
OF_CONTRIBUTIONS: Columns[Contributions] = {
    "year": lambda row: row.key["year"],
    "assessed": lambda row: row.assessed_usd,
    "paid": lambda row: row.paid_usd,
    "part": lambda row: row.paid_pct,
    "arrears": lambda row: row.arrears_usd,
    "scale": lambda row: row.scale_pct,
}


def _scale(row: dict[str, Any]) -> Decimal | None:
    if row["scale"] is None or row["years"] > 1 or row["mechanisms"] > 1:
        return None
    return summed(row["scale"], SCALE_STEP)


@dataclass(frozen=True)
class SelfFinancing:
    """What Member States paid to a mechanism in a year beside what IOM put into it (USD).

    ``paid_usd`` is None where no contribution is on record: that is not zero, it is not known.
    ``support_usd`` is known; ``support_high_usd`` is the most it could be.
    """

    iscm: str
    year: int
    paid_usd: Decimal | None
    support_usd: Decimal
    support_high_usd: Decimal

    @property
    def pct(self) -> Decimal | None:
        """Paid by Member States / (that + IOM's support), in per cent; None over nothing. The most
        it could be where the support is a range."""
        return self._pct_beside(self.support_usd)

    @property
    def pct_low(self) -> Decimal | None:
        """The least it could be."""
        return self._pct_beside(self.support_high_usd)

    @property
    def is_range(self) -> bool:
        return self.support_high_usd > self.support_usd

    def _pct_beside(self, support: Decimal) -> Decimal | None:
        if self.paid_usd is None:
            return None
        return ratio(self.paid_usd, self.paid_usd + support, scale=100)


def self_financing(
    period: Period,
    support: Mapping[tuple[str, int], Decimal],
    *,
    at_most: Mapping[tuple[str, int], Decimal] | None = None,
    iscm: str | None = None,
    reader: Reader | None = None,
    known_by: dt.datetime | None = None,
) -> list[SelfFinancing]:
    """The self-financing ratio of every mechanism and year of the period, in one statement.

    ``support`` is what IOM put in, by (slug, year), ``at_most`` the most it could be where that is
    more (``support_of_iom`` as of the same moment). A year of a mechanism is there when either of
    the two is on record.
    Source: evaluation 2019, section 4.3 (self-financing); domain: "Self-financing ratio".
    """
    paid = {
        (cell.key["iscm"], cell.key["year"]): cell.paid_usd
        for cell in contributions(
            period, ("iscm", "year"), iscm=iscm, reader=reader, known_by=known_by
        )
    }
    asked = {
        (slug, year)
        for slug, year in support
        if year in period.calendar_years and iscm in (None, slug)
    }
    most = support if at_most is None else at_most
    found = []
    for key in sorted(paid.keys() | asked):
        known = support.get(key, Decimal(0))
        found.append(SelfFinancing(key[0], key[1], paid.get(key), known, most.get(key, known)))
    return found


# What IOM puts in: all but what Member States and other donors pay themselves.
OF_IOM = frozenset(FundingSource) - {FundingSource.CONTRIBUTION, FundingSource.DONOR_COFUNDING}


def support_of_iom(
    period: Period, iscm: str | None = None, known_by: dt.datetime | None = None
) -> tuple[dict[tuple[str, int], Decimal], dict[tuple[str, int], Decimal]]:
    """What IOM put into each mechanism (slug) and year: what is known, and the most it could be. A
    constant number of statements."""
    cells = investment(
        period, ("iscm", "year"), known_by=known_by, source=OF_IOM, supports="iscm", iscm=iscm
    )
    keys = [((cell.key["iscm"], cell.key["year"]), cell) for cell in cells]
    return {key: cell.known_usd for key, cell in keys}, {key: cell.high_usd for key, cell in keys}


OF_RATIOS: Columns[SelfFinancing] = {
    "year": lambda row: row.year,
    "paid": lambda row: row.paid_usd,
    "support": lambda row: row.support_usd,
    "ratio": lambda row: row.pct,
}


# --- fund-raising

BY_PROPOSAL = {"iscm": "iscm__slug", "donor": "donor__slug", "office": "office__slug"}


@dataclass
class FundRaising:
    """Proposals of a period in a cell: what waits at its end, and what was decided in it (USD).

    ``key`` has one entry for each dimension asked for (slugs; ``office`` may be None). *Open* are
    those asked before the period ends and not decided by then. ``asked_usd`` is what was asked in
    the proposals that were awarded or declined; those withdrawn are counted apart.
    """

    key: dict[str, Any]
    open: int = 0
    open_usd: Decimal = Decimal(0)
    awarded: int = 0
    declined: int = 0
    withdrawn: int = 0
    asked_usd: Decimal = Decimal(0)
    awarded_usd: Decimal = Decimal(0)
    days: dict[int, int] = field(default_factory=dict, repr=False)

    @property
    def decided(self) -> int:
        return self.awarded + self.declined

    @property
    def success_pct(self) -> Decimal | None:
        """Awarded of those awarded or declined, by number; None over nothing."""
        return ratio(self.awarded, self.decided, scale=100)

    @property
    def success_by_amount_pct(self) -> Decimal | None:
        """USD awarded of USD asked in those awarded or declined; None over nothing."""
        return ratio(self.awarded_usd, self.asked_usd, scale=100)

    @property
    def median_days(self) -> Decimal | None:
        """Half of the decisions (withdrawals apart) came within so many days; None of nothing."""
        return median(self.days)

    def add(self, fate: str, waited: int | None, n: int, asked: Decimal, awarded: Decimal) -> None:
        """Add ``n`` proposals of one fate, decided after the same number of days."""
        if fate == ProposalState.ASKED:
            self.open += n
            self.open_usd += asked
        elif fate == ProposalState.WITHDRAWN:
            self.withdrawn += n
        else:
            if fate == ProposalState.AWARDED:
                self.awarded += n
            else:
                self.declined += n
            self.asked_usd += asked
            self.awarded_usd += awarded
            if waited is not None:
                self.days[waited] = self.days.get(waited, 0) + n


OF_PROPOSALS: Columns[FundRaising] = {
    "open": lambda row: row.open,
    "open_usd": lambda row: row.open_usd,
    "awarded": lambda row: row.awarded,
    "declined": lambda row: row.declined,
    "withdrawn": lambda row: row.withdrawn,
    "asked_usd": lambda row: row.asked_usd,
    "awarded_usd": lambda row: row.awarded_usd,
    "success": lambda row: row.success_pct,
    "days": lambda row: row.median_days,
}


def proposal_records(
    period: Period,
    *,
    iscm: str | None = None,
    donor: str | None = None,
    office: str | None = None,
    known_by: dt.datetime | None = None,
) -> OfficeMoneyQuerySet:
    """The proposals that ``fund_raising`` counts for a period, with their ``fate``: "asked" while
    open at its end, else how they were decided in it; as they were on record before the moment
    ``known_by``. The caller applies ``visible_to``."""
    rows = rows_of(Proposal, known_by).filter(
        Q(decided_on__isnull=True) | Q(decided_on__gte=period.start), asked_on__lt=period.end
    )
    for path, slug in (("iscm__slug", iscm), ("donor__slug", donor), ("office__slug", office)):
        if slug is not None:
            rows = rows.filter(**{path: slug})
    decided_in_it = When(decided_on__lt=period.end, then=F("state"))
    found: OfficeMoneyQuerySet = rows.annotate(
        fate=Case(decided_in_it, default=Value(ProposalState.ASKED), output_field=CharField())
    )
    return found


def fund_raising(
    period: Period,
    by: tuple[str, ...] = (),
    *,
    iscm: str | None = None,
    donor: str | None = None,
    office: str | None = None,
    reader: Reader | None = None,
    known_by: dt.datetime | None = None,
) -> list[FundRaising]:
    """The pipeline and its success in every cell of ``by`` (iscm, donor, office), in one statement.

    With ``reader`` only what he may read is counted; ``known_by`` asks for what was on record
    before that moment.
    Source: domain, "Proposal"; evaluation 2019, section 4.3 (resource mobilization).
    """
    paths = _paths(by, BY_PROPOSAL)
    rows = proposal_records(period, iscm=iscm, donor=donor, office=office, known_by=known_by)
    if reader is not None:
        rows = rows.visible_to(reader)
    groups = (
        rows.order_by()
        .annotate(
            # How often each number of days occurs: few rows whatever the number of proposals.
            waited=ExpressionWrapper(F("decided_on") - F("asked_on"), output_field=DurationField())
        )
        .values_list(*paths, "fate", "waited")
        .annotate(n=Count("pk"), asked=Sum("asked_usd"), awarded=Sum("awarded_usd"))
    )
    cells: dict[tuple[Any, ...], FundRaising] = {}
    for *key, fate, waited, n, asked, awarded in groups:
        cell = cells.setdefault(tuple(key), FundRaising(dict(zip(by, key, strict=True))))
        days = None if waited is None else waited.days
        cell.add(fate, days, n, summed(asked), summed(awarded))
    return [cells[key] for key in sorted(cells, key=str)]
