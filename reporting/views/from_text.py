"""A report that came as an e-mail or a Word file: read into a draft, to be confirmed there."""

from __future__ import annotations

import io
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from engagements.models import SignedInRequest
from iscm_portal.common.forms import problems_of

from .. import permissions
from ..choices import ReportPart
from ..forms import PAGES, SHORT, PageForms
from ..forms.from_text import Found, blank_template, fill, read
from ..forms.pasted import PastedForm
from ..models import KeptText, PostEventReport
from ..selectors.comments import comments_on
from ..services import reports as services
from ..services.briefing import WORD
from .filing import choices_of, own_open_report, side

# The pages that a text may fill.
FILLED = (SHORT, ReportPart.OUTCOMES.value)


def template(request: SignedInRequest) -> HttpResponse:
    """The blank Word template, whose headings are recognised."""
    held = io.BytesIO()
    blank_template().save(held)
    return HttpResponse(
        held.getvalue(),
        content_type=WORD,
        headers={"Content-Disposition": 'attachment; filename="post-event-report.docx"'},
    )


@never_cache
@require_http_methods(["GET", "POST"])
def from_text(request: SignedInRequest, pk: int) -> HttpResponse:
    """Paste or send a text; what is recognised waits on the report's pages to be confirmed."""
    report = own_open_report(request, pk)
    if not permissions.may_edit_report(request.user, report):
        return redirect("report", pk=pk)
    form = PastedForm(request.POST or None, request.FILES or None)
    if request.method == "GET":
        return show(request, report, PastedForm())
    if getattr(request, "upload_is_too_large", False):
        form = PastedForm({"text": request.POST.get("text", "")})
        form.full_clean()
        form.errors.clear()
        form.add_error("file", _("The file is larger than 20 MB."))
        return show(request, report, form, 413)
    if not form.is_valid():
        return show(request, report, form, 422)
    kept = KeptText.objects.filter(report=report, author=request.user, page__in=FILLED)
    if kept.exists():
        form.add_error(
            None,
            _("You typed into this report and did not save it. Save it, or throw it away, first."),
        )
        return show(request, report, form, 409)
    try:
        filled = keep(request, report, read(form.lines()))
    except services.ReportError as error:
        form.add_error(None, str(error))
        return show(request, report, form, 409)
    if not filled:
        form.add_error(
            None, _("No heading of the template is in this text. Nothing was filled in.")
        )
        return show(request, report, form, 422)
    return redirect("report_step", pk=pk, step=filled[0])


def keep(request: SignedInRequest, report: PostEventReport, found: Found) -> list[str]:
    """Keep what was found as if its reader had typed it; returns the pages that it fills."""
    filled = {}
    unrecognised = list(found.unrecognised)
    for key in FILLED:
        forms = PageForms(PAGES[key], report, choices_of(request, report))
        page = fill(forms, found)
        unrecognised += page.unrecognised
        page.unrecognised = []
        if page.places:
            filled[key] = (page, forms)
    pages = list(filled)
    if pages:  # told where the writer goes first
        filled[pages[0]][0].unrecognised = unrecognised
    now = timezone.now()
    for key, (page, forms) in filled.items():
        content = page.content(forms)
        services.keep_text(report.pk, key, request.user, content, report.version, 0, now)
    return pages


def show(
    request: SignedInRequest, report: PostEventReport, form: PastedForm, status: int = 200
) -> HttpResponse:
    problems = problems_of(form) if form.is_bound else []
    context: dict[str, Any] = {
        **side(request, report, "from_text", comments_on(report, only_open=True)),
        "report": report,
        "form": form,
        "problems": problems,
        "has_errors": bool(problems),
    }
    return render(request, "reporting/report_from_text.html", context, status=status)
