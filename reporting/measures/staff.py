"""The days that staff gave."""

from django.utils.translation import gettext_lazy as _

from finance.models import TimeEntry
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import Direction
from .base import Measure, Total, hundredths


class StaffDays(Measure):
    key = "staff_days"
    label = _("Staff days")
    unit = _("days")
    definition = _(
        "Days of staff on events and mechanisms in the period, as accepted reports and records of "
        "time tell them, those that are part of a post among them. Days of posts that no record "
        "of time tells of are not in it."
    )
    source = "evaluation 2019, 4.3"
    direction = Direction.CONTEXT
    records_label = _("Staff time")
    dated_by = "worked_on"
    moved_by = frozenset({"timeentry"})
    own_cuts = {"office": "office__slug"}
    total = Total(hundredths("days"))
    per = 100
    count_is_open = False

    def evidence(self, period: Period) -> PortalQuerySet:
        return TimeEntry.objects.filter(period.q("worked_on"))
