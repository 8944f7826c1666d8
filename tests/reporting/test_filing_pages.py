"""Filing in the browser: what a wrong or late answer does, and that nothing typed is lost."""

from __future__ import annotations

import datetime as dt

import pytest

from engagements.models import Event
from iscm_portal.common.models import OutboxMessage
from reporting.choices import ReportPart
from reporting.models import (
    IndicatorValue,
    PostEventReport,
    ReportedFollowUp,
    ReportedRequest,
)
from reporting.services import reports as services
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)


@pytest.fixture
def reporter(client):
    user = make.UserFactory(access_group="reporter", office=make.OfficeFactory())
    client.force_login(user)
    return user


@pytest.fixture
def report(reporter):
    event = make.EventFactory(
        iscms=[make.ISCMFactory()], starts_on=dt.date(2026, 11, 5), ends_on=dt.date(2026, 11, 6)
    )
    return services.start_report(event, reporter.office, reporter, AT)


def rows(prefix: str, *filled: dict[str, object]) -> dict[str, object]:
    """What a browser posts for rows of ``prefix``, all of them new."""
    data: dict[str, object] = {
        f"{prefix}-TOTAL_FORMS": len(filled),
        f"{prefix}-INITIAL_FORMS": 0,
    }
    for number, row in enumerate(filled):
        data |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return data


REQUEST = {"what": "Training", "kind": "technical", "asked_on": "2026-11-06", "outcome": "open"}


def save(client, report, step, data, version=1):
    return client.post(f"/reports/{report.pk}/edit/{step}/", {"version": version, **data})


def test_a_right_answer_is_saved_and_leads_on(client, report):
    state = make.CountryFactory()
    answer = save(
        client, report, "support", rows("reportedrequests", {**REQUEST, "country": state.pk})
    )
    assert answer["Location"] == f"/reports/{report.pk}/edit/results/"
    saved = ReportedRequest.objects.get(report=report)
    assert (saved.what, saved.country, saved.asked_on) == ("Training", state, dt.date(2026, 11, 6))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"asked_on": "2026-13-41"}, "Enter a valid date."),
        ({"asked_on": ""}, "This field is required."),
        ({"kind": "other"}, "Select a valid choice."),
        ({"country": "999999"}, "Select a valid choice."),
        ({"answered_on": "2026-11-01"}, "The answer is dated before the request."),
        ({"what": "x" * 301}, "at most 300 characters"),
        ({"asked_on": "9999-12-31"}, "The date is still to come."),
        ({"asked_on": "0202-03-01"}, "The date lies before 1951."),
    ],
)
def test_a_wrong_answer_is_told_at_the_field_and_stores_nothing(client, report, wrong, told):
    state = make.CountryFactory()
    filled = {**REQUEST, "country": state.pk, **wrong}
    answer = save(client, report, "support", rows("reportedrequests", filled))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert told in page
    assert str(filled["what"]) in page
    assert ReportedRequest.objects.count() == 0
    assert PostEventReport.objects.get().version == 1


@pytest.mark.parametrize("days", ["-1", "367", "two", "1e9", ""])
def test_days_that_cannot_be_are_refused(client, report, days):
    person = {"title": "Officer", "capacity": "participant", "days": days, "paid_by": "office"}
    answer = save(client, report, "people", rows("participants", person))
    assert answer.status_code == 422
    assert report.participants.count() == 0


def test_html_is_kept_as_text_and_shown_as_text(client, report):
    save(client, report, "discussed", {"discussed": "<script>alert(1)</script>"})
    page = client.get(f"/reports/{report.pk}/").content.decode()
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_text_in_any_script_comes_back_as_it_was_typed(client, report):
    text = "العربية، combining e\u0301, ไทย"
    save(client, report, "discussed", {"discussed": text})
    assert PostEventReport.objects.get().discussed == text


def test_a_character_that_no_text_has_is_refused_at_the_field(client, report):
    answer = save(client, report, "discussed", {"discussed": "before\x00after"})
    assert answer.status_code == 422
    assert "Null characters are not allowed." in answer.content.decode()
    assert PostEventReport.objects.get().discussed == ""


def test_two_writers_of_one_report_both_see_both_texts(client, report):
    save(client, report, "discussed", {"discussed": "The first text."})
    answer = save(client, report, "discussed", {"discussed": "The second text."}, version=1)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "The first text." in page
    assert "The second text." in page
    assert PostEventReport.objects.get().discussed == "The first text."


def test_after_a_conflict_the_next_save_is_known_to_have_seen_the_other_text(client, report):
    save(client, report, "discussed", {"discussed": "The first text."})
    page = save(client, report, "discussed", {"discussed": "Second."}).content.decode()
    assert 'name="version" value="2"' in page
    save(client, report, "discussed", {"discussed": "First and second."}, version=2)
    assert PostEventReport.objects.get().discussed == "First and second."


def test_the_empty_row_is_open_only_where_it_is_the_first_or_asked_for(client, report):
    address = f"/reports/{report.pk}/edit/people/"
    opened = '<details class="row-new" open>'
    assert opened in client.get(address).content.decode()
    reported.ParticipantFactory(report=report)
    assert opened not in client.get(address).content.decode()
    assert opened in client.get(f"{address}?add=1").content.decode()


def test_a_row_that_is_ticked_is_taken_away(client, report):
    row = reported.ReportedFollowUpFactory(report=report)
    save(
        client,
        report,
        "followup",
        {
            "reportedfollowups-TOTAL_FORMS": 1,
            "reportedfollowups-INITIAL_FORMS": 1,
            "reportedfollowups-0-id": row.pk,
            "reportedfollowups-0-what": row.what,
            "reportedfollowups-0-DELETE": "on",
            **rows("lessons"),
        },
    )
    assert report.reportedfollowups.count() == 0


def test_a_row_of_another_report_cannot_be_changed_through_this_one(client, report):
    other = reported.ReportedFollowUpFactory(what="Of somebody else")
    save(
        client,
        report,
        "followup",
        {
            "reportedfollowups-TOTAL_FORMS": 1,
            "reportedfollowups-INITIAL_FORMS": 1,
            "reportedfollowups-0-id": other.pk,
            "reportedfollowups-0-key": str(other.key),
            "reportedfollowups-0-what": "Taken over",
            **rows("lessons"),
        },
    )
    assert ReportedFollowUp.objects.get(pk=other.pk).what == "Of somebody else"
    assert [row.what for row in report.reportedfollowups.all()] == ["Taken over"]


def test_a_joint_meeting_asks_which_mechanism_a_row_concerns(client, report):
    second = make.ISCMFactory()
    report.event.iscms.add(second)
    filled = {**REQUEST, "country": make.CountryFactory().pk}
    assert save(client, report, "support", rows("reportedrequests", filled)).status_code == 422
    elsewhere = {**filled, "iscm": make.ISCMFactory().pk}
    assert save(client, report, "support", rows("reportedrequests", elsewhere)).status_code == 422
    right = {**filled, "iscm": second.pk}
    assert save(client, report, "support", rows("reportedrequests", right)).status_code == 302
    assert ReportedRequest.objects.get().iscm == second


def test_an_event_that_is_not_on_record_is_proposed_with_the_report(client, reporter):
    iscm = make.ISCMFactory()
    answer = client.post(
        "/reports/new/",
        {
            "name": "Extraordinary session",
            "iscms": [iscm.pk],
            "kind": "technical",
            "starts_on": "2026-11-05",
            "ends_on": "2026-11-06",
        },
    )
    event = Event.objects.get(name="Extraordinary session")
    report = PostEventReport.objects.get(event=event)
    assert event.is_proposed
    assert answer["Location"] == f"/reports/{report.pk}/edit/short/"


def test_a_proposed_event_with_dates_reversed_is_refused_and_not_stored(client, reporter):
    answer = client.post(
        "/reports/new/",
        {
            "name": "Extraordinary session",
            "iscms": [make.ISCMFactory().pk],
            "kind": "technical",
            "starts_on": "2026-11-06",
            "ends_on": "2026-11-05",
        },
    )
    assert "The last day is before the first one." in answer.content.decode()
    assert Event.objects.count() == 0


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        ("0001-01-01", "2026-11-06", "The date lies before 1951."),
        ("2026-11-05", "9999-12-31", "The date lies after 2100."),
        ("2099-01-01", "2099-01-02", "The date is still to come."),
    ],
)
def test_a_proposed_event_of_an_impossible_day_is_refused(client, reporter, first, last, told):
    data = {"name": "Session", "iscms": [make.ISCMFactory().pk], "kind": "technical"}
    answer = client.post("/reports/new/", {**data, "starts_on": first, "ends_on": last})
    assert told in answer.content.decode()
    assert Event.objects.count() == 0


def test_an_event_proposed_twice_is_one_event_with_one_report(client, reporter):
    data = {
        "name": "Extraordinary session",
        "iscms": [make.ISCMFactory().pk],
        "kind": "technical",
        "starts_on": "2026-11-05",
        "ends_on": "2026-11-06",
    }
    answers = [client.post("/reports/new/", data)["Location"] for _click in range(2)]
    assert answers[0] == answers[1]
    assert (Event.objects.count(), PostEventReport.objects.count()) == (1, 1)


@pytest.mark.parametrize("version", ["9" * 4500, "-1", "one"])
def test_a_version_that_is_none_is_refused(client, report, version):
    answer = save(client, report, "discussed", {"discussed": "Text."}, version=version)
    assert answer.status_code == 400
    assert PostEventReport.objects.get().discussed == ""


def test_a_report_that_lacks_something_is_not_submitted_and_says_where(client, report):
    answer = client.post(f"/reports/{report.pk}/submit/")
    assert answer.status_code == 422
    assert f'href="/reports/{report.pk}/edit/people/"' in answer.content.decode()
    assert PostEventReport.objects.get().state == "draft"


@pytest.mark.django_db(transaction=True)
def test_accepting_moves_the_indicator_without_anybody_asking(client, report, reporter):
    indicator = reported.IndicatorFactory(key="support_requests")
    reported.ParticipantFactory(report=report)
    reported.ReportedRequestFactory(report=report, asked_on=dt.date(2026, 11, 6))
    PostEventReport.objects.update(discussed="Main points.", steps_done=ReportPart.values)
    client.post(f"/reports/{report.pk}/submit/")
    client.force_login(make.UserFactory(access_group="ipd", office=make.OfficeFactory()))
    assert not IndicatorValue.objects.exists()
    client.post(f"/reports/{report.pk}/accept/")
    value = IndicatorValue.objects.of_year(2026).overall().get(indicator=indicator)
    assert value.value == 1
    asked = OutboxMessage.objects.filter(topic="evidence_changed")
    assert asked.exists()
    assert not asked.filter(done_at=None).exists()
