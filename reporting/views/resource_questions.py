"""Questions beside the resource dashboard: what ends, what differs, what one of something cost."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from engagements.models import ISCM, SignedInRequest
from finance.selectors.as_of import end_of
from finance.selectors.changes import changes_since
from finance.selectors.cliff import changes, cliff_table, funding_cliff
from finance.selectors.printed import change_pct, printed_table
from iscm_portal.common.downloads import TABLE_FORMATS, table_response
from iscm_portal.common.pages import one_of, whole_number

from ..selectors import costs as selectors_of_costs
from ..selectors import resources as selectors
from ..selectors.resources import EVALUATION_YEARS, ResourceFilter
from .indicators import parts_of
from .resources import YEARS, asked, asked_day, rows_by

# The years of the evaluation's own case: the fall of project support that it lays to the end of
# one project (section 4.3).
FALL = (2018, 2019)
# What a cell holds, and the address of its records.
Side = tuple[selectors.Amounts | None, str]


def cliff(request: SignedInRequest) -> HttpResponse | StreamingHttpResponse:
    """What ends in a year with its project, and the fall of 2018 to 2019 as the records have it."""
    today = timezone.localdate()
    text = request.GET.get("year", "")
    year = whole_number(text, *YEARS) if text else today.year
    rows = funding_cliff(year, request.user)
    if form := one_of(request, "format", TABLE_FORMATS):
        return table_response(form, f"ends-in-{year}", *cliff_table(rows))
    table = printed_table(5)
    context = {
        "year": year,
        "rows": rows,
        "ends": sum(row.ends_usd for row in rows),
        "ends_high": sum(row.high_usd for row in rows),
        "fall": changes({row.label: row.values for row in table.rows}, *FALL),
        "fall_years": FALL,
    }
    return render(request, "reporting/resource_cliff.html", context)


def compare(request: SignedInRequest) -> HttpResponse | StreamingHttpResponse:
    """Two years row by row, or two mechanisms source by source."""
    slugs = ISCM.objects.visible_to(request.user).values_list("slug", flat=True)
    one, other = one_of(request, "one", slugs), one_of(request, "other", slugs)
    first, second = (
        whole_number(request.GET[name], *YEARS) if request.GET.get(name) else default
        for name, default in zip(("first", "second"), FALL, strict=True)
    )
    if one and other:
        by = one_of(request, "by", ("source", "year")) or "source"
        rows = _mechanisms(asked(request), one, other, by)
        heads = [str(selectors.labels_of("iscm")[slug]) for slug in (one, other)]
    else:
        by = one_of(request, "by", selectors.ROWS) or "iscm"
        rows = _years(first, second, by)
        heads = [str(first), str(second)]
    if form := one_of(request, "format", TABLE_FORMATS):
        columns = ["row", *(f"{head}_{what}" for head in heads for what in ("known", "high"))]
        lines = (
            [
                row["label"],
                *(
                    getattr(row[side], name) if row[side] else ""
                    for side in ("one", "other")
                    for name in ("known_usd", "high_usd")
                ),
            ]
            for row in rows
        )
        return table_response(form, "compared", columns, lines)
    context = {
        "rows": rows,
        "heads": heads,
        "first": first,
        "second": second,
        "one": one,
        "other": other,
        "by": by,
        "first_year": request.GET.get("from") or EVALUATION_YEARS[0],
        "last_year": request.GET.get("to") or EVALUATION_YEARS[1],
        "rows_by": rows_by(),
        "iscms": ISCM.objects.visible_to(request.user),
    }
    return render(request, "reporting/resource_compare.html", context)


def _years(first: int, second: int, by: str) -> list[dict[str, Any]]:
    """What each row got in two years."""
    chosen = ResourceFilter(min(first, second), max(first, second), by=by)
    (cells,) = selectors.cells_of(chosen, (by, "year"))
    return [
        _beside(
            row.label,
            (row.cells.get(first), _records(row.query, first, first)),
            (row.cells.get(second), _records(row.query, second, second)),
        )
        for row in selectors.rows_of(cells, chosen)
        if first in row.cells or second in row.cells
    ]


def _mechanisms(chosen: ResourceFilter, one: str, other: str, by: str) -> list[dict[str, Any]]:
    """What two mechanisms got from each source, or in each year."""
    whole = ResourceFilter(chosen.first_year, chosen.last_year, by=by)
    (cells,) = selectors.cells_of(whole, ("iscm", by))
    found: dict[Any, dict[str, selectors.Amounts]] = {}
    for cell in cells:
        if cell.key["iscm"] in (one, other):
            of_row = found.setdefault(cell.key[by], {})
            of_row[cell.key["iscm"]] = selectors.Amounts.of(cell)
    names = selectors.labels_of(by) if by == "source" else {}

    def side(slug: str, value: Any) -> Side:
        years = (value, value) if by == "year" else (chosen.first_year, chosen.last_year)
        asked = {"iscm": slug} if by == "year" else {"iscm": slug, "source": value}
        return found[value].get(slug), _records(urlencode(asked), *years)

    return [
        _beside(str(names.get(value, value)), side(one, value), side(other, value))
        for value in sorted(found, key=str)
    ]


def _records(query: str, first_year: int, last_year: int) -> str:
    """The address of a cell's records; "" where there is nothing to ask them by."""
    if not query:
        return ""
    return f"{reverse('resource_records')}?{query}&from={first_year}&to={last_year}"


def _beside(label: str, one_side: Side, other_side: Side) -> dict[str, Any]:
    (one, one_records), (other, other_records) = one_side, other_side
    return {
        "label": label,
        "one": one,
        "one_records": one_records,
        "other": other,
        "other_records": other_records,
        "change_pct": change_pct(one.known_usd, other.known_usd) if one and other else None,
    }


def costs(request: SignedInRequest) -> HttpResponse | StreamingHttpResponse:
    """What an event, a staff day and an outcome cost, by mechanism."""
    chosen = asked(request)
    rows = selectors_of_costs.unit_costs(chosen)
    if form := one_of(request, "format", TABLE_FORMATS):
        columns = ["mechanism", "slug", "known_usd", "high_usd"]
        kinds = selectors_of_costs.COUNTED
        for kind in kinds:
            columns += [kind, f"known_usd_per_{kind}", f"high_usd_per_{kind}"]
        lines = (
            [
                row.label,
                row.slug,
                row.total.known_usd if row.total else "",
                row.total.high_usd if row.total else "",
                *(
                    value
                    for kind in kinds
                    for unit in [getattr(row, kind)]
                    for value in (unit.count, unit.known_usd, unit.high_usd)
                ),
            ]
            for row in rows
        )
        return table_response(form, "unit-costs", columns, lines)
    context = {
        "chosen": chosen,
        "rows": rows,
        "iscms": ISCM.objects.visible_to(request.user),
    }
    return render(request, "reporting/resource_costs.html", context)


def cost_records(request: SignedInRequest) -> HttpResponse:
    """The events, days or outcomes that a cost is set against, as far as the reader may read."""
    chosen, of = asked(request), one_of(request, "of", selectors_of_costs.COUNTED)
    if not of or not chosen.iscm:
        raise BadRequest(_("Say which mechanism, and whether events, days or outcomes."))
    kinds = selectors_of_costs.cost_records(of, chosen.period, chosen.iscm)
    evidence = [
        (str(rows.model._meta.verbose_name_plural), rows.visible_to(request.user)) for rows in kinds
    ]
    context = {
        "chosen": chosen,
        "of": {"events": _("events"), "days": _("staff days"), "outcomes": _("outcomes")}[of],
        "iscm": ISCM.objects.get(slug=chosen.iscm),
        "count": selectors_of_costs.count_of(of, chosen.period)[chosen.iscm],
        "parts": parts_of(request, evidence),
    }
    return render(request, "reporting/resource_cost_records.html", context)


def changed(request: SignedInRequest) -> HttpResponse:
    """What changed on record since the end of a day: who, from what to what, and why."""
    since = asked_day(request, "since") or timezone.localdate()
    rows = changes_since(end_of(since), request.user, most=200)
    context = {
        "since": since,
        "rows": rows,
        "today": timezone.localdate(),
    }
    return render(request, "reporting/resource_changes.html", context)
