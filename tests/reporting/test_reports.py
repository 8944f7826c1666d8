"""The way of a report: what each step needs, what it changes, and what it refuses."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from engagements.models import (
    AgendaItem,
    Delegate,
    FollowUpAction,
    Organisation,
    Partnership,
    PolicyInstrument,
    SupportRequest,
)
from finance.models import FundingLine, TimeEntry
from iscm_portal.common.models import OutboxMessage
from iscm_portal.common.period import Period
from reporting.choices import REQUIRED_PARTS, ReportPart
from reporting.models import PostEventReport, ReportVersion
from reporting.selectors.duties import coverage_of_office, duties_due
from reporting.services import reports as services
from reporting.services import reviewing
from reporting.services.duties import sync_duties
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
LAST_DAY = dt.date(2026, 11, 6)


@pytest.fixture
def event():
    return make.EventFactory(
        iscms=[make.ISCMFactory()], starts_on=dt.date(2026, 11, 5), ends_on=LAST_DAY
    )


@pytest.fixture
def reporter():
    return make.UserFactory(access_group="reporter", office=make.OfficeFactory())


@pytest.fixture
def reviewer():
    return make.UserFactory(access_group="ipd", office=make.OfficeFactory())


@pytest.fixture
def report(event, reporter):
    """A draft with one of everything."""
    draft = services.start_report(event, reporter.office, reporter, AT)
    draft.discussed = "Members agreed to test the protocol."
    draft.discussed_restricted = "SECRET-REMARK"
    draft.steps_done = ReportPart.values
    draft.save()
    reported.ParticipantFactory(
        report=draft, title="Officer", grade="P3", days=Decimal("2.5"), travel_cost_usd=Decimal(900)
    )
    item = reported.ReportedAgendaItemFactory(report=draft, title="Early warning")
    reported.ReportedRequestFactory(report=draft, asked_on=LAST_DAY)
    reported.ReportedPartnershipFactory(
        report=draft,
        organisation=None,
        new_name="Walk Together",
        new_kind="civil_society",
        since_on=LAST_DAY,
    )
    instrument = reported.ReportedInstrumentFactory(report=draft, dated_on=LAST_DAY)
    instrument.agenda.add(item)
    reported.ReportedFollowUpFactory(report=draft, what="Send the curriculum")
    reported.LessonFactory(report=draft)
    return draft


EVIDENCE = (
    AgendaItem,
    Delegate,
    SupportRequest,
    Partnership,
    PolicyInstrument,
    FollowUpAction,
    TimeEntry,
    FundingLine,
)


def written(report):
    return [model.objects.filter(report_number=report.pk).count() for model in EVIDENCE]


def finish(report):
    """Fill a draft with the least that can be submitted."""
    report.discussed = "Main points."
    report.steps_done = ReportPart.values
    report.save()
    report.participants.update(days=1)
    if not report.participants.exists():
        reported.ParticipantFactory(report=report)


def submit(report, actor):
    return services.submit_report(report.pk, actor, AT)


# --- starting


def test_a_report_starts_with_the_delegation_and_the_agenda_on_record(event, reporter):
    make.DelegateFactory(event=event, office=reporter.office, title="Chief of Mission")
    make.DelegateFactory(event=event, title="Of another office")
    make.AgendaItemFactory(event=event, title="Consultation protocol")
    report = services.start_report(event, reporter.office, reporter, AT)
    assert [person.title for person in report.participants.all()] == ["Chief of Mission"]
    assert [item.title for item in report.reportedagendaitems.all()] == ["Consultation protocol"]
    assert [step.action for step in report.steps.all()] == ["created"]


def test_an_office_has_one_report_on_an_event_whoever_starts_it_twice(event, reporter):
    colleague = make.UserFactory(access_group="reporter", office=reporter.office)
    first = services.start_report(event, reporter.office, reporter, AT)
    second = services.start_report(event, reporter.office, colleague, AT)
    assert second.pk == first.pk
    assert second.steps.count() == 1


# --- writing


def test_each_save_counts_the_version_up_and_marks_its_parts_done(report, reporter):
    PostEventReport.objects.update(steps_done=[])
    with services.writing(report.pk, ["discussed"], reporter, AT) as held:
        held.outcomes = "A table-top exercise."
    report.refresh_from_db()
    assert (report.version, report.steps_done) == (2, ["discussed"])
    assert report.outcomes == "A table-top exercise."


def test_a_colleague_who_saves_is_named_as_a_co_author_and_the_author_is_not(report, reporter):
    colleague = make.UserFactory(access_group="reporter", office=reporter.office)
    for writer in (reporter, colleague):
        with services.writing(report.pk, ["discussed"], writer, AT):
            pass
    assert list(report.co_authors.all()) == [colleague]


def test_nobody_writes_in_a_report_that_is_in_review(report, reporter):
    submit(report, reporter)
    with (
        pytest.raises(services.ReportNotOpen),
        services.writing(report.pk, ["discussed"], reporter, AT) as held,
    ):
        held.discussed = "Changed after all."
    assert PostEventReport.objects.get().discussed == "Members agreed to test the protocol."


# --- submitting


def test_a_submitted_report_counts_nowhere_and_keeps_the_version_that_was_sent(report, reporter):
    submit(report, reporter)
    report.refresh_from_db()
    assert (report.state, report.submitted_at) == ("submitted", AT)
    assert written(report) == [0] * len(EVIDENCE)
    kept = ReportVersion.objects.get(report=report)
    assert kept.content["discussed"] == "Members agreed to test the protocol."
    assert kept.content["reportedpartnerships"][0]["new_name"] == "Walk Together"


def test_the_restricted_text_is_in_no_kept_version_and_in_no_history(report, reporter):
    submit(report, reporter)
    assert "SECRET-REMARK" not in str(ReportVersion.objects.values_list("content", flat=True))
    assert "SECRET-REMARK" not in str(list(PostEventReport.history.values()))


def test_a_second_submit_is_told_so_and_changes_nothing(report, reporter):
    submit(report, reporter)
    with pytest.raises(services.ReportAlreadySubmitted):
        submit(report, reporter)
    assert report.steps.filter(action="submitted").count() == 1
    assert ReportVersion.objects.count() == 1


def test_an_empty_report_is_not_submitted_and_says_what_it_lacks(event, reporter):
    report = services.start_report(event, reporter.office, reporter, AT)
    with pytest.raises(services.ReportIncomplete) as refused:
        submit(report, reporter)
    assert [key for key, _sentence in refused.value.missing] == [*REQUIRED_PARTS]
    report.refresh_from_db()
    assert report.state == "draft"


# --- review


def test_a_returned_report_is_open_again_and_carries_the_comment(report, reporter, reviewer):
    submit(report, reporter)
    reviewing.return_report(report.pk, reviewer, "Who asked?", AT)
    report.refresh_from_db()
    assert report.is_open
    assert report.steps.last().comment == "Who asked?"
    assert written(report) == [0] * len(EVIDENCE)


def test_acceptance_writes_each_row_once_and_each_names_its_report(report, reporter, reviewer):
    submit(report, reporter)
    reviewing.accept_report(report.pk, reviewer, AT)
    assert written(report) == [1] * len(EVIDENCE)
    iscm = report.event.iscms.get()
    request = SupportRequest.objects.get(report_number=report.pk)
    assert (request.iscm, request.event, request.office) == (iscm, report.event, reporter.office)
    partnership = Partnership.objects.get(report_number=report.pk)
    assert partnership.organisation == Organisation.objects.get(name="Walk Together")
    instrument = PolicyInstrument.objects.get(report_number=report.pk)
    assert [item.title for item in instrument.agenda_items.all()] == ["Early warning"]
    time = TimeEntry.objects.get(report_number=report.pk)
    assert (time.days, time.grade, time.worked_on, time.iscm) == (
        Decimal("2.50"),
        "P3",
        LAST_DAY,
        iscm,
    )
    travel = FundingLine.objects.get(report_number=report.pk)
    assert (travel.amount_usd, travel.year, travel.iscm, travel.source_of_funds) == (
        Decimal("900.00"),
        2026,
        iscm,
        "travel",
    )


def test_acceptance_keeps_the_history_of_every_row_it_writes(report, reporter, reviewer):
    submit(report, reporter)
    reviewing.accept_report(report.pk, reviewer, AT)
    for model in EVIDENCE:
        row = model.objects.get(report_number=report.pk)
        assert [past.history_user for past in row.history.all()] == [reviewer]


def test_acceptance_asks_in_the_same_transaction_for_the_quarters_it_touched(
    report, reporter, reviewer
):
    reported.ReportedInstrumentFactory(report=report, dated_on=dt.date(2025, 3, 1))
    submit(report, reporter)
    reviewing.accept_report(report.pk, reviewer, AT)
    message = OutboxMessage.objects.get(topic="evidence_changed")
    assert message.payload["slots"][0] == 20251  # the instrument's
    assert {slot // 10 for slot in message.payload["slots"]} == {2025, 2026}
    assert {"policyinstrument", "supportrequest", "duty"} <= set(message.payload["kinds"])


def test_a_second_acceptance_is_refused_and_writes_nothing(report, reporter, reviewer):
    submit(report, reporter)
    reviewing.accept_report(report.pk, reviewer, AT)
    with pytest.raises(reviewing.ReportAlreadyReviewed):
        reviewing.accept_report(report.pk, reviewer, AT)
    assert written(report) == [1] * len(EVIDENCE)
    assert report.steps.filter(action="accepted").count() == 1


def test_a_draft_is_not_accepted(report, reviewer):
    with pytest.raises(reviewing.ReportAlreadyReviewed):
        reviewing.accept_report(report.pk, reviewer, AT)
    report.refresh_from_db()
    assert report.state == "draft"
    assert written(report) == [0] * len(EVIDENCE)


def test_a_row_that_cannot_be_written_leaves_the_report_in_review(report, reporter, reviewer):
    reported.ReportedFollowUpFactory(report=report, what="Twice")
    submit(report, reporter)
    clash = report.reportedfollowups.last()
    make.FollowUpActionFactory(report_number=report.pk, report_item=clash.pk)
    with pytest.raises(Exception, match=r"(?i)unique"):
        reviewing.accept_report(report.pk, reviewer, AT)
    report.refresh_from_db()
    assert report.state == "submitted"
    assert SupportRequest.objects.count() == 0
    assert OutboxMessage.objects.filter(topic="evidence_changed").count() == 0


def test_delegates_and_agenda_on_record_are_mended_not_doubled(event, reporter, reviewer):
    make.DelegateFactory(event=event, office=reporter.office)
    known = make.AgendaItemFactory(event=event, title="Protocol")
    report = services.start_report(event, reporter.office, reporter, AT)
    finish(report)
    priority = make.IOMPriorityFactory()
    report.reportedagendaitems.update(priority=priority)
    submit(report, reporter)
    reviewing.accept_report(report.pk, reviewer, AT)
    assert event.delegates.count() == 1
    assert [(item.pk, item.priority) for item in event.agenda_items.all()] == [(known.pk, priority)]


def test_an_office_that_left_the_agenda_alone_does_not_undo_what_another_said(
    event, reporter, reviewer
):
    item = make.AgendaItemFactory(event=event, title="Data", priority=None)
    elsewhere = make.UserFactory(access_group="reporter", office=make.OfficeFactory())
    first = services.start_report(event, reporter.office, reporter, AT)
    second = services.start_report(event, elsewhere.office, elsewhere, AT)
    row, priority = first.reportedagendaitems.get(), make.IOMPriorityFactory()
    row.priority = priority
    row.save()
    for report in (first, second):
        finish(report)
        submit(report, report.author)
        reviewing.accept_report(report.pk, reviewer, AT)
    item.refresh_from_db()
    assert item.priority == priority


def test_days_that_nobody_gave_are_asked_for_and_none_is_an_answer(report, reporter):
    person = report.participants.get()
    person.days = None
    person.save()
    with pytest.raises(services.ReportIncomplete) as refused:
        submit(report, reporter)
    assert [key for key, _sentence in refused.value.missing] == ["people"]
    person.days = 0
    person.save()
    submit(report, reporter)


def test_a_part_that_was_never_looked_at_is_not_taken_for_nothing_to_tell(report, reporter):
    report.steps_done = [part for part in ReportPart.values if part != "results"]
    report.save()
    with pytest.raises(services.ReportIncomplete) as refused:
        submit(report, reporter)
    assert [key for key, _sentence in refused.value.missing] == ["results"]


def test_acceptance_confirms_an_event_that_was_proposed(report, reporter, reviewer):
    report.event.is_proposed = True
    report.event.save()
    submit(report, reporter)
    reviewing.accept_report(report.pk, reviewer, AT)
    report.event.refresh_from_db()
    assert not report.event.is_proposed


@pytest.mark.parametrize("day", [dt.date(1950, 12, 31), dt.date(2101, 1, 1)])
def test_the_database_refuses_a_date_that_is_a_slip_of_the_finger(report, day):
    with pytest.raises(IntegrityError, match="plausible"), transaction.atomic():
        reported.ReportedRequestFactory(report=report, asked_on=day)
    with pytest.raises(IntegrityError, match="plausible"), transaction.atomic():
        make.PartnershipFactory(since_on=day)


def test_a_partner_already_on_record_is_found_by_its_name(report, reporter, reviewer):
    known = make.OrganisationFactory(name="walk together")
    submit(report, reporter)
    reviewing.accept_report(report.pk, reviewer, AT)
    assert Partnership.objects.get().organisation == known


# --- what is owed


def test_an_office_owes_a_report_on_each_event_that_is_over_and_it_sent_somebody_to(reporter):
    over = make.EventFactory(starts_on=LAST_DAY, ends_on=LAST_DAY)
    make.DelegateFactory.create_batch(2, event=over, office=reporter.office)
    running = make.EventFactory(starts_on=LAST_DAY, ends_on=dt.date(2026, 11, 20))
    make.DelegateFactory(event=running, office=reporter.office)
    make.DelegateFactory(event=make.EventFactory(starts_on=LAST_DAY, ends_on=LAST_DAY))
    sync_duties(AT)
    owed = duties_due(reporter.office_id, dt.date(2026, 11, 20))
    assert [(row.event, row.due_on) for row in owed] == [(over, dt.date(2026, 11, 20))]


def test_a_report_in_review_is_owed_no_more_and_a_returned_one_is_again(
    report, event, reporter, reviewer
):
    make.DelegateFactory(event=event, office=reporter.office)
    today = dt.date(2026, 11, 20)
    submit(report, reporter)
    sync_duties(AT)
    assert duties_due(reporter.office_id, today) == []
    reviewing.return_report(report.pk, reviewer, "Mend it.", AT)
    assert [row.report_state for row in duties_due(reporter.office_id, today)] == ["returned"]


def test_coverage_is_accepted_of_owed_in_the_period(report, event, reporter, reviewer):
    make.DelegateFactory(event=event, office=reporter.office)
    other = make.EventFactory(starts_on=LAST_DAY, ends_on=dt.date(2026, 12, 31))
    make.DelegateFactory(event=other, office=reporter.office)
    after = make.EventFactory(starts_on=LAST_DAY, ends_on=dt.date(2027, 1, 1))
    make.DelegateFactory(event=after, office=reporter.office)
    submit(report, reporter)
    reviewing.accept_report(report.pk, reviewer, AT)
    sync_duties(AT)
    found = coverage_of_office(reporter.office_id, Period.year(2026), dt.date(2027, 1, 15))
    assert (found.owed, found.accepted) == (2, 1)


def test_what_is_owed_takes_the_same_number_of_statements_for_one_event_and_for_many(
    reporter, django_assert_num_queries
):
    today = timezone.localdate()
    for events in (1, 12):
        for event in make.EventFactory.create_batch(events, starts_on=LAST_DAY, ends_on=LAST_DAY):
            make.DelegateFactory(event=event, office=reporter.office)
        sync_duties(AT)
        with django_assert_num_queries(2):
            duties_due(reporter.office_id, max(today, dt.date(2026, 12, 1)))


# --- what is open from last time


@pytest.fixture
def open_from_last_time(event, reporter):
    return make.FollowUpActionFactory(
        iscm=event.iscms.get(),
        owner=reporter.office,
        what="Send the curriculum",
        agreed_on=dt.date(2026, 3, 1),
        state="open",
    )


def test_a_report_starts_with_the_follow_ups_that_are_open(event, reporter, open_from_last_time):
    make.FollowUpActionFactory(iscm=event.iscms.get(), owner=reporter.office, state="done")
    make.FollowUpActionFactory(iscm=event.iscms.get(), owner=make.OfficeFactory(), state="open")
    report = services.start_report(event, reporter.office, reporter, AT)
    found = [(row.what, row.follow_up, row.state) for row in report.reportedfollowups.all()]
    assert found == [("Send the curriculum", open_from_last_time, "open")]


@pytest.mark.parametrize(("told", "state"), [("done", "done"), ("open", "open")])
def test_what_became_of_a_follow_up_is_taken_over_and_makes_no_second_one(
    event, reporter, reviewer, open_from_last_time, told, state
):
    report = services.start_report(event, reporter.office, reporter, AT)
    row = report.reportedfollowups.get()
    row.state = told
    row.save()
    finish(report)
    submit(report, reporter)
    open_from_last_time.refresh_from_db()
    assert open_from_last_time.state == "open"  # a proposal counts nowhere
    reviewing.accept_report(report.pk, reviewer, AT)
    open_from_last_time.refresh_from_db()
    assert open_from_last_time.state == state
    assert FollowUpAction.objects.count() == 1


def test_a_follow_up_that_others_closed_meanwhile_stays_closed(
    event, reporter, reviewer, open_from_last_time
):
    report = services.start_report(event, reporter.office, reporter, AT)
    finish(report)
    submit(report, reporter)
    open_from_last_time.state = "dropped"
    open_from_last_time.save()
    reviewing.accept_report(report.pk, reviewer, AT)
    open_from_last_time.refresh_from_db()
    assert open_from_last_time.state == "dropped"
