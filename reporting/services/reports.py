"""Writing a post-event report: started, written by its office, submitted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.forms.models import model_to_dict
from django.utils.translation import gettext as _

from engagements.models import AgendaItem, Delegate, Event, Office

from ..choices import ReportAction, ReportPart, ReportState
from ..models import (
    Participant,
    PostEventReport,
    ReportedAgendaItem,
    ReportStep,
    ReportVersion,
)


class ReportError(Exception):
    """Something about a report can't be done now; the message is for the person who tried."""


class ReportNotOpen(ReportError):
    """The report is in review or accepted: nobody writes in it now."""


class ReportAlreadySubmitted(ReportError):
    """The report is on its way already; a second submit changes nothing."""


class ReportIncomplete(ReportError):
    """The report lacks what it needs. ``missing`` is a list of (step key, sentence)."""

    def __init__(self, missing: list[tuple[str, str]]) -> None:
        super().__init__(_("The report is not complete."))
        self.missing = missing


class ReportChangedMeanwhile(ReportError):
    """The report was saved after this page was opened."""


def start_report(event: Event, office: Office, author: Any, at: dt.datetime) -> PostEventReport:
    """The office's report on the event; made, with what is known already, when there is none.

    Delegates and agenda on record are copied in, so that nothing known is asked again.
    """
    try:
        with transaction.atomic():
            report = PostEventReport.objects.create(event=event, office=office, author=author)
            ReportStep.objects.create(
                report=report, action=ReportAction.CREATED, actor=author, at=at
            )
            _prefill(report)
    except IntegrityError:  # somebody of the office was first: it is one report
        return PostEventReport.objects.get(event=event, office=office)
    return report


def _prefill(report: PostEventReport) -> None:
    # Row by row, so that each has its history; a delegation and an agenda are short.
    for delegate in Delegate.objects.filter(event=report.event_id, office=report.office_id):
        Participant.objects.create(
            report=report, delegate=delegate, title=delegate.title, capacity=delegate.capacity
        )
    for item in AgendaItem.objects.filter(event=report.event_id):
        ReportedAgendaItem.objects.create(
            report=report,
            agenda_item=item,
            title=item.title,
            theme_id=item.theme_id,
            proposed_by_iom=bool(item.proposed_by_iom),
            priority_id=item.priority_id,
        )


def locked(report_id: int) -> PostEventReport:
    """The report, held until the transaction ends (SQLite holds the whole database anyway)."""
    reports = PostEventReport.objects.select_for_update(of=("self",))
    report: PostEventReport = reports.select_related("event", "office").get(pk=report_id)
    return report


@contextmanager
def writing(report_id: int, step: str, version: int) -> Iterator[PostEventReport]:
    """Hold the report while one step of it is saved, then count its version up.

    ``version`` is the one that the writer had before his eyes.
    Raises ReportNotOpen and ReportChangedMeanwhile; nothing is saved then.
    """
    with transaction.atomic():
        report = locked(report_id)
        if not report.is_open:
            raise ReportNotOpen(_("The report is in review or accepted; it can't be changed now."))
        if report.version != version:
            raise ReportChangedMeanwhile(
                _("This report was saved after you opened this page: by a colleague, or twice.")
            )
        yield report
        report.version += 1
        if step not in report.steps_done:
            report.steps_done = [*report.steps_done, step]
        report.save()


def what_is_missing(report: PostEventReport) -> list[tuple[str, str]]:
    """What a report needs before it can be submitted: (part key, sentence).

    Every part is looked at and saved, if only empty: that nothing is told then means that there
    was nothing, and a count of 0 is a 0.
    """
    missing = {
        part: _("Look at this part and save it: %(part)s.") % {"part": ReportPart(part).label}
        for part in ReportPart.values
        if part not in report.steps_done
    }
    if not report.participants.exists():
        missing[ReportPart.PEOPLE] = _("Say who took part for IOM.")
    elif report.participants.filter(days__isnull=True).exists():
        missing[ReportPart.PEOPLE] = _("Say how many days each person spent; 0 is an answer.")
    if not report.discussed.strip():
        missing[ReportPart.DISCUSSED] = _("Give the main points of the discussion.")
    return [(part, missing[part]) for part in ReportPart.values if part in missing]


def submit_report(report_id: int, actor: Any, at: dt.datetime) -> PostEventReport:
    """Send the report to IPD and keep the version that was sent.

    Raises ReportAlreadySubmitted and ReportIncomplete; nothing changes then.
    """
    with transaction.atomic():
        report = locked(report_id)
        if not report.is_open:
            raise ReportAlreadySubmitted(_("The report has been submitted already."))
        missing = what_is_missing(report)
        if missing:
            raise ReportIncomplete(missing)
        report.state = ReportState.SUBMITTED
        report.submitted_at = at
        report.version += 1
        report.save()
        ReportVersion.objects.create(
            report=report, version=report.version, content=snapshot(report)
        )
        ReportStep.objects.create(report=report, action=ReportAction.SUBMITTED, actor=actor, at=at)
    return report


ITEM_SETS = (
    "participants",
    "reportedagendaitems",
    "reportedrequests",
    "reportedpartnerships",
    "reportedinstruments",
    "reportedfollowups",
    "lessons",
)


def snapshot(report: PostEventReport) -> dict[str, Any]:
    """The report as plain data, without its restricted text."""
    texts = ("discussed", "discussed_internal", "outcomes", "documents", "funding_leads")
    return {
        **{name: getattr(report, name) for name in texts},
        "frames": sorted(report.frames.values_list("pk", flat=True)),
        **{
            name: [_plain(row) for row in getattr(report, name).order_by("pk")]
            for name in ITEM_SETS
        },
    }


def _plain(row: Any) -> dict[str, Any]:
    values = model_to_dict(row, exclude=["report"])
    return {
        name: value
        if isinstance(value, (str, int, bool, type(None)))
        else [related.pk for related in value]
        if isinstance(value, list)
        else str(value)
        for name, value in values.items()
    }
