"""``manage.py send_due_notices``: what beat runs, by hand."""

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from reporting.services import briefing, notices, survey_notices

SENDERS = (notices.send_due_notices, survey_notices.look_after_surveys, briefing.send_unsent)
NOT_SENT = (notices.SomeNotSent, survey_notices.SurveyMailsNotSent, briefing.SomeNotSent)


def a_moment(text: str) -> dt.datetime:
    moment = parse_datetime(text)
    if moment is None:
        raise CommandError("--now is a moment like 2026-11-24T09:00:00+00:00.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


class Command(BaseCommand):
    help = (
        "Makes the notices that are due; sends them and briefings; closes surveys that are over. "
        "Safe to run twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--now", help="the moment to go by, for example 2026-11-24T09:00:00")

    def handle(self, *args: Any, now: str | None, **options: Any) -> None:
        moment = a_moment(now) if now else timezone.now()
        sent, failed = 0, []
        for send in SENDERS:
            try:
                sent += send(moment)
            except NOT_SENT as error:
                failed.append(str(error))
        if failed:
            raise CommandError(" ".join(failed))
        self.stdout.write(f"{sent} mail(s) sent.")
