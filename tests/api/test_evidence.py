"""The records behind a value: those that were counted, and only what the reader may read."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from iscm_portal.common.choices import Scope
from iscm_portal.common.period import Period
from reporting.api.evidence import KINDS
from reporting.measures import MEASURES
from tests.api.client import READ, Api
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as told

# What opens the values themselves.
OPENS = {Scope.READ_INDICATORS}

pytestmark = pytest.mark.django_db


def value_of(key: str, **kwargs: Any) -> Any:
    return told.IndicatorValueFactory(
        indicator=told.IndicatorFactory(key=key), **{"n": 3, **kwargs}
    )


def test_the_records_of_a_cell_are_those_of_its_year_and_mechanism() -> None:
    iscm = make.ISCMFactory(slug="sacm")
    asked = make.SupportRequestFactory(
        iscm=iscm,
        what="Training",
        asked_on=dt.date(2026, 2, 3),
        report_number=7,
        report_item=1,
    )
    make.SupportRequestFactory(iscm=iscm, asked_on=dt.date(2025, 12, 31))
    other = make.SupportRequestFactory(asked_on=dt.date(2026, 2, 3))
    cell = value_of("support_requests", iscm=iscm)
    overall = told.IndicatorValueFactory(indicator=cell.indicator, n=2)
    api = Api()
    row = {
        "type": "support-request",
        "id": asked.pk,
        "label": "Training",
        "dated_on": "2026-02-03",
        "iscm": "sacm",
        "report": 7,
        "url": f"http://testserver/api/v1/support-requests/{asked.pk}/",
    }
    assert api.read(f"indicator-values/{cell.pk}/evidence/") == {"results": [row], "next": None}
    found = api.results(f"indicator-values/{overall.pk}/evidence/")
    assert {entry["id"] for entry in found} == {asked.pk, other.pk}
    assert api.read(row["url"])["what"] == "Training"


def test_money_is_left_out_without_the_finance_scope() -> None:
    line, entry = money.FundingLineFactory(), money.TimeEntryFactory()
    value = value_of("resources_allocated")
    place = f"indicator-values/{value.pk}/evidence/"
    for group in ("analyst", "finance"):
        found = Api(group).results(place)
        assert [(row["type"], row["id"]) for row in found] == [
            ("funding-line", line.pk),
            ("time-entry", entry.pk),
        ]
        assert Api(group, scopes=[Scope.READ_INDICATORS]).results(place) == []
    # A reporter may not carry the scope, whatever his token says.
    assert Api("reporter").results(place) == []


# measure -> the scope of the records behind it, and what makes one in 2026
BEHIND: dict[str, tuple[Scope, Any]] = {
    "support_requests": (
        Scope.READ_DIRECTORY,
        lambda: make.SupportRequestFactory(asked_on=dt.date(2026, 2, 3)),
    ),
    "partnerships_developed": (Scope.READ_DIRECTORY, make.PartnershipFactory),
    "report_coverage": (
        Scope.READ_REPORTS,
        lambda: told.DutyFactory(is_owed=True),
    ),
    "resources_allocated": (Scope.READ_FINANCE, money.FundingLineFactory),
    "satisfaction": (
        Scope.READ_INDICATORS,
        lambda: told.SatisfactionAnswerFactory.create_batch(
            3, survey=told.SurveyFactory(state="closed")
        ),
    ),
}


@pytest.mark.parametrize("form", ["json", "csv", "xlsx"])
@pytest.mark.parametrize("key", BEHIND)
def test_records_behind_a_value_need_the_scope_of_their_own_list(key: str, form: str) -> None:
    """A token that may read the value only is told the same whether there are records or none."""
    needed, write = BEHIND[key]
    place = f"indicator-values/{value_of(key).pk}/evidence/"
    lacks = Api(scopes=[scope for scope in READ if scope != needed or scope in OPENS])
    holds = Api(scopes=[Scope.READ_INDICATORS, needed])

    def told_to(api: Api) -> Any:
        if form == "xlsx":
            return api.sheet(place)[1:]
        return api.table(place) if form == "csv" else api.read(place)

    before = told_to(lacks)
    assert told_to(holds) == before
    write()
    assert told_to(holds) != before
    assert (told_to(lacks) == before) == (needed not in OPENS)


@pytest.mark.parametrize("group", ["reporter", "analyst", "ipd"])
@pytest.mark.parametrize("key", ["satisfaction", "knowledge_change"])
def test_the_records_of_answers_are_their_surveys_for_everybody(group: str, key: str) -> None:
    survey = told.SurveyFactory(state="closed", title="Pulse")
    told.SatisfactionAnswerFactory.create_batch(3, survey=survey)
    told.KnowledgeAnswerFactory.create_batch(3, survey=survey)
    told.SatisfactionAnswerFactory.create_batch(3)
    shown = value_of(key)
    few = told.IndicatorValueFactory(
        indicator=shown.indicator, year=2026, cell="again", value=None, n=None, status="too_few"
    )
    (row,) = Api(group).results(f"indicator-values/{shown.pk}/evidence/")
    assert (row["type"], row["id"], row["label"]) == ("survey", survey.pk, "Pulse")
    assert row["url"].endswith(f"/surveys/{survey.pk}/")
    (line,) = Api(group).table(f"indicator-values/{shown.pk}/evidence/")
    assert line["label"] == "Pulse"
    assert Api(group).results(f"indicator-values/{few.pk}/evidence/") == []


def test_kinds_follow_each_other_over_pages_without_a_gap() -> None:
    lines = [("funding-line", money.FundingLineFactory().pk) for _ in range(3)]
    days = [("time-entry", money.TimeEntryFactory(days=Decimal(1)).pk) for _ in range(3)]
    value = value_of("resources_allocated")
    api = Api()
    for size in (1, 2, 3, 4, 5, 6, 7):
        rows = api.all(f"indicator-values/{value.pk}/evidence/", page_size=size)
        assert [(row["type"], row["id"]) for row in rows] == [*lines, *days]


def test_rows_that_come_meanwhile_hide_and_repeat_none() -> None:
    there = [money.FundingLineFactory().pk for _ in range(3)]
    value = value_of("resources_allocated")
    api = Api()
    first = api.read(f"indicator-values/{value.pk}/evidence/", page_size=2)
    money.FundingLineFactory()
    rest = api.read(first["next"])
    assert [row["id"] for row in first["results"] + rest["results"]][:3] == there


def test_the_records_come_as_csv_too() -> None:
    make.PartnershipFactory(organisation=make.OrganisationFactory(name="=Partner"))
    value = value_of("partnerships_developed")
    (row,) = Api().table(f"indicator-values/{value.pk}/evidence/")
    assert (row["type"], row["label"]) == ("partnership", "'=Partner")


def test_every_measures_records_have_a_form() -> None:
    """Whoever adds a measure of other records says here how they appear."""
    period = Period.year(2026)
    counted = {
        rows.model
        for measure in MEASURES.values()
        for _label, rows in measure.record_sets(period)
        if not measure.least_n
    }
    assert counted <= KINDS.keys()


@pytest.mark.parametrize("key", sorted(MEASURES))
def test_the_records_of_every_measure_can_be_read(key: str) -> None:
    indicator = told.IndicatorFactory(key=key)
    for iscm in (None, make.ISCMFactory()):
        value = told.IndicatorValueFactory(indicator=indicator, iscm=iscm, n=3)
        assert Api().results(f"indicator-values/{value.pk}/evidence/") == []


def test_an_indicator_without_a_measure_has_no_records() -> None:
    value = value_of("retired_long_ago")
    assert Api().results(f"indicator-values/{value.pk}/evidence/") == []


@pytest.mark.parametrize("query", [{"year": "2026"}, {"fields": "id"}, {"page_size": "0"}])
def test_what_evidence_cannot_be_asked_for_is_an_error(query: dict[str, str]) -> None:
    value = value_of("support_requests")
    errors = Api().errors(f"indicator-values/{value.pk}/evidence/", **query)
    assert list(errors) == list(query)
