"""What changed since a day: every change can be reached, narrowed, and had as a file."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from python_calamine import CalamineWorkbook

from finance.models import FundContribution
from finance.services import funds as fund_verbs
from finance.services import ledger
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.files import dicts_of_csv, rows_of_csv
from tests.finance.imported import as_csv, checked, table, undo, write

pytestmark = pytest.mark.django_db

PAGE = "/resources/changes/"
NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)


def at(day: int, hour: int = 12) -> Any:
    return time_machine.travel(dt.datetime(2026, 11, day, hour, tzinfo=dt.UTC), tick=False)


@pytest.fixture
def officer():
    return make.UserFactory(access_group="finance", office=None, first_name="Olga", last_name="")


@pytest.fixture
def other():
    return make.UserFactory(access_group="finance", office=None, first_name="Omar", last_name="")


@pytest.fixture(autouse=True)
def directory():
    with time_machine.travel("2026-01-01T00:00:00Z"):
        make.ISCMFactory(slug="rcm", acronym="RCM")
        make.ISCMFactory(slug="sacm", acronym="SACM")


@pytest.fixture
def read(client, officer):
    client.force_login(officer)

    def answer(address, status=200):
        with time_machine.travel(NOW, tick=False):
            found = client.get(address)
        assert found.status_code == status, address
        if found.streaming:
            return b"".join(found.streaming_content)
        return html.unescape(found.content.decode())

    return answer


def shown(page: str) -> list[str]:
    """What each line of the page is about, in the words of its second cell."""
    cells = re.findall(r'<th scope="row">(.*?)</th>', page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells]


def next_of(page: str) -> str | None:
    found = re.search(r'class="buttons"><a [^>]*href="([^"]*)"', page)
    return f"{PAGE}{found[1]}" if found else None


def everything(read, address: str) -> list[str]:
    """The lines of all pages, one after the other."""
    lines, following = [], address
    while following:
        page = read(following)
        lines += shown(page)
        following = next_of(page)
    return lines


def lines_of(n: int, **more):
    return [
        {
            "code": f"L.{number:04d}",
            "year": 2026,
            "source_of_funds": "osi",
            "supports": "iscm",
            "iscm": "rcm",
            "label": f"Imported {number}",
            "amount_usd": 10 + number,
            **more,
        }
        for number in range(n)
    ]


def imported(officer, rows, day: int, kind: str = "funding_lines", reason: str = "As agreed"):
    moment = dt.datetime(2026, 11, day, 15, tzinfo=dt.UTC)
    run = checked(kind, as_csv(table(*rows)), officer)
    run = write(run, officer, reason, at=moment)
    assert run.state == "written", run.problem
    return run


def test_without_a_day_it_shows_the_last_thirty_days(read, officer):
    with time_machine.travel("2026-10-24T12:00:00Z"):
        money.FundingLineFactory(label="Too early")
    with time_machine.travel("2026-10-26T12:00:00Z"):
        line = money.FundingLineFactory(label="In time")
    with at(20):
        ledger.save_record(line, {"amount_usd": Decimal(5)}, officer, "Corrected.")
    page = read(PAGE)
    assert 'value="2026-10-25"' in page
    assert shown(page) == [
        "Funding line: In time 2026 Changed",
        "Funding line: In time 2026 Created",
    ]
    assert "last on <strong>20 November 2026, 12:00</strong> UTC by <strong>Olga</strong>" in page
    assert "amount (USD): 1,000 → 5" in page
    assert "Corrected." in page
    assert f'href="/finance/funding-lines/{line.pk}/"' in page


def test_an_import_of_hundreds_of_rows_is_one_line_and_earlier_edits_are_in_reach(read, officer):
    with at(2):
        line = money.FundingLineFactory(label="Mine")
    for day in range(3, 11):
        with at(day):
            ledger.save_record(line, {"amount_usd": Decimal(day)}, officer, f"Day {day}")
    run = imported(officer, lines_of(300), day=12)
    page = read(PAGE)
    assert shown(page)[:2] == [
        f"Import {run.pk} of funding lines Written",
        "Funding line: Mine 2026 Changed",
    ]
    assert len(shown(page)) == 10
    assert "300 records" in page
    assert "As agreed" in page
    assert f'href="?import={run.pk}"' in page


def test_an_import_opens_to_its_rows_page_by_page(read, officer):
    run = imported(officer, lines_of(120), day=12)
    address = f"{PAGE}?import={run.pk}"
    page = read(address)
    assert f"<h1>Import {run.pk} of funding lines</h1>" in page
    assert "<strong>Olga</strong> wrote it on 12 November 2026, 15:00 UTC." in page
    assert f'href="/imports/{run.pk}/"' in page
    rows = everything(read, address)
    assert len(rows) == len(set(rows)) == 120
    assert "Funding line: Imported 7 2026 Created" in rows


def test_many_edits_are_all_reached_each_once_and_the_latest_first(read, officer):
    with at(1):
        records = [money.FundingLineFactory(label=f"Line {n:03d}") for n in range(90)]
        rates = [money.StandardCostFactory(year=1960 + n) for n in range(90)]
    for n in range(90):
        with at(2 + n % 20, hour=n % 24):
            ledger.save_record(records[n], {"amount_usd": Decimal(n)}, officer, "Why")
            ledger.save_record(rates[n], {"usd_per_day": Decimal(n)}, officer, "Why")
    rows = everything(read, f"{PAGE}?since=2026-10-31")
    assert len(rows) == 4 * 90
    assert len(set(rows)) == 4 * 90
    assert sum(row.startswith("Standard cost") for row in rows) == 180
    changed = [row for row in rows if row.endswith("Changed")]
    assert rows[:180] == changed


def test_rates_contributions_needs_and_funds_are_in_it(read, officer):
    with at(3):
        made = [
            money.CurrencyRateFactory(),
            money.StandardCostFactory(),
            money.AssessedContributionFactory(),
            money.ProposalFactory(),
            money.StaffNeedFactory(),
            money.ReserveFundFactory(),
        ]
    rate = made[0]
    with at(4):
        ledger.save_record(rate, {"usd_per_unit": Decimal("1.20")}, officer, "Wrong before")
        fund_verbs.receive(
            FundContribution(
                fund=made[5],
                received_on=dt.date(2026, 11, 4),
                country=make.CountryFactory(),
                amount_usd=70,
            ),
            officer,
        )
    page = read(f"{PAGE}?kind=all")
    kinds = {row.partition(":")[0] for row in shown(page)}
    assert kinds == {
        "Currency rate",
        "Standard cost",
        "Assessed contribution",
        "Proposal",
        "Staff need",
        "Reserve fund",
    }
    assert "USD for one unit: 1.08 → 1.20" in page
    assert "balance (USD): 0 → 70" in page


def test_the_donors_of_a_project_are_told(read, officer):
    with at(3):
        project = money.ProjectFactory(donors=[make.OrganisationFactory(name="Japan")])
    with at(4):
        sweden = make.OrganisationFactory(name="Sweden")
        ledger.save_record(project, {"donors": [sweden]}, officer, "Another one pays")
    assert "donors: Japan → Sweden" in read(PAGE)


# --- filters


@pytest.fixture
def several(officer, other):
    """A line of RCM by Olga, one of SACM that was RCM's by Omar, a rate by nobody, an import."""
    with at(1):
        rcm = make.ISCMFactory._meta.model.objects.get(slug="rcm")
        sacm = make.ISCMFactory._meta.model.objects.get(slug="sacm")
        mine = money.FundingLineFactory(iscm=rcm, label="Mine")
        moved = money.FundingLineFactory(iscm=rcm, label="Moved")
        project = money.ProjectFactory(code="P.1")
        money.AttributionFactory(project=project, iscm=rcm, year=2026)
        through = money.FundingLineFactory(project=project, label="Through")
    with at(5):
        ledger.save_record(mine, {"amount_usd": Decimal(1)}, officer, "Why")
    with at(6):
        ledger.save_record(moved, {"iscm": sacm}, other, "Why")
    with at(7):
        ledger.save_record(through, {"amount_usd": Decimal(1)}, other, "Why")
        money.CurrencyRateFactory()
    return imported(officer, lines_of(3), day=12)


def test_it_narrows_by_kind_person_and_mechanism(read, officer, other, several):
    since = "since=2026-11-02"
    moved, through = "Funding line: Moved 2026 Changed", "Funding line: Through 2026 Changed"
    mine, rate = "Funding line: Mine 2026 Changed", "Currency rate: EUR 2026-03-11 Created"
    whole = f"Import {several.pk} of funding lines Written"
    for narrowed, expected in {
        "": {whole, moved, through, mine, rate},
        "kind=funding-lines": {whole, moved, through, mine},
        "kind=currency-rates": {rate},
        f"by={other.pk}": {moved, through},
        f"by={officer.pk}": {whole, mine},
        "by=none": {rate},
        "iscm=rcm": {whole, moved, through, mine},
        "iscm=sacm": {moved},
        f"iscm=rcm&by={other.pk}": {moved, through},
    }.items():
        assert set(shown(read(f"{PAGE}?{since}&{narrowed}"))) == expected, narrowed
    page = read(f"{PAGE}?{since}&by={other.pk}&iscm=rcm")
    assert f'<option value="{other.pk}" selected>Omar</option>' in page
    assert '<option value="rcm" selected>RCM</option>' in page


@pytest.mark.parametrize("query", ["kind=lost", "by=0", "by=x", "iscm=nowhere", "since=2100-01-01"])
def test_a_filter_that_names_what_is_not_there_is_refused(read, several, query):
    assert "That address is not readable" in read(f"{PAGE}?{query}", status=400)


def test_what_was_undone_is_a_line_too_and_opens(read, officer, other, several):
    undone = undo(several, other, at=dt.datetime(2026, 11, 14, 8, tzinfo=dt.UTC))
    assert undone.state == "undone", undone.problem
    rows = shown(read(f"{PAGE}?since=2026-11-10"))
    assert rows == [
        f"Import {several.pk} of funding lines Undone",
        f"Import {several.pk} of funding lines Written",
    ]
    page = read(f"{PAGE}?undo={several.pk}")
    assert "<strong>Omar</strong> undid it on 14 November 2026, 08:00 UTC." in page
    assert shown(page) == [f"Funding line: Imported {n} 2026 Deleted" for n in (2, 1, 0)]


def test_a_post_of_an_import_opens_with_its_shares(read, officer):
    make.OfficeFactory(slug="co")
    post = {"code": "B.1", "title": "Officer", "office": "co", "paid_by": "office"}
    run = imported(officer, [{**post, "shares": "rcm:80"}], day=12, kind="positions")
    assert shown(read(PAGE)) == [f"Import {run.pk} of positions Written"]
    assert set(shown(read(f"{PAGE}?import={run.pk}"))) == {
        "Position: Officer Created",
        "Position share: Officer → RCM Created",
    }


# --- who reads what


def test_an_office_is_shown_its_own_rows_of_an_import_and_no_other(client, officer):
    with time_machine.travel("2026-01-01T00:00:00Z"):
        own, _others = make.OfficeFactory(slug="own"), make.OfficeFactory(slug="others")
    rows = [{**line, "office": "own" if n else "others"} for n, line in enumerate(lines_of(3))]
    run = imported(officer, rows, day=12)
    foreign = imported(officer, [{**lines_of(4)[3], "office": "others"}], day=13)
    client.force_login(make.UserFactory(access_group="reporter", office=own))
    with time_machine.travel(NOW, tick=False):
        page = client.get(PAGE).content.decode()
        opened = client.get(f"{PAGE}?import={run.pk}").content.decode()
        assert client.get(f"{PAGE}?import={foreign.pk}").status_code == 404
        assert client.get(f"{PAGE}?import=999999").status_code == 404
        assert client.get(f"{PAGE}?undo={run.pk}").status_code == 404
    assert shown(page) == [f"Import {run.pk} of funding lines Written"]
    assert "2 records" in page
    assert sorted(shown(opened)) == [f"Funding line: Imported {n} 2026 Created" for n in (1, 2)]
    assert "/imports/" not in opened.partition("<main")[2]
    assert "Imported 0" not in opened


def test_an_analyst_is_told_that_nothing_he_may_read_has_changed(client, several):
    client.force_login(make.UserFactory(access_group="analyst", office=None))
    with time_machine.travel(NOW, tick=False):
        page = client.get(PAGE).content.decode()
        lines = b"".join(client.get(f"{PAGE}?format=csv").streaming_content).decode()
    assert "Nothing that you may read has changed" in page
    assert "Olga" not in page
    assert rows_of_csv(lines)[1:] == []


# --- downloads


def test_the_csv_and_the_workbook_hold_all_that_is_asked_not_a_page(read, officer, several):
    with at(8):
        line = money.FundingLineFactory(label="=1+1", amount_usd=Decimal("3.50"))
    for day in range(9, 12):
        with at(day):
            ledger.save_record(line, {"amount_usd": Decimal(day)}, officer, f"Day {day}")
    address = f"{PAGE}?since=2026-11-08&kind=funding-lines"
    text = read(f"{address}&format=csv").decode("utf-8-sig")
    head, *body = rows_of_csv(text)
    assert head == [
        *("changed_at", "kind", "record", "id", "how", "field", "before", "after"),
        *("by", "reason", "import", "records"),
    ]
    assert body == [
        [
            *("2026-11-12T15:00:00+00:00", "Import", "Funding lines", str(several.pk), "Written"),
            *("", "", "", "Olga", "As agreed", str(several.pk), "3"),
        ],
        *(
            [
                *(f"2026-11-{day:02d}T12:00:00+00:00", "Funding line", "'=1+1 2026"),
                *(str(line.pk), "Changed", "amount (USD)", before, f"{day}.00", "Olga"),
                *(f"Day {day}", "", ""),
            ]
            for day, before in ((11, "10.00"), (10, "9.00"), (9, "3.50"))
        ),
    ]
    book = CalamineWorkbook.from_filelike(io.BytesIO(read(f"{address}&format=xlsx")))
    sheet = book.get_sheet_by_index(0).to_python()
    assert sheet[0] == head
    assert [row[8] for row in sheet[1:]] == [row[8] for row in body]


def test_the_csv_of_an_import_has_its_rows_field_by_field(read, officer, several):
    text = read(f"{PAGE}?import={several.pk}&format=csv").decode("utf-8-sig")
    rows = dicts_of_csv(text)
    amounts = [row["after"] for row in rows if row["field"] == "amount (USD)"]
    assert amounts == ["12.00", "11.00", "10.00"]
    assert {row["how"] for row in rows} == {"Created"}
    assert all(row["before"] == "" for row in rows)


# --- the number of statements


def test_the_page_asks_as_often_for_many_changes_and_imports_as_for_few(client, officer):
    client.force_login(officer)

    def grow(n: int, first: int) -> None:
        for factory in (
            money.FundingLineFactory,
            money.AttributionFactory,
            money.PositionShareFactory,
            money.TimeEntryFactory,
            money.CurrencyRateFactory,
            money.AssessedContributionFactory,
            money.ProposalFactory,
            money.StaffNeedFactory,
        ):
            for number in range(n):
                more = (
                    {"rated_on": dt.date(2026, 1, 1) + dt.timedelta(days=first + number)}
                    if factory is money.CurrencyRateFactory
                    else {}
                )
                factory(**more).save()
        rows = [{**row, "code": f"{first}.{row['code']}"} for row in lines_of(n)]
        imported(officer, rows, day=12 + first % 10)

    def statements(address: str) -> int:
        client.get(address)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            answer = client.get(address)
            assert answer.status_code == 200
            b"".join(answer.streaming_content) if answer.streaming else None
        return len(seen)

    addresses = [f"{PAGE}?since=2026-01-01", f"{PAGE}?since=2026-01-01&format=csv"]
    grow(2, first=0)
    few = [statements(address) for address in addresses]
    grow(5, first=5)
    page, file = (statements(address) for address in addresses)
    # A kind that is not among the latest is not asked for its names.
    assert page <= few[0] <= 40
    assert file == few[1] <= 40


# --- what totals are counted from, and what not


def test_what_no_total_is_counted_from_is_a_kind_of_its_own(read):
    with at(5):
        fund = money.ReserveFundFactory(slug="rcm-fund")
        line = money.FundingLineFactory(label="Core", year=2026)
        fund.save()
    assert [row.partition(":")[0] for row in shown(read(PAGE))] == ["Funding line"]
    assert "Reserve fund" in " ".join(shown(read(f"{PAGE}?kind=funds")))
    assert len(shown(read(f"{PAGE}?kind=all"))) > 2
    assert line.label in read(PAGE)


def test_changes_are_narrowed_to_years_and_a_source(read):
    with at(5):
        osi = {"source_of_funds": "osi"}
        money.FundingLineFactory(label="Early", year=2014, **osi)
        moved = money.FundingLineFactory(label="Moved", year=2014, **osi)
        money.FundingLineFactory(label="Travel", year=2016, source_of_funds="travel")
        money.TimeEntryFactory(title="Days", worked_on=dt.date(2016, 5, 1))
        post = money.PositionFactory(title="Post", starts_on=dt.date(2015, 1, 1))
        money.PositionFactory(title="Gone", ends_on=dt.date(2015, 1, 1))
        money.PositionShareFactory(position=post)
        money.StandardCostFactory(year=2016)
        attribution = money.AttributionFactory(year=2016)
        money.FundingLineFactory(label="Other", project=attribution.project, year=2014, **osi)
    with at(6):
        moved.year = 2016
        moved.save()

    def found(query):
        return {row.rpartition(" ")[0].strip() for row in shown(read(f"{PAGE}?{query}"))}

    of_2016 = found("from=2016&to=2016")
    assert of_2016 == found("from=2016")
    told = " ".join(of_2016)
    for name in ("Moved", "Travel", "Days", "Post", "Standard cost", "Attribution", "Project"):
        assert name in told
    for name in ("Early", "Gone", "Other"):
        assert name not in told
    assert {row.partition(":")[0] for row in found("from=2016&source=staff_time")} == {
        "Position",
        "Position share",
        "Standard cost",
        "Time entry",
    }
    assert " ".join(found("from=2016&source=travel")).count("Funding line") == 1
    assert "That address is not readable" in read(f"{PAGE}?from=2016&to=2014", status=400)
    assert "That address is not readable" in read(f"{PAGE}?source=gold", status=400)


def test_the_reason_of_an_undoing_is_its_own_and_deleted_rows_list_what_they_held(
    read, officer, other, several
):
    undo(several, other, at=dt.datetime(2026, 11, 14, 8, tzinfo=dt.UTC))
    page = read(f"{PAGE}?undo={several.pk}")
    assert "Why: Wrong file." in page
    assert f"Undo of import {several.pk}: Wrong file" in page
    assert "– → –" not in page
    held = page.partition("<tbody>")[2].partition("</tr>")[0]
    assert "payer" not in held
    assert "source of funds: OSI → –" in held
