"""Reserve funds: what is in them, the yearly numbers, and what finance officers record."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from engagements.models import Country, SignedInRequest
from iscm_portal.common.access import may
from iscm_portal.common.as_of import known_by, record_of
from iscm_portal.common.exports import csv_response
from iscm_portal.common.filters import FIRST_YEAR, LAST_YEAR
from iscm_portal.common.forms import problems_of
from iscm_portal.common.pages import keyset_page, one_of, past_day, whole_number
from iscm_portal.common.workbooks import workbook_response

from ..choices import ReferredBy, Vulnerability
from ..forms.funds import CallBackForm, CaseForm, ContributionForm, FundForm, TakeBackForm
from ..models import FundContribution, FundDisbursement, ReserveFund
from ..permissions import may_edit_funds
from ..selectors import funds as selectors
from ..selectors.funds import FundYear
from ..services import funds as services
from ..services.fund_sheets import year_sheet

FORMATS = ("csv", "xlsx")
TABLES = ("cases", "contributions", "years")


def funds(request: SignedInRequest) -> HttpResponseBase:
    """All funds: what is in each, and what was paid this year."""
    if not may(request.user, "read_reserve_funds"):
        raise PermissionDenied
    day = past_day(request, timezone.localdate())
    year = (day or timezone.localdate()).year
    rows = selectors.funds_with_year(request.user, year, known_by(day))
    form = one_of(request, "format", FORMATS)
    if form:
        return download(form, "funds", *selectors.funds_table(rows))
    known = [row for row in rows if not row.is_empty and not row.fund.is_demo]
    context = {
        "rows": rows,
        "year": year,
        "known": known,
        "balance": sum(row.fund.balance_usd for row in known),
        "cases": sum(row.year.cases for row in known),
        "paid": sum(row.year.disbursed_usd for row in known),
        "may_edit": may_edit_funds(request.user) and not day,
        "as_of": day,
        "today": timezone.localdate(),
    }
    return render(request, "finance/funds.html", context)


@require_http_methods(["GET", "POST"])
def new_fund(request: SignedInRequest) -> HttpResponse:
    """Open a fund, with nothing in it."""
    only_by_editors(request)
    form = FundForm(posted(request))
    if form.is_bound and form.is_valid():
        try:
            opened = services.open_fund(form.instance, request.user)
        except services.FundExists as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("The fund is open. There is nothing in it yet."))
            return redirect("fund", slug=opened.slug)
    return form_page(request, "finance/fund_new.html", None, form)


def fund(request: SignedInRequest, slug: str) -> HttpResponseBase:
    """One fund: the balance, the years, the breakdown, the cases and the contributions."""
    today = timezone.localdate()
    day = past_day(request, today)
    found = own_fund(request, slug, day)
    years = selectors.fund_years([found.pk], known_by(day))[found.pk]
    year = asked_year(request)
    cases = selectors.case_list(found, request.user, year, known_by(day))
    contributions = selectors.contribution_list(found, request.user, year, known_by(day))
    counted, groups = asked_cases(request)
    listed = selectors.narrowed(cases, counted, groups)
    form = one_of(request, "format", FORMATS)
    table = one_of(request, "table", TABLES) or "cases"
    if form:
        tables = {
            "cases": lambda: selectors.cases_table(listed),
            "contributions": lambda: selectors.contributions_table(contributions),
            "years": lambda: selectors.years_table(shown_years(years, year)),
        }
        return download(form, f"{found.slug}-{table}", *tables[table]())
    this_year = (day or today).year
    context = {
        "fund": found,
        "years": shown_years(years, year),
        "all_years": [row.year for row in reversed(years)],
        "this_year": of_year(years, this_year),
        "is_empty": not years,
        "enough_for": int(found.balance_usd // found.cap_usd),
        "year": year,
        "sheet_year": year or this_year,
        "breakdowns": selectors.breakdowns(cases),
        "cases": keyset_page(request, listed, "-paid_on", "-pk", name="after_cases"),
        "chips": case_chips(counted, groups),
        "contributions": keyset_page(
            request, contributions, "-received_on", "-pk", name="after_contributions"
        ),
        # What is of a past day is read, and not changed.
        "may_edit": may_edit_funds(request.user) and not day,
        "as_of": day,
        "today": today,
    }
    return render(request, "finance/fund.html", context)


def asked_cases(request: SignedInRequest) -> tuple[str, dict[str, str]]:
    """Which of the cases the address narrows the list to: those of a count, of a breakdown."""
    states = Country.objects.order_by().values_list("iso3", flat=True)
    known: dict[str, Any] = {
        "referred_by": ReferredBy.values,
        "vulnerability": Vulnerability.values,
        "origin": states,
        "destination": states,
    }
    groups = {
        name: one_of(request, name, values) for name, values in known.items() if name in request.GET
    }
    return one_of(request, "counted", selectors.COUNTED), groups


def case_chips(counted: str, groups: dict[str, str]) -> list[tuple[str, str]]:
    """What the list of cases is narrowed to, as (filter, word)."""
    words = {
        "standing": _("Paid, not called back"),
        "over_cap": _("Over the cap"),
        "outside": _("Outside the categories"),
        "called_back": _("Called back"),
        **dict(ReferredBy.choices),
        **dict(Vulnerability.choices),
    }
    named = {"counted": counted, **groups}
    return [(name, str(words.get(value, value))) for name, value in named.items() if value]


def fund_sheet(request: SignedInRequest, slug: str) -> HttpResponse:
    """The year of a fund on one page, as PDF. 404 before anything is on record."""
    today = timezone.localdate()
    day = past_day(request, today)
    found = own_fund(request, slug, day)
    year = asked_year(request) or (day or today).year
    every = selectors.fund_years([found.pk], known_by(day))[found.pk]
    years = [row for row in every if row.year <= year]
    if not years:
        raise Http404
    breakdowns = selectors.breakdowns(selectors.case_list(found, request.user, year, known_by(day)))
    made = year_sheet(found, of_year(years, year), years, breakdowns, day or today)
    return HttpResponse(
        made,
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="{found.slug}-{year}.pdf"',
            "Cache-Control": "private, no-store",
        },
    )


@require_http_methods(["GET", "POST"])
def new_contribution(request: SignedInRequest, slug: str) -> HttpResponse:
    found = own_fund(request, slug)
    today = only_by_editors(request)
    form = ContributionForm(posted(request), today=today, initial={"key": uuid.uuid4()})
    form.instance.fund = found
    if form.is_bound and form.is_valid():
        kept = services.receive(form.instance, request.user)
        messages.success(
            request,
            _("USD %(amount)s is in the fund.") % {"amount": services.usd(kept.amount_usd)},
        )
        return redirect("fund", slug=slug)
    return form_page(request, "finance/fund_contribution.html", found, form)


@require_http_methods(["GET", "POST"])
def new_case(request: SignedInRequest, slug: str) -> HttpResponse:
    found = own_fund(request, slug)
    today = only_by_editors(request)
    initial = {"key": uuid.uuid4(), "paid_on": today}
    form = CaseForm(posted(request), fund=found, today=today, initial=initial)
    form.instance.fund = found
    if form.is_bound and form.is_valid():
        try:
            case = services.disburse(form.instance, request.user)
            messages.success(
                request,
                _("Case %(number)s is paid: USD %(amount)s.")
                % {"number": case.case_number, "amount": services.usd(case.amount_usd)},
            )
            return redirect("fund", slug=slug)
        except services.FundError as error:
            form.add_error(error.field, str(error))
    return form_page(request, "finance/fund_case.html", found, form)


@require_http_methods(["GET", "POST"])
def call_back(request: SignedInRequest, pk: int) -> HttpResponse:
    """Give a payment back to its fund."""
    visible = FundDisbursement.objects.visible_to(request.user)
    case = get_object_or_404(visible.select_related("fund__iscm", "origin", "destination"), pk=pk)
    today = only_by_editors(request)
    form = CallBackForm(posted(request), today=today, initial={"on": today})
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        try:
            services.call_back(pk, said["reason"], said["on"], request.user)
            messages.success(request, _("Called back. The amount is in the fund again."))
            return redirect("fund", slug=case.fund.slug)
        except services.AlreadyCalledBack as error:
            messages.info(request, str(error))
            return redirect("fund", slug=case.fund.slug)
        except services.FundError as error:
            form.add_error(error.field, str(error))
    return form_page(request, "finance/fund_call_back.html", case.fund, form, case=case)


@require_http_methods(["GET", "POST"])
def take_back(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take a contribution that was recorded by mistake out of its fund."""
    visible = FundContribution.objects.visible_to(request.user)
    money = get_object_or_404(visible.select_related("fund__iscm", "country"), pk=pk)
    today = only_by_editors(request)
    form = TakeBackForm(posted(request), today=today, initial={"on": today})
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        try:
            services.take_back(pk, said["reason"], said["on"], request.user)
            messages.success(request, _("Taken back. The amount is out of the fund."))
            return redirect("fund", slug=money.fund.slug)
        except services.AlreadyTakenBack as error:
            messages.info(request, str(error))
            return redirect("fund", slug=money.fund.slug)
        except services.FundError as error:
            form.add_error(error.field, str(error))
    return form_page(request, "finance/fund_take_back.html", money.fund, form, money=money)


def own_fund(request: SignedInRequest, slug: str, day: dt.date | None = None) -> ReserveFund:
    """The fund, or what it was on a past day, if the reader may see it. 404 hides what he may not
    see."""
    visible = selectors.funds_on_record(request.user, known_by(day))
    found: ReserveFund = record_of(get_object_or_404(visible, slug=slug))
    return found


def only_by_editors(request: SignedInRequest) -> dt.date:
    """Today, for those who may record something. Raises PermissionDenied for the others."""
    if not may_edit_funds(request.user):
        raise PermissionDenied
    return timezone.localdate()


def posted(request: SignedInRequest) -> Any:
    """What a form sent, also where it is nothing; None where none was sent."""
    return request.POST if request.method == "POST" else None


def asked_year(request: SignedInRequest) -> int | None:
    text = request.GET.get("year", "")
    return whole_number(text, FIRST_YEAR, LAST_YEAR) if text else None


def of_year(years: list[FundYear], year: int) -> FundYear:
    """The row of ``year``; one without movements has the balance of the last one before it."""
    before = [row for row in years if row.year <= year]
    if before and before[-1].year == year:
        return before[-1]
    return FundYear(year, balance_usd=before[-1].balance_usd if before else selectors.NOTHING)


def shown_years(years: list[FundYear], year: int | None) -> list[FundYear]:
    """The newest first; of one year only that one."""
    return [row for row in reversed(years) if year is None or row.year == year]


def form_page(
    request: SignedInRequest, template: str, found: ReserveFund | None, form: Any, **more: Any
) -> HttpResponse:
    """The form, with what was typed and what is to be mended."""
    has_errors = form.is_bound
    context = {
        "fund": found,
        "form": form,
        "problems": problems_of(form),
        "has_errors": has_errors,
        **more,
    }
    return render(request, template, context, status=422 if has_errors else 200)


def download(
    form: str, name: str, columns: list[str], rows: Iterable[list[Any]]
) -> HttpResponseBase:
    make = {"csv": csv_response, "xlsx": workbook_response}[form]
    return make(name, columns, rows)
