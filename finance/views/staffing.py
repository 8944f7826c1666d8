"""The staffing plan: who is needed, who there is, and the terms of reference of each post."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from engagements.models import ISCM, Office, SignedInRequest
from iscm_portal.common import uploads
from iscm_portal.common.access import may
from iscm_portal.common.as_of import known_by
from iscm_portal.common.charts import paired_bars
from iscm_portal.common.downloads import FORMATS, document_response, table_response
from iscm_portal.common.forms import FileForm, problems_of
from iscm_portal.common.pages import (
    Page,
    keyset_page,
    one_of,
    page_beyond,
    past_day,
    wants_json,
    whole_number,
)
from iscm_portal.common.period import FIRST_DAY, LAST_DAY, Period
from iscm_portal.common.sheets import sheet_response
from iscm_portal.common.sorting import asked_sort, in_order

from .. import permissions
from ..choices import WORKING_DAYS_A_YEAR
from ..models import Position, TermsOfReference
from ..querysets import PositionQuerySet
from ..selectors import staffing as figures
from ..selectors.printed import printed_table
from ..selectors.staffing import (
    PLACE,
    PLACE_ORDER,
    TOR_ANSWERS,
    TOR_IN_SURVEY,
    Staffing,
    StaffingPlan,
    days_in,
    days_noted,
    post_list,
    posts,
    posts_in_year,
    staffing_at,
    staffing_places,
    staffing_plan,
    staffing_records,
    told_posts,
    told_shares,
    told_unknown,
    tor_answer,
    tor_coverage,
    undated,
    with_days_noted,
)
from ..services import terms_of_reference as services
from ..services.figure_sheets import staffing_sheet

YEARS = (FIRST_DAY.year, LAST_DAY.year)
# What names no mechanism or no office, in the address.
NONE = "none"
# Posts of a download that are put into words at once.
CHUNK = 1000
POST_ORDER = ("office_name", "title", "pk")
TOR_WORDS = {
    "known": gettext_lazy("It is known whether they have ToR"),
    "with_tor": gettext_lazy("With ToR on record"),
    "without_tor": gettext_lazy("Without ToR"),
    "unknown": gettext_lazy("Not known whether they have ToR"),
    "with_document": gettext_lazy("The ToR themselves are here"),
}
STAFFING_COLUMNS = (
    "mechanism",
    "office",
    "year",
    "needed_posts",
    "held_posts",
    "held_posts_high",
    "posts_of_unknown_share",
    "gap_posts_low",
    "gap_posts_high",
    "ad_hoc_days",
    "ad_hoc_pct_of_a_post",
)
POST_COLUMNS = (
    "code",
    "title",
    "grade",
    "office",
    "mechanism",
    "share_pct",
    "paid_by",
    "line_or_project",
    "starts_on",
    "ends_on",
    "tor_on_record",
    "tor_documents",
    "days_noted",
    "payer",
    "payer_pct",
)


@dataclass(frozen=True)
class Asked:
    """What the address asks for; "" stands for what names no mechanism or no office."""

    year: int
    iscm: str | None
    office: str | None
    as_of: dt.date | None

    @property
    def query(self) -> str:
        """These filters as an address carries them."""
        named = {"iscm": self.iscm, "office": self.office}
        parts = [f"{name}={value or NONE}" for name, value in named.items() if value is not None]
        day = [f"as_of={self.as_of}"] if self.as_of else []
        return "&".join([f"year={self.year}", *parts, *day])


def asked(request: SignedInRequest, iscms: dict[str, ISCM], offices: dict[str, Office]) -> Asked:
    """The filters of the address; who reads one office's posts asks for no other,
    and for what names none.

    Raises BadRequest for what is not there.
    """
    year, today = request.GET.get("year", ""), timezone.localdate()
    office = one_of(request, "office", (*offices, NONE))
    if not may(request.user, "read_all_finance") and office != NONE:
        office = next(iter(offices), NONE)
    return Asked(
        year=whole_number(year, *YEARS) if year else today.year,
        iscm=_slug(one_of(request, "iscm", (*iscms, NONE))),
        office=_slug(office),
        as_of=past_day(request, today),
    )


def _slug(value: str) -> str | None:
    return {"": None, NONE: ""}.get(value, value)


def _named(request: SignedInRequest) -> tuple[dict[str, ISCM], dict[str, Office]]:
    """The mechanisms, and the offices whose posts the reader may read, by slug."""
    offices = Office.objects.visible_to(request.user)
    if not may(request.user, "read_all_finance"):
        if not may(request.user, "read_own_office_finance"):
            raise PermissionDenied
        offices = offices.filter(pk=request.user.office_id)
    iscms = ISCM.objects.visible_to(request.user)
    return {row.slug: row for row in iscms}, {row.slug: row for row in offices}


def staffing(request: SignedInRequest) -> HttpResponseBase:
    """Needed, held and given by mechanism and office; the posts; their terms of reference."""
    iscms, offices = _named(request)
    chosen = asked(request, iscms, offices)
    moment = known_by(chosen.as_of)
    narrowed: dict[str, Any] = {
        "iscm": chosen.iscm,
        "office": chosen.office,
        "reader": request.user,
        "known_by": moment,
    }
    period = Period.year(chosen.year)
    readable = posts(chosen.iscm, chosen.office, known_by=moment).visible_to(request.user)
    held = readable.held_during(period)
    undated_posts = readable.without_first_day()
    tor = one_of(request, "tor", TOR_ANSWERS)
    listed = held.filter(tor_answer(tor, moment)) if tor else held
    form = one_of(request, "format", FORMATS)
    table = one_of(request, "table", ("mechanisms", "offices", "posts"))
    names = {slug: row.acronym for slug, row in iscms.items()}
    columns = {"row": lambda row: names.get(row.key["iscm"]), **figures.COLUMNS}
    sort = asked_sort(request, columns)
    if form == "pdf":
        plan = staffing_plan(chosen.year, **narrowed)
        office = offices.get(chosen.office or "")
        only = ", ".join(filter(None, [names.get(chosen.iscm or ""), str(office or "")]))
        drawn = chart(plan, iscms)
        sheet = staffing_sheet(plan, names, tor_coverage(held, moment), drawn, only, chosen.as_of)
        return sheet_response(f"staffing-{chosen.year}", sheet, timezone.now())
    if form and table == "posts":
        asked_for = listed if tor else held | undated_posts
        shown = with_days_noted(asked_for, period, request.user, moment)
        lines = post_rows(shown, moment)
        return table_response(form, f"posts-{chosen.year}", POST_COLUMNS, lines)
    if form:
        by = PLACE if table == "offices" else ("iscm",)
        cells = figures.staffing(period, by, **narrowed)
        if by != PLACE:
            cells = in_order(cells, sort, columns)
        rows = staffing_rows(cells, chosen.year, iscms, offices)
        return table_response(form, f"staffing-{chosen.year}", STAFFING_COLUMNS, rows)
    plan = staffing_plan(chosen.year, **narrowed)
    beyond = staffing_places(chosen.year, **narrowed)
    places = page_beyond(request, beyond, *PLACE_ORDER, name="after_places")
    coverage = tor_coverage(held, moment)
    context = {
        "chosen": chosen,
        "iscms": iscms,
        "names": names,
        "offices": offices,
        "chosen_iscm": NONE if chosen.iscm == "" else chosen.iscm,
        "chosen_office": NONE if chosen.office == "" else chosen.office,
        "reads_all": may(request.user, "read_all_finance"),
        "plan": plan,
        "by_iscm": in_order(plan.by_iscm, sort, columns),
        "places": Page(staffing_at(chosen.year, places, **narrowed), places.next),
        "chart": chart(plan, iscms),
        "tor": coverage,
        "chosen_tor": tor,
        "tor_words": TOR_WORDS,
        "listed_posts": getattr(coverage, tor) if tor else coverage.posts,
        "survey": TOR_IN_SURVEY,
        "undated": undated(readable, chosen.iscm, moment),
        "posts": post_page(request, listed, period, moment, "after_posts"),
        "posts_undated": post_page(request, undated_posts, period, moment, "after_undated"),
        "printed": printed_table(7, iscms=[chosen.iscm] if chosen.iscm else None),
        "working_days": WORKING_DAYS_A_YEAR,
        "today": timezone.localdate(),
    }
    return render(request, "finance/staffing.html", context)


def post_page(
    request: SignedInRequest,
    rows: PositionQuerySet,
    period: Period,
    moment: dt.datetime | None,
    name: str,
) -> Page:
    rows = with_days_noted(post_list(rows), period, request.user, moment)
    page = keyset_page(request, rows, *POST_ORDER, name=name)
    return Page(told_posts(page, moment), page.next)


def chart(plan: StaffingPlan, iscms: dict[str, ISCM]) -> str:
    """Needed and held of each mechanism; nothing to draw where there is neither."""
    needed, held, at_most = _("Needed"), _("Held"), _("Held at most")
    values = []
    for row in plan.by_iscm:
        if row.needed or row.held_high:
            bars = [(needed, row.needed or 0), (held, row.held)]
            bars += [(at_most, row.held_high)] if row.is_range else []
            name = iscms[row.key["iscm"]].acronym
            values += [{"iscm": name, "of": word, "posts": float(n)} for word, n in bars]
    if not values:
        return ""
    return paired_bars(
        values,
        row="iscm",
        x="posts",
        series="of",
        order=(needed, held, at_most),
        description=_("Posts needed and held by mechanism, %(year)s; the table holds the values.")
        % {"year": plan.year},
    )


def staffing_rows(
    cells: Iterable[Staffing], year: int, iscms: dict[str, ISCM], offices: dict[str, Office]
) -> Iterator[list[Any]]:
    for cell in cells:
        iscm, office = iscms.get(cell.key["iscm"] or ""), offices.get(cell.key.get("office") or "")
        yield [
            iscm.acronym if iscm else "",
            office.name if office else "",
            year,
            cell.needed,
            cell.held,
            cell.held_high,
            cell.unknown,
            cell.gap_low,
            cell.gap,
            cell.days,
            cell.days_pct,
        ]


def post_rows(rows: PositionQuerySet, moment: dt.datetime | None) -> Iterator[list[Any]]:
    """A line a post and mechanism; one line for a post without a share."""
    stream = post_list(rows).order_by(*POST_ORDER).iterator(chunk_size=CHUNK)
    while chunk := list(islice(stream, CHUNK)):
        for post in told_posts(chunk, moment):
            for share in post.share_list or [None]:
                yield [
                    post.code,
                    post.title,
                    post.grade,
                    post.office.name,
                    share.iscm.acronym if share else "",
                    share.share_pct if share else None,
                    post.paid_by,
                    str(post.funding_line or post.project or ""),
                    post.starts_on,
                    post.ends_on,
                    {True: "yes", False: "no", None: "unknown"}[post.has_tor],
                    len(post.documents),
                    post.days_noted,
                    post.payer,
                    post.payer_pct,
                ]


def records(request: SignedInRequest) -> HttpResponse:
    """The needs, posts and days behind the figures, as far as the reader may read, and their sums.

    ``planned`` narrows to the mechanisms with a need on record.
    """
    iscms, offices = _named(request)
    chosen = asked(request, iscms, offices)
    moment = known_by(chosen.as_of)
    narrowed: dict[str, Any] = {
        "iscm": chosen.iscm,
        "office": chosen.office,
        "reader": request.user,
        "known_by": moment,
        "planned": bool(one_of(request, "planned", ("yes",))),
    }
    period = Period.year(chosen.year)
    links = {
        "needs": ("iscm", "office"),
        "shares": ("iscm", "position__office"),
        "unknown": ("office",),
        "time_entries": ("iscm", "office", "event"),
    }
    found = staffing_records(period, **narrowed)
    pages = {
        name: keyset_page(
            request, found[name].select_related(*links[name]), "-pk", name=f"after_{name}"
        )
        for name in links
    }
    unknown = told_unknown(pages["unknown"], found["unknown_shares"])
    context = {
        "chosen": chosen,
        "planned": narrowed["planned"],
        "iscm": iscms.get(chosen.iscm or ""),
        "office": offices.get(chosen.office or ""),
        "figure": next(iter(figures.staffing(period, **narrowed)), None),
        "counted": [
            (row, posts_in_year(row.position, row.share_pct, chosen.year))
            for row in told_shares(pages["shares"], moment)
        ],
        "possible": [(row, posts_in_year(row, row.left, chosen.year)) for row in unknown],
        "working_days": WORKING_DAYS_A_YEAR,
        **pages,
    }
    return render(request, "finance/staffing_records.html", context)


# --- one post and its terms of reference


@never_cache
@require_http_methods(["GET", "POST"])
def position(request: SignedInRequest, pk: int) -> HttpResponse:
    """One post with its shares, days and documents, and the way to add a document."""
    visible = post_list(Position.objects.visible_to(request.user))
    shown = visible.prefetch_related("shares__iscm", "terms_of_reference")
    found: Position = get_object_or_404(shown, pk=pk)
    if request.method == "GET":
        return show(request, found, FileForm())
    if not permissions.may_edit(request.user, found):
        raise PermissionDenied
    form = FileForm(request.POST, request.FILES)
    if getattr(request, "upload_is_too_large", False):
        form.refuse_as_too_large()
        return refused(request, found, form, 413)
    if not form.is_valid():
        return refused(request, found, form, 422)
    try:
        kept = services.attach(
            found.pk,
            form.cleaned_data["file"],
            name=form.name,
            media_type=form.media_type,
            actor=request.user,
        )
    except services.TooManyDocuments as error:
        form.add_error(None, str(error))
        return refused(request, found, form, 409)
    except uploads.NotStored:
        form.refuse_as_not_stored()
        return refused(request, found, form, 507)
    messages.success(request, _("“%(name)s” is kept with the post.") % {"name": kept.name})
    address = reverse("position", args=[pk])
    return JsonResponse({"url": address}) if wants_json(request) else redirect(address)


def refused(request: SignedInRequest, found: Position, form: FileForm, status: int) -> HttpResponse:
    if wants_json(request):
        told = [problem.message for problem in problems_of(form)]
        return JsonResponse({"problems": told}, status=status)
    return show(request, found, form, status)


def show(
    request: SignedInRequest, found: Position, form: FileForm, status: int = 200
) -> HttpResponse:
    year = whole_number(request.GET["year"], *YEARS) if request.GET.get("year") else None
    days = days_noted(Period.year(year) if year else None, request.user).filter(position=found)
    problems = problems_of(form) if form.is_bound else []
    context = {
        "position": found,
        "may_edit": permissions.may_edit(request.user, found),
        "documents": found.terms_of_reference.select_related("uploaded_by"),
        "year": year,
        "days": days_in(days),
        "time_entries": keyset_page(request, days.select_related("iscm", "event"), "-pk"),
        "form": form,
        "problems": problems,
        "has_errors": bool(problems),
    }
    return render(request, "finance/position.html", context, status=status)


def _readable(request: SignedInRequest, pk: int) -> TermsOfReference:
    rows = TermsOfReference.objects.visible_to(request.user).select_related("position")
    found: TermsOfReference = get_object_or_404(rows, pk=pk)
    return found


def download(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """The terms of reference, to those who may read the post."""
    return document_response(_readable(request, pk))


@require_POST
def take_away(request: SignedInRequest, pk: int) -> HttpResponse:
    found = _readable(request, pk)
    if not permissions.may_edit(request.user, found.position):
        raise PermissionDenied
    services.take_away(found, request.user)
    messages.success(request, _("“%(name)s” is taken away.") % {"name": found.name})
    return redirect("position", pk=found.position_id)
