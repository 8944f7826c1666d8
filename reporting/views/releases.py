"""Releases: years that IPD has closed, what became another since, and by which records."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from engagements.models import SignedInRequest
from iscm_portal.common.access import may
from iscm_portal.common.downloads import TABLE_FORMATS, table_response
from iscm_portal.common.filters import FIRST_YEAR
from iscm_portal.common.forms import problems_of
from iscm_portal.common.pages import Page, merged_page, one_of, whole_number
from iscm_portal.common.snapshot import one_snapshot

from ..forms.releases import CloseYearForm
from ..measures import MEASURES
from ..measures.causes import versions_since
from ..measures.evidence import is_of_answers
from ..models import Release
from ..selectors import releases as selectors
from ..selectors.cuts import CUTS, DIMENSIONS, dimension_label
from ..services import release_sheet
from ..services.releasing import ReleaseError, close_year
from .indicators import asked_iscm


@one_snapshot()
def releases(request: SignedInRequest) -> HttpResponse:
    """The years that are closed, and for IPD those that can be."""
    found = list(Release.objects.visible_to(request.user).select_related("closed_by"))
    may_publish = may(request.user, "publish_releases")
    context = {
        "releases": found,
        "years": selectors.years_to_close(timezone.localdate().year) if may_publish else [],
        "closed": {row.year for row in found},
    }
    return render(request, "reporting/releases.html", context)


def release_of(request: SignedInRequest, year: int) -> Release:
    """The release of the year that the address names: the latest, else the ``revision`` asked."""
    rows = Release.objects.visible_to(request.user).filter(year=year).select_related("closed_by")
    if text := request.GET.get("revision", ""):
        rows = rows.filter(revision=whole_number(text, 1, 99))
    found: Release | None = rows.first()
    if found is None:
        raise Http404
    return found


@one_snapshot()
def release(request: SignedInRequest, year: int) -> HttpResponseBase:
    """A closed year: its values, and beside them what they would be now."""
    found = release_of(request, year)
    form = one_of(request, "format", (*TABLE_FORMATS, "pdf"))
    name = f"release-{year}-{found.revision}"
    if form in TABLE_FORMATS:
        return table_response(form, name, selectors.COLUMNS, selectors.release_rows(found))
    if form == "pdf":
        response = HttpResponse(release_sheet.pdf(found), content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
        return response
    by = one_of(request, "by", CUTS) or "iscm"
    rows = selectors.overall(found)
    context = {
        "release": found,
        "others": Release.objects.filter(year=year).exclude(pk=found.pk),
        "rows": rows,
        "revised": [row for row in rows if row.is_revised],
        "by": by,
        "dimensions": [(name, dimension_label(name)) for name in CUTS],
        "revisions": selectors.revisions(found, by),
        "may_publish": may(request.user, "publish_releases"),
    }
    return render(request, "reporting/release.html", context)


@one_snapshot()
def changes(request: SignedInRequest, year: int) -> HttpResponse:
    """What moved one cell of a closed year: its records that changed since, the latest first."""
    found = release_of(request, year)
    iscm = asked_iscm(request)
    dimension = one_of(request, "dimension", DIMENSIONS)
    code = request.GET.get("value", "") if dimension else ""
    key = request.GET.get("indicator", "")
    cell = selectors.cell_asked(found, key, iscm, dimension, code)
    if cell is None:
        raise Http404
    place = selectors.place_of(iscm, dimension, code)
    # Of a cell of answers that is not shown the list would tell who is in it.
    is_hidden = is_of_answers(key) and cell.is_now is None
    lists = [] if is_hidden else versions_since(cell.indicator, place, request.user)
    page = merged_page(request, [rows for _model, rows in lists])
    told = selectors.causes([model for model, _rows in lists], page.rows)
    context = {
        "release": found,
        "cell": cell,
        "page": Page(list(told), page.next),
        "of_answers": is_of_answers(key),
        "dimension": dimension_label(dimension) if dimension else "",
    }
    return render(request, "reporting/release_changes.html", context)


def close(request: SignedInRequest, year: int) -> HttpResponse:
    """What is incomplete of a year, and the button that closes it all the same."""
    if not may(request.user, "publish_releases"):
        raise PermissionDenied
    if not FIRST_YEAR <= year < timezone.localdate().year:
        raise Http404
    with one_snapshot():
        check = selectors.readiness(year, request.user)
    if not check.has_values:
        raise Http404
    form = CloseYearForm(request.POST or None, initial={"revision": check.revision})
    if request.method == "POST" and form.is_valid():
        asked: Any = form.cleaned_data
        try:
            made = close_year(year, asked["revision"], asked["note"], request.user, timezone.now())
        except ReleaseError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The year is closed; its values will not change."))
            return redirect("release", made.year)
    problems = problems_of(form) if form.is_bound else []
    context = {
        "check": check,
        "form": form,
        "money": [
            (MEASURES["resources_allocated"].beside_labels[name], number)
            for name, number in check.money.items()
        ],
        "problems": problems,
        "has_errors": bool(problems),
    }
    return render(request, "reporting/release_close.html", context, status=422 if problems else 200)
