"""Indicators: all of them, one of them, and the records behind a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _

from engagements.models import ISCM, SignedInRequest
from iscm_portal.common.as_of import record_of
from iscm_portal.common.charts import trend_line
from iscm_portal.common.filters import FIRST_YEAR, LAST_YEAR
from iscm_portal.common.pages import Page, keyset_page, whole_number

from ..measures import MEASURES
from ..measures.evidence import evidence_of
from ..models import Indicator, IndicatorValue
from ..permissions import may_edit_definitions
from ..querysets import AnswerQuerySet
from ..selectors.indicators import compiled_years, latest_run, overview, trend, values_by_iscm


def asked_year(request: SignedInRequest, years: list[int]) -> int | None:
    """The year of the address, else the last one compiled that has begun; None without any."""
    text = request.GET.get("year", "")
    if text:
        return whole_number(text, FIRST_YEAR, LAST_YEAR)
    begun = [year for year in years if year <= timezone.localdate().year]
    return begun[-1] if begun else None


def indicators(request: SignedInRequest) -> HttpResponse:
    years = compiled_years()
    year = asked_year(request, years)
    rows = overview(request.user, year) if year else []
    context = {
        "rows": rows,
        "year": year,
        "years": years,
        "run": latest_run(),
        "without_data": sum(row.value is None or row.value.value is None for row in rows),
        "without_target": sum(row.indicator.target is None for row in rows),
    }
    return render(request, "reporting/indicators.html", context)


def indicator(request: SignedInRequest, key: str) -> HttpResponse:
    rows = Indicator.objects.visible_to(request.user)
    found = get_object_or_404(rows.select_related("owner", "objective", "current_version"), key=key)
    iscm = asked_iscm(request)
    years = compiled_years()
    year = asked_year(request, years)
    values = trend(found, iscm)
    cell = found.values.of_year(year or 0).filter(iscm=iscm, dimension="")
    current = cell.select_related("indicator", "version").first()
    context = {
        "indicator": found,
        "iscm": iscm,
        "iscms": ISCM.objects.visible_to(request.user),
        "year": year,
        "years": years,
        "values": values,
        "current": current,
        "beside": beside_of(current),
        "chart": trend_chart(found, values),
        "by_iscm": values_by_iscm(found, year) if year else [],
        "recommendations": found.recommendations.visible_to(request.user),
        "may_edit_definitions": may_edit_definitions(request.user),
    }
    return render(request, "reporting/indicator.html", context)


def beside_of(value: IndicatorValue | None) -> list[tuple[Any, Any]]:
    """What stands beside a value, by name; what is not known is left out."""
    if value is None or value.indicator.key not in MEASURES:
        return []
    labels = MEASURES[value.indicator.key].beside_labels
    return [
        (label, value.beside[name])
        for name, label in labels.items()
        if value.beside.get(name) is not None
    ]


def asked_iscm(request: SignedInRequest) -> ISCM | None:
    slug = request.GET.get("iscm", "")
    if not slug:
        return None
    iscm: ISCM = get_object_or_404(ISCM.objects.visible_to(request.user), slug=slug)
    return iscm


def trend_chart(found: Indicator, values: list[IndicatorValue]) -> Any:
    """The values by year as a line; empty years leave a gap, they are not zero."""
    points = [
        {"year": value.year, "value": None if value.value is None else float(value.value)}
        for value in values
    ]
    if not any(point["value"] is not None for point in points):
        return ""
    return trend_line(
        points,
        x="year",
        y="value",
        target=found.target,
        description=_("%(title)s by year; the table holds the values.") % {"title": found.title},
    )


# What a record of any kind is shown with.
LINKS = frozenset({"iscm", "country", "organisation", "event", "project"})


def linked(rows: QuerySet[Any]) -> QuerySet[Any]:
    """``rows`` with those of ``LINKS`` that their model has, in the same statement."""
    fields = rows.model._meta.get_fields()
    return rows.select_related(*(field.name for field in fields if field.name in LINKS))


def parts_of(request: SignedInRequest, evidence: Iterable[tuple[Any, Any]]) -> list[dict[str, Any]]:
    """Records as the page of a figure lists them, kind by kind: (word, rows as the reader sees)."""
    parts = []
    for number, (label, rows) in enumerate(evidence):
        page = keyset_page(request, linked(rows), "-pk", name=f"after{number}")
        parts.append(
            {
                "label": label,
                "page": Page([record_of(row) for row in page], page.next),
                "of_answers": isinstance(rows, AnswerQuerySet),
            }
        )
    return parts


def indicator_records(request: SignedInRequest, key: str) -> HttpResponse:
    """The records that one value was counted from, as far as the reader may read them."""
    found = get_object_or_404(Indicator.objects.visible_to(request.user), key=key)
    year = whole_number(request.GET.get("year", ""), FIRST_YEAR, LAST_YEAR)
    iscm = asked_iscm(request)
    cell = found.values.of_year(year).filter(iscm=iscm, dimension="")
    cell = cell.select_related("indicator", "iscm")
    value = get_object_or_404(cell)
    parts = parts_of(request, evidence_of(value, request.user))
    context = {
        "indicator": found,
        "value": value,
        "iscm": iscm,
        "parts": parts,
    }
    return render(request, "reporting/indicator_records.html", context)
