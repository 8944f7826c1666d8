"""``manage.py send_due_notices``: what beat runs, by hand."""

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from reporting.services import notices


def a_moment(text: str) -> dt.datetime:
    moment = parse_datetime(text)
    if moment is None:
        raise CommandError("--now is a moment like 2026-11-24T09:00:00+00:00.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


class Command(BaseCommand):
    help = "Makes the notices that are due and sends what is unsent. Safe to run twice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--now", help="the moment to go by, for example 2026-11-24T09:00:00")

    def handle(self, *args: Any, now: str | None, **options: Any) -> None:
        try:
            sent = notices.send_due_notices(a_moment(now) if now else timezone.now())
        except notices.SomeNotSent as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{sent} mail(s) sent.")
