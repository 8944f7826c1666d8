"""The records behind what is published."""

from __future__ import annotations

from collections.abc import Iterable

from iscm_portal.common.access import Reader
from iscm_portal.common.querysets import PortalQuerySet

from ..models import IndicatorValue
from . import MEASURES
from .base import Text


def record_sets_of(value: IndicatorValue) -> list[tuple[Text, PortalQuerySet]]:
    """The records that ``value`` was counted from: pairs of what they are called and a queryset.

    None for an indicator without measure, nor where the records are too few to show: each would
    tell what somebody answered. Not narrowed to a reader.
    """
    measure = MEASURES.get(value.indicator.key)
    if measure is None or (measure.least_n and value.value is None):
        return []
    return measure.record_sets(value.span, **value.place)


def evidence_of(value: IndicatorValue, user: Reader) -> list[tuple[Text, PortalQuerySet]]:
    """The records that ``value`` was counted from, as far as ``user`` may read them."""
    return [(label, records.visible_to(user)) for label, records in record_sets_of(value)]


def hidden_from(value: IndicatorValue, user: Reader) -> int:
    """How many of the records that ``value`` was counted from ``user`` may not read; 0 also where
    their number is not for everybody."""
    measure = MEASURES.get(value.indicator.key)
    if measure is None or not measure.count_is_open:
        return 0
    records = measure.records(value.span, **value.place)
    seen = records.visible_to(user)
    # Who may read all of them has the queryset itself; n stands in the value and need not be
    # counted.
    return 0 if seen is records else max(value.n - seen.count(), 0)


def years_with_evidence(keys: Iterable[str] = MEASURES) -> tuple[int, int] | None:
    """The first and the last year with evidence of any of the measures; None without any."""
    years: set[int] = set().union(*(MEASURES[key].years() for key in keys))
    return (min(years), max(years)) if years else None
