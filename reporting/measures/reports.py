"""How complete the reporting is, and how soon it comes."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, Q
from django.db.models.expressions import Combinable
from django.db.models.functions import ExtractYear
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.numbers import median, ratio
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import Direction
from ..models import Duty
from ..selectors.duties import answered_on
from .base import Cell, CellKey, Measure, Rows, cuts_of_iscm, members_of


class _OfDuties(Measure):
    """A duty counts in the year of the last day of its event, once that day is over."""

    source = "evaluation 2019, 4.2, recommendation 13"
    dated_by = "last_day"
    cuts = {
        **cuts_of_iscm("event__iscms"),
        "region": "member__country__region",
        "office": "office__slug",
        "event_kind": "event__kind",
    }
    # Two mechanisms of a joint event may be of one type, region and theme.
    repeats = frozenset({"type", "theme", "region"})

    def evidence(self, period: Period) -> PortalQuerySet:
        duties: PortalQuerySet = (
            Duty.objects.standing()
            .filter(is_owed=True)
            .with_last_day()
            .filter(period.q("last_day"))
            .alias(member=members_of("event__iscms"))
        )
        return duties

    def year_of(self) -> Combinable:
        return ExtractYear("last_day")


class ReportCoverage(_OfDuties):
    key = "report_coverage"
    label = _("Reports accepted of those owed")
    unit = _("per cent")
    definition = _(
        "Answers that IPD has accepted (a report, nothing to report, not attended), of those that "
        "offices owe on events that ended in the period and are over."
    )
    records_label = _("Answers owed")
    numerator = Rows(Q(is_settled=True))
    denominator = Rows()
    scale = 100


class ReportTimeliness(_OfDuties):
    key = "report_timeliness"
    label = _("Days to report")
    unit = _("days")
    definition = _(
        "Median days from the last day of an event to the submission of the answer that IPD "
        "accepted. Beside it the share submitted by the day it was due (in per cent), with the "
        "extensions that were granted."
    )
    direction = Direction.DOWN
    records_label = _("Accepted answers")
    beside_labels = {"in_time_pct": _("By the day it was due (%)")}

    def evidence(self, period: Period) -> PortalQuerySet:
        duties = super().evidence(period).filter(is_settled=True)
        found: PortalQuerySet = duties.annotate(answered_on=answered_on())
        return found

    def cells(self, period: Period, *dimensions: str) -> list[Cell]:
        """The medians, from how often each number of days occurs: few rows whatever there is."""
        in_time = Rows(Q(answered_on__lte=F("due_on")))
        days = ExpressionWrapper(F("answered_on") - F("last_day"), output_field=DurationField())
        histograms: dict[CellKey, dict[int, int]] = defaultdict(dict)
        punctual: dict[CellKey, int] = defaultdict(int)
        by_days = self.grouped(
            period, dimensions, {"all": Rows(), "in_time": in_time}, within={"days": days}
        )
        for (*key, waited), totals in by_days.items():
            histograms[tuple(key)][waited.days] = int(totals["all"])
            punctual[tuple(key)] += int(totals["in_time"])
        if not dimensions:
            histograms.setdefault((), {})
        return [
            self._of_days(dict(zip(dimensions, key, strict=True)), histogram, punctual[key])
            for key, histogram in histograms.items()
        ]

    def _of_days(self, key: dict[str, Any], histogram: dict[int, int], in_time: int) -> Cell:
        n = sum(histogram.values())
        beside = {"in_time_pct": ratio(in_time, n, scale=100)}
        return Cell(key, median(histogram), None, None, n, beside)
