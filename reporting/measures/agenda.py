"""IOM's priorities on the agendas of meetings."""

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from engagements.models import AgendaItem, Event
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from .base import Rows, Shape
from .events import OfEvents


class PrioritiesOnAgenda(OfEvents):
    key = "priorities_on_agenda"
    label = _("IOM's priorities on agendas")
    unit = _("per cent")
    definition = _(
        "Events of the period whose agenda carries at least one IOM priority, of the events with "
        "an agenda on record."
    )
    source = "evaluation 2019, 4.2, criterion 9"
    records_label = _("Events with an agenda on record")
    moved_by = frozenset({"event", "agendaitem"})
    shape = Shape.RATIO
    total = Rows(Q(has_priority=True))
    scale = 100

    def evidence(self, period: Period) -> PortalQuerySet:
        with_priority = AgendaItem.objects.filter(event=OuterRef("pk"), priority__isnull=False)
        events: PortalQuerySet = (
            Event.objects.begun_in(period)
            .with_agenda_on_record()
            .alias(has_priority=Exists(with_priority))
        )
        return events
