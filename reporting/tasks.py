"""What runs outside the request: compiling, and the work that the outbox holds."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from .services import attachments, auditing, briefing, compiling, notices, survey_notices


@shared_task(name="reporting.compile_indicators")
def compile_indicators(first_year: int | None = None, last_year: int | None = None) -> None:
    """Compile these years; without both, all that have evidence and the present one."""
    now = timezone.now()
    if first_year is None or last_year is None:
        compiling.compile_all(now)
    else:
        compiling.compile_indicators(first_year, last_year, now)


@shared_task(name="reporting.audit_indicators")
def audit_indicators() -> None:
    """Work out every published value a second time, and tell where one differs."""
    auditing.audit(timezone.now())


@shared_task(name="reporting.send_due_notices")
def send_due_notices() -> None:
    """Make and send the notices that are due."""
    notices.send_due_notices(timezone.now())


@shared_task(name="reporting.remove_loose_files")
def remove_loose_files() -> None:
    """Remove the files that no document names any more."""
    attachments.remove_loose_files(timezone.now())


@shared_task(name="reporting.send_briefings")
def send_briefings() -> None:
    """Send the briefings that are unsent."""
    briefing.send_unsent(timezone.now())


@shared_task(name="reporting.look_after_surveys")
def look_after_surveys() -> None:
    """Close the surveys that are over; send the notices on those that are open."""
    survey_notices.look_after_surveys(timezone.now())
