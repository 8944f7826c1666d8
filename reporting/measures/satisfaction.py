"""How satisfied Member States are with IOM's support."""

from __future__ import annotations

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..models import SatisfactionAnswer
from .base import OF_ANSWERS, OF_STATE, Measure, Rows, Shape, Total


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
    moved_by = frozenset({"satisfactionanswer"})
    own_cuts = {**OF_STATE, "kind": "kind"}
    shape = Shape.RATIO
    total = Total(F("score"))
    aside = Rows(Q(score__gte=4))
    share_beside = "share_satisfied_pct"
    beside_labels = {"share_satisfied_pct": _("Answers of 4 and 5 (%)")}
    periods = OF_ANSWERS
    least_n = 3
    batch = F("survey_id")
    count_is_open = False

    def evidence(self, period: Period) -> PortalQuerySet:
        return SatisfactionAnswer.objects.filter(period.q("answered_on"))
