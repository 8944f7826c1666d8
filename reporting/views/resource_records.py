"""The records behind a figure of what it costs, each with what it adds."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from engagements.models import SignedInRequest
from finance.choices import AttributionBasis
from finance.selectors.printed import printed_counts, printed_lines
from finance.selectors.worth import KINDS, SHARED_OUT, Figure, Part, Worth
from iscm_portal.common.downloads import TABLE_FORMATS, table_response
from iscm_portal.common.numbers import cents
from iscm_portal.common.pages import keyset_page, one_of
from iscm_portal.common.querysets import PortalQuerySet

from ..selectors import resources as selectors
from ..selectors.resources import NOTHING, Amounts, ResourceFilter
from .resources import asked, asked_table, chips

# What a record of each kind is shown with.
LINKS = {
    "funding_lines": ("iscm", "project", "office"),
    SHARED_OUT: ("project", "office"),
    "attributions": ("project", "iscm"),
    "positions": ("office", "funding_line", "project"),
    "time_entries": ("iscm", "office", "event"),
    "staff_counts": ("iscm",),
}
# Records of a download that are read at once.
CHUNK = 1000
COLUMNS = (
    "kind",
    "id",
    "record",
    "mechanism",
    "office",
    "year",
    "source",
    "share_pct",
    "of_usd",
    "days",
    "usd_per_day",
    "known_usd",
    "high_usd",
    "days_without_rate",
    "where_it_is_written",
)
PRINTED_COLUMNS = ("label", "mechanism", "year", "value", "where_it_is_written", "note")


def records(request: SignedInRequest) -> HttpResponse | StreamingHttpResponse:
    """The records behind a figure of the dashboard, as far as the reader may read them."""
    chosen = asked(request)
    if request.GET.get("table"):
        return printed_records(request, chosen)
    figure = Figure(chosen.period, known_by=chosen.known_by, **chosen.narrowed_to)
    whole, parts = figure.taken_apart(request.user)
    if form := one_of(request, "format", TABLE_FORMATS):
        lines = download_lines(figure, parts, request.user)
        return table_response(form, "records", COLUMNS, lines)
    pages = {}
    for kind in (*KINDS, SHARED_OUT):
        rows = figure.records[kind].visible_to(request.user).select_related(*LINKS[kind])
        pages[kind] = keyset_page(request, rows, "-pk", name=f"after_{kind}")
    context = {
        "chosen": chosen,
        "chips": chips(chosen),
        "figure": Amounts.of(whole) if whole else NOTHING,
        "parts": {part.kind: part for part in parts},
        "summary": [(name_of(part.kind), part) for part in parts],
        "pages": pages,
        "counted": {
            kind: list(zip(pages[kind], figure.worth_of(kind, pages[kind].rows), strict=True))
            for kind in KINDS
        },
    }
    return render(request, "reporting/resource_records.html", context)


def name_of(kind: str) -> str:
    return {
        "funding_lines": _("Funding lines"),
        "attributions": _("Attributions of projects"),
        "positions": _("Positions"),
        "time_entries": _("Staff time"),
    }[kind]


def printed_records(
    request: SignedInRequest, chosen: ResourceFilter
) -> HttpResponse | StreamingHttpResponse:
    """The lines, or head counts, of one table of the evaluation, of one row of it (``label``)."""
    label, table = request.GET.get("label", ""), request.GET["table"]
    if table not in ("4", "5", "6", "7"):
        raise BadRequest(_("There is no such table."))
    number = asked_table(int(table), chosen)
    iscms = [chosen.iscm] if chosen.iscm else None
    kind = "staff_counts" if number == 7 else "funding_lines"
    rows: Any = printed_counts(iscms) if number == 7 else printed_lines(number, iscms)
    rows = rows.filter(year__in=chosen.years).visible_to(request.user).select_related(*LINKS[kind])
    rows = rows.filter(label=label) if label else rows
    figure = selectors.printed_total(number, chosen, label)
    if form := one_of(request, "format", TABLE_FORMATS):
        lines = printed_download(rows, figure)
        return table_response(form, f"table-{number}-records", PRINTED_COLUMNS, lines)
    context = {
        "chosen": chosen,
        "label": label,
        "table": table,
        "figure": figure,
        kind: keyset_page(request, rows, "-pk", name=f"after_{kind}"),
    }
    return render(request, "reporting/printed_records.html", context)


def printed_download(rows: PortalQuerySet, figure: Amounts) -> Iterator[list[Any]]:
    total = Decimal(0)
    for row in rows.order_by("-pk").iterator(chunk_size=CHUNK):
        value = row.full_time_staff if hasattr(row, "full_time_staff") else row.amount_usd
        total += value
        iscm = row.iscm.acronym if row.iscm else ""
        yield [row.label, iscm, row.year, value, row.source, row.note]
    if figure.known_usd != total:
        yield [_("Records that you may not see"), "", "", figure.known_usd - total, "", ""]
    yield [_("Total"), "", "", figure.known_usd, "", ""]


def download_lines(figure: Figure, parts: list[Part], user: Any) -> Iterator[list[Any]]:
    """A line a record, of a post and a day one a step of its reckoning; then what the reader may
    not see, what the rounding of the lines comes to, and the figure."""
    known = high = Decimal(0)
    for part in parts:
        rows = figure.records[part.kind].visible_to(user).select_related(*LINKS[part.kind])
        stream = rows.order_by("-pk").iterator(chunk_size=CHUNK)
        while chunk := list(islice(stream, CHUNK)):
            for row, worth in zip(chunk, figure.worth_of(part.kind, chunk), strict=True):
                for line in lines_of(part.kind, row, worth):
                    known, high = known + line[11], high + line[12]
                    yield line
        if part.hidden:
            known, high = known + part.hidden_known_usd, high + part.hidden_high_usd
            word = _("Records that you may not see")
            yield sum_line(part.kind, word, part.hidden_known_usd, part.hidden_high_usd)
    in_all = sum_of(parts)
    if (known, high) != in_all:
        yield sum_line("", _("Rounding of the lines"), in_all[0] - known, in_all[1] - high)
    yield sum_line("", _("Total"), *in_all)


def sum_of(parts: list[Part]) -> tuple[Decimal, Decimal]:
    known = sum((part.known_usd for part in parts), Decimal(0))
    return known, sum((part.high_usd for part in parts), Decimal(0))


def sum_line(kind: str, word: str, known: Decimal, high: Decimal) -> list[Any]:
    return [kind, None, word, *[""] * 8, known, high, None, ""]


def lines_of(kind: str, row: Any, worth: Worth) -> Iterator[list[Any]]:
    """The lines of a record in a download."""
    written = row.source
    if kind == "funding_lines":
        yield [
            *(kind, row.id, row.label, row.iscm.acronym if row.iscm else "", row.office),
            *(row.year, row.source_of_funds, None, None, None, None),
            *(worth.known_usd, worth.high_usd, None, written),
        ]
    elif kind == "attributions":
        yield [
            *(kind, row.id, row.project.code, row.iscm.acronym, ""),
            *(row.year, AttributionBasis(row.basis).label, row.share_pct, worth.base_usd),
            *(None, None, worth.known_usd, worth.high_usd, None, written),
        ]
    else:
        for step in worth.steps:
            usd = cents(step.usd)
            iscm = step.iscm or (row.iscm.acronym if getattr(row, "iscm", None) else "")
            yield [
                *(kind, row.id, f"{row.title} {row.grade}".strip(), iscm, row.office.name),
                *(step.year, "staff_time", step.share_pct, None, step.days_said, step.rate_said),
                *(Decimal(0) if step.is_possible else usd, usd),
                *(step.days_said if step.rate is None else None, written),
            ]
