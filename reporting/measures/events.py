"""Where IOM took part."""

from django.db.models import Exists, F, IntegerField, OuterRef
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, ExtractYear
from django.utils.translation import gettext_lazy as _

from engagements.models import Delegate, Event
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from .base import Measure


class OfEvents(Measure):
    """Counts events, in the year in which they begin."""

    dated_by = "starts_on"
    mechanism = "iscms"
    own_cuts = {"event_kind": "kind"}

    def year_of(self) -> Combinable:
        # Of some past events the year is all that is known.
        return Coalesce(ExtractYear("starts_on"), F("year"), output_field=IntegerField())


class EventsAttended(OfEvents):
    key = "events_attended"
    label = _("Events attended")
    unit = _("count")
    definition = _(
        "Events that began in the period and in which at least one office of IOM took part."
    )
    source = "evaluation 2019, 4.2, recommendation 13"
    records_label = _("Events with an IOM delegation")
    is_count = True
    moved_by = frozenset({"event", "delegate"})

    def evidence(self, period: Period) -> PortalQuerySet:
        delegation = Delegate.objects.filter(event=OuterRef("pk"))
        return Event.objects.begun_in(period).filter(Exists(delegation))
