"""Duties: made from who took part, answered in one of three ways, counted once accepted."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from iscm_portal.common.models import OutboxMessage
from iscm_portal.common.period import Period, quarter_slot
from reporting.choices import DutyAnswer, ExtensionDecision, ReportPart
from reporting.models import Duty, Extension
from reporting.selectors.duties import (
    answers_waiting,
    coverage_of_office,
    duties_due,
    duty_list,
)
from reporting.services import duties as services
from reporting.services import reports as writing
from reporting.services import reviewing
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
TODAY = AT.date()
LAST_DAY = dt.date(2026, 11, 6)
DUE = dt.date(2026, 11, 20)


@pytest.fixture
def office():
    return make.OfficeFactory(country=make.CountryFactory(region="Oceania"))


@pytest.fixture
def reporter(office):
    return make.UserFactory(access_group="reporter", office=office)


@pytest.fixture
def manager(office):
    return make.UserFactory(access_group="manager", office=office)


@pytest.fixture
def ipd():
    return make.UserFactory(access_group="ipd", office=make.OfficeFactory())


@pytest.fixture
def event():
    return make.EventFactory(
        iscms=[make.ISCMFactory(slug="sacm")], starts_on=dt.date(2026, 11, 5), ends_on=LAST_DAY
    )


@pytest.fixture
def duty(event, office):
    make.DelegateFactory(event=event, office=office)
    services.sync_duties(AT)
    return Duty.objects.get()


def states() -> list[tuple[str, dt.date, bool]]:
    rows = Duty.objects.select_related("office").order_by("pk")
    return [(row.office.name, row.due_on, row.withdrawn_at is not None) for row in rows]


# --- made from who took part


def test_an_event_makes_one_duty_for_each_office_that_took_part(event, office):
    other = make.OfficeFactory()
    make.DelegateFactory.create_batch(2, event=event, office=office)
    make.DelegateFactory(event=event, office=other)
    for _tick in range(2):
        services.sync_duties(AT)
    assert states() == [(office.name, DUE, False), (other.name, DUE, False)]


def test_an_event_whose_day_is_not_known_makes_none(office):
    undated = make.EventFactory(
        starts_on=None, ends_on=None, year=2012, date_precision="year", iscms=[]
    )
    make.DelegateFactory(event=undated, office=office)
    services.sync_duties(AT)
    assert states() == []


def test_an_office_that_reports_without_a_delegation_on_record_has_its_duty(event, office):
    reported.PostEventReportFactory(event=event, office=office)
    services.sync_duties(AT)
    assert states() == [(office.name, DUE, False)]


def test_a_delegation_that_is_taken_back_withdraws_the_duty_and_one_that_returns_revives_it(
    duty, event, office
):
    event.delegates.all().delete()
    services.sync_duties(AT)
    assert states() == [(office.name, DUE, True)]
    make.DelegateFactory(event=event, office=office)
    services.sync_duties(AT)
    assert states() == [(office.name, DUE, False)]


def test_an_event_that_is_moved_moves_the_day(duty, event):
    event.ends_on = dt.date(2026, 11, 10)
    event.save()
    services.sync_duties(AT)
    assert Duty.objects.get().due_on == dt.date(2026, 11, 24)


def test_an_event_that_is_moved_leaves_a_day_that_an_extension_set(duty, event, reporter, manager):
    asked = services.ask_extension(duty.pk, dt.date(2026, 12, 1), "Leave.", reporter, AT)
    services.decide_extension(asked.pk, ExtensionDecision.GRANTED, manager, AT)
    event.ends_on = dt.date(2026, 11, 10)
    event.save()
    services.sync_duties(AT)
    assert Duty.objects.get().due_on == dt.date(2026, 12, 1)


def test_making_duties_takes_the_same_number_of_statements_for_many(
    event, office, django_assert_max_num_queries
):
    for _event in range(30):
        make.DelegateFactory(event=make.EventFactory(starts_on=LAST_DAY, ends_on=LAST_DAY))
    with django_assert_max_num_queries(22):
        services.sync_duties(AT)
    assert Duty.objects.count() == 30


# --- the three answers


def test_nothing_to_report_counts_once_it_is_accepted(duty, event, office, reporter, ipd):
    services.answer_duty(duty.pk, DutyAnswer.NOTHING_TO_REPORT, "", reporter, AT)
    year = Period.year(2026)
    assert duties_due(office.pk, TODAY) == []
    before = coverage_of_office(office.pk, year, TODAY)
    assert (before.owed, before.accepted) == (1, 0)
    assert services.accept_answers([duty.pk], ipd, AT) == (1, [])
    found = coverage_of_office(office.pk, year, TODAY)
    assert (found.owed, found.accepted) == (1, 1)
    asked = OutboxMessage.objects.latest("pk")
    assert asked.payload == {"slots": [quarter_slot(LAST_DAY)], "kinds": ["duty"]}


def test_not_attended_needs_a_reason(duty, reporter):
    with pytest.raises(IntegrityError), transaction.atomic():
        services.answer_duty(duty.pk, DutyAnswer.NOT_ATTENDED, "", reporter, AT)
    assert Duty.objects.get().answer == ""


def test_a_report_that_is_sent_after_all_takes_the_place_of_the_other_answer(
    duty, event, office, reporter, ipd
):
    services.answer_duty(duty.pk, DutyAnswer.NOTHING_TO_REPORT, "", reporter, AT)
    report = writing.start_report(event, office, reporter, AT)
    report.discussed, report.steps_done = "Points.", ReportPart.values
    report.save()
    report.participants.update(days=1)
    writing.submit_report(report.pk, reporter, AT)
    duty.refresh_from_db()
    assert (duty.answer, duty.answered_by, duty.answered_at) == ("", None, None)
    assert not answers_waiting(ipd).exists()


@pytest.mark.parametrize("answer", DutyAnswer)
def test_before_the_event_is_over_there_is_nothing_to_answer(duty, event, reporter, answer):
    type(event).objects.update(ends_on=AT.date())
    with pytest.raises(services.EventNotOver):
        services.answer_duty(duty.pk, answer, "Why.", reporter, AT - dt.timedelta(days=1))
    duty.refresh_from_db()
    assert duty.answer == ""


def test_the_page_of_a_duty_on_an_event_to_come_asks_for_no_answer(client, duty, event, reporter):
    type(event).objects.update(starts_on=dt.date(2100, 1, 1), ends_on=dt.date(2100, 1, 2))
    client.force_login(reporter)
    page = client.get(f"/duties/{duty.pk}/").content.decode()
    assert "The event is not over yet." in page
    assert "Answer so" not in page


def test_a_second_answer_is_refused_and_changes_nothing(duty, reporter):
    services.answer_duty(duty.pk, DutyAnswer.NOTHING_TO_REPORT, "", reporter, AT)
    with pytest.raises(services.DutyAlreadyAnswered):
        services.answer_duty(duty.pk, DutyAnswer.NOT_ATTENDED, "Ill.", reporter, AT)
    assert Duty.objects.get().answer == "nothing_to_report"


@pytest.mark.parametrize("state", ["submitted", "accepted"])
def test_a_duty_whose_report_is_on_its_way_takes_no_other_answer(duty, reporter, state):
    reported.PostEventReportFactory(event=duty.event, office=duty.office, state=state)
    with pytest.raises(services.DutyAlreadyAnswered):
        services.answer_duty(duty.pk, DutyAnswer.NOTHING_TO_REPORT, "", reporter, AT)
    assert Duty.objects.get().answer == ""


def test_answers_are_accepted_together_and_those_that_do_not_wait_are_named(duty, reporter, ipd):
    services.answer_duty(duty.pk, DutyAnswer.NOTHING_TO_REPORT, "", reporter, AT)
    silent = reported.DutyFactory()
    assert services.accept_answers([duty.pk, silent.pk], ipd, AT) == (1, [silent])
    assert services.accept_answers([duty.pk], ipd, AT) == (0, [duty])
    silent.refresh_from_db()
    assert silent.accepted_at is None


def test_an_answer_that_ipd_returns_waits_for_its_office_again(duty, office, reporter, ipd):
    services.answer_duty(duty.pk, DutyAnswer.NOTHING_TO_REPORT, "", reporter, AT)
    services.return_answer(duty.pk, "Three of you took part.", ipd, AT)
    due = duties_due(office.pk, TODAY)
    assert [(row.answer, row.returned_with) for row in due] == [("", "Three of you took part.")]


def test_an_accepted_answer_is_not_taken_back(duty, reporter, ipd):
    services.answer_duty(duty.pk, DutyAnswer.NOTHING_TO_REPORT, "", reporter, AT)
    services.accept_answers([duty.pk], ipd, AT)
    with pytest.raises(services.AnswerAlreadyReviewed):
        services.take_back_answer(duty.pk, reporter, AT)
    assert Duty.objects.get().answer == "nothing_to_report"


# --- more time


def test_an_extension_that_is_granted_moves_the_day_and_one_that_is_refused_does_not(
    duty, reporter, manager
):
    for decision, due in (("refused", DUE), ("granted", dt.date(2026, 12, 1))):
        asked = services.ask_extension(duty.pk, dt.date(2026, 12, 1), "Leave.", reporter, AT)
        services.decide_extension(asked.pk, ExtensionDecision(decision), manager, AT)
        assert Duty.objects.get().due_on == due


def test_more_time_is_asked_for_once_at_a_time_and_for_a_later_day(duty, reporter):
    with pytest.raises(services.DutyError):
        services.ask_extension(duty.pk, DUE, "Leave.", reporter, AT)
    services.ask_extension(duty.pk, dt.date(2026, 12, 1), "Leave.", reporter, AT)
    with pytest.raises(services.DutyError):
        services.ask_extension(duty.pk, dt.date(2026, 12, 2), "Leave.", reporter, AT)
    assert Extension.objects.count() == 1


def test_an_extension_is_decided_once(duty, reporter, manager):
    asked = services.ask_extension(duty.pk, dt.date(2026, 12, 1), "Leave.", reporter, AT)
    services.decide_extension(asked.pk, ExtensionDecision.REFUSED, manager, AT)
    with pytest.raises(services.ExtensionAlreadyDecided):
        services.decide_extension(asked.pk, ExtensionDecision.GRANTED, manager, AT)
    assert Duty.objects.get().due_on == DUE


# --- the state, and who sees it


@pytest.mark.parametrize(
    ("today", "state"),
    [
        (dt.date(2026, 11, 6), "upcoming"),
        (dt.date(2026, 11, 7), "open"),
        (dt.date(2026, 11, 20), "open"),
        (dt.date(2026, 11, 21), "overdue"),
    ],
)
def test_a_duty_is_due_from_the_day_after_the_event_and_late_from_the_day_after_that(
    duty, ipd, today, state
):
    assert duty_list(ipd, today).get().state == state


@pytest.mark.parametrize(
    ("report_state", "state"),
    [
        ("draft", "overdue"),
        ("returned", "overdue"),
        ("submitted", "in_review"),
        ("accepted", "settled"),
    ],
)
def test_a_report_answers_the_duty_of_its_event_and_office(duty, ipd, report_state, state):
    reported.PostEventReportFactory(event=duty.event, office=duty.office, state=report_state)
    services.sync_duties(AT)
    assert duty_list(ipd, dt.date(2026, 11, 21)).get().state == state


def test_accepting_a_report_settles_its_duty_at_once(duty, reporter, ipd):
    report = writing.start_report(duty.event, duty.office, reporter, AT)
    report.discussed, report.steps_done = "Points.", ReportPart.values
    report.save()
    report.participants.all().delete()
    reported.ParticipantFactory(report=report, days=1)
    writing.submit_report(report.pk, reporter, AT)
    reviewing.accept_report(report.pk, ipd, AT)
    duty.refresh_from_db()
    assert duty.is_settled


def test_an_office_sees_its_own_duties_and_others_none(duty, reporter, ipd):
    other = reported.DutyFactory()
    seen = {
        who.access_group: set(duty_list(who, TODAY))
        for who in (
            reporter,
            ipd,
            make.UserFactory(access_group="finance", office=duty.office),
            make.UserFactory(access_group="analyst", office=None),
        )
    }
    assert seen == {"reporter": {duty}, "ipd": {duty, other}, "finance": set(), "analyst": set()}


# --- the pages


def test_an_office_answers_in_the_browser(client, duty, reporter):
    client.force_login(reporter)
    assert "Other answers" in client.get("/").content.decode()
    refused = client.post(f"/duties/{duty.pk}/answer/", {"answer": "not_attended"})
    assert refused.status_code == 422
    assert "Say why nobody attended." in refused.content.decode()
    client.post(
        f"/duties/{duty.pk}/answer/", {"answer": "not_attended", "reason": "Visas came late."}
    )
    duty.refresh_from_db()
    assert (duty.answer, duty.reason, duty.answered_by) == (
        "not_attended",
        "Visas came late.",
        reporter,
    )


def test_ipd_accepts_answers_together_in_the_browser(client, duty, reporter, ipd):
    services.answer_duty(duty.pk, DutyAnswer.NOTHING_TO_REPORT, "", reporter, AT)
    client.force_login(ipd)
    assert duty.event.name in client.get("/reviews/answers/").content.decode()
    answer = client.post("/reviews/answers/", {"duty": [duty.pk]}, follow=True)
    assert "1 answer is accepted." in answer.content.decode()
    duty.refresh_from_db()
    assert duty.accepted_by == ipd


def test_the_overdue_list_is_narrowed_by_office_mechanism_and_region(client, duty, ipd):
    other = reported.DutyFactory(due_on=dt.date(2026, 1, 1))
    client.force_login(ipd)
    for narrowed in (f"office={duty.office.slug}", "iscm=sacm", "region=Oceania"):
        page = client.get(f"/duties/?{narrowed}").content.decode()
        assert duty.event.name in page
        assert other.event.name not in page


def test_the_list_is_to_be_had_as_csv(client, duty, reporter):
    client.force_login(reporter)
    answer = client.get("/duties/?format=csv")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0] == "event,mechanisms,office,event_ended_on,due_on,state"
    assert lines[1].startswith(f"{duty.event.name},")
    assert lines[2:] == ["Rows,1"]


def test_a_day_that_is_not_later_is_told_at_its_field(client, duty, reporter):
    client.force_login(reporter)
    answer = client.post(
        f"/duties/{duty.pk}/extension/", {"until_on": "2026-11-20", "reason": "Leave."}
    )
    assert answer.status_code == 422
    assert "The day is not later than the one it is due on now." in answer.content.decode()
    assert not Extension.objects.exists()


def test_what_is_settled_has_a_list_of_its_own(client, duty, reporter, ipd):
    services.answer_duty(duty.pk, DutyAnswer.NOTHING_TO_REPORT, "", reporter, AT)
    services.accept_answers([duty.pk], ipd, AT)
    client.force_login(ipd)
    assert duty.event.name not in client.get("/duties/").content.decode()
    assert duty.event.name in client.get("/duties/?state=settled").content.decode()
