"""Imports: the files that finance officers load, from the template to the undoing."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from engagements.models import SignedInRequest
from iscm_portal.common import uploads
from iscm_portal.common.exports import csv_response
from iscm_portal.common.forms import problems_of
from iscm_portal.common.jobs import long_after_commit
from iscm_portal.common.pages import keyset_page, one_of
from iscm_portal.common.workbooks import MEDIA_TYPE, workbook_response

from .. import permissions, tasks
from ..choices import ImportKind, ImportState, RowState
from ..forms.imports import ImportForm, UndoForm, WriteForm
from ..models import ImportRun
from ..querysets import ImportQuerySet
from ..selectors.changes import OF_IMPORT
from ..services.importing import progress, records, runs, showing
from ..services.importing.columns import KINDS
from ..services.importing.reading import UnreadableFile

log = logging.getLogger(__name__)

LIST_COLUMNS = (
    "id",
    "file",
    "kind",
    "state",
    "rows",
    "new",
    "changed",
    "unchanged",
    "errors",
    "uploaded_by",
    "uploaded_at",
    "written_by",
    "written_at",
    "undone_by",
    "undone_at",
    "reason",
)
SHOWN_ROWS = (RowState.NEW, RowState.CHANGED, RowState.SAME)


def imports(request: SignedInRequest) -> HttpResponseBase:
    """Who imported what and when, the newest first; by kind and state."""
    if not permissions.may_read_imports(request.user):
        raise PermissionDenied
    chosen = {
        "kind": one_of(request, "kind", ImportKind.values),
        "state": one_of(request, "state", ImportState.values),
    }
    everything: ImportQuerySet = ImportRun.objects.visible_to(request.user)
    rows = everything.filter(**{name: value for name, value in chosen.items() if value})
    rows = rows.select_related("uploaded_by", "written_by", "undone_by")
    if wanted := one_of(request, "format", ("csv", "xlsx")):
        answer = csv_response if wanted == "csv" else workbook_response
        return answer("imports", LIST_COLUMNS, (_line(run) for run in rows.iterator(2000)))
    context = {
        "page": keyset_page(request, rows, "-pk"),
        "to_write": everything.filter(state=ImportState.CHECKED).count(),
        "to_mend": everything.filter(state=ImportState.REFUSED).count(),
        "kinds": ImportKind.choices,
        "states": ImportState.choices,
        "chosen": chosen,
        "may_import": permissions.may_import(request.user),
    }
    return render(request, "finance/imports.html", context)


def _line(run: ImportRun) -> list[Any]:
    def day(moment: Any) -> str:
        return moment.isoformat(timespec="seconds") if moment else ""

    return [
        run.pk,
        run.file_name,
        run.kind,
        run.state,
        run.rows,
        run.new,
        run.changed,
        run.same,
        run.errors,
        run.uploaded_by.label,
        day(run.uploaded_at),
        run.written_by.label if run.written_by else "",
        day(run.written_at),
        run.undone_by.label if run.undone_by else "",
        day(run.undone_at),
        run.reason,
    ]


@require_http_methods(["GET", "POST"])
def import_new(request: SignedInRequest) -> HttpResponse:
    """What can be imported, with a template of each; and the file, when it is sent."""
    if not permissions.may_import(request.user):
        raise PermissionDenied
    if request.method == "GET":
        kind = one_of(request, "kind", KINDS)
        return _show_new(request, ImportForm(initial={"kind": kind}), kind)
    form = ImportForm(request.POST, request.FILES)
    kind = request.POST.get("kind", "")
    if getattr(request, "upload_is_too_large", False):
        form.full_clean()
        form.errors.clear()
        form.add_error("file", _("The file is larger than 20 MB."))
        return _show_new(request, form, kind, 413)
    if not form.is_valid():
        return _show_new(request, form, kind, 422)
    file = form.cleaned_data["file"]
    try:
        with transaction.atomic():
            run = runs.start_run(
                form.cleaned_data["kind"], file, file.name, request.user, timezone.now()
            )
            long_after_commit(tasks.check_import, run_id=run.pk)
    except uploads.NotStored:
        form.add_error(
            None, _("The portal could not keep the file: its disk is full. Try again later.")
        )
        return _show_new(request, form, kind, 507)
    return redirect("import", pk=run.pk)


def _show_new(
    request: SignedInRequest, form: ImportForm, kind: str, status: int = 200
) -> HttpResponse:
    problems = problems_of(form) if form.is_bound else []
    chosen = KINDS.get(kind)
    context = {
        "form": form,
        "problems": problems,
        "has_errors": bool(problems),
        "kinds": list(KINDS.values()),
        "kind": chosen,
    }
    return render(request, "finance/import_new.html", context, status=status)


def import_template(request: SignedInRequest, key: str) -> StreamingHttpResponse:
    """The present records of a kind as a file that can be changed and sent back."""
    if not permissions.may_read_imports(request.user):
        raise PermissionDenied
    kind = KINDS.get(key)
    if kind is None:
        raise Http404
    name, rows = kind.code.value, records.file_rows(kind, request.user)
    if one_of(request, "format", ("csv", "xlsx")) == "csv":
        # It comes back as a file to import: nothing stands under its rows.
        return csv_response(name, kind.names, rows, is_counted=False)
    return workbook_response(name, kind.names, rows)


def _readable(request: SignedInRequest, pk: int) -> ImportRun:
    """The run, if the reader may see it. 404 hides what he may not see."""
    rows = ImportRun.objects.visible_to(request.user)
    rows = rows.select_related("uploaded_by", "written_by", "undone_by")
    run: ImportRun = get_object_or_404(rows, pk=pk)
    return run


@never_cache
def import_run(request: SignedInRequest, pk: int) -> HttpResponse:
    """One file: how far it is, what is wrong in it, what it would change, what it has written."""
    return _show_run(request, _readable(request, pk))


def _show_run(
    request: SignedInRequest,
    run: ImportRun,
    form: WriteForm | UndoForm | None = None,
    status: int = 200,
) -> HttpResponse:
    problems = problems_of(form) if form else []
    context: dict[str, Any] = {
        "run": run,
        "is_in_work": run.state in runs.IN_WORK,
        "how_far": progress.how_far(run.pk) if run.state in runs.IN_ONE_GO else None,
        "may_import": permissions.may_import(request.user),
        "form": form or (UndoForm() if run.state == ImportState.WRITTEN else WriteForm(run=run)),
        "problems": problems,
        "has_errors": bool(problems),
    }
    if run.state == ImportState.REFUSED:
        page = keyset_page(request, run.cell_errors.all(), "row", "pk", name="after_errors")
        context["errors"] = page
        context["told"] = [(showing.place_of(error), error.text) for error in page]
    if run.state == ImportState.CHECKED:
        context |= _preview(request, run)
    if run.state in (ImportState.WRITTEN, ImportState.UNDOING, ImportState.UNDONE):
        page = keyset_page(request, run.records.filter(is_share=False), "pk", name="after_records")
        context["records"] = page
        context["written"] = showing.written_records(run, page.rows)
        context["kind_of_records"] = OF_IMPORT[ImportKind(run.kind)]
    if run.state == ImportState.WRITTEN and run.kind == ImportKind.CURRENCY_RATES:
        lines = showing.converted_with(run).visible_to(request.user)
        context["rated"] = keyset_page(
            request, lines, *showing.RATED_IN_ORDER, name="after_amounts"
        )
    return render(request, "finance/import.html", context, status=status)


def _preview(request: SignedInRequest, run: ImportRun) -> dict[str, Any]:
    """The rows that the address asks for; unless it does, those that change something."""
    default = RowState.CHANGED if run.changed else RowState.NEW
    shown = one_of(request, "show", [state.value for state in SHOWN_ROWS]) or default
    page = keyset_page(request, run.file_rows.filter(state=shown), "row", name="after_rows")
    counts = {RowState.NEW: run.new, RowState.CHANGED: run.changed, RowState.SAME: run.same}
    return {
        "shown": shown,
        "chips": [(state, state.label, counts[state]) for state in SHOWN_ROWS],
        "rows": page,
        "preview": [(row, showing.changes_of(KINDS[run.kind], row)) for row in page],
    }


def import_errors(request: SignedInRequest, pk: int) -> StreamingHttpResponse:
    """The sender's own sheet, its wrong cells coloured and told in a last column."""
    run = _readable(request, pk)
    try:
        content = showing.marked_file(run)
    except (FileNotFoundError, UnreadableFile) as error:
        log.warning("the file of import %s can't be shown: %s", run.pk, error)
        raise Http404 from error
    answer = StreamingHttpResponse(content, content_type=MEDIA_TYPE)
    answer["Content-Disposition"] = f'attachment; filename="import-{run.pk}-errors.xlsx"'
    answer["Cache-Control"] = "private, no-store"
    return answer


# --- steps


def _to_change(request: SignedInRequest, pk: int) -> ImportRun:
    run = _readable(request, pk)
    if not permissions.may_import(request.user):
        raise PermissionDenied
    return run


@require_POST
def import_write(request: SignedInRequest, pk: int) -> HttpResponse:
    """Have a checked file written."""
    run = _to_change(request, pk)
    form = WriteForm(request.POST, run=run)
    if run.state == ImportState.CHECKED and not form.is_valid():
        return _show_run(request, run, form, 422)
    return _step(
        request,
        run,
        lambda: runs.ask_to_write(run.pk, request.POST.get("reason", ""), request.user),
    )


@require_POST
def import_undo(request: SignedInRequest, pk: int) -> HttpResponse:
    """Have a written file undone."""
    run = _to_change(request, pk)
    form = UndoForm(request.POST)
    if run.state == ImportState.WRITTEN and not form.is_valid():
        return _show_run(request, run, form, 422)
    reason = request.POST.get("undo_reason", "")
    return _step(request, run, lambda: runs.ask_to_undo(run.pk, reason, request.user))


@require_POST
def import_cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    """Throw a file away that is not written, or stop the work that is writing or undoing it."""
    run = _to_change(request, pk)
    if run.state in runs.IN_ONE_GO:
        return _stop(request, run)
    return _step(request, run, lambda: runs.cancel(run.pk))


@require_POST
def import_go_on(request: SignedInRequest, pk: int) -> HttpResponse:
    """Check a file again, or take up the work on one that stands still."""
    run = _to_change(request, pk)
    in_work = run.state in runs.IN_WORK
    return _step(request, run, (lambda: None) if in_work else lambda: runs.check_again(run.pk))


def _stop(request: SignedInRequest, run: ImportRun) -> HttpResponse:
    """By the cache and not by the database, which the work may hold for itself."""
    if not progress.ask_to_stop(run.pk):
        messages.info(request, _("It can't be stopped from here: wait for its end."))
    return redirect("import", pk=run.pk)


def _step(request: SignedInRequest, run: ImportRun, step: Any) -> HttpResponse:
    """Take a step, and ask for the work that follows from it."""
    try:
        with transaction.atomic():
            step()
            run.refresh_from_db()
            if run.state in runs.IN_WORK:
                long_after_commit(tasks.next_step(run), run_id=run.pk)
    except runs.StepRefused as refused:
        messages.info(request, str(refused))
    return redirect("import", pk=run.pk)
