"""Laws, policies and strategies: passed, amended, and IOM's expertise in them."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from engagements.choices import Reflected
from engagements.models import PolicyInstrument
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from .base import OF_STATE, Measure, Rows, Shape


class _Instruments(Measure):
    unit = _("count")
    records_label = _("Policy instruments")
    dated_by = "dated_on"
    moved_by = frozenset({"policyinstrument"})
    own_cuts = {**OF_STATE, "kind": "kind"}


class InstrumentsPassed(_Instruments):
    key = "instruments_passed"
    label = _("Policy instruments passed")
    definition = _(
        "Legislation, policies and strategies that a country or region passed in the period and "
        "that reflect at least one agenda item of a mechanism."
    )
    source = "evaluation 2019, 4.2, criterion 2"
    is_count = True

    def evidence(self, period: Period) -> PortalQuerySet:
        dated = PolicyInstrument.objects.filter(period.q("dated_on"))
        return dated.passed().reflecting_agenda()


class InstrumentsAmended(_Instruments):
    key = "instruments_amended"
    label = _("Policy instruments amended")
    definition = _(
        "Amendments of legislation, policies and strategies made in the period that reflect at "
        "least one agenda item of a mechanism."
    )
    source = "evaluation 2019, 4.2, criterion 3"
    is_count = True

    def evidence(self, period: Period) -> PortalQuerySet:
        dated = PolicyInstrument.objects.filter(period.q("dated_on"))
        return dated.amended().reflecting_agenda()


class ExpertiseReflected(_Instruments):
    key = "expertise_reflected"
    label = _("IOM's expertise reflected")
    unit = _("per cent")
    definition = _(
        "Instruments passed or amended in the period in which IOM's expertise shows, of those "
        "for which that was assessed."
    )
    source = "evaluation 2019, 4.2, criterion 5"
    shape = Shape.RATIO
    total = Rows(Q(expertise_reflected=Reflected.YES))
    scale = 100

    def evidence(self, period: Period) -> PortalQuerySet:
        return PolicyInstrument.objects.filter(period.q("dated_on")).assessed()
