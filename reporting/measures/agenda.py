"""IOM's priorities on the agendas of meetings."""

from django.db.models import Exists, F, IntegerField, OuterRef, Q
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, ExtractYear
from django.utils.translation import gettext_lazy as _

from engagements.models import AgendaItem, Event
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from .base import Measure, Rows, cuts_of_iscm, members_of


class PrioritiesOnAgenda(Measure):
    key = "priorities_on_agenda"
    label = _("IOM's priorities on agendas")
    unit = _("per cent")
    definition = _(
        "Events of the period whose agenda carries at least one IOM priority, of the events with "
        "an agenda on record."
    )
    source = "evaluation 2019, 4.2, criterion 9"
    records_label = _("Events with an agenda on record")
    dated_by = "starts_on"
    cuts = {
        **cuts_of_iscm("iscms"),
        "region": "member__country__region",
        "event_kind": "kind",
    }
    # Two mechanisms of a joint event may be of one type, region and theme.
    repeats = frozenset({"type", "theme", "region"})
    numerator = Rows(Q(has_priority=True))
    denominator = Rows()
    scale = 100

    def evidence(self, period: Period) -> PortalQuerySet:
        with_priority = AgendaItem.objects.filter(event=OuterRef("pk"), priority__isnull=False)
        events: PortalQuerySet = (
            Event.objects.begun_in(period)
            .with_agenda_on_record()
            .alias(has_priority=Exists(with_priority), member=members_of("iscms"))
        )
        return events

    def year_of(self) -> Combinable:
        # Of some past events the year is all that is known.
        return Coalesce(ExtractYear("starts_on"), F("year"), output_field=IntegerField())
