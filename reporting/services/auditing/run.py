"""One audit: under one view of the database, kept, and told where something differs."""

from __future__ import annotations

import datetime as dt
import logging
import time

from django.db import transaction

from iscm_portal.common.snapshot import one_snapshot

from ...models import AuditRun
from .alarm import sound
from .comparing import compare

log = logging.getLogger(__name__)

# More differences than that nobody reads: the cause is one and the same.
MOST_KEPT = 200


def audit(at: dt.datetime) -> AuditRun:
    """Recompute every published value from the records and compare.

    Sees the database as it stands at one moment, whatever is compiled or accepted meanwhile.
    Changes that wait in the outbox to be compiled, for a while, are left out and counted as
    waiting.
    """
    begun = time.monotonic()
    with one_snapshot():
        known, verdict = compare(at, MOST_KEPT)
    took = dt.timedelta(seconds=time.monotonic() - begun)
    with transaction.atomic():
        run = AuditRun.objects.create(
            started_at=at,
            ended_at=at + took,
            compile_run_id=known.run,
            checked=verdict.checked,
            waiting=verdict.waiting,
            differing=verdict.differing,
            differences=[found.as_json() for found in verdict.differences],
        )
        if run.differing or run.saw_nothing:
            log.error("audit %s: %s of %s values differ", run.pk, run.differing, run.checked)
            sound(run)
    return run
