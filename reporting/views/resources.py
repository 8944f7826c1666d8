"""The resource dashboard: what IOM puts into the mechanisms, and what is not known."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from engagements.models import ISCM, SignedInRequest, SourceNote
from finance.choices import FundingSource
from finance.models import FundingLine
from finance.selectors.investment import investment_records
from finance.selectors.printed import printed_counts, printed_lines, table_titles
from iscm_portal.common.charts import stacked_bars
from iscm_portal.common.exports import csv_response
from iscm_portal.common.pages import keyset_page, one_of, whole_number

from ..selectors import resources as selectors
from ..selectors.resources import EVALUATION_YEARS, ResourceFilter

YEARS = (1990, 2100)


def asked(request: SignedInRequest) -> ResourceFilter:
    """The filters of the address. Raises BadRequest for what they can't be."""
    get = request.GET
    first, last = (
        whole_number(get[name], *YEARS) if get.get(name) else default
        for name, default in zip(("from", "to"), EVALUATION_YEARS, strict=True)
    )
    if first > last:
        raise BadRequest(_("The years run from the earlier to the later one."))
    source = one_of(request, "source", FundingSource.values)
    slugs = ISCM.objects.visible_to(request.user).values_list("slug", flat=True)
    slug = one_of(request, "iscm", slugs)
    return ResourceFilter(first, last, iscm=slug or None, source=source or None)


def asked_table(number: int, chosen: ResourceFilter) -> int:
    """The number of a table that the filters leave. Raises BadRequest where they leave it out."""
    if number not in selectors.shown_tables(chosen):
        raise BadRequest(_("The table has no row for these filters."))
    return number


def resources(request: SignedInRequest) -> HttpResponse | StreamingHttpResponse:
    chosen = asked(request)
    board = selectors.dashboard(chosen, request.user)
    if request.GET.get("format") == "csv":
        return csv_response("resources", selectors.CSV_COLUMNS, selectors.csv_rows(board))
    context = {
        "board": board,
        "chosen": chosen,
        "iscms": ISCM.objects.visible_to(request.user),
        "sources": FundingSource.choices,
        "charts": [chart(table) for table in board.tables if table.number in (4, 5)],
        "notes": notes_by_table(request),
        "not_counted": FundingLine.objects.visible_to(request.user)
        .filter(is_counted=False)
        .select_related("iscm"),
    }
    return render(request, "reporting/resources.html", context)


def chart(table: Any) -> dict[str, Any]:
    """Figure 3 or 4: the table's rows as stacked bars, rows of zeros left out."""
    titles = {
        4: (_("OSI by mechanism"), _("Figure 3")),
        5: (_("Project support by mechanism"), _("Figure 4")),
    }
    values = [
        {"year": year, "usd": float(row.values.get(year, 0)), "row": row.label, "order": order}
        for order, row in enumerate(table.rows)
        if any(row.values.values())
        for year in table.years
    ]
    title, figure = titles[table.number]
    return {
        "title": title,
        "figure": figure,
        "table": table,
        "svg": stacked_bars(
            values,
            x="year",
            y="usd",
            series="row",
            description=_("%(title)s in USD, a bar a year; the table holds the values.")
            % {"title": title},
        )
        if values
        else "",
    }


def notes_by_table(request: SignedInRequest) -> dict[int, list[SourceNote]]:
    notes: dict[int, list[SourceNote]] = {}
    for note in SourceNote.objects.visible_to(request.user).exclude(printed_table=None):
        notes.setdefault(note.printed_table, []).append(note)
    return notes


def printed_table_csv(
    request: SignedInRequest, number: int
) -> HttpResponse | StreamingHttpResponse:
    """One table of the evaluation as CSV: a row a label, a column a year, the total last."""
    if number not in table_titles():
        raise Http404
    chosen = asked(request)
    table = selectors.printed(asked_table(number, chosen), chosen)
    columns, rows = selectors.printed_csv(table)
    return csv_response(f"table-{number}", columns, rows)


def records(request: SignedInRequest) -> HttpResponse:
    """The records behind a figure of the dashboard, as far as the reader may read them."""
    chosen = asked(request)
    label, table = request.GET.get("label", ""), request.GET.get("table", "")
    if table:
        if table not in ("4", "5", "6", "7"):
            raise BadRequest(_("There is no such table."))
        number = asked_table(int(table), chosen)
        iscms = [chosen.iscm] if chosen.iscm else None
        rows = printed_counts(iscms) if number == 7 else printed_lines(number, iscms)
        rows = rows.filter(year__in=chosen.years)
        rows = rows.filter(label=label) if label else rows
        kinds: dict[str, Any] = {"staff_counts" if number == 7 else "funding_lines": rows}
        figure = selectors.printed_total(number, chosen, label)
    else:
        kinds = investment_records(chosen.period, iscm=chosen.iscm, source=chosen.source)
        figure = selectors.total(chosen)
    seen = {name: rows.visible_to(request.user) for name, rows in kinds.items()}
    links = {
        "funding_lines": ("iscm", "project", "office"),
        "attributions": ("project", "iscm"),
        "time_entries": ("iscm", "office", "event"),
        "staff_counts": ("iscm",),
    }
    context = {
        "chosen": chosen,
        "label": label,
        "table": table,
        "figure": figure,
        "iscm": ISCM.objects.visible_to(request.user).filter(slug=chosen.iscm).first(),
        **{
            name: keyset_page(
                request, rows.select_related(*links[name]), "-pk", name=f"after_{name}"
            )
            for name, rows in seen.items()
        },
    }
    return render(request, "reporting/resource_records.html", context)
