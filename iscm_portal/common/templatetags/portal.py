"""What templates need beyond Django's own: numbers, statuses, and addresses with filters."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import urlencode

from django import template
from django.http import QueryDict
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from ..access import may
from ..period import year_span

register = template.Library()

# The pages on what it costs that can be asked for as of a past day.
OF_A_DAY = frozenset(
    {
        "/resources/",
        "/resources/compare/",
        "/resources/costs/",
        "/resources/cliff/",
        "/staffing/",
        "/sustaining/",
        "/funds/",
    }
)

# Those that ask for years and a mechanism by the same names: the question goes on with its reader.
OF_A_QUESTION = {
    "/resources/": ("from", "to", "iscm"),
    "/resources/compare/": ("iscm",),
    "/resources/costs/": ("from", "to", "iscm"),
}

# status -> (its colour class, its word); the class brings the sign.
STATUS_LOOKS = {
    "draft": "",
    "returned": "warn",
    "submitted": "",
    "accepted": "ok",
    "green": "ok",
    "amber": "warn",
    "red": "bad",
    "late": "bad",
    "overdue": "bad",
    "settled": "ok",
    "soon": "warn",
    "open": "",
    "met": "ok",
    "done": "ok",
    "partly_met": "warn",
    "declined": "bad",
    "refused": "bad",
    "checked": "warn",
    "written": "ok",
}


def _rounded(number: Decimal, decimals: int) -> Decimal:
    # Django's number_format cuts decimals off; people expect them rounded.
    return number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


@register.filter
def amount(value: Any, decimals: int | None = None) -> str:
    """A number with thousand separators and a true minus sign; in words what is unknown."""
    if value is None or value == "":
        return _("no data")
    number = Decimal(str(value))
    if decimals is None:
        decimals = 0 if number == number.to_integral_value() else 2
    text = number_format(_rounded(number, decimals), decimal_pos=decimals, force_grouping=True)
    return text.replace("-", "−", 1) if number < 0 else text


@register.filter
def known(amounts: Any) -> str:
    """What is known of amounts in USD; in words where nothing is and something lacks: no zero."""
    return _("not known") if amounts.is_unknown else amount(amounts.known_usd, 0)


# unit of a measure -> (decimals shown, the value in words)
UNITS = {
    "count": (0, "%s"),  # the title says what is counted
    "USD": (0, gettext_noop("USD %s")),
    "per cent": (1, gettext_noop("%s per cent")),
    "points": (1, gettext_noop("%s points")),
    "days": (1, gettext_noop("%s days")),
    "score": (2, gettext_noop("%s of 5")),
}


@register.filter
def measured(value: Any, unit: str) -> str:
    """A value of a measure with the decimals that its unit calls for."""
    return amount(value, UNITS.get(unit, (None, ""))[0])


@register.filter
def in_unit(value: Any, unit: str) -> str:
    """A value of a measure in words: "14", "USD 338,300", "66.7 per cent", "3.66 of 5"."""
    text = measured(value, unit)
    return text if value is None or unit not in UNITS else _(UNITS[unit][1]) % text


def no_number(value: Any) -> str:
    """Why a published value has no number, or is not there."""
    if value is not None and value.status == "too_few":
        return _("too few to show")
    return _("no data")


@register.filter
def figure(value: Any, unit: str) -> str:
    """A published value in words, or why it has no number."""
    return no_number(value) if _is_empty(value) else in_unit(value.value, unit)


@register.filter
def plain_figure(value: Any, unit: str) -> str:
    """The same without the words of its unit."""
    return no_number(value) if _is_empty(value) else measured(value.value, unit)


def _is_empty(value: Any) -> bool:
    return not value or value.value is None


@register.filter
def millions(value: Any) -> str:
    """USD in words of a size people read: "49.2 million", "338,300"."""
    number = Decimal(str(value))
    if abs(number) < 1_000_000:
        return amount(number, 0)
    return _("%(number)s million") % {"number": amount(number / 1_000_000, 1)}


@register.filter
def signed(value: Any, decimals: int = 0) -> str:
    """A change with its sign, a true minus sign included: "+180", "−23"."""
    if value is None:
        return _("no data")
    number = _rounded(Decimal(str(value)), decimals)
    text = number_format(abs(number), decimal_pos=decimals, force_grouping=True)
    sign = "+" if number > 0 else "−" if number < 0 else ""
    return f"{sign}{text}"


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """``mapping[key]``, or None."""
    return mapping.get(key) if mapping else None


@register.simple_tag
def status(key: str, word: Any) -> SafeString:
    """A status with its sign, colour and word."""
    look = STATUS_LOOKS.get(key, "")
    css = f"status status-{look}" if look else "status"
    return format_html('<span class="{}">{}</span>', css, word)


@register.simple_tag
def due(day: dt.date, today: dt.date) -> SafeString:
    """How far a due date is, in words: "3 days late", "due today", "in 9 days"."""
    days = (day - today).days
    if days < 0:
        word = ngettext("%(days)s day late", "%(days)s days late", -days) % {"days": -days}
        return status("late", word)
    if days == 0:
        return status("soon", _("due today"))
    word = ngettext("in %(days)s day", "in %(days)s days", days) % {"days": days}
    return status("soon" if days <= 10 else "open", word)


@register.filter
def known_date(event: Any) -> str:
    """An event's dates as far as they are known: "5–6 November 2026", "August 2017", "2012"."""
    start, end = event.starts_on, event.ends_on
    if start is None:
        if event.year is None:
            return _("date not known")
        if event.month:
            return date_format(dt.date(event.year, event.month, 1), "F Y")
        return str(event.year)
    if end is None or end == start:
        return date_format(start, "j F Y")
    if (start.year, start.month) == (end.year, end.month):
        return f"{start.day}–{date_format(end, 'j F Y')}"
    first = date_format(start, "j F" if start.year == end.year else "j F Y")
    return f"{first} – {date_format(end, 'j F Y')}"


@register.filter
def held_date(value: dt.date | None, precision: str) -> str:
    """A first or last day to the precision that is known."""
    if value is None:
        return ""
    return date_format(value, {"day": "j F Y", "month": "F Y", "year": "Y"}.get(precision, "Y"))


@register.simple_tag(takes_context=True)
def address_with(context: dict[str, Any], **changes: Any) -> str:
    """This page's address with some of its filters set, or taken off where the value is empty."""
    query: QueryDict = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def address_without(context: dict[str, Any], name: str) -> str:
    """This page's address without the filter called ``name``."""
    return address_with(context, **{name: ""})


@register.filter
def years_to(first: int, last: int) -> str:
    """The years of a page in words: "2014–2019"; of one year "2019"."""
    return year_span(first, last)


@register.filter
def as_of(day: dt.date | None) -> SafeString:
    """What keeps a past day in the address of a link, after its other filters; of none nothing."""
    return format_html("&amp;as_of={}", day.isoformat()) if day else SafeString("")


@register.simple_tag(takes_context=True)
def sort_head(
    context: dict[str, Any], column: Any, word: Any, number: bool = False, name: str = "sort"
) -> SafeString:
    """The head of a column by which its reader may sort (``common.sorting``).

    A link the first time puts the largest number, or the first name, on top; then it turns the
    order round; then it gives the table its own order back.
    """
    ways = [f"-{column}", str(column)] if number else [str(column), f"-{column}"]
    now = context["request"].GET.get(name, "")
    following = {ways[0]: ways[1], ways[1]: ""}
    address = address_with(context, **{name: following.get(now, ways[0])})
    # A template doubles the per cent signs of a text in _().
    link = format_html('<a href="{}">{}', address, str(word).replace("%%", "%"))
    css = mark_safe(' class="number"') if number else ""
    if now not in ways:
        return format_html('<th scope="col"{}>{}</a></th>', css, link)
    order, sign = ("descending", "↓") if now.startswith("-") else ("ascending", "↑")
    return format_html(
        '<th scope="col"{} aria-sort="{}">{}&nbsp;<span aria-hidden="true">{}</span></a></th>',
        css,
        order,
        link,
        sign,
    )


def _kept(request: Any, address: str) -> str:
    """What of this page's question another page of money is opened with: who looks at a past day
    goes on looking at it, and at the same years and mechanism."""
    names: tuple[str, ...] = ("as_of",) if address in OF_A_DAY else ()
    if request.path in OF_A_QUESTION:
        names += OF_A_QUESTION.get(address, ())
    asked = {name: value for name in names if (value := request.GET.get(name, ""))}
    return f"?{urlencode(asked)}" if asked else ""


@register.inclusion_tag("components/money.html", takes_context=True)
def money_rooms(context: dict[str, Any]) -> dict[str, Any]:
    """The pages on what it costs that the reader may open, the present one marked."""
    request = context["request"]
    reads_all = may(request.user, "read_all_finance")
    reads = reads_all or may(request.user, "read_own_office_finance")
    rooms = [
        ("/resources/", _("What it costs"), True),
        ("/resources/compare/", _("Compare"), True),
        ("/resources/costs/", _("Per event and outcome"), True),
        ("/resources/cliff/", _("Funding cliff"), True),
        ("/staffing/", _("Staffing"), reads),
        ("/sustaining/", _("What others pay"), reads),
        ("/funds/", _("Reserve funds"), may(request.user, "read_reserve_funds")),
        ("/finance/", _("Records"), reads),
        ("/imports/", _("Imports"), reads_all),
    ]
    return {
        "rooms": [
            {
                "address": f"{address}{_kept(request, address)}",
                "label": label,
                "is_current": request.path == address,
            }
            for address, label, is_open in rooms
            if is_open
        ]
    }
