"""Reserve funds: money comes in, is paid out case by case, and comes back.

Only these verbs move a balance. Each holds its fund until the commit, so that the cases of a fund
are numbered one after the other; the balance moves by one statement that does nothing where there
is too little, and what takes from it leaves no day since with less than nothing. A row of a fund
that was invented is itself marked as invented.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Round
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from iscm_portal.common.history import change_with_history

from ..choices import CallBackReason, TakeBackReason, Vulnerability
from ..models import FundContribution, FundDisbursement, ReserveFund
from ..selectors.funds import balances_since

APPROVED_BEFORE = gettext_noop("Give the day of the approval: the day of the payment or before it.")


class FundError(Exception):
    """Something about a fund can't be done; the message is for the person who tried.

    ``field`` is the field of the record that the message belongs to.
    """

    field = ""


class FundExists(FundError):
    """Another fund has that short name."""

    field = "slug"


class NotEnough(FundError):
    """The fund has less than what is to be paid; ``balance`` is what it has."""

    field = "amount_usd"

    def __init__(self, balance: Decimal) -> None:
        self.balance = balance
        super().__init__(
            _("There is only USD %(balance)s in the fund.") % {"balance": usd(balance)}
        )


class NotEnoughThen(FundError):
    """The fund has enough today, and had less on a day from that of the payment on: on ``day`` it
    had ``balance``."""

    field = "paid_on"

    def __init__(self, day: dt.date, balance: Decimal) -> None:
        self.day, self.balance = day, balance
        words = {"day": date_format(day, "j F Y"), "balance": usd(balance)}
        super().__init__(_("On %(day)s there was only USD %(balance)s in the fund.") % words)


class OverCap(FundError):
    """More than the fund's cap, and no written approval."""

    field = "approval"


class ApprovedTooLate(FundError):
    """The approval of an amount over the cap has no day, or one after the payment."""

    field = "approved_on"


class NeedsSecretariat(FundError):
    """A case outside the categories, and no approval of the Technical Secretariat."""

    field = "secretariat_approval"


class SecretariatTooLate(FundError):
    """The Technical Secretariat's approval has no day, or one after the payment."""

    field = "secretariat_approved_on"


class AlreadyCalledBack(FundError):
    """The payment came back before."""


class AlreadyTakenBack(FundError):
    """The contribution was taken back before."""


class PaidOutSince(FundError):
    """Payments were made of the contribution: without it some day would end below zero."""

    field = "on"

    def __init__(self, day: dt.date, balance: Decimal) -> None:
        self.day, self.balance = day, balance
        words = {"day": date_format(day, "j F Y"), "balance": usd(balance)}
        super().__init__(
            _(
                "It is paid out in part: on %(day)s there was only USD %(balance)s in the fund. "
                "Call payments back first."
            )
            % words
        )


class NeedsReason(FundError):
    """A call-back, or a contribution taken back, without one of the reasons."""

    field = "reason"


class CalledBackTooEarly(FundError):
    """A payment came back before it was made, or a contribution was taken back before it came."""

    field = "on"


def usd(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def open_fund(fund: ReserveFund, actor: Any) -> ReserveFund:
    """Keep ``fund``, not saved yet, with nothing in it. Raises FundExists."""
    with transaction.atomic():
        if ReserveFund.objects.filter(slug=fund.slug).exists():
            raise FundExists(_("There is a fund of that name."))
        change_with_history(fund, {"balance_usd": Decimal("0.00")}, actor)
    return fund


def receive(contribution: FundContribution, actor: Any) -> FundContribution:
    """Keep ``contribution``, not saved yet, and put its amount into the fund.

    One whose ``key`` came before is the same money: it is returned as it was kept.
    """
    with transaction.atomic():
        fund = _held(contribution.fund_id)
        known: FundContribution | None = _sent_before(contribution)
        if known is not None:
            return known
        change_with_history(contribution, {"is_demo": fund.is_demo}, actor)
        _move(fund, contribution.amount_usd, f"Contribution {contribution.pk}", actor)
    return contribution


def disburse(case: FundDisbursement, actor: Any) -> FundDisbursement:
    """Pay ``case``, not saved yet: it takes the fund's next number and the cap of the day.

    One whose ``key`` came before is the same payment: it is returned as it was kept. Raises
    OverCap, ApprovedTooLate, NeedsSecretariat, SecretariatTooLate, NotEnough and NotEnoughThen;
    nothing is changed then.
    """
    with transaction.atomic():
        fund = _held(case.fund_id)
        known: FundDisbursement | None = _sent_before(case)
        if known is not None:
            return known
        for problem in missing_approvals(case, fund.cap_usd):
            raise problem
        if case.amount_usd > fund.balance_usd:
            raise NotEnough(fund.balance_usd)
        if short := _short_day(fund, case.paid_on, case.amount_usd):
            raise NotEnoughThen(*short)
        last = FundDisbursement.objects.filter(fund=fund).aggregate(last=Max("case_number"))["last"]
        number = (last or 0) + 1
        _move(fund, -case.amount_usd, f"Case {number} paid", actor)
        values = {"case_number": number, "cap_usd": fund.cap_usd, "is_demo": fund.is_demo}
        change_with_history(case, values, actor)
    return case


def call_back(case_id: int, reason: str, on: dt.date, actor: Any) -> FundDisbursement:
    """Give the amount of a case back to its fund; the case stays on record with the reason.

    Raises NeedsReason, CalledBackTooEarly and AlreadyCalledBack; nothing is changed then.
    """
    if reason not in CallBackReason.values:
        raise NeedsReason(_("Say why the payment came back."))
    with transaction.atomic():
        fund = _held(FundDisbursement.objects.values_list("fund", flat=True).get(pk=case_id))
        case: FundDisbursement = FundDisbursement.objects.get(pk=case_id)
        if case.cancelled_on is not None:
            raise AlreadyCalledBack(
                _("Case %(n)s was called back before.") % {"n": case.case_number}
            )
        if on < case.paid_on:
            raise CalledBackTooEarly(_("That is before it was paid."))
        change_with_history(case, {"cancelled_on": on, "cancelled_because": reason}, actor)
        _move(fund, case.amount_usd, f"Case {case.case_number} called back", actor)
    return case


def take_back(contribution_id: int, reason: str, on: dt.date, actor: Any) -> FundContribution:
    """Take a contribution that was recorded by mistake out of its fund; it stays on record with
    the reason, and counts in no year.

    Raises NeedsReason, CalledBackTooEarly, AlreadyTakenBack and PaidOutSince; nothing is changed
    then.
    """
    if reason not in TakeBackReason.values:
        raise NeedsReason(_("Say why the contribution is taken back."))
    with transaction.atomic():
        fund = _held(
            FundContribution.objects.values_list("fund", flat=True).get(pk=contribution_id)
        )
        money: FundContribution = FundContribution.objects.get(pk=contribution_id)
        if money.taken_back_on is not None:
            raise AlreadyTakenBack(_("The contribution was taken back before."))
        if on < money.received_on:
            raise CalledBackTooEarly(_("That is before it was received."))
        if short := _short_day(fund, money.received_on, money.amount_usd):
            raise PaidOutSince(*short)
        change_with_history(
            money,
            {"taken_back_on": on, "taken_back_because": reason},
            actor,
            str(TakeBackReason(reason).label),
        )
        _move(fund, -money.amount_usd, f"Contribution {money.pk} taken back", actor)
    return money


def missing_approvals(case: FundDisbursement, cap: Decimal) -> list[FundError]:
    """What ``case`` still needs before it may be paid, given the fund's ``cap``.

    Source: evaluation 2019, 4.3, Box 1.
    """
    missing: list[FundError] = []
    if case.amount_usd > cap:
        if not case.approval:
            missing.append(
                OverCap(
                    _("More than USD %(cap)s for a case needs a written approval.")
                    % {"cap": usd(cap)}
                )
            )
        elif case.approved_on is None or case.approved_on > case.paid_on:
            missing.append(ApprovedTooLate(_(APPROVED_BEFORE)))
    if case.vulnerability == Vulnerability.OUTSIDE:
        if not case.secretariat_approval:
            missing.append(
                NeedsSecretariat(
                    _("A case outside the categories needs the Technical Secretariat's approval.")
                )
            )
        elif case.secretariat_approved_on is None or case.secretariat_approved_on > case.paid_on:
            missing.append(SecretariatTooLate(_(APPROVED_BEFORE)))
    return missing


def _held(fund_id: int) -> ReserveFund:
    """The fund, held against other writers until the transaction ends."""
    fund: ReserveFund = ReserveFund.objects.select_for_update().get(pk=fund_id)
    return fund


def _short_day(
    fund: ReserveFund, since: dt.date, amount: Decimal
) -> tuple[dt.date, Decimal] | None:
    """The first day from ``since`` on that ended with less than ``amount`` in the fund, and with
    how much; None: ``amount`` can be missing on all of them."""
    for day, balance in balances_since(fund, since):
        if balance < amount:
            return day, balance
    return None


def _sent_before(row: Any) -> Any:
    """The row that the same form brought before, or None."""
    return None if row.key is None else type(row).objects.filter(key=row.key).first()


def _move(fund: ReserveFund, by: Decimal, why: str, actor: Any) -> None:
    """Add ``by`` to the balance, or take it out. Raises NotEnough."""
    enough = ReserveFund.objects.filter(pk=fund.pk, balance_usd__gte=-by)
    # Rounded, since SQLite adds decimals up as floats.
    if not enough.update(balance_usd=Round(F("balance_usd") + by, 2)):
        raise NotEnough(fund.balance_usd)
    fund.refresh_from_db()
    change_with_history(fund, {}, actor, why)
