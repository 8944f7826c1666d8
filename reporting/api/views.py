"""Endpoints of reports, indicators and recommendations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from engagements.models import AgendaItem
from iscm_portal.common import pagination
from iscm_portal.common.api import TABLE, RecordViewSet, file_answer, holds, wanted_file
from iscm_portal.common.api_bodies import as_sent, errors_of, refuse_unknown, said
from iscm_portal.common.api_refusals import FieldsRefused, NotNow, Stale
from iscm_portal.common.api_write_schema import row_schema
from iscm_portal.common.api_writes import WritableViewSet
from iscm_portal.common.choices import Scope
from iscm_portal.common.records import Reader
from iscm_portal.common.renderers import JSONRenderer

from .. import filters, models, permissions
from ..choices import ReportState
from ..forms import STEPS, CorrectForm, ReportChoices, ReturnForm
from ..querysets import DutyQuerySet, LessonQuerySet, PostEventReportQuerySet, SurveyQuerySet
from ..selectors.comments import has_open_comments
from ..selectors.duties import with_state
from ..selectors.reports import posts_of_delegation, usual_partners
from ..selectors.surveys import with_counts
from ..services import correcting, reports, reviewing
from ..services.compiling.progress import how_far
from . import drafts, evidence, serializers

OPEN = (ReportState.DRAFT, ReportState.RETURNED)
IN_REVIEW = (ReportState.SUBMITTED,)
ACCEPTED = (ReportState.ACCEPTED,)
States = Collection[ReportState]
# May a user do it with a report?
Allowed = Callable[[Any, models.PostEventReport], bool]
Act = Callable[[models.PostEventReport, Any, dt.datetime], models.PostEventReport]


class ReportViewSet(WritableViewSet):
    """Accepted post-event reports, open text only, with what came of the event.

    What has not been accepted counts nowhere and is in no list. CSV has the report's own columns;
    its requests, partnerships and so on have endpoints of their own with `report=`.

    A report that is being written is read at its own address, as a `ReportDraft`, by whoever sees
    it on pages, with the scope `write:reports`; for all others there is none. It is written part by
    part as on pages: a list is given whole, and an empty one says that there was nothing.
    """

    scope = Scope.READ_REPORTS
    queryset = models.PostEventReport.objects.all()
    serializer_class = serializers.ReportSerializer
    filterset_class = filters.ReportFilter
    also_reads = (AgendaItem,)
    http_method_names = ["get", "head", "options", "post", "patch"]
    write_scope = Scope.WRITE_REPORTS
    written_class = serializers.ReportDraftSerializer
    has_states = True
    writes = ("create", "partial_update", "submit", "return_", "forward", "accept", "correct")

    def get_queryset(self) -> QuerySet[Any]:
        rows: PostEventReportQuerySet = super().get_queryset()  # type: ignore[assignment]
        return rows.accepted()

    def retrieve(self, request: Request, pk: str) -> Any:
        # No file has what counts nowhere.
        if holds(request, Scope.WRITE_REPORTS) and request.accepted_renderer.format == "json":
            report = self._stored(pk)
            if report is not None and report.state != ReportState.ACCEPTED:
                self.check_parameters(request, frozenset({"format"}))
                return self.answer(report, 200)
        return super().retrieve(request, pk)

    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        """Send the report to IPD. What it lacks is told at its fields."""
        return self._act(pk, permissions.may_edit_report, OPEN, self._submit)

    @action(detail=True, methods=["post"], url_path="return")
    def return_(self, request: Request, pk: str) -> Response:
        """Send the report back to its office, with a comment."""
        return self._act(pk, permissions.may_return_report, IN_REVIEW, self._return)

    @action(detail=True, methods=["post"])
    def forward(self, request: Request, pk: str) -> Response:
        """Tell IPD that the office's manager has checked the report."""
        return self._act(pk, permissions.may_forward_report, IN_REVIEW, self._forward)

    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """Accept the report: what it found counts from now on. The briefing goes to the offices
        that the portal proposes. Of a correction the answer is the report that it corrects."""
        return self._act(pk, permissions.may_accept_report, IN_REVIEW, self._accept)

    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str) -> Response:
        """Begin the correction of an accepted report, or go on with the one under way: the answer
        is the correction, which is written, submitted and accepted like a report."""
        return self._act(pk, permissions.may_correct_report, ACCEPTED, self._correct)

    # --- writing

    def body_schema(self, action: str, method: str) -> dict[str, Any]:
        acts: dict[str, forms.Form] = {"return_": ReturnForm(), "correct": CorrectForm()}
        if action in ("create", "partial_update"):
            return drafts.body_schema(method)
        return row_schema(acts.get(action, forms.Form()), "post")

    def version_of(self, record: Any) -> str:
        # To return or accept a report is a step, and no new version.
        return f"{record.version}.{record.steps.count()}"

    def written(self, pks: Collection[int]) -> list[dict[str, Any]]:
        user = self.request.user
        rows = models.PostEventReport.objects.visible_to(user).filter(pk__in=pks)
        whole = Reader(serializers.ReportSerializer, user).read(rows.accepted())[0]
        under_way = rows.exclude(state=ReportState.ACCEPTED)
        found = Reader(serializers.ReportDraftSerializer, user).read(under_way)[0]
        papers = under_way.in_bulk([row["id"] for row in found])
        for row in found:
            if not permissions.may_read_costs(user, papers[row["id"]]):
                row["participants"] = []
        return [*whole, *found]

    def _stored(self, pk: str) -> Any:
        rows = models.PostEventReport.objects.visible_to(self.request.user)
        return rows.filter(**self.key_of(pk)).first()

    def _write(self, given: dict[str, Any], record: Any, version: str | None) -> Any:
        if record is None:
            return self._begin(given)
        self._check(record, permissions.may_edit_report, OPEN)
        refuse_unknown(given, drafts.WRITTEN)
        return self._fill(record.pk, given, version)

    def _begin(self, given: dict[str, Any]) -> Any:
        user: Any = self.request.user
        if not permissions.may_start_report(user):
            raise PermissionDenied
        start = drafts.StartForm(user=user)
        refuse_unknown(given, [*start.fields, *drafts.WRITTEN])
        told = {name: given[name] for name in start.fields if name in given}
        form = drafts.StartForm(as_sent(start, told), user=user)
        if not form.is_valid():
            raise FieldsRefused(errors_of(form))
        try:
            with transaction.atomic():
                event, at = form.cleaned_data["event"], timezone.now()
                report = reports.begin_report(event, user.office, user, at)
                parts = {name: given[name] for name in given if name not in told}
                return self._fill(report.pk, parts, None) if parts else report
        except reports.ReportAlreadyStarted as error:
            raise exceptions.ValidationError({"event": [str(error)]}) from None

    def _fill(self, pk: int, given: dict[str, Any], version: str | None) -> Any:
        user, at = self.request.user, timezone.now()
        parts = [step.key for step in STEPS if drafts.is_said(step, given)]
        with self._as_answered(), reports.writing(pk, parts, user, at) as held:
            self._check_version(held, version)

            def choices() -> ReportChoices:
                partners, posts = usual_partners(held, user), posts_of_delegation(held, user)
                return ReportChoices(held, timezone.localdate(at), partners, posts)

            drafts.write(held, given, choices, user, at)
        return held

    # --- acting: each gets the report, its own body and the moment

    def _act(self, pk: str, is_allowed: Allowed, states: States, act: Act) -> Response:
        def done() -> Response:
            record, version = self.held(self.request, pk)
            self._check(record, is_allowed, states)
            with transaction.atomic(), self._as_answered():
                self._check_version(reports.locked(record.pk), version)
                return self.answer(act(record, self.request.data, timezone.now()), 200)

        return self.once(self.request, done)

    def _submit(self, record: Any, data: Any, at: dt.datetime) -> Any:
        said(forms.Form, data)
        return reports.submit_report(record.pk, self.request.user, at)

    def _return(self, record: Any, data: Any, at: dt.datetime) -> Any:
        comment = said(ReturnForm, data, has_comments=has_open_comments(record))["comment"]
        return reviewing.return_report(record.pk, self.request.user, comment, at)

    def _forward(self, record: Any, data: Any, at: dt.datetime) -> Any:
        said(forms.Form, data)
        return reviewing.forward_report(record.pk, self.request.user, "", at)

    def _accept(self, record: Any, data: Any, at: dt.datetime) -> Any:
        said(forms.Form, data)
        return reviewing.accept_report(record.pk, self.request.user, at)

    def _correct(self, record: Any, data: Any, at: dt.datetime) -> Any:
        reason = said(CorrectForm, data)["reason"]
        return correcting.start_correction(record.pk, reason, self.request.user, at)

    def _check(self, record: Any, is_allowed: Allowed, states: States) -> None:
        """Raises NotNow and PermissionDenied."""
        if record.state not in states:
            words = {"state": record.get_state_display().lower()}
            raise NotNow(_("The report is %(state)s: that can't be done now.") % words)
        if not is_allowed(self.request.user, record):
            raise PermissionDenied

    def _check_version(self, held: Any, version: str | None) -> None:
        if version is not None and self.version_of(held) != version:
            raise Stale(_("It was changed since: read it anew and send your change again."))

    @contextmanager
    def _as_answered(self) -> Iterator[None]:
        try:
            yield
        except reports.ReportIncomplete as error:
            told: dict[str, list[Any]] = {}
            for part, sentence in error.missing:
                told.setdefault(drafts.PLACES.get(part, "detail"), []).append(sentence)
            raise FieldsRefused(told) from None
        except reports.ReportError as error:
            raise NotNow(str(error)) from None
        except models.PostEventReport.DoesNotExist:  # a correction, taken over meanwhile
            raise exceptions.NotFound from None


class LessonViewSet(RecordViewSet):
    """Lessons and good practices of accepted reports."""

    scope = Scope.READ_REPORTS
    queryset = models.Lesson.objects.all()
    serializer_class = serializers.LessonSerializer
    filterset_class = filters.LessonFilter
    also_reads = (AgendaItem,)

    def get_queryset(self) -> QuerySet[Any]:
        rows: LessonQuerySet = super().get_queryset()  # type: ignore[assignment]
        return rows.accepted()


class DutyViewSet(RecordViewSet):
    """What each office owes on the events that it took part in: due, late, in review, settled.

    IPD sees all duties, an office its own.
    """

    scope = Scope.READ_REPORTS
    queryset = models.Duty.objects.all()
    serializer_class = serializers.DutySerializer
    filterset_class = filters.DutyFilter
    also_reads = (models.PostEventReport, models.Extension)

    def get_queryset(self) -> QuerySet[Any]:
        rows: DutyQuerySet = super().get_queryset()  # type: ignore[assignment]
        return with_state(rows, timezone.localdate())


class IndicatorsViewSet(RecordViewSet):
    scope = Scope.READ_INDICATORS


class IndicatorViewSet(IndicatorsViewSet):
    """Indicators: what is counted, in which unit, from what baseline to what target."""

    is_kept = True
    queryset = models.Indicator.objects.all()
    serializer_class = serializers.IndicatorSerializer
    filterset_class = filters.IndicatorFilter
    public_key = "key"


class IndicatorValueViewSet(IndicatorsViewSet):
    """What the last compile run found, by year, overall and for each mechanism.

    Of what people answered only values that tell nothing of fewer than three are here; `too_few`
    says that there are answers, and no number stands beside it, `n` neither.

    With `release` the values of a year as it was closed: they never change, and their records are
    those of now.
    """

    queryset: Any = models.IndicatorValue.objects.listed()
    serializer_class = serializers.IndicatorValueSerializer
    filterset_class = filters.IndicatorValueFilter
    also_reads = (models.ReleasedValue, models.ReleasedIndicator)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action == "list" and request.query_params.get("release"):
            self.queryset = models.ReleasedValue.objects.with_span()
            self.serializer_class = serializers.ReleasedValueSerializer
            self.filterset_class = filters.ReleasedValueFilter  # type: ignore[misc]

    @action(detail=True, serializer_class=serializers.EvidenceSerializer, filter_backends=[])
    def evidence(self, request: Request, pk: str) -> Any:
        """The records that the value was counted from; of answers the surveys they came in with.

        Records of several kinds, told apart by `type`; `url` leads to the whole record. Those of
        a kind are here only with the scope of their list: `read:directory` for what came of
        events, `read:reports` for duties, `read:finance` for money.
        """
        self.check_parameters(request, pagination.PARAMETERS | TABLE | {"format"})
        if same := self.unchanged():
            return same
        wanted = wanted_file(request)
        values = self.get_queryset().filter(**self.key_of(pk))
        value = values.select_related("indicator", "iscm").first()
        if value is None:
            raise exceptions.NotFound
        if wanted:
            lines = evidence.lines(value, request)
            return file_answer(wanted, "evidence", evidence.TABLE_COLUMNS, lines)
        return Response(evidence.page(value, request))

    evidence.is_list = True  # type: ignore[attr-defined]


class CompileRunViewSet(IndicatorsViewSet):
    """The runs of the compile: what each was asked for, how long it took and what it changed.

    `compile-runs/progress/` tells of the one under way.
    """

    queryset = models.CompileRun.objects.all()
    serializer_class = serializers.CompileRunSerializer
    filterset_class = filters.CompileRunFilter

    @action(
        detail=False,
        serializer_class=serializers.ProgressSerializer,
        filter_backends=[],
        renderer_classes=[JSONRenderer],
    )
    def progress(self, request: Request) -> Response:
        """How far the run under way is; without a step where there is none."""
        self.check_parameters(request, frozenset({"format"}))
        return Response(serializers.ProgressSerializer(how_far() or {}).data)


class ReleaseViewSet(IndicatorsViewSet):
    """The years that IPD closed; `indicator-values/?release=<id>` has their values."""

    queryset = models.Release.objects.all()
    serializer_class = serializers.ReleaseSerializer
    filterset_class = filters.ReleaseFilter


class RecommendationViewSet(IndicatorsViewSet):
    """The 23 recommendations of the evaluation, restated, and what became of them."""

    is_kept = True
    queryset = models.Recommendation.objects.all()
    serializer_class = serializers.RecommendationSerializer
    filterset_class = filters.RecommendationFilter


class SurveyViewSet(IndicatorsViewSet):
    """Surveys: how many answered, and once they are closed what they came to.

    Nothing is told of fewer than three answers, and nothing that people wrote. CSV has the surveys
    without their results.
    """

    queryset = models.Survey.objects.all()
    serializer_class = serializers.SurveySerializer
    filterset_class = filters.SurveyFilter
    also_reads = (models.SurveyLink,)

    def get_queryset(self) -> QuerySet[Any]:
        rows: SurveyQuerySet = super().get_queryset()  # type: ignore[assignment]
        return with_counts(rows)
