"""Reports by the API: begun, written, submitted and reviewed by the rules of the pages."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engagements.models import Country, Delegate, Organisation, SupportRequest
from iscm_portal.common import outbox
from iscm_portal.common.choices import Scope
from reporting.models import Lesson, PostEventReport
from reporting.services import reports as services
from reporting.services import reviewing
from reporting.services.compiling import compile_indicators
from tests.api.writer import Writer
from tests.factories import engagements as make
from tests.factories import reporting as told
from tests.reporting.evidence import cell, indicators

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
DAY = dt.date(2026, 3, 11)
SCOPES = [Scope.READ_REPORTS, Scope.WRITE_REPORTS]
MARKER = "MARKER-9c1d"
FIGURES = ("support_requests", "partnerships_developed")


@pytest.fixture
def event() -> Any:
    return make.EventFactory(iscms=[make.ISCMFactory(slug="bali")], starts_on=DAY, ends_on=DAY)


@pytest.fixture
def office() -> Any:
    return make.OfficeFactory(slug="co-bangkok")


@pytest.fixture
def reporter(office: Any) -> Writer:
    return Writer(user=make.UserFactory(access_group="reporter", office=office), scopes=SCOPES)


@pytest.fixture
def reviewer() -> Writer:
    return Writer(user=make.UserFactory(access_group="ipd"), scopes=SCOPES)


def a_body(event: Any) -> dict[str, Any]:
    """A whole report as a program would send it."""
    make.CountryFactory(iso3="tha")
    make.OrganisationFactory(slug="unhcr")
    return {
        "event": event.pk,
        "participants": [{"title": "Officer", "grade": "P-3", "days": "2.5"}],
        "agenda_items": [{"title": "Early warning", "proposed_by_iom": True}],
        "discussed": "Members agreed to test the protocol.",
        "discussed_internal": MARKER,
        "discussed_restricted": MARKER,
        "support_requests": [
            {"what": "Training", "country": "tha", "kind": "technical", "asked_on": "2026-03-11"}
        ],
        "partnerships": [{"organisation": "unhcr", "since_on": "2026-03-11"}],
        "policy_instruments": [
            {
                "title": "Decree 12",
                "country": "tha",
                "kind": "legislation",
                "action": "passed",
                "dated_on": "2026-03-01",
                "agenda": ["Early warning"],
            }
        ],
        "follow_ups": [{"what": "Send the curriculum", "due_on": "2026-06-01"}],
        "lessons": [{"kind": "lesson", "text": "Ask before the break."}],
        "funding_leads": MARKER,
    }


def agenda(reader: Writer, address: str) -> list[tuple[int, str]]:
    return [(row["id"], row["title"]) for row in reader.read(address)["agenda_items"]]


def agenda_on_record(report: int) -> list[tuple[int, str]]:
    rows = Writer(scopes=[Scope.READ_DIRECTORY]).results("agenda-items/", report=report)
    return [(row["id"], row["title"]) for row in rows]


def begun(writer: Writer, event: Any) -> tuple[Any, str]:
    """A draft, and where it stands."""
    answer = writer.post("reports/", {"event": event.pk})
    assert answer.status_code == 201, answer.content
    return answer, f"reports/{answer.json()['id']}/"


# --- written


def test_a_whole_report_is_filed_in_two_calls_and_accepted_in_a_third(reporter, reviewer, event):
    made = reporter.post("reports/", a_body(event))
    assert made.status_code == 201, made.content
    draft, address = made.json(), f"reports/{made.json()['id']}/"
    assert (draft["state"], draft["office"], draft["event"]) == ("draft", "co-bangkok", event.pk)
    assert [(row["title"], row["grade"], row["days"]) for row in draft["participants"]] == [
        ("Officer", "P3", "2.50")
    ]
    assert draft["policy_instruments"][0]["agenda_labels"] == ["Early warning"]
    assert draft["support_requests"][0]["outcome"] == "open"
    report = PostEventReport.objects.get()
    assert (report.author, report.discussed_restricted) == (reporter.user, MARKER)
    assert report.reportedrequests.get().history.get().history_user == reporter.user
    sent = reporter.post(f"{address}submit/", If_Match=made["ETag"])
    assert (sent.status_code, sent.json()["state"]) == (200, "submitted")
    assert report.versions.get().made_by == reporter.user
    seen = reviewer.get(address)
    accepted = reviewer.post(f"{address}accept/", If_Match=seen["ETag"])
    assert accepted.status_code == 200, accepted.content
    assert SupportRequest.objects.get().report_number == report.pk
    # From now on everybody reads it, as what it is.
    assert "participants" not in reporter.read(address)
    assert reporter.read(address)["support_requests"][0]["what"] == "Training"
    assert agenda(reporter, address) == agenda_on_record(report.pk)
    assert MARKER.encode() not in made.content + sent.content + seen.content + accepted.content


def test_it_moves_the_figures_as_one_filed_in_the_page_does(reporter, reviewer, event):
    indicators(FIGURES)
    body = a_body(event)
    first = reporter.post("reports/", body)
    told_by_page = make.OfficeFactory()
    page_writer = make.UserFactory(access_group="reporter", office=told_by_page)
    second = services.start_report(event, told_by_page, page_writer, AT)
    api_report = PostEventReport.objects.get(pk=first.json()["id"])
    assert first.status_code == 201
    for report, writer in ((api_report, reporter.user), (second, page_writer)):
        if report is second:
            _file_in_the_page(second, page_writer)
        compile_indicators(2026, 2026, AT, whole=True)
        before = _values()
        services.submit_report(report.pk, writer, AT)
        reviewing.accept_report(report.pk, reviewer.user, AT)
        outbox.deliver(AT)
        moved = {key: value - before[key] for key, value in _values().items()}
        assert moved == dict.fromkeys(FIGURES, 1)


def _values() -> dict[str, Any]:
    return {key: cell(key).value or 0 for key in FIGURES}


def _file_in_the_page(report: Any, writer: Any) -> None:
    client = Client()
    client.force_login(writer)
    state, partner = Country.objects.get(iso3="tha"), Organisation.objects.get(slug="unhcr")
    request = {
        "what": "Training",
        "country": state.pk,
        "kind": "technical",
        "asked_on": "2026-03-11",
        "outcome": "open",
    }
    person = {"title": "Other", "days": "1", "capacity": "participant", "paid_by": "office"}
    rows = {
        "people": {"participants": person},
        "agenda": {"reportedagendaitems": None},
        "support": {"reportedrequests": request},
        "results": {
            "reportedpartnerships": {"organisation": partner.pk, "since_on": "2026-03-11"},
            "reportedinstruments": None,
        },
        "followup": {"reportedfollowups": None, "lessons": None},
    }
    client.post(f"/reports/{report.pk}/edit/discussed/", {"discussed": "The same."})
    for part, sets in rows.items():
        data: dict[str, Any] = {}
        for prefix, row in sets.items():
            data |= {f"{prefix}-TOTAL_FORMS": 1 if row else 0, f"{prefix}-INITIAL_FORMS": 0}
            data |= {f"{prefix}-0-{name}": value for name, value in (row or {}).items()}
        assert client.post(f"/reports/{report.pk}/edit/{part}/", data).status_code == 302


def test_what_is_known_is_in_a_draft_and_is_not_written_twice(reporter, event, office):
    delegate = make.DelegateFactory(event=event, office=office, title="Chief of Mission")
    item = make.AgendaItemFactory(event=event, title="Early warning")
    made, address = begun(reporter, event)
    assert [row["title"] for row in made.json()["participants"]] == ["Chief of Mission"]
    rows = [{"title": "chief of  mission", "days": 1}, {"title": "Officer", "days": 2}]
    body = {"participants": rows, "agenda_items": [{"title": "Early warning"}]}
    answer = reporter.change(made, address, body)
    assert answer.status_code == 200, answer.content
    report = PostEventReport.objects.get()
    # The row that is called like the delegate is the delegate's.
    assert [row.delegate for row in report.participants.all()] == [delegate, None]
    assert report.reportedagendaitems.get().agenda_item == item


def test_a_list_is_given_whole_and_rows_go_by_their_key(reporter, event):
    made, address = begun(reporter, event)
    rows = [{"kind": "lesson", "text": f"Lesson {n}"} for n in range(3)]
    answer = reporter.change(made, address, {"lessons": rows})
    first, second, _third = answer.json()["lessons"]
    pks = {row.text: row.pk for row in Lesson.objects.all()}
    # As they were read they may come back, with what is only shown.
    changed = [second | {"text": "Another"}, first, {"kind": "good_practice", "text": "New"}]
    answer = reporter.change(answer, address, {"lessons": changed})
    assert answer.status_code == 200, answer.content
    found = {row.text: row.pk for row in Lesson.objects.all()}
    assert found.keys() == {"Lesson 0", "Another", "New"}
    assert (found["Lesson 0"], found["Another"]) == (pks["Lesson 0"], pks["Lesson 1"])
    # What is not named stays.
    answer = reporter.change(answer, address, {"outcomes": "A declaration."})
    assert (answer.json()["outcomes"], len(answer.json()["lessons"])) == ("A declaration.", 3)


def test_of_a_joint_meeting_a_row_says_which_mechanism_it_concerns(reporter, event):
    event.iscms.add(make.ISCMFactory(slug="almaty"))
    made, address = begun(reporter, event)
    row = {"what": "Send it", "iscm": "almaty"}
    without = reporter.change(made, address, {"follow_ups": [row, {"what": "And this"}]})
    assert without.json() == {
        "follow_ups": [{"row": 1, "errors": {"iscm": ["This field is required."]}}]
    }
    answer = reporter.change(made, address, {"follow_ups": [row]})
    assert [row["iscm"] for row in answer.json()["follow_ups"]] == ["almaty"]


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"discussed": 7, "lessons": None}, ["lessons"]),
    ({"discussed": ["x"]}, ["discussed"]),
    ({"discussed": "a\0b"}, ["discussed"]),
    ({"frames": ["sdg:99.9"]}, ["frames"]),
    ({"state": "accepted"}, ["state"]),
    ({"author": 1}, ["author"]),
    ({"participants": {}}, ["participants"]),
    ({"participants": [[]]}, ["participants"]),
    ({"participants": [{"title": "Officer", "days": "many"}]}, ["participants"]),
    ({"participants": [{"title": "Officer", "days": 1, "grade": "X9"}]}, ["participants"]),
    ({"participants": [{"title": "Officer", "days": 1, "salary": 1}]}, ["participants"]),
    ({"agenda_items": [{"title": "A", "proposed_by_iom": "yes"}]}, ["agenda_items"]),
    ({"agenda_items": [{"title": "A", "theme": "none"}]}, ["agenda_items"]),
    ({"lessons": [{"kind": "lesson", "text": "x", "key": "7"}]}, ["lessons"]),
    ({"lessons": [{"kind": "lesson"}] * 200}, ["lessons"]),
    ({"follow_ups": [{"what": "x", "iscm": "elsewhere"}]}, ["follow_ups"]),
    ({"follow_ups": [{"what": "x", "state": "done"}]}, ["follow_ups"]),
    ({"policy_instruments": [{"agenda": ["no such item"]}]}, ["policy_instruments"]),
    ({"support_requests": [{"country": "xxx"}], "discussed": "x" * 10}, ["support_requests"]),
]


@pytest.mark.parametrize(("body", "fields"), WRONG)
def test_what_may_not_be_is_refused_at_its_field_and_nothing_is_stored(
    reporter, event, body, fields
):
    made, address = begun(reporter, event)
    answer = reporter.change(made, address, {"outcomes": "Not kept.", **body})
    assert answer.status_code == 400, answer.content
    assert list(answer.json()) == fields
    report = PostEventReport.objects.get()
    assert (report.version, report.outcomes, report.discussed, report.steps_done) == (1, "", "", [])
    assert reporter.get(address)["ETag"] == made["ETag"]


def test_rows_that_are_wrong_are_named_by_their_place(reporter, event):
    body = a_body(event)
    body["support_requests"].append({"what": "", "country": "tha", "asked_on": "2099-01-01"})
    body["lessons"].append({"kind": "none", "text": "x"})
    answer = reporter.post("reports/", body)
    assert answer.status_code == 400
    told = answer.json()
    wrong = {name: [(row["row"], sorted(row["errors"])) for row in told[name]] for name in told}
    assert wrong == {
        "support_requests": [(1, ["asked_on", "kind", "what"])],
        "lessons": [(1, ["kind"])],
    }
    assert PostEventReport.objects.count() == 0


def test_what_is_missing_is_told_at_the_fields(reporter, event):
    made, address = begun(reporter, event)
    answer = reporter.post(f"{address}submit/", If_Match=made["ETag"])
    assert answer.status_code == 400
    assert answer.json().keys() == {
        "participants",
        "agenda_items",
        "discussed",
        "support_requests",
        "partnerships",
        "follow_ups",
    }
    # An empty list says that there was nothing.
    body = a_body(event)
    del body["event"]
    nothing = ("support_requests", "partnerships", "policy_instruments", "agenda_items")
    answer = reporter.change(made, address, body | {name: [] for name in nothing})
    assert reporter.post(f"{address}submit/", If_Match=answer["ETag"]).status_code == 200


# --- two writers


def test_nobody_writes_over_what_he_has_not_seen(reporter, event, client):
    made, address = begun(reporter, event)
    client.force_login(reporter.user)
    client.post(f"/{address}edit/discussed/", {"discussed": "Typed in the page.", "version": "1"})
    for method, place in (("PATCH", address), ("POST", f"{address}submit/")):
        assert reporter.send(method, place, {}).status_code == 428
        assert reporter.send(method, place, {}, If_Match=made["ETag"]).status_code == 412
    assert PostEventReport.objects.get().discussed == "Typed in the page."
    seen = reporter.get(address)
    assert seen.json()["discussed"] == "Typed in the page."
    answer = reporter.change(seen, address, {"discussed": "By a program."})
    assert answer.status_code == 200
    # And the page of before is shown both texts.
    late = client.post(f"/{address}edit/discussed/", {"discussed": "Late.", "version": "2"})
    assert late.status_code == 409
    assert "By a program." in late.text
    assert PostEventReport.objects.get().discussed == "By a program."


def test_what_is_typed_in_the_page_and_not_saved_is_no_less_there(reporter, event, client):
    answer = reporter.post("reports/", a_body(event))
    address = f"reports/{answer.json()['id']}/"
    client.force_login(reporter.user)
    kept = {"discussed": "Half a sent", "version": "2", "revision": "0"}
    assert client.post(f"/{address}edit/discussed/keep/", kept).status_code == 200
    refused = reporter.post(f"{address}submit/", If_Match=answer["ETag"])
    assert (refused.status_code, list(refused.json())) == (400, ["discussed"])
    assert "Half a sent" in client.get(f"/{address}edit/discussed/").text


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_one_is_told_of_the_other(event, office):
    make.UserFactory()
    writer = Writer(user=make.UserFactory(access_group="reporter", office=office), scopes=SCOPES)
    made, address = begun(writer, event)
    answers: list[int] = []

    def send(text: str) -> None:
        try:
            answers.append(writer.change(made, address, {"outcomes": text}).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(f"Text {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [200, 412, 412, 412]
    assert PostEventReport.objects.get().version == 2


def test_a_report_is_begun_once_for_an_office_and_one_call_once(reporter, event):
    first = reporter.post("reports/", {"event": event.pk}, Idempotency_Key="k")
    again = reporter.post("reports/", {"event": event.pk}, Idempotency_Key="k")
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    other = reporter.post("reports/", {"event": event.pk})
    assert (other.status_code, list(other.json())) == (400, ["event"])
    assert str(first.json()["id"]) in other.json()["event"][0]
    assert PostEventReport.objects.count() == 1


def test_a_submit_that_is_sent_again_is_answered_as_before(reporter, event):
    made = reporter.post("reports/", a_body(event))
    place, seen = f"reports/{made.json()['id']}/submit/", made["ETag"]
    first = reporter.post(place, If_Match=seen, Idempotency_Key="k")
    again = reporter.post(place, If_Match=seen, Idempotency_Key="k")
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    assert first["ETag"] == again["ETag"]
    assert PostEventReport.objects.get().versions.count() == 1
    now = reporter.get(f"reports/{made.json()['id']}/")["ETag"]
    assert reporter.post(place, If_Match=now).status_code == 409
    assert reporter.send("PATCH", place[:-7], {}, If_Match=now).status_code == 409


def test_a_correction_that_is_taken_over_meanwhile_is_not_found(reporter, event, monkeypatch):
    made, address = begun(reporter, event)

    def gone(report_id: int) -> Any:
        raise PostEventReport.DoesNotExist

    monkeypatch.setattr("reporting.services.reports.locked", gone)
    assert reporter.change(made, address, {"outcomes": "x"}).status_code == 404
    assert reporter.post(f"{address}submit/", If_Match=made["ETag"]).status_code == 404


# --- reviewed


@pytest.fixture
def submitted(reporter: Writer, event: Any) -> str:
    made = reporter.post("reports/", a_body(event))
    address = f"reports/{made.json()['id']}/"
    sent = reporter.post(f"{address}submit/", If_Match=made["ETag"])
    assert sent.status_code == 200, sent.content
    return address


def test_a_report_is_returned_with_a_comment_and_sent_again(reporter, reviewer, submitted):
    seen = reviewer.get(submitted)["ETag"]
    without = reviewer.post(f"{submitted}return/", {}, If_Match=seen)
    assert (without.status_code, list(without.json())) == (400, ["comment"])
    answer = reviewer.post(f"{submitted}return/", {"comment": MARKER}, If_Match=seen)
    assert (answer.status_code, answer.json()["state"]) == (200, "returned")
    assert PostEventReport.objects.get().steps.last().comment == MARKER
    assert MARKER.encode() not in answer.content + reporter.get(submitted).content
    # Whoever saw it in review has not seen that it was returned.
    assert reviewer.post(f"{submitted}accept/", {}, If_Match=seen).status_code == 412
    mended = reporter.change(reporter.get(submitted), submitted, {"outcomes": "Mended."})
    assert reporter.post(f"{submitted}submit/", If_Match=mended["ETag"]).status_code == 200


def test_a_manager_forwards_and_returns_and_does_not_accept(office, submitted):
    manager = Writer(user=make.UserFactory(access_group="manager", office=office), scopes=SCOPES)
    forwarded = manager.post(f"{submitted}forward/", If_Match=manager.get(submitted)["ETag"])
    assert forwarded.status_code == 200, forwarded.content
    seen = forwarded["ETag"]
    assert manager.post(f"{submitted}accept/", If_Match=seen).status_code == 403
    told = manager.post(f"{submitted}return/", {"comment": "Days?"}, If_Match=seen)
    assert (told.status_code, told.json()["state"]) == (200, "returned")


def test_an_accepted_report_is_corrected_by_a_report_of_its_own(reporter, reviewer, submitted):
    reviewer.post(f"{submitted}accept/", If_Match=reviewer.get(submitted)["ETag"])
    seen = reporter.get(submitted)["ETag"]
    assert reporter.send("PATCH", submitted, {}, If_Match=seen).status_code == 409
    wrong = reporter.post(f"{submitted}correct/", {}, If_Match=seen)
    assert (wrong.status_code, list(wrong.json())) == (400, ["reason"])
    begun = reporter.post(f"{submitted}correct/", {"reason": "Two, not one."}, If_Match=seen)
    assert begun.status_code == 200, begun.content
    assert submitted == f"reports/{begun.json()['corrects']}/"
    address = f"reports/{begun.json()['id']}/"
    (request,) = begun.json()["support_requests"]
    rows = [request | {"what": "Training of trainers"}]
    changed = reporter.change(begun, address, {"support_requests": rows})
    sent = reporter.post(f"{address}submit/", If_Match=changed["ETag"])
    assert sent.status_code == 200, sent.content
    taken = reviewer.post(f"{address}accept/", If_Match=reviewer.get(address)["ETag"])
    assert (taken.status_code, f"reports/{taken.json()['id']}/") == (200, submitted)
    assert SupportRequest.objects.get().what == "Training of trainers"
    number = int(submitted.split("/")[1])
    assert agenda(reporter, submitted) == agenda_on_record(number)
    assert len(agenda_on_record(number)) == 1


# --- who


def test_a_draft_is_there_for_whoever_sees_it_on_pages_and_for_nobody_else(reporter, event, office):
    made, address = begun(reporter, event)
    readers = {
        "manager": (make.UserFactory(access_group="manager", office=office), SCOPES, 200),
        "ipd": (make.UserFactory(access_group="ipd"), SCOPES, 200),
        "another office": (make.UserFactory(access_group="manager"), SCOPES, 404),
        "a reading token": (reporter.user, [Scope.READ_REPORTS], 404),
        "ipd reading": (make.UserFactory(access_group="ipd"), [Scope.READ_REPORTS], 404),
        "finance": (make.UserFactory(access_group="finance", office=office), SCOPES, 404),
        "analyst": (make.UserFactory(access_group="analyst", office=office), SCOPES, 404),
    }
    for who, (user, scopes, status) in readers.items():
        reader = Writer(user=user, scopes=scopes)
        hidden, absent = reader.get(address), reader.get("reports/987654/")
        assert hidden.status_code == status, who
        if status == 404:
            assert hidden.content == absent.content
            changed = reader.send("PATCH", address, {}, If_Match=made["ETag"])
            assert changed.status_code in (403, 404)
        assert reader.read("reports/")["results"] == []
        for form in ("csv", "xlsx"):
            assert reader.get(address, format=form).status_code == 404
    assert PostEventReport.objects.get().version == 1


@pytest.mark.parametrize(
    ("group", "scopes", "status"),
    [
        ("reporter", SCOPES, 201),
        ("manager", SCOPES, 201),
        ("ipd", SCOPES, 201),
        ("admin", SCOPES, 201),
        ("finance", SCOPES, 403),
        ("analyst", SCOPES, 403),
        ("reporter", [Scope.READ_REPORTS], 403),
        ("reporter", [Scope.WRITE_REPORTS], 403),
    ],
)
def test_who_may_file_files_for_his_own_office(event, group, scopes, status):
    office = make.OfficeFactory(slug="own")
    writer = Writer(user=make.UserFactory(access_group=group, office=office), scopes=scopes)
    answer = writer.post("reports/", {"event": event.pk, "office": "own"})
    assert answer.status_code == status
    assert PostEventReport.objects.filter(office=office).count() == (status == 201)


def test_nobody_files_for_another_office_nor_without_one(reporter, event):
    make.OfficeFactory(slug="other")
    answer = reporter.post("reports/", {"event": event.pk, "office": "other"})
    assert (answer.status_code, list(answer.json())) == (400, ["office"])
    homeless = Writer(user=make.UserFactory(access_group="ipd", office=None), scopes=SCOPES)
    assert homeless.post("reports/", {"event": event.pk}).status_code == 403
    for wrong in (None, 987654, "x", [event.pk], 10**30):
        assert list(reporter.post("reports/", {"event": wrong}).json()) == ["event"]
    assert PostEventReport.objects.count() == 0


def test_only_its_office_writes_and_only_ipd_accepts(reporter, reviewer, submitted):
    seen = reporter.get(submitted)["ETag"]
    assert reporter.post(f"{submitted}accept/", If_Match=seen).status_code == 403
    assert reporter.post(f"{submitted}return/", {"comment": "x"}, If_Match=seen).status_code == 403
    reviewer.post(f"{submitted}return/", {"comment": "x"}, If_Match=seen)
    now = reviewer.get(submitted)["ETag"]
    # IPD sees the draft of another office, and does not write in it.
    assert reviewer.send("PATCH", submitted, {"outcomes": "x"}, If_Match=now).status_code == 403
    assert reviewer.post(f"{submitted}submit/", If_Match=now).status_code == 403
    assert not Delegate.objects.exists()


def test_costs_of_a_draft_are_for_those_who_read_them_on_its_page(reporter, event, monkeypatch):
    answer = reporter.post("reports/", a_body(event))
    monkeypatch.setattr("reporting.permissions.may_read_costs", lambda user, report: False)
    assert reporter.read(f"reports/{answer.json()['id']}/")["participants"] == []


def test_accepted_reports_are_read_as_before_by_those_who_write(reporter, event):
    report = told.PostEventReportFactory(state="accepted", discussed_restricted=MARKER)
    with_scope, without = reporter, Writer(user=reporter.user, scopes=[Scope.READ_REPORTS])
    first, second = (one.get(f"reports/{report.pk}/") for one in (with_scope, without))
    assert orjson.loads(first.content) == orjson.loads(second.content)
    same = reporter.client.get(
        f"/api/v1/reports/{report.pk}/", headers={"If-None-Match": first["ETag"]}
    )
    assert same.status_code == 304


def test_a_draft_is_read_by_as_many_statements_whatever_is_in_it(reporter, event):
    body = a_body(event)
    made = reporter.post("reports/", body)
    address = f"reports/{made.json()['id']}/"
    counts = []
    for rows in (1, 6):
        lessons = [{"kind": "lesson", "text": f"Lesson {n}"} for n in range(rows)]
        requests = [body["support_requests"][0] | {"what": f"Request {n}"} for n in range(rows)]
        seen = reporter.get(address)
        change = {"lessons": lessons, "support_requests": requests}
        assert reporter.change(seen, address, change).status_code == 200
        with CaptureQueriesContext(connection) as statements:
            assert len(reporter.read(address)["support_requests"]) == rows
        counts.append(len(statements))
    assert counts[0] == counts[1]
