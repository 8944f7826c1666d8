"""What records say, field by field."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.test import Client

from iscm_portal.common.renderers import decimal_text
from tests.api.client import LISTS, Api, accepted_report
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db


def test_a_link_is_a_code_with_its_label_beside() -> None:
    iscm = make.ISCMFactory(slug="sacm", acronym="SACM")
    office = make.OfficeFactory(slug="ro-x", name="RO X")
    make.IOMRoleFactory(iscm=iscm, role="co_secretariat", lead_office=office)
    (row,) = Api().results("iom-roles/")
    assert row["iscm"] == "sacm"
    assert row["iscm_label"] == "SACM"
    assert row["lead_office"] == "ro-x"
    assert row["lead_office_label"] == "RO X"
    assert row["role"] == "co_secretariat"


def test_an_empty_link_is_null_and_so_is_its_label() -> None:
    make.IOMRoleFactory()
    (row,) = Api().results("iom-roles/")
    assert (row["lead_office"], row["lead_office_label"], row["starts_on"]) == (None, None, None)


def test_a_joint_event_names_all_its_mechanisms_and_the_delegation() -> None:
    first = make.ISCMFactory(slug="a-process", acronym="A")
    second = make.ISCMFactory(slug="b-process", acronym="B")
    event = make.EventFactory(iscms=[second, first], starts_on=dt.date(2026, 3, 10))
    office = make.OfficeFactory(slug="co-x", name="CO X")
    delegate = make.DelegateFactory(event=event, office=office, title="Head", capacity="speaker")
    row = Api().read(f"events/{event.pk}/")
    assert row["iscms"] == ["a-process", "b-process"]
    assert row["iscm_labels"] == ["A", "B"]
    assert (row["starts_on"], row["ends_on"], row["year"]) == ("2026-03-10", "2026-03-11", 2026)
    assert row["delegation"] == [
        {
            "id": delegate.pk,
            "office": "co-x",
            "office_label": "CO X",
            "title": "Head",
            "capacity": "speaker",
        }
    ]


def test_money_is_text_with_two_decimals() -> None:
    money.FundingLineFactory(
        amount_usd=Decimal(20000),
        original_currency="EUR",
        original_amount=Decimal("17391.3"),
        rate_used=Decimal("1.15"),
    )
    (row,) = Api().results("funding-lines/")
    assert row["amount_usd"] == "20000.00"
    assert row["original_amount"] == "17391.30"
    assert row["rate_used"] == "1.15"


def test_what_a_state_owes_and_what_was_asked_of_a_donor_are_read_whole() -> None:
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    peru = make.CountryFactory(iso3="XPE", name_en="Peru")
    money.AssessedContributionFactory(iscm=rcm, country=peru, year=2026, paid_usd=Decimal(400))
    money.ProposalFactory(iscm=rcm, title="Second phase", donor=make.OrganisationFactory(slug="d"))
    (owed,) = Api().results("contributions/", country="XPE", year=2026)
    assert (owed["iscm"], owed["country_label"]) == ("rcm", "Peru")
    assert (owed["assessed_usd"], owed["paid_usd"], owed["scale_pct"]) == (
        "1000.00",
        "400.00",
        None,
    )
    (asked,) = Api().results("proposals/", state="asked", iscm="rcm")
    assert (asked["title"], asked["donor"], asked["asked_usd"]) == ("Second phase", "d", "50000.00")
    assert (asked["awarded_usd"], asked["project"], asked["follow_up"]) == (None, None, None)
    assert Api().results("proposals/", state="awarded") == []


def test_days_name_the_post_whose_share_they_are() -> None:
    post = money.PositionFactory(title="Focal point", code="POS-1")
    entry = money.TimeEntryFactory(position=post)
    row = Api().read(f"time-entries/{entry.pk}/")
    assert (row["position"], row["position_label"]) == (post.pk, "Focal point")
    assert Api().read("positions/POS-1/")["code"] == "POS-1"
    assert [row["id"] for row in Api().results("time-entries/", position=post.pk)] == [entry.pk]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("20000", "20000.00"),
        ("0E-8", "0.00"),
        ("66.6667", "66.6667"),
        ("-3.5000", "-3.50"),
        ("1E+5", "100000.00"),
        ("0.85000000", "0.85"),
        ("0.00000001", "0.00000001"),
    ],
)
def test_a_decimal_has_two_decimals_and_more_where_they_say_something(
    number: str, text: str
) -> None:
    assert decimal_text(Decimal(number)) == text


def test_a_line_without_money_is_not_a_line_of_zero() -> None:
    money.AttributionFactory()
    (row,) = Api().results("attributions/")
    assert (row["basis"], row["share_pct"], row["amount_usd"]) == ("unknown", None, None)


def test_a_record_says_where_it_comes_from_and_whether_it_is_invented() -> None:
    make.PartnershipFactory(source="A page", confidence="low", note="Odd.", is_demo=True)
    (row,) = Api().results("partnerships/")
    assert list(row)[-5:] == ["source", "confidence", "note", "is_demo", "updated_at"]
    assert [row[name] for name in list(row)[-5:-1]] == ["A page", "low", "Odd.", True]


@pytest.mark.parametrize("name", LISTS)
def test_each_record_of_a_list_is_had_by_its_id_alone(name: str) -> None:
    LISTS[name][1]()
    api = Api()
    for row in api.results(f"{name}/"):
        assert api.read(f"{name}/{row['id']}/") == row


@pytest.mark.parametrize(
    ("address", "row"),
    [
        ("iscms/sacm/", lambda: make.ISCMFactory(slug="sacm")),
        ("countries/XTH/", lambda: make.CountryFactory(iso3="XTH")),
        ("organisations/unhcr/", lambda: make.OrganisationFactory(slug="unhcr")),
        ("offices/co-x/", lambda: make.OfficeFactory(slug="co-x")),
        ("themes/labour/", lambda: make.ThemeFactory(code="labour")),
        ("events/ev-001/", lambda: make.EventFactory(code="ev-001")),
        ("projects/PR.0001/", lambda: money.ProjectFactory(code="PR.0001")),
        ("funding-lines/fin-001/", lambda: money.FundingLineFactory(code="fin-001")),
        ("indicators/satisfaction/", lambda: told.IndicatorFactory(key="satisfaction")),
    ],
)
def test_a_record_is_had_by_its_public_key(address: str, row: Any) -> None:
    pk = row().pk
    assert Api().read(address)["id"] == pk


@pytest.mark.parametrize("key", ["nowhere", "a b", "%00", "%F0%9F%98%80", "'; --", "1.0"])
def test_a_key_that_names_nothing_is_not_found(key: str) -> None:
    make.ISCMFactory()
    for name in ("iscms", "iom-roles"):
        response = Api().get(f"{name}/{key}/")
        assert response.status_code == 404
        assert orjson.loads(response.content) == {"detail": "Not found."}


def test_only_the_fields_asked_for_are_given_in_the_records_own_order() -> None:
    iscm = make.ISCMFactory(slug="sacm", acronym="SACM")
    assert Api().results("iscms/", fields="acronym,slug") == [{"slug": "sacm", "acronym": "SACM"}]
    assert Api().read(f"iscms/{iscm.pk}/", fields="themes") == {"themes": []}


def test_a_field_that_is_not_there_is_an_error() -> None:
    errors = Api().errors("themes/", fields="id,colour")
    assert errors == {
        "fields": ["Unknown: colour. Known are: id, code, name, is_demo, updated_at."]
    }


def test_an_accepted_report_brings_what_came_of_the_event() -> None:
    iscm = make.ISCMFactory(slug="sacm", acronym="SACM")
    event = make.EventFactory(iscms=[iscm], name="Meeting")
    goal = make.ReferenceFrameFactory(kind="gcm_objective", code="6", title="Fair recruitment")
    report = accepted_report(
        event=event, discussed="Points.", outcomes="A plan.", documents="Declaration"
    )
    report.frames.add(goal)
    country = make.CountryFactory(name_en="Peru")
    theme = make.ThemeFactory(code="labour", name="Labour migration")
    item = make.AgendaItemFactory(event=event)
    told.ReportedAgendaItemFactory(report=report, agenda_item=item, title="Work", theme=theme)
    source = {"report_number": report.pk, "iscm": iscm}
    request = make.SupportRequestFactory(**source, report_item=1, country=country, what="Training")
    partnership = make.PartnershipFactory(**source, report_item=2)
    instrument = make.PolicyInstrumentFactory(**source, report_item=3, title="Act 7")
    follow_up = make.FollowUpActionFactory(**source, report_item=4, what="Send notes")
    lesson = told.LessonFactory(report=report, kind="good_practice", text="Begin early.")
    make.SupportRequestFactory(report_number=report.pk + 1, report_item=1)

    row = Api().read(f"reports/{report.pk}/")

    assert (row["event"], row["event_label"]) == (event.pk, "Meeting")
    assert (row["iscms"], row["iscm_labels"]) == (["sacm"], ["SACM"])
    assert (row["discussed"], row["outcomes"], row["documents"]) == (
        "Points.",
        "A plan.",
        "Declaration",
    )
    assert (row["frames"], row["frame_labels"]) == (["gcm_objective:6"], ["Fair recruitment"])
    assert [(entry["id"], entry["title"], entry["theme"]) for entry in row["agenda_items"]] == [
        (item.pk, "Work", "labour")
    ]
    (asked,) = row["support_requests"]
    assert (asked["id"], asked["what"], asked["country_label"]) == (request.pk, "Training", "Peru")
    assert [entry["id"] for entry in row["partnerships"]] == [partnership.pk]
    assert [(entry["id"], entry["title"]) for entry in row["policy_instruments"]] == [
        (instrument.pk, "Act 7")
    ]
    assert [(entry["id"], entry["what"]) for entry in row["follow_ups"]] == [
        (follow_up.pk, "Send notes")
    ]
    assert row["lessons"] == [{"id": lesson.pk, "kind": "good_practice", "text": "Begin early."}]
    assert row["accepted_at"] == "2026-03-20T09:00:00Z"


@pytest.mark.parametrize("state", ["draft", "submitted", "returned"])
def test_a_report_is_not_read_before_it_is_accepted(state: str) -> None:
    report = told.PostEventReportFactory(state=state)
    own = Api("reporter", user=report.author)
    for api in (own, Api("ipd"), Api("admin")):
        assert api.results("reports/") == []
        assert api.get(f"reports/{report.pk}/").status_code == 404


def test_a_value_says_what_it_was_counted_from() -> None:
    iscm = make.ISCMFactory(slug="sacm", acronym="SACM")
    indicator = told.IndicatorFactory(key="expertise_reflected", title="Expertise", unit="per cent")
    version = told.IndicatorVersionFactory(indicator=indicator, number=3)
    value = told.IndicatorValueFactory(
        indicator=indicator,
        version=version,
        iscm=iscm,
        year=2026,
        value=Decimal("66.6667"),
        numerator=Decimal(2),
        denominator=Decimal(3),
        n=3,
        beside={"share": "1.00"},
        status="green",
        reports_owed=5,
        reports_accepted=4,
    )
    assert Api().read(f"indicator-values/{value.pk}/") == {
        "id": value.pk,
        "indicator": "expertise_reflected",
        "indicator_label": "Expertise",
        "unit": "per cent",
        "period": "year",
        "year": 2026,
        "quarter": 0,
        "iscm": "sacm",
        "iscm_label": "SACM",
        "dimension": "",
        "dimension_value": "",
        "value": "66.6667",
        "numerator": "2.00",
        "denominator": "3.00",
        "n": 3,
        "beside": {"share": "1.00"},
        "status": "green",
        "coverage": {"accepted": 4, "owed": 5},
        "compiled_at": "2026-03-20T09:00:00Z",
        "run": value.run_id,
        "version": 3,
    }


def test_no_data_is_null_and_not_zero() -> None:
    value = told.IndicatorValueFactory(value=None, n=0, status="no_data")
    row = Api().read(f"indicator-values/{value.pk}/")
    assert (row["value"], row["n"], row["status"]) == (None, 0, "no_data")


# --- errors


@pytest.mark.parametrize("address", ["", "nonsense/", "nonsense/1/", "iscms/1/2/", "schema/x/"])
def test_an_address_that_is_none_is_a_404_in_json(address: str) -> None:
    for client in (Client(), Api().client):
        response = client.get(f"/api/v1/{address}")
        assert response.status_code == 404
        assert response["Content-Type"] == "application/json"
        assert orjson.loads(response.content) == {"detail": "Not found."}


def test_an_address_without_its_last_slash_is_sent_to_the_one_with_it() -> None:
    response = Api().get("iscms?type=rcp")
    assert response.status_code == 301
    assert response["Location"] == "/api/v1/iscms/?type=rcp"


@pytest.mark.parametrize("form", ["xml", "pdf", "api", "CSV"])
def test_a_format_that_is_not_there_is_an_error(form: str) -> None:
    errors = Api().errors("iscms/", format=form)
    assert errors == {"format": ["Choose one of: json, csv, xlsx."]}


def test_a_type_that_cannot_be_given_is_refused_in_json() -> None:
    response = Api().client.get("/api/v1/iscms/", headers={"Accept": "application/xml"})
    assert response.status_code == 406
    assert list(orjson.loads(response.content)) == ["detail"]


@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8", ""])
def test_a_browser_is_answered_in_json(accept: str) -> None:
    response = Api().client.get("/api/v1/iscms/", headers={"Accept": accept})
    assert response["Content-Type"] == "application/json"


def test_an_answer_is_for_its_reader_only() -> None:
    response = Api().get("iscms/")
    assert response["Cache-Control"] == "private, no-cache"
    assert "Accept" in response["Vary"]


def test_a_failure_nobody_foresaw_is_json_and_tells_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = Api()
    monkeypatch.setattr("engagements.api.views.ThemeViewSet.ordering", ("nonsense",))
    api.client.raise_request_exception = False
    response = api.get("themes/")
    assert response.status_code == 500
    assert orjson.loads(response.content) == {
        "detail": "The portal failed; the error has been logged."
    }


def test_an_indicator_says_its_objective_its_version_and_why_it_has_no_baseline() -> None:
    version = told.IndicatorVersionFactory(indicator__key="satisfaction", number=2)
    indicator = version.indicator
    indicator.current_version = version
    indicator.save()
    row = Api().read("indicators/satisfaction/")
    assert (row["objective"], row["objective_label"]) == (
        indicator.objective.code,
        indicator.objective.title,
    )
    assert (row["version"], row["baseline_source"]) == (2, "")
    assert row["no_baseline_reason"] == "Counted for the first time."
