"""Tables of money: sorted by their heads, with totals, their rows' names as links; single years;
what the first page tells a finance officer."""

from __future__ import annotations

import datetime as dt
import html
import re
from decimal import Decimal

import pytest

from reporting.selectors.costs import unit_costs
from reporting.selectors.resources import ResourceFilter
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.files import rows_of_csv, text_of_pdf
from tests.finance.imported import as_csv, checked, table

pytestmark = pytest.mark.django_db


@pytest.fixture
def ipd(client):
    user = make.UserFactory(access_group="ipd", office=make.OfficeFactory())
    client.force_login(user)
    return user


@pytest.fixture
def read(client, ipd):
    def answer(address, status=200):
        found = client.get(address)
        assert found.status_code == status, address
        if found.streaming:
            return b"".join(found.streaming_content).decode("utf-8-sig")
        if b"%PDF" in found.content[:5]:
            return found.content
        return html.unescape(" ".join(found.content.decode().split()))

    return answer


@pytest.fixture
def world():
    """Mechanisms A, B and C with sums that stand in another order than their names."""
    a, b, c = (make.ISCMFactory(slug=name.lower(), acronym=name) for name in "ABC")
    for iscm, year, usd in ((a, 2019, 30), (b, 2018, 100), (b, 2019, 50), (c, 2019, 20)):
        money.FundingLineFactory(iscm=iscm, year=year, amount_usd=usd)
    money.FundingLineFactory(supports="grcp", year=2019, amount_usd=5)
    project = money.ProjectFactory(ends_on=dt.date(2019, 12, 31), code="P.1")
    money.FundingLineFactory(project=project, year=2019, amount_usd=7)
    for iscm in (a, c):
        money.AttributionFactory(project=project, iscm=iscm, year=2019)
    other = money.ProjectFactory(ends_on=dt.date(2019, 6, 30), code="P.2")
    money.FundingLineFactory(project=other, year=2019, amount_usd=9)
    money.AttributionFactory(project=other, iscm=b, year=2019, basis="dedicated")
    day = dt.date(2019, 3, 1)
    make.EventFactory(iscms=[a, b], starts_on=day, ends_on=day)
    make.EventFactory(iscms=[a], starts_on=day, ends_on=day)
    for iscm, assessed, paid in ((a, 10, 10), (b, 30, 0), (c, 20, 15)):
        money.AssessedContributionFactory(
            iscm=iscm,
            country=make.CountryFactory(name_en=f"State {iscm}"),
            year=2019,
            assessed_usd=assessed,
            paid_usd=paid,
        )
        money.ProposalFactory(
            iscm=iscm,
            donor=make.OrganisationFactory(name=f"Donor {iscm}"),
            asked_on=dt.date(2019, 1, 1),
            asked_usd=assessed,
        )
        money.StaffNeedFactory(iscm=iscm, year=2019, share_pct=assessed)


def rows_of(page: str, heading: str = "<tbody>") -> list[str]:
    """What the rows of the first table after ``heading`` are called."""
    body = page.partition(heading)[2].partition("</tbody>")[0]
    cells = re.findall(r'<th scope="row">(.*?)</th>', body)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in cells]


# page -> its table's heading, its own order, and ways to sort it with the order that they give.
TABLES = {
    "/resources/?from=2018&to=2019": (
        'id="known"',
        ["B", "A", "C", "GRCP meetings"],
        {
            "sort=row": ["A", "B", "C", "GRCP meetings"],
            "sort=2019": ["GRCP meetings", "C", "A", "B"],
            "sort=-2018": ["B", "A", "C", "GRCP meetings"],
        },
    ),
    "/resources/compare/?first=2018&second=2019": (
        'id="beside"',
        ["B", "A", "C", "GRCP meetings"],
        {
            "sort=-row": ["GRCP meetings", "C", "B", "A"],
            "sort=other": ["GRCP meetings", "C", "A", "B"],
            "sort=-change": ["B", "A", "C", "GRCP meetings"],
        },
    ),
    "/resources/costs/?from=2018&to=2019": (
        '<div class="panel">',
        ["B", "A", "C"],
        {
            "sort=total": ["C", "A", "B"],
            "sort=events": ["A", "B", "C"],
            "sort=-events": ["B", "A", "C"],
            "sort=row": ["A", "B", "C"],
        },
    ),
    "/resources/cliff/?year=2019": (
        'id="ends"',
        ["B", "A", "C"],
        {"sort=row": ["A", "B", "C"], "sort=known": ["C", "A", "B"], "sort=-part": ["B", "A", "C"]},
    ),
    "/sustaining/?from=2019&to=2019": (
        'id="by-iscm"',
        ["A", "B", "C"],
        {
            "sort=-paid": ["C", "A", "B"],
            "sort=arrears": ["A", "C", "B"],
            "sort=-row": ["C", "B", "A"],
        },
    ),
    "/sustaining/?to=2019": (
        'id="by-state"',
        ["State B", "State C", "State A"],
        {"sort_states=assessed": ["State A", "State C", "State B"]},
    ),
    "/sustaining/?from=2019&to=2019&iscm=": (
        'id="raised-by-iscm"',
        ["A", "B", "C"],
        {"sort_proposals=-open_usd": ["B", "C", "A"]},
    ),
    "/sustaining/?from=2019&to=2019&donor=": (
        'id="raised-by-donor"',
        ["Donor A", "Donor B", "Donor C"],
        {"sort_donors=-row": ["Donor C", "Donor B", "Donor A"]},
    ),
    "/staffing/?year=2019": (
        'id="by-iscm"',
        ["A", "B", "C"],
        {"sort=-needed": ["B", "C", "A"], "sort=gap": ["A", "C", "B"]},
    ),
}


@pytest.mark.parametrize("address", TABLES)
def test_a_table_is_sorted_by_links_in_its_heads_and_stands_else_as_ever(read, world, address):
    heading, own, ways = TABLES[address]
    page = read(address)
    assert rows_of(page, heading) == own
    table = page.partition(heading)[2].partition("</thead>")[0]
    assert "aria-sort" not in table
    for way, order in ways.items():
        sorted_page = read(f"{address}&{way}")
        assert rows_of(sorted_page, heading) == order, way
        head = sorted_page.partition(heading)[2].partition("</thead>")[0]
        direction = "descending" if "=-" in way else "ascending"
        assert head.count("aria-sort") == 1
        assert f'aria-sort="{direction}"' in head


@pytest.mark.parametrize("address", TABLES)
def test_a_column_that_is_none_is_refused(read, world, address):
    name = next(iter(TABLES[address][2])).partition("=")[0]
    assert "That address is not readable" in read(f"{address}&{name}=colour", status=400)


@pytest.mark.parametrize("address", TABLES)
def test_the_links_that_sort_keep_the_other_filters(read, world, address):
    page = read(address)
    head = page.partition(TABLES[address][0])[2].partition("<thead>")[2].partition("</thead>")[0]
    links = re.findall(r'href="([^"]*)"', head)
    assert links
    asked = [part for part in address.partition("?")[2].split("&") if not part.endswith("=")]
    assert all(part in link for link in links for part in asked)


def test_a_head_turns_the_order_round_and_then_gives_it_back(read, world):
    address = "/resources/costs/?from=2018&to=2019"

    def link(page):
        return re.findall(r'<th[^>]*><a href="([^"]*)">In all', page)[0]

    first = link(read(address))
    assert first == "?from=2018&to=2019&sort=-total"
    second = link(read(f"/resources/costs/{first}"))
    assert second == "?from=2018&to=2019&sort=total"
    assert link(read(f"/resources/costs/{second}")) == "?from=2018&to=2019"


def test_a_download_stands_in_the_order_of_the_page(read, world):
    text = read("/resources/costs/?from=2018&to=2019&sort=total&format=csv")
    assert [row[0] for row in rows_of_csv(text)[1:]] == ["C", "A", "B", "Total"]


# --- totals


def test_the_total_of_a_comparison_has_what_mechanisms_share_once(read, world):
    page = read("/resources/compare/?first=2018&second=2019")
    total = page.partition("<tfoot>")[2].partition("</tfoot>")[0]
    # 30 + 50 + 20 + 5 + 9, and up to 7 of the project whose shares nobody knows.
    assert ">100</a>" in total
    assert ">114</a>" in total
    assert "to 121" in total
    assert "counts once in the total" in page
    records = re.findall(r'href="([^"]*)">114<', total)[0]
    assert "USD 114</strong>" in read(records)


def test_two_mechanisms_are_compared_with_their_totals(read, world):
    page = read("/resources/compare/?one=a&other=b&from=2018&to=2019&by=year")
    assert rows_of(page, 'id="beside"') == ["2018", "2019"]
    total = page.partition("<tfoot>")[2].partition("</tfoot>")[0]
    assert ">30</a>" in total
    assert ">159</a>" in total


def test_a_theme_in_a_comparison_counts_a_mechanism_whole_and_the_total_once(read):
    iscm = make.ISCMFactory(themes=[make.ThemeFactory(name="One"), make.ThemeFactory(name="Two")])
    money.FundingLineFactory(iscm=iscm, year=2019, amount_usd=40)
    page = read("/resources/compare/?first=2018&second=2019&by=theme")
    assert page.count(">40</a>") == 3
    assert "whole under each of its themes or regions, and once in the total" in page


def test_the_total_of_unit_costs_counts_a_joint_event_once(read, world):
    found = unit_costs(ResourceFilter(2018, 2019))
    assert [(row.label, row.events.count) for row in found.rows] == [("B", 1), ("A", 2), ("C", 0)]
    assert (found.total.total.known_usd, found.total.total.high_usd) == (209, 216)
    assert (found.total.events.count, found.total.events.known_usd) == (2, Decimal("104.50"))
    page = read("/resources/costs/?from=2018&to=2019")
    total = page.partition("<tfoot>")[2].partition("</tfoot>")[0]
    assert ">209</a>" in total
    assert "2 events" in total
    assert "A joint event counts for each of its mechanisms, and once in the total" in page
    records = re.findall(r'href="([^"]*)">209<', total)[0]
    assert "USD 209</strong>" in read(records)


def test_one_mechanism_alone_has_no_total_beside_it(read, world):
    assert "<tfoot>" not in read("/resources/costs/?from=2018&to=2019&iscm=a")


# --- names and years


def test_the_rows_of_a_comparison_lead_to_the_mechanism_or_to_the_narrowed_dashboard(read, world):
    page = read("/resources/compare/?first=2018&second=2019")
    assert '<th scope="row"><a href="/iscms/a/">A</a></th>' in page
    grcp = re.findall(r'<a href="([^"]*)">GRCP meetings</a>', page)[0]
    assert grcp == "/resources/?supports=grcp&from=2018&to=2019"
    assert rows_of(read(grcp), 'id="known"') == ["GRCP meetings"]
    page = read("/resources/compare/?first=2018&second=2019&by=source")
    source = re.findall(r'<a href="([^"]*)">OSI</a>', page)[0]
    assert source == "/resources/?source=osi&from=2018&to=2019"
    assert "USD 214 is known." in read(source)


@pytest.mark.parametrize(
    ("query", "anchor"),
    [("one=a", "f-other"), ("other=a", "f-one"), ("one=a&other=a", "f-other")],
)
def test_one_mechanism_asks_for_the_second_in_words(read, world, query, anchor):
    page = read(f"/resources/compare/?{query}&from=2018&to=2019", status=422)
    assert f'<a href="#{anchor}">' in page
    assert "Choose a second mechanism to set beside the first." in page
    assert '<option value="a" selected>A</option>' in page
    assert "2018 · 2019" not in page
    assert 'id="beside"' not in page


@pytest.mark.parametrize(
    "page",
    [
        "/resources/?from=2019&to=2019",
        "/resources/records/?from=2019&to=2019",
        "/resources/costs/?from=2019&to=2019",
        "/resources/compare/?one=a&other=b&from=2019&to=2019",
        "/sustaining/?from=2019&to=2019",
        "/sustaining/?from=2030&to=2030",
        "/sustaining/records/?from=2019&to=2019",
    ],
)
def test_a_single_year_is_said_once(read, world, page):
    shown = read(page)
    assert "2019–2019" not in shown
    assert "2030–2030" not in shown


def test_a_single_year_is_said_once_on_the_sheet(read, world):
    told = text_of_pdf(read("/resources/?from=2019&to=2019&format=pdf"))
    assert "What IOM put into the mechanisms, 2019" in told
    assert "2019–2019" not in told


# --- the first page of a finance officer


def test_the_first_page_tells_a_finance_officer_what_waits(client):
    officer = make.UserFactory(access_group="finance", office=None, first_name="Olga")
    client.force_login(officer)
    make.ISCMFactory(slug="rcm")
    row = {
        "code": "L.1",
        "year": 2026,
        "source_of_funds": "osi",
        "supports": "iscm",
        "iscm": "rcm",
        "label": "Core",
        "amount_usd": 10,
    }
    run = checked("funding_lines", as_csv(table(row)), officer, "lines.csv")
    checked("funding_lines", as_csv(table({**row, "year": "x"})), officer, "wrong.csv")
    money.AttributionFactory.create_batch(2)
    money.TimeEntryFactory(grade="UG")
    page = html.unescape(" ".join(client.get("/").content.decode().split()))
    assert "<strong>1 checked import</strong> waits to be written." in page
    assert "<strong>5 records</strong> of money are to be completed." in page
    assert f'href="/imports/{run.pk}/">lines.csv</a>' in page
    assert "1 new, 0 changed" in page
    assert '<a href="/imports/?state=refused">1 file has errors</a>' in page
    assert (
        '<a href="/finance/#gap-shares">Attributions of unknown share</a>: <strong>2</strong>'
        in page
    )
    assert (
        '<a href="/finance/#gap-days">Days without a standard cost for their grade and year</a>: '
        "<strong>1</strong>" in page
    )
    assert "Posts without a first day or a share" not in page
    index = client.get("/finance/").content.decode()
    assert 'id="gap-shares"' in index
    assert 'id="gap-days"' in index


def test_the_first_page_says_when_nothing_of_money_waits(client):
    client.force_login(make.UserFactory(access_group="finance", office=None))
    page = client.get("/").content.decode()
    assert "No import waits to be written." in page
    assert "No record of money is to be completed." in page
    assert "You read here" not in page


@pytest.mark.parametrize("group", ["reporter", "manager", "ipd", "analyst"])
def test_the_first_page_tells_others_nothing_of_imports(client, group):
    client.force_login(make.UserFactory(access_group=group, office=make.OfficeFactory()))
    page = client.get("/").content.decode()
    assert "Imports to write" not in page
    assert "Records to complete" not in page
