"""Endpoints of reports, indicators and recommendations."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from engagements.models import AgendaItem
from iscm_portal.common import pagination
from iscm_portal.common.api import TABLE, RecordViewSet, file_answer, wanted_file
from iscm_portal.common.choices import Scope
from iscm_portal.common.renderers import JSONRenderer

from .. import filters, models
from ..querysets import DutyQuerySet, LessonQuerySet, PostEventReportQuerySet, SurveyQuerySet
from ..selectors.duties import with_state
from ..selectors.surveys import with_counts
from ..services.compiling.progress import how_far
from . import evidence, serializers


class ReportViewSet(RecordViewSet):
    """Accepted post-event reports, open text only, with what came of the event.

    What has not been accepted counts nowhere and is not here. CSV has the report's own columns;
    its requests, partnerships and so on have endpoints of their own with `report=`.
    """

    scope = Scope.READ_REPORTS
    queryset = models.PostEventReport.objects.all()
    serializer_class = serializers.ReportSerializer
    filterset_class = filters.ReportFilter
    also_reads = (AgendaItem,)

    def get_queryset(self) -> QuerySet[Any]:
        rows: PostEventReportQuerySet = super().get_queryset()  # type: ignore[assignment]
        return rows.accepted()


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

        Records of several kinds, told apart by `type`; `url` leads to the whole record. Funding
        lines, attributions and time entries are here only with the scope `read:finance`.
        """
        self.check_parameters(request, pagination.PARAMETERS | TABLE | {"format"})
        wanted = wanted_file(request)
        if same := self.unchanged():
            return same
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
