"""What the database itself refuses, whoever writes: shares, balances, rates, approvals."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from finance.models import (
    AssessedContribution,
    Attribution,
    CurrencyRate,
    FundContribution,
    FundDisbursement,
    FundingLine,
    Position,
    PositionShare,
    Proposal,
    ReserveFund,
)
from tests.factories.engagements import CountryFactory, ISCMFactory
from tests.factories.finance import (
    AssessedContributionFactory,
    AttributionFactory,
    CurrencyRateFactory,
    FundContributionFactory,
    FundDisbursementFactory,
    FundingLineFactory,
    PositionFactory,
    PositionShareFactory,
    ProjectFactory,
    ProposalFactory,
    ReserveFundFactory,
    StaffNeedFactory,
    StandardCostFactory,
    TimeEntryFactory,
)

pytestmark = pytest.mark.django_db

DAY = dt.date(2026, 3, 11)


def refused(rule: str, action: Callable[[], Any]) -> None:
    """``action`` breaks ``rule``, which the database holds."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        action()
    # SQLite names the columns of a unique constraint, not the constraint itself.
    assert rule in str(refusal.value) or "UNIQUE" in str(refusal.value)


def stated(project: Any, share: str, year: int = 2026) -> Attribution:
    attribution: Attribution = AttributionFactory(
        project=project, year=year, basis="stated_share", share_pct=Decimal(share)
    )
    return attribution


# --- shares


def test_the_shares_of_a_project_and_year_come_to_100_per_cent_at_most():
    project = ProjectFactory()
    for share in ("33.33", "33.33", "33.34"):
        stated(project, share)
    refused("attributions_never_over_100", lambda: stated(project, "0.01"))
    assert Attribution.objects.count() == 3


def test_shares_of_another_year_or_project_and_unknown_ones_do_not_add_up():
    project = ProjectFactory()
    stated(project, "100.00")
    stated(project, "100.00", year=2027)
    stated(ProjectFactory(), "100.00")
    AttributionFactory(project=project)
    assert Attribution.objects.count() == 4


def test_a_share_cannot_be_raised_nor_moved_over_100_per_cent():
    project = ProjectFactory()
    stated(project, "60.00")
    other = stated(project, "40.00")
    next_year = stated(project, "50.00", year=2027)
    refused(
        "attributions_never_over_100",
        lambda: Attribution.objects.filter(pk=other.pk).update(share_pct=Decimal("40.01")),
    )
    refused(
        "attributions_never_over_100",
        lambda: Attribution.objects.filter(pk=next_year.pk).update(year=2026),
    )
    other.refresh_from_db()
    next_year.refresh_from_db()
    assert (other.share_pct, next_year.year) == (Decimal("40.00"), 2027)


def test_a_dedicated_project_leaves_no_share_to_another_mechanism():
    project = ProjectFactory()
    AttributionFactory(project=project, basis="dedicated")
    refused("attributions_never_over_100", lambda: stated(project, "1.00"))


def amount(project, usd: int, **values) -> Attribution:
    return AttributionFactory(project=project, basis="stated_amount", amount_usd=usd, **values)


def test_nothing_is_stated_beside_a_project_that_goes_whole_to_mechanisms():
    project, year = ProjectFactory(), 2026
    AttributionFactory(project=project, year=year, basis="dedicated")
    refused("attributions_nothing_beside_the_whole", lambda: amount(project, 1, year=year))
    amount(project, 0, year=year)
    amount(project, 500, year=2027)
    assert Attribution.objects.count() == 3


def test_a_project_of_which_an_amount_is_stated_does_not_go_whole_to_others():
    project, year = ProjectFactory(), 2026
    amount(project, 1, year=year)
    share = stated(project, "99.99", year=year)
    refused(
        "attributions_nothing_beside_the_whole",
        lambda: Attribution.objects.filter(pk=share.pk).update(share_pct=Decimal(100)),
    )
    share.refresh_from_db()
    assert share.share_pct == Decimal("99.99")


def test_rows_written_together_are_added_up_too():
    project = ProjectFactory()
    rows = [
        Attribution(
            project=project, iscm=ISCMFactory(), year=2026, basis="stated_share", share_pct=60
        )
        for _row in range(2)
    ]
    refused("attributions_never_over_100", lambda: Attribution.objects.bulk_create(rows))
    assert Attribution.objects.count() == 0


def test_the_shares_of_a_post_come_to_100_per_cent_at_most():
    position = PositionFactory()
    PositionShareFactory(position=position, share_pct=Decimal("20.00"))
    PositionShareFactory(position=position, share_pct=Decimal("80.00"))
    PositionShareFactory(position=position, share_pct=None)
    refused(
        "positionshares_never_over_100",
        lambda: PositionShareFactory(position=position, share_pct=Decimal("0.01")),
    )
    assert PositionShare.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_writers_at_once_do_not_bring_a_project_over_100_per_cent():
    project = ProjectFactory()
    mechanisms = [ISCMFactory() for _writer in range(6)]
    outcomes: list[str] = []
    gate = threading.Barrier(len(mechanisms))

    def write(mechanism: Any) -> None:
        gate.wait()
        try:
            with transaction.atomic():
                Attribution.objects.create(
                    project=project,
                    iscm=mechanism,
                    year=2026,
                    basis="stated_share",
                    share_pct=Decimal("40.00"),
                )
            outcomes.append("written")
        except IntegrityError:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[mechanism]) for mechanism in mechanisms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 4 + ["written"] * 2
    assert sum(row.share_pct for row in Attribution.objects.all()) == Decimal("80.00")


# --- amounts and rates


def test_a_currency_has_one_rate_a_day():
    CurrencyRateFactory(currency="EUR", rated_on=DAY)
    CurrencyRateFactory(currency="CHF", rated_on=DAY)
    refused("currencyrate_once_a_day", lambda: CurrencyRateFactory(currency="EUR", rated_on=DAY))
    refused(
        "currencyrate_above_zero",
        lambda: CurrencyRateFactory(rated_on=DAY.replace(day=1), usd_per_unit=0),
    )
    assert CurrencyRate.objects.count() == 2


@pytest.mark.parametrize(("usd", "fits"), [("108.00", True), ("107.99", False), ("108.01", False)])
def test_the_amount_of_a_converted_line_is_the_original_one_at_its_rate(usd: str, fits: bool):
    def write() -> None:
        FundingLineFactory(
            original_currency="EUR",
            original_amount=Decimal("100.00"),
            rate_used=Decimal("1.08"),
            amount_usd=Decimal(usd),
        )

    if fits:
        write()
    else:
        refused("fundingline_amount_is_the_converted_one", write)
    assert FundingLine.objects.count() == int(fits)


def test_a_converted_amount_is_rounded_to_the_cent():
    FundingLineFactory(
        original_currency="CHF",
        original_amount=Decimal("33.33"),
        rate_used=Decimal("1.12345678"),
        amount_usd=Decimal("37.44"),  # 37.4448...
    )
    assert FundingLine.objects.get().amount_usd == Decimal("37.44")


def test_a_post_paid_by_a_counted_line_names_the_line_or_the_project():
    line, project = FundingLineFactory(), ProjectFactory()
    PositionFactory(paid_by="counted_line", funding_line=line)
    PositionFactory(paid_by="counted_line", project=project)
    PositionFactory(paid_by="office")
    for wrong in (
        {"paid_by": "counted_line"},
        {"paid_by": "counted_line", "funding_line": line, "project": project},
        {"paid_by": "office", "project": project},
    ):
        refused("position_names_what_pays_it", lambda wrong=wrong: PositionFactory(**wrong))
    assert Position.objects.count() == 3


def test_a_state_has_one_contribution_a_year_and_never_a_negative_one():
    first = AssessedContributionFactory()
    refused(
        "contribution_once_a_year",
        lambda: AssessedContributionFactory(iscm=first.iscm, country=first.country),
    )
    refused("contribution_not_negative", lambda: AssessedContributionFactory(paid_usd=-1))
    assert AssessedContribution.objects.count() == 1


@pytest.mark.parametrize(
    ("state", "decided_on", "awarded_usd", "fits"),
    [
        ("asked", None, None, True),
        ("asked", DAY, None, False),
        ("asked", None, 5, False),
        ("awarded", DAY, 5, True),
        ("awarded", DAY, 0, True),
        ("awarded", DAY, None, False),
        ("awarded", None, 5, False),
        ("declined", DAY, None, True),
        ("declined", DAY, 5, False),
        ("withdrawn", None, None, False),
    ],
)
def test_a_proposal_is_decided_or_open(state, decided_on, awarded_usd, fits):
    fields = {"state": state, "decided_on": decided_on, "awarded_usd": awarded_usd}
    if fits:
        ProposalFactory(**fields)
    else:
        refused("proposal_state_fits_decision", lambda: ProposalFactory(**fields))
    assert Proposal.objects.count() == int(fits)


def test_a_proposal_is_not_decided_before_it_is_asked():
    refused(
        "proposal_dates_in_order",
        lambda: ProposalFactory(state="declined", decided_on=DAY - dt.timedelta(days=1)),
    )
    assert Proposal.objects.count() == 0


# --- plausible sizes


@pytest.mark.parametrize(("days", "fits"), [("366.00", True), ("366.01", False)])
def test_one_entry_of_time_has_a_years_days_at_most(days, fits):
    if fits:
        TimeEntryFactory(days=Decimal(days))
    else:
        refused("timeentry_days_of_a_year", lambda: TimeEntryFactory(days=Decimal(days)))


@pytest.mark.parametrize(("share", "fits"), [("10000.00", True), ("10000.01", False)])
def test_a_need_is_for_a_hundred_posts_at_most(share, fits):
    if fits:
        StaffNeedFactory(share_pct=Decimal(share))
    else:
        refused("staffneed_at_most_100_posts", lambda: StaffNeedFactory(share_pct=Decimal(share)))


@pytest.mark.parametrize(
    ("original", "fits"), [(None, True), ("1000.00", True), ("1000.01", False), ("100.00", False)]
)
def test_an_amount_in_usd_is_itself(original, fits):
    fields = {"original_currency": "USD", "original_amount": original and Decimal(original)}
    if fits:
        FundingLineFactory(**fields)
    else:
        refused("fundingline_usd_is_itself", lambda: FundingLineFactory(**fields))


# --- reserve funds


def test_a_fund_is_never_below_zero():
    fund = ReserveFundFactory()
    refused(
        "reservefund_never_below_zero",
        lambda: ReserveFund.objects.filter(pk=fund.pk).update(balance_usd=Decimal("-0.01")),
    )
    fund.refresh_from_db()
    assert fund.balance_usd == 0


@pytest.mark.parametrize(
    ("amount", "approval", "approved_on", "fits"),
    [
        ("1000.00", "", None, True),
        ("1000.01", "", None, False),
        ("1000.01", "LET-2026-7", None, False),
        ("1000.01", "", DAY, False),
        ("1000.01", "LET-2026-7", DAY, True),
        ("1000.01", "LET-2026-7", DAY + dt.timedelta(days=1), False),
    ],
)
def test_over_the_cap_a_written_approval_is_there_before_the_payment(
    amount, approval, approved_on, fits
):
    fields = {"amount_usd": Decimal(amount), "approval": approval, "approved_on": approved_on}
    if fits:
        FundDisbursementFactory(**fields)
    else:
        refused("disbursement_over_cap_is_approved", lambda: FundDisbursementFactory(**fields))
    assert FundDisbursement.objects.count() == int(fits)


@pytest.mark.parametrize(
    ("approval", "approved_on", "fits"),
    [("", None, False), ("MIN-2026-9", None, False), ("MIN-2026-9", DAY, True)],
)
def test_outside_the_categories_the_technical_secretariat_approves(approval, approved_on, fits):
    fields = {
        "vulnerability": "outside",
        "secretariat_approval": approval,
        "secretariat_approved_on": approved_on,
    }
    if fits:
        FundDisbursementFactory(**fields)
    else:
        refused("disbursement_outside_is_approved", lambda: FundDisbursementFactory(**fields))
    assert FundDisbursement.objects.count() == int(fits)


def test_no_field_of_a_case_can_hold_a_name():
    """Who a person is stands in no field: only codes, dates, amounts and references of letters."""
    free_text = {
        field.name
        for field in FundDisbursement._meta.fields
        if field.get_internal_type() in ("CharField", "TextField") and not field.choices
    }
    assert free_text == {"approval", "secretariat_approval"}


@pytest.mark.parametrize(
    "text",
    [
        "Juan",
        "CAP-MARIA.LOPEZ-1",
        "LET-2026-LOPEZ",
        "JUAN-2026-7",
        "LET-2026-1234567",
        "LET-2026-7 Juan",
        "LET-2026-7\n",
        "let-2026-7",
        "7",
    ],
)
@pytest.mark.parametrize("field", ["approval", "secretariat_approval"])
def test_the_reference_of_a_letter_is_no_place_for_a_name(field, text):
    rule = "disbursement_references_name_nobody"
    refused(rule, lambda: FundDisbursementFactory(**{field: text}))


@pytest.mark.parametrize("text", ["", "LET-2026-147", "MIN-2024-014", "EML-2026-999999"])
def test_the_numbers_of_a_registry_are_taken(text):
    FundDisbursementFactory(approval=text, secretariat_approval=text)
    assert FundDisbursement.objects.count() == 1


def test_a_contributions_reference_names_nobody_either():
    fund, state = ReserveFundFactory(), CountryFactory()
    refused(
        "fundcontribution_reference_names_nobody",
        lambda: FundContribution.objects.create(
            fund=fund, country=state, received_on=DAY, amount_usd=1, reference="For Juan"
        ),
    )


def test_a_payment_is_called_back_for_a_reason_of_the_list():
    refused(
        "disbursement_called_back_with_a_reason",
        lambda: FundDisbursementFactory(cancelled_on=DAY, cancelled_because="Juan came home"),
    )


def test_a_contribution_is_taken_back_for_a_reason_of_the_list():
    rule = "fundcontribution_taken_back_with_a_reason"
    for fields in (
        {"taken_back_on": DAY, "taken_back_because": "Juan's"},
        {"taken_back_on": DAY},
        {"taken_back_because": "entered_twice"},
    ):
        refused(rule, lambda fields=fields: FundContributionFactory(**fields))
    FundContributionFactory(taken_back_on=DAY, taken_back_because="entered_twice")


@pytest.mark.parametrize("source", ["contribution", "reserve_fund"])
def test_the_money_of_member_states_is_never_counted_as_investment(source):
    refused(
        "fundingline_counts_investment_only",
        lambda: FundingLineFactory(source_of_funds=source),
    )
    FundingLineFactory(source_of_funds=source, is_counted=False, not_counted_reason="A ceiling.")


@pytest.mark.parametrize("currency", ["USD", "ZZZ", "eur", ""])
def test_a_rate_is_of_a_currency_and_never_of_the_dollar(currency):
    refused("currencyrate_of_a_currency", lambda: CurrencyRateFactory(currency=currency))


@pytest.mark.parametrize("grade", ["P99", "P-3", "Officer"])
def test_a_grade_is_one_of_the_known_ones(grade):
    refused("standardcost_of_a_grade", lambda: StandardCostFactory(grade=grade))
    refused("position_of_a_grade", lambda: PositionFactory(grade=grade))
    refused("timeentry_of_a_grade", lambda: TimeEntryFactory(grade=grade))
    refused("staffneed_of_a_grade", lambda: StaffNeedFactory(grade=grade))
    refused("standardcost_of_a_grade", lambda: StandardCostFactory(grade=""))
    PositionFactory(grade="")


def test_days_name_one_payer_and_only_where_a_counted_line_pays_them():
    line, project = FundingLineFactory(), ProjectFactory()
    rule = "timeentry_names_at_most_one_payer"
    both = {"funding_line": line, "project": project}
    refused(rule, lambda: TimeEntryFactory(paid_by="counted_line", **both))
    refused(rule, lambda: TimeEntryFactory(paid_by="office", project=project))
    refused(rule, lambda: TimeEntryFactory(paid_by="other", funding_line=line))
    for payer in ({}, {"funding_line": line}, {"project": project}):
        TimeEntryFactory(paid_by="counted_line", **payer)
