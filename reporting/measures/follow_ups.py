"""Whether what was agreed is done."""

from __future__ import annotations

from django.db.models import Max, Min, Q, Subquery
from django.db.models.functions import TruncDate
from django.utils.translation import gettext_lazy as _

from engagements.choices import FollowUpState
from engagements.models import FollowUpAction
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..models import CompileRun
from .base import Measure, Rows, Shape, known_years


class FollowUpCompletion(Measure):
    key = "follow_up_completion"
    label = _("Follow-up actions done")
    unit = _("per cent")
    definition = _(
        "Follow-up actions that are done, of those that were to be done in the period and whose "
        "day is over. Actions that were dropped, and those without a day, are left out."
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
        """Those that were due before the day of the last compile; each compile asks for the
        quarters of those whose day is over since (``services.compiling.run``)."""
        runs = CompileRun.objects.order_by("-pk").annotate(day=TruncDate("started_at"))
        over = FollowUpAction.objects.filter(due_on__lt=Subquery(runs.values("day")[:1]))
        return over.filter(period.q("due_on")).exclude(state=FollowUpState.DROPPED)

    def years(self) -> set[int]:
        # Those to come among them: whatever the day, the same years.
        dated = FollowUpAction.objects.order_by().exclude(state=FollowUpState.DROPPED)
        return known_years(
            dated.aggregate(first=Min("due_on__year"), last=Max("due_on__year")).values()
        )
