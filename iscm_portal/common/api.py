"""What every endpoint of the REST API does alike: who may, what may be asked, how it answers.

An endpoint is a scope, a queryset, a record (``common.records``), a filter set and an ordering.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.core.signals import got_request_exception
from django.db import connection
from django.db.models import (
    DateField,
    DecimalField,
    IntegerField,
    JSONField,
    Model,
    QuerySet,
    TextField,
)
from django.http import (
    Http404,
    HttpResponseBase,
    HttpResponseNotModified,
    StreamingHttpResponse,
)
from django.utils import timezone
from django.utils.http import http_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _
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
from .access import granted_scopes
from .api_use import TokenRate, record_use
from .as_of import known_by, rows_of
from .choices import Scope
from .copying import copied_bytes
from .filters import AskedFilter
from .period import FIRST_DAY
from .querysets import PortalQuerySet
from .records import Reader, RecordSerializer, fields_of, tables_of, tables_on
from .renderers import CSVRenderer, JSONRenderer, XLSXRenderer
from .tables import Column, csv_bytes, xlsx_bytes
from .versions import READERS, Versions, every_table

logger = logging.getLogger(__name__)

# What may be asked of any list of records.
PAGING = pagination.PARAMETERS | {"ordering"}
# What may be asked of any table.
TABLE = frozenset({"hxl", "counted"})
# What may be asked of any endpoint besides its filters.
SHAPE = frozenset({"fields", "format", *TABLE})
AS_OF = OpenApiParameter(
    "as_of",
    OpenApiTypes.DATE,
    description="What was on record at the end of that day, today or before it.",
)


FILE_PARAMETERS = [
    OpenApiParameter(
        "hxl", str, enum=["1", "0"], description="1: a row of HXL tags below the header of a file."
    ),
    OpenApiParameter(
        "counted",
        str,
        enum=["true", "false"],
        description="false: CSV without the last line, which says how many rows there are.",
    ),
]


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


def holds(request: Request, scope: Scope) -> bool:
    """Whether the request may read what is behind ``scope``, where a part of an answer has one of
    its own."""
    return scope in granted_scopes(request.user, request.auth)


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
    if response is not None:
        response.data = in_one_shape(response.data)
    if response is not None or isinstance(exc, Http404 | PermissionDenied):
        return response
    logger.exception("The API failed")
    got_request_exception.send(sender=None, request=context["request"])
    set_rollback()
    return Response({"detail": _("The portal failed; the error has been logged.")}, status=500)


def in_one_shape(told: Any) -> Any:
    """An error as it is declared: ``detail`` is one text wherever it stands."""
    match told:
        case {"detail": list() as said}:
            return in_one_shape({**told, "detail": " ".join(map(str, said))})
        case dict():
            return {name: in_one_shape(value) for name, value in told.items()}
        case list():
            return [in_one_shape(value) for value in told]
    return told


class JSONErrors(APIView):
    """A view whose errors are JSON, whatever was asked for."""

    def get_exception_handler(self) -> Any:
        return answer_error

    def handle_exception(self, exc: Exception) -> Response:
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)


# Before the digest a record's tag may have its version (``api_writes``).
_TAGS = re.compile(r'(?:W/)?"(?:[\d.-]+~)?([0-9a-f]{32})"')


# Raise it when answers get another form: what others keep is then asked for anew.
FORM = 1


class Endpoint(JSONErrors):
    """The manners of every address under ``/api/v1/``."""

    # The day on which the address was marked as one to go, and the one until which it stays.
    goes: ClassVar[tuple[dt.date, dt.date] | None] = None
    # What tells the answer's version, alone and as it is sent; see ``unchanged``.
    digest = etag = ""

    http_method_names = ["get", "head", "options"]
    renderer_classes = [JSONRenderer, CSVRenderer, XLSXRenderer]
    throttle_classes = [TokenRate]
    content_negotiation_class = Negotiation

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        # The answer is the reader's own: no shared cache keeps it.
        response.headers.setdefault("Cache-Control", "private, no-cache")
        if self.etag and response.status_code in (200, 304):
            response.headers["ETag"] = self.etag
        if self.goes:
            marked, last = (dt.datetime.combine(day, dt.time(), dt.UTC) for day in self.goes)
            response.headers["Deprecation"] = f"@{int(marked.timestamp())}"
            response.headers["Sunset"] = http_date(last.timestamp())
        if rate := getattr(request, "rate", None):
            for name, value in rate.headers().items():
                response.headers[name] = value
        record_use(request, response)
        return response

    @property
    def read_from(self) -> frozenset[str]:
        """The tables that the answer is read from, whatever is asked; unless said otherwise any."""
        return every_table()

    @cached_property
    def versions(self) -> Versions:
        """Which versions of these tables there were, and of who may what, before all was read."""
        return Versions(self.read_from | READERS)

    def unchanged(self) -> HttpResponseNotModified | None:
        """Say "not modified" where the request has the answer of now already; None where not.

        An answer follows from what was asked, by whom, on which day, and from what stands in the
        ``tables`` that it is read from. Told before a row is read, so that an answer may be newer
        than its tag says, never older.
        """
        request = self.request
        user: Any = request.user
        token: Any = request.auth
        asked = (
            FORM,
            request.build_absolute_uri(),
            request.accepted_renderer.format,
            get_language(),
            user.pk,
            user.access_group,
            user.office_id,
            sorted(token.scopes) if token is not None else None,
            timezone.localdate(),
            self.versions.of(self.read_from),
        )
        self.digest = hashlib.blake2b(repr(asked).encode(), digest_size=16).hexdigest()
        # Weak: packed or not, it is the same answer.
        self.etag = f'W/"{self.digest}"'
        for given in _TAGS.finditer(request.headers.get("If-None-Match", "")):
            if given[1] == self.digest:
                self.etag = given[0]
                return HttpResponseNotModified()
        return None

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


@dataclass(frozen=True)
class Wanted:
    """The file that a request asks for: what kind, with a row of tags or not, counted or not."""

    form: str
    is_tagged: bool
    is_counted: bool


def wanted_file(request: Request) -> Wanted | None:
    """The file that is asked for; None where it is JSON. Raises ValidationError."""
    form = request.accepted_renderer.format
    switches = {name: _switch(request, name, words) for name, words in SWITCHES.items()}
    if form == "json":
        if given := [name for name in SWITCHES if request.query_params.get(name)]:
            said = _("Only with format=csv or format=xlsx.")
            raise exceptions.ValidationError({name: [said] for name in given})
        return None
    return Wanted(form, switches["hxl"] == "1", switches["counted"] != "false")


# parameter -> the values that it takes
SWITCHES = {"hxl": ("1", "0"), "counted": ("true", "false")}


def _switch(request: Request, name: str, words: tuple[str, ...]) -> str:
    text = request.query_params.get(name, "")
    if text and text not in words:
        known = ", ".join(words)
        raise exceptions.ValidationError(
            {name: [_("Choose one of: %(known)s.") % {"known": known}]}
        )
    return text


def file_answer(
    wanted: Wanted, name: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """A file of ``rows`` under ``columns``, sent as it is read."""
    if wanted.form == "csv":
        parts = csv_bytes(columns, rows, is_tagged=wanted.is_tagged, is_counted=wanted.is_counted)
    else:
        parts = xlsx_bytes(columns, rows, is_tagged=wanted.is_tagged)
    response = _download(wanted, name, parts)
    if isinstance(rows, Sequence):
        response[ROW_COUNT] = str(len(rows))
    return response


# How many rows a file has, where that is known before it is sent.
ROW_COUNT = "X-Row-Count"
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": XLSXRenderer.media_type}


def _download(wanted: Wanted, name: str, parts: Iterator[bytes]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(parts, content_type=MEDIA_TYPES[wanted.form])
    response["Content-Disposition"] = f'attachment; filename="{name}.{wanted.form}"'
    return response


class ErrorSerializer(serializers.Serializer[Any]):
    """An error, in words; what is wrong with a parameter or field is told as `Refused`."""

    detail = serializers.CharField()


ERRORS = {
    400: "A parameter is unknown or wrong; the message stands under its name.",
    401: "No token, or one that is unknown, expired or revoked.",
    403: "The token lacks the scope.",
    404: "There is no such record, or it is not for the reader.",
    429: "More calls a minute than a token has; `Retry-After` says when to go on.",
}


@cache
def _tables(view: type[RecordViewSet]) -> frozenset[str]:
    model = view.queryset.model
    found = tables_of(view.serializer_class, model)
    found |= {one._meta.db_table for one in view.also_reads}
    for one in view.filterset_class.base_filters.values():
        if one.field_name:
            found |= tables_on(model, one.field_name)
        if (rows := one.extra.get("queryset")) is not None:
            found.add(rows.model._meta.db_table)
    return frozenset(found)


@cache
def sortable(record: type[RecordSerializer], model: type[Model]) -> tuple[str, ...]:
    """The fields that a list can be ordered by: short ones of the row itself, and of those that
    may be unknown its days, moments and numbers. What is not known stands last."""

    def is_one(name: str) -> bool:
        try:
            column = model._meta.get_field(name)
        except FieldDoesNotExist:
            return False
        if not column.concrete or column.is_relation:
            return False
        if column.null:
            return isinstance(column, DateField | IntegerField | DecimalField)
        return not isinstance(column, TextField | JSONField)

    fields = fields_of(record)
    return tuple(name for name in fields if (fields[name].source or name) == name and is_one(name))


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

    def is_deprecated(self) -> bool:
        return bool(getattr(self.view, "goes", None)) or super().is_deprecated()

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
            if getattr(self.view, "action", "") == "list":
                view: Any = self.view
                names = sortable(record, view.queryset.model)
                found.append(
                    OpenApiParameter(
                        "ordering",
                        str,
                        description=f"By commas, with - the last one first, "
                        f"what is not known always last: {', '.join(names)}.",
                    )
                )
        if getattr(self.view, "is_kept", False):
            found.append(AS_OF)
        return [*found, *FILE_PARAMETERS] if self.files else found

    def get_response_serializers(self) -> Any:
        good = self._get_serializer()  # type: ignore[no-untyped-call]
        if answers_list(self.view):
            good = type(good)(many=True)
        return {
            (200, JSONRenderer.media_type): good,
            **{(200, form): OpenApiResponse(kind) for form, kind in self.files.items()},
            **self.errors(may_lack="{" in self.path),
        }

    @property
    def files(self) -> dict[str, OpenApiTypes]:
        """The tables that the view can be had as, by their type."""
        known = {CSVRenderer: OpenApiTypes.STR, XLSXRenderer: OpenApiTypes.BINARY}
        given = self.view.renderer_classes
        return {form.media_type: kind for form, kind in known.items() if form in given}

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
    filterset_class: ClassVar[type[AskedFilter]]
    # Ends in "id" or "-id"; see ``KeysetPagination``.
    ordering: ClassVar[tuple[str, ...]] = ("id",)
    # The public key besides ``id``: "slug", "code", "key" ... where the record has one.
    public_key: ClassVar[str] = ""
    # Whether every version of the records is kept, so that ``as_of`` can be asked.
    is_kept: ClassVar[bool] = False
    # Models that the list reads besides those of its records and filters.
    also_reads: ClassVar[tuple[type[Model], ...]] = ()
    lookup_value_converter = "str"
    schema = EndpointSchema()

    @classmethod
    def tables(cls) -> frozenset[str]:
        """The tables that the list is read from, whatever is asked of it."""
        return _tables(cls)

    @property
    def read_from(self) -> frozenset[str]:
        return self.tables() if self.action in ("list", "retrieve") else super().read_from

    @property
    def shape(self) -> frozenset[str]:
        """What may be asked besides filters."""
        return SHAPE | {"as_of"} if self.is_kept else SHAPE

    @property
    def known_by(self) -> dt.datetime | None:
        """The moment before which it was on record what is asked for; None: now."""
        return known_by(past_day(self.request)) if self.is_kept else None

    def get_queryset(self) -> QuerySet[Any]:
        """The rows that the reader may see, as they are or as they were on record."""
        rows: PortalQuerySet = self.queryset.all()
        if self.known_by is not None:
            rows = rows_of(self.queryset.model, self.known_by)
        return rows.visible_to(self.request.user)

    def list(self, request: Request) -> Response | HttpResponseBase:
        known = self.filterset_class.base_filters
        self.check_parameters(request, self.shape | PAGING | known.keys())
        if same := self.unchanged():
            return same
        wanted = wanted_file(request)
        queryset = self.get_queryset()
        if self.filterset_class.is_always_asked or known.keys() & request.query_params.keys():
            queryset = self.filter_queryset(queryset)
        reader = self.reader()
        if wanted:
            return self.table(wanted, reader, pagination.in_order(queryset, self.order))
        pages = pagination.KeysetPagination()
        columns = [name.removeprefix("-") for name in self.order]
        records, edges = reader.read(pages.begin(queryset, request, self.order), columns)
        return Response(pages.answer(request, records, edges))

    def retrieve(self, request: Request, pk: str) -> Response | HttpResponseBase:
        self.check_parameters(request, self.shape)
        if same := self.unchanged():
            return same
        wanted = wanted_file(request)
        reader = self.reader()
        records, _edges = reader.read(self.get_queryset().filter(**self.key_of(pk)))
        if not records:
            raise exceptions.NotFound
        if wanted:
            return file_answer(wanted, pk, reader.columns, [reader.line(records[0])])
        return Response(records[0])

    @property
    def order(self) -> tuple[str, ...]:
        """The order that is asked for, or the list's own. It ends in ``id``, so that no two rows
        stand in the same place."""
        text = self.request.query_params.get("ordering", "")
        if not text:
            return self.ordering
        known = sortable(self.serializer_class, self.queryset.model)
        names = [name.strip() for name in text.split(",")]
        bare = [name.removeprefix("-") for name in names]
        if unknown := [name for name in bare if name not in known]:
            said = _("Unknown: %(unknown)s. Known are: %(known)s.")
            words = {"unknown": ", ".join(unknown), "known": ", ".join(known)}
            raise exceptions.ValidationError({"ordering": [said % words]})
        if len(set(bare)) != len(bare):
            raise exceptions.ValidationError({"ordering": [_("Name each field once.")]})
        if "id" in bare:
            return tuple(names[: bare.index("id") + 1])
        return (*names, "-id" if names[-1].startswith("-") else "id")

    def key_of(self, text: str) -> dict[str, Any]:
        """The condition for the record that the address names."""
        if text.isascii() and text.isdecimal() and len(text) < 19:
            return {"id": int(text)}
        if not self.public_key or "\0" in text:
            raise exceptions.NotFound
        return {self.public_key: text}

    def reader(self) -> Reader:
        """Reads the fields that the request picks; a field that is not there is an error."""
        names = list(fields_of(self.serializer_class))
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

    def table(
        self, wanted: Wanted, reader: Reader, queryset: QuerySet[Any]
    ) -> StreamingHttpResponse:
        """The whole list as a file."""
        name = self.request.path.strip("/").rpartition("/")[2]
        if wanted.form == "csv" and reader.is_flat and connection.vendor == "postgresql":
            parts = copied_bytes(
                reader.columns,
                reader.lines_of(queryset),
                is_tagged=wanted.is_tagged,
                is_counted=wanted.is_counted,
            )
            return _download(wanted, name, parts)
        lines = (reader.line(record) for record in reader.stream(queryset))
        return file_answer(wanted, name, reader.columns, lines)
