"""What others pay: Member States' contributions and arrears, and what donors were asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from engagements.models import ISCM, Country, Organisation, SignedInRequest
from iscm_portal.common.access import may
from iscm_portal.common.as_of import known_by, rows_of
from iscm_portal.common.downloads import FORMATS, table_response
from iscm_portal.common.pages import keyset_page, one_of, past_day, whole_number
from iscm_portal.common.period import FIRST_DAY, LAST_DAY, Period, year_span
from iscm_portal.common.sheets import sheet_response
from iscm_portal.common.sorting import Columns, asked_sort, in_order

from ..choices import ProposalState
from ..models import AssessedContribution, Proposal
from ..selectors.sustaining import (
    OF_CONTRIBUTIONS,
    OF_PROPOSALS,
    OF_RATIOS,
    Contributions,
    FundRaising,
    SelfFinancing,
    contribution_records,
    contributions,
    fund_raising,
    proposal_records,
    self_financing,
    support_of_iom,
)
from ..services.figure_sheets import sustaining_sheet

YEARS = (FIRST_DAY.year, LAST_DAY.year)
# Years shown where the address names none: arrears of last year matter more than this year's.
YEARS_SHOWN = 3
CONTRIBUTION_COLUMNS = (
    "mechanism",
    "state",
    "year",
    "assessed_usd",
    "paid_usd",
    "arrears_usd",
    "scale_pct",
    "contributions",
    "contributions_in_arrears",
)
RATIO_COLUMNS = (
    "mechanism",
    "year",
    "paid_usd",
    "support_known_usd",
    "support_high_usd",
    "self_financing_pct_high",
    "self_financing_pct_low",
)
PROPOSAL_COLUMNS = (
    "mechanism",
    "donor",
    "first_year",
    "last_year",
    "open",
    "open_usd",
    "awarded",
    "declined",
    "withdrawn",
    "decided_asked_usd",
    "awarded_usd",
    "success_pct",
    "success_by_amount_pct",
    "median_days_to_decision",
)


@dataclass(frozen=True)
class Asked:
    """What the address asks for: years (both included), a mechanism, a State, a donor, and the
    day as of which."""

    first_year: int
    last_year: int
    iscm: str | None
    country: str | None
    donor: str | None
    as_of: dt.date | None

    @property
    def known_by(self) -> dt.datetime | None:
        """The moment before which it was on record; None: now."""
        return known_by(self.as_of)

    @property
    def period(self) -> Period:
        return Period.years(self.first_year, self.last_year)

    @property
    def query(self) -> str:
        """These filters as an address carries them."""
        named = {
            "iscm": self.iscm,
            "country": self.country,
            "donor": self.donor,
            "as_of": self.as_of,
        }
        years: dict[str, Any] = {"from": self.first_year, "to": self.last_year}
        return urlencode(years | {name: value for name, value in named.items() if value})


@dataclass(frozen=True)
class Names:
    """What can be chosen, by slug or code: mechanisms, States that are to pay, donors asked."""

    iscms: dict[str, ISCM]
    countries: dict[str, Country]
    donors: dict[str, Organisation]

    def of_row(self, cell: Contributions | FundRaising) -> str:
        """What a row of a table is called: by its mechanism, else its State or its donor."""
        if iscm := cell.key.get("iscm"):
            return self.iscms[iscm].acronym
        if country := cell.key.get("country"):
            return str(self.countries[country])
        return str(self.donors[cell.key["donor"]])


def names_for(request: SignedInRequest, day: dt.date | None) -> Names:
    user = request.user
    if not (may(user, "read_all_finance") or may(user, "read_own_office_finance")):
        raise PermissionDenied
    moment = known_by(day)
    paying = rows_of(AssessedContribution, moment).visible_to(user).order_by().values("country")
    asking = rows_of(Proposal, moment).visible_to(user).order_by().values("donor")
    return Names(
        {row.slug: row for row in ISCM.objects.visible_to(user)},
        {row.iso3: row for row in Country.objects.visible_to(user).filter(pk__in=paying)},
        {row.slug: row for row in Organisation.objects.visible_to(user).filter(pk__in=asking)},
    )


def asked(request: SignedInRequest) -> tuple[Asked, Names]:
    """The filters of the address, and what they can name. Raises BadRequest for what they can't
    be."""
    get, today = request.GET, timezone.localdate()
    this_year, day = today.year, past_day(request, today)
    names = names_for(request, day)
    last = whole_number(get["to"], *YEARS) if get.get("to") else this_year
    first = whole_number(get["from"], *YEARS) if get.get("from") else last - YEARS_SHOWN + 1
    if first > last:
        raise BadRequest(_("The years run from the earlier to the later one."))
    chosen = Asked(
        first,
        last,
        iscm=one_of(request, "iscm", names.iscms) or None,
        country=one_of(request, "country", names.countries) or None,
        donor=one_of(request, "donor", names.donors) or None,
        as_of=day,
    )
    return chosen, names


def sustaining(request: SignedInRequest) -> HttpResponseBase:
    """Contributions by mechanism and State, and the pipeline by mechanism and donor."""
    chosen, names = asked(request)
    on_record: dict[str, Any] = {
        "iscm": chosen.iscm,
        "reader": request.user,
        "known_by": chosen.known_by,
    }

    def paid(*by: str) -> list[Contributions]:
        return contributions(chosen.period, by, country=chosen.country, **on_record)

    def raised(*by: str) -> list[FundRaising]:
        return fund_raising(chosen.period, by, donor=chosen.donor, **on_record)

    form = one_of(request, "format", FORMATS)
    table = one_of(request, "table", ("contributions", "proposals", "ratios"))
    if form == "pdf":
        tables: dict[str, Any] = {
            "by_iscm": paid("iscm", "year"),
            "by_state": paid("country"),
            "ratios": ratios(request, chosen, names),
            "raised_by_iscm": raised("iscm"),
            "raised_by_donor": raised("donor"),
        }
        in_all = next(iter(paid()), None)
        acronyms = {slug: row.acronym for slug, row in names.iscms.items()}
        only = year_span(chosen.first_year, chosen.last_year)
        sheet = sustaining_sheet(in_all, tables, names.of_row, acronyms, only, chosen.as_of)
        return sheet_response("what-others-pay", sheet, timezone.now())
    if form and table == "proposals":
        deals = raised("iscm", "donor")
        return table_response(
            form, "proposals", PROPOSAL_COLUMNS, proposal_rows(deals, chosen, names)
        )
    if form and table == "ratios":
        found = ratios(request, chosen, names)
        return table_response(form, "self-financing", RATIO_COLUMNS, ratio_rows(found, names))
    if form:
        cells = paid("iscm", "country", "year")
        return table_response(
            form, "contributions", CONTRIBUTION_COLUMNS, contribution_rows(cells, names)
        )
    context = {
        "chosen": chosen,
        "names": names,
        "reads_contributions": may(request.user, "read_all_finance"),
        "paid": next(iter(paid()), None),
        "by_iscm": as_sorted(request, "sort", paid("iscm", "year"), names),
        "ratios": ratios(request, chosen, names),
        "by_state": as_sorted(
            request,
            "sort_states",
            sorted(paid("country"), key=lambda row: row.arrears_usd, reverse=True),
            names,
        ),
        "raised": next(iter(raised()), None),
        "raised_by_iscm": as_sorted(request, "sort_proposals", raised("iscm"), names),
        "raised_by_donor": as_sorted(request, "sort_donors", raised("donor"), names),
        "today": timezone.localdate(),
    }
    return render(request, "finance/sustaining.html", context)


def ratios(request: SignedInRequest, chosen: Asked, names: Names) -> list[SelfFinancing]:
    """The self-financing of each mechanism and year with a contribution on record; of one State
    there is none."""
    if chosen.country or not may(request.user, "read_all_finance"):
        return []
    known, at_most = support_of_iom(chosen.period, chosen.iscm, chosen.known_by)
    found = self_financing(
        chosen.period,
        known,
        at_most=at_most,
        iscm=chosen.iscm,
        reader=request.user,
        known_by=chosen.known_by,
    )
    columns = {"row": lambda row: names.iscms[row.iscm].acronym, **OF_RATIOS}
    asked_for = asked_sort(request, columns, "sort_ratios")
    return in_order((row for row in found if row.pct is not None), asked_for, columns)


# The tables of the page, by the name that sorts them: their columns besides what the rows are.
SORTED: dict[str, Columns[Any]] = {
    "sort": OF_CONTRIBUTIONS,
    "sort_states": {k: v for k, v in OF_CONTRIBUTIONS.items() if k not in ("year", "scale")},
    "sort_proposals": OF_PROPOSALS,
    "sort_donors": OF_PROPOSALS,
}


def as_sorted(request: SignedInRequest, name: str, cells: list[Any], names: Names) -> list[Any]:
    """The rows of a table in the order that the address asks for."""
    columns = {"row": names.of_row, **SORTED[name]}
    return in_order(cells, asked_sort(request, columns, name), columns)


def contribution_rows(cells: Iterable[Contributions], names: Names) -> Iterator[list[Any]]:
    for cell in cells:
        yield [
            names.iscms[cell.key["iscm"]].acronym,
            names.countries[cell.key["country"]].name,
            cell.key["year"],
            cell.assessed_usd,
            cell.paid_usd,
            cell.arrears_usd,
            cell.scale_pct,
            cell.n,
            cell.in_arrears,
        ]


def ratio_rows(rows: Iterable[SelfFinancing], names: Names) -> Iterator[list[Any]]:
    for row in rows:
        yield [
            names.iscms[row.iscm].acronym,
            row.year,
            row.paid_usd,
            row.support_usd,
            row.support_high_usd,
            row.pct,
            row.pct_low,
        ]


def proposal_rows(cells: Iterable[FundRaising], chosen: Asked, names: Names) -> Iterator[list[Any]]:
    for cell in cells:
        yield [
            names.iscms[cell.key["iscm"]].acronym,
            names.donors[cell.key["donor"]].name,
            chosen.first_year,
            chosen.last_year,
            cell.open,
            cell.open_usd,
            cell.awarded,
            cell.declined,
            cell.withdrawn,
            cell.asked_usd,
            cell.awarded_usd,
            cell.success_pct,
            cell.success_by_amount_pct,
            cell.median_days,
        ]


def records(request: SignedInRequest) -> HttpResponse:
    """The contributions and proposals behind the figures, as far as the reader may read them."""
    chosen, names = asked(request)
    state = one_of(request, "state", ProposalState.values)
    only_owing = bool(one_of(request, "owing", ("yes",)))
    on_record: dict[str, Any] = {"iscm": chosen.iscm, "known_by": chosen.known_by}
    owed = contribution_records(chosen.period, country=chosen.country, **on_record)
    proposals = proposal_records(chosen.period, donor=chosen.donor, **on_record)
    if only_owing:
        owed = owed.filter(arrears_usd__gt=0)
    if state:
        proposals = proposals.filter(fate=state)
    context = {
        "chosen": chosen,
        "names": names,
        "state": ProposalState(state).label if state else "",
        "only_owing": only_owing,
        "reads_contributions": may(request.user, "read_all_finance"),
        "contributions": keyset_page(
            request,
            owed.visible_to(request.user).select_related("iscm", "country"),
            "-pk",
            name="after_contributions",
        ),
        "proposals": keyset_page(
            request,
            proposals.visible_to(request.user).select_related("iscm", "donor", "office", "project"),
            "-pk",
            name="after_proposals",
        ),
    }
    return render(request, "finance/sustaining_records.html", context)
