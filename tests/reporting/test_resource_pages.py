"""The resource dashboard: the evaluation's tables, the range, and the records behind a cell."""

from __future__ import annotations

import html
import io
import re
from decimal import Decimal
from urllib.parse import quote as urlquote

import pytest
from django.core.management import call_command
from python_calamine import CalamineWorkbook

from finance.selectors.printed import printed_table
from reporting.selectors.resources import ResourceFilter, dashboard
from tests.api import evaluation_tables as printed
from tests.factories import engagements as make
from tests.files import dicts_of_csv, rows_of_csv

pytestmark = pytest.mark.django_db


@pytest.fixture
def real_records():
    call_command("load_evaluation", verbosity=0)


@pytest.fixture
def read(client, real_records):
    client.force_login(make.UserFactory(access_group="ipd", office=make.OfficeFactory()))

    def answer(address):
        found = client.get(address)
        if found.streaming:
            return b"".join(found.streaming_content).decode("utf-8-sig")
        return " ".join(found.content.decode().split())

    return answer


TABLES = (
    (
        4,
        printed.YEARS,
        {row: cells for row, (_s, cells) in printed.TABLE_4.items()},
        printed.TOTALS_4,
    ),
    (
        5,
        printed.YEARS,
        {row: cells for row, (_s, cells) in printed.TABLE_5.items()},
        printed.TOTALS_5,
    ),
    (6, printed.YEARS_6, {"Colombo Process": printed.AMOUNTS_6}, printed.AMOUNTS_6),
    (
        7,
        printed.YEARS,
        {row: cells for row, (_s, cells) in printed.TABLE_7.items()},
        printed.TOTALS_7,
    ),
)


@pytest.mark.parametrize(("number", "years", "rows", "totals"), TABLES)
def test_a_table_of_the_evaluation_comes_out_cell_by_cell(read, number, years, rows, totals):
    head, *body = rows_of_csv(read(f"/resources/table-{number}.csv"))
    assert head == ["label", "iscm", *map(str, years)]
    found = [(label, tuple(Decimal(cell) for cell in cells)) for label, _slug, *cells in body]
    expected = [(label, tuple(map(Decimal, cells))) for label, cells in rows.items()]
    assert found == [*expected, ("Total", tuple(map(Decimal, totals)))]


def test_a_table_can_be_had_as_a_workbook(client, read):
    answer = client.get("/resources/table-4.xlsx?from=2014&to=2019")
    book = CalamineWorkbook.from_filelike(io.BytesIO(b"".join(answer.streaming_content)))
    head, *body = rows_of_csv(read("/resources/table-4.csv?from=2014&to=2019"))
    sheet = book.get_sheet_by_index(0).to_python()
    assert sheet[0] == head
    assert [Decimal(str(row[2])) for row in sheet[1:]] == [Decimal(row[2]) for row in body]
    assert "/resources/table-4.xlsx?" in read("/resources/")


def test_the_page_shows_each_cell_of_the_tables(read):
    page = read("/resources/")
    for _number, _years, rows, totals in TABLES:
        for cells in (*rows.values(), totals):
            for cell in cells:
                assert f">{cell:,}<" in page


def test_the_rise_of_osi_is_worked_out_from_the_records(real_records):
    board = dashboard(ResourceFilter(2014, 2019), make.UserFactory(access_group="ipd"))
    assert (board.osi.last, board.osi.change_pct) == (Decimal("338300.00"), Decimal("179.6"))
    peak = board.osi_since_peak
    assert (peak.since_year, peak.change_pct) == (2016, Decimal("-23.1"))
    assert board.projects.change_pct == Decimal("-70.2")


def test_the_answer_comes_first_with_its_range_and_what_is_missing(read):
    page = read("/resources/?source=project_support&from=2014&to=2014")
    assert "USD 4.3 million is known." in page
    assert "It could be up to USD 4.9 million in all." in page
    assert "What is missing: 1 share of a project." in page


def test_sacm_has_a_range_because_placmis_share_is_unknown(real_records):
    board = dashboard(
        ResourceFilter(2014, 2014, {"iscm": "sacm"}), make.UserFactory(access_group="ipd")
    )
    (row,) = board.rows
    cell = row.cells[2014]
    assert (cell.known_usd, cell.high_usd) == (Decimal("20000.00"), Decimal("616600.00"))
    assert [(share.project.code, share.year) for share in board.unknown] == [("PLACMI", 2014)]


def test_whose_share_is_unknown_is_told_to_those_who_read_projects_and_its_number_to_all(
    client, real_records
):
    client.force_login(make.UserFactory(access_group="analyst", office=None))
    page = client.get("/resources/?iscm=sacm&from=2014&to=2014").content.decode()
    assert "What is missing: 1 share of a project." in page
    assert "Whose shares they are, finance and IPD read." in page
    assert "PLACMI&#x27;s share" not in page


def test_the_filters_narrow_everything_on_the_page(read):
    page = read("/resources/?iscm=gfmd&source=osi&from=2016&to=2017")
    assert ">150,000<" in page
    assert "48,652" not in page
    assert 'id="table-5"' not in page


def test_the_csv_holds_what_the_page_shows(read):
    lines = dicts_of_csv(read("/resources/?iscm=sacm&format=csv"))
    first = lines[0]
    assert (first["slug"], first["year"]) == ("sacm", "2014")
    assert (first["known_usd"], first["high_usd"]) == ("20000.00", "616600.00")
    totals = [line for line in lines if line["mechanism"] == "Total"]
    *totals, in_all = totals
    assert (in_all["table"], in_all["year"]) == ("by_source", "2014–2019")
    by_source = [line for line in lines if line["table"] == "by_source"]
    assert sum(Decimal(line["low_usd"]) for line in by_source[:-1]) == Decimal(in_all["low_usd"])
    assert [line["year"] for line in totals] == ["2014", "2015", "2016", "2017", "2018", "2019"]


def test_a_cell_opens_to_its_lines_with_their_source(read):
    page = read("/resources/records/?table=4&label=GRCP&from=2015&to=2015")
    assert "48,652" in page
    assert "evaluation 2019, Table 4, section 4.3" in page
    assert "48,653" in page  # the note that the text prints another figure


def test_what_is_kept_and_not_counted_says_why(read):
    page = read("/resources/")
    assert "13 amounts are kept and not counted" in page


@pytest.mark.parametrize(
    "address",
    [
        "/resources/?from=20x4",
        "/resources/?from=2019&to=2014",
        "/resources/?source=gold",
        "/resources/?iscm=nowhere",
        "/resources/records/?table=9",
        "/resources/records/?after_funding_lines=made-up",
    ],
)
def test_an_address_that_cannot_be_is_refused_in_words(client, read, address):
    found = client.get(address)
    assert found.status_code == 400
    assert "That address is not readable" in found.content.decode()


@pytest.mark.parametrize("iscm", [None, "sacm", "colombo-process"])
def test_the_records_of_every_printed_cell_add_up_to_it(read, iscm):
    narrowed = f"&iscm={iscm}" if iscm else ""
    page = html.unescape(read(f"/resources/?from=2014&to=2019{narrowed}"))
    for number in (4, 5, 6):
        table = printed_table(number, iscms=[iscm] if iscm else None)
        for row in table.rows:
            for year, cell in row.values.items():
                link = (
                    f"/resources/records/?table={number}&label={urlquote(row.label, safe='/')}"
                    f"&from={year}&to={year}{narrowed}"
                )
                assert f'href="{link}"' in page
                assert sum(amounts_at(read, link)) == cell


def test_the_records_of_a_whole_table_follow_the_mechanism(read):
    link = "/resources/records/?table=4&from=2014&to=2019&iscm=sacm"
    assert f'href="{link}"' in html.unescape(read("/resources/?iscm=sacm"))
    totals = printed_table(4, iscms=["sacm"]).totals.values()
    assert sum(amounts_at(read, link)) == sum(totals) > 0


def amounts_at(read, address):
    """The USD of the funding lines that the page at ``address`` shows, to the cent."""
    cells = re.findall(r'data-label="USD">([\d,.-]+)<', read(address))
    return [Decimal(cell.replace(",", "")) for cell in cells]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("iscm=midwa&from=2014&to=2014", "MIDWA, 2014: <strong>USD 2,424,900</strong>"),
        (
            "iscm=sacm&from=2014&to=2014",
            "SACM, 2014: <strong>USD 20,000</strong> known, up to 616,600",
        ),
        (
            "table=4&label=GFMD&from=2016&to=2017",
            "Table 4: GFMD, 2016–2017: <strong>USD 152,400</strong>",
        ),
        ("iscm=midwa&from=1990&to=1990", "MIDWA, 1990: <strong>nothing is on record</strong>"),
        (
            "table=7&label=Bali+Process&from=2019&to=2019",
            "Table 7: Bali Process, 2019: <strong>4 full-time staff</strong>",
        ),
        ("table=7&from=2019&to=2019", "Table 7, 2019: <strong>8 full-time staff</strong>"),
    ],
)
def test_the_records_page_repeats_the_figure_that_it_explains(read, query, said):
    assert said in read(f"/resources/records/?{query}")
