"""What IOM does per goal and theme, and the records of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from engagements.choices import FrameKind
from engagements.models import ISCM, ReferenceFrame, SignedInRequest, Theme
from iscm_portal.common.downloads import TABLE_FORMATS, table_response
from iscm_portal.common.pages import keyset_page, one_of
from iscm_portal.common.snapshot import one_snapshot

from ..models import PostEventReport
from ..selectors import frames as selectors
from ..selectors.frames import GROUPS, KINDS, THEME, Chosen, Part
from ..selectors.indicators import compiled_years
from .dashboard import asked_year
from .indicators import asked_iscm, linked

# Of each kind, on a page of six lists.
ROWS = 20


def asked(request: SignedInRequest, years: list[int]) -> Chosen:
    """The year and the mechanism of the address; without them all."""
    year = one_of(request, "year", [str(year) for year in years])
    return Chosen(request.user, int(year) if year else None, asked_iscm(request))


@require_safe
@one_snapshot()
def frames(request: SignedInRequest) -> HttpResponse | StreamingHttpResponse:
    """Activities and results per goal of one frame, or per theme."""
    group = one_of(request, "of", GROUPS) or next(iter(GROUPS))
    years = compiled_years()
    chosen = asked(request, years)
    year_of_values = asked_year(request, years)
    parts = selectors.board(group, chosen, year_of_values)
    lacking = selectors.untagged_counts(group, chosen)
    form = one_of(request, "format", TABLE_FORMATS)
    if form:
        return table_response(form, f"goals-{group}", columns(), cells(parts, lacking))
    reports = selectors.records_of(selectors.REPORTS, chosen).count()
    context = {
        **page_of(request, chosen, years),
        "group": group,
        "group_title": GROUPS[group][0],
        "groups": [(name, title) for name, (title, _kinds) in GROUPS.items()],
        "kinds": KINDS,
        "parts": parts,
        "untagged": lacking,
        "reports": reports,
        "reports_tagged": reports - lacking["reports"],
        "year_of_values": year_of_values,
        "has_records": any(sum(pair) for part in parts for pair in part.counts.values()),
    }
    return render(request, "reporting/frames.html", context)


def page_of(request: SignedInRequest, chosen: Chosen, years: list[int]) -> dict[str, Any]:
    """What both pages need to show and keep their filters."""
    query = request.GET.copy()
    for name in query.keys() - {"year", "iscm"}:
        del query[name]
    chips = [
        *([("year", str(chosen.year))] if chosen.year else []),
        *([("iscm", chosen.iscm.acronym)] if chosen.iscm else []),
    ]
    return {
        "chosen": chosen,
        "query": query.urlencode(),
        "chips": chips,
        "years": years,
        "iscms": ISCM.objects.visible_to(request.user),
    }


def columns() -> list[str]:
    counted = [
        text
        for kind in KINDS
        for text in (
            _("%(what)s: tagged") % {"what": kind.label},
            _("%(what)s: related") % {"what": kind.label},
        )
    ]
    return [_("Kind"), _("Code"), _("Title"), *counted, _("Indicators")]


def cells(parts: list[Part], untagged: dict[str, int]) -> Iterator[list[Any]]:
    for part in parts:
        numbers = [number for kind in KINDS for number in part.counts[kind.name]]
        title = getattr(part.record, "title", None) or str(part.record)
        keys = ", ".join(row.indicator.key for row in part.indicators)
        yield [str(part.kind_label), part.record.code, title, *numbers, keys]
    lacking = [cell for kind in KINDS for cell in (untagged[kind.name], "")]
    yield ["", "", _("Not tagged"), *lacking, ""]


def part_named(request: SignedInRequest, kind: str, code: str) -> ReferenceFrame | Theme:
    found: ReferenceFrame | Theme
    if kind == THEME:
        found = get_object_or_404(Theme.objects.visible_to(request.user), code=code)
    elif kind in FrameKind.values:
        rows = ReferenceFrame.objects.visible_to(request.user).prefetch_related("themes")
        found = get_object_or_404(rows, kind=kind, code=code)
    else:
        raise Http404
    return found


@require_safe
@one_snapshot()
def frame(request: SignedInRequest, kind: str, code: str) -> HttpResponse:
    """The records of one goal or theme, kind by kind: tagged, or related."""
    part = part_named(request, kind, code)
    years = compiled_years()
    chosen = asked(request, years)
    how: Any = one_of(request, "how", ("tagged", "related")) or "tagged"
    year = asked_year(request, years)
    indicators, themes = [], []
    if isinstance(part, ReferenceFrame):
        indicators = selectors.indicators_of(part, request.user, year) if year else []
        themes = list(part.themes.all())
    group = next(name for name, (_title, kinds) in GROUPS.items() if kind in kinds)
    context = {
        **page_of(request, chosen, years),
        "part": Part(part, indicators=indicators),
        "group": group,
        "group_title": GROUPS[group][0],
        "how": how,
        "themes": themes,
        "year_of_values": year,
        "lists": lists(request, selectors.records_of_part(part, how, chosen)),
    }
    return render(request, "reporting/frame.html", context)


@require_safe
@one_snapshot()
def untagged(request: SignedInRequest, group: str) -> HttpResponse:
    """The records that nothing of a frame is tagged to."""
    if group not in GROUPS:
        raise Http404
    years = compiled_years()
    chosen = asked(request, years)
    found = ((kind, selectors.untagged(group, kind, chosen)) for kind in KINDS)
    context = {
        **page_of(request, chosen, years),
        "group": group,
        "group_title": GROUPS[group][0],
        "lists": lists(request, found),
    }
    return render(request, "reporting/frame_untagged.html", context)


def lists(request: SignedInRequest, found: Any) -> list[dict[str, Any]]:
    """A page of each kind's records, with what is shown of them read in the same statement."""
    pages = []
    for kind, rows in found:
        number = rows.count()
        rows = linked(rows)
        if kind.model is PostEventReport:
            rows = rows.select_related("event", "office")
        page = keyset_page(request, rows, "-pk", size=ROWS, name=f"after_{kind.name}")
        pages.append({"kind": kind, "page": page, "n": number})
    return pages
