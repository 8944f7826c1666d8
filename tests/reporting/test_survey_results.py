"""What is shown of the answers: the sums right, and never so that one answer could be told."""

from __future__ import annotations

import datetime as dt
import random
import statistics
from collections import Counter
from decimal import Decimal
from itertools import chain, combinations
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from reporting.models import SurveyAnswer
from reporting.selectors import survey_results as results
from tests.factories import engagements as make
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db

REGIONS = ("", "Africa", "Asia", "Oceania")
AT = dt.datetime(2026, 12, 1, 9, tzinfo=dt.UTC)


@pytest.fixture
def ipd():
    return make.UserFactory(access_group="ipd", office=make.OfficeFactory())


@pytest.fixture
def reporter():
    return make.UserFactory(access_group="reporter", office=make.OfficeFactory())


def closed(**values):
    return told.SurveyFactory(state="closed", **values)


def answered(survey, question, values, **place):
    for value in values:
        told.SurveyResponseFactory(survey=survey, answers={question: value}, **place)


def only(survey, user, **at):
    return results.results_of(survey, user, **at).phases[0].results[0]


# --- the floor, by brute force


def sums_that_can_be_had(shown, counts):
    """Every number of people that can be worked out from what is shown, by adding and taking away
    whole shown parts."""
    whole = set(counts)
    known = [whole]
    for region, part in shown:
        known.append({place for place in counts if place[0] == region and part in (0, place[1])})
    differences = []
    for place in known:
        inner = [other for other in known if other < place]
        for size in range(len(inner) + 1):
            for taken in combinations(inner, size):
                union = set().union(*taken) if taken else set()
                if sum(map(len, taken)) == len(union):  # do not overlap
                    differences.append(sum(counts[one] for one in place - union))
    return differences


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(REGIONS), st.integers(0, 3)), st.integers(1, 6), max_size=7
    )
)
def test_no_sum_or_difference_of_what_is_shown_is_of_one_or_two(counts):
    if sum(counts.values()) < 3:
        assert results.shown_places(counts) == set()
        return
    shown = results.shown_places(counts)
    assert not {one for one in sums_that_can_be_had(shown, counts) if one in (1, 2)}


@given(st.dictionaries(st.text(max_size=2), st.integers(0, 9), max_size=6))
def test_of_a_whole_the_parts_leave_nobody_or_three(counts):
    shown = results.shown_parts(counts)
    assert all(counts[part] >= 3 for part in shown)
    rest = sum(counts.values()) - sum(counts[part] for part in shown)
    assert not shown or rest not in (1, 2)


def test_parts_that_all_have_three_are_all_shown():
    assert results.shown_parts({"a": 3, "b": 4}) == {"a", "b"}
    assert results.shown_parts({"a": 3, "b": 4, "c": 1}) == {"b"}
    assert results.shown_parts({"a": 3, "b": 1}) == set()
    assert results.shown_parts({"a": 3, "b": 3, "c": 2, "d": 1}) == {"a", "b"}


# --- what the sums are


@pytest.mark.parametrize(("n", "is_shown"), [(0, False), (2, False), (3, True)])
def test_three_answers_are_the_least_that_are_shown(ipd, n, is_shown):
    survey = closed()
    question = told.QuestionFactory(survey=survey)
    answered(survey, question, [4] * n)
    found = only(survey, ipd)
    assert (found.is_shown, bool(found.bars)) == (is_shown, is_shown)


def test_nothing_is_shown_while_a_survey_runs(ipd):
    survey = told.SurveyFactory()
    question = told.QuestionFactory(survey=survey)
    answered(survey, question, [1, 2, 3, 4, 5])
    assert not only(survey, ipd).is_shown
    assert results.single_answers(survey, ipd) is None
    assert results.places_of(survey) == []


def test_each_kind_of_question_is_counted_as_plain_python_counts(ipd):
    chance = random.Random(5)
    survey = closed()
    scale = told.QuestionFactory(survey=survey)
    score = told.QuestionFactory(survey=survey, kind="score")
    single = told.QuestionFactory(survey=survey, kind="single", options="A\nB\nC", right_option=2)
    several = told.QuestionFactory(survey=survey, kind="several", options="X\nY\nZ")
    said: list[dict[Any, Any]] = []
    for _person in range(60):
        row = {
            scale: chance.randint(1, 5),
            score: chance.randint(0, 100),
            single: chance.randint(1, 3),
            several: chance.sample([1, 2, 3], chance.randint(1, 3)),
        }
        told.SurveyResponseFactory(survey=survey, answers=row)
        said.append(row)
    by_question = results.results_of(survey, ipd).phases[0].results
    found: dict[Any, Any] = {row.question: row for row in by_question}
    for question in (scale, single, several):
        flat = [row[question] for row in said]
        flat = list(chain.from_iterable(flat)) if question == several else flat
        assert {bar.number: bar.count for bar in found[question].bars if bar.count} == Counter(flat)
        assert found[question].n == 60
    assert float(found[scale].mean) == pytest.approx(
        statistics.mean(row[scale] for row in said), abs=1e-4
    )
    assert float(found[score].mean) == pytest.approx(
        statistics.mean(row[score] for row in said), abs=1e-4
    )
    assert sum(bar.count for bar in found[score].bars) == 60
    assert [bar.label for bar in found[single].bars if bar.is_right] == ["B"]
    assert found[several].bars[0].share_pct == Decimal(
        round(sum(1 in row[several] for row in said) / 60 * 1_000_000)
    ) / Decimal(10_000)


def test_a_place_is_shown_only_where_it_and_the_rest_have_three(ipd):
    fiji, samoa = make.CountryFactory(region="Oceania"), make.CountryFactory(region="Oceania")
    kenya = make.CountryFactory(region="Africa")
    survey = closed()
    question = told.QuestionFactory(survey=survey)
    answered(survey, question, [5, 5, 5], country=fiji, region="Oceania")
    answered(survey, question, [1, 1], country=samoa, region="Oceania")
    answered(survey, question, [3, 3, 3], country=kenya, region="Africa")
    # Fiji would leave the two of Samoa in Oceania.
    assert [row.key for row in results.places_of(survey)] == ["Africa", kenya.iso3, "Oceania"]
    assert only(survey, ipd, at="Africa").mean == 3
    assert only(survey, ipd, at="Oceania").mean == Decimal("3.4")
    with pytest.raises(KeyError):
        results.results_of(survey, ipd, at=fiji.iso3)


def test_a_question_that_few_of_a_place_answered_is_not_shown_there(ipd):
    survey = closed()
    first, second = told.QuestionFactory.create_batch(2, survey=survey)
    for n in range(6):
        place = {"region": "Asia" if n < 3 else "Africa"}
        answers = {first: 4} | ({second: 2} if n in (0, 1, 3, 4, 5) else {})
        told.SurveyResponseFactory(survey=survey, answers=answers, **place)
    shown = results.results_of(survey, ipd, at="Africa").phases[0].results
    assert [row.is_shown for row in shown] == [True, False]


# --- words


@pytest.mark.parametrize(("n", "shown"), [(2, 0), (3, 3)])
def test_words_are_read_by_ipd_from_three_on(ipd, reporter, n, shown):
    survey = closed()
    question = told.QuestionFactory(survey=survey, kind="text")
    answered(survey, question, [f"Words {number}" for number in range(n)])
    assert len(only(survey, ipd).texts) == shown
    assert only(survey, reporter).texts == []
    assert only(survey, reporter).n == (n if n >= 3 else None)


def test_words_of_one_place_are_read_by_nobody(ipd):
    survey = closed()
    question = told.QuestionFactory(survey=survey, kind="text")
    answered(survey, question, ["a", "b", "c"], region="Asia")
    answered(survey, question, ["d", "e", "f"], region="Africa")
    assert only(survey, ipd, at="Asia").texts == []


# --- single answers


def test_single_answers_have_no_day_no_code_and_only_places_that_may_be_shown(ipd, reporter):
    fiji = make.CountryFactory(region="Oceania")
    survey = closed()
    question = told.QuestionFactory(survey=survey, kind="single", options="A\nB", text="Which?")
    answered(survey, question, [1, 2], country=fiji, region="Oceania")
    answered(survey, question, [1, 1, 2])
    columns, lines = results.single_answers(survey, ipd)
    assert columns == ["phase", "region", "state_or_office", "1. Which?"]
    assert sorted(lines) == [["", "", "", "A"]] * 3 + [["", "", "", "B"]] * 2
    assert results.single_answers(survey, reporter) is None


# --- knowledge, needs, quality


def person(survey, question, code, before=None, after=None):
    for phase, score in (("before", before), ("after", after)):
        if score is not None:
            told.SurveyResponseFactory(
                survey=survey, phase=phase, code=code, answers={question: score}
            )


@pytest.mark.parametrize("once", [0, 1, 3])
def test_a_change_and_the_results_beside_it_are_of_who_answered_both_times(ipd, once):
    from reporting.services.survey_closing import scores_by_response

    survey = closed(use="knowledge", event=make.EventFactory())
    question = told.QuestionFactory(
        survey=survey, kind="score", counts_as="knowledge", is_required=True
    )
    for number in range(3):
        person(survey, question, f"code{number}", 40, 60)
    for number in range(once):
        person(survey, question, f"once{number}", 10)
    found = results.change_of(survey, scores_by_response(survey))
    assert (found.people, found.mean) == (3, 20)
    before, after = (phase.results[0] for phase in results.results_of(survey, ipd).phases)
    assert [(row.n, row.mean) for row in (before, after)] == [(3, 40), (3, 60)]


def test_where_too_few_answered_both_times_the_results_are_of_all(ipd):
    from reporting.services.survey_closing import scores_by_response

    survey = closed(use="knowledge", event=make.EventFactory())
    question = told.QuestionFactory(
        survey=survey, kind="score", counts_as="knowledge", is_required=True
    )
    for number in range(2):
        person(survey, question, f"code{number}", 40, 60)
    person(survey, question, "once", 10)
    assert results.change_of(survey, scores_by_response(survey)) is None
    before, after = (phase.results[0] for phase in results.results_of(survey, ipd).phases)
    assert (before.n, before.mean, after.n) == (3, 30, None)


def test_the_map_of_needs_counts_by_region_and_office(ipd):
    bangkok = make.OfficeFactory(slug="co-bangkok", name="CO Bangkok")
    survey = closed(use="needs")
    question = told.QuestionFactory(
        survey=survey, kind="several", options="Time\nFunds", counts_as="need"
    )
    answered(survey, question, [[1, 2], [1], [2]], office=bangkok, region="Asia")
    answered(survey, question, [[1], [1], [1]], region="Asia")
    answered(survey, question, [[2], [2]], region="Africa")
    answered(survey, question, [[2]])
    found = results.needs_map(survey)
    assert [column.key for column in found.columns] == ["Asia", "co-bangkok"]
    assert found.n == 9
    assert [(need, [n for _column, n in cells]) for need, cells in found.rows] == [
        ("Time", [5, 5, 2]),
        ("Funds", [5, 2, 2]),
    ]


def test_the_quality_of_results_is_told_for_each_closed_questionnaire(reporter):
    survey = closed(use="institutional")
    question = told.QuestionFactory(survey=survey, counts_as="quality")
    answered(survey, question, [5, 4, 2, 2])
    few = closed(use="institutional")
    answered(few, told.QuestionFactory(survey=few, counts_as="quality"), [5])
    told.QuestionFactory(survey=told.SurveyFactory(use="institutional"), counts_as="quality")
    found = {row.survey: row for row in results.quality_of_results(reporter)}
    assert set(found) == {survey, few}
    assert (found[survey].result.mean, found[survey].share_good_pct) == (Decimal("3.25"), 50)
    assert not found[few].result.is_shown


def test_the_results_ask_as_often_for_many_answers_as_for_few(ipd):
    survey = closed()
    questions = told.QuestionFactory.create_batch(4, survey=survey)

    def statements():
        with CaptureQueriesContext(connection) as seen:
            results.results_of(survey, ipd)
        return len(seen)

    for question in questions:
        answered(survey, question, [1, 2, 3], region="Asia", country=make.CountryFactory())
    few = statements()
    for question in questions:
        answered(survey, question, [1, 2, 3] * 5, region="Asia", country=make.CountryFactory())
    assert statements() == few
    assert SurveyAnswer.objects.count() == 72
