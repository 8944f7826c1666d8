"""Vocabulary of reports and indicators."""

from __future__ import annotations

import datetime as dt
from typing import Self

from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from iscm_portal.common.access import Reader, may
from iscm_portal.common.querysets import PortalQuerySet

from .choices import PeriodKind, ReportState, Sensitivity, Status, SurveyState


class PostEventReportQuerySet(PortalQuerySet):
    def visible_to(self, user: Reader) -> Self:
        """IPD sees all, an office its own, everybody the accepted ones."""
        if may(user, "read_all_reports"):
            return self
        if not may(user, "read_directory"):
            return self.none()
        rows = Q(state=ReportState.ACCEPTED) | Q(author=user.pk)
        if may(user, "read_own_office_reports"):
            rows |= Q(office=user.office_id)  # type: ignore[union-attr]
        return self.filter(rows)

    def accepted(self) -> Self:
        return self.filter(state=ReportState.ACCEPTED)

    def open(self) -> Self:
        """Reports that their office still has to finish."""
        return self.filter(state__in=[ReportState.DRAFT, ReportState.RETURNED])

    def waiting(self) -> Self:
        """Reports that wait for IPD."""
        return self.filter(state=ReportState.SUBMITTED)

    def of_office(self, office_id: int | None) -> Self:
        return self.filter(office=office_id)


class LessonQuerySet(PortalQuerySet):
    def accepted(self) -> Self:
        """Those of accepted reports; others are proposals."""
        return self.filter(report__state=ReportState.ACCEPTED)


class AttachmentQuerySet(PortalQuerySet):
    def visible_to(self, user: Reader) -> Self:
        """Those of reports that ``user`` may read, as far as each one's sensitivity allows."""
        reports = self.model._meta.get_field("report").related_model
        readable = reports._default_manager.visible_to(user)
        rows = Q(sensitivity=Sensitivity.OPEN)
        if may(user, "read_internal_remarks"):
            rows |= Q(sensitivity=Sensitivity.INTERNAL)
        if may(user, "read_restricted"):
            rows |= Q(sensitivity=Sensitivity.RESTRICTED)
        elif user.is_authenticated:
            own = Q(report__author=user.pk)
            if may(user, "read_restricted_of_own_office"):
                own |= Q(report__office=user.office_id)  # type: ignore[attr-defined]
            rows |= own
        return self.filter(rows, report__in=readable)


class AnswerQuerySet(PortalQuerySet):
    """Single answers of people and States. What they come to is open, they are not."""

    def visible_to(self, user: Reader) -> Self:
        return self if may(user, "read_answers") else self.none()


class FigureQuerySet(PortalQuerySet):
    def listed(self) -> Self:
        """Without mechanisms that have too few answers to show: a list of them would tell who
        answered. Who asks for one of them is told that."""
        return self.exclude(status=Status.TOO_FEW, iscm__isnull=False)


class IndicatorValueQuerySet(FigureQuerySet):
    def of_year(self, year: int) -> Self:
        return self.filter(period=PeriodKind.YEAR, year=year)

    def of_years(self) -> Self:
        return self.filter(period=PeriodKind.YEAR)

    def overall(self) -> Self:
        """Of all mechanisms together."""
        return self.filter(iscm=None, dimension="")

    def by_iscm(self) -> Self:
        """Of each mechanism as a whole."""
        return self.filter(iscm__isnull=False, dimension="")

    def by(self, dimension: str) -> Self:
        """Of each value of a dimension, over all mechanisms."""
        return self.filter(iscm=None, dimension=dimension)


class PublishedValueQuerySet(FigureQuerySet):
    def stood_after(self, run: int | None) -> Self:
        """What was published when that run had published; None: before there was any."""
        if run is None:
            return self.none()
        return self.filter(Q(to_run__isnull=True) | Q(to_run__gt=run), from_run__lte=run)


class ReleasedValueQuerySet(PortalQuerySet):
    def with_span(self) -> Self:
        """Adds ``period``, ``year`` and ``part``, as a value that is not released has them."""
        return self.annotate(
            period=Value(PeriodKind.YEAR.value), year=F("release__year"), part=Value(0)
        )

    def by(self, dimension: str) -> Self:
        """Of each mechanism as a whole (``iscm``), or of each value of a dimension over all."""
        if dimension == "iscm":
            return self.filter(iscm__isnull=False, dimension="")
        return self.filter(iscm=None, dimension=dimension)


class DutyQuerySet(PortalQuerySet):
    def visible_to(self, user: Reader) -> Self:
        """IPD sees all, an office its own; who is late is nobody else's business."""
        if may(user, "read_all_reports"):
            return self
        if may(user, "read_own_office_reports"):
            return self.filter(office=user.office_id)  # type: ignore[union-attr]
        return self.none()

    def standing(self) -> Self:
        """Duties of offices that did take part."""
        return self.filter(withdrawn_at__isnull=True)

    def with_last_day(self) -> Self:
        """Adds ``last_day``, the day on which the event ends."""
        return self.annotate(last_day=Coalesce("event__ends_on", "event__starts_on"))

    def answered(self) -> Self:
        """Duties with an answer other than a report."""
        return self.exclude(answer="")

    def of_office(self, office_id: int | None) -> Self:
        return self.filter(office=office_id)


class NoticeQuerySet(PortalQuerySet):
    def visible_to(self, user: Reader) -> Self:
        """A notice is read by the one it is for."""
        return self.filter(recipient=user.pk) if user.is_authenticated else self.none()

    def unread(self) -> Self:
        return self.filter(read_at__isnull=True)

    def unsent(self) -> Self:
        """Notices that a mail has still to tell of."""
        return self.filter(emailed_at__isnull=True, lapsed_at__isnull=True)


class BriefingCopyQuerySet(PortalQuerySet):
    def visible_to(self, user: Reader) -> Self:
        """A copy is read by the one it is for."""
        return self.filter(recipient=user.pk) if user.is_authenticated else self.none()

    def unsent(self) -> Self:
        """Copies that a mail has still to bring."""
        return self.filter(emailed_at__isnull=True, is_mailed=True)


class SurveyQuerySet(PortalQuerySet):
    def visible_to(self, user: Reader) -> Self:
        """Who makes surveys sees all of them, everybody those that run or are closed. What was
        answered is another matter: ``selectors.survey_results`` keeps the floor."""
        rows = super().visible_to(user)
        return rows if may(user, "edit_surveys") else rows.exclude(state=SurveyState.DRAFT)

    def running(self) -> Self:
        return self.filter(state=SurveyState.RUNNING)

    def closed(self) -> Self:
        return self.filter(state=SurveyState.CLOSED)

    def taking_answers(self, on: dt.date) -> Self:
        """Surveys that may be answered on the day ``on``, their first and last day included."""
        return self.running().filter(opens_on__lte=on, closes_on__gte=on)
