"""Correcting an accepted report: what is written anew, what is left alone, what is refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from engagements.models import (
    AgendaItem,
    Delegate,
    FollowUpAction,
    Partnership,
    PolicyInstrument,
    SupportRequest,
)
from finance.models import FundingLine, TimeEntry
from iscm_portal.common.models import OutboxMessage
from reporting.choices import ReportPart
from reporting.models import PostEventReport
from reporting.services import correcting, evidence, reviewing
from reporting.services import reports as services
from tests.factories import engagements as make
from tests.factories import finance as paid
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 12, 20, 9, 0, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 6)
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


@pytest.fixture
def reporter():
    return make.UserFactory(access_group="reporter", office=make.OfficeFactory())


@pytest.fixture
def reviewer():
    return make.UserFactory(access_group="ipd")


@pytest.fixture
def report(reporter, reviewer):
    """An accepted report with one of everything."""
    event = make.EventFactory(iscms=[make.ISCMFactory()], starts_on=DAY, ends_on=DAY)
    draft = services.start_report(event, reporter.office, reporter, AT)
    draft.discussed, draft.steps_done = "Main points.", ReportPart.values
    draft.save()
    reported.ParticipantFactory(
        report=draft, title="Officer", days=Decimal("2.5"), travel_cost_usd=Decimal(900)
    )
    item = reported.ReportedAgendaItemFactory(report=draft, title="Early warning")
    reported.ReportedRequestFactory(report=draft, what="Training", asked_on=DAY)
    reported.ReportedPartnershipFactory(
        report=draft,
        organisation=None,
        new_name="Walk Together",
        new_kind="civil_society",
        since_on=DAY,
    )
    reported.ReportedInstrumentFactory(report=draft, dated_on=DAY, agenda=[item])
    reported.ReportedFollowUpFactory(report=draft, what="Send the curriculum")
    reported.LessonFactory(report=draft, text="Begin earlier.")
    services.submit_report(draft.pk, reporter, AT)
    return reviewing.accept_report(draft.pk, reviewer, AT)


def begin(report, reporter):
    return correcting.start_correction(report.pk, "A figure was wrong.", reporter, LATER)


def accept(correction, reporter, reviewer):
    services.submit_report(correction.pk, reporter, LATER)
    return reviewing.accept_report(correction.pk, reviewer, LATER)


def records():
    """Every record of evidence as its plain values."""
    return {model: list(model.objects.order_by("pk").values()) for model in EVIDENCE}


def test_a_correction_begins_as_the_report_stands_and_changes_nothing(report, reporter):
    before = records()
    correction = begin(report, reporter)
    assert correction.state == "draft"
    assert correction.discussed == "Main points."
    assert correction.reportedinstruments.get().agenda.get().title == "Early warning"
    assert services.snapshot(correction).keys() == services.snapshot(report).keys()
    assert records() == before
    report.refresh_from_db()
    assert report.state == "accepted"


def test_a_correction_that_changes_nothing_writes_nothing(report, reporter, reviewer):
    before = records()
    correction = begin(report, reporter)
    assert not evidence.plan_of(correction)
    accept(correction, reporter, reviewer)
    assert records() == before


def test_what_the_correction_changes_is_changed_in_place_and_the_rest_is_untouched(
    report, reporter, reviewer
):
    # IPD has mended another field of the same record since.
    known = SupportRequest.objects.get()
    known.outcome = "met"
    known.save()
    correction = begin(report, reporter)
    correction.reportedrequests.update(what="Training on interviewing")
    accept(correction, reporter, reviewer)
    after = SupportRequest.objects.get()
    assert (after.pk, after.what, after.outcome) == (known.pk, "Training on interviewing", "met")
    assert after.history.first().history_user == reviewer
    assert Delegate.history.count() == Delegate.objects.count()


def test_added_rows_are_written_and_rows_taken_away_are_deleted(report, reporter, reviewer):
    correction = begin(report, reporter)
    correction.reportedrequests.all().delete()
    reported.ReportedRequestFactory(report=correction, what="Laptops", asked_on=DAY)
    correction.participants.update(travel_cost_usd=None)
    accept(correction, reporter, reviewer)
    found = SupportRequest.objects.get()
    assert (found.what, found.report_number) == ("Laptops", report.pk)
    assert found.report_item == report.reportedrequests.get().pk
    assert FundingLine.objects.count() == 0
    assert TimeEntry.objects.get().days == Decimal("2.50")


def test_a_new_partner_put_right_is_one_partnership_with_the_right_partner(
    report, reporter, reviewer
):
    correction = begin(report, reporter)
    correction.reportedpartnerships.update(new_name="Walk Together Asia")
    accept(correction, reporter, reviewer)
    assert Partnership.objects.get().organisation.name == "Walk Together Asia"


def test_a_partner_of_the_list_put_in_place_of_a_new_one_is_taken_over(report, reporter, reviewer):
    partner = make.OrganisationFactory()
    correction = begin(report, reporter)
    correction.reportedpartnerships.update(organisation=partner, new_name="", new_kind="")
    accept(correction, reporter, reviewer)
    assert Partnership.objects.get().organisation == partner


def test_an_instrument_can_be_said_to_reflect_another_agenda_item(report, reporter, reviewer):
    correction = begin(report, reporter)
    new = reported.ReportedAgendaItemFactory(report=correction, title="Consular help")
    correction.reportedinstruments.get().agenda.set([new])
    accept(correction, reporter, reviewer)
    instrument = PolicyInstrument.objects.get()
    assert [item.title for item in instrument.agenda_items.all()] == ["Consular help"]
    row = report.reportedinstruments.get()
    assert [item.title for item in row.agenda.all()] == ["Consular help"]


def test_the_report_reads_as_its_correction_and_keeps_every_version_and_step(
    report, reporter, reviewer
):
    colleague = make.UserFactory(access_group="reporter", office=reporter.office)
    correction = begin(report, colleague)
    with services.writing(correction.pk, ["discussed"], colleague, LATER) as held:
        held.discussed = "The right points."
    correction.lessons.update(text="Begin a month earlier.")
    accepted = accept(correction, colleague, reviewer)
    assert accepted.pk == report.pk
    report.refresh_from_db()
    assert (report.state, report.accepted_at) == ("accepted", AT)
    assert (report.discussed, report.lessons.get().text) == (
        "The right points.",
        "Begin a month earlier.",
    )
    assert not PostEventReport.objects.filter(pk=correction.pk).exists()
    texts = [version.content["discussed"] for version in report.versions.all()]
    assert texts == ["Main points.", "The right points."]
    assert [step.action for step in report.steps.all()] == [
        "created",
        "submitted",
        "accepted",
        "correcting",
        "submitted",
        "accepted",
    ]
    assert list(report.co_authors.all()) == [colleague]


def test_the_quarters_before_and_after_a_corrected_date_are_worked_out_anew(
    report, reporter, reviewer
):
    OutboxMessage.objects.all().delete()
    correction = begin(report, reporter)
    correction.reportedrequests.update(asked_on=dt.date(2025, 12, 31))
    accept(correction, reporter, reviewer)
    message = OutboxMessage.objects.get(topic="evidence_changed")
    assert {20254, 20264} <= set(message.payload["slots"])


def test_a_report_can_be_corrected_again(report, reporter, reviewer):
    for what in ("Second wording", "Third wording"):
        correction = begin(report, reporter)
        correction.reportedrequests.update(what=what)
        accept(correction, reporter, reviewer)
    assert SupportRequest.objects.get().what == "Third wording"
    assert report.versions.count() == 3


def test_a_returned_correction_leaves_the_accepted_report_as_it_is(report, reporter, reviewer):
    before = records()
    correction = begin(report, reporter)
    correction.reportedrequests.update(what="Other")
    services.submit_report(correction.pk, reporter, LATER)
    reviewing.return_report(correction.pk, reviewer, "Why?", LATER)
    assert records() == before
    correction.refresh_from_db()
    assert correction.state == "returned"


def test_a_report_has_one_correction_at_a_time(report, reporter):
    assert begin(report, reporter).pk == begin(report, reporter).pk
    assert report.corrections.count() == 1


def test_a_report_in_review_is_not_corrected(report, reporter):
    PostEventReport.objects.update(state="submitted")
    with pytest.raises(correcting.ReportNotAccepted):
        begin(report, reporter)
    assert PostEventReport.objects.count() == 1


def test_a_correction_that_is_thrown_away_leaves_the_report_and_its_evidence(report, reporter):
    before = records()
    correction = begin(report, reporter)
    assert correcting.discard_correction(correction.pk) == report
    assert list(PostEventReport.objects.all()) == [report]
    assert records() == before


def test_a_correction_in_review_is_not_thrown_away(report, reporter):
    correction = begin(report, reporter)
    services.submit_report(correction.pk, reporter, LATER)
    with pytest.raises(services.ReportNotOpen):
        correcting.discard_correction(correction.pk)
    assert report.corrections.count() == 1


def test_a_correction_accepted_twice_is_accepted_once(report, reporter, reviewer):
    correction = begin(report, reporter)
    accept(correction, reporter, reviewer)
    with pytest.raises(reviewing.ReportAlreadyReviewed):
        reviewing.accept_report(correction.pk, reviewer, LATER)
    assert report.steps.filter(action="accepted").count() == 2


def test_a_record_that_ipd_has_deleted_is_not_made_again_by_a_correction(
    report, reporter, reviewer
):
    SupportRequest.objects.all().delete()
    correction = begin(report, reporter)
    correction.reportedrequests.update(what="Other")
    accept(correction, reporter, reviewer)
    assert SupportRequest.objects.count() == 0


def test_a_line_that_a_position_is_paid_by_is_not_taken_away(report, reporter, reviewer):
    paid.PositionFactory(paid_by="counted_line", funding_line=FundingLine.objects.get())
    before = records()
    correction = begin(report, reporter)
    correction.participants.update(travel_cost_usd=None)
    services.submit_report(correction.pk, reporter, LATER)
    with pytest.raises(reviewing.EvidenceInUse):
        reviewing.accept_report(correction.pk, reviewer, LATER)
    assert records() == before
    correction.refresh_from_db()
    assert correction.state == "submitted"


def test_what_acceptance_writes_is_told_before_it_is_written(report, reporter, reviewer):
    correction = begin(report, reporter)
    correction.reportedrequests.update(what="Training on interviewing")
    correction.reportedfollowups.all().delete()
    reported.ReportedRequestFactory(report=correction, what="Laptops", asked_on=DAY)
    told = [
        (line.action, line.kind, line.what, line.details)
        for line in evidence.told(evidence.plan_of(correction))
    ]
    assert told == [
        ("Added", "Support request", "Laptops", ()),
        (
            "Changed",
            "Support request",
            "Training on interviewing",
            ("What was asked for: Training → Training on interviewing",),
        ),
        ("Taken away", "Follow-up", "Send the curriculum", ()),
    ]


def test_the_plan_of_a_first_acceptance_is_what_is_then_on_record(reporter, reviewer):
    event = make.EventFactory(iscms=[make.ISCMFactory()], starts_on=DAY, ends_on=DAY)
    draft = services.start_report(event, reporter.office, reporter, AT)
    draft.discussed, draft.steps_done = "Main points.", ReportPart.values
    draft.save()
    reported.ParticipantFactory(report=draft, days=1)
    reported.ReportedRequestFactory(report=draft, asked_on=DAY)
    services.submit_report(draft.pk, reporter, AT)
    planned = evidence.plan_of(draft)
    reviewing.accept_report(draft.pk, reviewer, AT)
    counts = {model: model.objects.filter(report_number=draft.pk).count() for model in EVIDENCE}
    assert {model: count for model, count in counts.items() if count} == {
        model: sum(finding.model is model for finding in planned.created)
        for model in (Delegate, SupportRequest, TimeEntry)
    }
