"""Releases: what IPD closed stays, and what becomes another later names its records."""

from __future__ import annotations

import datetime as dt
import io
import re
from decimal import Decimal

import openpyxl
import pypdf
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils.formats import date_format

from reporting.models import (
    IndicatorValue,
    Release,
    ReleasedIndicator,
    ReleasedRecord,
    ReleasedValue,
)
from reporting.services.compiling import compile_indicators
from reporting.services.releasing import ReleaseError, close_year
from tests.api.client import Api
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as reported
from tests.files import rows_of_csv

pytestmark = pytest.mark.django_db

CLOSED = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
COMPILED = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
DAY = dt.date(2025, 5, 1)


@pytest.fixture
def ipd():
    return make.UserFactory(access_group="ipd", office=make.OfficeFactory())


@pytest.fixture
def requests():
    """Two requests of 2025 to BALI and one to SACM, compiled; known before the year is closed."""
    reported.IndicatorFactory(
        key="support_requests", title="Requests", definition="What was asked.", target=5
    )
    bali, sacm = make.ISCMFactory(acronym="BALI", slug="bali"), make.ISCMFactory(slug="sacm")
    rows = make.SupportRequestFactory.create_batch(2, iscm=bali, asked_on=DAY)
    rows.append(make.SupportRequestFactory(iscm=sacm, asked_on=DAY))
    for row in rows:
        row.history.update(history_date=COMPILED)
    compile_indicators(2025, 2025, COMPILED)
    return rows


@pytest.fixture
def closed(requests, ipd):
    return close_year(2025, 1, "One office was late.", ipd, CLOSED)


def released(release, cell="overall"):
    return ReleasedValue.objects.get(release=release, cell=cell).value


def now(cell="overall"):
    return IndicatorValue.objects.of_year(2025).get(cell=cell).value


# --- closing


def test_closing_a_year_copies_all_its_values_and_what_they_mean(closed, ipd):
    values = IndicatorValue.objects.of_year(2025)
    names = ("cell", "value", "n", "status", "dimension", "dimension_value", "compiled_at", "run")
    assert set(closed.values.values_list(*names)) == set(values.values_list(*names))
    assert closed.values_total == values.count()
    (meant,) = closed.indicators.all()
    assert (meant.title, meant.definition, meant.target) == ("Requests", "What was asked.", 5)
    assert (closed.closed_by, closed.note, str(closed)) == (ipd, "One office was late.", "2025")


def test_the_records_of_the_year_are_noted(closed, requests):
    noted = set(ReleasedRecord.objects.values_list("model", "object_id"))
    assert noted == {("engagements.supportrequest", row.pk) for row in requests}


def test_a_released_value_stays_when_records_and_definitions_change(closed, requests):
    requests[0].delete()
    make.SupportRequestFactory.create_batch(5, asked_on=DAY)
    indicator = closed.indicators.get().indicator
    indicator.title, indicator.target = "Renamed", 50
    indicator.save()
    compile_indicators(2025, 2025, LATER)
    assert (released(closed), now()) == (Decimal(3), Decimal(7))
    meant = ReleasedIndicator.objects.get()
    assert (meant.title, meant.target) == ("Requests", 5)


def test_a_year_can_be_closed_again_and_the_first_release_stays(closed, ipd):
    make.SupportRequestFactory(asked_on=DAY)
    compile_indicators(2025, 2025, LATER)
    second = close_year(2025, 2, "", ipd, LATER)
    assert (released(closed), released(second)) == (Decimal(3), Decimal(4))
    assert [str(row) for row in Release.objects.all()] == ["2025, revision 2", "2025"]


def test_a_second_click_makes_no_second_release(closed, ipd):
    with pytest.raises(ReleaseError, match="closed meanwhile"):
        close_year(2025, 1, "", ipd, CLOSED)
    assert Release.objects.count() == 1


def test_a_year_that_was_last_worked_out_while_it_ran_is_compiled_first(requests, ipd):
    compile_indicators(2025, 2025, dt.datetime(2025, 12, 31, 3, tzinfo=dt.UTC))
    with pytest.raises(ReleaseError, match="Compile it first"):
        close_year(2025, 1, "", ipd, CLOSED)
    compile_indicators(2025, 2025, COMPILED)
    assert close_year(2025, 1, "", ipd, CLOSED).values_total


def test_a_year_that_is_not_over_or_has_no_values_is_not_closed(requests, ipd):
    with pytest.raises(ReleaseError, match="when it is over"):
        close_year(2026, 1, "", ipd, CLOSED)
    with pytest.raises(ReleaseError, match="Nothing is compiled"):
        close_year(2020, 1, "", ipd, CLOSED)
    assert not ReleasedIndicator.objects.exists()


# --- the database refuses what no code does


@pytest.mark.parametrize("model", [Release, ReleasedIndicator, ReleasedValue, ReleasedRecord])
@pytest.mark.parametrize("how", ["update", "delete"])
def test_the_database_refuses_every_change_of_a_release(closed, model, how):
    table = model._meta.db_table
    statement = {
        "update": f"UPDATE {table} SET id = id",
        "delete": f"DELETE FROM {table}",
    }[how]
    with (
        pytest.raises(IntegrityError, match="release_never_changes"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_the_database_adds_nothing_to_a_release(closed):
    meant = closed.indicators.get()
    for make_one in (
        lambda: ReleasedRecord.objects.create(
            release=closed, indicator=meant, model="x", object_id=1
        ),
        lambda: ReleasedValue.objects.create(
            release=closed,
            indicator=meant,
            cell="theme:new",
            status="red",
            compiled_at=CLOSED,
            run=closed.run,
        ),
    ):
        with (
            pytest.raises(IntegrityError, match="release_never_changes"),
            transaction.atomic(),
        ):
            make_one()


# --- what the pages say


@pytest.fixture
def page(client):
    client.force_login(make.UserFactory(access_group="analyst", office=None))
    return lambda address: " ".join(client.get(address).text.split())


def test_the_release_stands_with_what_it_would_be_now(page, closed):
    assert "No overall value has become another since." in page("/releases/2025/")
    make.SupportRequestFactory(iscm=make.ISCMFactory(acronym="NEW"), asked_on=DAY)
    compile_indicators(2025, 2025, LATER)
    text = page("/releases/2025/")
    assert "1 overall value would be another now." in text
    assert re.search(r'data-label="Released"><strong>3(\.00)?</strong>', text)
    assert re.search(r'data-label="Revision">\+1\.00 <a', text)
    assert '<td data-label="Of">NEW</td>' in text


def test_a_revision_names_the_records_that_made_it(page, closed, requests, ipd):
    gone, moved, _kept = requests
    pk = gone.pk
    gone.delete()
    moved.iscm = requests[2].iscm
    moved._history_user, moved._change_reason = ipd, "It was SACM."
    moved.save()
    new = make.SupportRequestFactory(
        iscm=moved.iscm, asked_on=DAY, what="Late one", report_number=7
    )
    compile_indicators(2025, 2025, LATER)
    assert (released(closed, f"iscm:{closed_iscm(closed).pk}"), now()) == (Decimal(2), Decimal(3))
    text = page("/releases/2025/changes/?indicator=support_requests")
    rows = re.findall(r"<tr> <td class=\"nowrap\">.*?</tr>", text)
    assert len(rows) == 3
    assert ("Late one" in rows[0], "Created" in rows[0], "/reports/7/" in rows[0]) == (True,) * 3
    assert ("BALI → " in rows[1], "It was SACM." in rows[1], ipd.label in rows[1]) == (True,) * 3
    assert "Deleted" in rows[2]
    # What is gone is told from others by its number, mechanism and day.
    assert f"no. {pk} · BALI" in rows[2]
    assert f"asked on {date_format(DAY, 'j F Y')}" in rows[2]
    # BALI lost two: one is gone, one went elsewhere. What is new was never one of its own.
    of_bali = page("/releases/2025/changes/?indicator=support_requests&iscm=bali")
    assert len(re.findall(r"<td class=\"nowrap\">", of_bali)) == 2
    assert "released as <strong>2</strong>, now <strong>no data</strong>" in of_bali
    assert new.pk != pk


def closed_iscm(release):
    return release.values.get(iscm__slug="bali", dimension="").iscm


def test_records_that_a_reader_may_not_read_are_not_among_the_causes(client, ipd):
    reported.IndicatorFactory(key="resources_allocated", unit="USD")
    line = money.FundingLineFactory(year=2025, label="Secret line", iscm=make.ISCMFactory())
    line.history.update(history_date=COMPILED)
    compile_indicators(2025, 2025, COMPILED)
    close_year(2025, 1, "", ipd, CLOSED)
    line.amount_usd += 1000
    line.save()
    compile_indicators(2025, 2025, LATER)
    address = "/releases/2025/changes/?indicator=resources_allocated"
    for group, sees in (("ipd", True), ("finance", True), ("analyst", False)):
        client.force_login(make.UserFactory(access_group=group, office=None))
        assert ("Secret line" in client.get(address).text) == sees


@pytest.mark.parametrize("moved_by", ["agenda", "answer"])
def test_what_belongs_to_a_record_is_a_cause_too(client, ipd, moved_by):
    reported.IndicatorFactory(key="priorities_on_agenda", unit="per cent")
    reported.IndicatorFactory(key="satisfaction", unit="score")
    iscm = make.ISCMFactory(slug="bali")
    event = make.EventFactory(iscms=[iscm], starts_on=DAY, ends_on=DAY)
    item = make.AgendaItemFactory(event=event, title="Borders")
    reported.SatisfactionAnswerFactory.create_batch(4, iscm=iscm, answered_on=DAY)
    for row in (event, item):
        row.history.update(history_date=COMPILED)
    compile_indicators(2025, 2025, COMPILED)
    close_year(2025, 1, "", ipd, CLOSED)
    item.priority = make.IOMPriorityFactory()
    item.save()
    survey = reported.SurveyFactory(state="closed", title="Pulse")
    survey.history.update(history_date=LATER)
    reported.SatisfactionAnswerFactory.create_batch(
        3, survey=survey, iscm=iscm, answered_on=DAY, score=1
    )
    compile_indicators(2025, 2025, LATER)
    key = {"agenda": "priorities_on_agenda", "answer": "satisfaction"}[moved_by]
    for place in ("", "&iscm=bali"):
        address = f"/releases/2025/changes/?indicator={key}{place}"
        client.force_login(ipd)
        text = client.get(address).text
        assert ("Borders" if moved_by == "agenda" else "Survey: Pulse") in text
        assert "1 / 5" not in text


def test_what_is_incomplete_is_said_before_a_year_is_closed(client, ipd, requests):
    reported.IndicatorFactory(
        key="partnerships_developed", title="Partnerships", state="proposed", direction="up"
    )
    make.DelegateFactory(event=make.EventFactory(starts_on=DAY, ends_on=DAY))
    compile_indicators(2025, 2025, LATER)
    client.force_login(ipd)
    text = " ".join(client.get("/releases/2025/close/").text.split())
    assert "Something is incomplete" in text
    assert re.search(r"without data</dt><dd><a [^>]*>Partnerships</a>", text)
    assert re.search(r"without target</dt><dd><a [^>]*>Partnerships</a>", text)
    assert "0 of 1 accepted (0%)" in text
    assert '<a href="/duties/?year=2025">1</a>' in text


def test_a_year_is_closed_only_when_it_is_confirmed(client, ipd, requests):
    client.force_login(ipd)
    refused = client.post("/releases/2025/close/", {"revision": 1, "note": "Keep me."})
    assert refused.status_code == 422
    assert "Confirm that the year is to be closed" in refused.text
    assert "Keep me." in refused.text
    assert not Release.objects.exists()
    form = {"revision": 1, "note": "Kept.", "is_confirmed": "on"}
    done = client.post("/releases/2025/close/", form, follow=True)
    assert "its values will not change" in done.text
    assert Release.objects.get().note == "Kept."
    again = client.post("/releases/2025/close/", form)
    assert again.status_code == 422
    assert "closed meanwhile" in again.text


def test_the_dashboard_says_what_became_another_since_the_year_was_closed(page, closed):
    make.SupportRequestFactory(asked_on=DAY)
    compile_indicators(2025, 2026, LATER)
    text = page("/indicators/?year=2025")
    assert re.search(r'id="moved">.*?Requests</a>: 3.*? → 4', text)
    assert "1 of its overall values has changed" in page("/indicators/?year=2026")


# --- files and API


def test_the_files_of_a_release_hold_what_was_frozen(client, closed, ipd):
    make.SupportRequestFactory(asked_on=DAY)
    compile_indicators(2025, 2025, LATER)
    client.force_login(ipd)
    answer = client.get("/releases/2025/?format=xlsx")
    book = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    head, *rows = book.worksheets[0].values
    assert len(rows) == closed.values_total
    values = [dict(zip(head, row, strict=True)) for row in rows]
    assert [row["value"] for row in values if not row["mechanism"] and not row["dimension"]] == [3]
    answer = client.get("/releases/2025/?format=csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert len(rows_of_csv(text)) == closed.values_total + 1
    pdf = client.get("/releases/2025/?format=pdf").content
    sheet = " ".join(pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text().split())
    assert "Indicators of 2025" in sheet
    assert ("One office was late." in sheet, "What was asked." in sheet) == (True, True)


def test_the_api_tells_the_values_of_a_release(closed):
    make.SupportRequestFactory(iscm=make.ISCMFactory(slug="new"), asked_on=DAY)
    compile_indicators(2025, 2025, LATER)
    api = Api()
    (release,) = api.results("releases/", year=2025)
    assert (release["id"], release["revision"], release["note"]) == (
        202501,
        1,
        "One office was late.",
    )
    asked = {"release": 202501, "indicator": "support_requests"}
    (overall,) = api.results("indicator-values/", iscm="overall", **asked)
    assert (overall["value"], overall["n"], overall["year"], overall["period"]) == (
        "3.00",
        3,
        2025,
        "year",
    )
    assert {row["iscm"] for row in api.results("indicator-values/", **asked)} == {
        None,
        "bali",
        "sacm",
    }
    (current,) = api.results("indicator-values/", iscm="overall", year=2025)
    assert current["value"] == "4.00"
    assert set(overall) == {*current, "release"}
    by_theme = api.results("indicator-values/", dimension="theme", iscm="bali", **asked)
    assert [row["dimension_value"] for row in by_theme] == [""]
    assert "release" in api.errors("indicator-values/", release=199901)
    assert api.results("indicator-values/", period="quarter", **asked) == []


def test_the_api_tells_the_runs(requests):
    (run,) = Api().results("compile-runs/")
    assert (run["first_year"], run["state"], run["scope"]) == (2025, "published", "years")
    assert Decimal(run["seconds"]) >= 0
