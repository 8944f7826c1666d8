"""The public page: who holds a link answers once, whatever the line does, and leaves no trace."""

from __future__ import annotations

import datetime as dt
import logging
import re
import threading
import uuid

import pytest
import time_machine
from django.apps import apps
from django.core.cache import cache
from django.db import connection, connections, models
from django.test import Client, override_settings

from iscm_portal.common.models import OutboxMessage
from reporting.forms.answering import new_stamp
from reporting.models import (
    Survey,
    SurveyAnswer,
    SurveyLink,
    SurveyNotice,
    SurveyResponse,
    SurveyToken,
)
from reporting.services import answering, survey_closing
from reporting.services.surveys import save_question
from tests.factories import engagements as make
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 20, 14, 2, 33, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(minutes=2)
TOKEN = "a-token-of-the-tests-0123456789"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as moved:
        yield moved


@pytest.fixture
def survey():
    survey = told.SurveyFactory(title="How is our support?", title_fr="Comment est notre appui ?")
    told.QuestionFactory(
        survey=survey,
        text="How satisfied are you?",
        text_fr="Êtes-vous satisfait ?",
        counts_as="satisfaction",
        is_required=True,
    )
    told.QuestionFactory(survey=survey, kind="text", text="What should change?")
    return survey


@pytest.fixture
def link(survey):
    return told.SurveyLinkFactory(survey=survey, token=TOKEN)


def stamp_of(page) -> str:
    return re.search(r'name="stamp" value="([^"]+)"', page.content.decode()).group(1)


def typed(survey, score="4", text="More notice.", **more):
    scale, words = survey.questions.all()[:2]
    return {f"q{scale.pk}": score, f"q{words.pk}": text, "homepage": "", **more}


def answer(client, clock, survey, token=TOKEN, **more):
    """What a person does: reads, takes a while, sends."""
    clock.move_to(NOW)
    stamp = stamp_of(client.get(f"/s/{token}/"))
    clock.move_to(LATER)
    return client.post(f"/s/{token}/", typed(survey, **{"stamp": stamp, **more}))


def test_a_link_is_answered_without_an_account(client, clock, survey, link):
    found = answer(client, clock, survey)
    assert (found.status_code, found["Location"]) == (302, "/s/thanks/?lang=en")
    assert "Thank you" in client.get(found["Location"]).text
    response = survey.responses.get()
    assert [(row.number, row.text) for row in response.answers.order_by("question__position")] == [
        (4, ""),
        (None, "More notice."),
    ]
    assert SurveyLink.objects.get().is_used


def test_a_used_link_says_so_and_takes_nothing(client, clock, survey, link):
    answer(client, clock, survey)
    found = client.get(f"/s/{TOKEN}/")
    assert found.status_code == 410
    assert "This link was used" in found.text
    again = client.post(f"/s/{TOKEN}/", typed(survey, stamp=new_stamp(link, NOW), text="Mine."))
    assert again.status_code == 410
    assert "Mine." in again.text  # to be copied
    assert survey.responses.count() == 1


def test_the_same_form_sent_twice_is_one_answer_and_both_are_thanked(client, clock, survey, link):
    stamp = stamp_of(client.get(f"/s/{TOKEN}/"))
    clock.move_to(LATER)
    answers = [client.post(f"/s/{TOKEN}/", typed(survey, stamp=stamp)) for _time in range(2)]
    assert [found.status_code for found in answers] == [302, 302]
    assert (survey.responses.count(), SurveyAnswer.objects.count()) == (1, 2)


def test_an_open_link_takes_many_answers_and_each_form_once(client, clock, survey):
    told.SurveyLinkFactory(survey=survey, is_single=False, token=TOKEN)
    stamp = stamp_of(client.get(f"/s/{TOKEN}/"))
    for _time in range(2):
        answer(client, clock, survey)
        client.post(f"/s/{TOKEN}/", typed(survey, stamp=stamp))
    assert survey.responses.count() == 3


def test_a_mistake_keeps_what_was_typed(client, clock, survey, link):
    found = answer(client, clock, survey, score="", text="Kept, of course.")
    assert found.status_code == 422
    assert "Kept, of course." in found.text
    assert "This field is required." in found.text
    assert f'href="#id_q{survey.questions.first().pk}_0"' in found.text
    assert not survey.responses.exists()
    assert not SurveyLink.objects.get().is_used


@pytest.mark.parametrize("text", ["x" * 2001, "\0"])
def test_a_text_that_is_no_answer_is_refused(client, clock, survey, link, text):
    assert answer(client, clock, survey, text=text).status_code == 422


@pytest.mark.parametrize("score", ["0", "6", "1.5", "four", "9" * 4000, "-1"])
def test_points_off_the_scale_are_refused(client, clock, survey, link, score):
    assert answer(client, clock, survey, score=score).status_code == 422


def test_another_language_is_shown_with_what_was_typed_and_a_note_of_what_is_missing(
    client, survey, link
):
    found = client.post(f"/s/{TOKEN}/", typed(survey, text="Half a se", show_in="fr", stamp=""))
    assert found.status_code == 200
    assert '<html lang="fr">' in found.text
    assert "Comment est notre appui" in found.text
    assert "Êtes-vous satisfait" in found.text
    assert "Half a se" in found.text
    assert "n’est pas encore traduit" in found.text
    assert 'role="alert"' not in found.text


def test_a_title_in_english_alone_is_no_lack_and_choices_without_translation_are(client, link):
    survey = link.survey
    survey.questions.all()[1].delete()
    survey.title_fr = ""
    survey.save()
    page = client.get(f"/s/{TOKEN}/?lang=fr").text
    assert '<h1 lang="en">How is our support?</h1>' in page
    assert "pas encore traduit" not in page
    told.QuestionFactory(
        survey=survey, kind="single", text="Which?", text_fr="Lequel ?", options="One\nTwo"
    )
    assert "pas encore traduit" in client.get(f"/s/{TOKEN}/?lang=fr").text


@pytest.mark.parametrize(
    ("language", "day"),
    [
        ("en", "4 December 2026"),
        ("fr", "4 décembre 2026"),
        ("es", "4 de diciembre de 2026"),
    ],
)
def test_days_are_written_as_the_language_writes_them(client, link, language, day):
    Survey.objects.update(closes_on=dt.date(2026, 12, 4))
    assert f" {day} (UTC)" in client.get(f"/s/{TOKEN}/?lang={language}").text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("fr-CH,fr;q=0.9", "fr"), ("de,es;q=0.5", "es"), ("zh", "en"), ("", "en")],
)
def test_an_open_link_speaks_the_language_of_the_browser(client, survey, accepted, language):
    told.SurveyLinkFactory(survey=survey, is_single=False, token=TOKEN)
    found = client.get(f"/s/{TOKEN}/", headers={"accept-language": accepted})
    assert f'<html lang="{language}' in found.text


# --- links that take nothing, each in its own words


def test_an_unknown_link_opens_nothing_and_tells_nothing(client, survey):
    found = client.get("/s/none-of-ours/")
    assert found.status_code == 404
    assert "This link opens nothing" in found.text
    assert survey.title not in found.text
    assert client.post("/s/none-of-ours/", {}).status_code == 404


@pytest.mark.parametrize(
    ("day", "status", "words"),
    [
        (dt.date(2026, 10, 31), 403, "This survey is not open yet"),
        (dt.date(2026, 11, 1), 200, "How is our support?"),
        (dt.date(2026, 11, 30), 200, "How is our support?"),
        (dt.date(2026, 12, 1), 410, "This survey is closed"),
    ],
)
def test_a_link_is_good_from_the_first_day_to_the_last(client, clock, link, day, status, words):
    clock.move_to(dt.datetime.combine(day, dt.time(23, 59, 59), tzinfo=dt.UTC))
    found = client.get(f"/s/{TOKEN}/")
    assert (found.status_code, words in found.text) == (status, True)


def test_an_answer_that_comes_after_the_close_is_not_taken_and_not_lost(
    client, clock, survey, link
):
    stamp = stamp_of(client.get(f"/s/{TOKEN}/"))
    survey_closing.close_survey(survey.pk, None, NOW)
    clock.move_to(LATER)
    found = client.post(f"/s/{TOKEN}/", typed(survey, stamp=stamp))
    assert found.status_code == 410
    assert "More notice." in found.text
    assert not survey.responses.exists()


def test_a_form_that_asked_other_questions_is_shown_the_new_ones(client, clock, survey, link):
    stamp = stamp_of(client.get(f"/s/{TOKEN}/"))
    question = survey.questions.first()
    question.text = "How unhappy are you?"
    save_question(survey.pk, question, None)
    clock.move_to(LATER)
    found = client.post(f"/s/{TOKEN}/", typed(survey, stamp=stamp))
    assert found.status_code == 422
    assert "How unhappy are you?" in found.text
    assert "The questions were changed meanwhile" in found.text
    again = typed(survey, stamp=stamp_of(found))
    clock.move_to(LATER + dt.timedelta(minutes=1))
    assert client.post(f"/s/{TOKEN}/", again).status_code == 302


# --- machines


def test_a_machine_that_fills_every_field_is_refused(client, clock, survey, link):
    found = answer(client, clock, survey, homepage="https://spam.example")
    assert found.status_code == 422
    assert "Leave the field for machines empty" in found.text


def test_a_form_that_comes_back_at_once_is_refused_and_taken_a_little_later(
    client, clock, survey, link
):
    stamp = stamp_of(client.get(f"/s/{TOKEN}/"))
    found = client.post(f"/s/{TOKEN}/", typed(survey, stamp=stamp))
    assert found.status_code == 422
    assert "quicker than the questions can be read" in found.text
    assert stamp_of(found) == stamp
    clock.shift(3)
    assert client.post(f"/s/{TOKEN}/", typed(survey, stamp=stamp)).status_code == 302


def test_who_misses_a_question_at_once_is_told_that_and_nothing_else(client, survey, link):
    stamp = stamp_of(client.get(f"/s/{TOKEN}/"))
    found = client.post(f"/s/{TOKEN}/", typed(survey, stamp=stamp, score=""))
    assert found.status_code == 422
    assert "This field is required." in found.text
    assert "quicker than the questions can be read" not in found.text


@pytest.mark.parametrize("stamp", ["", "forged", "a:b:c"])
def test_a_form_that_the_portal_did_not_give_is_refused(client, survey, link, stamp):
    assert client.post(f"/s/{TOKEN}/", typed(survey, stamp=stamp)).status_code == 422


def test_the_form_of_one_link_is_not_that_of_another(client, clock, survey, link):
    other = told.SurveyLinkFactory(survey=survey, token="another-token")
    clock.move_to(LATER)
    stamp = new_stamp(other, NOW)
    assert client.post(f"/s/{TOKEN}/", typed(survey, stamp=stamp)).status_code == 422


@pytest.mark.parametrize("limit", ["link", "address", "all"])
def test_too_many_answers_are_asked_to_wait_with_what_they_typed(
    client, clock, survey, settings, limit
):
    told.SurveyLinkFactory(survey=survey, is_single=False, token=TOKEN)
    settings.SURVEY_LIMITS = {**settings.SURVEY_LIMITS, limit: (2, 60)}
    answers = [answer(client, clock, survey, text="Patience.") for _time in range(3)]
    assert [found.status_code for found in answers] == [302, 302, 429]
    assert "Patience." in answers[2].text
    assert answers[2]["Retry-After"] == "60"
    cache.clear()
    assert answer(client, clock, survey).status_code == 302


def test_who_tries_links_is_stopped(client, settings):
    settings.SURVEY_LIMITS = {**settings.SURVEY_LIMITS, "wrong": (3, 60)}
    assert [client.get(f"/s/guess{n}/").status_code for n in range(4)] == [404, 404, 404, 429]


def test_a_form_from_elsewhere_is_refused_by_its_missing_token(survey, link):
    strict = Client(enforce_csrf_checks=True)
    found = strict.post(f"/s/{TOKEN}/", typed(survey, stamp=new_stamp(link, NOW)))
    assert found.status_code == 403
    assert "More notice." in found.text
    assert not survey.responses.exists()


# --- anonymity


NEW_TABLES = (Survey, SurveyLink, SurveyToken, SurveyResponse, SurveyAnswer, SurveyNotice)


def test_what_is_answered_has_no_field_for_a_time_a_link_or_a_person():
    for model in (SurveyResponse, SurveyAnswer, SurveyLink, SurveyToken, SurveyNotice):
        assert not any(isinstance(field, models.DateTimeField) for field in model._meta.fields)
        assert not hasattr(model, "history")
    reached = {
        field.related_model
        for model in (SurveyResponse, SurveyAnswer)
        for field in model._meta.get_fields()
        if field.is_relation
    }
    assert {model.__name__ for model in reached} == {
        *("Survey", "SurveyAnswer", "SurveyResponse", "Question", "Country", "Office"),
    }


def every_text() -> str:
    """Whatever any table holds, as text."""
    rows = []
    with connection.cursor() as cursor:
        for name in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{name}"')
            rows += [repr(row) for row in cursor.fetchall()]
    return "\n".join(rows)


def test_no_table_and_no_log_holds_a_token_an_address_a_browser_or_an_hour(
    client, clock, survey, caplog
):
    tokens = [f"token-number-{n}-of-the-tests" for n in range(4)]
    for token in tokens:
        told.SurveyLinkFactory(survey=survey, token=token)
    client.defaults |= {"REMOTE_ADDR": "203.0.113.77", "HTTP_USER_AGENT": "Telltale/1.0"}
    caplog.set_level(logging.DEBUG)
    for token in tokens:
        assert answer(client, clock, survey, token, text="Secret words.").status_code == 302
        client.get(f"/s/{token}/")
    client.get("/s/token-number-9-of-the-tests/")
    held = every_text()
    moment = LATER.strftime("%H:%M:%S"), "14, 4, 33"
    for secret in (*tokens, "203.0.113.77", "Telltale", *moment):
        assert secret not in held
    assert "Secret words." not in "".join(map(str, OutboxMessage.objects.values_list("payload")))
    survey_closing.close_survey(survey.pk, None, dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC))
    assert "Secret words." not in "".join(map(str, OutboxMessage.objects.values_list("payload")))
    assert "Secret words." not in caplog.text


def test_the_log_leaves_the_token_out_of_every_line(client, caplog):
    from iscm_portal.common.logs import WithoutTokens

    record = logging.LogRecord("x", 30, "", 0, "Gone: %s", (f"/s/{TOKEN}/",), None)
    assert WithoutTokens().filter(record)
    assert record.getMessage() == "Gone: /s/…/"


def test_every_handler_of_the_log_leaves_tokens_out(settings):
    handlers = settings.LOGGING["handlers"].values()
    assert all("no_tokens" in handler["filters"] for handler in handlers)


def test_of_the_asking_address_the_cache_keeps_only_a_salted_hash(client, survey, link, rf):
    from iscm_portal.common.rates import address_of

    request = rf.get("/", REMOTE_ADDR="203.0.113.77")
    first = address_of(request)
    assert (first == address_of(request), "203.0" in first) == (True, False)
    cache.delete("rate-salt")
    assert address_of(request) != first


def test_the_link_of_a_lone_state_does_not_mark_the_answer(client, clock, survey):
    fiji, samoa = make.CountryFactory(region="Oceania"), make.CountryFactory(region="Oceania")
    for number, country in enumerate((fiji, samoa)):
        told.SurveyLinkFactory(survey=survey, country=country, token=f"state-{number}")
    for number in range(2):
        answer(client, clock, survey, f"state-{number}")
    assert set(survey.responses.values_list("country", "region")) == {(None, "")}


def test_three_links_of_a_region_mark_the_region_and_three_of_a_state_the_state(
    client, clock, survey
):
    fiji, samoa = make.CountryFactory(region="Oceania"), make.CountryFactory(region="Oceania")
    for number, country in enumerate((fiji, fiji, fiji, samoa)):
        told.SurveyLinkFactory(survey=survey, country=country, token=f"state-{number}")
    for number in (0, 3):
        answer(client, clock, survey, f"state-{number}")
    assert set(survey.responses.values_list("country", "region")) == {
        (fiji.pk, "Oceania"),
        (None, "Oceania"),
    }


def test_an_office_is_marked_like_a_state(client, clock, survey):
    bangkok = make.OfficeFactory(country=make.CountryFactory(region="Asia"))
    others = [make.OfficeFactory(country=make.CountryFactory(region="Asia")) for _n in range(2)]
    for number, office in enumerate((bangkok, *others)):
        told.SurveyLinkFactory(survey=survey, office=office, token=f"office-{number}")
    answer(client, clock, survey, "office-0")
    assert list(survey.responses.values_list("office", "region")) == [(None, "Asia")]


def test_who_says_the_state_says_it(client, clock, survey, link):
    Survey.objects.update(asks_state=True)
    fiji = make.CountryFactory(iso3="FJI", region="Oceania")
    answer(client, clock, survey, state="FJI")
    assert list(survey.responses.values_list("country", "region")) == [(fiji.pk, "Oceania")]


def test_closing_gives_every_row_another_key_and_forgets_addresses(survey):
    told.SurveyLinkFactory(survey=survey, email="delegate@state.example")
    question = survey.questions.first()
    for _n in range(5):
        told.SurveyResponseFactory(survey=survey, answers={question: 3})
    before = set(SurveyResponse.objects.values_list("pk", flat=True))
    before |= set(SurveyAnswer.objects.values_list("pk", flat=True))
    survey_closing.close_survey(survey.pk, None, NOW)
    after = set(SurveyResponse.objects.values_list("pk", flat=True))
    after |= set(SurveyAnswer.objects.values_list("pk", flat=True))
    assert (len(after), before & after) == (10, set())
    assert "delegate@state.example" not in every_text()


# --- the code of a participant


@pytest.fixture
def test_of_knowledge():
    survey = told.SurveyFactory(use="knowledge", event=make.EventFactory())
    told.QuestionFactory(survey=survey, kind="score", counts_as="knowledge", is_required=True)
    for phase in ("before", "after"):
        told.SurveyLinkFactory(survey=survey, is_single=False, phase=phase, token=f"link-{phase}")
    return survey


def take_test(client, clock, survey, phase, code, score="50"):
    token = f"link-{phase}"
    clock.move_to(NOW)
    stamp = stamp_of(client.get(f"/s/{token}/"))
    clock.move_to(LATER)
    name = f"q{survey.questions.get().pk}"
    return client.post(f"/s/{token}/", {"stamp": stamp, "code": code, name: score})


def test_a_code_answers_once_before_and_once_after_and_the_first_stays(
    client, clock, test_of_knowledge
):
    survey = test_of_knowledge
    assert take_test(client, clock, survey, "before", "MA 12 07", "40").status_code == 302
    found = take_test(client, clock, survey, "before", "mä-1207", "90")
    assert found.status_code == 422
    assert "An answer with this code is here already" in found.text
    assert take_test(client, clock, survey, "after", "ma1207", "80").status_code == 302
    assert sorted(survey.responses.values_list("phase", "answers__number")) == [
        ("after", 80),
        ("before", 40),
    ]


def test_a_code_is_kept_hashed_and_otherwise_for_each_event(test_of_knowledge):
    other = told.SurveyFactory(use="knowledge", event=make.EventFactory())
    hashes = {answering.hashed_code(survey, "MA 1207") for survey in (test_of_knowledge, other)}
    assert len(hashes) == 2
    assert all(len(text) == 40 and "ma1207" not in text for text in hashes)


@pytest.mark.parametrize("code", ["", "a1", "- - - - -", "x" * 41])
def test_a_code_that_is_none_is_refused(client, clock, test_of_knowledge, code):
    assert take_test(client, clock, test_of_knowledge, "before", code).status_code == 422


# --- two at once


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_use_one_link_at_once_one_answer_is_kept():
    survey = told.SurveyFactory()
    question = told.QuestionFactory(survey=survey)
    link = told.SurveyLinkFactory(survey=survey)
    outcomes = []

    def send():
        filled = answering.Filled(uuid.uuid4(), survey.revision, {question.pk: [4]})
        try:
            outcomes.append(answering.keep_response(link.pk, filled, NOW.date()))
        except answering.LinkUsed:
            outcomes.append("used")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["True"] + ["used"] * 19
    assert survey.responses.count() == 1


def test_the_page_is_small_and_without_a_script(client, survey, link):
    found = client.get(f"/s/{TOKEN}/")
    assert "<script" not in found.text
    assert len(found.content) < 8_000
    assert found["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


@override_settings(
    SURVEY_LIMITS={"link": (1, 1), "address": (1, 1), "all": (1, 1), "wrong": (1, 1)}
)
def test_a_cache_that_is_away_limits_nobody(client, clock, survey, link, monkeypatch):
    monkeypatch.setattr(cache, "incr", lambda key, more: 0)
    assert answer(client, clock, survey).status_code == 302
    assert apps.get_app_config("reporting")
