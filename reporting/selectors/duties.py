"""Questions about duties: what is owed, what is late, what waits."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    IntegerField,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, TruncDate

from engagements.models import Event
from iscm_portal.common.access import may
from iscm_portal.common.period import Period

from ..choices import DutyState, ReportState
from ..models import Duty, Extension, PostEventReport
from ..querysets import DutyQuerySet

IN_REVIEW_OR_ACCEPTED = (ReportState.SUBMITTED, ReportState.ACCEPTED)


def due_on(event: Event) -> dt.date | None:
    """A report is due 14 days after the end of its event, if that is known."""
    if event.last_day is None:
        return None
    return event.last_day + dt.timedelta(days=settings.REPORT_DUE_DAYS)


def _reports() -> QuerySet[PostEventReport]:
    """The reports of the duty that a query looks at; a correction is none of its own."""
    return PostEventReport.objects.filter(
        event=OuterRef("event"), office=OuterRef("office"), corrects=None
    )


def with_report(duties: DutyQuerySet) -> DutyQuerySet:
    """Adds ``report_id``, ``report_state`` and ``report_steps`` (None where there is no report)."""
    found: DutyQuerySet = duties.annotate(
        report_id=Subquery(_reports().values("pk")[:1], output_field=IntegerField()),
        report_state=Subquery(_reports().values("state")[:1], output_field=CharField()),
        report_steps=Subquery(_reports().values("steps_done")[:1], output_field=JSONField()),
    )
    return found


def accepted() -> Q:
    """Whether the report on a duty, or its other answer, is accepted; kept in ``is_settled``."""
    return Q(accepted_at__isnull=False) | Q(Exists(_reports().filter(state=ReportState.ACCEPTED)))


def answered_on() -> Combinable:
    """The day on which the accepted report, or the other answer, came in."""
    accepted = _reports().filter(state=ReportState.ACCEPTED).values("submitted_at")
    return TruncDate(Coalesce(Subquery(accepted[:1]), F("answered_at")))


def unanswered(duties: DutyQuerySet) -> DutyQuerySet:
    """Standing duties that wait for their office: no answer, and no report on its way."""
    on_its_way = Exists(_reports().filter(state__in=IN_REVIEW_OR_ACCEPTED))
    found: DutyQuerySet = duties.standing().filter(~on_its_way, is_settled=False, answer="")
    return found


def with_state(duties: DutyQuerySet, today: dt.date) -> DutyQuerySet:
    """Adds ``state``, a ``DutyState``, and what ``with_report`` adds."""
    state = Case(
        When(is_settled=True, then=Value(DutyState.SETTLED)),
        When(report_state=ReportState.SUBMITTED, then=Value(DutyState.IN_REVIEW)),
        When(~Q(answer=""), then=Value(DutyState.IN_REVIEW)),
        When(last_day__gte=today, then=Value(DutyState.UPCOMING)),
        When(due_on__lt=today, then=Value(DutyState.OVERDUE)),
        default=Value(DutyState.OPEN),
        output_field=CharField(),
    )
    found: DutyQuerySet = with_report(duties.standing().with_last_day()).annotate(state=state)
    return found


def duty_list(user: Any, today: dt.date) -> DutyQuerySet:
    """Standing duties that ``user`` may see, with their state, the longest due first."""
    duties = with_state(Duty.objects.visible_to(user), today)
    found: DutyQuerySet = duties.select_related("event", "office").prefetch_related("event__iscms")
    return found.order_by("due_on", "pk")


def duties_due(office_id: int | None, today: dt.date) -> list[Duty]:
    """What an office still has to answer on events that are over, the most pressing first."""
    if office_id is None:
        return []
    mine = unanswered(Duty.objects.of_office(office_id)).with_last_day()
    asked = Extension.objects.filter(duty=OuterRef("pk"), decision="")
    return list(
        with_report(mine)
        .filter(last_day__lt=today)
        .annotate(extension_asked=Subquery(asked.values("until_on")[:1]))
        .select_related("event")
        .prefetch_related("event__iscms")
        .order_by("due_on", "pk")
    )


@dataclass(frozen=True)
class Coverage:
    """How many answers were owed and how many are accepted."""

    owed: int
    accepted: int


def coverage_of_office(office_id: int | None, period: Period, today: dt.date) -> Coverage:
    """The office's duties on events that ended in ``period`` and before ``today``."""
    duties = Duty.objects.standing().of_office(office_id).with_last_day()
    owed = duties.filter(period.q("last_day"), last_day__lt=today)
    return Coverage(owed=owed.count(), accepted=owed.filter(is_settled=True).count())


def answers_waiting(user: Any) -> DutyQuerySet:
    """Answers that wait for IPD, the longest waiting first."""
    duties: DutyQuerySet = Duty.objects.visible_to(user).standing().answered()
    if not may(user, "review_all_reports"):
        return duties.none()
    waiting = duties.filter(accepted_at__isnull=True).select_related(
        "event", "office", "answered_by"
    )
    found: DutyQuerySet = waiting.order_by("answered_at", "pk")
    return found


def extensions_waiting(user: Any) -> QuerySet[Extension]:
    """Extensions that ``user`` may decide: a manager the own office's, IPD all."""
    asked = Extension.objects.filter(decision="", duty__in=Duty.objects.visible_to(user))
    if not (may(user, "review_all_reports") or may(user, "return_own_office_reports")):
        return asked.none()
    return asked.select_related("duty__event", "duty__office", "asked_by").order_by("asked_at")
