"""Questions about post-event reports."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

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
from finance.models import FundingLine, Position, TimeEntry
from finance.querysets import PositionQuerySet
from iscm_portal.common.access import may
from iscm_portal.common.period import Period

from ..choices import ReportAction
from ..models import Attachment, KeptText, PostEventReport, ReportStep
from ..querysets import PostEventReportQuerySet


def _checked_by_office() -> Exists:
    """Whether the office's manager has checked what was last submitted."""
    return Exists(
        ReportStep.objects.filter(
            report=OuterRef("pk"),
            action=ReportAction.FORWARDED,
            pk__gt=Subquery(
                ReportStep.objects.filter(report=OuterRef("report"), action=ReportAction.SUBMITTED)
                .order_by("-pk")
                .values("pk")[:1]
            ),
        )
    )


def is_forwarded(report: PostEventReport) -> bool:
    """Whether the office's manager has checked what was last submitted."""
    return PostEventReport.objects.filter(_checked_by_office(), pk=report.pk).exists()


def review_queue(user: Any) -> PostEventReportQuerySet:
    """Reports that wait for ``user``'s review, the longest waiting first.

    IPD reviews all, a manager what is not checked yet of the own office; for others there is
    none. Adds ``is_forwarded``.
    """
    queue: PostEventReportQuerySet = PostEventReport.objects.visible_to(user).waiting()
    queue = queue.annotate(is_forwarded=_checked_by_office())
    if not may(user, "review_all_reports"):
        own = may(user, "return_own_office_reports")
        queue = queue.of_office(user.office_id).filter(is_forwarded=False) if own else queue.none()
    links = queue.select_related("event", "office", "author")
    return links.order_by("submitted_at", "pk")


def corrections_under_way(user: Any) -> QuerySet[PostEventReport]:
    """Corrections that ``user`` or the own office has to finish, the oldest first."""
    rows = PostEventReport.objects.visible_to(user).open().exclude(corrects=None)
    mine = rows.filter(Q(author=user.pk) | Q(office=user.office_id))
    return mine.select_related("event").order_by("pk")


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


def posts_of_delegation(report: PostEventReport, user: Any) -> PositionQuerySet:
    """The office's posts that were held on the event's days, as far as ``user`` may read them."""
    posts: PositionQuerySet = Position.objects.visible_to(user).filter(office=report.office_id)
    held = posts.held_during(_days_of(report)).prefetch_related("shares__iscm")
    return held.order_by("title", "pk")


def _days_of(report: PostEventReport) -> Period:
    """The event's days; of one that is known by its month or year only, all that it may be."""
    event = report.event
    last = event.last_day
    if last is not None:
        return Period(event.starts_on or last, last + dt.timedelta(days=1))
    year = event.year or report.created_at.year
    if event.month is None:
        return Period.year(year)
    first = dt.date(year, event.month, 1)
    return Period(first, (first + dt.timedelta(days=31)).replace(day=1))


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
    found = {
        name: model.objects.filter(report_number=report.pk).visible_to(user)
        for name, model in kinds.items()
    }
    found["time_entries"] = found["time_entries"].select_related("position")
    return found


def documents_of(report: PostEventReport, user: Any) -> list[Attachment]:
    """The documents of ``report`` that ``user`` may read."""
    rows = Attachment.objects.visible_to(user).filter(report=report)
    return list(rows.select_related("uploaded_by"))
