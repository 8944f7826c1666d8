"""Keyset paging: the next page begins after the last row seen, so no row is skipped or repeated
when others are written between two pages, and page 1,000 costs what page 1 costs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.pagination import BasePagination
from rest_framework.request import Request

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
SALT = "iscm_portal.pagination"
PARAMETERS = frozenset({"page_size", "cursor"})


def page_size(request: Request) -> int:
    """The page size that was asked for. A bad one is an error, not another size."""
    text = request.query_params.get("page_size", "")
    if not text:
        return PAGE_SIZE
    # isdecimal alone would let other scripts' digits and endless numbers in.
    if text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= MAX_PAGE_SIZE:
        return int(text)
    raise exceptions.ValidationError(
        {"page_size": [_("Give a number from 1 to %(most)s.") % {"most": MAX_PAGE_SIZE}]}
    )


def read_cursor(request: Request, place: str) -> list[Any] | None:
    """What the cursor of the request carries, None on a first page.

    ``place`` names the list; a cursor is good for the list that gave it and no other.
    """
    text = request.query_params.get("cursor", "")
    if not text:
        return None
    try:
        content = signing.loads(text, salt=SALT)
    except signing.BadSignature:
        content = None
    if not content or content.get("at") != place:
        raise exceptions.ValidationError(
            {"cursor": [_("This is not an address of this list; begin at its first page.")]}
        )
    return list(content["after"])


def next_address(request: Request, place: str, after: list[Any]) -> str:
    """The absolute address of the page after the row whose ordering values are ``after``."""
    values = [value if isinstance(value, int | None) else str(value) for value in after]
    cursor = signing.dumps({"at": place, "after": values}, salt=SALT, compress=True)
    query = [(k, v) for k, v in request.query_params.items() if k != "cursor"]
    return f"{request.build_absolute_uri(request.path)}?{urlencode([*query, ('cursor', cursor)])}"


def in_order(queryset: QuerySet[Any], ordering: tuple[str, ...]) -> QuerySet[Any]:
    """``queryset`` in ``ordering``: what is not known (NULL) stands last, whichever way."""

    def column(name: str) -> Any:
        field = name.removeprefix("-")
        if not _may_be_null(queryset, field):
            return name
        return F(field).desc(nulls_last=True) if name != field else F(field).asc(nulls_last=True)

    return queryset.order_by(*map(column, ordering))


def after(queryset: QuerySet[Any], ordering: tuple[str, ...], values: list[Any]) -> Q:
    """The condition that a row comes after ``values`` in ``ordering`` (``in_order``).

    The first column also stands outside of the OR, so that the database starts at that place of
    its index instead of reading from the beginning.
    """
    condition = Q()
    for name, value in reversed(list(zip(ordering, values, strict=True))):
        field, is_down = name.removeprefix("-"), name.startswith("-")
        level = Q(**{field: value}) if value is not None else Q(**{f"{field}__isnull": True})
        condition = level & condition if condition else Q()
        if value is not None:
            beyond = _beyond(queryset, field, "lt" if is_down else "gt", value)
            condition = beyond | condition if condition else beyond
    if len(ordering) > 1:
        first = ordering[0].removeprefix("-")
        if values[0] is None:
            return condition & Q(**{f"{first}__isnull": True})
        edge = "lte" if ordering[0].startswith("-") else "gte"
        condition &= _beyond(queryset, first, edge, values[0])
    return condition


def _beyond(queryset: QuerySet[Any], field: str, way: str, value: Any) -> Q:
    beyond = Q(**{f"{field}__{way}": value})
    return beyond | Q(**{f"{field}__isnull": True}) if _may_be_null(queryset, field) else beyond


def _may_be_null(queryset: QuerySet[Any], name: str) -> bool:
    try:
        return bool(queryset.model._meta.get_field(name).null)
    except FieldDoesNotExist:
        return False


def _to_python(queryset: QuerySet[Any], name: str, value: Any) -> Any:
    try:
        return queryset.model._meta.get_field(name).to_python(value)
    except (FieldDoesNotExist, ValidationError):
        return value


class KeysetPagination(BasePagination):
    """Pages of rows in the view's ``ordering``, which ends in ``id``.

    The view reads its rows itself (``common.api``); this class says where a page begins and ends
    and what OpenAPI tells about it.
    """

    def begin(
        self, queryset: QuerySet[Any], request: Request, ordering: tuple[str, ...]
    ) -> QuerySet[Any]:
        """``queryset`` from where the request's page begins, with one row more than the page."""
        self.size = page_size(request)
        self.place = f"{request.path} {','.join(ordering)}"
        values = read_cursor(request, self.place)
        if values is not None:
            fields = [name.removeprefix("-") for name in ordering]
            python = [_to_python(queryset, *pair) for pair in zip(fields, values, strict=True)]
            queryset = queryset.filter(after(queryset, ordering, python))
        return in_order(queryset, ordering)[: self.size + 1]

    def answer(self, request: Request, records: list[Any], edges: Any) -> dict[str, Any]:
        """The page's envelope; ``edges`` are each record's values of the ordering."""
        more = len(records) > self.size
        return {
            "results": records[: self.size],
            "next": next_address(request, self.place, edges[self.size - 1]) if more else None,
        }

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {
                    "type": "string",
                    "format": "uri",
                    "nullable": True,
                    "description": "The address of the next page; null on the last one.",
                },
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "description": "Records a page.",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MAX_PAGE_SIZE,
                    "default": PAGE_SIZE,
                },
            },
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "The place in the list, as `next` gives it.",
                "schema": {"type": "string"},
            },
        ]
