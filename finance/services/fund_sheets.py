"""A fund's year on one page, for the meeting of the Vice-Ministers: PDF by typst."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from iscm_portal.common import typeset

from ..models import ReserveFund
from ..selectors.funds import FEWEST_SHOWN, Breakdown, FundYear, Group
from .funds import usd

TEMPLATE = "finance/fund_year.typ"
# How many years and lines of a breakdown there may be, from generous to what fits whatever it says.
LEVELS = ((8, 14), (5, 9), (3, 6), (2, 4), (1, 2))


def year_sheet(
    fund: ReserveFund,
    year: FundYear,
    years: list[FundYear],
    breakdowns: list[Breakdown],
    on: dt.date,
) -> bytes:
    """The page of ``year`` as PDF. Groups of fewer than three cases aren't told apart in it."""
    for most_years, most_lines in LEVELS:
        shown = [breakdown.without_small(most_lines) for breakdown in breakdowns]
        told = _told(fund, year, years[-most_years:], shown, on)
        if typeset.fits_one_page(TEMPLATE, told):
            break
    return typeset.pdf(TEMPLATE, told)


def _told(
    fund: ReserveFund,
    year: FundYear,
    years: list[FundYear],
    breakdowns: list[Breakdown],
    on: dt.date,
) -> dict[str, Any]:
    day = date_format(on, "j F Y")
    words = {"year": year.year, "day": day}
    return {
        "title": fund.name,
        "subtitle": _("%(mechanism)s · the year %(year)s")
        % {"mechanism": fund.iscm.name, "year": year.year},
        "demo": _("Invented for the demonstration") if fund.is_demo else "",
        "facts": {
            _("Balance at the end of the year (USD)"): usd(year.balance_usd),
            _("Contributions (USD)"): usd(year.contributions_usd),
            _("Paid out (USD)"): usd(year.disbursed_usd),
            _("Cases"): _few(year.cases),
            _("Mean for a case (USD)"): _mean(year),
            _("Cases over the cap of USD %(cap)s, with a written approval")
            % {"cap": usd(fund.cap_usd)}: _few(year.over_cap),
            _("Cases outside the categories, approved by the Technical Secretariat"): _few(
                year.outside
            ),
        },
        "tables": [
            {
                "title": breakdown.title,
                "columns": ["", _("Cases"), _("USD")],
                "rows": [_line(group) for group in breakdown.groups],
            }
            for breakdown in breakdowns
        ],
        "years": {
            "title": _("Year by year"),
            "columns": [
                _("Year"),
                _("Contributions (USD)"),
                _("Cases"),
                _("Paid out (USD)"),
                _("Balance (USD)"),
            ],
            "rows": [
                [
                    str(row.year),
                    usd(row.contributions_usd),
                    _few(row.cases),
                    usd(row.disbursed_usd),
                    usd(row.balance_usd),
                ]
                for row in years
            ],
        },
        "empty": _("No case was paid in %(year)s.") % words,
        "notes": [
            _(
                "Fewer than 3 cases are told neither as a number nor by the name of their group: "
                "they could point at people."
            ),
            _("What was called back or taken back is not in these figures."),
            _("Source: the fund's records as they stood on %(day)s.") % words
            + (f" {_('On the fund:')} {fund.source}." if fund.source else ""),
        ],
    }


def _few(number: int) -> str:
    return _("fewer than 3") if 0 < number < FEWEST_SHOWN else str(number)


def _mean(year: FundYear) -> str:
    """The mean of a case, where there are enough of them for it to be of nobody."""
    if year.mean_usd is None:
        return _("no data")
    return usd(year.mean_usd) if year.cases >= FEWEST_SHOWN else _("not shown")


def _line(group: Group) -> list[str]:
    if group.cases is None or group.disbursed_usd is None:
        return [group.label, _("fewer than 3"), _("not shown")]
    return [group.label, str(group.cases), usd(group.disbursed_usd)]
