"""Load invented activity, so that a new portal has something to show."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from engagements.models import ISCM, User
from iscm_portal.common import outbox
from iscm_portal.common.demo import DEMO_PASSWORD
from iscm_portal.common.locks import lock_until_commit
from iscm_portal.common.models import OutboxMessage
from reporting.management.demo import SERVED_BY, World, people
from reporting.management.demo.activity import Activity
from reporting.management.demo.definitions import activate_some
from reporting.management.demo.funds import make_fund
from reporting.management.demo.reports import Reports
from reporting.management.demo.staff import Staff
from reporting.management.demo.surveys import make_surveys


def a_day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is not a date like 2026-05-31.") from None


def one_message_for_all() -> None:
    """Ask once for all figures, in place of once for each accepted report."""
    OutboxMessage.objects.filter(topic="evidence_changed", done_at__isnull=True).delete()
    outbox.write("evidence_changed", {"whole": True})


class Command(BaseCommand):
    help = (
        "Loads demo users, events, reports and evidence, marked as demo. Does nothing when they "
        "are there already, and nothing in a portal that is open to others."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scale", type=int, default=1, help="make the activity N times larger")
        parser.add_argument("--today", type=a_day, help="the day that the demo ends on")

    def handle(self, *args: Any, scale: int, today: dt.date | None, **options: Any) -> None:
        if not settings.IS_LOCAL:
            raise CommandError("The demo's password is known: not in a portal open to others.")
        if scale < 1:
            raise CommandError("--scale is at least 1.")
        with transaction.atomic():
            lock_until_commit("load_demo")
            if User.objects.filter(is_demo=True).exists():
                self.stdout.write("The demo data is loaded.")
            else:
                self._load(scale, today or timezone.localdate())
                with connection.cursor() as cursor:
                    cursor.execute("ANALYZE")  # else the first compile is planned for empty tables
        self.stdout.write(f"Sign-ins: {', '.join(people.SIGN_INS)}; password: {DEMO_PASSWORD}")

    def _load(self, scale: int, today: dt.date) -> None:
        if ISCM.objects.filter(slug__in=SERVED_BY).count() < len(SERVED_BY):
            raise CommandError("The demo plays among the real records: load_evaluation first.")
        taken = User.objects.filter(username__in=people.SIGN_INS)
        if taken.exists():
            names = ", ".join(taken.values_list("username", flat=True))
            raise CommandError(f"These user names are somebody's own: {names}.")
        world = World.on(today)
        users = people.make_users(world)
        priorities = people.make_priorities(world)
        partners = people.make_partners()
        people.make_rates()
        Activity(world, priorities, partners, scale).write()
        Staff(world, partners).write()
        Reports(world, users, priorities, partners).write()
        make_fund(world, users["finance"])
        make_surveys(world, users["ipd"])
        activate_some(world, users["ipd"])
        one_message_for_all()
        self.stdout.write(f"Demo data up to {today} loaded.")
