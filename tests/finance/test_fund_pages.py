"""The pages of reserve funds: what they say, what they take, and what they refuse at its field."""

from __future__ import annotations

import datetime as dt
import io
import re
import uuid
from decimal import Decimal
from html import unescape

import openpyxl
import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance.models import FundContribution, FundDisbursement, ReserveFund
from finance.selectors.funds import Breakdown, Group, breakdowns, fund_years
from finance.services import fund_sheets
from finance.services import funds as services
from tests.api.client import Api, body
from tests.factories import engagements as make
from tests.factories.finance import ReserveFundFactory
from tests.files import dicts_of_csv

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("clock"),
]


@pytest.fixture
def clock():
    with time_machine.travel("2026-06-15T09:00:00Z", tick=False):
        yield


@pytest.fixture
def officer(client):
    user = make.UserFactory(access_group="finance", office=make.OfficeFactory())
    client.force_login(user)
    return user


@pytest.fixture
def states():
    return [make.CountryFactory(name_en=name) for name in ("Belize", "Panama", "Mexico")]


@pytest.fixture
def fund():
    return ReserveFundFactory(slug="rcm", name="RCM Reserve Fund")


def receive(fund, officer, amount, on=dt.date(2026, 1, 5), **fields):
    payer = fields or {"country": make.CountryFactory()}
    return services.receive(
        FundContribution(fund=fund, received_on=on, amount_usd=Decimal(amount), **payer), officer
    )


def pay(fund, officer, states, amount, on=dt.date(2026, 3, 11), **fields):
    values = {"referred_by": "ngo", "vulnerability": "child", **fields}
    values.setdefault("origin", states[0])
    values.setdefault("destination", states[1])
    case = FundDisbursement(fund=fund, paid_on=on, amount_usd=Decimal(amount), **values)
    return services.disburse(case, officer)


def text_of(response) -> str:
    """The words of a page, without its tags."""
    words = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(unescape(words).split())


# --- what the pages say


def test_the_list_says_how_much_is_in_the_real_funds_and_leaves_invented_ones_out(
    client, officer, fund, states
):
    receive(fund, officer, "5000")
    pay(fund, officer, states, "400.50")
    invented = ReserveFundFactory(is_demo=True)
    receive(invented, officer, "900000")
    text = text_of(client.get("/funds/"))
    assert "USD 4,599.50 is in 1 fund. USD 400.50 was paid for 1 case in 2026." in text
    assert "900,000" in text


def test_a_fund_of_which_nothing_is_on_record_is_not_known_rather_than_empty(client, officer, fund):
    assert "what is in it is not known" in text_of(client.get("/funds/"))
    page = text_of(client.get("/funds/rcm/"))
    assert "Nothing is on record yet: the balance is not known." in page
    assert "USD 0.00" not in page
    assert client.get("/funds/rcm/sheet.pdf").status_code == 404


def test_a_fund_says_its_balance_first(client, officer, fund, states):
    receive(fund, officer, "5000")
    pay(fund, officer, states, "400.50")
    assert (
        "USD 4,599.50 is in the fund, enough for 4 cases at the cap of USD 1,000. "
        "USD 400.50 was paid for 1 case in 2026."
    ) in text_of(client.get("/funds/rcm/"))


def test_the_years_add_up_and_leave_out_what_was_called_back(officer, fund, states):
    """Against a ledger worked out by hand."""
    receive(fund, officer, "3000", dt.date(2024, 2, 1))
    receive(fund, officer, "500.55", dt.date(2025, 12, 31))
    approved = {"approval": "LET-2024-1", "approved_on": dt.date(2024, 3, 1)}
    pay(fund, officer, states, "1200", dt.date(2024, 3, 2), **approved)
    pay(fund, officer, states, "100.10", dt.date(2024, 12, 31))
    outside = {
        "vulnerability": "outside",
        "secretariat_approval": "MIN-2024-1",
        "secretariat_approved_on": dt.date(2025, 1, 1),
    }
    pay(fund, officer, states, "99.95", dt.date(2025, 1, 1), **outside)
    back = pay(fund, officer, states, "800", dt.date(2025, 5, 5))
    services.call_back(back.pk, "not_used", dt.date(2026, 1, 2), officer)
    rows = [
        (
            row.year,
            row.contributions_usd,
            row.disbursed_usd,
            row.cases,
            row.mean_usd,
            row.over_cap,
            row.outside,
            row.called_back,
            row.balance_usd,
        )
        for row in fund_years([fund.pk])[fund.pk]
    ]
    usd = Decimal
    assert rows == [
        (2024, 3000, usd("1300.10"), 2, usd("650.05"), 1, 0, 0, usd("1699.90")),
        (2025, usd("500.55"), usd("99.95"), 1, usd("99.95"), 0, 1, 1, usd("2100.50")),
    ]
    assert rows[-1][-1] == ReserveFund.objects.get().balance_usd


def test_a_year_narrows_the_cases_the_contributions_and_the_breakdown(
    client, officer, fund, states
):
    receive(fund, officer, "3000", dt.date(2025, 2, 1), country=states[2])
    receive(fund, officer, "3000", dt.date(2026, 2, 1), country=states[1])
    pay(fund, officer, states, "111.11", dt.date(2025, 3, 2), vulnerability="elderly")
    pay(fund, officer, states, "222.22", dt.date(2026, 3, 2), vulnerability="health")
    both, one = text_of(client.get("/funds/rcm/")), text_of(client.get("/funds/rcm/?year=2025"))
    for told in ("111.11", "222.22", "Elderly person", "Medical condition", "Mexico"):
        assert told in both
    assert "111.11" in one
    assert "Elderly person" in one
    assert "Medical condition" not in one
    assert "2 February" not in one


def test_each_case_stands_in_one_group_of_each_breakdown(officer, fund, states):
    receive(fund, officer, "9000")
    for referred_by, vulnerability, origin in (
        ("ngo", "child", 0),
        ("ngo", "child", 1),
        ("consulate", "violence", 0),
    ):
        pay(
            fund,
            officer,
            states,
            "100",
            referred_by=referred_by,
            vulnerability=vulnerability,
            origin=states[origin],
            destination=states[2],
        )
    found = breakdowns(FundDisbursement.objects.filter(fund=fund))
    told = [[(group.label, group.cases, group.disbursed_usd) for group in b.groups] for b in found]
    assert told == [
        [("An NGO", 2, 200), ("A consulate", 1, 100)],
        [("Child, unaccompanied or separated", 2, 200), ("Survivor of violence", 1, 100)],
        [("Belize", 2, 200), ("Panama", 1, 100)],
        [("Mexico", 3, 300)],
    ]


def test_fifty_cases_are_a_page_and_each_comes_once(client, officer, fund, states):
    receive(fund, officer, "9000")
    for _number in range(60):
        pay(fund, officer, states, "1")
    first = client.get("/funds/rcm/").content.decode()
    (address,) = re.findall(r'href="(\?after_cases=[^"]+)"', first)
    second = client.get(f"/funds/rcm/{unescape(address)}").content.decode()
    seen = re.findall(r">Case (\d+)", first) + re.findall(r">Case (\d+)", second)
    assert seen == [str(number) for number in range(60, 0, -1)]


@pytest.mark.parametrize("table", ["cases", "contributions", "years"])
def test_what_is_shown_can_be_taken_as_csv_and_xlsx(client, officer, fund, states, table):
    receive(fund, officer, "3000", dt.date(2025, 2, 1), country=states[2])
    receive(fund, officer, "3000", dt.date(2026, 2, 1), payer="A foundation")
    for on in (dt.date(2025, 3, 2), dt.date(2026, 3, 2), dt.date(2026, 3, 3)):
        pay(fund, officer, states, "250.25", on)
    expected = {"cases": (3, 2), "contributions": (2, 1), "years": (2, 1)}[table]
    counted = []
    for query in ("", "&year=2026"):
        answer = client.get(f"/funds/rcm/?table={table}&format=csv{query}")
        rows = dicts_of_csv(body(answer))
        book = openpyxl.load_workbook(
            io.BytesIO(body(client.get(f"/funds/rcm/?table={table}&format=xlsx{query}")))
        )
        sheet = list(book.worksheets[0].values)
        assert list(rows[0]) == list(sheet[0])
        assert len(sheet) == len(rows) + 1
        assert book.worksheets[1]["B1"].value == len(rows)
        counted.append(len(rows))
    assert tuple(counted) == expected


def test_the_list_of_funds_can_be_taken_too(client, officer, fund):
    answer = body(client.get("/funds/?format=csv")).decode("utf-8-sig")
    (row,) = dicts_of_csv(answer)
    assert (row["fund"], row["balance_usd"]) == ("RCM Reserve Fund", "")


def test_only_who_may_record_something_sees_where(client, fund):
    client.force_login(make.UserFactory(access_group="ipd"))
    page = text_of(client.get("/funds/rcm/"))
    assert "Pay for a case" not in page
    assert "Record a contribution" not in page


def test_every_page_asks_as_often_for_many_rows_as_for_few(client, officer, states):
    funds = [ReserveFundFactory(slug=f"fund-of-{n}") for n in range(2)]

    def grow(rows: int) -> None:
        for fund in funds:
            receive(fund, officer, "9000")
            for number in range(rows):
                on = dt.date(2026 - number % 3, 3, 11)
                receive(fund, officer, "10", on, payer=f"Payer {number}")
                pay(fund, officer, [make.CountryFactory(), make.CountryFactory()], "5", on)

    addresses = (
        "/funds/",
        "/funds/fund-of-0/",
        "/funds/fund-of-0/sheet.pdf",
        "/funds/fund-of-0/contribution/",
        "/funds/fund-of-0/case/",
        f"/funds/cases/{_a_case(funds[0], officer, states)}/call-back/",
        f"/funds/contributions/{receive(funds[0], officer, '7').pk}/take-back/",
    )
    grow(2)
    few = {address: _statements(client, address) for address in addresses}
    grow(8)
    ReserveFundFactory.create_batch(5)
    assert {address: _statements(client, address) for address in addresses} == few
    assert max(few.values()) <= 16


def _a_case(fund, officer, states) -> int:
    receive(fund, officer, "9000")
    return pay(fund, officer, states, "5").pk


def _statements(client, address: str) -> int:
    client.get(address)  # whatever is read once and kept is read now
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


# --- the sheet of a year


def told(breakdown: Breakdown) -> list[tuple[str, int | None]]:
    return [(group.label, group.cases) for group in breakdown.groups]


def groups(*cases: int) -> Breakdown:
    usd = Decimal(100)
    return Breakdown("By", [Group(f"G{n}", count, count * usd) for n, count in enumerate(cases)])


@pytest.mark.parametrize(
    ("cases", "most", "expected"),
    [
        ((5, 3), 9, [("G0", 5), ("G1", 3)]),
        ((5, 2), 9, [("G0", 5), ("Others", None)]),
        ((5, 2, 1), 9, [("G0", 5), ("Others", 3)]),
        ((5, 2, 2), 9, [("G0", 5), ("Others", 4)]),
        ((1, 1), 9, [("Others", None)]),
        ((), 9, []),
        ((9, 8, 7, 6), 3, [("G0", 9), ("G1", 8), ("Others", 13)]),
        ((9, 8, 7, 1), 3, [("G0", 9), ("G1", 8), ("Others", 8)]),
    ],
)
def test_small_groups_have_no_line_of_their_own(cases, most, expected):
    folded = groups(*cases).without_small(most)
    assert told(folded) == expected
    assert all(group.cases is None or group.cases >= 3 for group in folded.groups)


def sheet_data(monkeypatch, fund, year):
    """What the sheet of ``year`` is made of."""
    kept = []
    monkeypatch.setattr(fund_sheets.typeset, "pdf", lambda _template, data: kept.append(data))
    years = fund_years([fund.pk])[fund.pk]
    row = next(row for row in years if row.year == year)
    cases = FundDisbursement.objects.filter(fund=fund, paid_on__year=year)
    fund_sheets.year_sheet(fund, row, years, breakdowns(cases), dt.date(2026, 6, 15))
    return kept[0]


def test_the_sheet_tells_no_number_under_three_and_names_its_source(monkeypatch, officer, states):
    fund = ReserveFundFactory(source="evaluation 2019, section 4.3, Box 1")
    receive(fund, officer, "9000")
    for origin in (0, 0, 0, 1, 2):
        pay(fund, officer, states, "100", origin=states[origin], destination=states[2])
    data = sheet_data(monkeypatch, fund, 2026)
    facts = list(data["facts"].values())
    assert facts == ["8,500.00", "9,000.00", "500.00", "5", "100.00", "0", "0"]
    by_origin = data["tables"][2]
    assert by_origin["rows"] == [["Belize", "3", "300.00"], ["Others", "fewer than 3", "not shown"]]
    assert data["notes"][-1] == (
        "Source: the fund's records as they stood on 15 June 2026. "
        "On the fund: evaluation 2019, section 4.3, Box 1."
    )
    assert data["demo"] == ""


def test_a_year_of_two_cases_tells_neither_their_number_nor_their_mean(
    monkeypatch, officer, fund, states
):
    receive(fund, officer, "9000")
    pay(fund, officer, states, "100")
    pay(fund, officer, states, "150")
    data = sheet_data(monkeypatch, fund, 2026)
    assert list(data["facts"].values())[3:5] == ["fewer than 3", "not shown"]
    assert data["years"]["rows"][0][2] == "fewer than 3"
    assert {tuple(one["rows"][0]) for one in data["tables"]} == {
        ("Others", "fewer than 3", "not shown")
    }


def test_the_sheet_of_an_invented_fund_says_so(monkeypatch, officer, states):
    fund = ReserveFundFactory(is_demo=True)
    receive(fund, officer, "9000")
    assert sheet_data(monkeypatch, fund, 2026)["demo"] == "Invented for the demonstration"


def test_the_sheet_is_a_tagged_pdf_of_one_page_whatever_it_says(client, officer, states):
    fund = ReserveFundFactory(slug="rcm", name="#strong[Fund] *with* signs $x$ @a <b> " * 4)
    for year in range(2010, 2027):
        receive(fund, officer, "90000", dt.date(year, 1, 5))
    for number in range(40):
        country = make.CountryFactory(name_en=f"{number}: a State with quite a long official name")
        for _case in range(3):
            pay(fund, officer, [country, country], "100")
    answer = client.get("/funds/rcm/sheet.pdf?year=2026")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'attachment; filename="rcm-2026.pdf"'
    assert answer.content.startswith(b"%PDF")
    assert b"/MarkInfo" in answer.content
    assert len(re.findall(rb"/Type\s*/Page\b", answer.content)) == 1


def test_the_sheet_of_a_past_year_knows_nothing_of_later_ones(monkeypatch, client, officer, fund):
    receive(fund, officer, "1000", dt.date(2024, 1, 5))
    receive(fund, officer, "500", dt.date(2026, 1, 5))
    kept = []

    def keep(_template, data) -> bytes:
        kept.append(data)
        return b""

    monkeypatch.setattr(fund_sheets.typeset, "pdf", keep)
    client.get("/funds/rcm/sheet.pdf?year=2025")
    assert kept[0]["facts"]["Balance at the end of the year (USD)"] == "1,000.00"
    assert [row[0] for row in kept[0]["years"]["rows"]] == ["2024"]


# --- what the forms take


def case_form(states, **fields):
    return {
        "key": str(uuid.uuid4()),
        "paid_on": "2026-06-10",
        "amount_usd": "400",
        "referred_by": "ngo",
        "vulnerability": "child",
        "origin": states[0].pk,
        "destination": states[1].pk,
        "approval": "",
        "approved_on": "",
        "secretariat_approval": "",
        "secretariat_approved_on": "",
        **fields,
    }


def errors_of(response) -> dict[str, list[str]]:
    assert response.status_code == 422
    assert "Something needs mending" in response.content.decode()
    return {name: list(told) for name, told in response.context["form"].errors.items()}


def test_a_case_is_paid_with_the_next_number(client, officer, fund, states):
    receive(fund, officer, "1000")
    answer = client.post("/funds/rcm/case/", case_form(states), follow=True)
    assert "Case 1 is paid: USD 400.00." in text_of(answer)
    case = FundDisbursement.objects.get()
    assert (case.case_number, case.amount_usd, case.cap_usd) == (1, 400, 1000)
    assert case.history.get().history_user == officer
    assert ReserveFund.objects.get().balance_usd == 600


def test_a_form_sent_twice_from_a_bad_line_pays_once(client, officer, fund, states):
    receive(fund, officer, "1000")
    form = case_form(states)
    for _time in range(2):
        assert client.post("/funds/rcm/case/", form).status_code == 302
    assert ReserveFund.objects.get().balance_usd == 600


def test_both_approvals_that_lack_are_told_at_their_fields_and_what_was_typed_stays(
    client, officer, fund, states
):
    receive(fund, officer, "5000")
    answer = client.post(
        "/funds/rcm/case/", case_form(states, amount_usd="1000.01", vulnerability="outside")
    )
    assert errors_of(answer) == {
        "approval": ["More than USD 1,000.00 for a case needs a written approval."],
        "secretariat_approval": [
            "A case outside the categories needs the Technical Secretariat's approval."
        ],
    }
    assert 'value="1000.01"' in answer.content.decode()
    assert ReserveFund.objects.get().balance_usd == 5000
    assert not FundDisbursement.objects.exists()


def test_an_approval_after_the_payment_is_told_at_its_day(client, officer, fund, states):
    receive(fund, officer, "5000")
    late = {"approval": "LET-2026-1", "approved_on": "2026-06-11"}
    answer = client.post("/funds/rcm/case/", case_form(states, amount_usd="1000.01", **late))
    assert list(errors_of(answer)) == ["approved_on"]


def test_more_than_there_is_is_told_at_the_amount_with_the_balance(client, officer, fund, states):
    receive(fund, officer, "300")
    answer = client.post("/funds/rcm/case/", case_form(states))
    assert errors_of(answer) == {"amount_usd": ["There is only USD 300.00 in the fund."]}
    assert not FundDisbursement.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("approval", "Juan Perez"),
        ("approval", "Juan"),
        ("approval", "CAP-MARIA.LOPEZ-1"),
        ("secretariat_approval", "for Ana 7"),
        ("amount_usd", "0"),
        ("amount_usd", "-1"),
        ("amount_usd", "1.001"),
        ("amount_usd", "NaN"),
        ("amount_usd", "99999999999999999999"),
        ("amount_usd", "=1+1"),
        ("paid_on", "2026-06-17"),
        ("paid_on", "1900-01-01"),
        ("paid_on", ""),
        ("referred_by", "a friend"),
        ("vulnerability", ""),
        ("origin", "999999"),
        ("destination", ""),
        ("key", "none"),
    ],
)
def test_what_cannot_be_is_told_at_its_field_and_nothing_is_paid(
    client, officer, fund, states, field, value
):
    receive(fund, officer, "5000")
    answer = client.post("/funds/rcm/case/", case_form(states, **{field: value}))
    assert list(errors_of(answer)) == [field]
    assert ReserveFund.objects.get().balance_usd == 5000


def test_the_form_of_a_case_says_that_no_name_belongs_in_it(client, officer, fund):
    page = text_of(client.get("/funds/rcm/case/"))
    assert "Nothing here may say who the person is" in page
    assert page.count("A name has no place here.") == 2


def fund_form(**fields):
    return {"name": "SACM fund", "iscm": make.ISCMFactory().pk, "cap_usd": "500", **fields}


def test_a_fund_is_opened_with_nothing_in_it(client, officer):
    answer = client.post("/funds/new/", fund_form(source="Letter 7/2026"))
    assert answer["Location"] == "/funds/sacm-fund/"
    opened = ReserveFund.objects.get()
    assert (opened.cap_usd, opened.balance_usd, opened.source) == (500, 0, "Letter 7/2026")
    assert opened.history.get().history_user == officer
    assert "SACM fund" in text_of(client.get("/funds/"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "RCM reserve fund"), ("name", "New"), ("name", "!?"), ("iscm", "0")]
    + [("cap_usd", value) for value in ("0", "-1", "1.001", "much", "")],
)
def test_a_fund_that_cannot_be_is_refused_at_its_field(client, officer, field, value):
    ReserveFundFactory(slug="rcm-reserve-fund")
    answer = client.post("/funds/new/", fund_form(**{field: value}))
    assert answer.status_code == 422
    assert list(errors_of(answer)) == [field]
    assert ReserveFund.objects.count() == 1


def test_only_who_may_open_a_fund_is_shown_where(client, officer):
    assert "Open a fund" in text_of(client.get("/funds/"))
    client.force_login(make.UserFactory(access_group="ipd"))
    assert "Open a fund" not in text_of(client.get("/funds/"))


def contribution_form(**fields):
    return {
        "key": str(uuid.uuid4()),
        "received_on": "2026-06-01",
        "country": "",
        "organisation": "",
        "amount_usd": "2500.50",
        "reference": "REC-2026-7",
        **fields,
    }


def test_a_contribution_is_recorded_of_a_state_or_of_another_payer(client, officer, fund, states):
    foundation = make.OrganisationFactory(name="A foundation")
    for payer in ({"country": states[0].pk}, {"organisation": foundation.pk}):
        answer = client.post("/funds/rcm/contribution/", contribution_form(**payer))
        assert answer.status_code == 302
    rows = FundContribution.objects.order_by("pk").values_list("country", "payer", "reference")
    assert list(rows) == [
        (states[0].pk, "", "REC-2026-7"),
        (None, "A foundation", "REC-2026-7"),
    ]
    assert ReserveFund.objects.get().balance_usd == 5001


def test_a_contribution_has_one_payer(client, officer, fund, states):
    both = {"country": states[0].pk, "organisation": make.OrganisationFactory().pk}
    for payer in ({}, both):
        answer = client.post("/funds/rcm/contribution/", contribution_form(**payer))
        assert list(errors_of(answer)) == ["country"]
    assert not FundContribution.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("reference", "From Juan"), ("amount_usd", "0"), ("received_on", "2026-06-17")],
)
def test_a_contribution_that_cannot_be_is_refused_at_its_field(
    client, officer, fund, states, field, value
):
    form = contribution_form(country=states[0].pk, **{field: value})
    assert list(errors_of(client.post("/funds/rcm/contribution/", form))) == [field]
    assert not FundContribution.objects.exists()


def test_a_payment_is_called_back_with_its_reason_once(client, officer, fund, states):
    receive(fund, officer, "1000")
    case = pay(fund, officer, states, "400")
    address = f"/funds/cases/{case.pk}/call-back/"
    assert list(errors_of(client.post(address, {"on": "2026-06-01"}))) == ["reason"]
    early = {"on": "2026-03-10", "reason": "not_used"}
    assert list(errors_of(client.post(address, early))) == ["on"]
    assert list(errors_of(client.post(address, {**early, "on": "2026-06-17"}))) == ["on"]
    assert ReserveFund.objects.get().balance_usd == 600
    good = {"on": "2026-06-01", "reason": "not_used"}
    assert "in the fund again" in text_of(client.post(address, good, follow=True))
    assert "called back before" in text_of(client.post(address, good, follow=True))
    assert ReserveFund.objects.get().balance_usd == 1000
    assert "The money was not used" in text_of(client.get("/funds/rcm/"))
    assert "was called back on 1 June 2026" in text_of(client.get(address))


def test_a_payment_before_there_was_money_is_refused_at_its_day(client, officer, fund, states):
    receive(fund, officer, "2000", dt.date(2026, 6, 1))
    answer = client.post("/funds/rcm/case/", case_form(states, paid_on="2020-03-01"))
    assert errors_of(answer) == {
        "paid_on": ["On 1 March 2020 there was only USD 0.00 in the fund."]
    }
    assert 'value="2020-03-01"' in answer.content.decode()
    assert "2020" not in text_of(client.get("/funds/rcm/"))


def test_a_contribution_is_taken_back_with_its_reason_and_stays_in_sight(
    client, officer, fund, states
):
    receive(fund, officer, "1000", country=states[0])
    slip = receive(fund, officer, "555", dt.date(2026, 5, 5), country=states[1])
    address = f"/funds/contributions/{slip.pk}/take-back/"
    assert f'href="{address}"' in client.get("/funds/rcm/").content.decode()
    assert "USD 555.00 goes out of the fund" in text_of(client.get(address))
    assert list(errors_of(client.post(address, {"on": "2026-06-01"}))) == ["reason"]
    early = {"on": "2026-05-04", "reason": "entered_twice"}
    assert list(errors_of(client.post(address, early))) == ["on"]
    assert list(errors_of(client.post(address, {**early, "on": "2026-06-17"}))) == ["on"]
    assert ReserveFund.objects.get().balance_usd == 1555
    good = {"on": "2026-06-01", "reason": "entered_twice"}
    assert "The amount is out of the fund" in text_of(client.post(address, good, follow=True))
    assert "was taken back before" in text_of(client.post(address, good, follow=True))
    page = client.get("/funds/rcm/").content.decode()
    assert "<s>555.00</s>" in page
    assert f'href="{address}"' not in page
    assert "Taken back 1 June 2026: It was entered twice" in text_of(client.get("/funds/rcm/"))
    assert "USD 1,000.00 is in the fund" in text_of(client.get("/funds/rcm/"))
    assert "was taken back on 1 June 2026" in text_of(client.get(address))


def test_what_was_taken_back_is_in_no_sum_of_a_file_a_sheet_or_the_api(
    monkeypatch, client, officer, fund, states
):
    receive(fund, officer, "1000", country=states[0])
    slip = receive(fund, officer, "555", country=states[1])
    services.take_back(slip.pk, "not_received", dt.date(2026, 6, 1), officer)
    rows = {}
    for table in ("contributions", "years"):
        content = body(client.get(f"/funds/rcm/?table={table}&format=csv")).decode("utf-8-sig")
        rows[table] = dicts_of_csv(content)
        book = body(client.get(f"/funds/rcm/?table={table}&format=xlsx"))
        sheet = list(openpyxl.load_workbook(io.BytesIO(book)).worksheets[0].values)
        where = sheet[0].index("amount_usd" if table == "contributions" else "contributions_usd")
        assert sum(float(line[where] or 0) for line in sheet[1:]) == 1000
    assert sum(Decimal(row["amount_usd"] or 0) for row in rows["contributions"]) == 1000
    assert [
        (row["taken_back_on"], row["taken_back_because"], row["taken_back_usd"])
        for row in rows["contributions"]
    ] == [("2026-06-01", "not_received", "555.00"), ("", "", "")]
    assert [row["contributions_usd"] for row in rows["years"]] == ["1000.00"]
    (year,) = Api("analyst").read("funds/rcm/")["years"]
    assert (year["contributions_usd"], year["balance_usd"]) == ("1000.00", "1000.00")
    assert sheet_data(monkeypatch, fund, 2026)["facts"]["Contributions (USD)"] == "1,000.00"


def test_what_was_paid_out_since_cannot_be_taken_back_and_says_why(client, officer, fund, states):
    money = receive(fund, officer, "1000")
    pay(fund, officer, states, "400")
    address = f"/funds/contributions/{money.pk}/take-back/"
    told = errors_of(client.post(address, {"on": "2026-06-01", "reason": "entered_wrongly"}))
    assert told == {
        "on": [
            "It is paid out in part: on 11 March 2026 there was only USD 600.00 in the fund. "
            "Call payments back first."
        ]
    }
    assert ReserveFund.objects.get().balance_usd == 600


def test_only_who_may_record_something_sees_where_to_take_back(client, officer, fund):
    money = receive(fund, officer, "1000")
    client.force_login(make.UserFactory(access_group="ipd"))
    assert "Take back" not in text_of(client.get("/funds/rcm/"))
    assert client.get(f"/funds/contributions/{money.pk}/take-back/").status_code == 403


# --- the API, the real record, the demo


def test_the_api_gives_no_balance_where_nothing_is_on_record(officer, fund):
    api = Api("analyst")
    assert api.read("funds/rcm/")["balance_usd"] is None
    assert api.table("funds/")[0]["balance_usd"] == ""
    receive(fund, officer, "3000", dt.date(2025, 2, 1))
    assert api.read("funds/rcm/")["balance_usd"] == "3000.00"


def test_the_api_gives_totals_by_year_and_never_a_case(officer, fund, states):
    receive(fund, officer, "3000", dt.date(2025, 2, 1))
    approved = {"approval": "LET-2025-987654", "approved_on": dt.date(2025, 3, 1)}
    pay(fund, officer, states, "1234.56", dt.date(2025, 3, 2), **approved)
    back = pay(fund, officer, states, "55.55", dt.date(2026, 3, 2))
    services.call_back(back.pk, "not_used", dt.date(2026, 3, 3), officer)
    api = Api("analyst")
    row = api.read("funds/rcm/")
    assert (row["iscm"], row["balance_usd"], row["cap_usd"]) == (
        fund.iscm.slug,
        "1765.44",
        "1000.00",
    )
    assert row["years"] == [
        {
            "year": 2025,
            "contributions_usd": "3000.00",
            "disbursed_usd": "1234.56",
            "cases": 1,
            "balance_usd": "1765.44",
        },
        {
            "year": 2026,
            "contributions_usd": "0.00",
            "disbursed_usd": "0.00",
            "cases": 0,
            "balance_usd": "1765.44",
        },
    ]
    assert api.results("funds/", iscm=fund.iscm.slug) == [row]
    assert "987654" not in str(row)
    assert "Belize" not in str(row)


def test_the_real_fund_is_the_evaluations_and_a_second_load_leaves_its_balance(officer, states):
    call_command("load_evaluation", verbosity=0)
    fund = ReserveFund.objects.get(slug="rcm-reserve-fund")
    assert (fund.iscm.slug, fund.cap_usd, fund.balance_usd) == ("rcm", 1000, 0)
    assert fund.source == "evaluation 2019, section 4.3, Box 1"
    assert not FundContribution.objects.exists()
    receive(fund, officer, "700", country=states[0])
    call_command("load_evaluation", again=True, verbosity=0)
    fund.refresh_from_db()
    assert fund.balance_usd == 700


def test_the_demo_invents_a_fund_of_its_own_and_leaves_the_real_one_alone():
    call_command("load_evaluation", verbosity=0)
    call_command("load_demo", today=dt.date(2026, 6, 15), verbosity=0)
    real = ReserveFund.objects.get(is_demo=False)
    assert not real.contributions.exists()
    assert not real.disbursements.exists()
    invented = ReserveFund.objects.get(is_demo=True)
    assert not FundDisbursement.objects.filter(is_demo=False).exists()
    assert not FundContribution.objects.filter(is_demo=False).exists()
    years = fund_years([invented.pk])[invented.pk]
    assert [row.year for row in years] == [2024, 2025, 2026]
    assert years[-1].balance_usd == invented.balance_usd
    assert sum(row.called_back for row in years) == 3
    assert any(row.over_cap for row in years)
    assert any(row.outside for row in years)


def test_every_count_of_a_fund_opens_to_its_cases(client, officer, fund, states):
    receive(fund, officer, "9000")
    approved = {"approval": "LET-2026-1", "approved_on": dt.date(2026, 3, 1)}
    paid = {
        "plain": pay(fund, officer, states, "100"),
        "over": pay(fund, officer, states, "1500", **approved),
        "back": pay(fund, officer, states, "50", referred_by="consulate"),
    }
    services.call_back(paid["back"].pk, "not_used", dt.date(2026, 3, 12), officer)
    page = client.get("/funds/rcm/").content.decode()
    referred = paid["plain"].referred_by
    for query, expected in {
        "year=2026&counted=standing": {"plain", "over"},
        "year=2026&counted=over_cap": {"over"},
        "year=2026&counted=outside": set(),
        "year=2026&counted=called_back": {"back"},
        f"referred_by={referred}": {"plain", "over"},
        f"origin={paid['plain'].origin.iso3}": {"plain", "over"},
    }.items():
        assert f'href="?{query.replace("&", "&amp;")}#cases"' in page
        opened = client.get(f"/funds/rcm/?{query}").content.decode()
        assert {
            name for name, case in paid.items() if f">Case {case.case_number} " in opened
        } == expected, query
    assert client.get("/funds/rcm/?counted=lost").status_code == 400
