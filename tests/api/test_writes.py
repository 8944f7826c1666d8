"""Writing by the API: by the checks and services of the pages, never over what was not seen."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
import time_machine
from django.db import connection

from finance.models import Attribution, FundingLine, Project, TimeEntry
from iscm_portal.common.api_bodies import as_sent, starts_as, writable
from iscm_portal.common.api_keyed import forget_keyed_calls
from iscm_portal.common.choices import Scope
from iscm_portal.common.models import KeyedCall, OutboxMessage
from tests.api.client import LISTS, view_of
from tests.api.writer import Writer
from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 25, 9, 0, tzinfo=dt.UTC)
SCOPES = [Scope.READ_FINANCE, Scope.WRITE_FINANCE]


@pytest.fixture
def officer() -> Writer:
    return Writer("finance", SCOPES)


@pytest.fixture
def line() -> dict[str, Any]:
    """A funding line as a program would send it."""
    make.ISCMFactory(slug="rcm")
    make.OfficeFactory(slug="ro-san-jose")
    return {
        "label": "Technical Secretariat",
        "year": 2026,
        "source_of_funds": "osi",
        "supports": "iscm",
        "iscm": "rcm",
        "office": "ro-san-jose",
        "amount_usd": "1200.50",
        "is_counted": True,
        "source": "Budget 2026",
    }


def stored(line: FundingLine) -> tuple[Any, ...]:
    line.refresh_from_db()
    return line.amount_usd, line.label, line.iscm.slug, line.history.count()


# --- one record


def test_a_record_is_created_with_links_by_their_public_names(officer, line):
    answer = officer.post("funding-lines/", line)
    assert answer.status_code == 201, answer.content
    made = FundingLine.objects.get()
    told = answer.json()
    assert {name: told[name] for name in line} == line | {"amount_usd": "1200.50"}
    assert told == officer.read(f"funding-lines/{made.pk}/")
    assert made.history.get().history_user == officer.user
    message = OutboxMessage.objects.get(topic="evidence_changed")
    assert message.payload == {"years": [2026], "kinds": ["fundingline"]}
    again = officer.get(f"funding-lines/{made.pk}/")
    # A reading's tag goes on with that of the whole answer, labels and all.
    assert again["ETag"].removeprefix("W/").startswith(answer["ETag"].removesuffix('"') + "~")


def test_a_change_needs_the_version_that_was_seen_and_a_reason(officer, line):
    made = officer.post("funding-lines/", line)
    address, seen = f"funding-lines/{made.json()['id']}/", made["ETag"]
    before = stored(FundingLine.objects.get())
    row = FundingLine.objects.get()
    change = {"amount_usd": "1300", "reason": "The ledger says so."}
    assert officer.send("PATCH", address, change).status_code == 428
    assert officer.send("PATCH", address, change, If_Match='"0-0"').status_code == 412
    without = officer.send("PATCH", address, {"amount_usd": "1300"}, If_Match=seen)
    assert (without.status_code, list(without.json())) == (400, ["reason"])
    assert stored(row) == before
    answer = officer.send("PATCH", address, change, If_Match=seen)
    assert (answer.status_code, answer.json()["amount_usd"]) == (200, "1300.00")
    assert stored(row) == (1300, "Technical Secretariat", "rcm", 2)
    assert row.history.first().history_change_reason == "The ledger says so."
    # Who saw the version before has not seen this one.
    stale = officer.send("PATCH", address, {"label": "Other"}, If_Match=seen)
    assert stale.status_code == 412
    assert stored(row)[1] == "Technical Secretariat"
    good = officer.send("PATCH", address, {"label": "Other", "iscm": None}, If_Match=answer["ETag"])
    assert good.status_code == 400  # a mechanism that goes is a figure that moves
    assert stored(row)[1:3] == ("Technical Secretariat", "rcm")


def test_a_record_is_deleted_with_a_reason_and_its_version(officer):
    entry = money.TimeEntryFactory()
    address = f"time-entries/{entry.pk}/"
    seen = officer.get(address)["ETag"]
    assert officer.send("DELETE", address, {"reason": "Twice."}).status_code == 428
    for wrong in ("x" * 101, "a\0b", ["Twice."]):
        refused = officer.send("DELETE", address, {"reason": wrong}, If_Match=seen)
        assert (refused.status_code, list(refused.json())) == (400, ["reason"])
    refused = officer.send("DELETE", address, {}, If_Match=seen)
    assert (refused.status_code, list(refused.json())) == (400, ["reason"])
    assert TimeEntry.objects.count() == 1
    answer = officer.send("DELETE", address, {"reason": "Twice."}, If_Match=seen)
    assert (answer.status_code, TimeEntry.objects.count()) == (204, 0)
    assert TimeEntry.history.first().history_change_reason == "Twice."
    assert officer.get(address).status_code == 404
    assert officer.send("DELETE", address, {"reason": "x"}, If_Match="*").status_code == 404


def test_what_something_rests_on_is_not_deleted(officer):
    attribution = money.AttributionFactory()
    address = f"projects/{attribution.project_id}/"
    seen = officer.get(address)["ETag"]
    answer = officer.send("DELETE", address, {"reason": "Gone."}, If_Match=seen)
    assert answer.status_code == 400
    assert "rests on it" in str(answer.json())
    assert Project.objects.count() == 1


def test_several_links_are_a_list_of_public_names(officer):
    for slug in ("eu", "sweden"):
        make.OrganisationFactory(slug=slug)
    body = {"code": "CE.0001", "title": "Capacity", "donors": ["eu", "sweden"]}
    answer = officer.post("projects/", body)
    assert (answer.status_code, answer.json()["donors"]) == (201, ["eu", "sweden"])
    seen, address = answer["ETag"], f"projects/{answer.json()['id']}/"
    answer = officer.send("PATCH", address, {"title": "Other"}, If_Match=seen)
    assert (answer.status_code, answer.json()["donors"]) == (200, ["eu", "sweden"])


# --- the shares of a post


@pytest.fixture
def post() -> Any:
    for slug in ("rcm", "sacm"):
        make.ISCMFactory(slug=slug)
    return money.PositionFactory(starts_on=dt.date(2026, 1, 1), ends_on=dt.date(2026, 12, 31))


def shares(position: Any) -> dict[str, Any]:
    return dict(position.shares.values_list("iscm__slug", "share_pct"))


def test_the_shares_of_a_post_are_given_whole_with_a_reason(officer, post):
    address = f"positions/{post.pk}/"
    seen = officer.get(address)
    body = {"shares": [{"iscm": "rcm", "share_pct": "60"}, {"iscm": "sacm", "share_pct": None}]}
    answer = officer.change(seen, address, body | {"reason": "Plan of 2026."})
    assert answer.status_code == 200, answer.content
    told = [(row["iscm"], row["share_pct"]) for row in answer.json()["shares"]]
    assert dict(told) == {"rcm": "60.00", "sacm": None}
    assert OutboxMessage.objects.get().payload == {"years": [2026], "kinds": ["position"]}
    share = post.shares.get(iscm__slug="rcm").history.get()
    assert (share.history_user, share.history_change_reason) == (officer.user, "Plan of 2026.")
    # Shares belong to the version: who read the post before has not seen them.
    assert officer.change(seen, address, {"title": "Other"}).status_code == 412
    without = officer.change(answer, address, {"shares": []})
    assert (without.status_code, list(without.json())) == (400, ["reason"])
    # As they were read they may come back; what is not in the list goes.
    rows = [row | {"share_pct": "50"} for row in answer.json()["shares"] if row["share_pct"]]
    answer = officer.change(answer, address, {"shares": rows, "reason": "Ledger."})
    assert shares(post) == {"rcm": 50}
    assert officer.change(answer, address, {"title": "Other"}).status_code == 200
    assert shares(post) == {"rcm": 50}


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([{"iscm": "rcm", "share_pct": "60"}, {"iscm": "sacm", "share_pct": "41"}], "share_pct"),
        ([{"iscm": "rcm"}, {"iscm": "rcm"}], "iscm"),
        ([{"iscm": "rcm"}, {"iscm": "nowhere"}], "iscm"),
        ([{"iscm": "rcm"}, {"share_pct": "10"}], "iscm"),
        ([{"iscm": "rcm"}, {}], "iscm"),
        ([{"iscm": "rcm"}, {"iscm": "sacm", "share_pct": "101"}], "share_pct"),
        ([{"iscm": "rcm"}, {"iscm": "sacm", "grade": "P3"}], "grade"),
        ([{"iscm": "rcm"}, "sacm"], "detail"),
    ],
)
def test_shares_that_may_not_be_are_refused_by_row(officer, post, rows, wrong):
    address = f"positions/{post.pk}/"
    body = {"shares": rows, "reason": "Plan."}
    answer = officer.change(officer.get(address), address, body)
    assert answer.status_code == 400, answer.content
    (told,) = answer.json()["shares"]
    assert (told["row"], list(told["errors"])) == (1, [wrong])
    assert shares(post) == {}


def test_a_post_is_created_with_its_shares(officer, post):
    body = {
        "title": "Focal point",
        "office": post.office.slug,
        "paid_by": "office",
        "starts_on": "2026-01-01",
        "shares": [{"iscm": "rcm", "share_pct": 20}],
    }
    answer = officer.post("positions/", body)
    assert answer.status_code == 201, answer.content
    assert [row["share_pct"] for row in answer.json()["shares"]] == ["20.00"]
    assert officer.post("positions/", body | {"shares": {}}).json() == {"shares": ["Give a list."]}


# --- bad input


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount_usd", "many"),
        ("amount_usd", "-1"),
        ("amount_usd", None),
        ("amount_usd", ["1"]),
        ("amount_usd", {"usd": 1}),
        ("amount_usd", 1e300),
        ("year", 1800),
        ("year", "2026a"),
        ("iscm", "nowhere"),
        ("iscm", 1),
        ("project", "none of ours"),
        ("source_of_funds", "lottery"),
        ("source_of_funds", "reserve_fund"),
        ("label", ""),
        ("label", "x" * 1000),
        ("label", "a\u0000b"),
        ("label", "a\ud800b"),
        ("amount", "1"),
        ("iscm_label", "RCM"),
        ("id", 7),
        ("report", 7),
    ],
)
def test_what_may_not_be_is_refused_at_its_field_and_nothing_is_stored(officer, line, field, value):
    answer = officer.post("funding-lines/", line | {field: value})
    assert answer.status_code == 400, answer.content
    assert field in answer.json()
    assert (FundingLine.objects.count(), OutboxMessage.objects.count()) == (0, 0)


@pytest.mark.parametrize("body", ["text", 1, None, [], ["text"], [[]], [{}] * 101])
def test_what_is_no_record_is_refused(officer, body):
    answer = officer.post("funding-lines/", body)
    assert answer.status_code == 400
    assert FundingLine.objects.count() == 0


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"year": NaN}', b""])
def test_what_is_no_json_is_refused(officer, body):
    answer = officer.client.post(
        "/api/v1/funding-lines/",
        body,
        content_type="application/json",
        headers={"Idempotency-Key": "k"},
    )
    assert (answer.status_code, KeyedCall.objects.count()) == (400, 0)


def test_the_rules_of_the_pages_hold(officer):
    full = money.AttributionFactory(basis="stated_share", share_pct=80, year=2026)
    other = make.ISCMFactory()
    body = {
        "project": full.project.code,
        "iscm": other.slug,
        "year": 2026,
        "basis": "stated_share",
        "share_pct": "30",
    }
    answer = officer.post("attributions/", body)
    assert (answer.status_code, list(answer.json())) == (400, ["share_pct"])
    assert Attribution.objects.count() == 1
    assert officer.post("attributions/", body | {"share_pct": "20"}).status_code == 201


# --- what is not sent


WRITTEN = [*("projects", "attributions", "funding-lines", "positions", "time-entries")]
WRITTEN += ["contributions", "proposals", "events", "agenda-items", "support-requests"]
WRITTEN += ["partnerships", "policy-instruments", "follow-ups"]


def test_all_lists_that_are_written_by_a_form_are_looked_at():
    forms_of = {name for name in LISTS if hasattr(view_of(name), "form_class")}
    assert forms_of == set(WRITTEN)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_not_sent_is_as_a_new_record_has_it(name):
    form = view_of(name)().described_form()
    sent, model = as_sent(form, starts_as(form)), view_of(name).queryset.model
    wrong = {}
    for field in set(writable(form)) - {"code"}:  # a code is drawn anew each time
        column = model._meta.get_field(field)
        if column.many_to_many or not column.has_default():
            continue
        asked = form.fields[field]
        found = asked.clean(asked.widget.value_from_datadict(sent, {}, field))
        if found != column.get_default():
            wrong[field] = found
    assert wrong == {}


def test_a_line_is_counted_unless_it_is_said_that_it_is_not(officer, line):
    del line["is_counted"]
    answer = officer.post("funding-lines/", line)
    assert (answer.status_code, answer.json()["is_counted"]) == (201, True), answer.content
    why = {"is_counted": False, "not_counted_reason": "Stands in another line."}
    answer = officer.post("funding-lines/", line | why)
    assert (answer.status_code, answer.json()["is_counted"]) == (201, False)


# --- many records


def test_a_list_is_written_whole_or_not_at_all_and_says_what_is_wrong_by_row(officer, line):
    rows = [line, line | {"amount_usd": "many"}, line | {"iscm": "nowhere", "year": 1800}]
    answer = officer.post("funding-lines/", rows)
    assert answer.status_code == 400
    wrong = [(row["row"], sorted(row["errors"])) for row in answer.json()["rows"]]
    assert wrong == [(1, ["amount_usd"]), (2, ["iscm", "year"])]
    assert (FundingLine.objects.count(), OutboxMessage.objects.count()) == (0, 0)
    answer = officer.post("funding-lines/", [line, line | {"label": "Second"}])
    assert answer.status_code == 201
    assert [row["label"] for row in answer.json()] == ["Technical Secretariat", "Second"]
    assert FundingLine.objects.count() == 2


def test_a_row_is_checked_against_the_rows_before_it(officer):
    project = money.ProjectFactory()
    row = {"project": project.code, "year": 2026, "basis": "stated_share", "share_pct": "60"}
    rows = [row | {"iscm": make.ISCMFactory().slug} for _iscm in range(2)]
    answer = officer.post("attributions/", rows)
    assert answer.status_code == 400
    assert [(r["row"], list(r["errors"])) for r in answer.json()["rows"]] == [(1, ["share_pct"])]
    assert Attribution.objects.count() == 0


# --- the same call twice


@time_machine.travel(NOW, tick=False)
def test_a_call_that_is_sent_again_is_answered_as_before_and_makes_nothing(officer, line):
    first = officer.post("funding-lines/", line, Idempotency_Key="import-7")
    second = officer.post("funding-lines/", line, Idempotency_Key="import-7")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    # A client that lost the first answer goes on from the second one.
    place = f"http://testserver/api/v1/funding-lines/{first.json()['id']}/"
    assert first["Location"] == second["Location"] == place
    assert first["ETag"] == second["ETag"]
    changed = officer.change(second, f"funding-lines/{first.json()['id']}/", {"label": "Other"})
    assert changed.status_code == 200
    assert "Location" not in changed
    other = officer.post("funding-lines/", line | {"year": 2025}, Idempotency_Key="import-7")
    assert other.status_code == 422
    assert FundingLine.objects.count() == 1
    # Of another user it is another key.
    assert (
        Writer("finance", SCOPES)
        .post("funding-lines/", line, Idempotency_Key="import-7")
        .status_code
        == 201
    )
    assert FundingLine.objects.count() == 2


def test_after_a_day_a_key_is_new(officer, line):
    with time_machine.travel(NOW, tick=False) as clock:
        officer.post("funding-lines/", line, Idempotency_Key="daily")
        clock.shift(dt.timedelta(hours=24, seconds=-1))
        officer.post("funding-lines/", line, Idempotency_Key="daily")
        assert FundingLine.objects.count() == 1
        clock.shift(dt.timedelta(seconds=1))
        officer.post("funding-lines/", line, Idempotency_Key="daily")
        assert FundingLine.objects.count() == 2


def test_what_is_told_of_calls_is_forgotten_after_their_day(officer, line):
    with time_machine.travel(NOW, tick=False) as clock:
        officer.post("funding-lines/", line, Idempotency_Key="old")
        clock.shift(dt.timedelta(hours=1))
        officer.post("funding-lines/", line, Idempotency_Key="new")
        clock.shift(dt.timedelta(hours=23))
        forget_keyed_calls.apply(throw=True)
    assert [call.key for call in KeyedCall.objects.all()] == ["new"]


def test_a_call_that_was_refused_leaves_its_key_free(officer, line):
    wrong = officer.post("funding-lines/", line | {"year": 1800}, Idempotency_Key="k")
    assert (wrong.status_code, KeyedCall.objects.count()) == (400, 0)
    assert officer.post("funding-lines/", line, Idempotency_Key="k").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_of_the_same_call_sent_at_once_one_makes_the_record_and_all_are_answered_alike(line):
    officer = Writer("finance", SCOPES)
    answers: list[Any] = []

    def send() -> None:
        try:
            answers.append(officer.post("funding-lines/", line, Idempotency_Key="at-once"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _thread in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert FundingLine.objects.count() == 1


# --- who


@pytest.mark.parametrize(
    ("group", "scopes", "status"),
    [
        ("finance", SCOPES, 201),
        ("admin", SCOPES, 201),
        ("ipd", SCOPES, 403),
        ("finance", [Scope.READ_FINANCE], 403),
        ("finance", [Scope.WRITE_FINANCE], 403),
        ("analyst", SCOPES, 403),
        ("manager", SCOPES, 403),
    ],
)
def test_a_token_writes_what_its_owner_may_and_its_scopes_say(line, group, scopes, status):
    answer = Writer(group, scopes).post("funding-lines/", line)
    assert answer.status_code == status
    assert FundingLine.objects.count() == (status == 201)


@pytest.mark.parametrize("address", ["iscms/", "indicator-values/", "funds/", "resources/"])
def test_what_is_not_written_here_refuses_every_write(address):
    writer = Writer("admin", list(Scope))
    for method in ("POST", "PATCH", "PUT", "DELETE"):
        assert writer.send(method, address, {}).status_code in (403, 405)
