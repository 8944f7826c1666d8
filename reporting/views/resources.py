"""The resource dashboard: what IOM puts into the mechanisms, and what is not known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from engagements.choices import ISCMType
from engagements.models import ISCM, Country, Office, SignedInRequest, SourceNote, Theme
from finance.choices import FundingSource, Supports
from finance.models import Project
from finance.selectors.investment import NONE, lines_left_out
from finance.selectors.printed import table_titles
from iscm_portal.common.access import may
from iscm_portal.common.as_of import known_by, rows_of
from iscm_portal.common.charts import stacked_bars
from iscm_portal.common.downloads import TABLE_FORMATS, table_response
from iscm_portal.common.pages import one_of, past_day, whole_number
from iscm_portal.common.sheets import sheet_response
from iscm_portal.common.sorting import asked_sort

from ..selectors import resources as selectors
from ..selectors.beside import beside
from ..selectors.resources import (
    EVALUATION_YEARS,
    NARROWED_TO,
    ROWS,
    SOURCES_OF_IOM,
    ResourceFilter,
)
from ..services.resource_sheet import board_sheet

YEARS = (1990, 2100)
# Rows by these have one for the money that has none.
ROWS_OF_NONE = ("theme", "region", "office", "type")
# More than end in a year with one mechanism; an address has no room for many.
MOST_PROJECTS = 100

# What each filter of the address may be.
KNOWN: dict[str, Callable[[], Collection[str]]] = {
    "iscm": lambda: ISCM.objects.values_list("slug", flat=True),
    "source": lambda: [*FundingSource.values, SOURCES_OF_IOM],
    "theme": lambda: Theme.objects.values_list("code", flat=True),
    "region": lambda: Country.objects.order_by().values_list("region", flat=True).distinct(),
    "office": lambda: Office.objects.values_list("slug", flat=True),
    "type": lambda: ISCMType.values,
    "supports": lambda: Supports.values,
}


def asked(request: SignedInRequest, rows: Collection[str] = ROWS) -> ResourceFilter:
    """The filters of the address; ``rows`` are what its rows can be. Raises BadRequest for what
    they can't be."""
    get = request.GET
    first, last = (
        whole_number(get[name], *YEARS) if get.get(name) else default
        for name, default in zip(("from", "to"), EVALUATION_YEARS, strict=True)
    )
    if first > last:
        raise BadRequest(_("The years run from the earlier to the later one."))
    only = {
        name: one_of(request, name, [*KNOWN[name](), *([NONE] if name in ROWS_OF_NONE else [])])
        for name in NARROWED_TO
        if get.get(name)
    }
    by = one_of(request, "by", rows) or next(iter(rows))
    day = past_day(request, timezone.localdate())
    return ResourceFilter(first, last, only, by, day, asked_projects(request, day))


def asked_projects(request: SignedInRequest, day: dt.date | None) -> tuple[str, ...]:
    """The codes of the projects that the address names, as they were on ``day``. Raises BadRequest
    for one that is none."""
    codes = tuple(dict.fromkeys(code for code in request.GET.getlist("project") if code))
    projects = rows_of(Project, known_by(day)).visible_to(request.user)
    if projects.filter(code__in=codes[:MOST_PROJECTS]).count() != len(codes):
        raise BadRequest(_("There is no such project."))
    return codes


def asked_table(number: int, chosen: ResourceFilter) -> int:
    """The number of a table that the filters leave. Raises BadRequest where they leave it out."""
    if number not in selectors.shown_tables(chosen):
        raise BadRequest(_("The table has no row for these filters."))
    return number


def resources(request: SignedInRequest) -> HttpResponse | StreamingHttpResponse:
    chosen, today = asked(request), timezone.localdate()
    sort = asked_sort(request, selectors.columns_to_sort(chosen))
    board = selectors.dashboard(chosen, request.user, sort)
    form = one_of(request, "format", (*TABLE_FORMATS, "pdf"))
    if form in TABLE_FORMATS:
        columns, rows = selectors.columns_of(chosen), selectors.csv_rows(board)
        return table_response(form, "resources", columns, rows)
    reads_finance = may(request.user, "read_all_finance") or may(
        request.user, "read_own_office_finance"
    )
    charts = [chart(table) for table in board.tables if table.number in (4, 5)]
    at_side = beside(chosen, request.user) if reads_finance else None
    if form == "pdf":
        sheet = board_sheet(board, charts, at_side, dict(rows_by())[chosen.by])
        return sheet_response("resources", sheet, timezone.now())
    context = {
        "board": board,
        "chosen": chosen,
        "iscms": ISCM.objects.visible_to(request.user),
        "sources": FundingSource.choices,
        "rows_by": rows_by(),
        "chips": chips(chosen),
        "charts": charts,
        "notes": notes_by_table(request),
        "not_counted": lines_left_out(
            chosen.period, known_by=chosen.known_by, **chosen.narrowed_to
        ).visible_to(request.user),
        "planned": selectors.planned(board, today),
        "years_to_come": selectors.years_to_come(chosen.years, chosen.as_of or today),
        "year_not_over": (chosen.as_of or today).year,
        "reads_finance": reads_finance,
        "beside": at_side,
        "today": today,
    }
    return render(request, "reporting/resources.html", context)


def rows_by() -> list[tuple[str, str]]:
    """What the rows can be, in words."""
    return [
        ("iscm", _("Mechanism")),
        ("source", _("Source of funds")),
        ("theme", _("Theme")),
        ("region", _("Region")),
        ("office", _("Office")),
        ("type", _("Kind of mechanism")),
    ]


def chips(chosen: ResourceFilter) -> list[tuple[str, str]]:
    """What is narrowed to, as (filter, word)."""
    return [
        *(
            (name, str(selectors.labels_of(name).get(value, value)))
            for name, value in chosen.only.items()
        ),
        *([("project", ", ".join(chosen.projects))] if chosen.projects else []),
    ]


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


def printed_table_file(
    request: SignedInRequest, number: int, form: str
) -> HttpResponse | StreamingHttpResponse:
    """One table of the evaluation as CSV or XLSX: a row a label, a column a year, the total
    last."""
    if number not in table_titles():
        raise Http404
    chosen = asked(request)
    table = selectors.printed(asked_table(number, chosen), chosen)
    return table_response(form, f"table-{number}", *selectors.printed_csv(table))
