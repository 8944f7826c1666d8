"""The dashboard of indicators, and the runs that compile them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from engagements.models import ISCM, SignedInRequest
from iscm_portal.common.access import may
from iscm_portal.common.as_of import known_by
from iscm_portal.common.charts import small_lines
from iscm_portal.common.downloads import FORMATS, TABLE_FORMATS, table_response
from iscm_portal.common.forms import Problem
from iscm_portal.common.jobs import ask_once
from iscm_portal.common.pages import keyset_page, no_such, one_of, past_day
from iscm_portal.common.snapshot import one_snapshot

from ..choices import PeriodKind
from ..measures import MEASURES
from ..models import CompileRun, IndicatorValue
from ..selectors import dashboard as selectors
from ..selectors.asked import Asked, Measured
from ..selectors.audits import latest_audit
from ..selectors.cuts import CUTS, dimension_label
from ..selectors.dashboard import Board, Row, board
from ..selectors.indicators import compiled_years, first_run
from ..selectors.runs import compile_jobs
from ..services.compiling.progress import how_far
from ..services.dashboard_sheet import pdf
from ..tasks import compile_indicators

# An address has no room for many, nor has a page for their columns.
MOST_MECHANISMS = 12


def asked_year(request: SignedInRequest, years: list[int]) -> int | None:
    """The year of the address, else the last one compiled that has begun; None without any."""
    text = one_of(request, "year", [str(year) for year in years])
    if text:
        return int(text)
    begun = [year for year in years if year <= timezone.localdate().year]
    return begun[-1] if begun else None


def asked_span(request: SignedInRequest, year: int) -> tuple[str, int]:
    """The kind of period, and its quarter (0 of a year): that of the address, else the present.

    A form that asks for years sends the quarter that was shown before; it is let be. A quarter of
    nothing is refused.
    """
    period = one_of(request, "period", PeriodKind.values)
    text = one_of(request, "quarter", ("1", "2", "3", "4"))
    if text and not period:
        raise BadRequest(_("A quarter needs its “period”: quarter, or rolling."))
    if period in ("", PeriodKind.YEAR):
        return PeriodKind.YEAR.value, 0
    if text:
        return period, int(text)
    today = timezone.localdate()
    return period, (today.month + 2) // 3 if year == today.year else 4


def asked_iscms(request: SignedInRequest, iscms: dict[str, ISCM]) -> tuple[ISCM, ...]:
    """The mechanisms that the address names, each once. Raises BadRequest for one that is none."""
    slugs = list(dict.fromkeys(slug for slug in request.GET.getlist("iscm") if slug))
    if len(slugs) > MOST_MECHANISMS:
        raise BadRequest(_("At most %(n)s mechanisms fit one page.") % {"n": MOST_MECHANISMS})
    if unknown := [slug for slug in slugs if slug not in iscms]:
        raise no_such("iscm", unknown[0])
    return tuple(iscms[slug] for slug in slugs)


def asked_of(request: SignedInRequest, iscms: dict[str, ISCM], year: int) -> Asked:
    """What the address asks for. Raises BadRequest for what there is not."""
    period, part = asked_span(request, year)
    as_of = past_day(request, timezone.localdate())
    return Asked(
        year=year,
        today=as_of or timezone.localdate(),
        period=period,
        part=part,
        by=one_of(request, "by", CUTS),
        iscms=asked_iscms(request, iscms),
        as_of=as_of,
    )


def problems_of(asked: Asked) -> list[Problem]:
    """What cannot be asked for together."""
    found = []
    if asked.by and (asked.compares or (asked.by == "iscm" and asked.iscms)):
        message = _("Choose mechanisms to compare, or what to cut all of them by, not both.")
        found.append(Problem(_("Cut by"), message, "f-by"))
    if asked.as_of and (asked.period != PeriodKind.YEAR or asked.by not in ("", "iscm")):
        message = _("Of a past day the values of years are kept, overall and by mechanism.")
        found.append(Problem(_("As on record on"), message, "f-as-of"))
    return found


def nothing_then(found: Board) -> str:
    """Why there was no dashboard on the past day that is asked for; "" where there was one."""
    if found.asked.as_of is None or (found.run and found.rows):
        return ""
    day, first = date_format(found.asked.as_of, "j F Y"), first_run()
    if found.run or first is None or first.published_at is None:
        return _("There was no dashboard on %(day)s: no indicator was defined.") % {"day": day}
    return _("There was no dashboard on %(day)s: the first was worked out on %(first)s.") % {
        "day": day,
        "first": date_format(first.published_at, "j F Y"),
    }


@one_snapshot()
def indicators(request: SignedInRequest) -> HttpResponseBase:
    """What is off track, what has no data and what changed; then every indicator."""
    years = compiled_years()
    year = asked_year(request, years)
    if year is None:
        return render(request, "reporting/indicators.html", {"board": None})
    iscms = {row.slug: row for row in ISCM.objects.visible_to(request.user)}
    asked = asked_of(request, iscms, year)
    problems = problems_of(asked)
    if problems:
        asked = replace(asked, by="", period=PeriodKind.YEAR.value, part=0)
    found = board(asked, request.user, of_measures())
    form = one_of(request, "format", FORMATS)
    nothing = nothing_then(found)
    if form and nothing:
        raise BadRequest(nothing)
    if form in TABLE_FORMATS:
        return table_response(form, "indicators", *selectors.lines_of(found))
    charts = charts_of(found)
    if form == "pdf":
        sheet = pdf(found, [(row.indicator.title, svg) for row, svg in charts], timezone.now())
        response = HttpResponse(sheet, content_type="application/pdf")
        response["Content-Disposition"] = 'attachment; filename="indicators.pdf"'
        return response
    context = {
        "board": found,
        "nothing_then": nothing,
        "asked": asked,
        "charts": charts,
        "years": years,
        "iscms": iscms.values(),
        "dimensions": [(name, dimension_label(name)) for name in CUTS],
        "periods": PeriodKind.choices,
        "chips": chips_of(request, asked),
        "problems": problems,
        "has_errors": bool(problems),
        "audit": latest_audit(known_by(asked.as_of)),
        "sees_differences": may(request.user, "compile_indicators"),
        "today": timezone.localdate(),
    }
    status = 422 if problems else 200
    return render(request, "reporting/indicators.html", context, status=status)


def of_measures() -> Measured:
    return Measured(
        {key: measure.dimensions for key, measure in MEASURES.items()},
        {key: measure.periods for key, measure in MEASURES.items()},
        {key for key, measure in MEASURES.items() if measure.is_part_of_a_whole},
    )


def charts_of(found: Board) -> list[tuple[Row, Any]]:
    """A small chart for each indicator with data; none where cells stand in a table by a cut."""
    if found.asked.by:
        return []
    everything = _("All mechanisms")
    return [
        (row, svg)
        for row in found.rows
        if (svg := small_chart(row, found.series.get(row.indicator.pk) or {everything: row.trend}))
    ]


def small_chart(row: Row, series: dict[str, list[tuple[str, Decimal | None]]]) -> Any:
    """The trend as lines; spans without data leave a gap, they are not zero."""
    spans = sorted({span for trend in series.values() for span, _number in trend})
    points = [
        {"span": span, "value": None if number is None else float(number), "of": name}
        for name, trend in series.items()
        for span, number in ((span, dict(trend).get(span)) for span in spans)
    ]
    if all(point["value"] is None for point in points):
        return ""
    return small_lines(
        points,
        x="span",
        y="value",
        series="of",
        target=row.indicator.target if row.has_target else None,
        description=_("%(title)s over time; the table holds the values.")
        % {"title": row.indicator.title},
    )


def chips_of(request: SignedInRequest, asked: Asked) -> list[tuple[str, str]]:
    """The filters that are set, in words, each with the address that takes it off."""

    def without(*names: str, iscm: str = "") -> str:
        query = request.GET.copy()
        for name in names:
            query.pop(name, None)
        if iscm:
            query.setlist("iscm", [slug for slug in query.getlist("iscm") if slug != iscm])
        return f"?{query.urlencode()}"

    chips = []
    if request.GET.get("year"):
        chips.append((without("year", "quarter"), str(asked.year)))
    if asked.period != PeriodKind.YEAR:
        chips.append((without("period", "quarter"), asked.label))
    if asked.by:
        label = dimension_label(asked.by)
        chips.append((without("by"), _("By: %(dimension)s") % {"dimension": label.lower()}))
    chips += [(without(iscm=iscm.slug), iscm.acronym) for iscm in asked.iscms]
    if asked.as_of:
        chips.append((without("as_of"), date_format(asked.as_of, "j F Y")))
    return chips


# --- runs


def runs(request: SignedInRequest) -> HttpResponse:
    """When the values were compiled, how long it took and what it changed; what runs or failed."""
    jobs = compile_jobs(timezone.now())
    seen = how_far()
    context = {
        "page": keyset_page(request, CompileRun.objects.visible_to(request.user), "-pk"),
        "values_total": IndicatorValue.objects.visible_to(request.user).count(),
        "jobs": jobs,
        "how_far": seen,
        "is_in_work": seen is not None or any(job.is_under_way for job in jobs),
        "may_compile": may(request.user, "compile_indicators"),
    }
    return render(request, "reporting/compile_runs.html", context)


@require_POST
def compile_now(request: SignedInRequest) -> HttpResponse:
    """Ask for a compile of all years; one at a time."""
    if not may(request.user, "compile_indicators"):
        raise PermissionDenied
    if ask_once(compile_indicators, timezone.now()):
        messages.success(request, _("The compile has been asked for; this page tells how it goes."))
    else:
        messages.warning(request, _("A compile is running already; wait until it is done."))
    return redirect("compile_runs")
