"""What donors said to proposals."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from finance.choices import ProposalState
from finance.models import Proposal
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from .base import Measure, Rows, Shape


class ProposalSuccess(Measure):
    key = "proposal_success"
    label = _("Proposals awarded")
    unit = _("per cent")
    definition = _(
        "Proposals that donors awarded, of those that they awarded or declined in the period. "
        "Withdrawn proposals, and those that wait, are left out."
    )
    source = "evaluation 2019, 4.3"
    records_label = _("Proposals decided")
    dated_by = "decided_on"
    moved_by = frozenset({"proposal"})
    own_cuts = {"office": "office__slug"}
    shape = Shape.RATIO
    total = Rows(Q(state=ProposalState.AWARDED))
    scale = 100
    count_is_open = False

    def evidence(self, period: Period) -> PortalQuerySet:
        decided = Proposal.objects.filter(period.q("decided_on"))
        return decided.filter(state__in=[ProposalState.AWARDED, ProposalState.DECLINED])
