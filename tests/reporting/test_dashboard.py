"""The dashboard: what it says first, what it sets beside each other, and its downloads."""

from __future__ import annotations

import datetime as dt
import io
import re
from decimal import Decimal

import openpyxl
import pypdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engagements.models import Partnership, SupportRequest
from iscm_portal.common.models import JobRun
from reporting.models import CompileRun, Indicator, IndicatorValue, PublishedValue
from reporting.selectors.indicators import latest_run
from reporting.services.compiling import compile_all, compile_indicators, progress, sums, values
from tests.api.client import Api
from tests.factories import engagements as make
from tests.factories import reporting as reported
from tests.files import dicts_of_csv, rows_of_csv

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


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


def test_what_is_off_track_and_what_has_no_data_stands_first(page, requests):
    text = page("/indicators/?year=2026")
    assert "<strong>1 indicator is off track. 1 has no data.</strong>" in text
    assert text.index('id="off-track"') < text.index('id="no-data"') < text.index('id="trends"')
    assert '<span class="status status-bad">Off track</span>' in text


def test_a_change_since_the_year_before_is_named_with_its_way(page, requests):
    text = page("/indicators/?year=2026")
    assert re.search(r"Requests</a>: 6 → 3 <span[^>]*>worse</span>", text)


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
    assert re.search(r'data-label="BALI"><a href="[^"]*iscm=bali">2</a>', text)
    assert re.search(r'data-label="SACM"><a href="[^"]*iscm=sacm">1</a>', text)


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
    cells = re.findall(r'<td class="number" data-label="(?!Reports)[^"]*">(.*?)</td>', text)
    plain = [re.sub(r"<br>.*|<[^>]+>", "", cell).strip() for cell in cells]
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


def test_csv_of_the_overview_holds_every_row_and_number_of_the_page(client, page, requests):
    answer = client.get("/indicators/?year=2026&format=csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = dicts_of_csv(text)
    assert [(row["title"], row["status"]) for row in rows] == [
        ("Requests", "red"),
        ("Partnerships", "no_data"),
    ]
    told = [shown(row[name]) for row in rows for name in ("value", "year_before", "target")]
    assert told == numbers(page("/indicators/?year=2026"))


def test_the_sheet_has_the_answer_the_chart_and_the_table(client, page, requests):
    answer = client.get("/indicators/?year=2026&format=pdf")
    assert answer["Content-Type"] == "application/pdf"
    text = " ".join(
        page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages
    )
    assert "Of 2 indicators: 1 off track, 1 without data." in " ".join(text.split())
    cut = client.get("/indicators/?year=2026&by=iscm&format=pdf")
    assert "BALI" in pypdf.PdfReader(io.BytesIO(cut.content)).pages[0].extract_text()


# --- one indicator


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
    from tests.factories import finance as money

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
    before = page("/indicators/?year=2026&as_of=2026-03-01")
    assert "1 has no data." in before
    by_iscm = page("/indicators/?year=2026&by=iscm&as_of=2026-03-09")
    assert 'data-label="BALI">1<' in by_iscm


def test_a_past_day_has_its_chip_and_no_link_to_records_of_now(page):
    known_since_february()
    make.SupportRequestFactory(asked_on=dt.date(2026, 1, 5))
    compile_indicators(2026, 2026, at_day(2))
    text = page("/indicators/?year=2026&as_of=2026-03-02")
    assert 'href="?year=2026">2 March 2026' in text
    assert "This is what the dashboard said at the end of 2 March 2026." in text
    assert "/records/" not in text


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
