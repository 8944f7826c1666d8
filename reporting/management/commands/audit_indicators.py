"""``manage.py audit_indicators``"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reporting.selectors.audits import latest_audit
from reporting.services.auditing.comparing import Difference
from reporting.tasks import audit_indicators


class Command(BaseCommand):
    help = "Work out every published value from scratch and compare; fails where one differs."

    def handle(self, *args: Any, **options: Any) -> None:
        # In this process, and on record like a run of the worker.
        audit_indicators.apply(throw=True)
        run = latest_audit()
        if run is None:
            raise CommandError("The audit was not kept.")
        for row in run.differences:
            self.stdout.write(str(Difference(**row)))
        told = f"checked {run.checked} values, {run.differing} differ"
        if run.waiting:
            told += f"; {run.waiting} wait for a change to be compiled"
        if run.differing or run.saw_nothing:
            raise CommandError(told)
        self.stdout.write(told)
