"""Two people at once: real threads, real connections, and nothing happens twice."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection

from engagements.models import Event, Organisation, Partnership, SupportRequest
from engagements.services import propose_event
from finance.models import FundingLine, TimeEntry
from reporting.choices import ReportPart
from reporting.models import PostEventReport, ReportVersion
from reporting.services import correcting, reviewing
from reporting.services import reports as services
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db(transaction=True)

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
RIVALS = 6


def at_once(action: Callable[[], object]) -> list[str]:
    """Do ``action`` in several threads that start together; returns each one's outcome."""
    outcomes: list[str] = []
    gate = threading.Barrier(RIVALS)

    def run() -> None:
        gate.wait()
        try:
            action()
            outcomes.append("done")
        except services.ReportError as error:
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _rival in range(RIVALS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


@pytest.fixture
def report():
    office = make.OfficeFactory()
    reporter = make.UserFactory(access_group="reporter", office=office)
    event = make.EventFactory(
        iscms=[make.ISCMFactory()], starts_on=dt.date(2026, 11, 5), ends_on=dt.date(2026, 11, 6)
    )
    draft = services.start_report(event, office, reporter, AT)
    draft.discussed = "Main points."
    draft.steps_done = ReportPart.values
    draft.save()
    reported.ParticipantFactory(report=draft, days=Decimal(2), travel_cost_usd=Decimal(100))
    reported.ReportedRequestFactory(report=draft)
    return draft


def test_a_report_submitted_by_several_at_once_is_submitted_once(report):
    outcomes = at_once(lambda: services.submit_report(report.pk, report.author, AT))
    assert outcomes == ["ReportAlreadySubmitted"] * (RIVALS - 1) + ["done"]
    assert report.steps.filter(action="submitted").count() == 1
    assert ReportVersion.objects.count() == 1


def test_reviewers_who_accept_at_once_write_the_evidence_once(report):
    reviewer = make.UserFactory(access_group="ipd", office=make.OfficeFactory())
    services.submit_report(report.pk, report.author, AT)
    outcomes = at_once(lambda: reviewing.accept_report(report.pk, reviewer, AT))
    assert outcomes == ["ReportAlreadyReviewed"] * (RIVALS - 1) + ["done"]
    assert SupportRequest.objects.filter(report_number=report.pk).count() == 1
    assert TimeEntry.objects.filter(report_number=report.pk).count() == 1
    assert FundingLine.objects.filter(report_number=report.pk).count() == 1
    assert report.steps.filter(action="accepted").count() == 1


def accepted_by(reviewer, report):
    services.submit_report(report.pk, report.author, AT)
    return reviewing.accept_report(report.pk, reviewer, AT)


def test_colleagues_who_correct_at_once_share_one_correction(report):
    accepted_by(make.UserFactory(access_group="ipd"), report)
    outcomes = at_once(lambda: correcting.start_correction(report.pk, "Wrong.", report.author, AT))
    assert outcomes == ["done"] * RIVALS
    correction = PostEventReport.objects.get(corrects=report)
    assert correction.reportedrequests.count() == 1
    assert correction.steps.count() == 1


def test_reviewers_who_accept_a_correction_at_once_write_it_once(report):
    reviewer = make.UserFactory(access_group="ipd")
    accepted_by(reviewer, report)
    correction = correcting.start_correction(report.pk, "Wrong.", report.author, AT)
    correction.reportedrequests.update(what="Other")
    reported.ReportedRequestFactory(report=correction, what="New")
    services.submit_report(correction.pk, report.author, AT)
    outcomes = at_once(lambda: reviewing.accept_report(correction.pk, reviewer, AT))
    assert outcomes == ["ReportAlreadyReviewed"] * (RIVALS - 1) + ["done"]
    assert sorted(SupportRequest.objects.values_list("what", flat=True)) == ["New", "Other"]
    assert report.steps.filter(action="accepted").count() == 2


def test_colleagues_who_start_at_once_share_one_report(report):
    office = make.OfficeFactory()
    colleague = make.UserFactory(access_group="reporter", office=office)
    outcomes = at_once(lambda: services.start_report(report.event, office, colleague, AT))
    assert outcomes == ["done"] * RIVALS
    started = PostEventReport.objects.get(office=office)
    assert started.steps.count() == 1


def test_reviewers_who_accept_reports_that_name_the_same_new_partner_make_it_once(report):
    reviewer = make.UserFactory(access_group="ipd", office=make.OfficeFactory())
    waiting = []
    for _rival in range(RIVALS):
        office = make.OfficeFactory()
        author = make.UserFactory(access_group="reporter", office=office)
        other = services.start_report(report.event, office, author, AT)
        other.discussed, other.steps_done = "Main points.", ReportPart.values
        other.save()
        reported.ParticipantFactory(report=other)
        reported.ReportedPartnershipFactory(
            report=other, organisation=None, new_name="Walk Together", new_kind="civil_society"
        )
        services.submit_report(other.pk, author, AT)
        waiting.append(other.pk)
    outcomes = at_once(lambda: reviewing.accept_report(waiting.pop(), reviewer, AT))
    assert outcomes == ["done"] * RIVALS
    partner = Organisation.objects.get(name="Walk Together")
    assert Partnership.objects.filter(organisation=partner).count() == RIVALS


def test_an_event_proposed_by_several_at_once_is_one(report):
    iscm = make.ISCMFactory()

    def propose():
        day = dt.date(2026, 11, 5)
        event = Event(name="Extraordinary session", kind="technical", starts_on=day, ends_on=day)
        propose_event(event, [iscm])

    assert at_once(propose) == ["done"] * RIVALS
    assert Event.objects.filter(name="Extraordinary session").count() == 1
