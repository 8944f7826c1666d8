"""Briefings: who gets one is fixed when a report is accepted, and each copy goes out once."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection
from typing import Any

from celery import current_app
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.utils import translation
from django.utils.text import slugify
from django.utils.translation import gettext as _

from engagements.choices import NoticePace
from engagements.models import Office, User
from iscm_portal.common.jobs import after_commit

from ..models import Briefing, BriefingCopy, PostEventReport
from ..selectors.briefing import Content, Proposed, content_of
from .briefing_files import on_one_page, pdf, word
from .mails import mail_to

log = logging.getLogger(__name__)

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class SomeNotSent(Exception):
    """Some copies could not be handed over; they stay unsent and say why."""


def address_briefing(
    report: PostEventReport,
    proposed: Collection[Proposed],
    chosen: Collection[int] | None,
    *,
    is_correction: bool,
    actor: Any,
    at: dt.datetime,
) -> None:
    """Fix which offices get the briefing: the ids ``chosen``, or all ``proposed`` when it is None.

    Everybody of these offices has a copy in the portal, and by mail who wants mails. Belongs to
    the transaction that accepts the report.
    """
    why = {one.office.pk: one.reasons for one in proposed}
    offices = Office.objects.filter(pk__in=why if chosen is None else chosen)
    briefings = Briefing.objects.bulk_create(
        Briefing(
            report=report,
            version=report.version,
            is_correction=is_correction,
            office=office,
            reasons=why.get(office.pk, []),
            chosen_by=actor,
            made_at=at,
        )
        for office in offices.exclude(pk=report.office_id)
    )
    by_office = {briefing.office_id: briefing for briefing in briefings}
    people = User.objects.filter(office__in=by_office, is_active=True).order_by("pk")
    BriefingCopy.objects.bulk_create(
        BriefingCopy(
            briefing=by_office[person.office_id],
            recipient=person,
            is_mailed=wants_mail(person),
        )
        for person in people
        if person.office_id is not None
    )
    if briefings:
        after_commit(current_app.tasks["reporting.send_briefings"])  # a line above this one


def wants_mail(person: User) -> bool:
    return bool(person.email) and person.notice_pace != NoticePace.NEVER


def send_unsent(at: dt.datetime) -> int:
    """Send what is unsent; returns how many. Raises SomeNotSent at the end; the others are out.

    The copies are an outbox of their own: each is marked in the transaction that sends it, so
    that a failure or a kill brings no other one twice; what is unsent goes at the next tick.
    """
    sent, failed = 0, 0
    for pk in BriefingCopy.objects.unsent().order_by("pk").values_list("pk", flat=True):
        try:
            sent += _send(pk, at)
        except Exception as error:  # whatever it is, the other copies must go out
            log.exception("briefing copy %s could not be sent", pk)
            BriefingCopy.objects.filter(pk=pk).update(last_error=f"{type(error).__name__}: {error}")
            failed += 1
    if failed:
        raise SomeNotSent(f"{failed} mail(s) could not be sent; see the briefing's copies.")
    return sent


def _send(pk: int, at: dt.datetime) -> int:
    """One copy by mail; the row and the mail stand or fall together."""
    with transaction.atomic():
        held = BriefingCopy.objects.unsent().select_for_update(skip_locked=True, of=("self",))
        links = "briefing__report__event__country", "briefing__report__office", "recipient"
        copy = held.select_related(*links).filter(pk=pk).first()
        if copy is None:
            return 0
        if not wants_mail(copy.recipient) or not copy.recipient.is_active:
            copy.is_mailed = False
            copy.save(update_fields=["is_mailed"])
            return 0
        with get_connection() as connection:
            connection.send_messages([mail(copy)])
        copy.emailed_at, copy.last_error = at, ""
        copy.save(update_fields=["emailed_at", "last_error"])
    return 1


def mail(copy: BriefingCopy) -> EmailMessage:
    """The copy as a mail in its reader's language, with the page as PDF and as Word file."""
    report, person = copy.briefing.report, copy.recipient
    with translation.override(person.language):
        content = on_one_page(content_of(report, person, copy.briefing.is_correction))
        message = mail_to(person, "briefing", str(copy.pk), content.title, in_paragraphs(content))
        name = file_name(content)
        message.attach(f"{name}.pdf", pdf(content), "application/pdf")
        message.attach(f"{name}.docx", word(content), WORD)
    return message


def file_name(content: Content) -> str:
    return slugify(content.title)[:80] or "briefing"


def in_paragraphs(content: Content) -> list[str]:
    """The briefing as plain text."""
    parts = [content.title, "\n".join(f"{name}: {text}" for name, text in content.facts)]
    for section in content.sections:
        mark = "" if len(section.texts) == 1 else "- "
        lines = "\n".join(f"{mark}{text}" for text in section.texts)
        parts.append(f"{section.heading.upper()}\n{lines}")
    if content.note:
        parts.append(content.note)
    parts.append(_("The report in the portal: %(address)s") % {"address": content.address})
    return parts
