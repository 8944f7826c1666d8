"""The definitions of indicators: written part by part, activated, compared by version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from engagements.models import SignedInRequest
from iscm_portal.common.downloads import TABLE_FORMATS, table_response
from iscm_portal.common.forms import Problem, problems_of
from iscm_portal.common.pages import one_of

from ..choices import IndicatorState, SmartPart
from ..forms.definition import DefinitionForm, StepForm
from ..measures import MEASURES
from ..models import Indicator, IndicatorVersion
from ..permissions import may_edit_definitions
from ..rules import Fault, lacks
from ..selectors.definitions import (
    TOLD,
    compared,
    label_of,
    values_of,
    versions_of,
    word_of,
)
from ..services.defining import (
    STEPS,
    ChangedMeanwhile,
    DefinitionError,
    NotSmart,
    change_state,
    save_definition,
    version_number,
)


def indicator_named(request: SignedInRequest, key: str) -> Indicator:
    """The indicator with what its definition points to."""
    rows = Indicator.objects.visible_to(request.user).select_related(
        "owner", "objective", "current_version__made_by"
    )
    found: Indicator = get_object_or_404(rows, key=key)
    return found


def editable(request: SignedInRequest, key: str) -> Indicator:
    """The indicator, for those who may write it."""
    found = indicator_named(request, key)
    if not may_edit_definitions(request.user):
        raise PermissionDenied
    return found


@dataclass(frozen=True)
class Checked:
    """One of the five parts as it is stored, and what it lacks."""

    part: SmartPart
    faults: list[Fault]


def checklist(indicator: Indicator, on: dt.date) -> list[Checked]:
    faults = lacks(indicator.key, values_of(indicator), on)
    return [Checked(part, [f for f in faults if f.part == part]) for part in SmartPart]


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: SignedInRequest, key: str) -> HttpResponse:
    """The editor: what each of the five parts lacks, then the form."""
    found = editable(request, key)
    at = timezone.now()
    # The form writes what was typed into its own copy.
    form = definition_form(request.POST if request.method == "POST" else None, found, at.date())
    meanwhile: ChangedMeanwhile | None = None
    if form.is_bound and form.is_valid():
        asked = form.cleaned_data
        try:
            saved = save_definition(
                key, form.values, request.user, at, seen=asked["version"], reason=asked["reason"]
            )
        except ChangedMeanwhile as error:
            meanwhile = error
        except DefinitionError as error:
            form.add_error(error.field or None, str(error))
        else:
            tell(request, found, saved)
            return redirect("definition_edit", key=key)
    problems = problems_of(form) if form.is_bound else []
    status = 409 if meanwhile else 422 if problems else 200
    return render_editor(request, key, form, problems, status, meanwhile)


def definition_form(data: Any, indicator: Indicator, on: dt.date) -> DefinitionForm:
    return DefinitionForm(
        data,
        instance=Indicator.objects.get(pk=indicator.pk),
        initial={"version": version_number(indicator)},
        on=on,
    )


def tell(request: SignedInRequest, before: Indicator, saved: Indicator) -> None:
    number = version_number(saved)
    if number == version_number(before):
        messages.info(request, _("Nothing changed, so nothing was written."))
    else:
        messages.success(request, _("Saved as version %(number)s.") % {"number": number})


@require_POST
def step(request: SignedInRequest, key: str) -> HttpResponse:
    """Activate, retire or propose again."""
    found = editable(request, key)
    at = timezone.now()
    form = StepForm(request.POST)
    problems: list[Problem] = problems_of(form)
    status = 422
    if form.is_valid():
        asked = form.cleaned_data
        try:
            changed = change_state(
                key,
                asked["state"],
                request.user,
                at,
                seen=asked["version"],
                reason=asked["step_reason"],
            )
        except NotSmart as error:
            problems = [
                Problem(str(fault.part.label), fault.message, f"id_{fault.field}")
                for fault in error.faults
            ]
        except DefinitionError as error:
            status = 409 if isinstance(error, ChangedMeanwhile) else 422
            problems = [Problem("", str(error), "id_step_reason" if error.field else "")]
        else:
            messages.success(request, _("It is “%s” now.") % changed.get_state_display())
            return redirect("definition_edit", key=key)
    form = StepForm(initial={"step_reason": request.POST.get("step_reason", "")})
    editor = definition_form(None, found, at.date())
    return render_editor(request, key, editor, problems, status, None, form)


def render_editor(
    request: SignedInRequest,
    key: str,
    form: DefinitionForm,
    problems: list[Problem],
    status: int,
    meanwhile: ChangedMeanwhile | None = None,
    step_form: StepForm | None = None,
) -> HttpResponse:
    stored = indicator_named(request, key)
    parts = checklist(stored, timezone.localdate())
    typed = {**values_of(stored), **form.values} if meanwhile else {}
    context = {
        "indicator": stored,
        "form": form,
        "measure": MEASURES.get(key),
        "parts": parts,
        "lacking": sum(bool(row.faults) for row in parts),
        "version": version_number(stored) if meanwhile else form["version"].value(),
        "newest": version_number(stored),
        "meanwhile": meanwhile,
        "differences": [row for row in compared(values_of(stored), typed) if row.differs]
        if meanwhile
        else [],
        "next_state": STEPS[IndicatorState(stored.state)],
        "step_form": step_form or StepForm(),
        "problems": problems,
        "has_errors": bool(problems),
    }
    return render(request, "reporting/definition_edit.html", context, status=status)


@require_safe
def versions(request: SignedInRequest, key: str) -> HttpResponse | StreamingHttpResponse:
    """What a definition said, version by version, and two of them side by side."""
    found = indicator_named(request, key)
    rows = list(versions_of(found))
    if form := one_of(request, "format", TABLE_FORMATS):
        return table_response(form, f"{key}-definition", columns(), cells(rows))
    numbers = [str(row.number) for row in rows]
    later = one_of(request, "to", numbers) or (numbers[0] if numbers else "")
    earlier = one_of(request, "from", numbers) or (numbers[1] if len(numbers) > 1 else later)
    by_number = {str(row.number): row for row in rows}
    context = {
        "indicator": found,
        "versions": rows,
        "earlier": by_number.get(earlier),
        "later": by_number.get(later),
        "fields": compared(values_of(by_number[earlier]), values_of(by_number[later]))
        if rows
        else [],
        "may_edit": may_edit_definitions(request.user),
    }
    return render(request, "reporting/definition_versions.html", context)


def columns() -> list[str]:
    about = [_("Version"), _("Valid from"), _("Written"), _("By"), _("Reason")]
    return [*about, *(label_of(name) for name in TOLD)]


def cells(rows: list[IndicatorVersion]) -> Iterator[list[Any]]:
    for row in rows:
        by = row.made_by.label if row.made_by else ""
        values = values_of(row)
        words = [word_of(name, values[name]) for name in TOLD]
        yield [row.number, row.valid_from, row.made_at.isoformat(), by, row.reason, *words]
