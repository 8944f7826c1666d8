"""Invitations and reminders: each once, to who has not answered, and no address is left over."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest
from django.core import mail

from iscm_portal.common.models import OutboxMessage
from reporting.models import SurveyLink, SurveyNotice
from reporting.services import survey_closing
from reporting.services import survey_notices as services
from reporting.services.survey_links import Wanted, link_of, make_links
from tests.factories import engagements as make
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db


def at(day: int, month: int = 11) -> dt.datetime:
    return dt.datetime(2026, month, day, 8, tzinfo=dt.UTC)


@pytest.fixture
def survey():
    """Open all November; reminded on the 27th."""
    return told.SurveyFactory(title="Our support", title_fr="Notre appui")


def by_mail(survey, *addresses, language="en-gb", day=2):
    wanted = Wanted(uuid.uuid4(), emails=addresses, language=language)
    return make_links(survey.pk, wanted, at(day).date())


def token_in(message) -> str:
    return re.search(r"/s/([\w-]+)/", message.body).group(1)


def told_whom():
    found = [(message.to[0], message.subject) for message in mail.outbox]
    mail.outbox.clear()
    return found


def test_a_link_with_an_address_goes_out_once_and_is_shown_nowhere(survey):
    assert by_mail(survey, "delegate@state.example") == []
    assert services.look_after_surveys(at(2)) == 1
    assert services.look_after_surveys(at(2)) == 0
    [message] = mail.outbox
    assert message.to == ["delegate@state.example"]
    assert link_of(token_in(message)) == SurveyLink.objects.get()
    assert message.subject == "Your answer is asked: “Our support”, until 30 November 2026"


def test_the_reminder_goes_once_to_who_has_not_answered_and_its_link_is_the_same(survey):
    by_mail(survey, "one@state.example", "two@state.example")
    services.look_after_surveys(at(2))
    first = link_of(token_in(mail.outbox[0]))
    SurveyLink.objects.filter(email="two@state.example").update(is_used=True)
    mail.outbox.clear()
    services.look_after_surveys(at(26))
    assert mail.outbox == []
    for day in (27, 28, 30):
        services.look_after_surveys(at(day))
    [message] = mail.outbox
    assert message.subject == "Reminder: “Our support” is open until 30 November 2026"
    assert (message.to, link_of(token_in(message))) == (["one@state.example"], first)


def test_who_is_invited_late_is_not_reminded_the_same_day(survey):
    by_mail(survey, "late@state.example", day=28)
    services.look_after_surveys(at(28))
    services.look_after_surveys(at(28))
    assert len(told_whom()) == 1
    services.look_after_surveys(at(29))
    assert len(told_whom()) == 1


def test_without_reminder_days_nobody_is_reminded(survey):
    survey.remind_days = None
    survey.save()
    by_mail(survey, "one@state.example")
    for day in (2, 27, 30):
        services.look_after_surveys(at(day))
    assert len(told_whom()) == 1


def test_nobody_is_told_before_the_first_day_or_after_the_last():
    survey = told.SurveyFactory(opens_on=dt.date(2026, 11, 10))
    by_mail(survey, "one@state.example")
    services.look_after_surveys(at(9))
    assert told_whom() == []
    services.look_after_surveys(at(1, 12))
    assert told_whom() == []


def test_a_mail_speaks_the_language_of_its_link(survey):
    by_mail(survey, "une@etat.example", language="fr")
    services.look_after_surveys(at(2))
    [message] = mail.outbox
    assert message.subject.startswith("Votre réponse est demandée : « Notre appui »")
    assert "Répondez ici, sans compte" in message.body


def test_users_of_an_office_that_is_asked_are_told_until_it_has_answered():
    office = make.OfficeFactory()
    people = [
        make.UserFactory(access_group=group, office=office, email=f"{group}@iom.example")
        for group in ("reporter", "manager")
    ]
    make.UserFactory(
        access_group="reporter", office=office, notice_pace="never", email="n@iom.example"
    )
    make.UserFactory(access_group="finance", office=office, email="f@iom.example")
    survey = told.SurveyFactory(use="needs", title="Needs")
    make_links(survey.pk, Wanted(uuid.uuid4(), for_users=[office]), at(2).date())
    services.look_after_surveys(at(2))
    assert {message.to[0] for message in mail.outbox} == {person.email for person in people}
    assert f"/surveys/{survey.pk}/" in mail.outbox[0].body
    assert "/s/" not in mail.outbox[0].body
    mail.outbox.clear()
    survey.links.update(is_used=True)
    services.look_after_surveys(at(28))
    assert mail.outbox == []


def test_a_server_that_refuses_loses_nothing_and_tells_no_address(survey, monkeypatch, caplog):
    by_mail(survey, "one@state.example")

    def refuse(*args, **kwargs):
        raise OSError("no way to one@state.example")

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
        with pytest.raises(services.SurveyMailsNotSent):
            services.look_after_surveys(at(2))
    notice = SurveyNotice.objects.get()
    assert (notice.sent_on, notice.last_error) == (None, "OSError")
    assert "one@state.example" not in caplog.text
    assert not notice.link.tokens.exists()
    assert services.look_after_surveys(at(3)) == 1


def test_closing_removes_addresses_and_their_notices(survey):
    by_mail(survey, "one@state.example")
    services.look_after_surveys(at(2))
    token = token_in(mail.outbox[0])
    survey_closing.close_survey(survey.pk, None, at(3))
    assert not SurveyLink.objects.exclude(email="").exists()
    assert not SurveyNotice.objects.exists()
    assert link_of(token) is not None  # says "closed", not "unknown"


def test_no_message_of_the_outbox_holds_an_address_or_a_token(survey):
    by_mail(survey, "one@state.example")
    services.look_after_surveys(at(2))
    held = str(list(OutboxMessage.objects.values()))
    assert "one@state.example" not in held
    assert token_in(mail.outbox[0]) not in held


def test_the_invitations_of_many_links_ask_as_often_as_those_of_few(
    survey, django_assert_max_num_queries
):
    by_mail(survey, *(f"d{n}@state.example" for n in range(40)))
    with django_assert_max_num_queries(8):
        services.make_notices(at(2).date())
    assert SurveyNotice.objects.count() == 40
