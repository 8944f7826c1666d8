"""Writing by the API: what every endpoint that takes records does alike.

Create one record, or a list of them all or nothing; change and delete one. The checks and the
services are those of the pages: an endpoint names the form (``form_for``) and what writes it
(``save``, ``remove``).

A list of rows inside of a record (``RowList``) is given whole. What is more than writing a record
(to submit a report) is an *act*: a POST below the record's address.

``If-Match`` says which version of a record its writer saw: needed to change, act and delete,
so that nobody writes over what he has not seen. ``Idempotency-Key`` names a POST: sent again within
24 hours it is answered as before and makes nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from celery import shared_task
from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.http import HttpResponseNotModified
from django.utils import timezone
from django.utils.choices import flatten_choices
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import exceptions, status
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from .api import ERRORS, EndpointSchema, ErrorSerializer, RecordViewSet
from .choices import Scope
from .history import REASON_LENGTH
from .models import KeyedCall
from .records import Links, RecordSerializer
from .renderers import JSONRenderer

# Records of one call; more come as a file, through an import.
MOST = 100
KEY_LENGTH = 100
KEPT = dt.timedelta(hours=24)
# What the head of an answer says of the record that was written.
TOLD_AGAIN = ("ETag", "Location")
# Of forms: which version a page showed, how an empty one is named, which row it takes away.
NOT_WRITTEN = ("version", "key", "DELETE")
LINKS = (forms.ModelChoiceField, forms.ModelMultipleChoiceField)
MANY = (forms.MultipleChoiceField, forms.ModelMultipleChoiceField)


class Stale(exceptions.APIException):
    """Somebody changed the record since its writer read it."""

    status_code = status.HTTP_412_PRECONDITION_FAILED


class VersionNeeded(exceptions.APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED


class NotNow(exceptions.APIException):
    """The record is in no state for it: what was to be done is done, or comes later."""

    status_code = status.HTTP_409_CONFLICT


class OtherCall(exceptions.APIException):
    """The key was used for a call that said something else."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


class FieldsRefused(exceptions.ValidationError):
    """Fields are wrong: messages by field; of a list inside of the record, by row."""

    def __init__(self, errors: dict[str, list[Any]]) -> None:
        detail: Any = errors  # as it is, as below
        self.detail = detail


class RowsRefused(exceptions.APIException):
    """Rows of a list are wrong: each with its number, from 0, and its messages by field."""

    status_code = status.HTTP_400_BAD_REQUEST

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        # As it is: of what it is told DRF makes texts, numbers too.
        detail: Any = {"rows": rows}
        self.detail = detail


class Refused(Exception):
    """What a service refused: at ``field``, "" for the record as a whole."""

    def __init__(self, field: str, said: str) -> None:
        super().__init__(said)
        self.field, self.said = field, said


@dataclass(frozen=True)
class RowList:
    """A list of rows inside of a record: the form of one, and what checks them all.

    ``bind`` makes of rows as a browser would send them something with ``forms`` in their order,
    ``is_valid()`` and ``non_form_errors()``: the formset of the page. A row may be named by its
    ``names``; ``shown`` are the fields that the record's answer has for one.
    """

    row: forms.BaseForm
    bind: Callable[[list[dict[str, Any]]], Any]
    names: tuple[str, ...] = ()
    shown: frozenset[str] = frozenset()

    def schema(self) -> dict[str, Any]:
        row = row_schema(self.row, "post")
        row["properties"] |= {name: {"type": "string"} for name in self.names}
        row["additionalProperties"] = True  # what is shown beside, a row sent back may have
        return {"type": "array", "items": row, "maxItems": MOST}


class BodyParser(JSONParser):
    """JSON; one nested more deeply than Python can read is an error of its sender."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError:
            raise exceptions.ParseError(_("It is nested too deeply.")) from None


class WriteSchema(EndpointSchema):
    """Tells OpenAPI what may be sent, what is answered and why it is refused."""

    @property
    def is_write(self) -> bool:
        return self.method.lower() in ("post", "patch", "delete")

    def get_description(self) -> str:  # type: ignore[override]
        said = super().get_description()
        write: Any = self.view
        return f"{said} To write: `{write.write_scope.value}`, too." if self.is_write else said

    def get_override_parameters(self) -> list[Any]:
        if not self.is_write:
            return super().get_override_parameters()
        found = []
        if self.method.lower() == "post":
            found.append(("Idempotency-Key", "Names the call: sent again, it makes nothing more."))
        if self.of_a_record:
            found.append(("If-Match", "The ETag of the record as its writer saw it."))
        return [
            OpenApiParameter(name, str, "header", description=said, required=name == "If-Match")
            for name, said in found
        ]

    @property
    def of_a_record(self) -> bool:
        """Whether what is written is there already: changed, acted on or deleted."""
        return "{" in self.path

    def get_request_serializer(self) -> Any:
        view: Any = self.view
        if not self.is_write:
            return None
        row = view.body_schema(view.action, self.method.lower())
        if not self.of_a_record:
            rows = {"type": "array", "items": row, "minItems": 1, "maxItems": MOST}
            row = {"oneOf": [row, rows]}
        return {"application/json": row}

    def get_response_serializers(self) -> Any:
        if not self.is_write:
            return super().get_response_serializers()
        method, view = self.method.lower(), self.view
        record: Any = getattr(view, "written_class", None) or view.serializer_class  # type: ignore[attr-defined]
        answer: dict[Any, Any]
        if method == "delete":
            answer = {204: None}
        elif self.of_a_record:
            answer = {(200, "application/json"): record}
        else:
            ref = self.resolve_serializer(record, "response").ref
            one_or_all = {"oneOf": [ref, {"type": "array", "items": ref}]}
            answer = {(201, "application/json"): one_or_all}
        refused = {
            400: "A field is wrong, the message stands under its name; of a list, by row.",
            401: ERRORS[401],
            403: "The token lacks a scope, or its owner may not write this.",
            429: ERRORS[429],
        }
        if method == "post":
            refused[422] = "The Idempotency-Key was used for another call."
        if self.of_a_record:
            refused |= {404: ERRORS[404], 412: Stale.__doc__ or "", 428: "If-Match is missing."}
        if getattr(view, "has_states", False) and self.of_a_record:
            refused[409] = NotNow.__doc__ or ""
        return answer | {
            (code, "application/json"): OpenApiResponse(ErrorSerializer, said)
            for code, said in refused.items()
        }


def row_schema(form: forms.BaseForm, method: str) -> dict[str, Any]:
    """What a record may be sent as; to delete it takes the reason alone."""
    if method == "delete":
        return row_schema(ReasonForm(), "post")
    fields = {name: form.fields[name] for name in writable(form)}
    properties = {name: field_schema(field) for name, field in fields.items()}
    row: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    if method == "patch":
        properties["reason"] = {
            "type": "string",
            "maxLength": REASON_LENGTH,
            "description": "Why it changes.",
        }
        return row
    starts = starts_as(form)
    for name in starts.keys() - drawn_anew(form):
        properties[name]["default"] = _as_json(starts[name])
    if required := [name for name in fields if fields[name].required and name not in starts]:
        row["required"] = required
    return row


def drawn_anew(form: forms.BaseForm) -> set[str]:
    """The fields that have another value in each empty form: a code, today."""
    return {name for name, field in form.fields.items() if callable(field.initial)}


def _as_json(value: Any) -> Any:
    return value if isinstance(value, bool | int) else str(value)


def field_schema(field: forms.Field) -> dict[str, Any]:
    """What a field takes, as its form says it: codes, limits, whether it may be empty, its help."""
    told = _kind_schema(field)
    if not field.required and told["type"] != "array":
        told["nullable"] = True
    if field.help_text:
        told["description"] = str(field.help_text)
    return told


def _kind_schema(field: forms.Field) -> dict[str, Any]:
    match field:
        case forms.ModelMultipleChoiceField():
            return {"type": "array", "items": _link_schema(field)}
        case forms.ModelChoiceField():
            return _link_schema(field)
        case forms.TypedChoiceField():
            return _code_schema(field)
        case forms.BooleanField():
            return {"type": "boolean"}
        case forms.DecimalField():
            return {"type": "string", "format": "decimal"}
        case forms.IntegerField():
            return {"type": "integer", **_limits(field)}
        case forms.DateField():
            return {"type": "string", "format": "date"}
        case forms.CharField(max_length=int(most)):
            return {"type": "string", "maxLength": most}
    return {"type": "string"}


def _code_schema(field: forms.TypedChoiceField) -> dict[str, Any]:
    """One of the codes; where it may be none, null or the empty text, which records have too."""
    choices: Any = field.choices
    flat: Any = flatten_choices(choices)
    codes = [code for code, _label in flat if code not in (None, "")]
    kind = "integer" if all(isinstance(code, int) for code in codes) else "string"
    empty = [] if field.required else ["", None] if kind == "string" else [None]
    return {"type": kind, "enum": [*codes, *empty]}


def _limits(field: forms.IntegerField) -> dict[str, int]:
    """The least and the greatest number: by the field itself or by a rule put to it."""
    found = {}
    for rule in field.validators:
        if isinstance(rule, MinValueValidator):
            found["minimum"] = int(rule.limit_value)
        elif isinstance(rule, MaxValueValidator):
            found["maximum"] = int(rule.limit_value)
    return found


def _link_schema(field: Any) -> dict[str, Any]:
    """By its number where its records have nothing else; a link that is typed takes codes too."""
    by_number = field.to_field_name in (None, "pk") and type(field) in LINKS
    return {"type": "integer"} if by_number else {"type": "string"}


class WritableViewSet(RecordViewSet):
    """A list whose records may be written."""

    schema = WriteSchema()
    parser_classes = [BodyParser]

    http_method_names = ["get", "head", "options", "post", "patch", "delete"]
    write_scope: ClassVar[Scope]
    # The actions that write.
    writes: ClassVar[tuple[str, ...]] = ("create", "partial_update", "destroy")
    # The record that a write answers, where it is not the one that is read.
    written_class: ClassVar[type[RecordSerializer] | None] = None
    # Whether there are states in which a record can't be written.
    has_states: ClassVar[bool] = False

    def get_renderers(self) -> Any:
        """What is written is answered as JSON."""
        return [JSONRenderer()] if self.action in self.writes else super().get_renderers()

    # --- what an endpoint says

    def form_for(self, data: dict[str, Any] | None, instance: Any) -> forms.BaseForm:
        """The form of the pages, over ``data`` and a record, stored or new. Raises
        PermissionDenied where the reader may not write it."""
        raise NotImplementedError

    def described_form(self) -> forms.BaseForm:
        """An empty form, for the description of what may be sent."""
        raise NotImplementedError

    def lists_of(self, record: Any) -> Mapping[str, RowList]:
        """The lists inside of a record, stored or new (None), by the names that they are given."""
        return {}

    def save(self, form: Any, version: str | None, lists: Mapping[str, Any]) -> Any:
        """Write a valid form and the lists that were given, as bound; returns the record. Raises
        Refused and Stale."""
        raise NotImplementedError

    def remove(self, record: Any, reason: str, version: str) -> None:
        """Delete a record. Raises PermissionDenied, Refused and Stale."""
        raise NotImplementedError

    def version_of(self, record: Any) -> str:
        """What tells a record from what it was."""
        raise NotImplementedError

    def body_schema(self, action: str, method: str) -> dict[str, Any]:
        """What may be sent, for the description."""
        form = self.described_form()
        by_public_keys(form, self.serializer_class)
        row = row_schema(form, method)
        if method != "delete":
            row["properties"] |= {name: one.schema() for name, one in self.lists_of(None).items()}
        return row

    def written(self, pks: Collection[int]) -> list[dict[str, Any]]:
        """The records as they are answered to their writer."""
        rows: QuerySet[Any] = self.get_queryset().filter(id__in=pks)
        return self.reader().read(rows)[0]

    # --- what is answered

    def unchanged(self) -> HttpResponseNotModified | None:
        """As elsewhere; before the digest of a record's tag stands its version, for If-Match.

        It is read before the record is: a tag may be older than what it tells of, never newer.
        """
        same = super().unchanged()
        if same is None and self.action == "retrieve":
            record = self._stored(self.kwargs["pk"])
            if record is not None:
                self.etag = f'W/"{record.pk}-{self.version_of(record)}~{self.digest}"'
        return same

    def create(self, request: Request) -> Response:
        return self.once(request, lambda: self._create(request))

    def once(self, request: Request, act: Callable[[], Response]) -> Response:
        """The answer of ``act``, done in one transaction, and under one key only once."""
        self.check_parameters(request, frozenset())
        with transaction.atomic():
            call = _keyed(request)
            if call is not None and call.body:
                return Response(orjson.loads(call.body), status=call.status, headers=call.headers)
            answer = act()
            if call is not None:
                told = {name: answer[name] for name in TOLD_AGAIN if name in answer}
                call.keep(answer.status_code, JSONRenderer().render(answer.data), told)
        return answer

    def partial_update(self, request: Request, pk: str) -> Response:
        self.check_parameters(request, frozenset())
        record, version = self.held(request, pk)
        # Until it has been answered nobody else changes it, so that version and answer belong
        # together.
        with transaction.atomic():
            saved = self._write(mapping(request.data), record, version)
            return self.answer(saved, status.HTTP_200_OK)

    def destroy(self, request: Request, pk: str) -> Response:
        self.check_parameters(request, frozenset())
        record, version = self.held(request, pk)
        reason = said(ReasonForm, request.data)["reason"]
        try:
            self.remove(record, reason, version)
        except Refused as refused:
            raise exceptions.ValidationError({refused.field or "detail": [refused.said]}) from None
        return Response(status=status.HTTP_204_NO_CONTENT)

    # --- how

    def _create(self, request: Request) -> Response:
        if not isinstance(request.data, list):
            record = self._write(mapping(request.data), None, None)
            return self.answer(record, status.HTTP_201_CREATED)
        if not 1 <= len(request.data) <= MOST:
            words = _("Give 1 to %(most)s records; more come as a file, through an import.")
            raise exceptions.ValidationError({"detail": [words % {"most": MOST}]})
        made, errors = [], []
        for place, row in enumerate(request.data):
            try:
                # Each is checked against those before it.
                made.append(self._write(mapping(row), None, None))
            except exceptions.ValidationError as error:
                errors.append({"row": place, "errors": error.detail})
        if errors:
            raise RowsRefused(errors)
        # One for each row, in their order: rows that are the same record have it each.
        pks = [record.pk for record in made]
        by_id = {record["id"]: record for record in self.written(set(pks))}
        return Response([by_id[pk] for pk in pks], status=status.HTTP_201_CREATED)

    def _form(self, data: dict[str, Any] | None, record: Any) -> Any:
        """The form, with links named as the API names them."""
        form = self.form_for(data, record)
        by_public_keys(form, self.serializer_class)
        return form

    def _write(self, given: dict[str, Any], record: Any, version: str | None) -> Any:
        empty, lists = self._form(None, record), self.lists_of(record)
        refuse_unknown(given, [*writable(empty), *lists])
        values = {name: value for name, value in given.items() if name not in lists}
        before = starts_as(empty) if record is None else stored_values(empty, record)
        values = {**before, **values}
        form = self._form(as_sent(empty, values), record)
        errors: dict[str, list[Any]] = {} if form.is_valid() else errors_of(form)
        bound: dict[str, Any] = {}
        for name in lists.keys() & given.keys():
            rows, wrong = rows_as_sent(lists[name], given[name])
            if not wrong:
                bound[name] = lists[name].bind(rows)
                wrong = errors_of_rows(bound[name])
            if wrong:
                errors[name] = wrong
        if errors:
            raise FieldsRefused(errors)
        try:
            with transaction.atomic():
                return self.save(form, version, bound)
        except Refused as refused:
            place = refused.field if refused.field in (*writable(empty), *lists) else "detail"
            raise exceptions.ValidationError({place: [refused.said]}) from None

    def answer(self, record: Any, code: int) -> Response:
        """What is told of ``record`` to whoever wrote it, with its version, which is read first."""
        tag = self._tag(record, self.version_of(record))
        records = self.written([record.pk])
        told = records[0] if records else {"id": record.pk}
        headers = {"ETag": tag}
        if code == status.HTTP_201_CREATED:
            headers["Location"] = self.request.build_absolute_uri(f"{record.pk}/")
        return Response(told, status=code, headers=headers)

    def _stored(self, pk: str) -> Any:
        model = self.get_queryset().model
        model = getattr(model, "instance_type", model)
        found = self.get_queryset().filter(**self.key_of(pk)).values_list("id", flat=True).first()
        return None if found is None else model._default_manager.filter(pk=found).first()

    def held(self, request: Request, pk: str) -> tuple[Any, str]:
        """The record and the version that its writer saw. Raises NotFound, VersionNeeded, Stale."""
        record = self._stored(pk)
        if record is None:
            raise exceptions.NotFound
        seen = request.headers.get("If-Match", "").strip()
        if not seen:
            raise VersionNeeded(_("Say in If-Match which version you saw: the ETag of its answer."))
        # A compressed answer has a weak tag; it is of the same version.
        parts = [part.strip().removeprefix("W/").strip('"') for part in seen.split(",")]
        tags = [part.partition("~")[0] for part in parts]
        version = self.version_of(record)
        if seen != "*" and self._tag(record, version).strip('"') not in tags:
            raise Stale(_("It was changed since: read it anew and send your change again."))
        # Read after its version: it holds nothing older, and whoever saves asks for the version.
        record = self._stored(pk)
        if record is None:
            raise exceptions.NotFound
        return record, version

    def _tag(self, record: Any, version: str) -> str:
        return f'"{record.pk}-{version}"'


class ReasonForm(forms.Form):
    """Why a record is deleted."""

    reason = forms.CharField(required=False, max_length=REASON_LENGTH)


def said(form_class: type[forms.Form], data: Any, **kwargs: Any) -> dict[str, Any]:
    """What a body says by the fields of a form. Raises ValidationError."""
    given, empty = mapping(data), form_class(**kwargs)
    refuse_unknown(given, writable(empty))
    form = form_class(as_sent(empty, given), **kwargs)
    if not form.is_valid():
        raise exceptions.ValidationError(errors_of(form))
    return form.cleaned_data


def writable(form: forms.BaseForm) -> list[str]:
    """The fields that a body may have."""
    return [name for name in form.fields if name not in NOT_WRITTEN]


def starts_as(form: forms.BaseForm) -> dict[str, Any]:
    """What an empty form shows, ticked boxes too: what is not sent is that."""
    shown = {name: form.get_initial_for_field(form.fields[name], name) for name in writable(form)}
    return {name: value for name, value in shown.items() if value not in (None, "", [])}


def by_public_keys(form: forms.BaseForm, record: type[RecordSerializer]) -> None:
    """Have links named as the API names them: by slug, code or key instead of number."""
    columns = record().fields
    for name, field in form.fields.items():
        link: Any = field  # a link that is typed knows codes by itself
        if type(field) in LINKS:
            link.to_field_name = _key_of_link(columns.get(name))


def _key_of_link(column: Any) -> str | None:
    if isinstance(column, Links):
        return str(column.column).rpartition("__")[2]
    source = str(getattr(column, "source", "") or "")
    return source.rpartition(".")[2] if "." in source else None


def as_sent(form: forms.BaseForm, values: dict[str, Any]) -> dict[str, Any]:
    """``values`` as a browser would send them. Raises ValidationError for what no field takes."""
    sent: dict[str, Any] = {}
    errors = {}
    for name, value in values.items():
        many = isinstance(form.fields.get(name), MANY)
        parts = value if isinstance(value, list) and many else [value]
        if any(isinstance(part, list | dict) for part in parts) or (many and value is None):
            errors[name] = [_("Give a list.") if many else _("Give one value.")]
        elif isinstance(form.fields.get(name), forms.BooleanField) and not _is_flag(value):
            errors[name] = [_("Give true or false.")]
        elif any(isinstance(part, str) and _unreadable(part) for part in parts):
            errors[name] = [_("It holds a character that no text has.")]
        elif many:
            sent[name] = [str(part) for part in parts]
        elif value is not None:
            sent[name] = str(value)
    if errors:
        raise exceptions.ValidationError(errors)
    return sent


def _is_flag(value: Any) -> bool:
    """Of a box a browser sends nothing but that it is ticked: every other text would tick it."""
    return value is None or isinstance(value, bool)


def _unreadable(text: str) -> bool:
    return "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text)


def stored_values(form: forms.BaseForm, record: Any) -> dict[str, Any]:
    """What a record holds, as a body would say it."""
    return {name: _stored_value(form, record, name) for name in _own_fields(form, record)}


def _own_fields(form: forms.BaseForm, record: Any) -> Iterator[str]:
    names = {field.name for field in record._meta.get_fields()}
    yield from (name for name in form.fields if name in names)


def _stored_value(form: forms.BaseForm, record: Any, name: str) -> Any:
    value = getattr(record, name)
    key = getattr(form.fields[name], "to_field_name", None) or "pk"
    if isinstance(value, Model):
        return getattr(value, key)
    if hasattr(value, "all"):
        return [getattr(row, key) for row in value.all()]
    return value


def mapping(data: Any) -> dict[str, Any]:
    """The fields of a body. Raises ValidationError for what is no object."""
    if isinstance(data, dict):
        return dict(data)
    raise exceptions.ValidationError({"detail": [_("Give an object with the record's fields.")]})


def refuse_unknown(given: Collection[str], known: Collection[str]) -> None:
    """Raises ValidationError at what can't be written."""
    if unknown := [name for name in given if name not in known]:
        words = _("It can't be written. What can: %(known)s.") % {"known": ", ".join(known)}
        raise exceptions.ValidationError({name: [words] for name in unknown})


def errors_of(form: forms.BaseForm) -> dict[str, list[Any]]:
    return {
        "detail" if name == "__all__" else name: [str(message) for message in messages]
        for name, messages in form.errors.items()
    }


# --- lists inside of a record


def rows_as_sent(rows: RowList, given: Any) -> tuple[list[dict[str, Any]], list[Any]]:
    """The rows of a list as a browser would send them, and what is wrong with them."""
    if not isinstance(given, list):
        return [], [_("Give a list.")]
    if len(given) > MOST:
        return [], [_("Give at most %(most)s rows.") % {"most": MOST}]
    known = [*rows.names, *writable(rows.row)]
    sent, errors = [], []
    for place, row in enumerate(given):
        try:
            values = mapping(row)
            # A row as it was read may come back: what is only shown of it is passed over.
            shown = rows.shown - set(known)
            values = {name: value for name, value in values.items() if name not in shown}
            refuse_unknown(values, known)
            sent.append(as_sent(rows.row, values))
        except exceptions.ValidationError as error:
            errors.append(wrong_row(place, error.detail))
    return sent, errors


def errors_of_rows(bound: Any) -> list[Any]:
    """What a formset refuses: row by row, else of the list as a whole."""
    if bound.is_valid():
        return []
    errors: list[Any] = [
        wrong_row(place, errors_of(form)) for place, form in enumerate(bound.forms) if form.errors
    ]
    return errors or [str(message) for message in bound.non_form_errors()]


def wrong_row(place: int, errors: Any) -> dict[str, Any]:
    return {"row": place, "errors": errors}


# --- the same call twice


def _keyed(request: Request) -> KeyedCall | None:
    """The call that the request's key names, held until the commit; None without a key.

    Raises ValidationError for what is no key, OtherCall for one that was used otherwise.
    """
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        return None
    if len(key) > KEY_LENGTH or not key.isprintable():
        words = _("Give a key of at most %(most)s characters.") % {"most": KEY_LENGTH}
        raise exceptions.ValidationError({"Idempotency-Key": [words]})
    now, user = timezone.now(), int(request.user.pk or 0)
    told = f"{request.path}\n".encode() + json.dumps(request.data, sort_keys=True).encode()
    digest = hashlib.sha256(told).hexdigest()
    calls = KeyedCall.objects.filter(user=user, key=key)
    calls.filter(called_at__lte=now - KEPT).delete()
    try:
        with transaction.atomic():
            return KeyedCall.objects.create(user_id=user, key=key, digest=digest, called_at=now)
    except IntegrityError:
        # The first one came before, or at once: then this one has waited for its commit.
        call = calls.select_for_update().first()
    if call is None or call.digest != digest:
        raise OtherCall(_("This key was used for another call; give each call its own."))
    return call


@shared_task(name="common.forget_keyed_calls")
def forget_keyed_calls() -> None:
    """Remove what is told of calls whose day is over: their keys are new again anyway."""
    KeyedCall.objects.filter(called_at__lte=timezone.now() - KEPT).delete()
