"""Whether what was agreed is done."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from engagements.choices import FollowUpState
from engagements.models import FollowUpAction
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from .base import Measure, Rows, Shape


class FollowUpCompletion(Measure):
    key = "follow_up_completion"
    label = _("Follow-up actions done")
    unit = _("per cent")
    definition = _(
        "Follow-up actions that are done, of those that were to be done in the period. Actions "
        "that were dropped, and those without a day, are left out."
    )
    source = "evaluation 2019, 4.2, recommendation 13"
    records_label = _("Follow-up actions")
    dated_by = "due_on"
    moved_by = frozenset({"followupaction"})
    own_cuts = {"office": "owner__slug"}
    shape = Shape.RATIO
    total = Rows(Q(state=FollowUpState.DONE))
    scale = 100

    def evidence(self, period: Period) -> PortalQuerySet:
        due = FollowUpAction.objects.filter(period.q("due_on"))
        return due.exclude(state=FollowUpState.DROPPED)
