"""Reviewing a post-event report: returned, or accepted and written as evidence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from engagements.services import confirm_event
from iscm_portal.common import outbox

from ..choices import ReportAction, ReportState
from ..models import PostEventReport, ReportStep
from ..selectors.briefing import proposed_offices
from ..selectors.reports import is_forwarded
from . import briefing, correcting, evidence
from .duties import settle_duty
from .reports import ReportError, locked


class ReportAlreadyReviewed(ReportError):
    """Somebody else returned or accepted the report in the meantime."""


class ReportSentAgain(ReportError):
    """The report is not the one that its reviewer has read: it was returned and sent again."""


class EvidenceInUse(ReportError):
    """The correction takes away a record that something else rests on."""


def return_report(report_id: int, actor: Any, comment: str, at: dt.datetime) -> PostEventReport:
    """Send the report back to its office with a comment. Raises ReportAlreadyReviewed."""
    with transaction.atomic():
        report = in_review(report_id)
        report.state = ReportState.RETURNED
        report.save()
        ReportStep.objects.create(
            report=report, action=ReportAction.RETURNED, actor=actor, at=at, comment=comment
        )
    return report


def forward_report(
    report_id: int, actor: Any, comment: str, at: dt.datetime, read: int | None = None
) -> PostEventReport:
    """Tell IPD that the office's manager has checked the report; told twice, it is told once.

    ``read`` is the version that was checked. Raises ReportAlreadyReviewed and ReportSentAgain;
    nothing changes then.
    """
    with transaction.atomic():
        report = in_review(report_id, read)
        if not is_forwarded(report):
            ReportStep.objects.create(
                report=report, action=ReportAction.FORWARDED, actor=actor, at=at, comment=comment
            )
    return report


def accept_report(
    report_id: int,
    actor: Any,
    at: dt.datetime,
    briefed: Collection[int] | None = None,
    read: int | None = None,
) -> PostEventReport:
    """Accept the report: write its evidence once, and ask for the figures to be worked out.

    ``read`` is the version that the reviewer has read; another one is not accepted unread.
    A correction is taken over by the report that it corrects, which is returned; only what the
    correction changes is written. ``briefed`` are the offices that get the briefing; None: those
    that the portal proposes. All of it stands after the commit or none. Raises
    ReportAlreadyReviewed, ReportSentAgain, and EvidenceInUse where a record can't be taken away.
    """
    try:
        with transaction.atomic():
            report = in_review(report_id, read)
            plan = evidence.plan_of(report)
            proposed = proposed_offices(report)
            is_correction = report.corrects_id is not None
            ReportStep.objects.create(
                report=report, action=ReportAction.ACCEPTED, actor=actor, at=at
            )
            if report.corrects is not None:
                report = correcting.take_over(report)
            else:
                report.state = ReportState.ACCEPTED
                report.accepted_at = at
                report.save()
            confirm_event(report.event)
            settle_duty(report.event_id, report.office_id)
            evidence.write(plan, report.pk, correcting.rows_of(report), actor)
            outbox.write(
                "evidence_changed", {"slots": sorted(plan.slots), "kinds": sorted(plan.kinds)}
            )
            briefing.address_briefing(
                report, proposed, briefed, is_correction=is_correction, actor=actor, at=at
            )
    except ProtectedError as error:
        raise EvidenceInUse(
            _("The correction takes away a record that something else rests on: %(what)s.")
            % {"what": ", ".join(sorted(str(record) for record in error.protected_objects))}
        ) from error
    return report


def in_review(report_id: int, read: int | None = None) -> PostEventReport:
    """The report in review, held until the commit.

    Raises ReportAlreadyReviewed, and ReportSentAgain when it is of another version than ``read``.
    """
    try:
        report = locked(report_id)
    except PostEventReport.DoesNotExist as error:  # a correction, taken over meanwhile
        raise ReportAlreadyReviewed(_("The correction has been accepted already.")) from error
    if report.state != ReportState.SUBMITTED:
        raise ReportAlreadyReviewed(
            _("The report is not in review any more: it is %(state)s.")
            % {"state": report.get_state_display().lower()}
        )
    if read is not None and read != report.version:
        raise ReportSentAgain(
            _("The report was returned and sent again since you opened it. Nothing is done yet.")
        )
    return report
