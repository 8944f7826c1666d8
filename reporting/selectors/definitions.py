"""Questions about the definitions of indicators and their versions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.text import capfirst

from finance.selectors.words import said

from ..models import Indicator, IndicatorVersion
from ..models.indicator import DEFINED

GOALS = "relevant_to"
# The fields of a definition, as pages and files tell them.
TOLD = (*DEFINED, GOALS)


def values_of(definition: Indicator | IndicatorVersion) -> dict[str, Any]:
    """What a definition, or a version of one, says: by field, with the goals as a list."""
    values = {name: getattr(definition, name) for name in DEFINED}
    return {**values, GOALS: list(definition.relevant_to.all())}


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two definitions say the same."""
    return all(_plain(one[name]) == _plain(other[name]) for name in TOLD)


def _plain(value: Any) -> Any:
    return {row.pk for row in value} if isinstance(value, list) else value


def label_of(name: str) -> str:
    field: Any = Indicator._meta.get_field(name)
    return capfirst(str(field.verbose_name))


def word_of(name: str, value: Any) -> str:
    """A field's value in words; "" where it says nothing."""
    if name == GOALS:
        return "; ".join(str(row) for row in value)
    if isinstance(value, Model):
        return str(value)
    return said(Indicator._meta.get_field(name), value)


@dataclass(frozen=True)
class Compared:
    """One field of two definitions, side by side."""

    label: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Compared]:
    """Every field of two definitions in words."""
    return [
        Compared(label_of(name), word_of(name, before[name]), word_of(name, after[name]))
        for name in TOLD
    ]


@dataclass(frozen=True)
class OfSpan:
    """The version by which a value was worked out, beside the one that was valid when its span
    ended; None where none was on record yet."""

    version: IndicatorVersion
    then: IndicatorVersion | None

    @property
    def is_another(self) -> bool:
        return self.then != self.version


def version_of_span(version: IndicatorVersion | None, last_day: dt.date) -> OfSpan | None:
    """The version of a value whose span ended with ``last_day``; None where it names none."""
    if version is None:
        return None
    earlier = IndicatorVersion.objects.filter(indicator=version.indicator_id)
    return OfSpan(version, earlier.filter(valid_from__lte=last_day).order_by("-number").first())


def versions_of(indicator: Indicator) -> QuerySet[IndicatorVersion]:
    """The versions of a definition with all that they point to, the newest first."""
    rows: QuerySet[IndicatorVersion] = indicator.versions.all()
    links = rows.select_related("made_by", "owner", "objective").prefetch_related(GOALS)
    return links.order_by("-number")
