"""Endpoints of funding, projects, posts, time, and what the mechanisms cost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from itertools import chain
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from iscm_portal.common.api import (
    AS_OF,
    TABLE,
    Endpoint,
    EndpointSchema,
    RecordViewSet,
    file_answer,
    holds,
    past_day,
    wanted_file,
)
from iscm_portal.common.api_bodies import RowList
from iscm_portal.common.api_writes import WritableViewSet
from iscm_portal.common.as_of import rows_of
from iscm_portal.common.choices import Scope
from iscm_portal.common.records import fields_of
from iscm_portal.common.renderers import JSONRenderer

from .. import filters, models
from ..forms import records
from ..permissions import may_add, may_edit, own_office_only, readable_by_scope
from ..selectors.activities import activities
from ..selectors.funds import with_known_balance
from ..selectors.trace import version_of
from ..services import ledger
from . import iati, resources, serializers


class FinanceViewSet(RecordViewSet):
    """Records of money, as they are or as they were on record on a past day."""

    scope = Scope.READ_FINANCE
    is_kept = True

    def get_queryset(self) -> QuerySet[Any]:
        return readable_by_scope(rows_of(self.queryset.model, self.known_by), self.request.user)


class WrittenViewSet(FinanceViewSet, WritableViewSet):
    """Records of money that whoever may edit them on pages may write, by the same form and
    ledger. A change of a figure needs `reason`."""

    write_scope = Scope.WRITE_FINANCE
    form_class: ClassVar[type[records.RecordForm]]

    def form_for(self, data: dict[str, Any] | None, instance: Any) -> records.RecordForm:
        user: Any = self.request.user
        may = may_add(user, self.queryset.model) if instance is None else may_edit(user, instance)
        if not may:
            raise PermissionDenied
        return self.form_class(
            data,
            user=user,
            today=timezone.localdate(),
            offices=own_office_only(user),
            instance=self.queryset.model() if instance is None else instance,
        )

    def described_form(self) -> records.RecordForm:
        nobody, model = AnonymousUser(), self.queryset.model
        return self.form_class(user=nobody, today=dt.date.max, instance=model())

    def save(self, form: Any, version: str | None, lists: Mapping[str, Any]) -> Any:
        shares = lists.get("shares")
        return ledger.save_record(
            self.queryset.model(pk=form.instance.pk),
            form.values,
            self.request.user,
            form.cleaned_data.get("reason", ""),
            seen=version,
            shares=None if shares is None else records.shares_sent(shares),
        )

    def remove(self, record: Any, reason: str, version: str) -> None:
        if not may_edit(self.request.user, record):
            raise PermissionDenied
        ledger.delete_record(record, self.request.user, reason, seen=version)

    def version_of(self, record: Any) -> str:
        return version_of(record)


class ProjectViewSet(WrittenViewSet):
    """Projects that money goes through."""

    queryset = models.Project.objects.all()
    form_class = records.ProjectForm
    serializer_class = serializers.ProjectSerializer
    filterset_class = filters.ProjectFilter
    also_reads = (models.Attribution,)
    public_key = "code"


class AttributionViewSet(WrittenViewSet):
    """What share of a project's support in a year goes to a mechanism."""

    queryset = models.Attribution.objects.all()
    form_class = records.AttributionForm
    serializer_class = serializers.AttributionSerializer
    filterset_class = filters.AttributionFilter


class FundingLineViewSet(WrittenViewSet):
    """Amounts in USD: for one year, for what, by whom, and where that is written."""

    queryset = models.FundingLine.objects.all()
    form_class = records.FundingLineForm
    serializer_class = serializers.FundingLineSerializer
    filterset_class = filters.FundingLineFilter
    public_key = "code"


class PositionViewSet(WrittenViewSet):
    """Posts, who pays them, and what share is for which mechanism."""

    queryset = models.Position.objects.all()
    form_class = records.PositionForm
    serializer_class = serializers.PositionSerializer
    filterset_class = filters.PositionFilter
    public_key = "code"

    def lists_of(self, record: Any) -> Mapping[str, RowList]:
        """All shares of the post; those that are not in the list are taken away."""
        row = records.ShareForm(iscms=[])
        row.fields["iscm"].required = True
        shown = frozenset(fields_of(serializers.PositionShareSerializer))
        return {"shares": RowList(row, shown=shown, bind=records.sent_shares)}


class TimeEntryViewSet(WrittenViewSet):
    """Days spent on events and mechanisms."""

    queryset = models.TimeEntry.objects.all()
    form_class = records.TimeEntryForm
    serializer_class = serializers.TimeEntrySerializer
    filterset_class = filters.TimeEntryFilter


class ReserveFundViewSet(FinanceViewSet):
    """Reserve funds: what is in them, and year by year what came in and was paid for how many
    cases. Never a case."""

    queryset = models.ReserveFund.objects.all()
    serializer_class = serializers.FundSerializer
    filterset_class = filters.ReserveFundFilter
    also_reads = (models.FundContribution, models.FundDisbursement)
    public_key = "slug"

    def get_queryset(self) -> QuerySet[Any]:
        found: QuerySet[Any] = with_known_balance(super().get_queryset(), self.known_by)
        return found


class XMLRenderer(JSONRenderer):
    """Names the format; the file is streamed, errors are JSON."""

    media_type = "application/xml"
    format = "xml"


class ActivityFileSchema(EndpointSchema):
    def get_override_parameters(self) -> list[Any]:
        return []

    def get_response_serializers(self) -> Any:
        file = OpenApiResponse(OpenApiTypes.STR)
        return {(200, "application/xml"): file, **self.errors(may_lack=True)}


class ActivityFileView(Endpoint):
    """Projects with a share attributed to a mechanism, as an activity file of IATI 2.03.

    Real records only. The tags of vocabulary 99 are slugs of mechanisms, with the share of each
    year in words.
    """

    scope = Scope.READ_FINANCE
    renderer_classes = [XMLRenderer]
    schema = ActivityFileSchema()

    @extend_schema(operation_id="iati_activities")
    def get(self, request: Request) -> StreamingHttpResponse:
        self.check_parameters(request, frozenset())
        organisation = settings.IATI_ORGANISATION_ID
        if not organisation:
            raise NotFound(_("There is no file: IATI_ORGANISATION_ID, who publishes, is not set."))
        found = activities(readable_by_scope(models.Project.objects.all(), request.user))
        first = next(found, None)
        if first is None:  # a file without an activity isn't valid
            raise NotFound(_("There is no file: no project has a share for a mechanism."))
        at = timezone.now()
        response = StreamingHttpResponse(
            iati.activity_file(chain([first], found), organisation, timezone.localdate(at), at),
            content_type="application/xml; charset=utf-8",
        )
        response["Content-Disposition"] = 'attachment; filename="iati-activities.xml"'
        return response


class ContributionViewSet(WrittenViewSet):
    """What Member States are to pay to a mechanism for a year, and what they have paid."""

    queryset = models.AssessedContribution.objects.all()
    form_class = records.ContributionForm
    serializer_class = serializers.ContributionSerializer
    filterset_class = filters.ContributionFilter


class ProposalViewSet(WrittenViewSet):
    """Money asked of donors, and what became of it."""

    queryset = models.Proposal.objects.all()
    form_class = records.ProposalForm
    serializer_class = serializers.ProposalSerializer
    filterset_class = filters.ProposalFilter


class ResourcesView(Endpoint):
    """What the mechanisms cost: known USD and the possible range; or a table of the evaluation.

    Without `table` it adds up all that is counted (OSI, attributed project support, the other
    funding lines, staff time that no counted line pays), cut `by` the dimensions named. With
    `table` it gives the evaluation's own table: its rows in its order with its labels, and totals;
    Table 7 counts people, so that its cells have `value` instead of `known_usd`; it is not asked as
    of a day.
    """

    scope = Scope.READ_INDICATORS
    serializer_class = resources.ResourcesSerializer
    schema = EndpointSchema()

    @extend_schema(
        operation_id="resources_list",
        parameters=[
            OpenApiParameter(
                "table", int, enum=sorted(resources.TABLES), description="Table of the evaluation."
            ),
            OpenApiParameter(
                "by",
                str,
                description=f"Dimensions, by commas: {', '.join(resources.DIMENSIONS)}. "
                "`iscm,year` unless said otherwise. `office` together with `source` needs the "
                "scope `read:finance`, too.",
            ),
            OpenApiParameter(
                "year",
                str,
                description="A year, years by commas, or a span: `2014..2019`. Without it all"
                " until this year, or the last one with a line, an attribution or days.",
            ),
            OpenApiParameter("iscm", str, description="Slug of a mechanism."),
            OpenApiParameter(
                "source",
                str,
                description="Sources of funds, by commas; see `source_of_funds` of funding lines. "
                "Not with `table`.",
            ),
            AS_OF,
        ],
    )
    def get(self, request: Request) -> Any:
        self.check_parameters(request, resources.PARAMETERS | TABLE | {"format"})
        if same := self.unchanged():
            return same
        wanted = wanted_file(request)
        today = timezone.localdate()
        asked = resources.question(request.query_params.dict(), past_day(request), today)
        if asked.comes_down_to_lines and not holds(request, Scope.READ_FINANCE):
            said = _("“office” together with “source” needs the scope %s.")
            raise ValidationError({"by": [said % Scope.READ_FINANCE]})
        answer = resources.answer(asked)
        if wanted:
            columns = resources.columns(asked)
            return file_answer(wanted, "resources", columns, resources.lines(answer, columns))
        return Response(answer)
