"""Questions about audits."""

from __future__ import annotations

from django.db import DatabaseError

from ..models import AuditRun


def latest_audit() -> AuditRun | None:
    """The audit that was made last."""
    return AuditRun.objects.select_related("compile_run").first()


def problem_of_figures() -> str:
    """What the last audit found wrong with the published values, if anything."""
    try:
        run = latest_audit()
    except DatabaseError:
        return "unknown: the database does not answer"
    return f"{run.differing} differ from the records" if run and run.differing else ""
