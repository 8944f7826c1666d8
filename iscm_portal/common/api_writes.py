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

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import orjson
from django import forms
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponseNotModified
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response

from .api import RecordViewSet
from .api_bodies import (
    MOST,
    BodyParser,
    ReasonForm,
    RowList,
    as_sent,
    by_public_keys,
    errors_of,
    errors_of_rows,
    mapping,
    refuse_unknown,
    rows_as_sent,
    said,
    starts_as,
    stored_values,
    writable,
)
from .api_keyed import keyed_call
from .api_refusals import FieldsRefused, RowsRefused, Stale, VersionNeeded
from .api_write_schema import WriteSchema, row_schema, rows_schema
from .choices import Scope
from .editing import ChangedMeanwhile, NotWritten
from .records import RecordSerializer
from .renderers import JSONRenderer

# What the head of an answer says of the record that was written.
TOLD_AGAIN = ("ETag", "Location")


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
        NotWritten."""
        raise NotImplementedError

    def remove(self, record: Any, reason: str, version: str) -> None:
        """Delete a record. Raises PermissionDenied and NotWritten."""
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
            lists = self.lists_of(None)
            row["properties"] |= {name: rows_schema(rows) for name, rows in lists.items()}
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
            call = keyed_call(request)
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
        with _as_answered(["reason"]):
            self.remove(record, reason, version)
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
            if not wrong and (bind := lists[name].bind):
                bound[name] = bind(rows)
                wrong = errors_of_rows(bound[name])
            if wrong:
                errors[name] = wrong
        if errors:
            raise FieldsRefused(errors)
        with _as_answered([*writable(empty), *lists]), transaction.atomic():
            return self.save(form, version, bound)

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


@contextmanager
def _as_answered(known: Collection[str]) -> Iterator[None]:
    """What a service refuses inside is told at its field, where that is ``known``."""
    try:
        yield
    except ChangedMeanwhile as error:
        raise Stale(str(error)) from None
    except NotWritten as error:
        place = error.field if error.field in known else "detail"
        raise exceptions.ValidationError({place: [str(error)]}) from None
