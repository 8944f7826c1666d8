"""Pages of long lists: keyset paging without a count, and what an error looks like."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.core.exceptions import BadRequest
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

PAGE_ROWS = 50


@dataclass(frozen=True)
class Page:
    """Rows of one page and the address of the next one, if there is one."""

    rows: list[Any]
    next: str | None

    def __iter__(self) -> Any:
        return iter(self.rows)


def keyset_page(
    request: HttpRequest,
    rows: QuerySet[Any],
    *order: str,
    size: int = PAGE_ROWS,
    name: str = "after",
) -> Page:
    """The page of ``rows`` that the address asks for, in ``order``, which ends in something unique.

    The next page starts after the last row's own values, so rows that come or go elsewhere
    neither repeat nor hide one. ``name`` tells several lists of one page apart in the address.
    Raises BadRequest for a position that the portal didn't give.
    """
    position = request.GET.get(name)
    rows = rows.order_by(*order)
    if position:
        try:
            values = signing.loads(position, salt="page")
        except signing.BadSignature:
            raise BadRequest(_("The page's position is not readable.")) from None
        rows = rows.filter(_after(order, values))
    found = list(rows[: size + 1])
    if len(found) <= size:
        return Page(found, None)
    last = found[size - 1]
    values = [_plain(getattr(last, field.lstrip("-"))) for field in order]
    query = request.GET.copy()
    query[name] = signing.dumps(values, salt="page")
    return Page(found[:size], f"?{query.urlencode()}")


def _after(order: tuple[str, ...], values: list[Any]) -> Q:
    """The condition "comes after ``values`` in ``order``"."""
    condition = Q()
    same = Q()
    for name, value in zip(order, values, strict=True):
        field = name.lstrip("-")
        step = "lt" if name.startswith("-") else "gt"
        condition |= same & Q(**{f"{field}__{step}": value})
        same &= Q(**{field: value})
    return condition


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value


def _error(request: HttpRequest, status: int, heading: str, message: str) -> HttpResponse:
    return render(request, "error.html", {"heading": heading, "message": message}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    message = str(exception) if isinstance(exception, BadRequest) else ""
    return _error(
        request, 400, _("That address is not readable"), message or _("Check it, or start again.")
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(
        request,
        403,
        _("Not open to you"),
        _("Your access group may not do this. IPD can tell you who may."),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(
        request,
        404,
        _("Nothing here for you"),
        _("There is no such page, or it is not open to you."),
    )
