"""Questions about audits."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from engagements.models import ISCM
from iscm_portal.common.access import may

from ..models import AuditRun, Indicator
from .cuts import dimension_label, span_label, word_of_value, words_of

# Cells that are shown; the cause of many is one and the same.
MOST = 20
# What of a cell differs.
FIELDS: dict[str, str | Promise] = {
    "value": gettext_lazy("value"),
    "numerator": gettext_lazy("numerator"),
    "denominator": gettext_lazy("denominator"),
    "n": gettext_lazy("number of records"),
    "beside": gettext_lazy("what stands beside it"),
    "status": gettext_lazy("status"),
    "reports_owed": gettext_lazy("reports owed"),
    "reports_accepted": gettext_lazy("reports accepted"),
    "cell": gettext_lazy("name of the cell"),
    "missing": gettext_lazy("it is missing"),
    "surplus": gettext_lazy("it should not be there"),
    "past": gettext_lazy("what is kept for past days"),
}


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


@dataclass(frozen=True)
class Fault:
    """One field of a cell that the records do not bear out."""

    label: str | Promise
    published: Any
    recomputed: Any


@dataclass(frozen=True)
class WrongCell:
    """A cell in words, and what of it differs."""

    key: str
    title: str
    year: int
    span: str
    place: str
    faults: list[Fault]


def wrong_cells(run: AuditRun) -> list[WrongCell]:
    """The first cells of which an audit found that something differs, in few statements."""
    found: dict[tuple[Any, ...], list[Fault]] = defaultdict(list)
    for row in run.differences:
        place = tuple(row[name] for name in ("indicator", "period", "year", "part", "cell"))
        fault = Fault(FIELDS[row["field"]], row["published"], row["recomputed"])
        found[place].append(fault)
    shown = list(found.items())[:MOST]
    titles = dict(Indicator.objects.values_list("key", "title"))
    place_of = _Places(cell for (*_span, cell), _faults in shown)
    return [
        WrongCell(
            key, titles.get(key, key), year, span_label(period, year, part), place_of(cell), faults
        )
        for (key, period, year, part, cell), faults in shown
    ]


class _Places:
    """Names of cells ("iscm:4|kind:liaison") in words; each kind of words is read once."""

    def __init__(self, cells: Iterable[str]) -> None:
        parts = {part.partition(":")[0] for cell in cells for part in cell.split("|")}
        self.words = {name: words_of(name) for name in parts - {"overall", "iscm"}}
        self.acronyms = dict(ISCM.objects.values_list("pk", "acronym"))

    def __call__(self, cell: str) -> str:
        if cell == "overall":
            return _("All mechanisms")
        return ", ".join(map(self._part, cell.split("|")))

    def _part(self, text: str) -> str:
        name, _colon, value = text.partition(":")
        if name == "iscm":
            return str(self.acronyms.get(int(value), value))
        return f"{dimension_label(name)}: {word_of_value(self.words[name], value)}"
