"""Surveys of the demo: the answers that its indicators count, as they might have come in; and one
assessment of needs. The totals of the indicators stay what they are."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from simple_history.utils import bulk_update_with_history

from engagements.models import User
from reporting.models import (
    KnowledgeAnswer,
    Question,
    SatisfactionAnswer,
    Survey,
    SurveyAnswer,
    SurveyLink,
    SurveyResponse,
)
from reporting.services.answering import hashed_code
from reporting.services.surveys import create_survey

from . import REASON, World

MECHANISM = "bali-process"
# Regions of the offices that answer what they need, and how many of each do.
ANSWERING = (("Asia", 6), ("Africa", 5), ("Americas", 4))


def make_surveys(world: World, author: User) -> None:
    """Three closed surveys: on satisfaction, on knowledge, and on the needs of offices."""
    _of_satisfaction(world, author)
    _of_knowledge(world, author)
    _of_needs(world, author)


def _closed(author: User, last_day: dt.date, **values: Any) -> tuple[Survey, list[Question]]:
    """A closed survey with the proposed questions, open for three weeks up to ``last_day``."""
    opened = {
        **values,
        "opens_on": last_day - dt.timedelta(days=21),
        "closes_on": last_day,
        "is_demo": True,
    }
    survey = create_survey(opened, author, with_proposals=True)
    survey.state, survey.closed_on = "closed", last_day
    survey.save()
    survey.questions.update(is_demo=True)
    return survey, list(survey.questions.all())


def _of_satisfaction(world: World, author: User) -> None:
    """The answers of one mechanism's Member States in the last year that has three."""
    counted = SatisfactionAnswer.objects.filter(is_demo=True, iscm__slug=MECHANISM)
    rows = list(counted.select_related("country").order_by("answered_on", "pk"))
    by_year: dict[int, list[SatisfactionAnswer]] = {}
    for row in rows:
        by_year.setdefault(row.answered_on.year, []).append(row)
    year = max((year for year, of in by_year.items() if len(of) >= 3), default=None)
    if year is None:
        return
    rows = by_year[year]
    survey, questions = _closed(
        author,
        rows[-1].answered_on,
        use="satisfaction",
        title=f"Demo: satisfaction of Member States, {world.iscms[MECHANISM].acronym} {year}",
        iscm=world.iscms[MECHANISM],
        support_kind="technical",
    )
    _write(
        [
            (_response(survey, row.answered_on, row.country), {questions[0]: row.score})
            for row in rows
        ]
    )
    _links(survey, len(rows), 3)
    for row in rows:
        row.survey, row.kind, row.country = survey, survey.support_kind, None
        row.answered_on = survey.closes_on
    _came_with(SatisfactionAnswer, rows, "survey", "kind", "country", "answered_on")


def _came_with(model: Any, rows: list[Any], *fields: str) -> None:
    """Make answers as closing the survey would have written them: single States are not kept."""
    bulk_update_with_history(rows, model, fields, default_change_reason=REASON)


def _of_knowledge(world: World, author: User) -> None:
    """The people of the last meeting of the mechanism that were tested before and after."""
    counted = KnowledgeAnswer.objects.filter(is_demo=True, event__iscms__slug=MECHANISM)
    last = counted.order_by("-answered_on", "-event__code", "-pk").first()
    if last is None:
        return
    survey, questions = _closed(
        author,
        last.answered_on,
        use="knowledge",
        title=f"Demo: before and after “{last.event.name.removeprefix('Demo: ')}”"[:200],
        event=last.event,
    )
    rows = []
    people = list(counted.filter(event=last.event).select_related("country"))
    for row in people:
        for phase, score in (("before", row.before), ("after", row.after)):
            if score is not None:
                response = _response(survey, row.answered_on, row.country, phase)
                response.code = hashed_code(survey, row.participant_code)
                rows.append((response, {questions[0]: round(score)}))
    _write(rows)
    for phase in survey.phases:
        used = sum(response.phase == phase for response, _said in rows)
        _links(survey, used, 1, phase)
    for row in people:
        row.survey, row.country = survey, None
    _came_with(KnowledgeAnswer, people, "survey", "country")


def _of_needs(world: World, author: User) -> None:
    chance = random.Random("demo needs")  # noqa: S311
    survey, questions = _closed(
        author,
        world.today - dt.timedelta(days=30),
        use="needs",
        title="Demo: what offices need to engage with mechanisms",
    )
    needs = range(1, len(questions[0].options.splitlines()) + 1)
    rows = []
    for region, number in ANSWERING:
        for _office in range(number):
            response = _response(survey, survey.closes_on)
            response.region = region
            said = {
                questions[0]: sorted(chance.sample(needs, chance.randint(1, 3))),
                questions[1]: chance.randint(2, 5),
            }
            rows.append((response, said))
    _write(rows)
    _links(survey, len(rows), 5)


def _response(survey: Survey, day: dt.date, country: Any = None, phase: str = "") -> SurveyResponse:
    region = country.region if country else ""
    return SurveyResponse(
        survey=survey, answered_on=day, country=country, region=region, phase=phase, is_demo=True
    )


def _write(rows: list[tuple[SurveyResponse, dict[Question, Any]]]) -> None:
    SurveyResponse.objects.bulk_create(response for response, _said in rows)
    SurveyAnswer.objects.bulk_create(
        SurveyAnswer(response=response, question=question, number=number)
        for response, said in rows
        for question, told in said.items()
        for number in (told if isinstance(told, list) else [told])
    )


def _links(survey: Survey, used: int, left: int, phase: str = "") -> None:
    SurveyLink.objects.bulk_create(
        SurveyLink(survey=survey, phase=phase, made_on=survey.opens_on, is_used=number < used)
        for number in range(used + left)
    )
