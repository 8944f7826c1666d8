"""The pages of money as of a past day: their figures, their words, their links, their refusals."""

from __future__ import annotations

import datetime as dt
import html
import re
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from engagements.models import Event, Partnership, PolicyInstrument, SupportRequest
from finance.models import FundContribution, FundingLine, TimeEntry
from finance.services import funds as fund_verbs
from iscm_portal.common.as_of import end_of
from iscm_portal.common.period import Period
from reporting.selectors.comparison import mechanisms_beside, years_beside
from reporting.selectors.costs import COUNTED, cost_records, unit_costs
from reporting.selectors.resources import ResourceFilter
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.twins import taken_back, twin_settings

pytestmark = pytest.mark.django_db

MARCH = dt.date(2026, 3, 31)
LATER = dt.date(2026, 6, 1)


def on(day: dt.date) -> Any:
    return time_machine.travel(dt.datetime.combine(day, dt.time(12), dt.UTC), tick=False)


@pytest.fixture
def ipd(client):
    user = make.UserFactory(access_group="ipd", office=make.OfficeFactory())
    client.force_login(user)
    return user


@pytest.fixture
def read(client, ipd):
    def answer(address):
        with on(dt.date(2026, 11, 20)):
            found = client.get(address)
        assert found.status_code == 200, address
        content = b"".join(found.streaming_content) if found.streaming else found.content
        return html.unescape(content.decode())

    return answer


@pytest.fixture
def world(ipd):
    """What was on record in March, and became something else in June."""
    with on(MARCH):
        rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
        sacm = make.ISCMFactory(slug="sacm", acronym="SACM")
        office = make.OfficeFactory(slug="ro", name="RO")
        ending = money.ProjectFactory(code="ENDS", ends_on=dt.date(2026, 12, 31))
        project_line = money.FundingLineFactory(project=ending, year=2026, amount_usd=700)
        money.AttributionFactory(project=ending, iscm=rcm, year=2026, basis="dedicated")
        line = money.FundingLineFactory(iscm=rcm, year=2026, amount_usd=100, label="Core")
        money.FundingLineFactory(iscm=sacm, year=2026, amount_usd=50)
        days = money.TimeEntryFactory(
            iscm=rcm, days=4, paid_by="counted_line", worked_on=dt.date(2026, 2, 1)
        )
        paid = money.AssessedContributionFactory(
            iscm=rcm, year=2026, assessed_usd=1000, paid_usd=250, country__name_en="Belize"
        )
        proposal = money.ProposalFactory(
            iscm=rcm, asked_usd=9000, asked_on=dt.date(2026, 1, 5), title="Training"
        )
        need = money.StaffNeedFactory(iscm=rcm, office=office, year=2026, share_pct=100)
        post = money.PositionFactory(title="Chief", office=office, starts_on=dt.date(2026, 1, 1))
        share = money.PositionShareFactory(position=post, iscm=rcm, share_pct=25)
        fund = money.ReserveFundFactory(slug="fund", name="Fund", iscm=rcm)
        fund_verbs.receive(
            FundContribution(
                fund=fund, received_on=MARCH, country=make.CountryFactory(), amount_usd=300
            ),
            ipd,
        )
    with on(LATER):
        change(project_line, amount_usd=Decimal(7))
        change(ending, ends_on=dt.date(2027, 12, 31))
        change(line, amount_usd=Decimal(40))
        change(days, days=Decimal(1))
        change(paid, paid_usd=Decimal(1000))
        change(proposal, asked_usd=Decimal(1))
        change(need, share_pct=Decimal(10))
        change(share, share_pct=Decimal(75))
        change(post, title="Head", office=make.OfficeFactory(name="HQ"))
        fund_verbs.receive(
            FundContribution(
                fund=fund, received_on=LATER, country=make.CountryFactory(), amount_usd=111
            ),
            ipd,
        )


def change(record, **values):
    for name, value in values.items():
        setattr(record, name, value)
    record.save()


THEN = "as_of=2026-03-31"
# page -> what stands there as of March and does not today, and the other way round.
PAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "/resources/?from=2026&to=2026": ((">800</a>",), (">47</a>",)),
    "/resources/compare/?first=2025&second=2026": ((">800</a>", ">850</a>"), (">47</a>",)),
    "/resources/compare/?one=rcm&other=sacm&from=2026&to=2026": ((">800</a>",), (">47</a>",)),
    "/resources/costs/?from=2026&to=2026": (
        (">800</a>", ">59 days</a>"),
        (">47</a>", ">166 days</a>"),
    ),
    "/resources/costs/records/?of=days&iscm=rcm&from=2026&to=2026": (
        ("<strong>59 staff days</strong>", ">4.00</td>"),
        ("<strong>166 staff days</strong>", ">1.00</td>"),
    ),
    "/resources/cliff/?year=2026": (("Support of <strong>USD 700</strong>",), ("No project",)),
    "/sustaining/?from=2026&to=2026": (
        ("<strong>USD 250 is paid</strong>", ">9,000</td>"),
        ("<strong>USD 1,000 is paid</strong>",),
    ),
    "/sustaining/records/?from=2026&to=2026": ((">750</td>", ">9,000</td>"), (">1</td>",)),
    "/staffing/?year=2026": (
        ("<strong>1 posts are needed</strong>", "0.25 are held", ">Chief</a>"),
        ("<strong>0.10 posts are needed</strong>", "0.75 are held", ">Head</a>"),
    ),
    "/staffing/records/?year=2026&iscm=rcm": (
        ("1.00 posts are needed", "0.25 are held", ">Chief</a>"),
        ("0.10 posts are needed", "0.75 are held", ">Head</a>", ">HQ</td>"),
    ),
    "/funds/": (("<strong>USD 300.00</strong>",), ("<strong>USD 411.00</strong>",)),
    "/funds/fund/": (("<strong>USD 300.00</strong>",), ("<strong>USD 411.00</strong>",)),
}


def with_day(page: str, day: str = THEN) -> str:
    return f"{page}{'&' if '?' in page else '?'}{day}"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_a_past_day_says_what_was_on_record_then(read, world, page):
    then, now = read(with_day(page)), read(page)
    for words in PAGES[page][0]:
        assert words in then
        assert words not in now
    for words in PAGES[page][1]:
        assert words in now
        assert words not in then
    assert "n record on 31 March 2026." in then
    assert 'href="/resources/changes/?since=2026-03-31' in then
    assert "n record on 31 March 2026." not in now


# What is not asked as of a day, or leaves the past on purpose.
PRESENT = re.compile(
    r"/(?:iscms|finance|imports|recommendations|indicators|staffing/positions)/"
    r"|/resources/changes/|#fall$|#table-7$"
)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_such_a_page_to_another_one_of_money_keeps_the_day(read, world, page):
    shown = read(with_day(page)).partition("<main")[2].partition("</main>")[0]
    links = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', shown, re.DOTALL)
    lost = [
        link
        for link, words in links
        if re.match(r"(/resources|/staffing|/sustaining|/funds|\?)", link)
        and "as_of=2026-03-31" not in link
        and not PRESENT.search(link)
        and "take off this filter" not in words
    ]
    assert lost == []
    # And what takes the day off is there.
    assert 'as_of" type="date" max="2026-11-20" value="2026-03-31"' in shown or "records" in page


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2100-01-01", "from 1 January 1951 up to today"),
        ("1950-12-31", "from 1 January 1951 up to today"),
        ("yesterday", "Give a day as 2026-03-31."),
    ],
)
def test_a_day_to_come_or_before_the_first_is_refused_in_words(client, world, page, day, said):
    found = client.get(with_day(page, f"as_of={day}"))
    assert found.status_code == 400
    assert said in found.content.decode()


def test_an_address_that_opens_of_a_day_opens_to_records_that_add_up_to_it(read, world):
    page = read("/resources/cliff/?year=2026&as_of=2026-03-31")
    address = re.findall(r'href="([^"]*project=ENDS[^"]*)"', page)[0]
    assert "USD 700</strong>" in read(address)
    page = read("/resources/compare/?first=2025&second=2026&as_of=2026-03-31")
    total = page.partition("<tfoot>")[2]
    records = read(re.findall(r'href="([^"]*)">850<', total)[0])
    assert "USD 850</strong>" in records
    assert ">700.00</td>" in records


def test_a_project_that_was_renamed_or_deleted_since_opens_by_the_code_that_it_had(read, ipd):
    with on(MARCH):
        rcm = make.ISCMFactory(slug="rcm")
        project = money.ProjectFactory(code="OLD", ends_on=dt.date(2026, 5, 1))
        line = money.FundingLineFactory(project=project, year=2026, amount_usd=70)
        money.AttributionFactory(project=project, iscm=rcm, year=2026, basis="dedicated")
    with on(LATER):
        line.delete()
        project.delete()
    page = read("/resources/cliff/?year=2026&as_of=2026-03-31")
    assert "Support of <strong>USD 70</strong>" in page
    address = re.findall(r'href="([^"]*project=OLD[^"]*)"', page)[0]
    assert "USD 70</strong>" in read(address)


def test_the_page_of_unit_costs_says_what_is_not_of_the_day(read, world):
    page = read("/resources/costs/?from=2026&to=2026&as_of=2026-03-31")
    assert "So are events, each with the mechanisms that it has now" in page


def test_what_stands_beside_the_total_is_of_the_same_day(read, world):
    page = read("/resources/?iscm=rcm&from=2026&to=2026&as_of=2026-03-31")
    beside = page.partition('id="beside"')[2]
    for words in ("1 needed", "0.25 held", "USD 750 ", "1 proposal of USD 9,000"):
        assert words in beside


# --- the twin of what events, days and outcomes cost, and of comparing


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["line", "event", "days", "partnership", "instrument", "request"]),
        st.sampled_from(["add", "add", "change", "delete"]),
        st.integers(1, 90),
    ),
    max_size=10,
)


@given(changes=CHANGES)
@twin_settings
def test_every_past_day_costs_and_compares_as_it_did_on_that_day(changes):
    with taken_back():
        ledger = _Ledger()
        said = []
        for number, (what, how, amount) in enumerate(changes):
            day = dt.date(2026, 1, 1) + dt.timedelta(days=number)
            with on(day):
                ledger.change(what, how, amount)
            said.append((day, answers()))
        for day, then in said:
            assert answers(day) == then


def answers(day: dt.date | None = None) -> list[Any]:
    chosen = ResourceFilter(2025, 2026, as_of=day)
    costs = unit_costs(chosen)
    compared = years_beside(2025, 2026, chosen)
    beside = mechanisms_beside("one", "other", ResourceFilter(2025, 2026, {}, "year", day))
    records = [
        sorted(rows.values_list("id", flat=True))
        for of in COUNTED
        for rows in cost_records(of, Period.year(2026), "one", end_of(day) if day else None)
    ]
    return (
        [
            [(row.label, row.total, row.events, row.days, row.outcomes) for row in found]
            for found in (costs.rows, [costs.total] if costs.total else [])
        ]
        + [
            [(row.label, row.one.amounts, row.other.amounts) for row in (*found.rows, found.total)]
            for found in (compared, beside)
            if found.total
        ]
        + [records]
    )


class _Ledger:
    """Changes the first row of a kind, or makes one. An event keeps its mechanisms and is not
    deleted: the history does not keep these links."""

    models = {
        "line": FundingLine,
        "event": Event,
        "days": TimeEntry,
        "partnership": Partnership,
        "instrument": PolicyInstrument,
        "request": SupportRequest,
    }
    columns = {
        "event": "starts_on",
        "days": "worked_on",
        "partnership": "since_on",
        "instrument": "dated_on",
        "request": "asked_on",
    }

    def __init__(self) -> None:
        with on(dt.date(2025, 12, 1)):
            self.iscms = [make.ISCMFactory(slug="one"), make.ISCMFactory(slug="other")]

    def change(self, what: str, how: str, amount: int) -> None:
        found = self.models[what].objects.order_by("pk").first()
        if how == "add" or found is None:
            self.add(what, amount)
        elif how == "delete":
            if what != "event":
                found.delete()
        elif what == "line":
            change(found, amount_usd=Decimal(amount), year=2025 + amount % 2)
        else:
            change(found, **{self.columns[what]: dt.date(2025 + amount % 2, 6, 1)})

    def add(self, what: str, amount: int) -> None:
        iscm, day = self.iscms[amount % 2], dt.date(2025 + amount % 2, 3, 1)
        if what == "line":
            money.FundingLineFactory(iscm=iscm, year=day.year, amount_usd=amount)
        elif what == "event":
            iscms = self.iscms if amount % 3 == 0 else [iscm]
            make.EventFactory(iscms=iscms, starts_on=day, ends_on=None)
        elif what == "days":
            money.TimeEntryFactory(iscm=iscm, days=amount, worked_on=day)
        elif what == "partnership":
            make.PartnershipFactory(iscm=iscm, since_on=day)
        elif what == "instrument":
            make.PolicyInstrumentFactory(iscm=iscm, dated_on=day)
        else:
            outcome = "met" if amount % 4 else "open"
            make.SupportRequestFactory(iscm=iscm, asked_on=day, outcome=outcome)


def test_the_question_goes_with_its_reader(read, world):
    """Mechanism, years and day stay in the links of the dashboard."""
    page = read(f"/resources/?{THEN}&from=2025&to=2026&iscm=rcm")
    for link in (
        "/resources/compare/?as_of=2026-03-31&iscm=rcm",
        "/resources/costs/?as_of=2026-03-31&from=2025&to=2026&iscm=rcm",
        "/resources/changes/?since=2026-03-31&from=2025&to=2026&iscm=rcm",
        "/resources/records/?iscm=rcm&as_of=2026-03-31&source=osi&from=2025&to=2026",
    ):
        assert f'href="{link}"' in page.replace("&amp;", "&"), link
    compared = read(f"/resources/compare/?{THEN}&first=2025&second=2026&iscm=rcm")
    assert '<input type="hidden" name="iscm" value="rcm">' in compared
