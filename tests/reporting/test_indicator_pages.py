"""What the indicator pages say of a value, and how it opens to its records."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.utils import timezone

from reporting.selectors.indicators import trend
from reporting.services.compiling import compile_indicators
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


@pytest.fixture
def page(client):
    """The text of an address as an analyst sees it."""
    client.force_login(make.UserFactory(access_group="analyst", office=None))
    return lambda address: " ".join(client.get(address).content.decode().split())


def test_a_value_stands_with_what_is_beside_it_and_opens_to_its_records(page):
    reported.IndicatorFactory(key="support_requests", unit="count")
    bali, sacm = make.ISCMFactory(slug="bali"), make.ISCMFactory(slug="sacm")
    make.SupportRequestFactory(
        iscm=bali,
        what="Training",
        asked_on=dt.date(2026, 1, 1),
        answered_on=dt.date(2026, 1, 11),
        outcome="met",
    )
    make.SupportRequestFactory(iscm=sacm, what="Advice", asked_on=dt.date(2026, 12, 31))
    make.SupportRequestFactory(iscm=sacm, what="Too late", asked_on=dt.date(2027, 1, 1))
    compile_indicators(2026, 2026, AT)
    overall = page("/indicators/support_requests/?year=2026")
    assert '<p class="number">2</p>' in overall
    assert "Met (%): 50" in overall
    assert "Median days to an answer: 10" in overall
    records = page("/indicators/support_requests/records/?year=2026")
    assert ("Training" in records, "Advice" in records, "Too late" in records) == (
        True,
        True,
        False,
    )
    of_bali = page("/indicators/support_requests/records/?year=2026&iscm=bali")
    assert ("Training" in of_bali, "Advice" in of_bali) == (True, False)


def test_answers_too_few_to_show_are_not_shown_and_do_not_open(page):
    reported.IndicatorFactory(key="satisfaction", unit="score")
    iscm = make.ISCMFactory()
    reported.SatisfactionAnswerFactory.create_batch(
        2, iscm=iscm, score=5, answered_on=dt.date(2026, 5, 1)
    )
    compile_indicators(2026, 2026, AT)
    text = page("/indicators/satisfaction/?year=2026")
    assert "Too few answers to show for 2026." in text
    assert "No data" not in text
    assert "Answers are not published for twelve months" in page(
        "/indicators/satisfaction/?year=2026&period=rolling&quarter=4"
    )
    records = page("/indicators/satisfaction/records/?year=2026")
    assert "Too few answers to show." in records
    assert "n =" not in records


def test_a_year_without_anything_is_no_data_and_not_zero(page):
    reported.IndicatorFactory(key="support_requests", unit="count")
    compile_indicators(2026, 2026, AT)
    assert "No data for 2026." in page("/indicators/support_requests/?year=2026")


def test_the_overview_names_what_has_no_data(page):
    reported.IndicatorFactory(key="support_requests", title="Requests", number=1)
    reported.IndicatorFactory(key="partnerships_developed", title="Partnerships", number=2)
    make.SupportRequestFactory(asked_on=dt.date(2026, 5, 1))
    compile_indicators(2026, 2026, AT)
    text = page("/indicators/?year=2026")
    assert "1 has no data.</strong>" in text
    table = text[text.index("<table") :]
    assert table.index("Requests") < table.index("Partnerships")


def test_before_anything_is_compiled_the_page_says_so(page):
    assert "No indicator has been worked out yet." in page("/indicators/")


def test_the_latest_value_of_each_indicator_stands_on_the_mechanisms_page(page):
    indicator = reported.IndicatorFactory(key="support_requests", title="Requests", unit="count")
    iscm = make.ISCMFactory(slug="bali")
    for year, value in ((2025, 3), (2026, 7)):
        reported.IndicatorValueFactory(
            indicator=indicator, year=year, iscm=iscm, cell=f"iscm:{iscm.pk}", value=value
        )
    text = page("/iscms/bali/")
    assert '<td class="number" data-label="Year">2026</td>' in text
    assert '<td class="number" data-label="Value">7</td>' in text


def test_without_a_year_the_present_one_is_shown_and_not_one_to_come(page):
    reported.IndicatorFactory(key="support_requests")
    this_year = timezone.localdate().year
    make.SupportRequestFactory(asked_on=dt.date(this_year, 1, 1))
    make.SupportRequestFactory(asked_on=dt.date(this_year + 1, 1, 1))
    compile_indicators(this_year - 1, this_year + 1, AT)
    assert f"{this_year}, all mechanisms together" in page("/indicators/")
    assert f"in {this_year}, all mechanisms." in page("/indicators/support_requests/")


def test_the_trend_runs_from_the_first_year_with_data_to_the_last():
    indicator = reported.IndicatorFactory(key="support_requests")
    for year in (2021, 2023):
        make.SupportRequestFactory(asked_on=dt.date(year, 5, 1))
    compile_indicators(2019, 2025, AT)
    assert [(value.year, value.n) for value in trend(indicator)] == [
        (2021, 1),
        (2022, 0),
        (2023, 1),
    ]


@pytest.mark.parametrize("group", ["reporter", "manager", "finance", "analyst", "ipd", "admin"])
@pytest.mark.parametrize("key", ["satisfaction", "knowledge_change"])
def test_answers_open_to_their_surveys_and_a_single_one_to_nobody(client, group, key):
    reported.IndicatorFactory(key=key)
    state = make.CountryFactory(name_en="Tuvalu")
    survey = reported.SurveyFactory(state="closed", title="Pulse of May")
    make_answer = {
        "satisfaction": reported.SatisfactionAnswerFactory,
        "knowledge_change": reported.KnowledgeAnswerFactory,
    }[key]
    make_answer.create_batch(4, survey=survey, country=state)
    make_answer.create_batch(3, country=state)
    compile_indicators(2026, 2026, AT)
    client.force_login(make.UserFactory(access_group=group))
    text = client.get(f"/indicators/{key}/records/?year=2026").text
    words = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "4 answers: Pulse of May" in words
    assert "3 answers: loaded without a survey" in words
    assert f"/surveys/{survey.pk}/" in text
    for told in ("Tuvalu", "4 / 5", "50.00", "11 March"):
        assert told not in words


def test_records_go_by_names_and_bear_their_days(client):
    reported.IndicatorFactory(key="resources_allocated", unit="USD")
    iscm = make.ISCMFactory(acronym="SACM")
    money.TimeEntryFactory(
        title="Chief of Mission", days="3.50", worked_on=dt.date(2026, 5, 4), iscm=iscm
    )
    money.AttributionFactory(project=money.ProjectFactory(code="PR.0042"), iscm=iscm, year=2026)
    compile_indicators(2026, 2026, AT)
    client.force_login(make.UserFactory(access_group="ipd"))
    text = " ".join(client.get("/indicators/resources_allocated/records/?year=2026").text.split())
    assert "Chief of Mission: 3.5 days" in text
    assert "· 4 May 2026" in text
    assert "PR.0042 → SACM 2026" in text


def test_an_event_behind_a_value_stands_with_its_days_as_far_as_known(client):
    reported.IndicatorFactory(key="priorities_on_agenda", unit="per cent")
    known = make.EventFactory(
        name="Known", starts_on=dt.date(2026, 5, 4), ends_on=dt.date(2026, 5, 5)
    )
    make.AgendaItemFactory(event=known)
    make.AgendaItemFactory(
        event=make.EventFactory(
            name="Vague", starts_on=None, year=2026, month=8, date_precision="month"
        )
    )
    compile_indicators(2026, 2026, AT)
    client.force_login(make.UserFactory(access_group="analyst", office=None))
    text = " ".join(client.get("/indicators/priorities_on_agenda/records/?year=2026").text.split())
    words = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "Known · 4–5 May 2026" in words
    assert "Vague · August 2026" in words
