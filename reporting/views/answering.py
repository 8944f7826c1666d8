"""The public page of a survey: no account, no script, one small page; what is wrong is said kindly.

Nothing of who asks is kept: neither the address nor the browser nor the hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from engagements.choices import Language
from iscm_portal.common.forms import Problem, problems_of
from iscm_portal.common.rates import address_of, within

from ..forms.answering import AnswerSurveyForm
from ..models import SurveyLink
from ..selectors.surveys import LANGUAGES, in_language
from ..services import answering as services
from ..services.survey_links import link_of
from ..services.surveys import SurveyError

LANGUAGE_NAMES = [(str(language.value)[:2], language.label) for language in Language]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """The form behind a link, and what is sent with it."""
    link = link_of(token)
    if link is None:
        with translation.override(browser_language(request)):
            return unknown_link(request)
    language = chosen_language(request, link)
    with translation.override(language):
        if request.method == "POST":
            return sent(request, link, language)
        try:
            services.check_open(link, timezone.localdate())
        except SurveyError as error:
            return refused(request, link, error)
        return page(request, link, new_form(link, language), language)


def chosen_language(request: HttpRequest, link: SurveyLink) -> str:
    """What the page was asked in, else the browser's language for an open link, else the link's."""
    asked = request.POST.get("show_in") or request.POST.get("lang") or request.GET.get("lang", "")
    if asked in LANGUAGES:
        return str(asked)
    if not link.is_single and link.language == Language.ENGLISH:
        return browser_language(request)
    return link.language[:2]


def browser_language(request: HttpRequest) -> str:
    """The first of our languages that the browser asks for, else English."""
    asked = parse_accept_lang_header(request.headers.get("Accept-Language", "")[:200])
    return next((text[:2] for text, _weight in asked if text[:2] in LANGUAGES), "en")


def new_form(link: SurveyLink, language: str, data: Any = None) -> AnswerSurveyForm:
    return AnswerSurveyForm(link, link.survey.questions.all(), language, timezone.now(), data)


def sent(request: HttpRequest, link: SurveyLink, language: str) -> HttpResponse:
    """Keep what was sent; whatever hinders that, the page comes back with all that was typed."""
    form = new_form(link, language, request.POST)
    if "show_in" in request.POST:
        form.keep_as_typed()
        return page(request, link, form, language)
    if not within_limits(request, link):
        form.keep_as_typed()
        wait = _("Many answers come in just now. Wait a minute, then send it again.")
        answer = page(request, link, form, language, [Problem("", wait, "")], status=429)
        answer["Retry-After"] = "60"
        return answer
    on = timezone.localdate()
    try:
        if form.is_valid():
            services.keep_response(link.pk, form.filled(), on)
            return redirect(f"{reverse('survey_thanks')}?lang={language}")
        services.check_open(link, on)
    except services.QuestionsChanged as error:
        link.survey.refresh_from_db(fields=["revision"])
        form.renew()
        form.add_error(None, str(error))
    except services.CodeUsed as error:
        form.add_error("code", str(error))
    except SurveyError as error:
        return refused(request, link, error, form.typed_texts())
    return page(request, link, form, language, problems_of(form), status=422)


def within_limits(request: HttpRequest, link: SurveyLink) -> bool:
    limits = settings.SURVEY_LIMITS
    return (
        within(f"survey-link:{link.pk}", *limits["link"])
        and within(f"survey-address:{address_of(request)}", *limits["address"])
        and within("survey-all", *limits["all"])
    )


def page(
    request: HttpRequest,
    link: SurveyLink,
    form: AnswerSurveyForm,
    language: str,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> HttpResponse:
    context = {
        **shown(link, form, language),
        "problems": problems,
        "has_errors": bool(problems),
    }
    return render(request, "reporting/survey_answer.html", context, status=status)


def shown(link: SurveyLink, form: AnswerSurveyForm, language: str) -> dict[str, Any]:
    """What the page of a survey shows in a language, to participants and before it is opened.

    A title may be a name that nobody translates: it is marked as English, and no lack is told.
    """
    survey = link.survey
    title, title_is_there = in_language(survey, "title", language)
    intro, intro_is_there = in_language(survey, "intro", language)
    return {
        "survey": survey,
        "phase": link.phase,
        "title": title,
        "title_is_english": not title_is_there,
        "intro": intro,
        "form": form,
        "lacks_translation": bool(form.untranslated or (intro and not intro_is_there)),
        "language": language,
        "languages": [(code, name) for code, name in LANGUAGE_NAMES if code != language],
    }


def refused(
    request: HttpRequest,
    link: SurveyLink,
    error: SurveyError,
    typed: list[tuple[str, str]] | None = None,
) -> HttpResponse:
    """Why the link takes no answer, in words of its own; what was typed is there to be copied."""
    survey = link.survey
    notes: dict[type[SurveyError], tuple[int, str]] = {
        services.SurveyNotOpenYet: (403, _("Come back with the same link on its first day.")),
        services.SurveyOver: (410, _("Thank you for having come. No answer is taken any more.")),
        services.LinkUsed: (410, _("It was good for one answer, and that is kept. Thank you.")),
    }
    status, note = notes[type(error)]
    context = {
        "heading": str(error),
        "note": note,
        "first_day": survey.opens_on if status == 403 else None,
        "typed": typed or [],
    }
    return render(request, "reporting/survey_note.html", context, status=status)


def unknown_link(request: HttpRequest) -> HttpResponse:
    """The same for whatever opens nothing, so that trying tells nothing; and not tried for long."""
    if not within(f"survey-wrong:{address_of(request)}", *settings.SURVEY_LIMITS["wrong"]):
        context = {"heading": _("Too many tries"), "note": _("Wait some minutes, then try again.")}
        return render(request, "reporting/survey_note.html", context, status=429)
    context = {
        "heading": _("This link opens nothing"),
        "note": _("Look whether it is whole: mail programs break long lines."),
    }
    return render(request, "reporting/survey_note.html", context, status=404)


@never_cache
@require_safe
def thanks(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("lang", "")
    with translation.override(asked if asked in LANGUAGES else "en"):
        context = {
            "heading": _("Thank you: your answer is kept"),
            "note": _("It is anonymous. You may close this page."),
        }
        return render(request, "reporting/survey_note.html", context)
