"""The records behind what is published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.access import Reader
from iscm_portal.common.querysets import PortalQuerySet

from ..models import IndicatorValue, Survey
from . import MEASURES
from .base import Text


def record_sets_of(value: IndicatorValue) -> list[tuple[Text, PortalQuerySet]]:
    """The records that ``value`` was counted from: pairs of what they are called and a queryset.

    None for an indicator without measure. Of answers the surveys that they came in with, whoever
    reads: a single one would tell what somebody said. Not narrowed to a reader.
    """
    measure = MEASURES.get(value.indicator.key)
    if measure is None:
        return []
    if measure.least_n:
        surveys = [row.survey.pk for row in answers_by_survey(value) if row.survey]
        return [(_("surveys"), Survey.objects.filter(pk__in=surveys))]
    return measure.record_sets(value.span, **value.place)


def is_of_answers(key: str) -> bool:
    """Whether an indicator is of what people answered, of which little may be told."""
    return key in MEASURES and MEASURES[key].least_n > 0


@dataclass(frozen=True)
class Answered:
    """How many answers came in with a survey; without one they were loaded."""

    survey: Survey | None
    n: int


def answers_by_survey(value: IndicatorValue) -> list[Answered]:
    """Where the answers of a value came in, the newest survey first; nothing of one that is not
    shown. No number is below the least: a value that is shown has none or enough of each."""
    measure = MEASURES[value.indicator.key]
    if value.value is None:
        return []
    records = measure.records(value.span, **value.place).order_by()
    counts = dict(records.values_list("survey").annotate(n=Count("pk")))
    surveys = Survey.objects.in_bulk([pk for pk in counts if pk is not None])
    found = [Answered(surveys[pk], n) for pk, n in counts.items() if pk is not None]
    found.sort(key=lambda row: -row.survey.pk if row.survey else 0)
    return found + ([Answered(None, counts[None])] if None in counts else [])


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
    return 0 if seen is records else max((value.n or 0) - seen.count(), 0)


def years_with_evidence(keys: Iterable[str] = MEASURES) -> tuple[int, int] | None:
    """The first and the last year with evidence of any of the measures; None without any."""
    years: set[int] = set().union(*(MEASURES[key].years() for key in keys))
    return (min(years), max(years)) if years else None
