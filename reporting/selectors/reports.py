"""Questions about post-event reports."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from engagements.models import (
    AgendaItem,
    Delegate,
    Event,
    FollowUpAction,
    Office,
    Partnership,
    PolicyInstrument,
    SupportRequest,
)
from finance.models import FundingLine, TimeEntry
from iscm_portal.common.access import may
from iscm_portal.common.period import Period

from ..choices import ReportState
from ..models import KeptText, PostEventReport
from ..querysets import PostEventReportQuerySet


@dataclass(frozen=True)
class OwedReport:
    """An event that took place and the report that an office owes on it."""

    event: Event
    report_id: int | None
    state: str | None
    steps_done: int
    delegates: int
    due_on: dt.date


def due_on(event: Event) -> dt.date | None:
    """A report is due 14 days after the end of its event."""
    if event.last_day is None:
        return None
    return event.last_day + dt.timedelta(days=settings.REPORT_DUE_DAYS)


def owed_events(office_id: int, period: Period) -> QuerySet[Event]:
    """Events that ended in ``period`` and to which the office sent somebody."""
    events: QuerySet[Event] = Event.objects.with_delegation_of(office_id).over_in(period)
    return events


def reports_owed(office_id: int | None, today: dt.date) -> list[OwedReport]:
    """What an office still has to file, the most pressing first.

    Events that are over, with a delegation of the office and no report in review or accepted.
    """
    if office_id is None:
        return []
    mine = PostEventReport.objects.filter(event=OuterRef("pk"), office=office_id)
    finished = [ReportState.SUBMITTED, ReportState.ACCEPTED]
    events = (
        owed_events(office_id, Period(dt.date.min, today))
        .annotate(
            report_id=Subquery(mine.values("pk")[:1]),
            report_state=Subquery(mine.values("state")[:1]),
            report_steps=Subquery(mine.values("steps_done")[:1]),
        )
        .filter(Q(report_state=None) | ~Q(report_state__in=finished))
        .order_by(Coalesce("ends_on", "starts_on"), "pk")
        .prefetch_related("iscms", "delegates")
    )
    return [
        OwedReport(
            event=event,
            report_id=event.report_id,
            state=event.report_state,
            steps_done=len(event.report_steps or []),
            delegates=sum(d.office_id == office_id for d in event.delegates.all()),
            due_on=due_on(event) or today,
        )
        for event in events
    ]


@dataclass(frozen=True)
class Coverage:
    """How many reports were owed and how many are accepted."""

    owed: int
    accepted: int


def coverage_of_office(office_id: int | None, period: Period) -> Coverage:
    """The office's reports on events that ended in ``period``."""
    if office_id is None:
        return Coverage(0, 0)
    events = owed_events(office_id, period)
    accepted = PostEventReport.objects.accepted().of_office(office_id).filter(event__in=events)
    return Coverage(owed=events.count(), accepted=accepted.count())


def review_queue(user: Any) -> PostEventReportQuerySet:
    """Reports that wait for ``user``'s review, the longest waiting first.

    IPD reviews all, a manager the office's own; for others there is none.
    """
    queue: PostEventReportQuerySet = PostEventReport.objects.visible_to(user).waiting()
    if not may(user, "review_all_reports"):
        own = may(user, "return_own_office_reports")
        queue = queue.of_office(user.office_id) if own else queue.none()
    links = queue.select_related("event", "office", "author")
    return links.order_by("submitted_at", "pk")


def report_list(user: Any) -> QuerySet[PostEventReport]:
    """Reports that ``user`` may read, the last written first."""
    return PostEventReport.objects.visible_to(user).select_related("event", "office", "author")


def open_follow_ups_before(report: PostEventReport, user: Any) -> QuerySet[FollowUpAction]:
    """Follow-ups of the same mechanisms that were still open when the event took place."""
    return (
        FollowUpAction.objects.visible_to(user)
        .filter(iscm__in=report.event.iscms.all(), state="open", owner=report.office_id)
        .exclude(report_number=report.pk)
        .order_by(F("due_on").asc(nulls_last=True), "pk")
    )


def usual_partners(report: PostEventReport, user: Any) -> list[str]:
    """Names of the partners that the office's partnerships name, the most recent first."""
    names = (
        Partnership.objects.visible_to(user)
        .filter(office=report.office_id)
        .order_by("-since_on")
        .values_list("organisation__name", flat=True)[:20]
    )
    return list(dict.fromkeys(names))[:6]


def reports_of_series(event: Event, office: Office, user: Any) -> list[PostEventReport]:
    """The office's reports on earlier events of the same mechanisms, the latest first; a few."""
    earlier = (
        PostEventReport.objects.visible_to(user)
        .filter(office=office, corrects=None, event__iscms__in=event.iscms.all())
        .exclude(event=event)
        .select_related("event")
        .order_by("-event__sorted_on", "-pk")
        .distinct()
    )
    return list(earlier[:5])


def kept_texts(report: PostEventReport) -> QuerySet[KeptText]:
    """Who is typing into the report and has not saved; what they type is theirs alone."""
    return report.kept_texts.defer("content").select_related("author").order_by("page", "pk")


def evidence_of_report(report: PostEventReport, user: Any) -> dict[str, QuerySet[Any]]:
    """What the accepted report wrote, as far as ``user`` may read it, by kind."""
    kinds: dict[str, Any] = {
        "delegates": Delegate,
        "agenda_items": AgendaItem,
        "support_requests": SupportRequest,
        "partnerships": Partnership,
        "instruments": PolicyInstrument,
        "follow_ups": FollowUpAction,
        "time_entries": TimeEntry,
        "travel": FundingLine,
    }
    return {
        name: model.objects.filter(report_number=report.pk).visible_to(user)
        for name, model in kinds.items()
    }
