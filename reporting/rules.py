"""What a definition may not say, and what it must say before it is activated.

A draft may lack parts, it never contradicts itself. Form, service and the checklist of the page ask
these two questions; what the database can hold of them it holds too (``models.indicator``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from engagements.choices import MIGOF

from .choices import Direction, Frequency, SmartPart
from .measures import MEASURES

Values = Mapping[str, Any]

# unit -> the least and the most that a value can be
BOUNDS: dict[str, tuple[int, int | None]] = {
    "count": (0, None),
    "USD": (0, None),
    "per cent": (0, 100),
    "points": (-100, 100),
    "days": (0, None),
    "score": (1, 5),
}
FIGURES = ("baseline", "target", "green_from", "amber_from")


@dataclass(frozen=True)
class Fault:
    """What is wrong with a part of a definition, or lacks, and at which field it is mended."""

    part: SmartPart
    field: str
    message: str


def unit_of(key: str) -> str | None:
    """The unit of the measure that an indicator names; None where no measure goes by that key."""
    return str(MEASURES[key].unit) if key in MEASURES else None


def contradictions(values: Values, on: dt.date) -> list[Fault]:
    """What a definition, draft or active, may not say on the day ``on``."""
    found = [*_of_baseline(values, on), *_of_figures(values), *_of_direction(values)]
    return [Fault(SmartPart.ATTAINABLE, *fault) for fault in found] + [
        Fault(SmartPart.TIMELY, *fault) for fault in _of_dates(values)
    ]


def _of_baseline(values: Values, on: dt.date) -> Iterator[tuple[str, str]]:
    if values["baseline"] is None:
        if values["baseline_year"] is not None:
            yield "baseline", _("There is a year of the baseline and no baseline.")
        return
    if values["baseline_year"] is None:
        yield "baseline_year", _("Give the year of the baseline.")
    elif values["baseline_year"] >= on.year:
        yield "baseline_year", _("That year is not over: a baseline is of a whole year.")
    if values["no_baseline_reason"]:
        yield (
            "no_baseline_reason",
            _("There is a baseline: leave empty why there would be none."),
        )


def _of_figures(values: Values) -> Iterator[tuple[str, str]]:
    least, most = BOUNDS.get(values["unit"], (None, None))
    for name in FIGURES:
        value = values[name]
        if value is None:
            continue
        if least is not None and value < least:
            yield name, _("It can't be below %(least)s.") % {"least": least}
        if most is not None and value > most:
            yield name, _("It can't be over %(most)s.") % {"most": most}


def _of_direction(values: Values) -> Iterator[tuple[str, str]]:
    green, amber = values["green_from"], values["amber_from"]
    if (green is None) != (amber is None):
        yield (
            "green_from" if green is None else "amber_from",
            _("Give both thresholds or none."),
        )
    direction = values["direction"]
    if direction == Direction.CONTEXT:
        for name in ("target", "green_from", "amber_from"):
            if values[name] is not None:
                yield name, _("For context there is no better or worse: leave it empty.")
        return
    target, baseline = values["target"], values["baseline"]
    if _is_worse(target, baseline, direction):
        yield (
            "target",
            _("Up is better: the target can't be below the baseline.")
            if direction == Direction.UP
            else _("Down is better: the target can't be over the baseline."),
        )
    elif target is not None and target == baseline and not _is_best(target, values):
        yield (
            "target",
            _("The target is the baseline: nothing would be reached. Aim higher, or say “context”.")
            if direction == Direction.UP
            else _(
                "The target is the baseline: nothing would be reached. Aim lower, or say “context”."
            ),
        )
    if green is not None and amber is not None and not _is_worse(amber, green, direction):
        yield (
            "amber_from",
            _("Up is better: attention begins below what is on track.")
            if direction == Direction.UP
            else _("Down is better: attention begins over what is on track."),
        )
    if _is_worse(target, green, direction):
        yield "green_from", _("Who reaches the target would not be on track.")


def _is_worse(one: Decimal | None, other: Decimal | None, direction: str) -> bool:
    """Whether ``one`` is on the wrong side of ``other``; never where either is not known."""
    if one is None or other is None:
        return False
    return one < other if direction == Direction.UP else one > other


def _is_best(value: Decimal, values: Values) -> bool:
    """Whether no better value is possible in the unit, so that keeping it is all there is."""
    least, most = BOUNDS.get(values["unit"], (None, None))
    return value == (most if values["direction"] == Direction.UP else least)


def _of_dates(values: Values) -> Iterator[tuple[str, str]]:
    due, year = values["due_on"], values["baseline_year"]
    if due is not None and year is not None and due.year <= year:
        yield "due_on", _("The target date lies in a year after that of the baseline.")


def lacks(key: str, values: Values, on: dt.date) -> list[Fault]:
    """What a definition lacks before it can be active on the day ``on``, part by part."""
    asked = {
        SmartPart.SPECIFIC: _lacks_specific(values),
        SmartPart.MEASURABLE: _lacks_measurable(key, values),
        SmartPart.ATTAINABLE: _lacks_attainable(values),
        SmartPart.RELEVANT: _lacks_relevant(values),
        SmartPart.TIMELY: _lacks_timely(values, on),
    }
    return [Fault(part, *fault) for part, faults in asked.items() for fault in faults]


def _lacks_specific(values: Values) -> Iterator[tuple[str, str]]:
    if not values["title"]:
        yield "title", _("Give it a title.")
    if not values["definition"]:
        yield "definition", _("Say what is counted.")
    if values["owner"] is None:
        yield "owner", _("Name the office that owns it.")


def _lacks_measurable(key: str, values: Values) -> Iterator[tuple[str, str]]:
    unit = unit_of(key)
    if unit is None:
        yield "unit", _("No measure counts it yet.")
    elif values["unit"] != unit:
        yield "unit", _("Its measure counts in %(unit)s: save it once.") % {"unit": unit}


def _lacks_attainable(values: Values) -> Iterator[tuple[str, str]]:
    if values["baseline"] is None:
        if not values["no_baseline_reason"]:
            yield "baseline", _("Give a baseline, or say why there is none yet.")
    elif not values["baseline_source"]:
        yield "baseline_source", _("Say where the baseline comes from.")
    if values["direction"] != Direction.CONTEXT:
        if values["target"] is None:
            yield "target", _("Set a target.")
        if values["green_from"] is None:
            yield "green_from", _("Set the thresholds.")
    if not values["rationale"]:
        yield "rationale", _("Say why this can be reached, or why nothing is to be reached.")


def _lacks_relevant(values: Values) -> Iterator[tuple[str, str]]:
    if values["objective"] is None:
        yield "objective", _("Name the objective that it serves.")
    if not any(frame.kind in MIGOF for frame in values["relevant_to"]):
        yield "relevant_to", _("Tick the MiGOF principle or objective that it speaks to.")


def _lacks_timely(values: Values, on: dt.date) -> Iterator[tuple[str, str]]:
    if values["frequency"] not in Frequency.values:
        yield "frequency", _("Say how often it is read.")
    if values["due_on"] is None:
        yield "due_on", _("Give the day by which it is to be reached, or looked at again.")
    elif values["due_on"] <= on:
        yield "due_on", _("The target date has passed: give a new one.")
