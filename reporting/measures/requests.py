"""What Member States asked of IOM."""

from __future__ import annotations

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from engagements.choices import RequestOutcome
from engagements.models import SupportRequest
from iscm_portal.common.expressions import DaysBetween
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from .base import OF_STATE, Measure, Rows


class SupportRequests(Measure):
    key = "support_requests"
    label = _("Requests for support")
    unit = _("count")
    definition = _(
        "Requests for IOM's support that Member States made in the period. Beside it the share "
        "met (of all requests made, in per cent) and the median days to an answer (of those "
        "answered)."
    )
    source = "evaluation 2019, 4.2, criterion 7"
    records_label = _("Support requests")
    dated_by = "asked_on"
    moved_by = frozenset({"supportrequest"})
    own_cuts = {**OF_STATE, "kind": "kind"}
    beside_labels = {
        "share_met_pct": _("Met (%)"),
        "median_days_to_answer": _("Median days to an answer"),
    }
    is_count = True
    aside = Rows(Q(outcome=RequestOutcome.MET))
    share_beside = "share_met_pct"
    within = DaysBetween(F("answered_on"), F("asked_on"))
    median_beside = "median_days_to_answer"

    def evidence(self, period: Period) -> PortalQuerySet:
        return SupportRequest.objects.filter(period.q("asked_on"))
