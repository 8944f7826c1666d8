"""Partnerships that began."""

from django.utils.translation import gettext_lazy as _

from engagements.models import Partnership
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from .base import Measure


class PartnershipsDeveloped(Measure):
    key = "partnerships_developed"
    label = _("Partnerships developed")
    unit = _("count")
    definition = _("Partnerships of IOM for engaging with mechanisms that began in the period.")
    source = "evaluation 2019, 4.2, criterion 1"
    records_label = _("Partnerships")
    dated_by = "since_on"
    moved_by = frozenset({"partnership"})
    own_cuts = {"kind": "organisation__kind", "office": "office__slug"}
    is_count = True

    def evidence(self, period: Period) -> PortalQuerySet:
        return Partnership.objects.filter(period.q("since_on"))
