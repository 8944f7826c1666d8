"""Closing: what a survey feeds is written once, and equals what plain Python makes of it."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iscm_portal.common.models import OutboxMessage
from reporting.models import (
    Indicator,
    IndicatorValue,
    KnowledgeAnswer,
    SatisfactionAnswer,
    Survey,
)
from reporting.services import survey_closing as services
from reporting.services.compiling import compile_indicators
from reporting.services.surveys import SurveyIsClosed, SurveyNotDraft
from tests.factories import engagements as make
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 12, 1, 9, tzinfo=dt.UTC)


@pytest.fixture
def ipd():
    return make.UserFactory(access_group="ipd", office=make.OfficeFactory())


def satisfaction(scores, **values):
    survey = told.SurveyFactory(**values)
    question = told.QuestionFactory(survey=survey, counts_as="satisfaction")
    for score in scores:
        told.SurveyResponseFactory(survey=survey, answers={question: score})
    return survey


def years_asked():
    return [
        message.payload["years"]
        for message in OutboxMessage.objects.filter(topic="evidence_changed")
    ]


def test_closing_writes_the_satisfaction_of_states_by_day_and_asks_for_the_year(ipd):
    iscm = make.ISCMFactory()
    survey = satisfaction([5, 4, 2], iscm=iscm, support_kind="technical")
    services.close_survey(survey.pk, ipd, AT)
    rows = SatisfactionAnswer.objects.values_list("score", "iscm", "kind", "answered_on", "country")
    day = dt.date(2026, 11, 10)
    assert sorted(rows) == [(score, iscm.pk, "technical", day, None) for score in (2, 4, 5)]
    assert years_asked() == [[2026]]
    survey.refresh_from_db()
    assert (survey.state, survey.closed_on) == ("closed", AT.date())
    changed = SatisfactionAnswer.history.first()
    assert (changed.history_user, changed.history_change_reason) == (ipd, "Survey closed")


def test_of_a_joint_event_no_mechanism_is_guessed(ipd):
    one, other = make.ISCMFactory(), make.ISCMFactory()
    alone = told.SurveyFactory(event=make.EventFactory(iscms=[one]))
    joint = told.SurveyFactory(event=make.EventFactory(iscms=[one, other]))
    assert (services.iscm_of(alone), services.iscm_of(joint)) == (one.pk, None)


@pytest.mark.parametrize("scores", [[], [5], [5, 1]])
def test_fewer_than_three_answers_feed_nothing(ipd, scores):
    survey = satisfaction(scores)
    services.close_survey(survey.pk, ipd, AT)
    assert not SatisfactionAnswer.objects.exists()
    assert years_asked() == []


def test_a_survey_is_closed_once(ipd):
    survey = satisfaction([5, 4, 2])
    services.close_survey(survey.pk, ipd, AT)
    with pytest.raises(SurveyIsClosed):
        services.close_survey(survey.pk, ipd, AT)
    assert SatisfactionAnswer.objects.count() == 3
    with pytest.raises(SurveyNotDraft):
        services.close_survey(told.SurveyFactory(state="draft").pk, ipd, AT)


@pytest.mark.parametrize(
    ("hour", "state"),
    [
        (dt.datetime(2026, 11, 30, 23, 59, tzinfo=dt.UTC), "running"),
        (dt.datetime(2026, 12, 1, 0, 0, tzinfo=dt.UTC), "closed"),
    ],
)
def test_the_tick_closes_what_is_over_and_a_second_one_nothing(hour, state):
    survey = satisfaction([5, 4, 2])
    services.close_due(hour)
    services.close_due(hour)
    survey.refresh_from_db()
    assert survey.state == state
    assert SatisfactionAnswer.objects.count() == (3 if state == "closed" else 0)


def test_the_answers_written_tell_no_hour_of_an_answer(ipd):
    survey = satisfaction([5, 4, 2])
    services.close_survey(survey.pk, ipd, AT)
    moments = {row.created_at for row in SatisfactionAnswer.objects.all()}
    assert max(moments) - min(moments) < dt.timedelta(seconds=5)


# --- before and after, against a reading of the definition in plain Python

CODES = st.sampled_from(["c1", "c2", "c3", "c4", "c5"])
ANSWERS = st.tuples(
    CODES,
    st.sampled_from(["before", "after"]),
    st.integers(0, 100),  # the score
    st.integers(1, 3),  # the choice; 2 is right
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(ANSWERS, max_size=14))
def test_before_and_after_are_matched_as_plain_python_matches_them(ipd, answers):
    survey = told.SurveyFactory(use="knowledge", event=make.EventFactory())
    common = {"survey": survey, "counts_as": "knowledge", "is_required": True}
    score = told.QuestionFactory(**common, kind="score")
    choice = told.QuestionFactory(**common, kind="single", options="A\nB\nC", right_option=2)
    people = {}
    for code, phase, points, chosen in answers:
        if (code, phase) in people:
            continue  # the first answer stays
        people[code, phase] = (Decimal(points) + (100 if chosen == 2 else 0)) / 2
        told.SurveyResponseFactory(
            survey=survey, phase=phase, code=code, answers={score: points, choice: chosen}
        )
    services.close_survey(survey.pk, ipd, AT)
    both = {
        code: (people[code, "before"], people[code, "after"])
        for code, phase in people
        if phase == "after" and (code, "before") in people
    }
    kept = KnowledgeAnswer.objects.filter(event=survey.event)
    expected = both if len(both) >= 3 else {}
    assert {row.participant_code: (row.before, row.after) for row in kept} == expected
    if not Indicator.objects.exists():
        told.IndicatorFactory(key="knowledge_change")
    compile_indicators(2026, 2026, AT)
    (found,) = IndicatorValue.objects.of_year(2026).overall()
    assert found.n == len(expected)
    if expected:
        mean = sum((after - before for before, after in both.values()), Decimal(0)) / len(both)
        assert found.value == mean.quantize(Decimal("0.0001"), ROUND_HALF_UP)
    KnowledgeAnswer.objects.all().delete()


@pytest.mark.parametrize("one_said_another", [False, True])
def test_a_state_counts_where_all_said_theirs_alike_both_times(ipd, one_said_another):
    survey = told.SurveyFactory(use="knowledge", event=make.EventFactory())
    question = told.QuestionFactory(
        survey=survey, kind="score", counts_as="knowledge", is_required=True
    )
    fiji, samoa, tonga = make.CountryFactory.create_batch(3, region="Oceania")
    said = [(f"fiji{n}", fiji, fiji) for n in range(3)]
    said += [(f"samoa{n}", samoa, samoa) for n in range(2)]
    said += [("tonga", tonga, samoa if one_said_another else tonga)]
    for code, before, after in said:
        for phase, country in (("before", before), ("after", after)):
            told.SurveyResponseFactory(
                survey=survey,
                phase=phase,
                code=code,
                country=country,
                region="Oceania",
                answers={question: 50},
            )
    services.close_survey(survey.pk, ipd, AT)
    found = dict(KnowledgeAnswer.objects.values_list("participant_code", "country"))
    kept = None if one_said_another else fiji.pk
    assert {code[:4]: country for code, country in found.items()} == {
        "fiji": kept,
        "samo": None,
        "tong": None,
    }
    assert Survey.objects.get().state == "closed"


def test_of_a_state_that_the_results_do_not_tell_of_nothing_is_fed(ipd):
    survey = told.SurveyFactory()
    question = told.QuestionFactory(survey=survey, counts_as="satisfaction")
    fiji, samoa = make.CountryFactory.create_batch(2, region="Oceania")
    for country in (*[fiji] * 3, *[samoa] * 2):
        told.SurveyResponseFactory(
            survey=survey, answers={question: 3}, country=country, region="Oceania"
        )
    services.close_survey(survey.pk, ipd, AT)
    assert set(SatisfactionAnswer.objects.values_list("country", flat=True)) == {None}


def test_a_survey_counts_on_one_day_that_of_its_last_answer(ipd):
    survey = told.SurveyFactory()
    question = told.QuestionFactory(survey=survey, counts_as="satisfaction")
    for day in (dt.date(2025, 12, 30), dt.date(2025, 12, 31), dt.date(2026, 1, 2)):
        told.SurveyResponseFactory(survey=survey, answers={question: 3}, answered_on=day)
    services.close_survey(survey.pk, ipd, AT)
    rows = SatisfactionAnswer.objects.values_list("answered_on", "survey")
    assert set(rows) == {(dt.date(2026, 1, 2), survey.pk)}
    assert years_asked() == [[2026]]
