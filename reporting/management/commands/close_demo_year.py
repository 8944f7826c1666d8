"""Close a year of the demo, so that a new portal has a release to show."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from engagements.models import User
from reporting.models import Release
from reporting.services.releasing import ReleaseError, close_year

NOTE = "Demo: closed by nobody, to show what a release is."


class Command(BaseCommand):
    help = (
        "Closes last year in the name of the demo's IPD reviewer. Does nothing where there is no "
        "demo, or a release already."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        reviewer = User.objects.filter(username="ipd", is_demo=True).first()
        if reviewer is None or Release.objects.exists():
            self.stdout.write("There is no year of the demo to close.")
            return
        now = timezone.now()
        try:
            made = close_year(now.year - 1, 1, NOTE, reviewer, now)
        except ReleaseError as error:
            self.stdout.write(str(error))
        else:
            self.stdout.write(f"{made} is closed, with {made.values_total} values.")
