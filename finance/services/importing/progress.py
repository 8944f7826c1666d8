"""How far the writing or undoing of a file is, while its one transaction is open.

Nobody sees anything of it in the database before its end, and while SQLite writes nobody else can.
So the count goes by the cache, and the word to stop comes back by it. Where the cache is not shared
with the process that writes (several processes without Redis), nothing is seen; nobody is then told
that a stop was heard.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from django.core.cache import cache
from django.db import models

# Seconds after which a count that nobody has moved on is not shown: its writer is gone.
FRESH = 300


class Phase(models.TextChoices):
    QUEUED = "queued"
    WRITING = "writing"
    LOOKING = "looking"
    UNDOING = "undoing"


class Stopped(Exception):
    """Somebody asked for the work to be stopped; all of it is to be rolled back."""


@dataclass(frozen=True)
class HowFar:
    """``done`` of ``whole`` records; ``since`` is when the work began."""

    phase: Phase
    done: int
    whole: int
    since: dt.datetime
    is_stopping: bool = False


def how_far(run_id: int) -> HowFar | None:
    """How far the work on a run is; None where that can't be seen from here."""
    seen: HowFar | None = cache.get(_place(run_id))
    return seen and replace(seen, is_stopping=bool(cache.get(_stop(run_id))))


def ask_to_stop(run_id: int) -> bool:
    """Have the work on a run stopped and rolled back. False where nobody would hear it."""
    if cache.get(_place(run_id)) is None:
        return False
    cache.set(_stop(run_id), True, FRESH)
    return True


def forget(run_id: int) -> None:
    """The work is over, or begins anew: what was said of it before counts no more."""
    cache.delete_many([_place(run_id), _stop(run_id)])


class Progress:
    """What the writer tells: that it waits for its turn, then phase by phase how far it is."""

    def __init__(self, run_id: int, at: dt.datetime) -> None:
        self.run_id = run_id
        self._now = HowFar(Phase.QUEUED, 0, 0, at)
        # Somebody may be at it already; the second waits and finds it done.
        cache.add(_place(run_id), self._now, FRESH)

    def begin(self, phase: Phase, whole: int) -> None:
        self._now = replace(self._now, phase=phase, done=0, whole=whole)
        self.add(0)

    def add(self, records: int) -> None:
        """So many more are done. Raises Stopped where that was asked for."""
        if cache.get(_stop(self.run_id)):
            raise Stopped
        self._now = replace(self._now, done=self._now.done + records)
        self._tell()

    def _tell(self) -> None:
        cache.set(_place(self.run_id), self._now, FRESH)


def _place(run_id: int) -> str:
    return f"import-{run_id}-how-far"


def _stop(run_id: int) -> str:
    return f"import-{run_id}-stop"
