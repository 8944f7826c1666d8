"""How far the run under way is, while its one transaction is open.

Nobody sees anything of it in the database before its end, and while SQLite writes nobody else can.
So it is told by the cache. Where the cache is not shared with the process that compiles (several
processes without Redis) nothing is seen.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.core.cache import cache
from django.db import models
from django.utils.translation import gettext_lazy as _

PLACE = "compile-how-far"
# Seconds after which what nobody has moved on is not shown: its process is gone.
FRESH = 300


class Step(models.TextChoices):
    WAITING = "waiting", _("Waits for the run before")
    DUTIES = "duties", _("Brings the duties up to date")
    COUNTING = "counting", _("Counts the records of each measure")
    ADDING_UP = "adding_up", _("Adds them up for every cell")
    WORKING_OUT = "working_out", _("Works out the values")
    PUBLISHING = "publishing", _("Publishes what changed")


@dataclass(frozen=True)
class HowFar:
    """The step that a run is at; of counting, ``done`` of ``whole`` measures."""

    step: Step
    since: dt.datetime
    done: int = 0
    whole: int = 0


def how_far() -> HowFar | None:
    """How far the run under way is; None where there is none, or it can't be seen from here."""
    seen: HowFar | None = cache.get(PLACE)
    return seen


class Progress:
    """What a run tells of itself; ``with`` it, so that nothing is told of a run that is over."""

    def __init__(self, at: dt.datetime) -> None:
        self.since = at

    def __enter__(self) -> Progress:
        # Another may be at work; this one then waits for it.
        cache.add(PLACE, HowFar(Step.WAITING, self.since), FRESH)
        return self

    def __exit__(self, *_ended: object) -> None:
        cache.delete(PLACE)

    def tell(self, step: Step, done: int = 0, whole: int = 0) -> None:
        cache.set(PLACE, HowFar(step, self.since, done, whole), FRESH)
