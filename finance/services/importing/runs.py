"""The life of a run: a file is sent, checked, written when somebody says so, undone if need be.

What takes long is done by ``finance.tasks``; here a run is only told what is to happen to it. Each
step is taken once, whoever clicks twice.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from iscm_portal.common import uploads
from iscm_portal.common.documents import safe_name

from ...choices import ImportState
from ...models import ImportRun
from . import progress
from .checking import locked

# Longer does not fit into the history beside the number of the import.
LONGEST_REASON = 80
# The history of a record says of which import it is the undoing, too.
LONGEST_UNDO_REASON = 60
SAY_WHY_UNDO = gettext_lazy("Say why it is undone: what figures are counted from changes by it.")
SAY_WHY = gettext_lazy(
    "The file changes what figures are counted from, or what a report or the evaluation tells. "
    "Say why."
)
# A run that has not moved for so long has lost its worker.
STANDS_STILL_AFTER = dt.timedelta(minutes=5)
CAN_BE_CANCELLED = (
    ImportState.WAITING,
    ImportState.CHECKING,
    ImportState.REFUSED,
    ImportState.CHECKED,
)
IS_CHECKED_AGAIN = (ImportState.REFUSED, ImportState.CHECKED)
# All of it in one transaction: stopped by ``progress.ask_to_stop`` only.
IN_ONE_GO = (ImportState.WRITING, ImportState.UNDOING)
IN_WORK = (ImportState.WAITING, ImportState.CHECKING, *IN_ONE_GO)


class StepRefused(Exception):
    """A step that the run can't take now; nothing changes."""


class NotThatFar(StepRefused):
    """The run is not in the state from which the step leads on."""


class NothingToChange(StepRefused):
    """All that the file says stands there already."""


class ReasonMissing(StepRefused):
    """The file changes what moves a figure, and nobody says why."""


def start_run(kind: str, file: Any, name: str, actor: Any, at: dt.datetime) -> ImportRun:
    """Keep a file that ``reading.check_file`` has let in, as a run that waits for its check.

    Raises uploads.NotStored; nothing is kept then.
    """
    place, digest, size = uploads.store(file)
    run = None
    try:
        run = ImportRun.objects.create(
            kind=kind,
            file_name=safe_name(name),
            place=place,
            sha256=digest,
            size=size,
            uploaded_by=actor,
            uploaded_at=at,
        )
    finally:
        if run is None:
            uploads.remove(place)
    return run


def ask_to_write(run_id: int, reason: str, actor: Any) -> None:
    """Have a checked run written in the name of ``actor``.

    Raises NotThatFar, NothingToChange and ReasonMissing.
    """
    reason = " ".join(reason.split())[:LONGEST_REASON]
    with transaction.atomic():
        run = _in(run_id, ImportState.CHECKED)
        if not run.new and not run.changed:
            raise NothingToChange(_("There is nothing to change: all of it stands there already."))
        if run.amounts_changed and not reason:
            raise ReasonMissing(SAY_WHY)
        run.state, run.reason, run.written_by, run.problem = (
            ImportState.WRITING,
            reason,
            actor,
            "",
        )
        run.save()
    progress.forget(run_id)


def ask_to_undo(run_id: int, reason: str, actor: Any) -> None:
    """Have a written run undone in the name of ``actor``. Raises NotThatFar and ReasonMissing."""
    reason = " ".join(reason.split())[:LONGEST_UNDO_REASON]
    with transaction.atomic():
        run = _in(run_id, ImportState.WRITTEN)
        if not reason:
            raise ReasonMissing(SAY_WHY_UNDO)
        run.state, run.undone_by, run.problem = ImportState.UNDOING, actor, ""
        run.undo_reason, run.hindered_by = reason, []
        run.save()
    progress.forget(run_id)


def cancel(run_id: int) -> None:
    """Throw away what is not written. A check stops at its next chunk. Raises NotThatFar."""
    with transaction.atomic():
        run = _in(run_id, *CAN_BE_CANCELLED)
        run.is_cancel_asked, run.state = True, ImportState.CANCELLED
        run.save()
        _forget_rows(run)


def check_again(run_id: int) -> None:
    """Have a checked or refused file checked anew, from its first row. Raises NotThatFar."""
    with transaction.atomic():
        run = _in(run_id, *IS_CHECKED_AGAIN)
        _forget_rows(run)
        run.checked_rows = run.new = run.changed = run.same = run.errors = 0
        run.amounts_changed = 0
        run.state, run.problem = ImportState.WAITING, ""
        run.save()


def standing_still(at: dt.datetime) -> list[ImportRun]:
    """Runs whose work was asked for and has not moved since: a worker died, or the broker."""
    still = ImportRun.objects.filter(state__in=IN_WORK, moved_at__lt=at - STANDS_STILL_AFTER)
    return list(still.order_by("pk"))


def _in(run_id: int, *states: ImportState) -> ImportRun:
    run = locked(run_id)
    if run.state not in states:
        raise NotThatFar(
            _("That can't be done now: the import is in the state “%(state)s”.")
            % {"state": run.get_state_display()}
        )
    return run


def _forget_rows(run: ImportRun) -> None:
    run.file_rows.all().delete()
    run.cell_errors.all().delete()
