"""How complete the reporting is, and how soon it comes."""

from __future__ import annotations

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.expressions import DaysBetween
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import Direction
from ..models import Duty
from ..selectors.duties import answered_on
from .base import Measure, Rows, Shape


class _OfDuties(Measure):
    """A duty counts in the year of the last day of its event, once that day is over."""

    source = "evaluation 2019, 4.2, recommendation 13"
    dated_by = "last_day"
    moved_by = frozenset({"duty", "event"})
    mechanism = "event__iscms"
    own_cuts = {"office": "office__slug", "event_kind": "event__kind"}

    def evidence(self, period: Period) -> PortalQuerySet:
        duties: PortalQuerySet = (
            Duty.objects.standing()
            .filter(is_owed=True)
            .with_last_day()
            .filter(period.q("last_day"))
        )
        return duties


class ReportCoverage(_OfDuties):
    key = "report_coverage"
    label = _("Reports accepted of those owed")
    unit = _("per cent")
    definition = _(
        "Answers that IPD has accepted (a report, nothing to report, not attended), of those that "
        "offices owe on events that ended in the period and are over."
    )
    records_label = _("Answers owed")
    shape = Shape.RATIO
    total = Rows(Q(is_settled=True))
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
    shape = Shape.MEDIAN
    aside = Rows(Q(answered_on__lte=F("due_on")))
    share_beside = "in_time_pct"
    within = DaysBetween(F("answered_on"), F("last_day"))
    beside_labels = {"in_time_pct": _("By the day it was due (%)")}

    def evidence(self, period: Period) -> PortalQuerySet:
        duties = super().evidence(period).filter(is_settled=True)
        found: PortalQuerySet = duties.annotate(answered_on=answered_on())
        return found
