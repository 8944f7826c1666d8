"""Reviewing a post-event report: returned, or accepted and written as evidence."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from engagements.choices import EventKind
from engagements.models import (
    AgendaItem,
    Delegate,
    Event,
    FollowUpAction,
    Partnership,
    PolicyInstrument,
    SupportRequest,
)
from engagements.services import confirm_event, find_or_create_organisation, link_agenda
from engagements.services import record_from_report as record_evidence
from finance.choices import FundingSource, Supports
from finance.models import FundingLine, TimeEntry
from finance.services import record_from_report as record_costs
from iscm_portal.common import outbox

from ..choices import ReportAction, ReportState
from ..models import (
    Participant,
    PostEventReport,
    ReportedAgendaItem,
    ReportedFollowUp,
    ReportStep,
)
from .reports import ReportError, locked


class ReportAlreadyReviewed(ReportError):
    """Somebody else returned or accepted the report in the meantime."""


def return_report(report_id: int, actor: Any, comment: str, at: dt.datetime) -> PostEventReport:
    """Send the report back to its office with a comment. Raises ReportAlreadyReviewed."""
    with transaction.atomic():
        report = _in_review(report_id)
        report.state = ReportState.RETURNED
        report.save()
        ReportStep.objects.create(
            report=report, action=ReportAction.RETURNED, actor=actor, at=at, comment=comment
        )
    return report


def accept_report(report_id: int, actor: Any, at: dt.datetime) -> PostEventReport:
    """Accept the report: write its evidence once, and ask for the figures to be worked out.

    All of it stands after the commit or none. Raises ReportAlreadyReviewed.
    """
    with transaction.atomic():
        report = _in_review(report_id)
        report.state = ReportState.ACCEPTED
        report.accepted_at = at
        report.save()
        ReportStep.objects.create(report=report, action=ReportAction.ACCEPTED, actor=actor, at=at)
        confirm_event(report.event)
        years = _write_evidence(report, actor)
        outbox.write("evidence_changed", {"years": sorted(years)})
    return report


def _in_review(report_id: int) -> PostEventReport:
    report = locked(report_id)
    if report.state != ReportState.SUBMITTED:
        raise ReportAlreadyReviewed(
            _("The report is not in review any more: it is %(state)s.")
            % {"state": report.get_state_display().lower()}
        )
    return report


def _write_evidence(report: PostEventReport, actor: Any) -> set[int]:
    """Write every row of the report where it counts; return the years that it touches."""
    event = report.event
    only_iscm = _only_iscm(event)
    # The day that undated things are dated by; an event on record has at least a year.
    day = event.last_day or dt.date(event.year or report.created_at.year, 12, 31)
    shared = {
        "report_number": report.pk,
        "event_id": event.pk,
        "is_demo": report.is_demo,
    }
    evidence = {**shared, "office_id": report.office_id}

    agenda = {
        item.pk: AgendaItem(
            **shared,
            report_item=item.pk,
            position=position,
            title=item.title,
            theme_id=item.theme_id,
            proposed_by_iom=item.proposed_by_iom,
            priority_id=item.priority_id,
        )
        for position, item in enumerate(report.reportedagendaitems.all(), start=1)
        if item.agenda_item_id is None
    }
    people = list(report.participants.all())
    delegates = [
        Delegate(**evidence, report_item=person.pk, title=person.title, capacity=person.capacity)
        for person in people
        if person.delegate_id is None
    ]
    requests = [
        SupportRequest(
            **evidence,
            report_item=row.pk,
            iscm_id=row.iscm_id or only_iscm,
            country_id=row.country_id,
            kind=row.kind,
            what=row.what,
            asked_on=row.asked_on,
            answered_on=row.answered_on,
            outcome=row.outcome,
        )
        for row in report.reportedrequests.all()
    ]
    partnerships = [
        Partnership(
            **evidence,
            report_item=row.pk,
            iscm_id=row.iscm_id or only_iscm,
            organisation=row.organisation
            or find_or_create_organisation(row.new_name, row.new_kind),
            purpose=row.purpose,
            since_on=row.since_on,
        )
        for row in report.reportedpartnerships.select_related("organisation")
    ]
    reported_instruments = list(report.reportedinstruments.prefetch_related("agenda"))
    instruments = {
        row.pk: PolicyInstrument(
            **evidence,
            report_item=row.pk,
            iscm_id=row.iscm_id or only_iscm,
            country_id=row.country_id,
            region=row.region,
            title=row.title,
            kind=row.kind,
            action=row.action,
            dated_on=row.dated_on,
            expertise_reflected=row.expertise_reflected,
            expertise_note=row.expertise_note,
        )
        for row in reported_instruments
    }
    follow_ups = [
        FollowUpAction(
            **evidence,
            report_item=row.pk,
            iscm_id=row.iscm_id or only_iscm,
            what=row.what,
            who=row.who,
            owner_id=report.office_id,
            agreed_on=day,
            due_on=row.due_on,
        )
        for row in report.reportedfollowups.filter(follow_up=None)
    ]
    _take_over(report, ReportedAgendaItem, "agenda_item", AGENDA_FIELDS)
    _take_over(report, ReportedFollowUp, "follow_up", FOLLOW_UP_FIELDS)
    record_evidence(
        [
            *agenda.values(),
            *delegates,
            *requests,
            *partnerships,
            *instruments.values(),
            *follow_ups,
        ],
        actor,
    )
    # PostgreSQL and SQLite both hand the keys back to the rows that were written.
    link_agenda(
        {
            instruments[row.pk].pk: [
                item.agenda_item_id or agenda[item.pk].pk for item in row.agenda.all()
            ]
            for row in reported_instruments
        }
    )
    _write_costs(report, people, only_iscm, day, actor)
    return (
        {day.year, event.year or day.year}
        | {row.asked_on.year for row in requests}
        | {row.since_on.year for row in partnerships}
        | {row.dated_on.year for row in instruments.values()}
    )


def _only_iscm(event: Event) -> int | None:
    """The event's mechanism where it has one only; of a joint meeting the rows name theirs."""
    keys = list(event.iscms.values_list("pk", flat=True)[:2])
    return keys[0] if len(keys) == 1 else None


AGENDA_FIELDS = ("title", "theme_id", "proposed_by_iom", "priority_id")
FOLLOW_UP_FIELDS = ("what", "state", "who", "due_on")


def _take_over(
    report: PostEventReport,
    model: type[ReportedAgendaItem] | type[ReportedFollowUp],
    record: str,
    fields: tuple[str, ...],
) -> None:
    """Take over what this office changed of records that were there before its report.

    ``record`` names the link from a row to its record. What the office left as it was copied may
    have been mended by another office's report since.
    """
    rows = model.objects.filter(report=report).exclude(**{record: None}).select_related(record)
    copied: dict[int, Any] = {}
    for past in model.history.filter(report=report).order_by("history_id"):
        copied.setdefault(past.id, past)
    for row in rows:
        changes = {
            field: getattr(row, field)
            for field in fields
            if getattr(row, field) != getattr(copied[row.pk], field)
        }
        if changes:
            known = getattr(row, record)
            for field, value in changes.items():
                setattr(known, field, value)
            known.save()


def _write_costs(
    report: PostEventReport,
    people: list[Participant],
    only_iscm: int | None,
    day: dt.date,
    actor: Any,
) -> None:
    shared = {"report_number": report.pk, "is_demo": report.is_demo, "office_id": report.office_id}
    # Stored text is data: it stays in one language whoever accepts.
    source = f"Post-event report {report.pk}"
    time_entries = [
        TimeEntry(
            **shared,
            report_item=person.pk,
            title=person.title,
            grade=person.grade,
            iscm_id=person.iscm_id or only_iscm,
            event_id=report.event_id,
            worked_on=day,
            days=person.days,
            paid_by=person.paid_by,
            source=source,
        )
        for person in people
        if person.days
    ]
    travel = [
        FundingLine(
            **shared,
            **_supported(person.iscm_id or only_iscm, report.event),
            report_item=person.pk,
            year=day.year,
            source_of_funds=FundingSource.TRAVEL,
            label=f"Travel: {report.event.name[:200]}",
            payer=report.office.name,
            amount_usd=person.travel_cost_usd,
            source=source,
        )
        for person in people
        if person.travel_cost_usd
    ]
    record_costs(time_entries, travel, actor)


def _supported(iscm_id: int | None, event: Event) -> dict[str, Any]:
    """What travel to the event supports; money that no mechanism can be named for is kept aside."""
    if iscm_id:
        return {"supports": Supports.ISCM, "iscm_id": iscm_id}
    if event.kind == EventKind.GRCP:
        return {"supports": Supports.GRCP}
    return {
        "supports": Supports.NOT_NAMED,
        "is_counted": False,
        "not_counted_reason": "The event names no mechanism.",
    }
