"""The rules of records of money that stand between fields or look beyond the record: once, for
pages, files and the ledger.

What one row shows by itself the database holds too, as a named constraint. A rule looks at the
values of its fields and says what is wrong at which of them. It is asked of a new record, and of a
stored one where a field that it looks at changes: what was right when it was written, or was
written before there was the rule, hinders no other correction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from iscm_portal.common.numbers import cents
from iscm_portal.common.period import latest_day

from .choices import (
    MOST_DAYS_OF_AN_ENTRY,
    MOST_PCT_OF_A_NEED,
    AttributionBasis,
    FundingSource,
    PaidBy,
    ProposalState,
    Supports,
)
from .selectors.words import said

HUNDRED = Decimal(100)
HALF_A_CENT = Decimal("0.005")
# An amount in USD has so many digits before the point.
MOST_DIGITS = 12

# Facts that a rule may ask for beside the fields, by the names under which they are given.
TODAY = "today"
RATE_ON_RECORD = "rate_on_record"
IS_NOT_A_MEMBER = "is_not_a_member"

# By field; a value that could not be read is not among them.
Values = Mapping[str, Any]
# (field, what is wrong there)
Problems = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Rule:
    """``check`` gets the values of ``fields``, then the ``facts``."""

    fields: tuple[str, ...]
    check: Callable[..., Problems]
    facts: tuple[str, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        return self.fields + self.facts

    def is_asked(self, changed: AbstractSet[str] | None) -> bool:
        """Whether it is asked where ``changed`` fields of a stored record change; None: a new one
        is written."""
        return changed is None or not changed.isdisjoint(self.fields)


@dataclass(frozen=True)
class Problem:
    """What is wrong at ``field``; ``others`` are the fields that the rule looks at too."""

    field: str
    message: str
    others: tuple[str, ...]


def broken(
    rules: Iterable[Rule], values: Values, changed: AbstractSet[str] | None = None
) -> Iterator[Problem]:
    """What ``values``, with the facts among them, break of ``rules``.

    ``changed`` are the fields in which a stored record changes, None for a new one. A rule lacking
    one of its values or facts is passed over.
    """
    for rule in rules:
        if not rule.is_asked(changed):
            continue
        given = [values[name] for name in rule.names if name in values]
        if len(given) == len(rule.names):
            for field, message in rule.check(*given):
                yield Problem(field, message, rule.fields)


# --- rules that several kinds have


def in_order(first: str, last: str) -> Rule:
    def check(ends: dt.date | None, starts: dt.date | None) -> Problems:
        if starts and ends and ends < starts:
            yield last, _("The last day is before the first one.")

    return Rule((last, first), check)


def not_below_zero(field: str) -> Rule:
    def check(value: Decimal | None) -> Problems:
        if value is not None and value < 0:
            yield field, _("It is not below zero.")

    return Rule((field,), check)


def has_happened(field: str) -> Rule:
    """A date of what has happened is not still to come."""

    def check(day: dt.date | None, today: dt.date) -> Problems:
        if day and day > latest_day(today):
            yield field, _("The date is still to come.")

    return Rule((field,), check, (TODAY,))


# --- funding lines


def _names_mechanism(supports: str, iscm: Any) -> Problems:
    if supports == Supports.ISCM and not iscm:
        yield "iscm", _("It supports a mechanism: name it.")
    elif supports and supports != Supports.ISCM and iscm:
        yield "iscm", _("It supports no single mechanism: leave this empty.")


def _names_project(supports: str, project: Any) -> Problems:
    if supports == Supports.PROJECT and not project:
        yield "project", _("It supports a project: name it.")
    elif supports and supports != Supports.PROJECT and project:
        yield "project", _("It supports no project: leave this empty.")


def _counted_has_year(is_counted: bool, year: int | None) -> Problems:
    if is_counted and year is None:
        yield "year", _("A counted line has a year.")


def _counted_or_says_why_not(is_counted: bool, not_counted_reason: str) -> Problems:
    if is_counted and not_counted_reason:
        yield "not_counted_reason", _("It is counted: leave this empty.")
    elif not is_counted and not not_counted_reason:
        yield "not_counted_reason", _("A line that is not counted says why.")


def _counts_investment_only(source_of_funds: str, is_counted: bool) -> Problems:
    if not is_counted:
        return
    if source_of_funds == FundingSource.CONTRIBUTION:
        yield (
            "source_of_funds",
            _(
                "What Member States pay is no part of the total investment: enter it with the "
                "assessed contributions, or keep this line uncounted and say why."
            ),
        )
    elif source_of_funds == FundingSource.RESERVE_FUND:
        yield (
            "source_of_funds",
            _(
                "The money of a reserve fund is no part of the total investment: enter it on the "
                "fund's page, or keep this line uncounted and say why."
            ),
        )


def _amount_is_there(amount_usd: Decimal | None, original_currency: str) -> Problems:
    # In another currency it follows from the rate; what that lacks is said there.
    if amount_usd is None and original_currency in ("", "USD"):
        yield "amount_usd", _("The amount in USD is missing.")


def _amount_fits(amount_usd: Decimal | None) -> Problems:
    if amount_usd is not None and amount_usd >= 10**MOST_DIGITS:
        yield (
            "amount_usd",
            _("It is too large: %(n)s digits before the point are the most.") % {"n": MOST_DIGITS},
        )


def _conversion_is_whole(
    original_currency: str,
    original_amount: Decimal | None,
    rate_used: Decimal | None,
    rated_on: dt.date | None,
) -> Problems:
    given = {"original_amount": original_amount, "rate_used": rate_used, "rated_on": rated_on}
    filled_in = [name for name, value in given.items() if value is not None]
    if not original_currency:
        for name in filled_in:
            yield name, _("Name the original currency, or leave this empty.")
    elif original_currency == "USD":
        for name in filled_in:
            if name != "original_amount":
                yield name, _("USD needs no rate: leave this empty.")
    else:
        if original_amount is None:
            words = {"currency": original_currency}
            yield "original_amount", _("Give the original amount in %(currency)s.") % words
        if rated_on is None:
            yield "rated_on", _("Name the day: the rate on record for it is used.")


def _usd_is_itself(
    original_currency: str, original_amount: Decimal | None, amount_usd: Decimal | None
) -> Problems:
    if original_currency == "USD" and original_amount not in (None, amount_usd):
        yield "original_amount", _("It is not the amount in USD.")


def _rate_is_the_one_on_record(
    original_currency: str,
    rated_on: dt.date | None,
    rate_used: Decimal | None,
    _original_amount: Decimal | None,
    _amount_usd: Decimal | None,
    rate_on_record: Decimal | None,
) -> Problems:
    if original_currency in ("", "USD") or rated_on is None:
        return
    words = {
        "currency": original_currency,
        "day": said(None, rated_on),
        "rate": said(None, rate_on_record),
    }
    if rate_on_record is None:
        yield "rated_on", _("No rate of %(currency)s is on record for %(day)s.") % words
    elif rate_used != rate_on_record:
        yield (
            "rate_used",
            _("The rate on record for %(day)s is %(rate)s. Correct it, or leave it empty.") % words,
        )


def _amount_is_the_converted_one(
    amount_usd: Decimal | None, original_amount: Decimal | None, rate_used: Decimal | None
) -> Problems:
    if amount_usd is None or original_amount is None or rate_used is None:
        return
    converted = original_amount * rate_used
    # Half a cent is rounded up or down, as who converted it does.
    if abs(amount_usd - converted) > HALF_A_CENT:
        yield (
            "amount_usd",
            _("At that rate it is %(amount)s. Correct it, or leave it empty.")
            % {"amount": said(None, cents(converted))},
        )


# A line keeps the rate that it was converted with; where one of these changes it is converted anew,
# at the rate on record.
AT_THE_RATE_ON_RECORD = Rule(
    ("original_currency", "rated_on", "rate_used", "original_amount", "amount_usd"),
    _rate_is_the_one_on_record,
    (RATE_ON_RECORD,),
)
FUNDING_LINE = (
    in_order("period_starts_on", "period_ends_on"),
    Rule(("supports", "iscm"), _names_mechanism),
    Rule(("supports", "project"), _names_project),
    Rule(("is_counted", "year"), _counted_has_year),
    Rule(("is_counted", "not_counted_reason"), _counted_or_says_why_not),
    Rule(("source_of_funds", "is_counted"), _counts_investment_only),
    not_below_zero("original_amount"),
    not_below_zero("rate_used"),
    Rule(("original_currency", "original_amount", "rate_used", "rated_on"), _conversion_is_whole),
    AT_THE_RATE_ON_RECORD,
    Rule(("original_currency", "original_amount", "amount_usd"), _usd_is_itself),
    Rule(("amount_usd", "original_amount", "rate_used"), _amount_is_the_converted_one),
    Rule(("amount_usd", "original_currency"), _amount_is_there),
    Rule(("amount_usd",), _amount_fits),
)


def filled_line(line: Values) -> dict[str, Any]:
    """What follows where it was left empty: the rate on record, and the amount at the rate."""
    currency, original = line.get("original_currency"), line.get("original_amount")
    filled: dict[str, Any] = {}
    rate: Decimal | None = Decimal(1)
    if currency in (None, ""):
        return filled
    if currency != "USD":
        rate = line.get("rate_used")
        if "rate_used" in line and rate is None and line.get("rated_on"):
            filled["rate_used"] = rate = line.get(RATE_ON_RECORD)
    if "amount_usd" in line and line["amount_usd"] is None and rate and original is not None:
        filled["amount_usd"] = cents(original * rate)
    return filled


# --- attributions


def _fits_its_basis(basis: str, share: Decimal | None, amount: Decimal | None) -> Problems:
    match basis:
        case AttributionBasis.DEDICATED:
            if share != HUNDRED:
                yield "share_pct", _("A dedicated project goes whole: 100 per cent.")
            if amount is not None:
                yield "amount_usd", _("A dedicated project has no amount of its own.")
        case AttributionBasis.STATED_SHARE:
            if share is None:
                yield "share_pct", _("A share is stated: give it.")
            if amount is not None:
                yield "amount_usd", _("A share is stated: leave the amount empty.")
        case AttributionBasis.STATED_AMOUNT:
            if amount is None:
                yield "amount_usd", _("An amount is stated: give it.")
            if share is not None:
                yield "share_pct", _("An amount is stated: leave the share empty.")
        case AttributionBasis.UNKNOWN:
            if share is not None:
                yield "share_pct", _("It is unknown: leave it empty.")
            if amount is not None:
                yield "amount_usd", _("It is unknown: leave it empty.")


ATTRIBUTION = (
    Rule(("basis", "share_pct", "amount_usd"), _fits_its_basis),
    not_below_zero("amount_usd"),
)


def filled_attribution(attribution: Values) -> dict[str, Any]:
    """A dedicated project's share need not be written."""
    is_dedicated = attribution.get("basis") == AttributionBasis.DEDICATED
    if is_dedicated and "share_pct" in attribution and attribution["share_pct"] is None:
        return {"share_pct": Decimal("100.00")}
    return {}


# --- projects, posts, needs and days


def _names_what_pays_it(paid_by: str, funding_line: Any, project: Any) -> Problems:
    if paid_by == PaidBy.COUNTED_LINE:
        if bool(funding_line) == bool(project):
            yield "paid_by", _("Name the one funding line or project that pays the post.")
    elif paid_by:
        for name, value in (("funding_line", funding_line), ("project", project)):
            if value:
                yield name, _("Only a post that a counted line pays names a line or a project.")


def _may_name_what_pays_them(paid_by: str, funding_line: Any, project: Any) -> Problems:
    if paid_by == PaidBy.COUNTED_LINE:
        if funding_line and project:
            yield "project", _("Name the funding line or the project that pays the days, not both.")
    elif paid_by:
        for name, value in (("funding_line", funding_line), ("project", project)):
            if value:
                yield name, _("Only days that a counted line pays name a line or a project.")


def _at_most_a_year(days: Decimal | None) -> Problems:
    if days is not None and days > MOST_DAYS_OF_AN_ENTRY:
        words = {"n": MOST_DAYS_OF_AN_ENTRY}
        yield "days", _("One entry has at most %(n)s days: a year of them.") % words


def _at_most_so_many_posts(share_pct: Decimal | None) -> Problems:
    if share_pct is not None and share_pct > MOST_PCT_OF_A_NEED:
        words = {
            "most": said(None, Decimal(MOST_PCT_OF_A_NEED)),
            "posts": MOST_PCT_OF_A_NEED // 100,
        }
        yield (
            "share_pct",
            _("At most %(most)s per cent, which is %(posts)s posts; 100 is one post.") % words,
        )


PROJECT = (in_order("starts_on", "ends_on"),)
POSITION = (
    in_order("starts_on", "ends_on"),
    Rule(("paid_by", "funding_line", "project"), _names_what_pays_it),
)
TIME_ENTRY = (
    has_happened("worked_on"),
    Rule(("days",), _at_most_a_year),
    Rule(("paid_by", "funding_line", "project"), _may_name_what_pays_them),
)
STAFF_NEED = (Rule(("share_pct",), _at_most_so_many_posts),)


# --- contributions and proposals: what is odd and can be true says why in its note


def _member_or_says_why(
    _iscm: Any, _country: Any, year: int, note: str, is_not_a_member: bool
) -> Problems:
    if is_not_a_member and not note:
        yield (
            "note",
            _("The State is not on record as a member in %(year)s: say why it pays.")
            % {"year": year},
        )


def _paid_more_says_why(
    paid_usd: Decimal | None, assessed_usd: Decimal | None, note: str
) -> Problems:
    if assessed_usd is not None and paid_usd is not None and paid_usd > assessed_usd and not note:
        yield "note", _("More was paid than assessed: say why.")


def _awarded_more_says_why(
    awarded_usd: Decimal | None, asked_usd: Decimal | None, note: str
) -> Problems:
    if asked_usd is not None and awarded_usd is not None and awarded_usd > asked_usd and not note:
        yield "note", _("More was awarded than asked: say why.")


CONTRIBUTION = (
    has_happened("paid_on"),
    Rule(("iscm", "country", "year", "note"), _member_or_says_why, (IS_NOT_A_MEMBER,)),
    Rule(("paid_usd", "assessed_usd", "note"), _paid_more_says_why),
)
PROPOSAL = (
    has_happened("asked_on"),
    has_happened("decided_on"),
    Rule(("awarded_usd", "asked_usd", "note"), _awarded_more_says_why),
)


# --- reasons

# What moves a figure, in an existing record: it changes with a reason only.
NEED_A_REASON = frozenset(
    {
        # how much
        "amount_usd",
        "original_amount",
        "rate_used",
        "share_pct",
        "scale_pct",
        "basis",
        "usd_per_day",
        "usd_per_unit",
        "assessed_usd",
        "paid_usd",
        "asked_usd",
        "awarded_usd",
        "days",
        "grade",
        # of what it counts, and whether
        "year",
        "worked_on",
        "asked_on",
        "starts_on",
        "iscm",
        "project",
        "office",
        "country",
        "donor",
        "supports",
        "source_of_funds",
        "is_counted",
        "paid_by",
        "funding_line",
        "position",
    }
)
# To state these is a fact that comes to pass; to change what was stated needs a reason:
# field -> its value where nothing is stated yet.
NOT_YET = {"ends_on": None, "decided_on": None, "state": ProposalState.ASKED.value}
# The columns that say that a report wrote a record, or that the evaluation prints it: any
# correction of it needs a reason.
ORIGINS = ("report_number", "printed_table")


def needs_a_reason(field: str, before: Any) -> bool:
    """Whether ``field`` of a stored record, where it holds ``before``, changes with a reason only.

    "" is nothing, as files have it.
    """
    if field in NOT_YET:
        return bool((before or None) != NOT_YET[field])
    return field in NEED_A_REASON


def share_moved(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> bool:
    """Whether a share of a post changes or goes. One that is added is new and moves none."""
    return any(place not in after or after[place] != share for place, share in before.items())
