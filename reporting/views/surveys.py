"""Surveys: which there are, what they came to, and what offices need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from engagements.models import SignedInRequest
from iscm_portal.common.access import may
from iscm_portal.common.downloads import TABLE_FORMATS, table_response
from iscm_portal.common.numbers import ratio
from iscm_portal.common.pages import keyset_page, one_of, whole_number

from ..choices import SurveyState, SurveyUse
from ..models import Survey
from ..selectors import survey_results as results
from ..selectors.surveys import (
    LANGUAGES,
    in_language,
    links_by_kind,
    survey_list,
    waiting_for_office,
)
from ..services import survey_links
from ..services import surveys as services
from ..services.survey_closing import scores_by_response

MAX_KEY = 2**63 - 1


def surveys(request: SignedInRequest) -> HttpResponseBase:
    """All surveys that the reader may see, by use and state."""
    chosen = {
        "use": one_of(request, "use", SurveyUse.values),
        "state": one_of(request, "state", SurveyState.values),
    }
    rows = survey_list(request.user).filter(**{name: key for name, key in chosen.items() if key})
    form = one_of(request, "format", TABLE_FORMATS)
    if form:
        return table_response(form, "surveys", LIST_COLUMNS, list_lines(rows))
    today = timezone.localdate()
    context = {
        "page": keyset_page(request, rows, "-pk"),
        "running": Survey.objects.visible_to(request.user).taking_answers(today).count(),
        "waiting": waiting_for_office(request.user, today),
        "quality": results.quality_of_results(request.user),
        "uses": SurveyUse.choices,
        "states": [
            (key, word)
            for key, word in SurveyState.choices
            if key != SurveyState.DRAFT or may(request.user, "edit_surveys")
        ],
        "chosen": chosen,
        "today": today,
        "may_edit": may(request.user, "edit_surveys"),
    }
    return render(request, "reporting/surveys.html", context)


LIST_COLUMNS = (
    *("survey", "title", "use", "state", "iscm", "event", "opens_on", "closes_on"),
    *("answers", "links_made", "links_used"),
)


def list_lines(rows: Any) -> Iterator[list[Any]]:
    for row in rows.iterator(chunk_size=2000):
        yield [
            row.pk,
            row.title,
            row.use,
            row.state,
            row.iscm.acronym if row.iscm else "",
            row.event.name if row.event else "",
            row.opens_on,
            row.closes_on,
            row.answered,
            row.links_made,
            row.links_used,
        ]


def asked_language(request: SignedInRequest) -> str:
    return one_of(request, "lang", LANGUAGES) or "en"


def survey(
    request: SignedInRequest, pk: int, problem: str = "", status: int = 200
) -> HttpResponseBase:
    """One survey: how many answered, and once it is closed what they said."""
    found = get_object_or_404(survey_list(request.user), pk=pk)
    today, language = timezone.localdate(), asked_language(request)
    at = request.GET.get("place", "")
    try:
        told = results.results_of(found, request.user, language, at)
    except KeyError:
        raise BadRequest(_("There are too few answers of that place, or none.")) from None
    form = one_of(request, "format", TABLE_FORMATS)
    if form and found.state == SurveyState.CLOSED:
        return table_response(form, f"survey-{pk}", COLUMNS, lines(told, language))
    may_edit = may(request.user, "edit_surveys")
    change = None
    if found.has_phases and found.state == SurveyState.CLOSED and not at:
        change = results.change_of(found, scores_by_response(found))
    context = {
        "survey": found,
        "title": in_language(found, "title", language)[0],
        "told": told,
        "change": change,
        "is_closed": found.state == SurveyState.CLOSED,
        "has_enough": found.answered >= results.FLOOR,
        "rate": ratio(found.links_used, found.links_made, scale=100),
        "links": links_by_kind(found) if may_edit else [],
        "lacking": services.lacking(found) if may_edit and found.state == "draft" else [],
        "questions": list(found.questions.all()) if may_edit else [],
        "may_edit": may_edit,
        "may_answer": survey_links.may_answer_for_office(request.user, found, today),
        "may_read_answers": may(request.user, "read_answers"),
        "language": language,
        "languages": [(code, name) for code, name in NAMES if code != language],
        "today": today,
        "problem": problem,
    }
    return render(request, "reporting/survey.html", context, status=status)


NAMES = (("en", "English"), ("fr", "Français"), ("es", "Español"))

COLUMNS = (
    *("question", "text", "kind", "counts_as", "phase", "place", "n", "answer", "count"),
    *("share_pct", "mean"),
)


def lines(told: results.Results, language: str) -> Iterator[list[Any]]:
    """The results as a table, a line for each answer that could be given. What may not be shown is
    a line without numbers; words are not in it."""
    place = told.place.label if told.place else ""
    for part in told.phases:
        for number, result in enumerate(part.results, start=1):
            question = result.question
            text = in_language(question, "text", language)[0]
            head = [number, text, question.kind, question.counts_as, part.phase, place]
            if not result.bars:
                yield [*head, result.n, "", None, None, None]
            for bar in result.bars:
                yield [*head, result.n, bar.label, bar.count, bar.share_pct, result.mean]


def single_answers(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """Each response on a line, in an order of chance, for who may read single answers; of three or
    more, and of a closed survey only."""
    if not may(request.user, "read_answers"):
        raise PermissionDenied
    found = get_object_or_404(survey_list(request.user).closed(), pk=pk)
    form = one_of(request, "format", TABLE_FORMATS) or "csv"
    table = results.single_answers(found, request.user)
    if table is None:
        raise PermissionDenied
    return table_response(form, f"survey-{pk}-answers", *table)


def needs(request: SignedInRequest) -> HttpResponseBase:
    """What offices need, by region and office: of the last assessment that is closed."""
    rows = list(
        survey_list(request.user).closed().filter(use=SurveyUse.NEEDS).order_by("-closed_on", "-pk")
    )
    chosen = rows[0] if rows else None
    if request.GET.get("survey"):
        asked = whole_number(request.GET["survey"], 1, MAX_KEY)
        chosen = next((row for row in rows if row.pk == asked), None)
        if chosen is None:
            raise BadRequest(_("There is no such closed assessment of needs."))
    language = asked_language(request)
    told = results.needs_map(chosen, language) if chosen else None
    form = one_of(request, "format", TABLE_FORMATS)
    if form:
        columns = ["need", "all", *(column.label for column in told.columns)] if told else ["need"]
        body = [[need, *(n for _column, n in cells)] for need, cells in told.rows] if told else []
        return table_response(form, "needs", columns, body)
    context = {"surveys": rows, "survey": chosen, "told": told, "language": language}
    return render(request, "reporting/survey_needs.html", context)


@require_POST
def take(request: SignedInRequest, pk: int) -> HttpResponse:
    """Lead a user to the form of the own office."""
    found = get_object_or_404(Survey.objects.visible_to(request.user), pk=pk)
    if not survey_links.may_answer_for_office(request.user, found, timezone.localdate()):
        raise PermissionDenied
    try:
        return redirect("survey_answer", token=survey_links.take_link(found, request.user))
    except services.SurveyError as error:
        messages.info(request, str(error))
        return redirect("survey", pk=pk)
