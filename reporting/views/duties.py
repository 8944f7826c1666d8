"""Duties: what is owed and late, the answers other than a report, and more time."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from engagements.models import ISCM, Country, Office, SignedInRequest
from iscm_portal.common.access import may
from iscm_portal.common.exports import csv_response
from iscm_portal.common.filters import FIRST_YEAR, LAST_YEAR
from iscm_portal.common.forms import problems_of
from iscm_portal.common.pages import keyset_page, one_of, whole_number
from iscm_portal.common.period import Period

from .. import permissions
from ..choices import DutyAnswer, DutyState, ExtensionDecision
from ..forms.duties import AnswerForm, ExtensionForm
from ..models import Duty, Extension
from ..querysets import DutyQuerySet
from ..selectors.duties import answers_waiting, duty_list, extensions_waiting
from ..services import duties as services

MAX_KEY = 2**63 - 1
# All that counts in coverage, whatever its state.
OWED = "owed"


def duties(request: SignedInRequest) -> HttpResponseBase:
    """Who owes what, the longest due first; by state, office, mechanism and region."""
    user, today = request.user, timezone.localdate()
    if not may(user, "see_duties"):
        raise PermissionDenied
    offices = list(Office.objects.visible_to(user))
    iscms = list(ISCM.objects.visible_to(user))
    regions = sorted(set(Country.objects.visible_to(user).values_list("region", flat=True)))
    chosen = {
        "state": one_of(request, "state", (*DutyState.values, OWED)),
        "office": one_of(request, "office", {row.slug for row in offices}),
        "iscm": one_of(request, "iscm", {row.slug for row in iscms}),
        "region": one_of(request, "region", regions),
    }
    paths = {"office": "office__slug", "iscm": "event__iscms__slug"}
    rows: DutyQuerySet = duty_list(user, today)
    waiting = rows.filter(is_settled=False)  # by the index: few, whatever the number of duties
    late = waiting.filter(state=DutyState.OVERDUE).count()
    if chosen["state"] == DutyState.SETTLED:
        rows = rows.filter(is_settled=True)
    elif chosen["state"] != OWED:  # what is settled needs nobody; it has its own list
        rows = waiting
    year = request.GET.get("year", "")
    if year:
        rows = rows.filter(Period.year(whole_number(year, FIRST_YEAR, LAST_YEAR)).q("last_day"))
    if chosen["state"] == OWED:
        rows = rows.filter(last_day__lt=today)
    for name, value in chosen.items():
        if name == "state" and value in (OWED, DutyState.SETTLED):
            continue
        if value and name == "region":
            rows = rows.filter(office__country__region=value)
        elif value:
            rows = rows.filter(**{paths.get(name, name): value})
    if one_of(request, "format", ("csv",)):
        return duties_csv(rows)
    context = {
        "page": keyset_page(request, rows, "due_on", "pk"),
        "late": late,
        "today": today,
        "states": [*DutyState.choices, (OWED, _("All of events that are over"))],
        "year": year,
        "offices": offices if may(user, "read_all_reports") else [],
        "iscms": iscms,
        "regions": regions if may(user, "read_all_reports") else [],
        "chosen": chosen,
        "csv": f"?{query_with_csv(request)}",
    }
    return render(request, "reporting/duties.html", context)


def query_with_csv(request: SignedInRequest) -> str:
    query = request.GET.copy()
    query.pop("after", None)
    query["format"] = "csv"
    return query.urlencode()


def duties_csv(rows: DutyQuerySet) -> StreamingHttpResponse:
    header = ["event", "mechanisms", "office", "event_ended_on", "due_on", "state"]
    lines = (
        [
            row.event.name,
            ", ".join(iscm.acronym for iscm in row.event.iscms.all()),
            row.office.name,
            row.last_day,
            row.due_on,
            row.state,
        ]
        for row in rows.iterator(chunk_size=2000)
    )
    return csv_response("duties", header, lines)


def own_duty(request: SignedInRequest, pk: int) -> Duty:
    """The duty with its state, if the reader may see it. 404 hides what he may not see."""
    duty: Duty = get_object_or_404(duty_list(request.user, timezone.localdate()), pk=pk)
    return duty


def duty(
    request: SignedInRequest,
    pk: int,
    answer_form: AnswerForm | None = None,
    extension_form: ExtensionForm | None = None,
) -> HttpResponse:
    """One duty: where it stands, the three answers, and more time."""
    found = own_duty(request, pk)
    wrong = answer_form or extension_form
    context = {
        "duty": found,
        "today": timezone.localdate(),
        "is_open": not found.answer and found.report_state not in ("submitted", "accepted"),
        "may_answer": permissions.may_answer_duty(request.user, found),
        "may_review": may(request.user, "review_all_reports"),
        "may_decide": permissions.may_decide_extension(request.user, found),
        "extensions": found.extensions.select_related("asked_by", "decided_by"),
        "answer_form": answer_form or AnswerForm(),
        "extension_form": extension_form or ExtensionForm(),
        "problems": problems_of(wrong),
        "has_errors": wrong is not None,
    }
    return render(request, "reporting/duty.html", context, status=422 if wrong else 200)


@require_POST
def answer_duty(request: SignedInRequest, pk: int) -> HttpResponse:
    found = own_duty(request, pk)
    if not permissions.may_answer_duty(request.user, found):
        raise PermissionDenied
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return duty(request, pk, answer_form=form)
    answer, reason = DutyAnswer(form.cleaned_data["answer"]), form.cleaned_data["reason"]
    try:
        services.answer_duty(pk, answer, reason, request.user, timezone.now())
        messages.success(request, _("Answered. It counts once IPD has accepted it."))
    except services.DutyError as error:
        messages.info(request, str(error))
    return redirect("duty", pk=pk)


@require_POST
def take_back_answer(request: SignedInRequest, pk: int) -> HttpResponse:
    found = own_duty(request, pk)
    if not permissions.may_answer_duty(request.user, found):
        raise PermissionDenied
    try:
        services.take_back_answer(pk, request.user, timezone.now())
        messages.success(request, _("Taken back. The duty waits for an answer again."))
    except services.DutyError as error:
        messages.info(request, str(error))
    return redirect("duty", pk=pk)


@require_POST
def return_answer(request: SignedInRequest, pk: int) -> HttpResponse:
    own_duty(request, pk)
    if not may(request.user, "review_all_reports"):
        raise PermissionDenied
    comment = request.POST.get("comment", "").strip()[:4000]
    if not comment:
        messages.error(request, _("Say why the answer is not taken."))
        return redirect("duty", pk=pk)
    try:
        services.return_answer(pk, comment, request.user, timezone.now())
        messages.success(request, _("Returned to the office with your comment."))
    except services.DutyError as error:
        messages.info(request, str(error))
    return redirect("duty", pk=pk)


@require_POST
def ask_extension(request: SignedInRequest, pk: int) -> HttpResponse:
    found = own_duty(request, pk)
    if not permissions.may_answer_duty(request.user, found):
        raise PermissionDenied
    form = ExtensionForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            services.ask_extension(
                pk, data["until_on"], data["reason"], request.user, timezone.now()
            )
            messages.success(request, _("Asked. Your manager or IPD decides."))
            return redirect("duty", pk=pk)
        except services.DutyError as error:
            form.add_error("until_on", str(error))
    return duty(request, pk, extension_form=form)


@require_POST
def decide_extension(request: SignedInRequest, pk: int) -> HttpResponse:
    visible = Duty.objects.visible_to(request.user)
    asked = get_object_or_404(Extension.objects.filter(duty__in=visible), pk=pk)
    if not permissions.may_decide_extension(request.user, asked.duty):
        raise PermissionDenied
    if request.POST.get("decision") not in ExtensionDecision.values:
        raise BadRequest(_("Grant it or refuse it."))
    decision = ExtensionDecision(request.POST["decision"])
    try:
        services.decide_extension(pk, decision, request.user, timezone.now())
        messages.success(request, _("Decided. The office sees it."))
    except services.DutyError as error:
        messages.info(request, str(error))
    return redirect("duty", pk=asked.duty_id)


@require_http_methods(["GET", "POST"])
def answers(request: SignedInRequest) -> HttpResponse:
    """Answers that wait for IPD, to be accepted together; and extensions to decide."""
    if not permissions.may_review(request.user):
        raise PermissionDenied
    if request.method == "POST":
        return accept_answers(request)
    context = {
        "page": keyset_page(request, answers_waiting(request.user), "answered_at", "pk"),
        "extensions": extensions_waiting(request.user),
        "may_accept": may(request.user, "review_all_reports"),
        "today": timezone.localdate(),
    }
    return render(request, "reporting/answers.html", context)


def accept_answers(request: SignedInRequest) -> HttpResponse:
    if not may(request.user, "review_all_reports"):
        raise PermissionDenied
    keys = [whole_number(text, 1, MAX_KEY) for text in request.POST.getlist("duty")]
    accepted, left = services.accept_answers(keys, request.user, timezone.now())
    told: list[Any] = []
    if accepted:
        told.append(
            ngettext("%(n)d answer is accepted.", "%(n)d answers are accepted.", accepted)
            % {"n": accepted}
        )
    if left:
        names = "; ".join(str(duty) for duty in left)
        told.append(_("Not waiting any more: %(names)s.") % {"names": names})
    messages.success(request, " ".join(told) or _("None was chosen."))
    return redirect("answers")
