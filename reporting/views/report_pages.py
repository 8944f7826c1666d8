"""Reading reports: the list, one report, and the review of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from engagements.models import ISCM, Office, SignedInRequest
from iscm_portal.common.access import may
from iscm_portal.common.forms import problems_of
from iscm_portal.common.pages import keyset_page, one_of, whole_number

from .. import permissions
from ..choices import ReportState
from ..forms import ROW_PLACES, CommentForm, CorrectForm, ReturnForm
from ..models import PostEventReport
from ..selectors.briefing import briefings_of, content_of, proposed_offices
from ..selectors.comments import Comments, comments_on, has_open_comments
from ..selectors.reports import (
    documents_of,
    evidence_of_report,
    is_forwarded,
    report_list,
    review_queue,
)
from ..selectors.versions import compared, versions_of
from ..services import commenting, correcting, reviewing
from ..services.briefing import WORD, file_name
from ..services.briefing_files import on_one_page, pdf, word
from ..services.evidence import plan_of, told
from ..services.reports import ReportError

# The largest key that both databases have.
MAX_KEY = 2**63 - 1


def narrowed(
    request: SignedInRequest, rows: QuerySet[PostEventReport]
) -> tuple[QuerySet[PostEventReport], dict[str, Any]]:
    """``rows`` of the office and the mechanism that the address names, and its two controls."""
    offices = Office.objects.visible_to(request.user)
    iscms = ISCM.objects.visible_to(request.user)
    office = one_of(request, "office", {row.slug for row in offices})
    iscm = one_of(request, "iscm", {row.slug for row in iscms})
    if office:
        rows = rows.filter(office__slug=office)
    if iscm:
        rows = rows.filter(event__iscms__slug=iscm)
    return rows, {"offices": offices, "office": office, "iscms": iscms, "iscm": iscm}


def reports(request: SignedInRequest) -> HttpResponse:
    """Reports that the reader may see, newest first, by state, office and mechanism."""
    rows, controls = narrowed(request, report_list(request.user))
    state = one_of(request, "state", ReportState.values)
    if state:
        rows = rows.filter(state=state)
    context = {
        **controls,
        "page": keyset_page(request, rows.prefetch_related("event__iscms"), "-pk"),
        "states": ReportState.choices,
        "state": state,
        "may_start": permissions.may_start_report(request.user),
        "in_review": review_queue(request.user).count(),
        "reviews": permissions.may_review(request.user),
    }
    return render(request, "reporting/reports.html", context)


def report_content(
    request: SignedInRequest, report: PostEventReport, form: CommentForm | None = None
) -> dict[str, Any]:
    """The parts of a report that the reader may see, with what its review said at each place.

    ``form`` is a comment that could not be taken.
    """
    reads_papers = permissions.may_read_working_papers(request.user, report)
    comments = comments_on(report) if reads_papers else Comments(())
    rows: dict[str, Any] = {
        "participants": report.participants.select_related("iscm", "position"),
        "reportedagendaitems": report.reportedagendaitems.select_related("theme", "priority"),
        "reportedrequests": report.reportedrequests.select_related("country", "iscm"),
        "reportedpartnerships": report.reportedpartnerships.select_related("organisation", "iscm"),
        "reportedinstruments": report.reportedinstruments.select_related(
            "country", "iscm"
        ).prefetch_related("agenda"),
        "reportedfollowups": report.reportedfollowups.select_related("iscm"),
        "lessons": report.lessons.all(),
    }
    keys = set()
    for name, found in rows.items():
        rows[name] = list(found)
        labels = dict(ROW_PLACES[name])
        for row in rows[name]:
            keys.add(row.key)
            row.comments = comments.of_row(row.key)
            for comment in row.comments:
                comment.about = labels.get(comment.field, "")
    return {
        **rows,
        "names_posts": any(row.position_id for row in rows["participants"]),
        "frames": report.frames.all(),
        "attachments": documents_of(report, request.user),
        "comments": comments.texts,
        "loose_comments": [told for told in comments.all if told.row and told.row not in keys],
        "may_comment": permissions.may_comment_on_report(request.user, report),
        "places": ROW_PLACES,
        "comment_form": form,
        "reads_costs": permissions.may_read_costs(request.user, report),
        "reads_internal": permissions.may_read_internal(request.user, report),
        "reads_restricted": permissions.may_read_restricted(request.user, report),
    }


def report(
    request: SignedInRequest, pk: int, form: ReturnForm | CorrectForm | CommentForm | None = None
) -> HttpResponse:
    """One report: what it says, where it stands, what it wrote, and what may be done with it."""
    told_at = form if isinstance(form, CommentForm) else None
    rows = PostEventReport.objects.visible_to(request.user)
    found = get_object_or_404(rows.select_related("event", "office", "author", "corrects"), pk=pk)
    accepted = found.state == ReportState.ACCEPTED
    may_accept = permissions.may_accept_report(request.user, found)
    correction = found.corrections.first()
    context = {
        **report_content(request, found, told_at),
        "report": found,
        "may_correct": permissions.may_correct_report(request.user, found),
        "correction": correction,
        "correct_form": form if isinstance(form, CorrectForm) else CorrectForm(),
        "is_compared": found.versions.count() > 1,
        "plan": told(plan_of(found)) if may_accept else [],
        **(briefing_choices(request, found) if may_accept else {}),
        "briefings": briefings_of(found) if accepted else [],
        "may_edit": permissions.may_edit_report(request.user, found),
        "may_return": permissions.may_return_report(request.user, found),
        "may_accept": may_accept,
        "may_forward": permissions.may_forward_report(request.user, found)
        and not is_forwarded(found),
        "steps": found.steps.select_related("actor"),
        "reads_working_papers": permissions.may_read_working_papers(request.user, found),
        "return_form": form
        if isinstance(form, ReturnForm)
        else ReturnForm(has_comments=has_open_comments(found)),
        "problems": problems_of(form),
        "has_errors": form is not None,
        "evidence": evidence_of_report(found, request.user) if accepted else None,
    }
    return render(request, "reporting/report.html", context, status=422 if form else 200)


def briefing_choices(request: SignedInRequest, found: PostEventReport) -> dict[str, Any]:
    """The offices that the portal proposes for the briefing, and all the others."""
    proposed = proposed_offices(found)
    apart = {one.office.pk for one in proposed} | {found.office_id}
    others = Office.objects.visible_to(request.user).exclude(pk__in=apart)
    return {"proposed": proposed, "other_offices": others}


def briefing_file(request: SignedInRequest, pk: int, form: str) -> HttpResponse:
    """The briefing of one page, as its reader may read it."""
    rows = PostEventReport.objects.visible_to(request.user).accepted()
    found = get_object_or_404(rows.select_related("event__country", "office"), pk=pk)
    content = on_one_page(content_of(found, request.user))
    make, media_type = {"pdf": (pdf, "application/pdf"), "docx": (word, WORD)}[form]
    return HttpResponse(
        make(content),
        content_type=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{file_name(content)}.{form}"',
            "Cache-Control": "private, no-store",
        },
    )


def reviews(request: SignedInRequest) -> HttpResponse:
    """Reports that wait for a review, the longest waiting first."""
    if not permissions.may_review(request.user):
        raise PermissionDenied
    queue, controls = narrowed(request, review_queue(request.user))
    queue = queue.prefetch_related("event__iscms")
    context = {
        **controls,
        "page": keyset_page(request, queue, "submitted_at", "pk"),
        "today": timezone.now(),
    }
    return render(request, "reporting/reviews.html", context)


@require_POST
def return_report(request: SignedInRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(PostEventReport.objects.visible_to(request.user), pk=pk)
    if found.state == ReportState.SUBMITTED and not permissions.may_return_report(
        request.user, found
    ):
        raise PermissionDenied
    form = ReturnForm(request.POST, has_comments=has_open_comments(found))
    if not form.is_valid():
        return report(request, pk, form)
    try:
        reviewing.return_report(pk, request.user, form.cleaned_data["comment"], timezone.now())
        messages.success(request, _("Returned to the office with your comment."))
    except reviewing.ReportAlreadyReviewed as error:
        messages.info(request, str(error))
    return redirect("report", pk=pk)


@require_POST
def comment_on_report(request: SignedInRequest, pk: int) -> HttpResponse:
    """Say something at one place of the report; its writers read it beside the field."""
    rows = PostEventReport.objects.visible_to(request.user)
    found = get_object_or_404(rows, pk=pk)
    if found.state == ReportState.SUBMITTED and not permissions.may_comment_on_report(
        request.user, found
    ):
        raise PermissionDenied
    form = CommentForm(request.POST, report=found)
    if not form.is_valid():
        return report(request, pk, form)
    said = form.cleaned_data
    try:
        comment = commenting.add_comment(
            pk,
            said["part"],
            said["row"],
            said["field"],
            said["text"],
            request.user,
            timezone.now(),
        )
    except reviewing.ReportAlreadyReviewed as error:
        messages.info(request, str(error))
        return redirect("report", pk=pk)
    return redirect(f"{reverse('report', args=[pk])}#comment-{comment.pk}")


def version_read(request: SignedInRequest) -> int | None:
    """The version that the page showed; None from who sends none."""
    text = request.POST.get("version", "")
    return whole_number(text, 1, MAX_KEY) if text else None


@require_POST
def forward_report(request: SignedInRequest, pk: int) -> HttpResponse:
    """The office's manager has checked the report; IPD sees that in its queue."""
    found = get_object_or_404(PostEventReport.objects.visible_to(request.user), pk=pk)
    if found.state == ReportState.SUBMITTED and not permissions.may_forward_report(
        request.user, found
    ):
        raise PermissionDenied
    try:
        reviewing.forward_report(pk, request.user, "", timezone.now(), version_read(request))
        messages.success(request, _("Forwarded. IPD sees that you have checked it."))
    except ReportError as error:
        messages.info(request, str(error))
    return redirect("report", pk=pk)


@require_POST
def accept_report(request: SignedInRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(PostEventReport.objects.visible_to(request.user), pk=pk)
    if not may(request.user, "review_all_reports"):
        raise PermissionDenied
    briefed = None
    if "briefing" in request.POST:  # the page showed who gets it; nobody ticked is nobody
        briefed = [whole_number(text, 1, MAX_KEY) for text in request.POST.getlist("briefed")]
    try:
        accepted = reviewing.accept_report(
            found.pk, request.user, timezone.now(), briefed, version_read(request)
        )
    except reviewing.ReportSentAgain as error:
        messages.info(request, str(error))
        return redirect("report_versions", pk=pk)
    except ReportError as error:
        messages.info(request, str(error))
        return redirect("report", pk=found.corrects_id or pk)
    messages.success(request, _("Accepted. What the report found counts from now on."))
    return redirect("report", pk=accepted.pk)


@require_POST
def correct_report(request: SignedInRequest, pk: int) -> HttpResponse:
    """Begin the correction of an accepted report, or go on with the one that is under way."""
    found = get_object_or_404(PostEventReport.objects.visible_to(request.user), pk=pk)
    if not permissions.may_correct_report(request.user, found):
        raise PermissionDenied
    form = CorrectForm(request.POST)
    if not form.is_valid():
        return report(request, pk, form)
    reason = form.cleaned_data["reason"]
    try:
        correction = correcting.start_correction(pk, reason, request.user, timezone.now())
    except ReportError as error:
        messages.info(request, str(error))
        return redirect("report", pk=pk)
    return redirect("report_edit", pk=correction.pk)


@require_POST
def discard_correction(request: SignedInRequest, pk: int) -> HttpResponse:
    """Throw a correction away; the accepted report stands."""
    found = get_object_or_404(
        PostEventReport.objects.visible_to(request.user).exclude(corrects=None), pk=pk
    )
    if not permissions.may_edit_report(request.user, found):
        raise PermissionDenied
    try:
        stands = correcting.discard_correction(pk)
    except ReportError as error:
        messages.info(request, str(error))
        return redirect("report", pk=pk)
    messages.success(request, _("The correction is thrown away. The accepted report stands."))
    return redirect("report", pk=stands.pk)


def versions(request: SignedInRequest, pk: int) -> HttpResponse:
    """The versions of a report that were submitted, and what changed between two of them."""
    rows = PostEventReport.objects.visible_to(request.user).select_related("event", "office")
    found = get_object_or_404(rows, pk=pk)
    if not permissions.may_read_working_papers(request.user, found):
        raise PermissionDenied
    kept = versions_of(found)
    numbers = {str(version.version): version for version in kept}
    later = one_of(request, "to", numbers) or (str(kept[-1].version) if kept else "")
    before = [number for number in numbers if int(number) < int(later or 0)]
    earlier = one_of(request, "from", numbers) or (before[-1] if before else later)
    context = {
        "report": found,
        "versions": kept,
        "earlier": earlier,
        "later": later,
        "changes": compared(numbers[earlier], numbers[later]) if kept else [],
    }
    return render(request, "reporting/report_versions.html", context)
