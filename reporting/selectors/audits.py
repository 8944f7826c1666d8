"""Questions about audits."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import DatabaseError

from iscm_portal.common.access import may

from ..models import AuditRun


def latest_audit(before: dt.datetime | None = None) -> AuditRun | None:
    """The audit that was made last (before that moment)."""
    runs = AuditRun.objects.select_related("compile_run")
    return (runs if before is None else runs.filter(started_at__lt=before)).first()


def alarm_for(user: Any) -> AuditRun | None:
    """The last audit where it found something wrong or saw nothing, for whom that is told."""
    run = latest_audit() if may(user, "compile_indicators") else None
    return run if run is not None and (run.differing or run.saw_nothing) else None


def problem_of_figures() -> str:
    """What the last audit found wrong with the published values, if anything."""
    try:
        run = latest_audit()
    except DatabaseError:
        return "unknown: the database does not answer"
    if run is None:
        return ""
    if run.saw_nothing:
        return "none could be checked: all wait for a change to be compiled"
    return f"{run.differing} differ from the records" if run.differing else ""
