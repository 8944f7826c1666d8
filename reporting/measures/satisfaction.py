"""How satisfied Member States are with IOM's support."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.numbers import ratio
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..models import SatisfactionAnswer
from .base import OF_STATE, Measure, Rows, Total, cuts_of_iscm


class Satisfaction(Measure):
    key = "satisfaction"
    label = _("Satisfaction of Member States")
    unit = _("score")
    definition = _(
        "Mean of the answers of Member States on IOM's support (1 to 5). Beside it the share of "
        "answers of 4 and 5, in per cent. Fewer than three answers are too few to show."
    )
    source = "evaluation 2019, 4.2, criterion 8"
    records_label = _("Answers on satisfaction")
    dated_by = "answered_on"
    cuts = {**cuts_of_iscm("iscm"), **OF_STATE, "kind": "kind"}
    repeats = frozenset()
    numerator = Total(F("score"))
    denominator = Rows()
    beside_labels = {"share_satisfied_pct": _("Answers of 4 and 5 (%)")}
    least_n = 3
    also = {"satisfied": Rows(Q(score__gte=4))}

    def evidence(self, period: Period) -> PortalQuerySet:
        return SatisfactionAnswer.objects.filter(period.q("answered_on"))

    def beside(self, totals: dict[str, int]) -> dict[str, Any]:
        return {"share_satisfied_pct": ratio(totals["satisfied"], totals["denominator"], scale=100)}
