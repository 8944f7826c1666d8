"""What Member States asked of IOM."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, Q
from django.utils.translation import gettext_lazy as _

from engagements.choices import RequestOutcome
from engagements.models import SupportRequest
from iscm_portal.common.numbers import median, ratio
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from .base import OF_STATE, CellKey, Measure, Rows, cuts_of_iscm


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
    cuts = {**cuts_of_iscm("iscm"), **OF_STATE, "kind": "kind"}
    repeats = frozenset()
    beside_labels = {
        "share_met_pct": _("Met (%)"),
        "median_days_to_answer": _("Median days to an answer"),
    }
    is_count = True
    also = {"met": Rows(Q(outcome=RequestOutcome.MET))}

    def evidence(self, period: Period) -> PortalQuerySet:
        return SupportRequest.objects.filter(period.q("asked_on"))

    def beside(self, totals: dict[str, int]) -> dict[str, Any]:
        share_met = ratio(totals["met"], totals["numerator"], scale=100)
        return {"share_met_pct": share_met, "median_days_to_answer": None}

    def beside_by_cell(
        self, period: Period, dimensions: tuple[str, ...]
    ) -> dict[CellKey, dict[str, Any]]:
        # How often each number of days occurs: few rows whatever the number of requests.
        by_days = self.grouped(
            period,
            dimensions,
            {"requests": Rows()},
            within={
                "days": ExpressionWrapper(
                    F("answered_on") - F("asked_on"), output_field=DurationField()
                )
            },
            where=Q(answered_on__isnull=False),
        )
        histograms: dict[CellKey, dict[int, int]] = defaultdict(dict)
        for (*key, waited), totals in by_days.items():
            histograms[tuple(key)][waited.days] = int(totals["requests"])
        return {
            key: {"median_days_to_answer": median(histogram)}
            for key, histogram in histograms.items()
        }
