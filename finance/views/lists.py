"""Lists of records of money: filters in the address, pages without a count, CSV and XLSX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.exceptions import BadRequest
from django.http import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from engagements.models import ISCM, Country, Office, SignedInRequest
from iscm_portal.common.exports import csv_response
from iscm_portal.common.filters import CodeFilter, FlagFilter, LinkFilter
from iscm_portal.common.pages import keyset_page, one_of
from iscm_portal.common.workbooks import workbook_response

from .. import permissions
from ..selectors.words import said
from .kinds import Kind, kind_named

FORMATS = ("csv", "xlsx")
# What few records are called by: a filter offers them to be chosen.
OFFERED = {ISCM: ("slug", "acronym"), Office: ("slug", "name"), Country: ("iso3", "name_en")}
FILTER_LABELS: dict[str, Any] = {
    "year": gettext_lazy("Year"),
    "iscm": gettext_lazy("Mechanism"),
    "office": gettext_lazy("Office"),
    "country": gettext_lazy("Member State"),
    "project": gettext_lazy("Project (code)"),
    "funding_line": gettext_lazy("Funding line (number)"),
    "position": gettext_lazy("Post (number)"),
    "event": gettext_lazy("Event (number)"),
    "report": gettext_lazy("Report (number)"),
    "source_of_funds": gettext_lazy("Source"),
    "supports": gettext_lazy("Supports"),
    "basis": gettext_lazy("Basis"),
    "paid_by": gettext_lazy("Paid by"),
    "state": gettext_lazy("State"),
    "is_counted": gettext_lazy("Counted"),
    "printed_table": gettext_lazy("Table of the evaluation"),
    "grade": gettext_lazy("Grade"),
    "currency": gettext_lazy("Currency"),
    "since": gettext_lazy("Since"),
    "until": gettext_lazy("Until"),
    "updated_since": gettext_lazy("Changed since"),
    "donor": gettext_lazy("Donor (short name)"),
    "follow_up": gettext_lazy("Follow-up (number)"),
    "has_tor": gettext_lazy("Terms of reference"),
    "confidence": gettext_lazy("Confidence"),
    "is_demo": gettext_lazy("Demo data"),
}


@dataclass(frozen=True)
class Control:
    """A filter on the page; ``options`` (value, word) where it is chosen, None where typed."""

    name: str
    label: str
    value: str
    options: list[tuple[str, str]] | None


@dataclass(frozen=True)
class Cell:
    label: str
    text: str
    is_number: bool


@require_safe
def record_list(request: SignedInRequest, kind: str) -> HttpResponseBase:
    found = kind_named(request, kind)
    wanted = one_of(request, "format", FORMATS)
    rows, filterset = chosen_rows(request, found)
    if wanted:
        return exported(found, rows, wanted)
    page = keyset_page(request, rows.select_related(*found.links), *found.order)
    headings = headings_of(found)
    context = {
        "kind": found,
        "page": page,
        "is_first": "after" not in request.GET,
        "headings": headings,
        "rows": [(row, cells_of(row, found.columns, headings)) for row in page],
        "controls": controls_of(request, found, filterset),
        "chips": chips_of(request, filterset),
        "may_add": permissions.may_add(request.user, found.model),
    }
    return render(request, "finance/list.html", context)


def chosen_rows(request: SignedInRequest, kind: Kind) -> tuple[Any, Any]:
    """The rows that the address asks for and the reader may see, with the filters.

    Raises BadRequest for a filter that names what is not there, or is not open to the reader.
    """
    rows = kind.model.objects.visible_to(request.user)
    filterset = kind.filterset(request.GET, queryset=rows)
    for field in filterset.form.fields.values():
        if hasattr(field, "queryset"):
            field.queryset = field.queryset.visible_to(request.user)
    if not filterset.form.is_valid():
        name, errors = next(iter(filterset.form.errors.items()))
        raise BadRequest(f"{FILTER_LABELS[name]}: {' '.join(map(str, errors))}")
    return filterset.qs, filterset


def headings_of(kind: Kind) -> list[Cell]:
    fields = [first_field(kind.model, column) for column in kind.columns]
    return [
        Cell(capfirst(str(field.verbose_name)), "", is_number(field, column))
        for field, column in zip(fields, kind.columns, strict=True)
    ]


def first_field(model: Any, column: str) -> Any:
    return model._meta.get_field(column.split("__")[0])


def is_number(field: Any, column: str) -> bool:
    return "__" not in column and field.get_internal_type() in (
        "DecimalField",
        "PositiveSmallIntegerField",
    )


def cells_of(row: Any, columns: tuple[str, ...], headings: list[Cell]) -> list[Cell]:
    cells = []
    for column, heading in zip(columns, headings, strict=True):
        name, _joint, beyond = column.partition("__")
        value = getattr(row, name)
        if beyond:
            text = str(getattr(value, beyond)) if value else ""
        else:
            text = said(first_field(type(row), column), value)
        cells.append(Cell(heading.label, text, heading.is_number))
    return cells


def exported(kind: Kind, rows: Any, wanted: str) -> StreamingHttpResponse:
    """All the rows of the list, whole: codes and plain numbers under the columns' names."""
    columns = [column.split("__")[0] for column in kind.columns]
    lines = rows.order_by(*kind.order).values_list(*kind.columns).iterator(chunk_size=2000)
    respond = csv_response if wanted == "csv" else workbook_response
    return respond(kind.slug, columns, lines)


def controls_of(request: SignedInRequest, kind: Kind, filterset: Any) -> list[Control]:
    return [
        Control(
            name,
            str(FILTER_LABELS[name]),
            request.GET.get(name, ""),
            options_of(request, filterset.filters[name], filterset.form.fields[name]),
        )
        for name in kind.controls
    ]


def options_of(request: SignedInRequest, filter: Any, field: Any) -> list[tuple[str, str]] | None:
    """What a filter is chosen from; None where a number or a code is typed."""
    if isinstance(filter, LinkFilter):
        named = OFFERED.get(field.queryset.model)
        return list(field.queryset.values_list(*named)) if named else None
    if isinstance(filter, FlagFilter):
        return [("true", _("yes")), ("false", _("no"))]
    if isinstance(filter, CodeFilter):
        return [(str(code), str(word)) for code, word in field.choices if code]
    return None


class Chip(NamedTuple):
    """A filter that the address sets, in words, and the address without it."""

    text: str
    address: str


def chips_of(request: SignedInRequest, filterset: Any) -> list[Chip]:
    chips = []
    for name, value in filterset.form.cleaned_data.items():
        if value in (None, ""):
            continue
        field = filterset.form.fields[name]
        word = dict(getattr(field, "choices", ())).get(value, value) if is_coded(field) else value
        word = said(None, word) if isinstance(word, bool) else word
        query = request.GET.copy()
        for gone in (name, "after"):
            query.pop(gone, None)
        chips.append(Chip(f"{FILTER_LABELS[name]}: {word}", f"?{query.urlencode()}"))
    return chips


def is_coded(field: Any) -> bool:
    return not hasattr(field, "queryset") and bool(getattr(field, "choices", ()))
