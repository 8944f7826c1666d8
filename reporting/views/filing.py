"""Filing a post-event report: start it, fill its steps, check, submit."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from engagements.forms import ProposedEventForm
from engagements.models import Event, SignedInRequest
from engagements.services import propose_event
from iscm_portal.common.forms import problems_of
from iscm_portal.common.pages import whole_number

from .. import permissions
from ..forms import STEP_KEYS, STEPS, ReportChoices, Step, step_of
from ..models import PostEventReport
from ..selectors.reports import (
    due_on,
    open_follow_ups_before,
    reports_owed,
    usual_partners,
)
from ..services import reports as services
from .report_pages import report_content

# The largest key that both databases have.
MAX_KEY = 2**63 - 1


@require_http_methods(["GET", "POST"])
def new_report(request: SignedInRequest) -> HttpResponse:
    """Choose the event, or propose one that is not on record, and start the report."""
    office = request.user.office
    if office is None or not permissions.may_start_report(request.user):
        raise PermissionDenied
    today = timezone.localdate()
    chosen = request.POST.get("event") or request.GET.get("event")
    event = None
    if chosen:
        event = get_object_or_404(
            Event.objects.visible_to(request.user), pk=whole_number(chosen, 1, MAX_KEY)
        )
        report = PostEventReport.objects.filter(event=event, office=office).first()
        if report:
            return redirect("report", pk=report.pk) if not report.is_open else to_step(report)
    form = ProposedEventForm(request.POST if request.POST and not event else None, today=today)
    if request.method == "POST" and (event or form.is_valid()):
        with transaction.atomic():
            event = event or propose_event(form.save(commit=False), form.cleaned_data["iscms"])
            report = services.start_report(event, office, request.user, timezone.now())
        return to_step(report)
    owed = [] if event else reports_owed(office.pk, today)
    context = {
        "event": event,
        "form": form,
        "problems": problems_of(form) if form.is_bound else [],
        "has_errors": form.is_bound and not form.is_valid(),
        "owed": [row for row in owed if row.report_id is None],
        "today": today,
    }
    return render(request, "reporting/report_new.html", context)


def to_step(report: PostEventReport, key: str | None = None) -> HttpResponse:
    """To the step named, or to the first one not yet done, or to the check."""
    undone = [step for step in STEP_KEYS if step not in report.steps_done]
    return redirect("report_step", pk=report.pk, step=key or (undone[0] if undone else "check"))


def own_open_report(request: SignedInRequest, pk: int) -> PostEventReport:
    """The report, if the reader may see it. 404 hides what he may not see."""
    reports = PostEventReport.objects.visible_to(request.user).select_related(
        "event", "office", "author"
    )
    report: PostEventReport = get_object_or_404(reports, pk=pk)
    return report


def edit_report(request: SignedInRequest, pk: int) -> HttpResponse:
    report = own_open_report(request, pk)
    if not permissions.may_edit_report(request.user, report):
        return redirect("report", pk=pk)
    return to_step(report)


@require_http_methods(["GET", "POST"])
def report_step(request: SignedInRequest, pk: int, step: str) -> HttpResponse:
    """One step of the report, or the check before it is submitted."""
    report = own_open_report(request, pk)
    if not permissions.may_edit_report(request.user, report):
        if request.method == "POST":
            messages.error(
                request, _("The report is in review or accepted; it can't be changed now.")
            )
        return redirect("report", pk=pk)
    if step == "check":
        return check_page(request, report)
    found = step_of(step)
    if found is None:
        raise Http404
    if request.method == "POST":
        return save_step(request, report, found)
    form, row_sets = bound_parts(found, report, None)
    return step_page(request, report, found, form, row_sets)


def bound_parts(step: Step, report: PostEventReport, data: Any) -> tuple[Any, list[Any]]:
    """The step's form and its formsets, bound to ``data`` unless that is None."""
    choices = ReportChoices(report, timezone.localdate())
    form = step.form(data, instance=report) if step.form else None
    row_sets = [
        row_set.formset(
            data,
            instance=report,
            queryset=row_set.model.objects.prefetch_related(*row_set.prefetch),
            form_kwargs={"choices": choices},
        )
        for row_set in step.row_sets
    ]
    return form, row_sets


def save_step(request: SignedInRequest, report: PostEventReport, step: Step) -> HttpResponse:
    """Save the step if all of it is right; else show it again with what was typed."""
    version = request.POST.get("version", "")
    seen = whole_number(version, 1, MAX_KEY) if version else report.version
    try:
        with services.writing(report.pk, step.key, seen) as held:
            form, row_sets = bound_parts(step, held, request.POST)
            parts = [part for part in [form, *row_sets] if part is not None]
            valid = [part.is_valid() for part in parts]  # all of them, so that all errors show
            if not all(valid):
                raise _Invalid
            if form is not None:  # ``writing`` saves the report itself, once
                form.save(commit=False)
                form.save_m2m()
            for row_set in row_sets:
                row_set.save()
    except _Invalid:
        return step_page(request, report, step, form, row_sets, status=422)
    except services.ReportChangedMeanwhile as changed:
        report.refresh_from_db()
        form, row_sets = bound_parts(step, report, request.POST)
        return step_page(request, report, step, form, row_sets, status=409, conflict=str(changed))
    except services.ReportNotOpen as error:
        messages.error(request, str(error))
        return redirect("report", pk=report.pk)
    if "add" in request.POST:
        return redirect(f"{reverse('report_step', args=[report.pk, step.key])}?add=1")
    if "leave" in request.POST:
        messages.success(request, _("Your draft is saved. Come back to it from here."))
        return redirect("home")
    position = STEP_KEYS.index(step.key)
    return to_step(report, (*STEP_KEYS, "check")[position + 1])


class _Invalid(Exception):
    """Leaves the transaction without saving; the page shows what is wrong."""


def step_page(
    request: SignedInRequest,
    report: PostEventReport,
    step: Step,
    form: Any,
    row_sets: list[Any],
    *,
    status: int = 200,
    conflict: str = "",
) -> HttpResponse:
    bound = status != 200
    problems = problems_of(form, *row_sets) if bound else []
    stored: tuple[Any, list[Any]] = (None, [])
    if conflict:  # read anew: validation has put what was typed into ``report``
        stored = bound_parts(step, PostEventReport.objects.get(pk=report.pk), None)
    context = {
        **side(request, report, step.key),
        "report": report,
        "step": step,
        "position": STEP_KEYS.index(step.key) + 1,
        "form": form,
        "row_sets": list(zip(step.row_sets, row_sets, strict=True)),
        "problems": problems,
        "has_errors": bool(problems),
        "adds": "add" in request.GET,
        "conflict": conflict,
        "stored_form": stored[0],
        "stored_rows": stored[1],
    }
    return render(request, "reporting/report_step.html", context, status=status)


def side(request: SignedInRequest, report: PostEventReport, current: str) -> dict[str, Any]:
    """What stands beside every step: the task list and what is known already."""
    return {
        "tasks": [
            {"step": step, "done": step.key in report.steps_done, "on": step.key == current}
            for step in STEPS
        ],
        "is_check": current == "check",
        "step_count": len(STEPS),
        "due_on": due_on(report.event),
        "known_follow_ups": open_follow_ups_before(report, request.user)[:5],
        "known_partners": usual_partners(report, request.user),
        "last_return": report.steps.filter(action="returned").last(),
    }


def check_page(
    request: SignedInRequest, report: PostEventReport, missing: Any = None, status: int = 200
) -> HttpResponse:
    context = {
        **side(request, report, "check"),
        **report_content(request, report),
        "report": report,
        "missing": services.what_is_missing(report) if missing is None else missing,
    }
    return render(request, "reporting/report_check.html", context, status=status)


@require_POST
def submit_report(request: SignedInRequest, pk: int) -> HttpResponse:
    report = own_open_report(request, pk)
    if report.is_open and not permissions.may_edit_report(request.user, report):
        raise PermissionDenied
    try:
        services.submit_report(pk, request.user, timezone.now())
    except services.ReportIncomplete as error:
        return check_page(request, report, missing=error.missing, status=422)
    except services.ReportAlreadySubmitted as error:
        messages.info(request, str(error))
    else:
        messages.success(request, _("Submitted. IPD has it now; you will find it under Reports."))
    return redirect("report", pk=pk)
