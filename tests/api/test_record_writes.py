"""Events and evidence by the API: written by the forms of the admin site, with figures that
follow."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from engagements.models import Delegate, Event, PolicyInstrument, SupportRequest
from iscm_portal.common import outbox
from iscm_portal.common.choices import Scope
from iscm_portal.common.models import OutboxMessage
from reporting.models import Duty
from reporting.services.auditing import audit
from reporting.services.compiling import compile_indicators
from tests.api.client import view_of
from tests.api.writer import Writer
from tests.factories import engagements as make
from tests.factories import reporting as told
from tests.reporting.evidence import evidence_of_every_kind, indicators

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 25, 3, 0, tzinfo=dt.UTC)
SCOPES = [Scope.READ_DIRECTORY, Scope.WRITE_REPORTS]


def writer(group: str = "ipd", scopes: list[Scope] = SCOPES, **of_user: Any) -> Writer:
    user = make.UserFactory(access_group=group, **{"is_staff": True, **of_user})
    return Writer(user=user, scopes=scopes)


@pytest.fixture
def ipd() -> Writer:
    return writer()


@pytest.fixture
def bodies() -> dict[str, dict[str, Any]]:
    """A record of each kind as a program would send it."""
    make.ISCMFactory(slug="rcm")
    make.CountryFactory(iso3="crc")
    make.OfficeFactory(slug="ro-san-jose")
    make.OrganisationFactory(slug="unhcr")
    make.ThemeFactory(code="labour")
    event = make.EventFactory(code="EV-1")
    item = make.AgendaItemFactory(event=event)
    of_iscm = {"iscm": "rcm", "event": event.pk, "office": "ro-san-jose", "source": "Letter"}
    return {
        "events": {
            "name": "Regional consultation",
            "iscms": ["rcm"],
            "kind": "technical",
            "starts_on": "2026-05-04",
            "ends_on": "2026-05-05",
            "country": "crc",
            "iom_capacity": "secretariat",
            "delegation": [{"office": "ro-san-jose", "title": "Officer", "capacity": "speaker"}],
        },
        "agenda-items": {"event": event.pk, "position": 2, "title": "Visas", "theme": "labour"},
        "support-requests": of_iscm
        | {"country": "crc", "kind": "technical", "what": "Training", "asked_on": "2026-03-01"},
        "partnerships": of_iscm | {"organisation": "unhcr", "since_on": "2026-03-01"},
        "policy-instruments": of_iscm
        | {
            "title": "Decree 12",
            "country": "crc",
            "kind": "legislation",
            "action": "passed",
            "dated_on": "2026-03-01",
            "agenda_items": [item.pk],
        },
        "follow-ups": of_iscm
        | {"what": "Send it", "owner": "ro-san-jose", "agreed_on": "2026-03-01"},
    }


# list -> a field to change, and its text; one that is wrong
CHANGES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "events": ("city", "San José", {"ends_on": "2026-05-03"}),
    "agenda-items": ("position", 3, {"priority": 987654}),
    "support-requests": ("answered_on", "2026-04-01", {"answered_on": "2026-02-01"}),
    "partnerships": ("purpose", "Training", {"since_on": "1900-01-01"}),
    "policy-instruments": ("region", "Central America", {"country": None}),
    "follow-ups": ("state", "done", {"due_on": "soon"}),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_record_is_created_changed_and_deleted(ipd, bodies, kind):
    field, value, wrong = CHANGES[kind]
    OutboxMessage.objects.all().delete()
    made = ipd.post(f"{kind}/", bodies[kind], Idempotency_Key="k")
    assert made.status_code == 201, made.content
    again = ipd.post(f"{kind}/", bodies[kind], Idempotency_Key="k")
    assert again.json() == made.json()
    address = f"{kind}/{made.json()['id']}/"
    names = bodies[kind].keys() - {"delegation"}
    assert {name: made.json()[name] for name in names} == {n: bodies[kind][n] for n in names}
    assert made.json() == ipd.read(address)
    asked = OutboxMessage.objects.filter(topic="evidence_changed").count()
    assert asked == (kind != "follow-ups")  # it has no day yet by which it would count
    assert ipd.send("PATCH", address, {field: value}).status_code == 428
    refused = ipd.change(made, address, wrong)
    assert (refused.status_code, list(refused.json())) == (400, list(wrong))
    changed = ipd.change(made, address, {field: value, "reason": "Minutes."})
    assert (changed.status_code, changed.json()[field]) == (200, value), changed.content
    record = made.json() | {field: value, "updated_at": changed.json()["updated_at"]}
    if kind == "events":
        record["delegation"] = changed.json()["delegation"]
    assert changed.json() == record
    model = view_of(kind).queryset.model
    entry = model.objects.get(pk=made.json()["id"]).history.first()
    assert (entry.history_user, entry.history_change_reason) == (ipd.user, "Minutes.")
    assert ipd.change(made, address, {field: value}).status_code == 412
    assert ipd.send("DELETE", address, {}, If_Match=made["ETag"]).status_code == 412
    if kind == "events":
        return
    silent = ipd.send("DELETE", address, {}, If_Match=changed["ETag"])
    assert (silent.status_code, list(silent.json())) == (400, ["reason"])
    assert ipd.get(address).status_code == 200
    why = {"reason": "Entered twice."}
    assert ipd.send("DELETE", address, why, If_Match=changed["ETag"]).status_code == 204
    assert ipd.get(address).status_code == 404
    gone = model.history.filter(id=made.json()["id"]).first()
    told = (gone.history_type, gone.history_user, gone.history_change_reason)
    assert told == ("-", ipd.user, "Entered twice.")


def test_the_figures_follow_as_after_an_edit_in_the_admin_site(ipd):
    indicators()
    evidence_of_every_kind()
    compile_indicators(2025, 2026, NOW, whole=True)
    request = SupportRequest.objects.filter(iscm__isnull=False).first()
    event = Event.objects.filter(delegates__isnull=False).first()
    edits = {
        f"support-requests/{request.pk}/": {"asked_on": "2025-05-01", "answered_on": "2025-06-01"},
        f"events/{event.pk}/": {"starts_on": "2025-05-01", "ends_on": "2025-05-02"},
    }
    for address, body in edits.items():
        answer = ipd.change(ipd.get(address), address, body)
        assert answer.status_code == 200, answer.content
    partner = ipd.get("partnerships/").json()["results"][0]["id"]
    seen = ipd.get(f"partnerships/{partner}/")["ETag"]
    why = {"reason": "Entered twice."}
    assert ipd.send("DELETE", f"partnerships/{partner}/", why, If_Match=seen).status_code == 204
    assert audit(NOW).waiting > 0
    outbox.deliver(NOW)
    run = audit(NOW)
    assert (run.differing, run.waiting, run.differences) == (0, 0, [])


# --- events


def test_the_delegation_says_which_offices_owe_a_report(ipd, bodies):
    made = ipd.post("events/", bodies["events"])
    address, event = f"events/{made.json()['id']}/", made.json()["id"]
    outbox.deliver(NOW)
    assert [duty.office.slug for duty in Duty.objects.standing()] == ["ro-san-jose"]
    make.OfficeFactory(slug="co-lima")
    kept = make.DelegateFactory(event_id=event, report_number=7, report_item=1, title="Reported")
    seen = ipd.get(address)
    first, reported = seen.json()["delegation"]
    assert reported["id"] == kept.pk
    rows = [reported, first | {"title": "Head"}, {"office": "co-lima", "title": "Officer"}]
    answer = ipd.change(seen, address, {"delegation": rows})
    assert answer.status_code == 200, answer.content
    found = {row["title"]: row["id"] for row in answer.json()["delegation"]}
    assert found.keys() == {"Head", "Reported", "Officer"}
    assert found["Head"] == first["id"]
    assert Delegate.objects.get(title="Head").history.first().history_user == ipd.user
    # Delegates belong to the version of their event.
    assert ipd.change(seen, address, {"delegation": []}).status_code == 412
    assert ipd.change(answer, address, {"delegation": [{}] * 101}).status_code == 400
    answer = ipd.change(answer, address, {"delegation": []})
    assert [row["title"] for row in answer.json()["delegation"]] == ["Reported"]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"office": "nowhere", "title": "Officer"}, "office"),
        ({"office": "ro-san-jose"}, "title"),
        ({"office": "ro-san-jose", "title": "x", "capacity": "guest"}, "capacity"),
        ({"office": "ro-san-jose", "title": "x", "user": 1}, "user"),
        ({"id": 987654, "office": "ro-san-jose", "title": "x"}, "detail"),
    ],
)
def test_a_delegate_that_may_not_be_is_refused_by_row(ipd, bodies, row, field):
    before = Event.objects.count()
    body = bodies["events"] | {"delegation": [*bodies["events"]["delegation"], row]}
    answer = ipd.post("events/", body)
    assert answer.status_code == 400, answer.content
    assert [(one["row"], list(one["errors"])) for one in answer.json()["delegation"]] == [
        (1, [field])
    ]
    assert (Event.objects.count(), Delegate.objects.count()) == (before, 0)


def test_what_a_report_wrote_is_changed_and_not_deleted(ipd):
    request = make.SupportRequestFactory(report_number=7, report_item=1)
    delegate = make.DelegateFactory(report_number=7, report_item=2)
    address, event = f"support-requests/{request.pk}/", f"events/{delegate.event_id}/"
    answer = ipd.change(ipd.get(address), address, {"what": "Mended"})
    assert answer.status_code == 200
    refused = ipd.send("DELETE", address, {}, If_Match=answer["ETag"])
    assert (refused.status_code, list(refused.json())) == (400, ["detail"])
    assert "Report 7 wrote it" in refused.json()["detail"]
    seen = ipd.get(event)
    row = seen.json()["delegation"][0] | {"title": "Other"}
    assert ipd.change(seen, event, {"delegation": [row]}).status_code == 400
    gone = ipd.send("DELETE", event, {}, If_Match=seen["ETag"])
    assert (gone.status_code, list(gone.json())) == (400, ["detail"])
    assert (SupportRequest.objects.count(), Delegate.objects.get().title) == (1, delegate.title)


def test_an_event_goes_only_while_nothing_rests_on_it(ipd):
    free, reported = make.AgendaItemFactory().event, told.PostEventReportFactory().event
    for event, status in ((free, 204), (reported, 400)):
        seen = ipd.get(f"events/{event.pk}/")["ETag"]
        answer = ipd.send("DELETE", f"events/{event.pk}/", {"reason": "Twice."}, If_Match=seen)
        assert answer.status_code == status
    assert "rests on it" in answer.json()["detail"]
    assert [event.pk for event in Event.objects.all()] == [reported.pk]


def test_a_day_that_is_known_is_a_day(ipd, bodies):
    answer = ipd.post("events/", bodies["events"] | {"starts_on": None, "ends_on": None})
    assert (answer.status_code, list(answer.json())) == (400, ["starts_on"])


@pytest.mark.parametrize("group", ["reporter", "manager"])
def test_whoever_files_reports_proposes_events_and_no_more(bodies, group):
    office = make.OfficeFactory()
    proposer = writer(group, office=office, is_staff=False)
    body = {name: bodies["events"][name] for name in ("name", "iscms", "kind")}
    body |= {"starts_on": "2026-05-04", "ends_on": "2026-05-05"}
    made = proposer.post("events/", body)
    assert (made.status_code, made.json()["is_proposed"]) == (201, True), made.content
    assert proposer.post("events/", body).json()["id"] == made.json()["id"]
    assert Event.objects.get(pk=made.json()["id"]).history.first().history_user == proposer.user
    for wrong in ({"is_proposed": False}, {"delegation": []}, {"starts_on": "2099-01-01"}):
        refused = proposer.post("events/", body | wrong)
        assert refused.status_code == 400
        assert refused.json().keys() >= wrong.keys()
    # Of a list each row is answered, in its place.
    rows = [body, {**body, "name": "Other"}, body]
    told = proposer.post("events/", rows)
    assert [row["name"] for row in told.json()] == [row["name"] for row in rows]
    assert told.json()[0] == told.json()[2] == made.json()
    address = f"events/{made.json()['id']}/"
    assert proposer.change(made, address, {"name": "Other"}).status_code == 403
    assert proposer.send("DELETE", address, {}, If_Match=made["ETag"]).status_code == 403
    # IPD confirms it.
    editor = writer()
    confirmed = editor.change(editor.get(address), address, {"is_proposed": False})
    assert (confirmed.status_code, confirmed.json()["is_proposed"]) == (200, False)


# --- who


@pytest.mark.parametrize("kind", list(CHANGES)[1:])
@pytest.mark.parametrize(
    ("group", "scopes", "is_staff", "status"),
    [
        ("ipd", SCOPES, True, 201),
        ("admin", SCOPES, True, 201),
        ("ipd", SCOPES, False, 403),
        ("reporter", SCOPES, False, 403),
        ("manager", SCOPES, False, 403),
        ("manager", SCOPES, True, 403),
        ("finance", SCOPES, True, 403),
        ("ipd", [Scope.READ_DIRECTORY], True, 403),
        ("ipd", [Scope.WRITE_REPORTS], True, 403),
    ],
)
def test_evidence_is_written_by_whoever_may_edit_it_in_the_admin_site(
    bodies, kind, group, scopes, is_staff, status
):
    made = writer(group, scopes, is_staff=is_staff, office=make.OfficeFactory())
    before = view_of(kind).queryset.model.objects.count()
    assert made.post(f"{kind}/", bodies[kind]).status_code == status
    assert view_of(kind).queryset.model.objects.count() - before == (status == 201)


def test_a_list_is_written_whole_or_not_at_all(ipd, bodies):
    good = bodies["policy-instruments"]
    answer = ipd.post("policy-instruments/", [good, good | {"country": None, "region": ""}])
    assert answer.json() == {
        "rows": [{"row": 1, "errors": {"country": ["Name the State or the region."]}}]
    }
    assert PolicyInstrument.objects.count() == 0
    assert ipd.post("policy-instruments/", [good, good]).status_code == 201
    assert PolicyInstrument.objects.count() == 2
