"""What participants know before and after a meeting."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import Any

from django.db.models import BigIntegerField, F, Q
from django.db.models.functions import Cast, Round
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..models import KnowledgeAnswer
from .base import (
    OF_STATE,
    CellKey,
    Measure,
    Rows,
    Total,
    change_in_spread,
    cuts_of_iscm,
)


def _hundredths(score: str) -> Cast:
    return Cast(Round(F(score) * 100), BigIntegerField())


BEFORE, AFTER = _hundredths("before"), _hundredths("after")


class KnowledgeChange(Measure):
    key = "knowledge_change"
    label = _("Change in knowledge")
    unit = _("points")
    definition = _(
        "Mean of the score after less the score before (0 to 100), over the people who answered "
        "both. Beside it the change in spread, the standard deviation of the country means: below "
        "0 is a more shared understanding."
    )
    source = "evaluation 2019, 4.2, criterion 4"
    records_label = _("Answers to knowledge tests")
    dated_by = "answered_on"
    cuts = {**cuts_of_iscm("event__iscms"), **OF_STATE, "event_kind": "event__kind"}
    beside_labels = {"change_in_spread": _("Change in spread (points)")}
    # Two mechanisms of a joint event may be of one type and have a theme in common.
    repeats = frozenset({"type", "theme"})
    numerator = Total(AFTER - BEFORE, per=100)
    denominator = Rows()

    def evidence(self, period: Period) -> PortalQuerySet:
        return KnowledgeAnswer.objects.filter(
            period.q("answered_on"), before__isnull=False, after__isnull=False
        )

    def beside_by_cell(
        self, period: Period, dimensions: tuple[str, ...]
    ) -> dict[CellKey, dict[str, Any]]:
        by_country = self.grouped(
            period,
            dimensions,
            {"before": Total(BEFORE, per=100), "after": Total(AFTER, per=100), "people": Rows()},
            within={"known_country": F("country")},
            where=Q(country__isnull=False),
        )
        before: dict[CellKey, list[Fraction]] = defaultdict(list)
        after: dict[CellKey, list[Fraction]] = defaultdict(list)
        for (*key, _country), totals in by_country.items():
            if totals["people"]:
                before[tuple(key)].append(totals["before"] / totals["people"])
                after[tuple(key)].append(totals["after"] / totals["people"])
        return {
            key: {"change_in_spread": change_in_spread(before[key], after[key])} for key in before
        }

    def beside(self, totals: dict[str, int]) -> dict[str, Any]:
        return {"change_in_spread": None}
