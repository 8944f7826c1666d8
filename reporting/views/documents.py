"""The documents of a report: put there, downloaded, taken away."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from engagements.models import SignedInRequest
from iscm_portal.common import uploads
from iscm_portal.common.downloads import document_response
from iscm_portal.common.forms import problems_of
from iscm_portal.common.pages import wants_json

from .. import permissions
from ..forms.documents import DocumentForm
from ..models import Attachment, PostEventReport
from ..selectors.comments import comments_on
from ..selectors.reports import documents_of
from ..services import attachments as services
from ..services.reports import ReportError
from .filing import own_open_report, side


@never_cache
@require_http_methods(["GET", "POST"])
def documents(request: SignedInRequest, pk: int) -> HttpResponse:
    """The documents of a report that is being written, and the way to add one."""
    report = own_open_report(request, pk)
    if not permissions.may_edit_report(request.user, report):
        if request.method == "POST" and wants_json(request):
            return JsonResponse({"state": "closed"}, status=409)
        return redirect("report", pk=pk)
    if request.method == "GET":
        return show(request, report, DocumentForm())
    form = DocumentForm(request.POST, request.FILES)
    if getattr(request, "upload_is_too_large", False):
        form.refuse_as_too_large()
        return refused(request, report, form, 413)
    if not form.is_valid():
        return refused(request, report, form, 422)
    said = form.cleaned_data
    try:
        kept = services.attach(
            report.pk,
            said["file"],
            name=form.name,
            media_type=form.media_type,
            kind=said["kind"],
            sensitivity=said["sensitivity"],
            key=said["key"],
            actor=request.user,
            at=timezone.now(),
        )
    except ReportError as error:
        form.add_error(None, str(error))
        return refused(request, report, form, 409)
    except uploads.NotStored:
        form.refuse_as_not_stored()
        return refused(request, report, form, 507)
    messages.success(request, _("“%(name)s” is kept with the report.") % {"name": kept.name})
    address = reverse("report_documents", args=[pk])
    return JsonResponse({"url": address}) if wants_json(request) else redirect(address)


def refused(
    request: SignedInRequest, report: PostEventReport, form: DocumentForm, status: int
) -> HttpResponse:
    if wants_json(request):
        told = [problem.message for problem in problems_of(form)]
        return JsonResponse({"problems": told}, status=status)
    return show(request, report, form, status)


def show(
    request: SignedInRequest, report: PostEventReport, form: DocumentForm, status: int = 200
) -> HttpResponse:
    problems = problems_of(form) if form.is_bound else []
    context: dict[str, Any] = {
        **side(request, report, "documents", comments_on(report, only_open=True)),
        "report": report,
        "documents": documents_of(report, request.user),
        "form": form,
        "problems": problems,
        "has_errors": bool(problems),
    }
    return render(request, "reporting/report_documents.html", context, status=status)


@require_POST
def take_away(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take a document out of a report that is being written."""
    found = _readable(request, pk)
    if not permissions.may_edit_report(request.user, found.report):
        raise PermissionDenied
    try:
        services.take_away(found)
        messages.success(request, _("“%(name)s” is taken away.") % {"name": found.name})
    except ReportError as error:
        messages.info(request, str(error))
    return redirect("report_documents", pk=found.report_id)


def _readable(request: SignedInRequest, pk: int) -> Attachment:
    rows = Attachment.objects.visible_to(request.user).select_related("report")
    found: Attachment = get_object_or_404(rows, pk=pk)
    return found


def download(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """The file, to those who may read it; always as a download, never opened in the page."""
    return document_response(_readable(request, pk))
