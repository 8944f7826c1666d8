"""``manage.py deliver_outbox``"""

from typing import Any

from django.core.management.base import BaseCommand

from iscm_portal.common.outbox import deliver_outbox


class Command(BaseCommand):
    help = "Do what waits in the outbox, as beat does every minute."

    def handle(self, *args: Any, **options: Any) -> None:
        deliver_outbox.apply(throw=True)
