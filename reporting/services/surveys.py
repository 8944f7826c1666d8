"""Making surveys: drafted, questioned, opened, copied. Closing has a file of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from iscm_portal.common.history import change_with_history, delete_with_history

from ..choices import CountsAs, SurveyState, SurveyUse
from ..models import Question, Survey
from .survey_questions import PROPOSALS, Proposed

MOST_QUESTIONS = 40
COPIED = (
    *("use", "title", "title_fr", "title_es", "intro", "intro_fr", "intro_es"),
    *("iscm", "event", "support_kind", "remind_days", "asks_state"),
)
QUESTION_FIELDS = (
    *("kind", "text", "text_fr", "text_es", "options", "options_fr", "options_es"),
    *("right_option", "is_required", "counts_as"),
)


class SurveyError(Exception):
    """What was asked cannot be done now; the message says why."""


class SurveyIsAnswered(SurveyError):
    """Answers stand: what was asked must stay what it was."""


class SurveyNotDraft(SurveyError):
    """Only a draft is opened or deleted."""


class SurveyNotReady(SurveyError):
    """It cannot be opened yet."""


class SurveyIsClosed(SurveyError):
    """Nothing changes in a closed survey."""


def locked(pk: int) -> Survey:
    """The survey, held until the end of the transaction: its answers come in one at a time, and
    its questions stay as they are meanwhile."""
    survey: Survey = Survey.objects.select_for_update().get(pk=pk)
    return survey


def create_survey(values: Mapping[str, Any], actor: Any, *, with_proposals: bool) -> Survey:
    """A draft, with the questions that the portal proposes for its use or with none."""
    with transaction.atomic():
        survey = Survey()
        change_with_history(survey, values, actor)
        if with_proposals:
            for position, proposed in enumerate(PROPOSALS[survey.use], start=1):
                question = Question(survey=survey, position=position)
                change_with_history(question, _values_of(proposed), actor)
    return survey


def _values_of(proposed: Proposed) -> dict[str, Any]:
    en, fr, es = ("\n".join(option[place] for option in proposed.options) for place in range(3))
    return {
        "kind": proposed.kind,
        "text": proposed.en,
        "text_fr": proposed.fr,
        "text_es": proposed.es,
        "options": en,
        "options_fr": fr,
        "options_es": es,
        "counts_as": proposed.counts_as,
        "is_required": proposed.is_required,
    }


# What may be changed while answers come in.
CHANGED_WHILE_RUNNING = frozenset(
    {"title_fr", "title_es", "intro", "intro_fr", "intro_es", "closes_on", "remind_days"}
)


def change_survey(pk: int, values: Mapping[str, Any], actor: Any) -> Survey:
    """Set ``values``. Of a survey that has answers only the texts around its questions and the
    last day. Raises SurveyIsClosed, SurveyIsAnswered."""
    with transaction.atomic():
        survey = locked(pk)
        if survey.state == SurveyState.CLOSED:
            raise SurveyIsClosed(_("A closed survey stays as it was asked."))
        changed = {name for name, value in values.items() if getattr(survey, name) != value}
        if changed - CHANGED_WHILE_RUNNING and survey.responses.exists():
            raise SurveyIsAnswered(
                _("It has answers: only its translations, introduction and last day change.")
            )
        change_with_history(survey, values, actor)
    return survey


def _held_for_questions(pk: int) -> Survey:
    survey = locked(pk)
    if survey.state == SurveyState.CLOSED:
        raise SurveyIsClosed(_("A closed survey stays as it was asked."))
    if survey.responses.exists():
        raise SurveyIsAnswered(
            _("It has answers: its questions stay. Close it, or make a copy and change that.")
        )
    return survey


def _revise(survey: Survey, actor: Any) -> None:
    change_with_history(survey, {"revision": survey.revision + 1}, actor, "Questions changed")


def save_question(survey_pk: int, question: Question, actor: Any) -> Question:
    """Save a question, a new one as the last. Raises SurveyIsClosed, SurveyIsAnswered,
    ValidationError (another question counts as the same) and SurveyError (too many)."""
    with transaction.atomic():
        survey = _held_for_questions(survey_pk)
        if question._state.adding:
            if survey.questions.count() >= MOST_QUESTIONS:
                raise SurveyError(
                    _("A survey asks %(n)d questions at most.") % {"n": MOST_QUESTIONS}
                )
            last = survey.questions.aggregate(last=Max("position"))["last"] or 0
            question.survey, question.position = survey, last + 1
        question.validate_constraints()
        change_with_history(question, {}, actor)
        _revise(survey, actor)
    return question


def remove_question(question: Question, actor: Any) -> None:
    """Take a question out. Raises SurveyIsClosed, SurveyIsAnswered."""
    with transaction.atomic():
        survey = _held_for_questions(question.survey_id)
        delete_with_history(question, actor)
        _revise(survey, actor)


def move_question(question: Question, up: bool, actor: Any) -> None:
    """Change places with the question before or after; at the end it stays where it is."""
    with transaction.atomic():
        survey = _held_for_questions(question.survey_id)
        rows = list(survey.questions.all())
        place = next(number for number, row in enumerate(rows) if row.pk == question.pk)
        other = place - 1 if up else place + 1
        if not 0 <= other < len(rows):
            return
        rows[place], rows[other] = rows[other], rows[place]
        for position, row in enumerate(rows, start=1):
            if row.position != position:
                change_with_history(row, {"position": position}, actor)
        _revise(survey, actor)


def lacking(survey: Survey) -> list[str]:
    """What lacks before the survey can be opened, in words."""
    kinds = set(survey.questions.values_list("counts_as", flat=True))
    found = []
    if not survey.questions.exists():
        found.append(_("It has no question."))
    elif survey.has_phases and CountsAs.KNOWLEDGE not in kinds:
        found.append(_("No question counts as knowledge."))
    elif survey.use == SurveyUse.SATISFACTION and CountsAs.SATISFACTION not in kinds:
        found.append(_("No question counts as satisfaction."))
    elif survey.use == SurveyUse.NEEDS and CountsAs.NEED not in kinds:
        found.append(_("No question counts as a need."))
    elif survey.use == SurveyUse.INSTITUTIONAL and CountsAs.QUALITY not in kinds:
        found.append(_("No question counts as quality of results."))
    try:
        running = Survey(pk=survey.pk, use=survey.use, event=survey.event, state="running")
        running.validate_constraints(exclude=["opens_on", "closes_on", "closed_on"])
    except ValidationError as error:
        found += error.messages
    return found


def open_survey(pk: int, actor: Any, on: dt.date) -> Survey:
    """Open a draft: from its first day on it takes answers. Raises SurveyNotDraft and
    SurveyNotReady."""
    with transaction.atomic():
        survey = locked(pk)
        if survey.state != SurveyState.DRAFT:
            raise SurveyNotDraft(_("It was opened before."))
        problems = lacking(survey)
        if survey.closes_on < on:
            problems.append(_("Its last day is over."))
        if problems:
            raise SurveyNotReady(" ".join(problems))
        change_with_history(survey, {"state": SurveyState.RUNNING}, actor, "Opened")
    return survey


def copy_survey(survey: Survey, actor: Any, on: dt.date) -> Survey:
    """A draft with the same questions, to be changed; open for two weeks unless said otherwise."""
    with transaction.atomic():
        copy = Survey(opens_on=on, closes_on=on + dt.timedelta(days=14))
        values = {name: getattr(survey, name) for name in COPIED}
        title = _("%(title)s (copy)") % {"title": survey.title}
        change_with_history(copy, {**values, "title": title[:200]}, actor)
        for question in survey.questions.all():
            values = {name: getattr(question, name) for name in QUESTION_FIELDS}
            row = Question(survey=copy, position=question.position)
            change_with_history(row, values, actor)
    return copy


def delete_draft(pk: int, actor: Any) -> None:
    """Throw a draft away. Raises SurveyNotDraft."""
    with transaction.atomic():
        survey = locked(pk)
        if survey.state != SurveyState.DRAFT:
            raise SurveyNotDraft(_("Only a draft is deleted. Close it instead."))
        delete_with_history(survey, actor)
