"""What every endpoint of the REST API does alike: who may, what may be asked, how it answers.

An endpoint is a scope, a queryset, a record (``common.records``), a filter set and an ordering.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.db.models import QuerySet
from django.http import Http404, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django_filters import FilterSet
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import exceptions, serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler, set_rollback
from rest_framework.viewsets import GenericViewSet

from . import pagination
from .access import HasScope
from .as_of import known_by
from .choices import Scope
from .period import FIRST_DAY
from .querysets import PortalQuerySet
from .records import Reader, RecordSerializer
from .renderers import CSVRenderer, JSONRenderer, table_lines

logger = logging.getLogger(__name__)

# What may be asked of any endpoint besides its filters.
SHAPE = frozenset({"fields", "format"})
AS_OF = OpenApiParameter(
    "as_of",
    OpenApiTypes.DATE,
    description="What was on record at the end of that day, today or before it.",
)


def past_day(request: Request) -> dt.date | None:
    """The day that ``as_of`` names; None where it names none. Raises ValidationError for what is
    no day, a day to come, or one before there was anything."""
    text = request.query_params.get("as_of", "")
    if not text:
        return None
    today = timezone.localdate()
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        day = dt.date.max
    if not FIRST_DAY <= day <= today:
        said = _("Give a day from %(first)s to %(today)s, as 2026-03-31.")
        raise exceptions.ValidationError(
            {"as_of": [said % {"first": FIRST_DAY.isoformat(), "today": today.isoformat()}]}
        )
    return day


class _Asking:
    """Stands for a view of ``scope`` where a part of an answer has a scope of its own."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope


def holds(request: Request, scope: Scope) -> bool:
    """Whether the request may read what is behind ``scope``."""
    return HasScope().has_permission(request, _Asking(scope))


class Negotiation(DefaultContentNegotiation):
    """A format that is not there is an error at the parameter, not "no such address"."""

    def filter_renderers(self, renderers: Any, format: str) -> Any:
        found = [renderer for renderer in renderers if renderer.format == format]
        if not found:
            known = ", ".join(renderer.format for renderer in renderers)
            raise exceptions.ValidationError(
                {"format": [_("Choose one of: %(known)s.") % {"known": known}]}
            )
        return found


def answer_error(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Every error in DRF's shape; one that nobody foresaw is logged and says no more than 500."""
    response = exception_handler(exc, context)
    if response is not None or isinstance(exc, Http404 | PermissionDenied):
        return response
    logger.exception("The API failed")
    got_request_exception.send(sender=None, request=context["request"])
    set_rollback()
    return Response({"detail": _("The portal failed; the error has been logged.")}, status=500)


class JSONErrors(APIView):
    """A view whose errors are JSON, whatever was asked for."""

    def get_exception_handler(self) -> Any:
        return answer_error

    def handle_exception(self, exc: Exception) -> Response:
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)


class Endpoint(JSONErrors):
    """The manners of every address under ``/api/v1/``."""

    http_method_names = ["get", "head", "options"]
    renderer_classes = [JSONRenderer, CSVRenderer]
    content_negotiation_class = Negotiation

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        # The answer is the reader's own: no shared cache keeps it.
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    def check_parameters(self, request: Request, allowed: frozenset[str]) -> None:
        """Refuse what the endpoint does not know: a filter mistyped must not pull everything."""
        errors = {}
        for name, values in request.query_params.lists():
            if name not in allowed:
                known = ", ".join(sorted(allowed))
                errors[name] = [_("Unknown parameter. Known are: %(known)s.") % {"known": known}]
            elif len(values) > 1:
                errors[name] = [_("Give it once.")]
            elif "\0" in values[0]:
                errors[name] = [_("Null characters are not allowed.")]
        if errors:
            raise exceptions.ValidationError(errors)


class NothingHere(Endpoint):
    """What answers at addresses that are none."""

    permission_classes = [AllowAny]
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise exceptions.NotFound


class Schema(JSONErrors, SpectacularAPIView):
    """The OpenAPI document, as YAML or with `format=json` as JSON."""


class Documentation(JSONErrors, SpectacularSwaggerSplitView):
    """The API's pages to try it out, without inline script or style."""

    template_name = "api/docs.html"


def wants_csv(request: Request) -> bool:
    return bool(request.accepted_renderer.format == "csv")


def csv_answer(name: str, columns: list[str], rows: Any) -> StreamingHttpResponse:
    """A CSV file, sent as it is read."""
    response = StreamingHttpResponse(
        (line.encode() for line in table_lines(columns, rows)),
        content_type="text/csv; charset=utf-8",
    )
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


class ErrorSerializer(serializers.Serializer[Any]):
    """An error: `detail`, or a list of messages under the name of each wrong parameter."""

    detail = serializers.CharField(required=False)


ERRORS = {
    400: "A parameter is unknown or wrong; the message stands under its name.",
    401: "No token, or one that is unknown, expired or revoked.",
    403: "The token lacks the scope.",
    404: "There is no such record, or it is not for the reader.",
}


def answers_list(view: Any) -> bool:
    """Whether an action besides ``list`` answers with pages (its method says ``is_list``)."""
    method = getattr(view, getattr(view, "action", None) or "", None)
    return bool(getattr(method, "is_list", False))


class EndpointSchema(AutoSchema):
    """Tells OpenAPI what ``Endpoint`` does: the scope, the formats, the errors."""

    def get_description(self) -> str:  # type: ignore[override]
        scope = getattr(self.view, "scope", None)
        said = super().get_description() or ""
        return f"{said}\n\nScope: `{scope.value}`." if scope else said

    def get_tags(self) -> list[str]:
        return self._tokenize_path()[:1]

    def get_override_parameters(self) -> list[Any]:
        found: list[Any] = []
        record = getattr(self.view, "serializer_class", None)
        if record and issubclass(record, RecordSerializer):
            found.append(
                OpenApiParameter(
                    "fields",
                    str,
                    description=f"Only these, by commas: {', '.join(record().fields)}.",
                )
            )
        if getattr(self.view, "is_kept", False):
            found.append(AS_OF)
        return found

    def get_response_serializers(self) -> Any:
        good = self._get_serializer()  # type: ignore[no-untyped-call]
        if answers_list(self.view):
            good = type(good)(many=True)
        return {
            (200, "application/json"): good,
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR),
            **self.errors(may_lack="{" in self.path),
        }

    def errors(self, may_lack: bool) -> dict[Any, Any]:
        """The refusals; with 404 where what the address names may not be there."""
        found: dict[Any, Any] = {}
        for code, description in ERRORS.items():
            if code != 404 or may_lack:
                found.update(self.error(code, description))
        return found

    def error(self, code: int, description: str) -> dict[Any, Any]:
        return {(code, "application/json"): OpenApiResponse(ErrorSerializer, description)}


class RecordViewSet(Endpoint, GenericViewSet[Any]):
    """A list of records and each record by its public key or its ``id``."""

    scope: ClassVar[Scope]
    queryset: Any
    serializer_class: type[RecordSerializer]
    filterset_class: ClassVar[type[FilterSet]]
    # Holds no NULL and ends in "id" or "-id"; see ``KeysetPagination``.
    ordering: ClassVar[tuple[str, ...]] = ("id",)
    # The public key besides ``id``: "slug", "code", "key" ... where the record has one.
    public_key: ClassVar[str] = ""
    # Whether every version of the records is kept, so that ``as_of`` can be asked.
    is_kept: ClassVar[bool] = False
    lookup_value_converter = "str"
    schema = EndpointSchema()

    @property
    def shape(self) -> frozenset[str]:
        """What may be asked besides filters."""
        return SHAPE | {"as_of"} if self.is_kept else SHAPE

    @property
    def known_by(self) -> dt.datetime | None:
        """The moment before which it was on record what is asked for; None: now."""
        return known_by(past_day(self.request)) if self.is_kept else None

    def get_queryset(self) -> QuerySet[Any]:
        """The rows that the reader may see."""
        rows: PortalQuerySet = self.queryset.all()
        return rows.visible_to(self.request.user)

    def list(self, request: Request) -> Response | StreamingHttpResponse:
        known = self.filterset_class.base_filters
        self.check_parameters(request, self.shape | pagination.PARAMETERS | known.keys())
        queryset = self.filter_queryset(self.get_queryset())
        reader = self.reader()
        if wants_csv(request):
            return self.table(reader, queryset.order_by(*self.ordering))
        pages = pagination.KeysetPagination()
        columns = [name.removeprefix("-") for name in self.ordering]
        records, edges = reader.read(pages.begin(queryset, request, self.ordering), columns)
        return Response(pages.answer(request, records, edges))

    def retrieve(self, request: Request, pk: str) -> Response | StreamingHttpResponse:
        self.check_parameters(request, self.shape)
        queryset = self.get_queryset().filter(**self.key_of(pk))
        reader = self.reader()
        if wants_csv(request):
            return self.table(reader, queryset)
        records, _edges = reader.read(queryset)
        if not records:
            raise exceptions.NotFound
        return Response(records[0])

    def key_of(self, text: str) -> dict[str, Any]:
        """The condition for the record that the address names."""
        if text.isascii() and text.isdecimal() and len(text) < 19:
            return {"id": int(text)}
        if not self.public_key or "\0" in text:
            raise exceptions.NotFound
        return {self.public_key: text}

    def reader(self) -> Reader:
        """Reads the fields that the request picks; a field that is not there is an error."""
        names = list(self.serializer_class().fields)
        text = self.request.query_params.get("fields", "")
        picked = [name.strip() for name in text.split(",")] if text else names
        if unknown := [name for name in picked if name not in names]:
            raise exceptions.ValidationError(
                {
                    "fields": [
                        _("Unknown: %(unknown)s. Known are: %(known)s.")
                        % {"unknown": ", ".join(unknown), "known": ", ".join(names)}
                    ]
                }
            )
        return Reader(self.serializer_class, self.request.user, picked, self.known_by)

    def table(self, reader: Reader, queryset: QuerySet[Any]) -> StreamingHttpResponse:
        lines = (reader.line(record) for record in reader.stream(queryset))
        name = self.request.path.strip("/").rpartition("/")[2]
        return csv_answer(name, reader.columns, lines)
