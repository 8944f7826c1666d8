"""Pages of long lists: keyset paging without a count, and what an error looks like."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.core import signing
from django.core.exceptions import BadRequest
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from .period import FIRST_DAY

PAGE_ROWS = 50
SALT = "iscm_portal.pages"


def whole_number(text: str, low: int, high: int) -> int:
    """The number that an address gives as ``text``. Raises BadRequest outside of the bounds."""
    # isdecimal alone would let other scripts' digits and endless numbers in.
    if text.isascii() and text.isdecimal() and len(text) <= len(str(high)):
        number = int(text)
        if low <= number <= high:
            return number
    raise BadRequest(_("A number from %(low)s to %(high)s is needed.") % {"low": low, "high": high})


def wants_json(request: HttpRequest) -> bool:
    """Whether a script of ours asks, which takes its answer as JSON."""
    return request.headers.get("accept", "").startswith("application/json")


def one_of(request: HttpRequest, name: str, known: Collection[str]) -> str:
    """The value of the filter ``name``, "" where the address has none.

    Raises BadRequest for one that is not ``known``: who mistypes a mechanism shall not conclude
    that nothing happened.
    """
    value = request.GET.get(name, "")
    if value and value not in known:
        raise no_such(name, value)
    return value


def no_such(name: str, value: str) -> BadRequest:
    """What to raise where the address asks for a ``value`` of ``name`` that there is not."""
    return BadRequest(
        _("There is no “%(value)s” to choose for “%(name)s”.") % {"value": value[:80], "name": name}
    )


def past_day(request: HttpRequest, today: dt.date, name: str = "as_of") -> dt.date | None:
    """The past day that the address names, ``today`` among them; None where it names none.

    Raises BadRequest for what is no day, a day to come, or one before there was anything.
    """
    text = request.GET.get(name, "")
    if not text:
        return None
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise BadRequest(_("Give a day as 2026-03-31.")) from None
    if not FIRST_DAY <= day <= today:
        raise BadRequest(
            _("What was on record can be asked for from %(first)s up to today.")
            % {"first": date_format(FIRST_DAY, "j F Y")}
        )
    return day


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
    Raises BadRequest for a position that the portal didn't give for this very list.
    """

    def beyond(after: Q) -> QuerySet[Any]:
        # An empty condition leaves the rows as they are.
        return rows.order_by(*order).filter(after)

    return page_beyond(request, beyond, *order, size=size, name=name)


def page_beyond(
    request: HttpRequest,
    beyond: Callable[[Q], QuerySet[Any]],
    *order: str,
    size: int = PAGE_ROWS,
    name: str = "after",
) -> Page:
    """The same of rows that no ``filter`` narrows any more, as a union: ``beyond(condition)``
    gives those that meet the condition, in ``order``."""
    place = f"{request.path} {name} {','.join(order)}"
    values = _position(request.GET.get(name, ""), place)
    rows = beyond(Q() if values is None else _after(order, values))
    found = list(rows[: size + 1])
    if len(found) <= size:
        return Page(found, None)
    last = found[size - 1]
    values = [_plain(getattr(last, field.lstrip("-"))) for field in order]
    query = request.GET.copy()
    query[name] = signing.dumps({"at": place, "after": values}, salt=SALT)
    return Page(found[:size], f"?{query.urlencode()}")


def merged_page(
    request: HttpRequest,
    lists: Sequence[QuerySet[Any]],
    *,
    size: int = PAGE_ROWS,
    name: str = "after",
) -> Page:
    """The page of several ``lists`` told as one, the latest first: pairs of the list's place among
    them and a row.

    Each row has its moment ``at``, and a ``number`` that is unique in its list. One statement a
    list. Raises BadRequest as ``keyset_page`` does.
    """
    place = f"{request.path} {name} {len(lists)}"
    values = _position(request.GET.get(name, ""), place)
    found = [
        (which, row)
        for which, rows in enumerate(lists)
        for row in _later_first(rows, which, values)[: size + 1]
    ]
    found.sort(key=lambda pair: (pair[1].at, -pair[0], pair[1].number), reverse=True)
    if len(found) <= size:
        return Page(found, None)
    which, last = found[size - 1]
    query = request.GET.copy()
    position = {"at": place, "after": [_plain(last.at), which, last.number]}
    query[name] = signing.dumps(position, salt=SALT)
    return Page(found[:size], f"?{query.urlencode()}")


def _later_first(rows: QuerySet[Any], which: int, values: list[Any] | None) -> QuerySet[Any]:
    """``rows``, the list number ``which``, from where a merged page begins."""
    rows = rows.order_by("-at", "-number")
    if values is None:
        return rows
    at, list_of_last, number = values
    if which == list_of_last:
        return rows.filter(_after(("-at", "-number"), [at, number]))
    # What other lists have of the same moment stands before the last row, or after it.
    return rows.filter(at__lte=at) if which > list_of_last else rows.filter(at__lt=at)


def _position(text: str, place: str) -> list[Any] | None:
    """The ordering values that a position of the list ``place`` carries; None on a first page."""
    if not text:
        return None
    try:
        content = signing.loads(text, salt=SALT)
    except signing.BadSignature:
        content = {}
    if content.get("at") != place:
        raise BadRequest(_("The page's position is not one of this list; begin at its first page."))
    return list(content["after"])


def _after(order: tuple[str, ...], values: list[Any]) -> Q:
    """The condition "comes after ``values`` in ``order``".

    It says of the first field alone how far it may go: by that an index is entered where the page
    begins, and not read from its start (PostgreSQL, the middle of 1M rows: 3 ms for 400).
    """
    condition = Q()
    same = Q()
    for name, value in zip(order, values, strict=True):
        field = name.lstrip("-")
        step = "lt" if name.startswith("-") else "gt"
        condition |= same & Q(**{f"{field}__{step}": value})
        same &= Q(**{field: value})
    first = order[0].lstrip("-")
    bound = "lte" if order[0].startswith("-") else "gte"
    return Q(**{f"{first}__{bound}": values[0]}) & condition


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


def too_many(request: HttpRequest) -> HttpResponse:
    return _error(
        request,
        429,
        _("Too many tries"),
        _("Wait some minutes, then try again. IPD can give you a new password."),
    )


def not_accepted(request: HttpRequest, reason: str = "") -> HttpResponse:
    """What a form sent when its session was over: nothing was saved, and nothing typed is lost.

    Also Django's page for a form without a valid CSRF token (``reason`` is its own, for logs).
    """
    if wants_json(request):
        signed_in = getattr(request, "user", None) is not None and request.user.is_authenticated
        return JsonResponse({"state": "token" if signed_in else "signed_out"}, status=403)
    context = {"typed": typed_texts(request), "back": came_from(request)}
    return render(request, "not_accepted.html", context, status=403)


def busy(request: HttpRequest) -> HttpResponse:
    """What a form sent while somebody else's long writing held the database: nothing was saved, and
    the same form is there to be sent again."""
    if wants_json(request):
        response: HttpResponse = JsonResponse({"state": "busy"}, status=503)
    else:
        sent = [
            (name, value)
            for name, values in request.POST.lists()
            for value in values
            if name != "csrfmiddlewaretoken"
        ]
        context = {"sent": sent, "has_files": bool(request.FILES), "back": came_from(request)}
        response = render(request, "busy.html", context, status=503)
    response["Retry-After"] = "30"
    return response


def came_from(request: HttpRequest) -> str:
    """The path of the portal's page that sent the request, "/" where that is not known."""
    referer = request.headers.get("referer", "")
    if not url_has_allowed_host_and_scheme(referer, {request.get_host()}):
        return "/"
    # Two slashes would lead to another host.
    return "/" + urlsplit(referer).path.lstrip("/")


# What a form sends besides what was typed.
_NOT_TYPED = re.compile(
    r"csrfmiddlewaretoken|.*password.*|(.*-)?(TOTAL|INITIAL|MIN_NUM|MAX_NUM)_FORMS", re.IGNORECASE
)


def typed_texts(request: HttpRequest) -> list[tuple[str, str]]:
    """The posted texts by field name. Nothing of the sign-in, and no password of any form."""
    if request.path.startswith(("/accounts/", "/admin/login/")):
        return []
    return [
        (name, text)
        for name, texts in request.POST.lists()
        if not _NOT_TYPED.fullmatch(name)
        for text in texts
        if text.strip()
    ]
