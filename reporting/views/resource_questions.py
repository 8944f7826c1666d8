"""Questions beside the resource dashboard: what ends, what differs, what one of something cost."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from engagements.models import ISCM, SignedInRequest
from finance.choices import WORKING_DAYS_A_YEAR, FundingSource
from finance.selectors import changes as recorded
from finance.selectors.cliff import (
    COLUMNS,
    changes,
    cliff_table,
    endings_by_year,
    funding_cliff,
    sum_of_endings,
)
from finance.selectors.investment import days_of_posts
from finance.selectors.printed import printed_table
from iscm_portal.common.access import may
from iscm_portal.common.as_of import end_of, known_by, model_of
from iscm_portal.common.downloads import FORMATS, TABLE_FORMATS, table_response
from iscm_portal.common.forms import Problem
from iscm_portal.common.numbers import cents
from iscm_portal.common.pages import (
    Page,
    keyset_page,
    merged_page,
    one_of,
    past_day,
    whole_number,
)
from iscm_portal.common.period import Period
from iscm_portal.common.sheets import sheet_response
from iscm_portal.common.sorting import asked_sort, in_order

from ..selectors import comparison
from ..selectors import costs as selectors_of_costs
from ..selectors.resources import ROWS, years_to_come
from ..services.resource_sheet import cliff_sheet, compare_sheet, costs_sheet
from .indicators import parts_of
from .resources import YEARS, asked, chips, rows_by

# The years of the evaluation's own case: the fall of project support that it lays to the end of
# one project (section 4.3).
FALL = (2018, 2019)


def cliff(request: SignedInRequest) -> HttpResponse | StreamingHttpResponse:
    """What ends in a year with its project, and the fall of 2018 to 2019 as the records have it."""
    today = timezone.localdate()
    text = request.GET.get("year", "")
    year = whole_number(text, *YEARS) if text else today.year
    day = past_day(request, today)
    rows = funding_cliff(year, request.user, known_by=known_by(day))
    rows = in_order(rows, asked_sort(request, COLUMNS), COLUMNS)
    form = one_of(request, "format", FORMATS)
    if form in TABLE_FORMATS:
        return table_response(form, f"ends-in-{year}", *cliff_table(rows))
    table = printed_table(5)
    fall = changes({row.label: row.values for row in table.rows}, *FALL)
    if form:
        sheet = cliff_sheet(year, rows, None if day else fall, day)
        return sheet_response(f"ends-in-{year}", sheet, timezone.now())
    overview = endings_by_year(request.user, known_by=known_by(day))
    context = {
        "year": year,
        "as_of": day,
        "today": today,
        "rows": rows,
        "ends": sum_of_endings(rows),
        "known_to_end": len([row for row in rows if row.ends_usd]),
        "known": sum(row.known_usd for row in rows),
        "in_all": overview.totals.get(year),
        "overview": overview,
        "fall": fall,
        "fall_years": FALL,
    }
    return render(request, "reporting/resource_cliff.html", context)


def compare(request: SignedInRequest) -> HttpResponse | StreamingHttpResponse:
    """Two years row by row, or two mechanisms source by source."""
    iscms = {row.slug: row for row in ISCM.objects.visible_to(request.user)}
    one, other = one_of(request, "one", iscms), one_of(request, "other", iscms)
    of_iscms = bool(one or other)
    first, second = (
        whole_number(request.GET[name], *YEARS) if request.GET.get(name) else default
        for name, default in zip(("first", "second"), FALL, strict=True)
    )
    chosen = asked(request, ("source", "year") if of_iscms else ROWS)
    sort = asked_sort(request, comparison.COLUMNS)
    problems = second_wanted(one, other)
    found = None
    if not of_iscms:
        found = comparison.years_beside(first, second, chosen, sort)
    elif not problems:
        found = comparison.mechanisms_beside(one, other, chosen, sort)
    form = one_of(request, "format", FORMATS)
    if form == "pdf" and found:
        sheet = compare_sheet(found, chosen, chosen.span if of_iscms else "")
        return sheet_response("compared", sheet, timezone.now())
    if form and found:
        return table_response(form, "compared", *comparison.table(found))
    today = timezone.localdate()
    seen = chosen.years if of_iscms else sorted({first, second})
    context = {
        "found": found,
        "years_to_come": years_to_come(seen, chosen.as_of or today),
        "problems": problems,
        "has_errors": bool(problems),
        "first": first,
        "second": second,
        "one": one,
        "other": other,
        "of_iscms": of_iscms,
        "chosen": chosen,
        "chips": chips(chosen),
        "rows_by": rows_by(),
        "iscms": iscms.values(),
        "today": today,
    }
    status = 422 if problems else 200
    return render(request, "reporting/resource_compare.html", context, status=status)


def second_wanted(one: str, other: str) -> list[Problem]:
    """What is to be mended where only one mechanism is named, or one and the same twice."""
    if not (one or other) or (one and other and one != other):
        return []
    label, anchor = (_("The other"), "f-other") if one else (_("One"), "f-one")
    return [Problem(label, _("Choose a second mechanism to set beside the first."), anchor)]


def costs(request: SignedInRequest) -> HttpResponse | StreamingHttpResponse:
    """What an event, a staff day and an outcome cost, by mechanism."""
    chosen, today = asked(request), timezone.localdate()
    sort = asked_sort(request, selectors_of_costs.COLUMNS)
    found = selectors_of_costs.unit_costs(chosen, sort)
    form = one_of(request, "format", FORMATS)
    if form in TABLE_FORMATS:
        return table_response(form, "unit-costs", *selectors_of_costs.table(found))
    if form:
        return sheet_response("unit-costs", costs_sheet(found, chosen), timezone.now())
    context = {
        "chosen": chosen,
        "chips": chips(chosen),
        "found": found,
        "iscms": ISCM.objects.visible_to(request.user),
        "today": today,
        "years_to_come": years_to_come(chosen.years, chosen.as_of or today),
    }
    return render(request, "reporting/resource_costs.html", context)


def cost_records(request: SignedInRequest) -> HttpResponse:
    """The events, days or outcomes that a cost is set against, as far as the reader may read; of
    one mechanism or of all."""
    chosen, of = asked(request), one_of(request, "of", selectors_of_costs.COUNTED)
    if not of:
        raise BadRequest(_("Say whether events, days or outcomes."))
    asked_for: tuple[Any, ...] = (chosen.period, chosen.iscm, chosen.known_by)
    found = selectors_of_costs.cost_records(of, *asked_for)
    seen = [rows.visible_to(request.user) for rows in found]
    context = {
        "chosen": chosen,
        "of": {"events": _("events"), "days": _("staff days"), "outcomes": _("outcomes")}[of],
        "iscm": ISCM.objects.get(slug=chosen.iscm) if chosen.iscm else None,
        "count": selectors_of_costs.counted(of, *asked_for),
    }
    if of == "days":
        context |= days_of(request, chosen, *seen)
    else:
        names = [str(model_of(rows)._meta.verbose_name_plural) for rows in found]
        context["parts"] = parts_of(request, zip(names, seen, strict=True))
    return render(request, "reporting/resource_cost_records.html", context)


def days_of(request: SignedInRequest, chosen: Any, posts: Any, entries: Any) -> dict[str, Any]:
    """The posts of a cost with the days that each gave, the days on record, and their sums."""
    page = keyset_page(request, posts.select_related("office"), "-pk", name="after0")
    given = days_of_posts(chosen.period, chosen.iscm, chosen.known_by, [row.id for row in page])
    of_entries = entries.select_related("iscm", "office")
    return {
        "of_days": True,
        "posts": page,
        "given": [(row, cents(given.get(row.id))) for row in page],
        "entries": keyset_page(request, of_entries, "-pk", name="after1"),
        "behind": selectors_of_costs.days_behind(
            chosen.period, chosen.iscm, request.user, chosen.known_by
        ),
        "working_days": WORKING_DAYS_A_YEAR,
    }


# How far back the page looks where its reader names no day.
DAYS_BACK = 30
MOST_NUMBER = 2**63 - 1


def changed(request: SignedInRequest) -> HttpResponse | StreamingHttpResponse:
    """What changed on record since the end of a day, or by one import: who, from what to what, and
    why."""
    today = timezone.localdate()
    since = past_day(request, today, "since") or today - dt.timedelta(days=DAYS_BACK)
    people = {str(user.pk): user.label for user in recorded.people(request.user)}
    iscms = ISCM.objects.visible_to(request.user)
    asked_for = recorded.Question(
        end_of(since),
        kind=one_of(request, "kind", (*recorded.COUNTED, recorded.EVERY_KIND)),
        by=one_of(request, "by", (*people, recorded.NOBODY)),
        iscm=one_of(request, "iscm", [row.slug for row in iscms]),
        step=asked_import(request),
        period=asked_years(request),
        source=one_of(request, "source", FundingSource.values),
    )
    changes = recorded.Changes(asked_for, request.user)
    if form := one_of(request, "format", TABLE_FORMATS):
        lines = recorded.table_lines(changes.stream(recorded.as_it_stands))
        return table_response(form, "changes", recorded.TABLE_COLUMNS, lines)
    page = merged_page(request, changes.lists)
    if asked_for.step and not page.rows:
        raise Http404  # also where its rows are others' to read
    context = {
        "since": since,
        "asked": asked_for,
        "page": Page(list(changes.told(page.rows)), page.next),
        "is_first": "after" not in request.GET,
        "kinds": [
            (slug, capfirst(str(models[0]._meta.verbose_name_plural)))
            for slug, models in recorded.COUNTED.items()
        ],
        "people": people,
        "iscms": iscms,
        "sources": FundingSource.choices,
        "first_year": request.GET.get("from", ""),
        "last_year": request.GET.get("to", ""),
        "reads_imports": may(request.user, "read_all_finance"),
        "today": today,
    }
    return render(request, "reporting/resource_changes.html", context)


def asked_years(request: SignedInRequest) -> Period | None:
    """The years that the address narrows to, None where it names none; one of them alone is both
    the first and the last."""
    named = [
        whole_number(text, *YEARS) for name in ("from", "to") if (text := request.GET.get(name))
    ]
    if not named:
        return None
    if named[0] > named[-1]:
        raise BadRequest(_("The years run from the earlier to the later one."))
    return Period.years(named[0], named[-1])


def asked_import(request: SignedInRequest) -> recorded.ImportStep | None:
    """The import whose rows the address asks for, written (``import``) or undone (``undo``)."""
    for name in ("import", "undo"):
        if text := request.GET.get(name, ""):
            found = recorded.step_of(whole_number(text, 1, MOST_NUMBER), name == "undo")
            if found is None:
                raise Http404
            return found
    return None
