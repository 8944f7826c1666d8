"""Jobs of finance: the check, the writing and the undoing of files that were sent."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.utils import timezone

from .choices import ImportState
from .models import ImportRun
from .services.importing import checking, runs, undoing, writing


@shared_task(name="finance.check_import")
def check_import(run_id: int) -> None:
    """Check a file that was sent, from where an earlier check of it stopped."""
    checking.check_run(run_id, timezone.localdate())


@shared_task(name="finance.write_import")
def write_import(run_id: int) -> None:
    """Write a checked file, once."""
    writing.write_run(run_id, timezone.now())


@shared_task(name="finance.undo_import")
def undo_import(run_id: int) -> None:
    """Undo a written file, once."""
    undoing.undo_run(run_id, timezone.now())


@shared_task(name="finance.take_up_imports")
def take_up_imports() -> None:
    """Go on with imports whose worker died, or whose job never reached the broker."""
    for run in runs.standing_still(timezone.now()):
        next_step(run)(run_id=run.pk)


def next_step(run: ImportRun) -> Any:
    """The job that takes the run on from the state in which it is."""
    return {ImportState.WRITING: write_import, ImportState.UNDOING: undo_import}.get(
        ImportState(run.state), check_import
    )
