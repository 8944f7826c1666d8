"""Reserve funds: the balance is right to the cent, whoever pays and however many at once."""

from __future__ import annotations

import datetime as dt
import importlib
import threading
import uuid
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from finance.models import FundContribution, FundDisbursement, ReserveFund
from finance.selectors.funds import fund_years
from finance.services import funds as services
from tests.factories import engagements as make
from tests.factories.finance import ReserveFundFactory
from tests.twins import taken_back, twin_settings

pytestmark = pytest.mark.django_db

DAY = dt.date(2026, 3, 11)


@pytest.fixture
def officer():
    return make.UserFactory(access_group="finance", office=make.OfficeFactory())


@pytest.fixture
def fund():
    return ReserveFundFactory()


def receive(fund, officer, amount: str, **fields: Any) -> FundContribution:
    values = {"country": make.CountryFactory(), "received_on": DAY, **fields}
    money = FundContribution(fund=fund, amount_usd=Decimal(amount), **values)
    return services.receive(money, officer)


def case_of(fund, amount: str, **fields: Any) -> FundDisbursement:
    values = {
        "paid_on": DAY,
        "referred_by": "consulate",
        "vulnerability": "child",
        **({} if "origin" in fields else {"origin": make.CountryFactory()}),
        **({} if "destination" in fields else {"destination": make.CountryFactory()}),
        **fields,
    }
    return FundDisbursement(fund=fund, amount_usd=Decimal(amount), **values)


def pay(fund, officer, amount: str, **fields: Any) -> FundDisbursement:
    return services.disburse(case_of(fund, amount, **fields), officer)


def balance(fund) -> Decimal:
    return ReserveFund.objects.get(pk=fund.pk).balance_usd


def test_what_comes_in_is_in_the_fund_and_what_is_paid_is_not(fund, officer):
    receive(fund, officer, "1500.00")
    pay(fund, officer, "400.10")
    assert balance(fund) == Decimal("1099.90")


def test_cases_of_a_fund_are_numbered_from_one_on(fund, officer):
    other = ReserveFundFactory()
    receive(fund, officer, "1000")
    receive(other, officer, "1000")
    numbers = [pay(one, officer, "10").case_number for one in (fund, other, fund, fund, other)]
    assert numbers == [1, 1, 2, 3, 2]


def test_more_than_there_is_cannot_be_paid_and_the_message_names_the_balance(fund, officer):
    receive(fund, officer, "500.25")
    with pytest.raises(services.NotEnough, match=r"only USD 500\.25 in the fund") as refusal:
        pay(fund, officer, "500.26")
    assert refusal.value.balance == Decimal("500.25")
    assert balance(fund) == Decimal("500.25")
    assert not FundDisbursement.objects.exists()
    pay(fund, officer, "500.25")
    assert balance(fund) == 0


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, services.OverCap),
        ({"approval": "LET-2026-7"}, services.ApprovedTooLate),
        (
            {"approval": "LET-2026-7", "approved_on": DAY + dt.timedelta(days=1)},
            services.ApprovedTooLate,
        ),
        ({"approval": "LET-2026-7", "approved_on": DAY}, None),
    ],
)
def test_over_the_cap_a_written_approval_is_asked_for(fund, officer, fields, error):
    receive(fund, officer, "5000")
    if error:
        with pytest.raises(error):
            pay(fund, officer, "1000.01", **fields)
        assert balance(fund) == 5000
        assert not FundDisbursement.objects.exists()
    else:
        assert pay(fund, officer, "1000.01", **fields).cap_usd == 1000
    pay(fund, officer, "1000.00")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, services.NeedsSecretariat),
        ({"secretariat_approval": "MIN-2026-3"}, services.SecretariatTooLate),
        (
            {"secretariat_approval": "MIN-2026-3", "secretariat_approved_on": dt.date(2026, 3, 12)},
            services.SecretariatTooLate,
        ),
        ({"secretariat_approval": "MIN-2026-3", "secretariat_approved_on": DAY}, None),
    ],
)
def test_outside_the_categories_the_technical_secretariat_is_asked(fund, officer, fields, error):
    receive(fund, officer, "5000")
    if error:
        with pytest.raises(error):
            pay(fund, officer, "10", vulnerability="outside", **fields)
        assert balance(fund) == 5000
    else:
        pay(fund, officer, "10", vulnerability="outside", **fields)
        assert balance(fund) == 4990


def test_a_payment_keeps_the_cap_of_its_day(fund, officer):
    receive(fund, officer, "5000")
    before = pay(fund, officer, "900")
    ReserveFund.objects.filter(pk=fund.pk).update(cap_usd=Decimal("500"))
    with pytest.raises(services.OverCap, match=r"USD 500\.00"):
        pay(fund, officer, "900")
    before.refresh_from_db()
    assert before.cap_usd == 1000


def test_a_call_back_gives_the_amount_back_once_and_keeps_the_reason(fund, officer):
    receive(fund, officer, "1000")
    case = pay(fund, officer, "333.33")
    services.call_back(case.pk, "not_used", DAY, officer)
    assert balance(fund) == 1000
    case.refresh_from_db()
    assert (case.cancelled_on, case.cancelled_because) == (DAY, "not_used")
    with pytest.raises(services.AlreadyCalledBack):
        services.call_back(case.pk, "not_used", DAY, officer)
    assert balance(fund) == 1000
    assert pay(fund, officer, "10").case_number == 2


@pytest.mark.parametrize("reason", ["", "He came home"])
def test_a_call_back_needs_one_of_the_reasons(fund, officer, reason):
    receive(fund, officer, "1000")
    case = pay(fund, officer, "300")
    with pytest.raises(services.NeedsReason):
        services.call_back(case.pk, reason, DAY, officer)
    assert balance(fund) == 700


def test_a_payment_does_not_come_back_before_it_was_made(fund, officer):
    receive(fund, officer, "1000")
    case = pay(fund, officer, "300")
    with pytest.raises(services.CalledBackTooEarly):
        services.call_back(case.pk, "not_used", DAY - dt.timedelta(days=1), officer)
    assert balance(fund) == 700


def test_a_form_that_is_sent_twice_moves_money_once(fund, officer):
    first, second = uuid.uuid4(), uuid.uuid4()
    kept = receive(fund, officer, "1000", key=first)
    assert receive(fund, officer, "1000", key=first) == kept
    case = pay(fund, officer, "300", key=second)
    assert pay(fund, officer, "300", key=second) == case
    assert balance(fund) == 700


def test_every_movement_is_in_the_history_in_its_actors_name(fund, officer):
    money = receive(fund, officer, "1000")
    case = pay(fund, officer, "300")
    services.call_back(case.pk, "not_used", DAY, officer)
    moved = fund.history.filter(history_type="~").order_by("pk")
    assert list(moved.values_list("balance_usd", "history_change_reason", "history_user")) == [
        (1000, f"Contribution {money.pk}", officer.pk),
        (700, "Case 1 paid", officer.pk),
        (1000, "Case 1 called back", officer.pk),
    ]
    days = list(moved.order_by("history_date").values_list("pk", flat=True))
    assert days == list(moved.values_list("pk", flat=True))
    rows = [*money.history.all(), *case.history.all()]
    assert {row.history_user_id for row in rows} == {officer.pk}
    assert len(rows) == 3


def test_a_fund_is_opened_empty_once_and_in_its_openers_name(officer):
    fund = ReserveFund(slug="new", name="New", iscm=make.ISCMFactory(), balance_usd=Decimal(9))
    services.open_fund(fund, officer)
    assert balance(fund) == 0
    assert fund.history.get().history_user == officer
    with pytest.raises(services.FundExists):
        services.open_fund(ReserveFund(slug="new", name="N", iscm=fund.iscm), officer)


def test_rows_of_an_invented_fund_are_invented_and_of_a_real_one_real(officer):
    for is_demo in (True, False):
        fund = ReserveFundFactory(is_demo=is_demo)
        money = receive(fund, officer, "10", is_demo=not is_demo)
        case = pay(fund, officer, "5", is_demo=not is_demo)
        assert (money.is_demo, case.is_demo) == (is_demo, is_demo)


def test_cents_do_not_get_lost_in_many_small_movements(fund, officer):
    """Three tenths are not 0.30000000000000004."""
    for _number in range(3):
        receive(fund, officer, "0.10")
    pay(fund, officer, "0.30")
    assert balance(fund) == 0
    for _number in range(10):
        receive(fund, officer, "0.70")
    for _number in range(7):
        pay(fund, officer, "1.00")
    assert ReserveFund.objects.filter(pk=fund.pk, balance_usd=0).exists()


# --- days and years


def test_a_payment_is_not_dated_before_there_was_money_for_it(fund, officer):
    receive(fund, officer, "2000", received_on=dt.date(2026, 3, 1))
    with pytest.raises(services.NotEnoughThen, match=r"On 1 March 2020 .* USD 0\.00") as refusal:
        pay(fund, officer, "900", paid_on=dt.date(2020, 3, 1))
    assert (refusal.value.field, refusal.value.balance) == ("paid_on", 0)
    assert balance(fund) == 2000
    assert not FundDisbursement.objects.exists()
    pay(fund, officer, "900", paid_on=dt.date(2026, 3, 1))


def test_a_payment_takes_nothing_from_what_was_paid_since(fund, officer):
    """In February there were 1,000; the 800 of April were paid of them, what came in May was not
    there yet."""
    receive(fund, officer, "1000", received_on=dt.date(2025, 1, 1))
    pay(fund, officer, "800", paid_on=dt.date(2025, 4, 1))
    receive(fund, officer, "5000", received_on=dt.date(2025, 5, 1))
    with pytest.raises(services.NotEnoughThen, match=r"On 1 April 2025 .* USD 200\.00"):
        pay(fund, officer, "200.01", paid_on=dt.date(2025, 2, 1))
    pay(fund, officer, "200", paid_on=dt.date(2025, 2, 1))
    assert balance(fund) == 5000


def test_a_call_back_makes_room_on_the_days_since(fund, officer):
    receive(fund, officer, "1000", received_on=dt.date(2025, 1, 1))
    back = pay(fund, officer, "900", paid_on=dt.date(2025, 2, 1))
    receive(fund, officer, "1000", received_on=dt.date(2026, 1, 1))
    with pytest.raises(services.NotEnoughThen):
        pay(fund, officer, "500", paid_on=dt.date(2025, 3, 1))
    services.call_back(back.pk, "entered_twice", dt.date(2026, 2, 1), officer)
    pay(fund, officer, "500", paid_on=dt.date(2025, 3, 1))


# --- contributions that were none


def test_a_contribution_is_taken_back_once_with_its_reason_and_counts_nowhere(fund, officer):
    receive(fund, officer, "1000")
    slip = receive(fund, officer, "500")
    services.take_back(slip.pk, "entered_twice", DAY, officer)
    assert balance(fund) == 1000
    slip.refresh_from_db()
    assert (slip.taken_back_on, slip.taken_back_because) == (DAY, "entered_twice")
    with pytest.raises(services.AlreadyTakenBack):
        services.take_back(slip.pk, "entered_twice", DAY, officer)
    assert balance(fund) == 1000
    (year,) = fund_years([fund.pk])[fund.pk]
    assert (year.contributions_usd, year.balance_usd) == (1000, 1000)
    kept = slip.history.first()
    assert (kept.history_user, kept.history_change_reason) == (officer, "It was entered twice")
    moved = fund.history.first()
    assert moved.history_change_reason == f"Contribution {slip.pk} taken back"


def test_a_contribution_that_was_paid_out_since_is_not_taken_back(fund, officer):
    first = receive(fund, officer, "1000", received_on=dt.date(2025, 1, 1))
    pay(fund, officer, "700", paid_on=dt.date(2025, 2, 1))
    receive(fund, officer, "5000", received_on=dt.date(2025, 3, 1))
    with pytest.raises(services.PaidOutSince, match=r"on 1 February 2025 .* USD 300\.00"):
        services.take_back(first.pk, "entered_wrongly", DAY, officer)
    first.refresh_from_db()
    assert (first.taken_back_on, balance(fund)) == (None, 5300)


def test_money_that_a_later_contribution_makes_up_for_is_not_there_before_it(fund, officer):
    """The year's end would be right, and 2 February would end with less than nothing."""
    slip = receive(fund, officer, "1000", received_on=dt.date(2025, 1, 1))
    pay(fund, officer, "700", paid_on=dt.date(2025, 2, 2))
    receive(fund, officer, "1000", received_on=dt.date(2025, 2, 3))
    with pytest.raises(services.PaidOutSince):
        services.take_back(slip.pk, "entered_wrongly", DAY, officer)


@pytest.mark.parametrize(
    ("reason", "on", "error"),
    [
        ("", DAY, services.NeedsReason),
        ("It was Juan's", DAY, services.NeedsReason),
        ("not_received", DAY - dt.timedelta(days=1), services.CalledBackTooEarly),
    ],
)
def test_taking_back_needs_a_reason_of_the_list_and_a_day(fund, officer, reason, on, error):
    slip = receive(fund, officer, "1000")
    with pytest.raises(error):
        services.take_back(slip.pk, reason, on, officer)
    assert balance(fund) == 1000


# --- the twin: the same movements in plain Python, in cents

amounts = st.integers(1, 250_000)
movements = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), amounts),
        st.tuples(st.just("pay"), amounts),
        st.tuples(st.just("call back"), st.integers(0, 12)),
    ),
    max_size=30,
)


@twin_settings
@given(movements)
def test_the_balance_is_what_its_twin_has_after_any_movements(steps):
    with taken_back():
        fund, officer = ReserveFundFactory(), make.UserFactory(access_group="finance")
        state = make.CountryFactory()
        twin_balance, twin_cases, back = 0, [], set()
        for what, number in steps:
            if what == "receive":
                receive(fund, officer, f"{number / 100:.2f}", country=state)
                twin_balance += number
            elif what == "pay":
                approved = (
                    {"approval": "LET-2026-1", "approved_on": DAY} if number > 100_000 else {}
                )
                case = case_of(
                    fund, f"{number / 100:.2f}", origin=state, destination=state, **approved
                )
                if number > twin_balance:
                    with pytest.raises(services.NotEnough) as refusal:
                        services.disburse(case, officer)
                    assert refusal.value.balance * 100 == twin_balance
                else:
                    twin_cases.append((services.disburse(case, officer).pk, number))
                    twin_balance -= number
            elif number < len(twin_cases):
                pk, amount = twin_cases[number]
                if pk in back:
                    with pytest.raises(services.AlreadyCalledBack):
                        services.call_back(pk, "not_used", DAY, officer)
                else:
                    services.call_back(pk, "not_used", DAY, officer)
                    back.add(pk)
                    twin_balance += amount
            assert balance(fund) * 100 == twin_balance
        assert fund.history.first().balance_usd * 100 == twin_balance
        years = fund_years([fund.pk])[fund.pk]
        assert (years[-1].balance_usd if years else 0) * 100 == twin_balance
        numbers = fund.disbursements.order_by("pk").values_list("case_number", flat=True)
        assert list(numbers) == list(range(1, len(twin_cases) + 1))


days = st.dates(dt.date(2023, 1, 1), dt.date(2026, 3, 1))
dated_movements = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), days, st.integers(1, 250_000)),
        st.tuples(st.just("pay"), days, st.integers(1, 100_000)),
        st.tuples(st.just("call back"), days, st.integers(0, 8)),
        st.tuples(st.just("take back"), days, st.integers(0, 8)),
    ),
    max_size=30,
)


def never_below_zero(ledger: list[tuple[dt.date, int]]) -> bool:
    """Whether every day of ``ledger`` (day, cents) ends with nothing or more, added up day by
    day."""
    return all(sum(cents for day, cents in ledger if day <= until) >= 0 for until, _cents in ledger)


@twin_settings
@given(dated_movements)
def test_no_day_and_no_year_ends_below_zero_whatever_is_recorded_in_whatever_order(steps):
    with taken_back():
        fund, officer = ReserveFundFactory(), make.UserFactory(access_group="finance")
        state = make.CountryFactory()
        came: list[tuple[int, dt.date, int]] = []  # (pk, day, cents) of what stands
        paid: list[tuple[int, dt.date, int]] = []

        def ledger() -> list[tuple[dt.date, int]]:
            return [(day, cents) for _pk, day, cents in came] + [
                (day, -cents) for _pk, day, cents in paid
            ]

        for what, day, number in steps:
            amount = f"{number / 100:.2f}"
            if what == "receive":
                row = receive(fund, officer, amount, country=state, received_on=day)
                came.append((row.pk, day, number))
            elif what == "pay":
                case = case_of(fund, amount, origin=state, destination=state, paid_on=day)
                if never_below_zero([*ledger(), (day, -number)]):
                    paid.append((services.disburse(case, officer).pk, day, number))
                else:
                    with pytest.raises((services.NotEnough, services.NotEnoughThen)):
                        services.disburse(case, officer)
            elif what == "call back" and number < len(paid):
                pk, paid_on, _cents = paid[number]
                services.call_back(pk, "not_used", max(day, paid_on), officer)
                del paid[number]
            elif what == "take back" and number < len(came):
                pk, received_on, cents = came[number]
                on = max(day, received_on)
                if never_below_zero([*ledger(), (received_on, -cents)]):
                    services.take_back(pk, "entered_wrongly", on, officer)
                    del came[number]
                else:
                    with pytest.raises(services.PaidOutSince):
                        services.take_back(pk, "entered_wrongly", on, officer)
            years = fund_years([fund.pk])[fund.pk]
            ends = {
                row.year: sum(cents for day, cents in ledger() if day.year <= row.year)
                for row in years
            }
            assert {row.year: row.balance_usd * 100 for row in years} == ends
            assert all(cents >= 0 for cents in ends.values())
            assert balance(fund) * 100 == sum(cents for _day, cents in ledger())


# --- many at once


@pytest.mark.django_db(transaction=True)
def test_twenty_payments_at_once_pay_exactly_what_there_is_money_for():
    officer = make.UserFactory(access_group="finance", office=make.OfficeFactory())
    fund, state = ReserveFundFactory(), make.CountryFactory()
    receive(fund, officer, "7000.00", country=state)

    def one():
        services.disburse(case_of(fund, "450.55", origin=state, destination=state), officer)

    outcomes = at_once(one, 20)
    assert outcomes == ["NotEnough"] * 5 + ["done"] * 15
    assert balance(fund) == Decimal("241.75")
    numbers = fund.disbursements.order_by("case_number").values_list("case_number", flat=True)
    assert list(numbers) == list(range(1, 16))
    steps = fund.history.filter(history_change_reason__endswith="paid").order_by("-balance_usd")
    left = [Decimal(7000) - n * Decimal("450.55") for n in range(1, 16)]
    assert list(steps.values_list("balance_usd", flat=True)) == left


@pytest.mark.django_db(transaction=True)
def test_a_payment_sent_by_several_lines_at_once_is_one():
    officer = make.UserFactory(access_group="finance", office=make.OfficeFactory())
    fund, state, key = ReserveFundFactory(), make.CountryFactory(), uuid.uuid4()
    receive(fund, officer, "7000.00", country=state)

    def one():
        case = case_of(fund, "450.55", origin=state, destination=state, key=key)
        services.disburse(case, officer)

    assert at_once(one, 8) == ["done"] * 8
    assert balance(fund) == Decimal("6549.45")


@pytest.mark.django_db(transaction=True)
def test_a_payment_called_back_by_several_at_once_comes_back_once():
    officer = make.UserFactory(access_group="finance", office=make.OfficeFactory())
    fund = ReserveFundFactory()
    receive(fund, officer, "1000.00")
    case = pay(fund, officer, "600.00")

    def one():
        services.call_back(case.pk, "entered_twice", DAY, officer)

    assert at_once(one, 8) == ["AlreadyCalledBack"] * 7 + ["done"]
    assert balance(fund) == 1000


@pytest.mark.django_db(transaction=True)
def test_payments_of_one_past_day_at_once_pay_what_that_day_had_money_for():
    officer = make.UserFactory(access_group="finance", office=make.OfficeFactory())
    fund, state = ReserveFundFactory(), make.CountryFactory()
    receive(fund, officer, "1000", country=state, received_on=dt.date(2025, 1, 1))
    receive(fund, officer, "9000", country=state, received_on=dt.date(2025, 12, 1))

    def one():
        case = case_of(fund, "300", origin=state, destination=state, paid_on=dt.date(2025, 6, 1))
        services.disburse(case, officer)

    assert at_once(one, 8) == ["NotEnoughThen"] * 5 + ["done"] * 3
    assert balance(fund) == 9100
    assert fund_years([fund.pk])[fund.pk][0].balance_usd == 9100


@pytest.mark.django_db(transaction=True)
def test_a_contribution_taken_back_by_several_at_once_goes_once():
    officer = make.UserFactory(access_group="finance", office=make.OfficeFactory())
    fund = ReserveFundFactory()
    receive(fund, officer, "1000")
    slip = receive(fund, officer, "600")

    def one():
        services.take_back(slip.pk, "entered_twice", DAY, officer)

    assert at_once(one, 8) == ["AlreadyTakenBack"] * 7 + ["done"]
    assert balance(fund) == 1000


@pytest.mark.django_db(transaction=True)
def test_of_a_payment_and_the_taking_back_of_its_money_one_is_refused():
    officer = make.UserFactory(access_group="finance", office=make.OfficeFactory())
    fund, state = ReserveFundFactory(), make.CountryFactory()
    money = receive(fund, officer, "600", country=state)
    todo = [
        lambda: services.take_back(money.pk, "entered_wrongly", DAY, officer),
        lambda: services.disburse(case_of(fund, "600", origin=state, destination=state), officer),
    ]
    outcomes = at_once(lambda: todo.pop()(), 2)
    assert outcomes in (["NotEnough", "done"], ["PaidOutSince", "done"])
    assert balance(fund) == 0


def at_once(action, rivals: int) -> list[str]:
    """Do ``action`` in several threads that start together; returns each one's outcome."""
    outcomes: list[str] = []
    gate = threading.Barrier(rivals)

    def run() -> None:
        gate.wait()
        try:
            action()
            outcomes.append("done")
        except services.FundError as error:
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _rival in range(rivals)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_a_reference_of_before_keeps_its_digits_and_no_letter(fund, officer):
    """The kept versions too: they could hold a name."""
    receive(fund, officer, "1500.00", reference="REC-2026-7")
    approved = {"approval": "LET-2026-7", "approved_on": DAY}
    case = pay(fund, officer, "1200", **approved)
    case.history.update(approval="CAP-MARIA.LOPEZ-12")
    FundContribution.history.update(reference="Juan/2026.0147")
    migration = importlib.import_module("finance.migrations.0022_registry_numbers")
    migration.number_them(apps, SimpleNamespace(connection=connection))
    assert case.history.get().approval == "LET-2026-12"
    assert FundContribution.history.get().reference == "REC-2026-260147"
    assert FundDisbursement.objects.get().approval == "LET-2026-7"
