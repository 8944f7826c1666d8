"""IPD makes surveys: drafts, questions, opening, links, closing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from engagements.models import SignedInRequest
from iscm_portal.common.access import may
from iscm_portal.common.downloads import table_response
from iscm_portal.common.forms import problems_of
from iscm_portal.common.jobs import after_commit
from iscm_portal.common.pages import one_of

from ..choices import SurveyPhase, SurveyState
from ..forms.answering import AnswerSurveyForm
from ..forms.surveys import LinksForm, NewSurveyForm, QuestionForm, SurveyForm
from ..models import Question, Survey, SurveyLink
from ..selectors.surveys import member_states
from ..services import surveys as services
from ..services.survey_closing import close_survey
from ..services.survey_links import make_links
from ..tasks import look_after_surveys
from .answering import shown
from .surveys import asked_language
from .surveys import survey as show_survey


def to_be_edited(request: SignedInRequest, pk: int) -> Survey:
    """The survey, for who makes surveys; 404 hides drafts from others, 403 tells the rest."""
    found: Survey = get_object_or_404(Survey.objects.visible_to(request.user), pk=pk)
    if not may(request.user, "edit_surveys"):
        raise PermissionDenied
    return found


def question_to_be_edited(request: SignedInRequest, pk: int) -> Question:
    surveys = Survey.objects.visible_to(request.user)
    rows = Question.objects.filter(survey__in=surveys).select_related("survey")
    found: Question = get_object_or_404(rows, pk=pk)
    if not may(request.user, "edit_surveys"):
        raise PermissionDenied
    return found


def form_page(
    request: SignedInRequest, form: Any, heading: str, survey: Survey | None = None
) -> HttpResponse:
    context = {
        "form": form,
        "heading": heading,
        "survey": survey,
        "problems": problems_of(form) if form.is_bound else [],
        "has_errors": form.is_bound,
    }
    return render(
        request, "reporting/survey_form.html", context, status=422 if form.is_bound else 200
    )


@require_http_methods(["GET", "POST"])
def new_survey(request: SignedInRequest) -> HttpResponse:
    if not may(request.user, "edit_surveys"):
        raise PermissionDenied
    form = NewSurveyForm(request.POST or None, user=request.user, today=timezone.localdate())
    if request.method == "POST" and form.is_valid():
        made = services.create_survey(
            form.values, request.user, with_proposals=form.cleaned_data["with_proposals"]
        )
        messages.success(request, _("A draft is made. Look at its questions, then open it."))
        return redirect("survey", pk=made.pk)
    return form_page(request, form, _("New survey"))


@require_http_methods(["GET", "POST"])
def edit_survey(request: SignedInRequest, pk: int) -> HttpResponse:
    found = to_be_edited(request, pk)
    form = SurveyForm(request.POST or None, instance=found, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_survey(pk, form.values, request.user)
            messages.success(request, _("Saved."))
            return redirect("survey", pk=pk)
        except services.SurveyError as error:
            form.add_error(None, str(error))
    return form_page(request, form, _("Change the survey"), found)


@require_safe
def preview(request: SignedInRequest, pk: int) -> HttpResponse:
    """The form as a participant will see it, in each language; nothing can be sent."""
    found = to_be_edited(request, pk)
    language = asked_language(request)
    phase = one_of(request, "phase", found.phases) or found.phases[0]
    link = SurveyLink(survey=found, phase=phase, is_single=False)
    with translation.override(language):
        form = AnswerSurveyForm(link, found.questions.all(), language, timezone.now())
        context = {
            **shown(link, form, language),
            "is_preview": True,
            "other_phases": [
                (key, word)
                for key, word in SurveyPhase.choices
                if key in found.phases and key != phase
            ],
        }
        return render(request, "reporting/survey_answer.html", context)


@require_http_methods(["GET", "POST"])
def new_question(request: SignedInRequest, pk: int) -> HttpResponse:
    found = to_be_edited(request, pk)
    return question_page(request, found, Question(survey=found), _("New question"))


@require_http_methods(["GET", "POST"])
def edit_question(request: SignedInRequest, pk: int) -> HttpResponse:
    found = question_to_be_edited(request, pk)
    return question_page(request, found.survey, found, _("Change the question"))


def question_page(
    request: SignedInRequest, survey: Survey, question: Question, heading: str
) -> HttpResponse:
    form = QuestionForm(request.POST or None, instance=question)
    if request.method == "POST" and form.is_valid():
        try:
            services.save_question(survey.pk, form.save(commit=False), request.user)
            messages.success(request, _("Saved."))
            return redirect("survey", pk=survey.pk)
        except (services.SurveyError, ValidationError) as error:
            told = error.messages if isinstance(error, ValidationError) else [str(error)]
            form.add_error(None, told)
    return form_page(request, form, heading, survey)


def _act(request: SignedInRequest, pk: int, act: Callable[[], Any], done: str) -> HttpResponseBase:
    """Do it and go back to the survey; where it can't be done, its page says why."""
    try:
        act()
    except services.SurveyError as error:
        return show_survey(request, pk, problem=str(error), status=422)
    messages.success(request, done)
    return redirect("survey", pk=pk)


@require_POST
def move_question(request: SignedInRequest, pk: int) -> HttpResponseBase:
    found = question_to_be_edited(request, pk)
    up = request.POST.get("way") != "down"
    return _act(
        request,
        found.survey_id,
        lambda: services.move_question(found, up, request.user),
        _("Moved."),
    )


@require_POST
def remove_question(request: SignedInRequest, pk: int) -> HttpResponseBase:
    found = question_to_be_edited(request, pk)
    return _act(
        request,
        found.survey_id,
        lambda: services.remove_question(found, request.user),
        _("The question is taken out."),
    )


@require_POST
def open_survey(request: SignedInRequest, pk: int) -> HttpResponseBase:
    to_be_edited(request, pk)
    return _act(
        request,
        pk,
        lambda: services.open_survey(pk, request.user, timezone.localdate()),
        _("Opened. Make its links now."),
    )


@require_POST
def close(request: SignedInRequest, pk: int) -> HttpResponseBase:
    to_be_edited(request, pk)
    return _act(
        request,
        pk,
        lambda: close_survey(pk, request.user, timezone.now()),
        _("Closed. What it feeds is worked out anew."),
    )


@require_POST
def copy_survey(request: SignedInRequest, pk: int) -> HttpResponseBase:
    found = to_be_edited(request, pk)
    copy = services.copy_survey(found, request.user, timezone.localdate())
    messages.success(request, _("A copy is made, as a draft."))
    return redirect("survey", pk=copy.pk)


@require_POST
def delete_survey(request: SignedInRequest, pk: int) -> HttpResponseBase:
    to_be_edited(request, pk)
    try:
        services.delete_draft(pk, request.user)
    except services.SurveyError as error:
        return show_survey(request, pk, problem=str(error), status=422)
    messages.success(request, _("The draft is deleted."))
    return redirect("surveys")


@never_cache
@require_http_methods(["GET", "POST"])
def links(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """Make links. Their addresses are in the answer, on the page or as a file, and nowhere else."""
    found = to_be_edited(request, pk)
    today = timezone.localdate()
    form = LinksForm(
        found, request.user, member_states(found, request.user, today), request.POST or None
    )
    made = None
    if request.method == "POST" and form.is_valid():
        try:
            made = make_links(pk, form.wanted, today)
        except services.SurveyError as error:
            form.add_error(None, str(error))
    if made is None:
        context = {
            "survey": found,
            "form": form,
            "is_running": found.state == SurveyState.RUNNING,
            "problems": problems_of(form) if form.is_bound else [],
            "has_errors": form.is_bound,
        }
        status = 422 if form.is_bound else 200
        return render(request, "reporting/survey_links.html", context, status=status)
    after_commit(look_after_surveys)
    rows = [
        [
            str(row.link.country or ""),
            str(row.link.office or ""),
            str(row.link.get_phase_display()) if row.link.phase else "",
            "single" if row.link.is_single else "open",
            request.build_absolute_uri(reverse("survey_answer", args=[row.token])),
        ]
        for row in made
    ]
    columns = ["state", "office", "phase", "kind", "address"]
    if "as_csv" in request.POST and rows:
        return table_response("csv", f"survey-{pk}-links", columns, rows)
    if not rows:
        messages.success(
            request,
            _("The links are made; who is asked is told by mail or in the portal."),
        )
        return redirect("survey", pk=pk)
    context = {
        "survey": found,
        "made": rows,
        "has": {name: any(row[place] for row in rows) for place, name in enumerate(columns[:3])},
    }
    return render(request, "reporting/survey_links_made.html", context)
