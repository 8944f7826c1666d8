"""IPD makes a survey, opens it, makes its links; what has answers stays what it was."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from reporting.choices import SurveyUse
from reporting.models import Question, Survey, SurveyLink, SurveyToken
from reporting.selectors.surveys import LANGUAGES
from reporting.services import survey_links
from reporting.services import surveys as services
from reporting.services.survey_links import Wanted, link_of, make_links
from reporting.services.survey_questions import PROPOSALS
from tests.factories import engagements as make
from tests.factories import reporting as told
from tests.files import dicts_of_csv

pytestmark = pytest.mark.django_db

TODAY = dt.date(2026, 11, 20)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC), tick=False):
        yield


@pytest.fixture
def ipd(client):
    user = make.UserFactory(access_group="ipd", office=make.OfficeFactory())
    client.force_login(user)
    return user


def values(**more):
    return {
        "use": "satisfaction",
        "title": "How is our support?",
        "opens_on": "2026-11-20",
        "closes_on": "2026-12-04",
        "remind_days": "3",
        **more,
    }


# --- drafts


@pytest.mark.parametrize("use", SurveyUse.values)
def test_the_proposed_questions_of_each_use_can_be_opened(client, ipd, use):
    event = make.EventFactory()
    found = client.post("/surveys/new/", values(use=use, event=str(event.pk), with_proposals="on"))
    survey = Survey.objects.get()
    assert found["Location"] == f"/surveys/{survey.pk}/"
    assert survey.questions.count() == len(PROPOSALS[use])
    for question in survey.questions.all():
        question.full_clean()
        for language in ("fr", "es"):
            assert getattr(question, f"text_{language}")
            lines = [
                len(getattr(question, name).splitlines())
                for name in ("options", f"options_{language}")
            ]
            assert lines[0] == lines[1]
    assert services.lacking(survey) == []
    services.open_survey(survey.pk, ipd, TODAY)
    assert Survey.history.filter(id=survey.pk).first().history_user == ipd


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"title": ""}, "This field is required."),
        ({"closes_on": "2026-11-01"}, "The last day is before the first one."),
        ({"opens_on": "1900-01-01"}, "The date lies before 1951."),
        ({"use": "knowledge"}, "Knowledge is asked before and after an event: name it."),
        ({"remind_days": "900"}, "less than or equal to 60"),
        ({"use": "gossip"}, "Select a valid choice."),
    ],
)
def test_a_mistake_keeps_what_was_typed_and_saves_nothing(client, ipd, wrong, words):
    found = client.post("/surveys/new/", values(title_fr="Titre gardé", **wrong) | wrong)
    assert found.status_code == 422
    assert words in found.text
    assert "Titre gardé" in found.text
    assert not Survey.objects.exists()


def test_a_draft_that_lacks_something_is_not_opened_and_says_what(client, ipd):
    survey = told.SurveyFactory(state="draft", use="needs")
    found = client.post(f"/surveys/{survey.pk}/open/")
    assert found.status_code == 422
    assert "It has no question." in found.text
    told.QuestionFactory(survey=survey)
    assert "No question counts as a need." in client.post(f"/surveys/{survey.pk}/open/").text
    survey.refresh_from_db()
    assert survey.state == "draft"


def test_a_draft_whose_last_day_is_over_is_not_opened(ipd):
    survey = told.SurveyFactory(
        state="draft", opens_on=dt.date(2026, 10, 1), closes_on=dt.date(2026, 10, 2)
    )
    told.QuestionFactory(survey=survey, counts_as="satisfaction")
    with pytest.raises(services.SurveyNotReady, match="last day is over"):
        services.open_survey(survey.pk, ipd, TODAY)


def test_there_is_one_survey_on_the_knowledge_of_an_event(ipd):
    event = make.EventFactory()
    told.SurveyFactory(use="knowledge", event=event)
    other = told.SurveyFactory(use="knowledge", event=event, state="draft")
    told.QuestionFactory(survey=other, kind="score", counts_as="knowledge", is_required=True)
    with pytest.raises(services.SurveyNotReady, match="this event already"):
        services.open_survey(other.pk, ipd, TODAY)


def test_a_draft_is_deleted_and_what_ran_is_not(client, ipd):
    survey = told.SurveyFactory(state="draft")
    told.QuestionFactory(survey=survey)
    assert client.post(f"/surveys/{survey.pk}/delete/").status_code == 302
    assert not Survey.objects.exists()
    running = told.SurveyFactory()
    assert client.post(f"/surveys/{running.pk}/delete/").status_code == 422
    assert Survey.objects.exists()


# --- questions


def question_values(**more):
    return {"kind": "scale", "text": "How satisfied are you?", **more}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"text": ""}, "This field is required."),
        ({"kind": "single", "options": "Only one"}, "Give 2 to 30 choices, one a line."),
        ({"kind": "single", "options": "A\nB", "options_fr": "A"}, "As many lines as there are"),
        ({"kind": "single", "options": "A\nB", "right_option": "3"}, "There is no such choice."),
        ({"kind": "single", "options": "A\nB", "right_option": "0"}, "The first choice is 1."),
        ({"options": "A\nB"}, "Only choices have them"),
        ({"kind": "text", "counts_as": "satisfaction"}, "are asked on a scale."),
        ({"kind": "scale", "counts_as": "need"}, "Needs are choices."),
        ({"kind": "score", "counts_as": "knowledge"}, "Knowledge needs a score"),
        ({"kind": "single", "options": "A\n" + "x" * 201}, "200 signs at most."),
    ],
)
def test_a_question_that_cannot_be_is_refused_at_its_field(client, ipd, wrong, words):
    survey = told.SurveyFactory(state="draft")
    found = client.post(f"/surveys/{survey.pk}/questions/", question_values(**wrong) | wrong)
    assert found.status_code == 422
    assert words in found.text
    assert not Question.objects.exists()


def test_a_second_question_does_not_count_as_satisfaction(client, ipd):
    survey = told.SurveyFactory(state="draft")
    address = f"/surveys/{survey.pk}/questions/"
    assert client.post(address, question_values(counts_as="satisfaction")).status_code == 302
    found = client.post(address, question_values(counts_as="satisfaction"))
    assert found.status_code == 422
    assert "Another question of the survey counts as that." in found.text


def test_questions_are_added_moved_and_taken_out(client, ipd):
    survey = told.SurveyFactory(state="draft")
    for text in ("One", "Two", "Three"):
        client.post(f"/surveys/{survey.pk}/questions/", question_values(text=text))
    first, second, third = survey.questions.all()
    client.post(f"/surveys/questions/{third.pk}/move/", {"way": "up"})
    client.post(f"/surveys/questions/{first.pk}/move/", {"way": "up"})
    client.post(f"/surveys/questions/{second.pk}/remove/")
    assert [row.text for row in survey.questions.all()] == ["One", "Three"]
    survey.refresh_from_db()
    assert survey.revision == 5


@pytest.fixture
def with_answer():
    survey = told.SurveyFactory()
    question = told.QuestionFactory(survey=survey, text="As it was asked")
    told.SurveyResponseFactory(survey=survey, answers={question: 4})
    return survey


@pytest.mark.parametrize("way", ["", "move/", "remove/"])
def test_what_has_answers_keeps_its_questions(client, ipd, with_answer, way):
    question = with_answer.questions.get()
    found = client.post(f"/surveys/questions/{question.pk}/{way}", question_values(text="Else"))
    assert found.status_code == 422
    assert "It has answers: its questions stay." in found.text
    assert [row.text for row in with_answer.questions.all()] == ["As it was asked"]


def test_what_has_answers_changes_its_last_day_and_not_its_use(client, ipd, with_answer):
    address = f"/surveys/{with_answer.pk}/edit/"
    same = values(title=with_answer.title, opens_on="2026-11-01", closes_on="2026-12-09")
    assert client.post(address, same).status_code == 302
    found = client.post(address, same | {"title": "Another matter"})
    assert found.status_code == 422
    assert "It has answers" in found.text
    with_answer.refresh_from_db()
    assert (str(with_answer.closes_on), with_answer.title != "Another matter") == (
        "2026-12-09",
        True,
    )


def test_a_copy_is_a_draft_with_the_same_questions(client, ipd, with_answer):
    client.post(f"/surveys/{with_answer.pk}/copy/")
    copy = Survey.objects.first()
    assert (copy.state, copy.questions.get().text) == ("draft", "As it was asked")
    assert copy.responses.count() == 0


def test_the_database_itself_refuses_a_link_for_many_that_is_used():
    with pytest.raises(IntegrityError), transaction.atomic():
        told.SurveyLinkFactory(is_single=False, is_used=True)


# --- looked at, and looked at twice


def test_the_form_is_previewed_in_each_language_before_anybody_gets_it(client, ipd):
    survey = told.SurveyFactory(state="draft", title="Needs")
    told.QuestionFactory(
        survey=survey,
        kind="single",
        text="Which?",
        text_fr="Lequel ?",
        options="One\nTwo",
        options_fr="Un\nDeux",
    )
    address = f"/surveys/{survey.pk}/preview/"
    assert address in client.get(f"/surveys/{survey.pk}/").text
    english, french, spanish = (client.get(f"{address}?lang={code}").text for code in LANGUAGES)
    assert ("Which?" in english, "Two" in english) == (True, True)
    assert ("Lequel ?" in french, "Deux" in french, '<html lang="fr">' in french) == (True,) * 3
    assert "Which?" in spanish
    assert "Parte de esto" in spanish or "todavía" in spanish or "English" in spanish
    assert 'type="submit" disabled' in english
    assert client.get(f"{address}?lang=de").status_code == 400
    assert client.post(address, {}).status_code == 405
    assert not survey.responses.exists()


def test_a_preview_of_two_times_shows_either(client, ipd):
    survey = told.SurveyFactory(use="knowledge", event=make.EventFactory(), state="draft")
    address = f"/surveys/{survey.pk}/preview/"
    assert "<strong>Before the meeting</strong>" in client.get(address).text
    assert "<strong>After the meeting</strong>" in client.get(f"{address}?phase=after").text


def test_closing_and_taking_out_ask_first_without_a_script(client, ipd):
    survey = told.SurveyFactory(closes_on=dt.date(2026, 12, 4))
    question = told.QuestionFactory(survey=survey)
    page = client.get(f"/surveys/{survey.pk}/").text
    for address in (f"/surveys/{survey.pk}/close/", f"/surveys/questions/{question.pk}/remove/"):
        before = page[: page.index(f'action="{address}"')]
        assert before.rindex("<details") > max(before.rfind("</details>"), 0)
    words = " ".join(page.split())
    assert "Nobody has answered yet." in words
    assert "Left alone, it takes answers until 4 December 2026" in words
    told.SurveyResponseFactory(survey=survey, answers={question: 4})
    assert "<strong>1 answer</strong> came in so far" in client.get(f"/surveys/{survey.pk}/").text


# --- links


def link_values(**more):
    return {
        "kind": "plain",
        "language": "en-gb",
        "number": "2",
        "batch": str(uuid.uuid4()),
        **more,
    }


def test_links_are_shown_once_and_only_their_digests_are_kept(client, ipd):
    survey = told.SurveyFactory()
    fiji = make.CountryFactory(iso3="FJI", name_en="Fiji")
    sent = link_values(kind="states", states=[fiji.iso3])
    found = client.post(f"/surveys/{survey.pk}/links/", sent)
    tokens = re.findall(r"http://testserver/s/([\w-]+)/", found.text)
    assert len(set(tokens)) == 2
    assert all(link_of(token).country == fiji for token in tokens)
    kept = "".join(SurveyToken.objects.values_list("digest", flat=True))
    assert not any(token in kept for token in tokens)
    assert tokens[0] not in client.get(f"/surveys/{survey.pk}/links/").text
    again = client.post(f"/surveys/{survey.pk}/links/", sent)
    assert again.status_code == 422
    assert "These links are made." in again.text
    assert SurveyLink.objects.count() == 2
    assert found["Cache-Control"].startswith("max-age=0")


def test_the_members_of_the_mechanism_are_one_choice(client, ipd):
    fiji, peru = make.CountryFactory(iso3="FJI"), make.CountryFactory(iso3="PER")
    iscm = make.ISCMFactory(acronym="PIDC")
    make.MembershipFactory(iscm=iscm, country=fiji)
    make.MembershipFactory(iscm=iscm, country=peru, ends_on=dt.date(2020, 1, 1))
    make.MembershipFactory(iscm=iscm, country=peru, kind="observer")
    survey = told.SurveyFactory(iscm=iscm)
    page = client.get(f"/surveys/{survey.pk}/links/").text
    assert "Single-use links for the member States of the PIDC (1)" in page
    client.post(f"/surveys/{survey.pk}/links/", link_values(kind="members"))
    assert list(survey.links.values_list("country__iso3", flat=True)) == ["FJI", "FJI"]
    joint = told.SurveyFactory(iscm=None, event=make.EventFactory(iscms=[iscm]))
    assert (
        "member States of the event&#x27;s mechanisms (1)"
        in client.get(f"/surveys/{joint.pk}/links/").text
    )
    alone = told.SurveyFactory()
    assert 'value="members"' not in client.get(f"/surveys/{alone.pk}/links/").text


def test_what_an_open_link_does_not_say_has_no_column(client, ipd):
    survey = told.SurveyFactory()
    page = client.post(f"/surveys/{survey.pk}/links/", link_values(kind="open")).text
    assert "Copy it now: it is not shown again." in page
    heads = re.findall(r'<th scope="col">(.*?)</th>', page)
    assert heads == ["Address"]


def test_links_come_as_a_file_too(client, ipd):
    survey = told.SurveyFactory()
    sent = link_values(number="3", as_csv="yes")
    found = client.post(f"/surveys/{survey.pk}/links/", sent)
    text = b"".join(found.streaming_content).decode("utf-8-sig")
    rows = dicts_of_csv(text)
    assert [row["kind"] for row in rows] == ["single"] * 3
    assert all(link_of(row["address"].rstrip("/").rpartition("/")[2]) for row in rows)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kind": "states"}, "Choose the States."),
        ({"kind": "offices"}, "Choose the offices."),
        ({"kind": "emails"}, "Give the addresses."),
        ({"kind": "emails", "emails": "no address"}, "is no e-mail address."),
        ({"number": "0"}, "greater than or equal to 1"),
        ({"kind": "users"}, "Select a valid choice."),
    ],
)
def test_links_for_nobody_are_not_made(client, ipd, wrong, words):
    survey = told.SurveyFactory()
    found = client.post(f"/surveys/{survey.pk}/links/", link_values(**wrong) | wrong)
    assert found.status_code == 422
    assert words in found.text
    assert not SurveyLink.objects.exists()


@pytest.mark.parametrize(
    ("state", "error"),
    [("draft", services.SurveyNotDraft), ("closed", services.SurveyIsClosed)],
)
def test_links_are_made_while_a_survey_runs(state, error):
    with pytest.raises(error):
        make_links(told.SurveyFactory(state=state).pk, Wanted(uuid.uuid4()), TODAY)


def test_an_office_answers_once_in_the_portal_and_may_come_back_until_then(client):
    office = make.OfficeFactory()
    survey = told.SurveyFactory(use="needs")
    make_links(survey.pk, Wanted(uuid.uuid4(), for_users=[office]), TODAY)
    make_links(survey.pk, Wanted(uuid.uuid4(), for_users=[office]), TODAY)
    assert survey.links.count() == 1
    client.force_login(make.UserFactory(access_group="reporter", office=office))
    assert "Answer for your office" in client.get(f"/surveys/{survey.pk}/").text
    assert "waits for the answer of your office" in client.get("/surveys/").text
    places = [client.post(f"/surveys/{survey.pk}/take/")["Location"] for _time in range(2)]
    links = [link_of(place.strip("/").rpartition("/")[2]) for place in places]
    assert links[0] == links[1] == survey.links.get()
    survey.links.update(is_used=True)
    assert client.post(f"/surveys/{survey.pk}/take/").status_code == 403
    with pytest.raises(survey_links.OfficeHasAnswered):
        survey_links.take_link(survey, make.UserFactory(office=office))


# --- the pages of results


def test_a_running_survey_shows_how_many_answered_and_nothing_of_what(client, ipd, with_answer):
    told.SurveyLinkFactory(survey=with_answer, is_used=True)
    told.SurveyLinkFactory(survey=with_answer)
    page = client.get(f"/surveys/{with_answer.pk}/").text
    assert "1 of 2 single-use links are used (50.0 per cent)." in page
    assert "shown once the survey is closed" in page
    assert "on average" not in page


def test_a_closed_survey_shows_its_answers_in_three_languages_and_as_tables(client, ipd):
    survey = told.SurveyFactory(state="closed", title_fr="Titre")
    question = told.QuestionFactory(
        survey=survey, kind="several", options="Time\nFunds", options_fr="Temps\nFonds",
        text_fr="De quoi ?",
    )  # fmt: skip
    for chosen in ([1], [1, 2], [2], [1]):
        told.SurveyResponseFactory(survey=survey, answers={question: chosen}, region="Asia")
    address = f"/surveys/{survey.pk}/"
    assert "4 answers." in client.get(address).text
    french = client.get(f"{address}?lang=fr").text
    assert "Temps" in french
    assert "De quoi" in french
    table = b"".join(client.get(f"{address}?format=csv").streaming_content).decode("utf-8-sig")
    rows = dicts_of_csv(table)
    assert [(row["answer"], row["count"], row["n"]) for row in rows] == [
        ("Time", "3", "4"),
        ("Funds", "2", "4"),
    ]
    assert client.get(f"{address}?format=xlsx").status_code == 200
    assert client.get(f"{address}?place=Asia").status_code == 200
    assert client.get(f"{address}?place=Africa").status_code == 400
    single = client.get(f"{address}answers/")
    assert b"Time; Funds" in b"".join(single.streaming_content)


def test_single_answers_of_two_are_given_to_nobody(client, ipd):
    survey = told.SurveyFactory(state="closed")
    question = told.QuestionFactory(survey=survey)
    for _n in range(2):
        told.SurveyResponseFactory(survey=survey, answers={question: 1})
    assert client.get(f"/surveys/{survey.pk}/answers/").status_code == 403
    assert "too few to show" in client.get(f"/surveys/{survey.pk}/").text


def test_the_list_is_narrowed_and_taken_away(client, ipd):
    told.SurveyFactory(title="Of needs", use="needs")
    told.SurveyFactory(title="Of States")
    page = client.get("/surveys/?use=needs").text
    assert ("Of needs" in page, "Of States" in page) == (True, False)
    lines = b"".join(client.get("/surveys/?format=csv").streaming_content).decode().splitlines()
    assert len(lines) == 4  # the head, two surveys, their number
    assert client.get("/surveys/?use=gossip").status_code == 400


def test_drafts_are_for_who_makes_surveys(client):
    draft = told.SurveyFactory(state="draft", title="Not yet")
    client.force_login(make.UserFactory(access_group="reporter", office=make.OfficeFactory()))
    assert "Not yet" not in client.get("/surveys/").text
    assert client.get(f"/surveys/{draft.pk}/").status_code == 404
    with pytest.raises(ValidationError):
        Survey(use="knowledge", title="x", opens_on=TODAY, closes_on=TODAY).full_clean()


def test_before_any_assessment_of_needs_the_page_says_who_makes_one(client, ipd):
    assert "No assessment of needs is closed yet." in client.get("/surveys/needs/").text
    assert client.get("/surveys/needs/?survey=7").status_code == 400
    few = told.SurveyFactory(use="needs", state="closed", title="Few")
    assert "has fewer than three answers" in client.get("/surveys/needs/").text
    assert client.get(f"/surveys/needs/?survey={few.pk}&format=csv").status_code == 200
