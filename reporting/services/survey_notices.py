"""Notices on surveys: an invitation and one reminder, each a row and each sent once.

A notice to the address of a link carries a new address of it, which is kept nowhere. One to a
user of an office leads to the portal.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from engagements.choices import NoticePace
from engagements.models import User
from iscm_portal.common.choices import AccessGroup
from iscm_portal.common.locks import lock_until_commit

from ..choices import SurveyStage
from ..models import Survey, SurveyLink, SurveyNotice
from ..selectors.surveys import in_language
from .mails import mail_to
from .survey_closing import close_due
from .survey_links import give_out

log = logging.getLogger(__name__)

GROUPS_OF_OFFICES = (AccessGroup.REPORTER, AccessGroup.MANAGER)


class SurveyMailsNotSent(Exception):
    """Some mails could not be handed over; their notices stay unsent and say why."""


def look_after_surveys(at: dt.datetime) -> int:
    """Close what is over, make the notices that are due, send what is unsent; returns the number
    of mails. Raises SurveyMailsNotSent at the end when a server refused."""
    close_due(at)
    make_notices(at.date())
    return send_unsent(at.date())


def make_notices(on: dt.date) -> None:
    """Make the notices that are due on the day ``on`` and not made yet.

    A reminder goes to a link that is not used, and whose invitation went out on an earlier day.
    """
    with transaction.atomic():
        lock_until_commit("survey notices")
        surveys = Survey.objects.taking_answers(on)
        links = SurveyLink.objects.filter(survey__in=surveys, is_used=False)
        asked = links.filter(~Q(email="") | Q(is_for_users=True)).select_related("survey")
        people = _people(asked)
        found = []
        for link in asked:
            to = [None] if link.email else people.get(link.office_id, [])
            found += [
                SurveyNotice(
                    survey=link.survey,
                    link=link,
                    recipient_id=person,
                    stage=SurveyStage.INVITATION,
                    due_on=max(link.survey.opens_on, link.made_on),
                )
                for person in to
            ]
        found += _reminders(on)
        SurveyNotice.objects.bulk_create(found, batch_size=500, ignore_conflicts=True)


def _people(links: Any) -> dict[int | None, list[int]]:
    """The users who answer for the offices of these links, by office."""
    offices = links.filter(is_for_users=True).values("office")
    users = User.objects.filter(
        office__in=offices, is_active=True, access_group__in=GROUPS_OF_OFFICES
    )
    found: dict[int | None, list[int]] = {}
    for office, pk in users.order_by("pk").values_list("office", "pk"):
        found.setdefault(office, []).append(pk)
    return found


def _reminders(on: dt.date) -> list[SurveyNotice]:
    """A reminder to each whose invitation went out before today and whose link is not used."""
    invited = SurveyNotice.objects.filter(
        stage=SurveyStage.INVITATION,
        sent_on__lt=on,
        link__is_used=False,
        survey__in=Survey.objects.taking_answers(on).filter(remind_days__isnull=False),
    ).select_related("survey")
    return [
        SurveyNotice(
            survey=notice.survey,
            link_id=notice.link_id,
            recipient_id=notice.recipient_id,
            stage=SurveyStage.REMINDER,
            due_on=due_on,
        )
        for notice in invited
        if (due_on := reminder_day(notice.survey)) <= on
    ]


def reminder_day(survey: Survey) -> dt.date:
    return survey.closes_on - dt.timedelta(days=survey.remind_days or 0)


def send_unsent(on: dt.date) -> int:
    """Send each unsent notice of a survey that takes answers and of a link that is not used."""
    waiting = SurveyNotice.objects.filter(
        sent_on__isnull=True, link__is_used=False, survey__in=Survey.objects.taking_answers(on)
    ).exclude(Q(recipient__notice_pace=NoticePace.NEVER) | Q(recipient__email=""))
    sent, failed = 0, 0
    for pk in list(waiting.order_by("pk").values_list("pk", flat=True)):
        try:
            sent += _send(pk, on)
        except Exception as error:  # whatever it is, the others must be told
            # Only what kind of error: its text may hold the address.
            log.error("the notice %s on a survey could not be sent: %s", pk, type(error).__name__)
            SurveyNotice.objects.filter(pk=pk).update(last_error=type(error).__name__[:80])
            failed += 1
    if failed:
        raise SurveyMailsNotSent(f"{failed} mail(s) on surveys could not be sent.")
    return sent


def _send(pk: int, on: dt.date) -> int:
    """One mail; the row, the new address in it and the mail stand or fall together."""
    with transaction.atomic():
        rows = SurveyNotice.objects.filter(pk=pk, sent_on__isnull=True)
        held = rows.select_for_update(skip_locked=True, of=("self",))
        notice = held.select_related("survey", "link", "recipient").first()
        if notice is None:
            return 0
        with get_connection() as connection:
            connection.send_messages([mail(notice)])
        rows.update(sent_on=on, last_error="")
    return 1


def mail(notice: SurveyNotice) -> EmailMessage:
    """The notice as a mail in the language of the link or of the user."""
    survey, person = notice.survey, notice.recipient
    language = person.language if person else notice.link.language
    with translation.override(language):
        told = {
            "title": in_language(survey, "title", language[:2])[0],
            "day": date_format(survey.closes_on, "j F Y"),
        }
        if notice.stage == SurveyStage.REMINDER:
            subject = _("Reminder: “%(title)s” is open until %(day)s") % told
        else:
            subject = _("Your answer is asked: “%(title)s”, until %(day)s") % told
        if person:
            address = f"{settings.PORTAL_URL}/surveys/{survey.pk}/"
            asked = _("One answer for your office, given here: %(address)s") % {"address": address}
            return mail_to(person, "surveys", str(notice.pk), subject, [asked, _anonymous()])
        asked = _(
            "Answer here, without an account; the address is good for one answer: %(address)s"
        )
        return EmailMessage(
            subject=" ".join(subject.split()),
            body="\n\n".join(
                [
                    _("Dear colleague,"),
                    asked % {"address": f"{settings.PORTAL_URL}/s/{give_out(notice.link)}/"},
                    _anonymous(),
                    _("Your e-mail address is removed when the survey is closed."),
                ]
            ),
            to=[notice.link.email],
            reply_to=[settings.PORTAL_REPLY_TO] if settings.PORTAL_REPLY_TO else None,
            headers={"Auto-Submitted": "auto-generated"},
        )


def _anonymous() -> str:
    return _("Answers are anonymous: nobody can see which one is yours.")
