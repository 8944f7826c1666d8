"""What participants know before and after a meeting."""

from __future__ import annotations

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..models import KnowledgeAnswer
from .base import OF_ANSWERS, OF_STATE, Measure, Shape, Total, hundredths

BEFORE, AFTER = hundredths("before"), hundredths("after")


class KnowledgeChange(Measure):
    key = "knowledge_change"
    label = _("Change in knowledge")
    unit = _("points")
    definition = _(
        "Mean of the score after less the score before (0 to 100), over the people who answered "
        "both. Beside it the change in spread, the standard deviation of the country means: below "
        "0 is a more shared understanding. Fewer than three people are too few to show."
    )
    source = "evaluation 2019, 4.2, criterion 4"
    records_label = _("Answers to knowledge tests")
    dated_by = "answered_on"
    moved_by = frozenset({"knowledgeanswer", "event"})
    mechanism = "event__iscms"
    own_cuts = {**OF_STATE, "event_kind": "event__kind"}
    shape = Shape.RATIO
    total = Total(AFTER - BEFORE)
    per = 100
    # With the total the sum of the scores before gives the one of those after.
    aside = Total(BEFORE)
    within = F("country_id")
    spread_beside = "change_in_spread"
    periods = OF_ANSWERS
    least_n = 3
    batch = F("survey_id")
    count_is_open = False
    beside_labels = {"change_in_spread": _("Change in spread (points)")}

    def evidence(self, period: Period) -> PortalQuerySet:
        return KnowledgeAnswer.objects.filter(
            period.q("answered_on"), before__isnull=False, after__isnull=False
        )
