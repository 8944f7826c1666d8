"""Indicators: all of them, one of them, and the records behind a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _

from engagements.models import ISCM, SignedInRequest
from iscm_portal.common.as_of import record_of
from iscm_portal.common.charts import trend_line
from iscm_portal.common.downloads import TABLE_FORMATS, table_response
from iscm_portal.common.filters import FIRST_YEAR, LAST_YEAR
from iscm_portal.common.pages import Page, keyset_page, no_such, one_of, whole_number
from iscm_portal.common.snapshot import one_snapshot

from ..choices import PeriodKind
from ..measures import MEASURES
from ..measures.evidence import (
    answers_by_survey,
    evidence_of,
    hidden_from,
    is_of_answers,
)
from ..models import Indicator, IndicatorValue
from ..permissions import may_edit_definitions
from ..selectors.cuts import (
    DIMENSIONS,
    cut_of,
    dimension_label,
    last_day_of,
    records_address,
    short_label,
    span_label,
    word_of_value,
    words_of,
)
from ..selectors.definitions import version_of_span
from ..selectors.indicators import cell_of, compiled_years, highest_first, trend
from .dashboard import asked_span, asked_year


@one_snapshot()
def indicator(request: SignedInRequest, key: str) -> HttpResponse | StreamingHttpResponse:
    """One indicator: its value, its trend, by a dimension, and what it means."""
    rows = Indicator.objects.visible_to(request.user)
    found = get_object_or_404(rows.select_related("owner", "objective", "current_version"), key=key)
    iscm = asked_iscm(request)
    years = compiled_years()
    today = timezone.localdate()
    year = asked_year(request, years) or today.year
    period, part = asked_span(request, year)
    dimensions = dimensions_of(found, iscm)
    by = one_of(request, "by", dimensions) or next(iter(dimensions), "")
    span = found.values.filter(period=period, year=year, part=part)
    values = trend(found, iscm, period, max(year, today.year))
    current = span.filter(cell=cell_of(iscm)).select_related("indicator", "version").first()
    cut = highest_first(cut_of(span, by, iscm)) if by else []
    words = words_of(by) if by else {}
    form = one_of(request, "format", TABLE_FORMATS)
    if form and one_of(request, "table", ("trend", "by")) == "by":
        return table_response(form, f"{key}-by-{by}", *cut_table(by, words, cut))
    if form:
        return table_response(form, key, *trend_table(values))
    context = {
        "indicator": found,
        "iscm": iscm,
        "iscms": ISCM.objects.visible_to(request.user),
        "year": year,
        "years": years,
        "period": period,
        "periods": PeriodKind.choices,
        "part": part,
        "span": span_label(period, year, part),
        "last_day": last_day_of(period, year, part),
        "today": today,
        "years_to_come": [year] if year > today.year else [],
        "values": [(value, records_address(found, value)) for value in reversed(values)],
        "current": current,
        "is_by_year": found.key in MEASURES
        and period not in MEASURES[found.key].periods
        and not is_of_answers(key),
        "of_answers": is_of_answers(key),
        "has_denominators": any(value.denominator is not None for value in values),
        "measure": MEASURES.get(found.key),
        "of_span": version_of_span(current.version, current.last_day)
        if current and current.last_day < today
        else None,
        "records": records_address(found, current),
        "beside": beside_of(current),
        "chart": trend_chart(found, values, iscm),
        "by": by,
        "by_label": dimension_label(by) if by else "",
        "dimensions": dimensions.items(),
        "cut": [
            (value, label_in(words, by, value), records_address(found, value)) for value in cut
        ],
        "recommendations": found.recommendations.visible_to(request.user),
        "may_edit_definitions": may_edit_definitions(request.user),
        "chips": chips(request, iscm, span_label(period, year, part)),
    }
    return render(request, "reporting/indicator.html", context)


def dimensions_of(found: Indicator, iscm: ISCM | None) -> dict[str, str]:
    """By what the indicator may be cut, in words; of one mechanism by the others."""
    if found.key not in MEASURES:
        return {}
    names = MEASURES[found.key].dimensions
    return {name: dimension_label(name) for name in names if not (iscm and name == "iscm")}


def label_in(words: dict[str, Any], by: str, value: IndicatorValue) -> str:
    if by == "iscm":
        return value.iscm.acronym if value.iscm else ""
    return word_of_value(words, value.dimension_value)


def chips(request: SignedInRequest, iscm: ISCM | None, span: str) -> list[tuple[str, str]]:
    """What is narrowed to, as (filter, word)."""
    told = [("year", span)] if request.GET.get("year") else []
    return [*told, *([("iscm", iscm.acronym)] if iscm else [])]


FIGURES = ["value", "numerator", "denominator", "n", "status", "reports_accepted", "reports_owed"]


def trend_table(values: list[IndicatorValue]) -> tuple[list[str], list[list[Any]]]:
    """The trend as a download, the latest first as on the page."""
    rows = [
        [value.year, value.part or "", *(getattr(value, name) for name in FIGURES)]
        for value in reversed(values)
    ]
    return ["year", "quarter", *FIGURES], rows


def cut_table(
    by: str, words: dict[str, Any], cut: list[IndicatorValue]
) -> tuple[list[str], list[list[Any]]]:
    rows = [
        [label_in(words, by, value), *(getattr(value, name) for name in FIGURES)] for value in cut
    ]
    return [by, *FIGURES], rows


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
    """The mechanism that the address names. Raises BadRequest for one that is none."""
    slug = request.GET.get("iscm", "")
    if not slug:
        return None
    iscm: ISCM | None = ISCM.objects.visible_to(request.user).filter(slug=slug).first()
    if iscm is None:
        raise no_such("iscm", slug)
    return iscm


def trend_chart(found: Indicator, values: list[IndicatorValue], iscm: ISCM | None) -> Any:
    """The values by span as a line; empty spans leave a gap, they are not zero."""
    points = [
        {
            "span": short_label(value.period, value.year, value.part),
            "value": None if value.value is None else float(value.value),
        }
        for value in values
    ]
    if all(point["value"] is None for point in points):
        return ""
    whole = found.key in MEASURES and MEASURES[found.key].is_part_of_a_whole
    is_part = iscm is not None or values[0].period == PeriodKind.QUARTER
    return trend_line(
        points,
        x="span",
        y="value",
        target=None if whole and is_part else found.target,
        description=_("%(title)s over time; the table holds the values.") % {"title": found.title},
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
        parts.append({"label": label, "page": Page([record_of(row) for row in page], page.next)})
    return parts


@one_snapshot()
def indicator_records(request: SignedInRequest, key: str) -> HttpResponse:
    """The records that one value was counted from, as far as the reader may read them; of answers
    the surveys that they came in with."""
    found = get_object_or_404(Indicator.objects.visible_to(request.user), key=key)
    year = whole_number(request.GET.get("year", ""), FIRST_YEAR, LAST_YEAR)
    period, part = asked_span(request, year)
    iscm = asked_iscm(request)
    dimension = one_of(request, "dimension", DIMENSIONS)
    cell = found.values.filter(
        period=period,
        year=year,
        part=part,
        iscm=iscm,
        dimension=dimension,
        dimension_value=request.GET.get("value", "") if dimension else "",
    )
    value = get_object_or_404(cell.select_related("indicator", "iscm"))
    words = words_of(dimension) if dimension else {}
    of_answers = is_of_answers(key)
    context = {
        "indicator": found,
        "value": value,
        "of_answers": of_answers,
        "answers": answers_by_survey(value) if of_answers else [],
        "span": span_label(period, year, part),
        "iscm": iscm,
        "measure": MEASURES.get(found.key),
        "dimension": dimension_label(dimension) if dimension else "",
        "dimension_value": word_of_value(words, value.dimension_value) if dimension else "",
        "parts": [] if of_answers else parts_of(request, evidence_of(value, request.user)),
        "hidden": hidden_from(value, request.user),
    }
    return render(request, "reporting/indicator_records.html", context)
