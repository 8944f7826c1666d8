"""The dashboard: what it says first, what it sets beside each other, and its downloads."""

from __future__ import annotations

import datetime as dt
import io
import re
from decimal import Decimal

import openpyxl
import pypdf
import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engagements.models import Partnership, SupportRequest
from iscm_portal.common.models import JobRun
from reporting.models import CompileRun, Indicator, IndicatorValue, PublishedValue
from reporting.selectors.indicators import latest_run
from reporting.services.compiling import compile_all, compile_indicators, progress, sums, values
from tests.api.client import Api
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as reported
from tests.files import dicts_of_csv, rows_of_csv

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(dt.datetime(2026, 11, 25, 9, 0, tzinfo=dt.UTC), tick=False) as moved:
        yield moved


@pytest.fixture
def page(client):
    """The text of an address as an analyst sees it."""
    client.force_login(make.UserFactory(access_group="analyst", office=None))
    return lambda address: " ".join(client.get(address).text.split())


@pytest.fixture
def requests(client):
    """Requests of two years to two mechanisms, with a target and thresholds; and partnerships,
    of which there are none."""
    reported.IndicatorFactory(
        key="support_requests",
        title="Requests",
        number=1,
        unit="count",
        target=10,
        green_from=8,
        amber_from=5,
        direction="up",
    )
    reported.IndicatorFactory(key="partnerships_developed", title="Partnerships", number=2)
    bali = make.ISCMFactory(slug="bali", acronym="BALI", themes=[make.ThemeFactory(name="Borders")])
    sacm = make.ISCMFactory(slug="sacm", acronym="SACM")
    make.SupportRequestFactory.create_batch(6, iscm=bali, asked_on=dt.date(2025, 2, 1))
    make.SupportRequestFactory.create_batch(2, iscm=bali, asked_on=dt.date(2026, 2, 1))
    make.SupportRequestFactory(iscm=sacm, asked_on=dt.date(2026, 8, 1))
    compile_indicators(2025, 2026, AT)


# --- what is said first


@pytest.fixture
def year_over(requests, clock):
    """2026 is over, and compiled since."""
    clock.move_to(dt.datetime(2027, 1, 3, 9, 0, tzinfo=dt.UTC))
    compile_indicators(2025, 2026, dt.datetime(2027, 1, 3, 3, 0, tzinfo=dt.UTC))


def test_what_is_off_track_and_what_has_no_data_stands_first(year_over, page):
    text = page("/indicators/?year=2026")
    assert "<strong>1 indicator is off track. 1 has no data.</strong>" in text
    assert text.index('id="off-track"') < text.index('id="no-data"') < text.index('id="trends"')
    assert '<span class="status status-bad">Off track</span>' in text


def test_a_change_since_the_year_before_is_named_with_its_way(year_over, page):
    text = page("/indicators/?year=2026")
    assert re.search(r"Requests</a>: 6 → 3 <span[^>]*>worse</span>", text)


def test_of_a_year_that_runs_the_last_whole_twelve_months_are_compared(page, requests):
    make.SupportRequestFactory.create_batch(3, asked_on=dt.date(2024, 12, 1))
    make.SupportRequestFactory.create_batch(4, asked_on=dt.date(2026, 11, 1))
    compile_indicators(2025, 2026, AT)
    text = page("/indicators/?year=2026")
    # Nine of the twelve months to September 2025, three of those to September 2026; none of the
    # four of November, for it has not yet been held against a whole November.
    assert re.search(r"Requests</a>: 9 → 3 <span[^>]*>worse</span>", text)
    assert "The year is not over: twelve months to September 2026" in text
    assert "It runs until 31 December 2026." in text


@time_machine.travel(AT + dt.timedelta(days=1), tick=False)
@pytest.mark.parametrize("address", ["period=quarter&quarter=4", "as_of=2026-12-01"])
def test_what_is_not_over_and_has_nothing_like_it_is_not_compared(page, requests, address):
    text = page(f"/indicators/?year=2026&{address}")
    assert "what there is of it so far is not set beside a whole span" in text


def test_a_count_of_a_year_that_runs_is_green_once_it_is_reached_and_never_red(page, requests):
    assert '<span class="status">Not over yet</span>' in page("/indicators/?year=2026")
    assert "No indicator is off track." in page("/indicators/?year=2026")
    make.SupportRequestFactory.create_batch(5, asked_on=dt.date(2026, 11, 1))
    compile_indicators(2026, 2026, AT)
    assert '<span class="status status-ok">On track</span>' in page("/indicators/?year=2026")


def test_a_year_to_come_is_planned_and_never_the_latest(page, requests):
    line = money.FundingLineFactory(
        year=2027, iscm=make.ISCMFactory(slug="rcm"), amount_usd=Decimal(100)
    )
    reported.IndicatorFactory(key="resources_allocated", title="Resources", unit="USD", number=3)
    money.FundingLineFactory(year=2026, iscm=line.iscm, amount_usd=Decimal(7))
    compile_indicators(2025, 2027, AT)
    assert "2026, all mechanisms" in page("/indicators/")
    assert "USD 7" in page("/iscms/rcm/")
    assert "USD 100" not in page("/iscms/rcm/")
    assert "USD 100" not in page("/indicators/resources_allocated/")
    asked = page("/indicators/resources_allocated/?year=2027")
    assert "USD 100" in asked
    assert "2027 has not begun: what is counted there is planned." in asked
    assert "2027, planned</option>" in asked
    assert "2027 has not begun" in page("/indicators/?year=2027")


def test_each_indicator_with_data_has_a_small_chart_with_its_target(page, requests):
    text = page("/indicators/?year=2026")
    assert text.count('role="img"') == 1
    assert "target 10 (dashed)" in text
    assert 'aria-label="Requests over time; the table holds the values."' in text


def test_a_part_of_a_count_is_not_held_against_the_target_of_the_whole(page, requests):
    text = page("/indicators/?year=2026&iscm=bali")
    assert "(dashed)" not in text
    assert "No indicator is off track." in text


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("period=quarter&quarter=1", "2"),
        ("period=quarter&quarter=3", "1"),
        ("period=rolling&quarter=1", "2"),
        ("period=rolling&quarter=3", "3"),
    ],
)
def test_the_span_is_a_year_a_quarter_or_twelve_months(page, requests, address, value):
    text = page(f"/indicators/?year=2026&{address}")
    assert f"<strong>{value}</strong></a></td>" in text


def test_a_number_opens_to_its_records_of_the_same_span(page, requests, client):
    text = page("/indicators/?year=2026&period=quarter&quarter=1&iscm=bali")
    (address,) = set(re.findall(r'href="(/indicators/[^"]*records/[^"]*)"', text))
    opened = client.get(address.replace("&amp;", "&"))
    assert len(opened.context["parts"][0]["page"].rows) == 2


# --- beside each other


def test_the_mechanisms_stand_beside_each_other(page, requests):
    text = page("/indicators/?year=2026&by=iscm")
    heads = re.findall(r'<th scope="col" class="number wraps">(.*?)</th>', text)
    assert heads == ["BALI", "SACM"]
    row = text[text.index("<tbody>") : text.index("</tr>", text.index("<tbody>"))]
    assert re.findall(r'<a href="[^"]*/records/[^"]*iscm=(\w+)">(\d)</a>', row) == [
        ("bali", "2"),
        ("sacm", "1"),
    ]


def test_many_values_of_a_dimension_have_a_row_each(page, requests):
    for number in range(6):
        make.SupportRequestFactory(
            iscm=make.ISCMFactory(acronym=f"M{number}"), asked_on=dt.date(2026, 2, 1)
        )
    compile_indicators(2026, 2026, AT)
    text = page("/indicators/?year=2026&by=iscm")
    assert re.findall(r'<th scope="col" class="number wraps">(.*?)</th>', text) == [
        "Requests",
        "Partnerships",
    ]
    rows = re.findall(r'<th scope="row"><a href="/iscms/[^"]*">(.*?)</a>', text)
    assert rows == ["BALI", "M0", "M1", "M2", "M3", "M4", "M5", "SACM"]


def test_a_cut_names_the_value_and_says_what_cannot_be_cut_so(page, requests):
    text = page("/indicators/?year=2026&by=theme")
    assert "Borders" in text
    assert "Of none, or not known" in text
    by_office = page("/indicators/?year=2026&by=office")
    assert "Nothing is compiled for this choice." in by_office


def test_two_mechanisms_are_compared_with_a_line_each(page, requests):
    text = page("/indicators/?year=2026&iscm=bali&iscm=sacm")
    assert re.findall(r'<th scope="col" class="number wraps">(.*?)</th>', text) == ["BALI", "SACM"]
    (chart,) = re.findall(r'<svg role="img".*?</svg>', text)
    assert ("BALI" in chart, "SACM" in chart) == (True, True)


def test_what_cannot_be_asked_together_is_said_and_nothing_chosen_is_lost(client, page, requests):
    answer = client.get("/indicators/?year=2026&iscm=bali&iscm=sacm&by=theme")
    assert answer.status_code == 422
    assert "not both" in answer.text
    assert '<option value="theme" selected>' in answer.text
    of_past = client.get("/indicators/?year=2026&by=theme&as_of=2026-01-01")
    assert of_past.status_code == 422
    assert "overall and by mechanism" in of_past.text


def test_each_filter_is_a_chip_that_takes_it_off(page, requests):
    text = page("/indicators/?year=2026&iscm=bali&iscm=sacm")
    assert '<a class="chip chip-on" href="?year=2026&amp;iscm=sacm">BALI' in text
    assert '<a class="chip chip-on" href="?iscm=bali&amp;iscm=sacm">2026' in text


# --- downloads say what the screen says


def numbers(text: str) -> list[str]:
    """The values that a page's table shows."""
    cells = re.findall(
        r'<td class="number(?: kept| cell)"[^>]*>(.*?)</td>'
        r'|<td class="number" data-label="(?!Reports)[^"]*">(.*?)</td>',
        text,
    )
    plain = [re.sub(r"<[^>]+>", "", "".join(cell)).strip() for cell in cells]
    return ["" if cell in ("no data", "–") else cell for cell in plain]


def shown(value) -> str:
    return "" if value in ("", None) else f"{Decimal(str(value)):f}".rstrip("0").rstrip(".")


@pytest.mark.parametrize("address", ["by=iscm", "by=theme", "iscm=bali&iscm=sacm"])
def test_csv_and_workbook_of_a_cut_hold_what_the_page_shows(client, page, requests, address):
    on_screen = numbers(page(f"/indicators/?year=2026&{address}"))
    answer = client.get(f"/indicators/?year=2026&{address}&format=csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = rows_of_csv(text)[1:]
    assert [shown(cell) for row in rows for cell in row[1:]] == on_screen
    assert [shown(cell) for row in in_workbook(client, address) for cell in row[1:]] == on_screen


def in_workbook(client, address):
    answer = client.get(f"/indicators/?year=2026&{address}&format=xlsx")
    book = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    return list(book.worksheets[0].values)[1:]


def test_csv_of_the_overview_holds_every_row_and_number_of_the_page(year_over, client, page):
    answer = client.get("/indicators/?year=2026&format=csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = dicts_of_csv(text)
    assert [(row["title"], row["status"]) for row in rows] == [
        ("Requests", "red"),
        ("Partnerships", "no_data"),
    ]
    told = [shown(row[name]) for row in rows for name in ("value", "year_before", "target")]
    assert told == numbers(page("/indicators/?year=2026"))


def test_the_sheet_has_the_answer_the_chart_and_the_table(year_over, client, page):
    answer = client.get("/indicators/?year=2026&format=pdf")
    assert answer["Content-Type"] == "application/pdf"
    text = " ".join(
        page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages
    )
    assert "Of 2 indicators: 1 off track, 1 without data." in " ".join(text.split())
    cut = client.get("/indicators/?year=2026&by=iscm&format=pdf")
    assert "BALI" in pypdf.PdfReader(io.BytesIO(cut.content)).pages[0].extract_text()


# --- one indicator


def test_a_count_has_no_numerator_beside_its_value_and_a_share_has_both(page):
    reported.IndicatorFactory(key="support_requests", unit="count")
    reported.IndicatorFactory(key="priorities_on_agenda", unit="per cent")
    make.SupportRequestFactory(asked_on=dt.date(2026, 2, 1))
    make.AgendaItemFactory(event=make.EventFactory(starts_on=dt.date(2026, 2, 1)))
    compile_indicators(2026, 2026, AT)
    count = page("/indicators/support_requests/?year=2026")
    assert ("Numerator" in count, "Denominator" in count) == (False, False)
    share = page("/indicators/priorities_on_agenda/?year=2026")
    assert '<p class="label">Numerator over denominator</p>' in share
    assert '<th scope="col" class="number">Denominator</th>' in share


def test_an_indicator_is_cut_by_what_its_reader_chooses(page, requests):
    text = page("/indicators/support_requests/?year=2026&by=theme")
    assert re.search(r'<th scope="row">Borders</th><td[^>]*><a href="([^"]*)">2</a>', text)
    quarter = page("/indicators/support_requests/?year=2026&period=quarter&quarter=3&by=iscm")
    assert "SACM" in re.search(r'id="cut".*', quarter).group()
    assert "Q3" in quarter


def test_the_records_of_any_cell_open(client, page, requests):
    text = page("/indicators/support_requests/?year=2026&iscm=bali&by=theme")
    address = re.search(r'<th scope="row">Borders</th><td[^>]*><a href="([^"]*)">', text).group(1)
    opened = client.get(address.replace("&amp;", "&"))
    assert len(opened.context["parts"][0]["page"].rows) == 2
    none = client.get("/indicators/support_requests/records/?year=2026&dimension=theme&value=")
    assert len(none.context["parts"][0]["page"].rows) == 1


def test_the_tables_of_an_indicator_are_downloaded_as_shown(client, page, requests):
    answer = client.get("/indicators/support_requests/?year=2026&format=csv&table=by")
    rows = rows_of_csv(b"".join(answer.streaming_content))
    assert [(row[0], shown(row[1])) for row in rows[1:]] == [("BALI", "2"), ("SACM", "1")]
    answer = client.get("/indicators/support_requests/?year=2026&format=xlsx&table=trend")
    book = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    assert [row[0] for row in book.worksheets[0].values][1:] == [2026, 2025]


def test_how_many_records_are_hidden_is_said_where_their_number_is_open(client):
    reported.IndicatorFactory(key="report_coverage", unit="per cent")
    office, elsewhere = make.OfficeFactory(), make.OfficeFactory()
    for of in (office, elsewhere, elsewhere):
        make.DelegateFactory(
            event=make.EventFactory(starts_on=dt.date(2026, 3, 1), ends_on=dt.date(2026, 3, 2)),
            office=of,
        )
    compile_indicators(2026, 2026, AT)
    address = "/indicators/report_coverage/records/?year=2026"
    client.force_login(make.UserFactory(access_group="manager", office=office))
    assert "2 records that you may not see" in client.get(address).text
    client.force_login(make.UserFactory(access_group="ipd"))
    assert "that you may not see" not in client.get(address).text


@pytest.mark.parametrize("key", ["satisfaction", "knowledge_change", "staff_days"])
def test_how_many_records_are_hidden_is_not_said_of_answers_and_money(client, key):
    reported.IndicatorFactory(key=key)
    reported.SatisfactionAnswerFactory.create_batch(4, answered_on=dt.date(2026, 5, 1))
    reported.KnowledgeAnswerFactory.create_batch(3, answered_on=dt.date(2026, 5, 1))
    money.TimeEntryFactory(worked_on=dt.date(2026, 5, 4))
    compile_indicators(2026, 2026, AT)
    assert IndicatorValue.objects.of_year(2026).get(cell="overall").n > 0
    client.force_login(make.UserFactory(access_group="analyst", office=None))
    page = client.get(f"/indicators/{key}/records/?year=2026").text
    assert "that you may not see" not in page


# --- what the dashboard said on a past day


def at_day(day: int) -> dt.datetime:
    return dt.datetime(2026, 3, day, 12, tzinfo=dt.UTC)


def known_since_february(**kwargs) -> None:
    """An indicator that was defined before the days that are asked for."""
    indicator = reported.IndicatorFactory(key="support_requests", **kwargs)
    indicator.history.update(history_date=dt.datetime(2026, 2, 1, tzinfo=dt.UTC))


def test_a_past_day_shows_what_was_published_by_its_end(page):
    known_since_february(title="Requests")
    iscm = make.ISCMFactory(acronym="BALI")
    for day in (2, 10):
        make.SupportRequestFactory(iscm=iscm, asked_on=dt.date(2026, 1, 5))
        compile_indicators(2026, 2026, at_day(day))
    told = {
        day: re.findall(
            r'data-label="Value">(?:<strong>)?(.*?)<',
            page(f"/indicators/?year=2026&as_of=2026-03-{day:02}"),
        )
        for day in (2, 9, 10)
    }
    assert told == {2: ["1"], 9: ["1"], 10: ["2"]}
    by_iscm = page("/indicators/?year=2026&by=iscm&as_of=2026-03-09")
    assert '<td class="number cell">1' in by_iscm


def test_a_past_day_has_its_chip_and_no_link_to_records_of_now(page):
    known_since_february()
    make.SupportRequestFactory(asked_on=dt.date(2026, 1, 5))
    compile_indicators(2026, 2026, at_day(2))
    text = page("/indicators/?year=2026&as_of=2026-03-02")
    assert 'href="?year=2026">2 March 2026' in text
    assert "This is what the dashboard said at the end of 2 March 2026." in text
    assert "/records/" not in text


def test_of_a_day_before_the_first_run_nothing_is_said_but_that(client, page):
    known_since_february()
    make.SupportRequestFactory(asked_on=dt.date(2026, 1, 5))
    compile_indicators(2026, 2026, at_day(2))
    reported.AuditRunFactory(started_at=at_day(2))
    before = "There was no dashboard on 1 March 2026: the first was worked out on 2 March 2026."
    for by in ("", "&by=iscm"):
        text = page(f"/indicators/?year=2026&as_of=2026-03-01{by}")
        assert f"<strong>{before}</strong>" in text
        told = ("off track", "data", "Checked at", "<table", "format=csv", 'class="panel"')
        assert [word for word in told if word in text[text.index("<h1>") :]] == []
    for form in ("csv", "xlsx", "pdf"):
        answer = client.get(f"/indicators/?year=2026&as_of=2026-03-01&format={form}")
        assert (answer.status_code, before in answer.text) == (400, True)


def test_of_a_day_before_the_first_definition_that_is_said(page):
    reported.IndicatorFactory(key="support_requests")
    compile_indicators(2026, 2026, at_day(2))
    text = page("/indicators/?year=2026&as_of=2026-03-02")
    assert "There was no dashboard on 2 March 2026: no indicator was defined." in text


def test_of_a_past_day_the_audit_of_then_is_told(page):
    known_since_february()
    compile_indicators(2026, 2026, at_day(2))
    reported.AuditRunFactory(started_at=at_day(3), checked=41)
    reported.AuditRunFactory(started_at=at_day(9), checked=97)
    assert "Checked at 9 March 2026, 12:00 UTC, 97 values" in page("/indicators/?year=2026")
    past = page("/indicators/?year=2026&as_of=2026-03-08")
    assert "Checked at 3 March 2026, 12:00 UTC, 41 values" in past
    assert "not checked yet" in page("/indicators/?year=2026&as_of=2026-03-02")


# --- what is known by the year only


@pytest.fixture
def money_and_requests():
    """USD 500 and a request of one mechanism in 2025; another request a year before."""
    for number, key in enumerate(("support_requests", "resources_allocated"), start=1):
        reported.IndicatorFactory(key=key, title=key, number=number, unit="count")
    iscm = make.ISCMFactory(slug="bali", acronym="BALI")
    money.FundingLineFactory(iscm=iscm, year=2025, amount_usd=500)
    for year in (2024, 2025):
        make.SupportRequestFactory(iscm=iscm, asked_on=dt.date(year, 5, 1))
    compile_indicators(2024, 2025, AT)


@pytest.mark.parametrize("period", ["quarter", "rolling"])
def test_money_by_quarter_is_not_without_data_but_known_by_the_year(
    client, page, money_and_requests, period
):
    address = f"/indicators/?year=2025&period={period}&quarter=2"
    text = page(address)
    assert "No indicator is off track. 1 is known by the year only. All others have data." in text
    assert 'have no day: <a href="/indicators/resources_allocated/?year=2025">' in text
    assert '<span class="status">Known by the year only</span>' in text
    assert ("No data" in text[text.index('id="changed"') :], "no data" in text) == (False, False)
    answer = client.get(f"{address}&format=csv")
    rows = dicts_of_csv(b"".join(answer.streaming_content).decode("utf-8-sig"))
    assert [(row["value"], row["status"]) for row in rows] == [
        ("1.0000", "context"),
        ("", "by_year"),
    ]
    sheet = client.get(f"{address}&format=pdf").content
    told = " ".join(pypdf.PdfReader(io.BytesIO(sheet)).pages[0].extract_text().split())
    assert ("1 known by the year only" in told, "without data" in told) == (True, False)


def test_money_has_no_column_by_quarter_and_that_is_said(page, money_and_requests):
    text = page("/indicators/?year=2025&period=quarter&quarter=2&by=iscm")
    assert re.search(r"Known by the year only: <a[^>]*>resources_allocated</a>\.", text)
    assert text.count("resources_allocated</a>") == 1
    assert "1 value," in text


def test_the_page_of_money_by_quarter_leads_to_the_year(page, money_and_requests):
    text = page("/indicators/resources_allocated/?year=2025&period=quarter&quarter=2")
    assert "It is known by the year only: some of its records have no day." in text
    assert '<a href="?year=2025">Show 2025</a>' in text
    assert "No data" not in text
    assert "Nothing was counted" not in text
    assert "known by the year only" not in page("/indicators/resources_allocated/?year=2025")


# --- the table of a cut


def test_reports_stand_once_a_row_and_once_a_column(page):
    reported.IndicatorFactory(key="support_requests", title="Requests", number=1)
    reported.IndicatorFactory(key="report_coverage", title="Coverage", number=2, unit="per cent")
    many = [make.ISCMFactory(slug=f"m{n}", acronym=f"M{n}") for n in range(5)]
    event = make.EventFactory(
        iscms=many, starts_on=dt.date(2026, 3, 1), ends_on=dt.date(2026, 3, 2)
    )
    make.DelegateFactory(event=event, office=make.OfficeFactory())
    for iscm in many:
        make.SupportRequestFactory(iscm=iscm, asked_on=dt.date(2026, 2, 1))
    compile_indicators(2026, 2026, AT)
    wide = page("/indicators/?year=2026&by=iscm").partition('<div class="only-narrow">')[0]
    assert re.findall(r'<td class="number muted">(.*?)</td>', wide) == ["0/1"] * 5
    assert wide.count("0/1") == 5
    two = page("/indicators/?year=2026&iscm=m0&iscm=m1").partition('<div class="only-narrow">')[0]
    assert two[two.index("<tfoot>") :].count("0/1") == two.count("0/1") == 2


STEP = st.tuples(
    st.sampled_from(["add", "add_other", "drop", "move", "whole", "year", "nothing"]),
    st.integers(2024, 2026),
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEP, min_size=1, max_size=8))
def test_after_any_compiles_a_past_run_reads_as_it_was_published(steps):
    """Against a log that keeps a copy of everything after each run."""
    start_anew()
    indicator = reported.IndicatorFactory(key="support_requests")
    iscms = make.ISCMFactory.create_batch(2)
    log = {}
    for number, (step, year) in enumerate(steps, start=1):
        change(step, year, iscms)
        first, last = (2024, 2026) if step == "whole" else (year, year)
        run = compile_indicators(first, last, at_day(number), whole=step == "whole")
        log[run.pk] = told(IndicatorValue.objects.of_years().filter(dimension=""))
    for run, expected in log.items():
        assert told(PublishedValue.objects.stood_after(run)) == expected
    for number, expected in enumerate(log.values(), start=1):
        run = latest_run(at_day(number) + dt.timedelta(hours=1))
        assert told(PublishedValue.objects.stood_after(run.pk)) == expected
    standing = PublishedValue.objects.filter(to_run=None, indicator=indicator)
    assert told(standing) == list(log.values())[-1]


def start_anew() -> None:
    """Examples of one test share its database."""
    for model in (PublishedValue, IndicatorValue, SupportRequest, Partnership):
        model.objects.all().delete()
    CompileRun.objects.all().delete()
    Indicator.objects.all().delete()


def change(step, year, iscms):
    records = SupportRequest.objects.filter(asked_on__year=year).order_by("pk")
    if step in ("add", "add_other"):
        make.SupportRequestFactory(iscm=iscms[step == "add_other"], asked_on=dt.date(year, 5, 1))
    elif step == "drop" and records:
        records[0].delete()
    elif step == "move" and records:
        records.filter(pk=records[0].pk).update(asked_on=dt.date(2024, 1, 1))


def told(values):
    names = ("year", "cell", "value", "n", "status", "reports_owed", "reports_accepted")
    return sorted(values.values_list(*names), key=str)


# --- runs


def test_the_page_of_runs_tells_what_each_did_and_how_long_it_took(page, requests):
    run = latest_run()
    assert run.seconds is not None
    assert 0 <= run.seconds < 60
    text = page("/indicators/runs/")
    assert f'data-label="Written">{run.values_written}<' in text
    assert f'data-label="Seconds">{run.seconds}<' in text
    assert "Compile all years now" not in text


def test_running_and_failed_compiles_are_named(page):
    task = "reporting.compile_indicators"
    JobRun.objects.create(task=task, task_id="a", state="failed", error="disk full")
    JobRun.objects.create(task=task, task_id="b", state="running")
    lost = JobRun.objects.create(task=task, task_id="c", state="running")
    JobRun.objects.filter(pk=lost.pk).update(started_at=lost.started_at - dt.timedelta(hours=2))
    text = page("/indicators/runs/")
    assert ("disk full" in text, "Ended without a word" in text) == (True, True)


def test_a_compile_is_asked_for_once_at_a_time(client, django_capture_on_commit_callbacks):
    reported.IndicatorFactory(key="support_requests")
    client.force_login(make.UserFactory(access_group="ipd"))
    with django_capture_on_commit_callbacks() as waiting:
        first = client.post("/indicators/runs/compile/", follow=True)
        second = client.post("/indicators/runs/compile/", follow=True)
    assert "has been asked for" in first.text
    assert "is running already" in second.text
    (job,) = JobRun.objects.all()
    (run,) = waiting
    run()
    job.refresh_from_db()
    assert (job.state, JobRun.objects.count(), CompileRun.objects.count()) == ("done", 1, 1)
    with django_capture_on_commit_callbacks():
        third = client.post("/indicators/runs/compile/", follow=True)
    assert "has been asked for" in third.text


def test_while_a_compile_runs_page_and_api_tell_how_far_it_is(page, requests, monkeypatch):
    api, tell, seen, shown = Api(), progress.Progress.tell, [], []

    def told_and_looked_at(self, *step):
        tell(self, *step)
        answer = api.read("compile-runs/progress/")
        seen.append((answer["step"], answer["done"], answer["whole"]))
        if step[0] == progress.Step.COUNTING:
            shown.append(page("/indicators/runs/"))

    monkeypatch.setattr(progress.Progress, "tell", told_and_looked_at)
    compile_all(AT)
    counted = len(sums.counted_measures())
    assert seen == [
        ("duties", 0, 0),
        *(("counting", done, counted) for done in range(counted)),
        ("adding_up", 0, 0),
        ("working_out", 0, 0),
        ("publishing", 0, 0),
    ]
    assert f'<progress id="progress" max="{counted}" value="0">' in shown[0]
    assert f"Counts the records of each measure: 1 of {counted}" in shown[1]
    nothing = {"step": None, "since": None, "done": 0, "whole": 0}
    assert api.read("compile-runs/progress/") == nothing
    assert "<progress" not in page("/indicators/runs/")


def test_nothing_is_told_of_a_run_that_failed(requests, monkeypatch):
    def fail(*_arguments):
        raise OSError("disk full")

    monkeypatch.setattr(values, "publish", fail)
    with pytest.raises(OSError, match="disk full"):
        compile_all(AT)
    assert progress.how_far() is None
