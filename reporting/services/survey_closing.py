"""Closing a survey: what it feeds is written, what could lead to people is taken away.

What it feeds counts on one day, that of its last answer: in two quarters or years, what each came
to beside what the survey came to in a region would tell who answered when.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from simple_history.utils import bulk_create_with_history

from iscm_portal.common import outbox
from iscm_portal.common.history import change_with_history

from ..choices import CountsAs, QuestionKind, SurveyPhase, SurveyState
from ..models import (
    KnowledgeAnswer,
    SatisfactionAnswer,
    Survey,
    SurveyAnswer,
    SurveyResponse,
)
from ..selectors.survey_results import FLOOR, shown_places
from .surveys import SurveyIsClosed, SurveyNotDraft, locked

BATCH = 500
HUNDREDTH = Decimal("0.01")


def close_survey(pk: int, actor: Any, at: dt.datetime, *, ask_for_figures: bool = True) -> Survey:
    """Close a running survey, write what it feeds and ask for the figures anew.

    Raises SurveyIsClosed, and SurveyNotDraft where it never ran.
    """
    with transaction.atomic():
        survey = locked(pk)
        if survey.state == SurveyState.CLOSED:
            raise SurveyIsClosed(_("It was closed before."))
        if survey.state == SurveyState.DRAFT:
            raise SurveyNotDraft(_("A draft is not closed. Delete it instead."))
        values = {"state": SurveyState.CLOSED, "closed_on": at.date()}
        change_with_history(survey, values, actor, "Closed")
        years = _write_satisfaction(survey, actor) | _write_knowledge(survey, actor)
        _forget_addresses(survey)
        _shuffle(survey)
        if years and ask_for_figures:
            outbox.write("evidence_changed", {"years": sorted(years)})
    return survey


def close_due(at: dt.datetime) -> int:
    """Close the surveys whose last day is over; returns how many."""
    due = Survey.objects.running().filter(closes_on__lt=at.date())
    done = 0
    for pk in list(due.order_by("pk").values_list("pk", flat=True)):
        try:
            close_survey(pk, None, at)
            done += 1
        except SurveyIsClosed:  # somebody was quicker
            continue
    return done


def _write_satisfaction(survey: Survey, actor: Any) -> set[int]:
    """The answers that count as satisfaction; returns their year. Fewer than three are none:
    who sees the figure before and after would know them."""
    answers = SurveyAnswer.objects.filter(
        question__survey=survey, question__counts_as=CountsAs.SATISFACTION
    )
    of_response = (f"response__{name}" for name in ("region", "country", "answered_on"))
    rows = list(answers.values_list("number", *of_response))
    if len(rows) < FLOOR:
        return set()
    iscm = iscm_of(survey)
    last_day = max(day for _number, _region, _country, day in rows)
    states = _states_told((region, country) for _number, region, country, _day in rows)
    _bulk_write(
        SatisfactionAnswer,
        [
            SatisfactionAnswer(
                survey=survey,
                iscm_id=iscm,
                country_id=country if country in states else None,
                kind=survey.support_kind,
                answered_on=last_day,
                score=number,
                is_demo=survey.is_demo,
            )
            for number, _region, country, _day in rows
        ],
        actor,
    )
    return {last_day.year}


def _states_told(places: Iterable[tuple[str, int | None]]) -> set[int]:
    """The States that the results of the survey tell of as well, by the region and the State of
    each answer: what an indicator tells of others could be taken off them."""
    counts = Counter((region, country or 0) for region, country in places)
    return {country for _region, country in shown_places(counts) if country}


def iscm_of(survey: Survey) -> int | None:
    """The mechanism that answers count for: the survey's, else the only one of its event."""
    if survey.iscm_id or survey.event is None:
        return survey.iscm_id
    of_event = list(survey.event.iscms.values_list("pk", flat=True)[:2])
    return of_event[0] if len(of_event) == 1 else None


def _write_knowledge(survey: Survey, actor: Any) -> set[int]:
    """The scores of who answered before and after, matched by their codes; returns their year.
    Fewer than three matched people are none."""
    if not survey.has_phases:
        return set()
    scores = scores_by_response(survey)
    people: dict[str, dict[str, Any]] = defaultdict(dict)
    rows = survey.responses.exclude(code="")
    for pk, phase, code, day, region, country in rows.values_list(
        "pk", "phase", "code", "answered_on", "region", "country"
    ):
        if pk in scores:
            people[code][phase] = (scores[pk], day, (region, country))
    matched = {code: person for code, person in people.items() if len(person) == 2}
    if len(matched) < FLOOR:
        return set()
    pairs = {
        code: (person[SurveyPhase.BEFORE], person[SurveyPhase.AFTER])
        for code, person in matched.items()
    }
    last_day = max(day for _before, (_score, day, _place) in pairs.values())
    # Where somebody said two States, what is told of one is not of the same people both times.
    is_one = all(before[2] == after[2] for before, after in pairs.values())
    states = _states_told(after[2] for _before, after in pairs.values()) if is_one else set()
    _bulk_write(
        KnowledgeAnswer,
        [
            KnowledgeAnswer(
                survey=survey,
                event=survey.event,
                participant_code=code,
                country_id=country if country in states else None,
                answered_on=last_day,
                before=before,
                after=after,
                is_demo=survey.is_demo,
            )
            for code, ((before, _day, _place), (after, _later, (_region, country))) in pairs.items()
        ],
        actor,
    )
    return {last_day.year}


def scores_by_response(survey: Survey) -> dict[Any, Decimal]:
    """The score of each response: the mean over the questions of knowledge, from 0 to 100. A
    choice brings 100 when it is the right one, else 0."""
    answers = SurveyAnswer.objects.filter(
        question__survey=survey, question__counts_as=CountsAs.KNOWLEDGE
    )
    points: dict[Any, list[int]] = defaultdict(list)
    for response, number, kind, right in answers.values_list(
        "response", "number", "question__kind", "question__right_option"
    ):
        is_score = kind == QuestionKind.SCORE
        points[response].append(number if is_score else 100 * (number == right))
    return {
        response: (Decimal(sum(of)) / len(of)).quantize(HUNDREDTH, ROUND_HALF_UP)
        for response, of in points.items()
    }


def _bulk_write(model: Any, rows: list[Any], actor: Any) -> None:
    # In no order that says who answered before whom.
    random.shuffle(rows)
    bulk_create_with_history(
        rows,
        model,
        batch_size=BATCH,
        default_user=actor,
        default_change_reason="Survey closed",
    )


def _forget_addresses(survey: Survey) -> None:
    """No e-mail address outlives the survey."""
    survey.notices.filter(recipient__isnull=True).delete()
    survey.links.update(email="")


def _shuffle(survey: Survey) -> None:
    """Write the responses anew in a chance order, under new keys: the place of a row in the
    database's files could else be held against the moment that a link was marked as used."""
    answers: dict[Any, list[SurveyAnswer]] = defaultdict(list)
    for answer in SurveyAnswer.objects.filter(response__survey=survey):
        answers[answer.response_id].append(answer)
    responses = list(survey.responses.all())
    random.shuffle(responses)
    SurveyAnswer.objects.filter(response__survey=survey).delete()
    survey.responses.all().delete()
    again: list[SurveyAnswer] = []
    key = SurveyResponse._meta.get_field("id").get_default
    for response in responses:
        of = answers[response.pk]
        response.pk = key()
        for answer in of:
            answer.pk, answer.response_id = key(), response.pk
        again += of
    random.shuffle(again)
    SurveyResponse.objects.bulk_create(responses, batch_size=BATCH)
    SurveyAnswer.objects.bulk_create(again, batch_size=BATCH)
