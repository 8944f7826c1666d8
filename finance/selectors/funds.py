"""Reserve funds in numbers: what came in, what was paid for how many cases, what is left.

A payment that was called back counts in no year, nor does a contribution that was taken back, so
that contributions less payments are the balance of every year's end. Source: evaluation 2019, 4.3
(Member States see numbers and breakdown once a year at the Vice-Ministerial Meeting).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, Count, Exists, F, OuterRef, Q, Sum, When
from django.db.models.functions import ExtractYear
from django.utils.translation import gettext as _

from engagements.models import Country
from iscm_portal.common.as_of import record_of, rows_of
from iscm_portal.common.numbers import summed
from iscm_portal.common.period import Period

from ..choices import ReferredBy, Vulnerability
from ..models import FundContribution, FundDisbursement, ReserveFund
from ..querysets import FundContributionQuerySet, FundDisbursementQuerySet

NOTHING = Decimal("0.00")
# A smaller number of cases points at people, the more so in a small State.
FEWEST_SHOWN = 3
# Rows read at once when a list is downloaded.
CHUNK = 2000
# What cases are broken down by, as the address names it: the column.
GROUPED_BY = {
    "referred_by": "referred_by",
    "vulnerability": "vulnerability",
    "origin": "origin__iso3",
    "destination": "destination__iso3",
}
# The counts of a year: which of its payments they count.
COUNTED = {
    "standing": Q(cancelled_on__isnull=True),
    "over_cap": Q(cancelled_on__isnull=True, amount_usd__gt=F("cap_usd")),
    "outside": Q(cancelled_on__isnull=True, vulnerability=Vulnerability.OUTSIDE),
    "called_back": Q(cancelled_on__isnull=False),
}


@dataclass
class FundYear:
    """A fund's calendar year; ``balance_usd`` is what its end left.

    ``over_cap`` and ``outside`` are among ``cases``; ``called_back`` are payments of the year that
    came back since and are not among them.
    """

    year: int
    contributions_usd: Decimal = NOTHING
    disbursed_usd: Decimal = NOTHING
    cases: int = 0
    over_cap: int = 0
    outside: int = 0
    called_back: int = 0
    balance_usd: Decimal = NOTHING

    @property
    def mean_usd(self) -> Decimal | None:
        """USD a case; None in a year without cases."""
        return summed(self.disbursed_usd / self.cases) if self.cases else None


@dataclass(frozen=True)
class FundRow:
    """A fund with its year; ``is_empty`` where nothing ever came in: its balance isn't known."""

    fund: ReserveFund
    year: FundYear
    is_empty: bool


@dataclass(frozen=True)
class Group:
    """The cases of one source, category or State; None is "fewer than 3". ``query`` is what the
    list of cases is narrowed to it by."""

    label: str
    cases: int | None
    disbursed_usd: Decimal | None
    query: str = ""


@dataclass
class Breakdown:
    """The cases of a year by one of their codes, the most first."""

    title: str
    groups: list[Group] = field(default_factory=list)

    def without_small(self, most: int) -> Breakdown:
        """At most ``most`` lines, the groups of fewer than three cases in one without a name.

        With a line for each the difference to the total would tell a hidden number.
        """
        shown = [group for group in self.groups if (group.cases or 0) >= FEWEST_SHOWN]
        if len(shown) == len(self.groups) <= most:
            return self
        shown = shown[: most - 1]
        rest = self.groups[len(shown) :]
        cases = sum(group.cases or 0 for group in rest)
        usd = sum((group.disbursed_usd or NOTHING for group in rest), NOTHING)
        enough = cases >= FEWEST_SHOWN
        others = Group(_("Others"), cases if enough else None, usd if enough else None)
        return Breakdown(self.title, [*shown, others])


def funds_on_record(user: Any, known_by: dt.datetime | None = None) -> Any:
    """The funds that ``user`` may see, as they are or as they were on record before a moment
    (``iscm_portal.common.as_of.record_of`` makes funds of the rows)."""
    rows = rows_of(ReserveFund, known_by).visible_to(user)
    return rows.select_related("iscm", "office").order_by("name", "id")


def funds_with_year(user: Any, year: int, known_by: dt.datetime | None = None) -> list[FundRow]:
    """The funds that ``user`` may see, with their ``year``. Three statements."""
    funds = [record_of(row) for row in funds_on_record(user, known_by)]
    by_fund = fund_years([fund.pk for fund in funds], known_by)
    rows = []
    for fund in funds:
        years = {row.year: row for row in by_fund[fund.pk]}
        rows.append(FundRow(fund, years.get(year) or FundYear(year), not years))
    return rows


def with_known_balance(funds: Any, known_by: dt.datetime | None = None) -> Any:
    """``funds`` with ``known_balance``, None where no movement is on record: that is not zero."""
    received = rows_of(FundContribution, known_by).standing()  # type: ignore[attr-defined]
    of_fund = {"fund": OuterRef("id")}
    moved = Exists(received.filter(**of_fund)) | Exists(
        rows_of(FundDisbursement, known_by).filter(**of_fund)
    )
    return funds.annotate(known_balance=Case(When(moved, then=F("balance_usd"))))


def fund_years(
    funds: Collection[int], known_by: dt.datetime | None = None
) -> dict[int, list[FundYear]]:
    """The years with movements of each fund, the earliest first; ``known_by`` asks for those that
    were on record before that moment. Two statements."""
    years: dict[tuple[int, int], FundYear] = {}

    def of(fund: int, year: int) -> FundYear:
        return years.setdefault((fund, year), FundYear(year))

    contributions = rows_of(FundContribution, known_by).standing().filter(fund__in=funds).order_by()  # type: ignore[attr-defined]
    for fund, year, usd in (
        contributions.annotate(year=ExtractYear("received_on"))
        .values_list("fund", "year")
        .annotate(usd=Sum("amount_usd"))
    ):
        of(fund, year).contributions_usd = summed(usd)
    payments = rows_of(FundDisbursement, known_by).filter(fund__in=funds).order_by()
    for fund, year, usd, cases, over, outside, back in (
        payments.annotate(year=ExtractYear("paid_on"))
        .values_list("fund", "year")
        .annotate(
            usd=Sum("amount_usd", filter=COUNTED["standing"]),
            cases=Count("pk", filter=COUNTED["standing"]),
            over=Count("pk", filter=COUNTED["over_cap"]),
            outside=Count("pk", filter=COUNTED["outside"]),
            back=Count("pk", filter=COUNTED["called_back"]),
        )
    ):
        row = of(fund, year)
        row.disbursed_usd, row.cases = summed(usd), cases
        row.over_cap, row.outside, row.called_back = over, outside, back
    by_fund: dict[int, list[FundYear]] = defaultdict(list)
    left: dict[int, Decimal] = defaultdict(lambda: NOTHING)
    for (fund, _year), row in sorted(years.items()):
        left[fund] += row.contributions_usd - row.disbursed_usd
        row.balance_usd = left[fund]
        by_fund[fund].append(row)
    return by_fund


def balances_since(fund: ReserveFund, day: dt.date) -> Iterator[tuple[dt.date, Decimal]]:
    """What was in ``fund`` at the end of ``day``, and of each later day on which money moved.

    As the years count it: what was called or taken back was never there. Two statements.
    """
    moved: dict[dt.date, Decimal] = defaultdict(lambda: NOTHING)
    movements: tuple[tuple[Any, str, int], ...] = (
        (fund.contributions.standing(), "received_on", 1),
        (fund.disbursements.standing(), "paid_on", -1),
    )
    for rows, column, sign in movements:
        by_day = rows.order_by().values_list(column).annotate(usd=Sum("amount_usd"))
        for on, usd in by_day:
            moved[max(on, day)] += sign * summed(usd)
    left = NOTHING
    for on in sorted({day, *moved}):
        left += moved[on]
        yield on, left


def case_list(
    fund: ReserveFund, user: Any, year: int | None, known_by: dt.datetime | None = None
) -> FundDisbursementQuerySet:
    """The payments of ``fund``, of one ``year`` or all, with those called back; ``known_by`` as in
    ``fund_years``."""
    payments = rows_of(FundDisbursement, known_by).visible_to(user)
    rows: FundDisbursementQuerySet = payments.filter(fund=fund.pk)  # type: ignore[assignment]
    if year is not None:
        rows = rows.filter(Period.year(year).q("paid_on"))
    return rows.select_related("origin", "destination")


def contribution_list(
    fund: ReserveFund, user: Any, year: int | None, known_by: dt.datetime | None = None
) -> FundContributionQuerySet:
    """What came into ``fund``, in one ``year`` or all, with what was taken back; ``known_by`` as in
    ``fund_years``."""
    received = rows_of(FundContribution, known_by).visible_to(user)
    rows: FundContributionQuerySet = received.filter(fund=fund.pk)  # type: ignore[assignment]
    if year is not None:
        rows = rows.filter(Period.year(year).q("received_on"))
    return rows.select_related("country")


# --- the same as tables to download


def funds_table(rows: list[FundRow]) -> tuple[list[str], Iterator[list[Any]]]:
    columns = ["fund", "mechanism", "cap_usd", "balance_usd", "year", "cases", "paid_usd", "demo"]
    lines = (
        [
            row.fund.name,
            row.fund.iscm.acronym,
            row.fund.cap_usd,
            None if row.is_empty else row.fund.balance_usd,
            row.year.year,
            row.year.cases,
            row.year.disbursed_usd,
            row.fund.is_demo,
        ]
        for row in rows
    )
    return columns, lines


def years_table(years: list[FundYear]) -> tuple[list[str], Iterator[list[Any]]]:
    columns = [
        "year",
        "contributions_usd",
        "cases",
        "paid_usd",
        "mean_usd",
        "over_cap",
        "outside_categories",
        "called_back",
        "balance_usd",
    ]
    lines = (
        [
            row.year,
            row.contributions_usd,
            row.cases,
            row.disbursed_usd,
            row.mean_usd,
            row.over_cap,
            row.outside,
            row.called_back,
            row.balance_usd,
        ]
        for row in years
    )
    return columns, lines


def cases_table(cases: FundDisbursementQuerySet) -> tuple[list[str], Iterator[list[Any]]]:
    columns = [
        "case",
        "paid_on",
        "amount_usd",
        "cap_usd",
        "referred_by",
        "vulnerability",
        "origin",
        "destination",
        "approval",
        "approved_on",
        "secretariat_approval",
        "secretariat_approved_on",
        "called_back_on",
        "called_back_because",
        "demo",
    ]
    lines = (
        [
            row.case_number,
            row.paid_on,
            row.amount_usd,
            row.cap_usd,
            row.referred_by,
            row.vulnerability,
            row.origin.iso3,
            row.destination.iso3,
            row.approval,
            row.approved_on,
            row.secretariat_approval,
            row.secretariat_approved_on,
            row.cancelled_on,
            row.cancelled_because,
            row.is_demo,
        ]
        for row in cases.order_by("-paid_on", "-pk").iterator(chunk_size=CHUNK)
    )
    return columns, lines


def contributions_table(rows: FundContributionQuerySet) -> tuple[list[str], Iterator[list[Any]]]:
    """``amount_usd`` is empty where the contribution was taken back, so that it adds up."""
    columns = [
        "received_on",
        "payer",
        "country",
        "amount_usd",
        "reference",
        "demo",
        "taken_back_on",
        "taken_back_because",
        "taken_back_usd",
    ]
    lines = (
        [
            row.received_on,
            row.country.name if row.country else row.payer,
            row.country.iso3 if row.country else "",
            None if row.taken_back_on else row.amount_usd,
            row.reference,
            row.is_demo,
            row.taken_back_on,
            row.taken_back_because,
            row.amount_usd if row.taken_back_on else None,
        ]
        for row in rows.order_by("-received_on", "-pk").iterator(chunk_size=CHUNK)
    )
    return columns, lines


# --- breakdowns


def breakdowns(cases: FundDisbursementQuerySet) -> list[Breakdown]:
    """The standing ones of ``cases`` by source, category, origin and destination.

    Five statements.
    """
    rows = cases.standing().select_related(None).order_by()
    found = {column: _grouped(rows, path) for column, path in GROUPED_BY.items()}
    states = {iso3 for name in ("origin", "destination") for iso3, *_rest in found[name]}
    countries = Country.objects.filter(iso3__in=states)
    names = {country.iso3: country.name for country in countries}
    words = {
        "referred_by": (_("By source of the referral"), _words(ReferredBy)),
        "vulnerability": (_("By vulnerability"), _words(Vulnerability)),
        "origin": (_("By country of origin"), names),
        "destination": (_("By country of destination"), names),
    }
    return [
        _breakdown(title, column, found[column], named) for column, (title, named) in words.items()
    ]


def narrowed(
    cases: FundDisbursementQuerySet, counted: str, groups: Mapping[str, str]
) -> FundDisbursementQuerySet:
    """Those of ``cases`` that one of the counts (``COUNTED``), or one line of a breakdown
    (``GROUPED_BY``), counts; lines of a breakdown count what stands."""
    conditions = {GROUPED_BY[name]: value for name, value in groups.items() if value}
    if conditions:
        counted = counted or "standing"
    return cases.filter(COUNTED.get(counted, Q()), **conditions)


def _words(choices: Any) -> dict[Any, str]:
    return {code: str(word) for code, word in choices.choices}


def _grouped(rows: FundDisbursementQuerySet, column: str) -> list[tuple[Any, int, Any]]:
    return list(rows.values_list(column).annotate(cases=Count("pk"), usd=Sum("amount_usd")))


def _breakdown(
    title: str, column: str, groups: Iterable[tuple[Any, int, Any]], names: dict[Any, str]
) -> Breakdown:
    found = [
        Group(names[key], cases, summed(usd), urlencode({column: key}))
        for key, cases, usd in groups
    ]
    return Breakdown(title, sorted(found, key=lambda group: (-(group.cases or 0), group.label)))
