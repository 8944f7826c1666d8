"""Why a service does not write a record, said by those of every app alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from django.utils.translation import gettext as _

# So many are named of what rests on a record.
MOST_NAMED = 5


class NotWritten(Exception):
    """A record was not written, and nothing was changed. The message is for its user, at ``field``
    of the form, "" where it belongs to the whole."""

    field = ""


class ChangedMeanwhile(NotWritten):
    """Somebody else changed the record since its writer read it."""


class ReasonNeeded(NotWritten):
    """What moves a figure is written only with a word on why."""

    field = "reason"


class WrittenByReport(NotWritten):
    """An accepted report says that it happened: the report is corrected, the record stays."""


class StillUsed(NotWritten):
    """Something else rests on the record."""

    @classmethod
    def by(cls, rows: Iterable[Any]) -> Self:
        names = sorted(f"{row._meta.verbose_name} “{row}”" for row in rows)[:MOST_NAMED]
        return cls(_("Something else rests on it: %(names)s.") % {"names": ", ".join(names)})
