"""Vocabulary of the directory, of events and of their evidence."""

from __future__ import annotations

import datetime as dt
from typing import Self

from django.db.models import Exists, OuterRef, Q

from iscm_portal.common.access import Reader, may
from iscm_portal.common.period import Period, held_during, held_on
from iscm_portal.common.querysets import PortalQuerySet

from .choices import ROLE_GROUPS, InstrumentAction, ISCMStatus, Reflected


class ISCMQuerySet(PortalQuerySet):
    def active(self) -> Self:
        return self.filter(status=ISCMStatus.ACTIVE)


class HeldQuerySet(PortalQuerySet):
    """Things held from a first to a last day: memberships, chairs, secretariats, IOM roles."""

    def held_on(self, day: dt.date) -> Self:
        return self.filter(held_on(day))

    def held_during(self, period: Period) -> Self:
        return self.filter(held_during(period))


class IOMRoleQuerySet(HeldQuerySet):
    def confirmed(self) -> Self:
        """Without the candidates: roles that a source hints at and nobody has checked."""
        return self.filter(is_candidate=False)

    def in_group(self, group: str) -> Self:
        """Roles as the evaluation groups them: member, permanent_observer, technical or
        administrative (section 3, footnotes 22 and 23)."""
        return self.filter(self.group_condition(group))

    @staticmethod
    def group_condition(group: str) -> Q:
        return Q(role__in=ROLE_GROUPS[group])


class EventQuerySet(PortalQuerySet):
    def begun_in(self, period: Period) -> Self:
        """Events that began in ``period``; without a known day, where all their year is in it."""
        by_day = period.q("starts_on")
        by_year = Q(starts_on__isnull=True, year__in=list(period.whole_years))
        return self.filter(by_day | by_year)

    def with_delegation_of(self, office_id: int) -> Self:
        """Events in which at least one delegate of the office took part."""
        # One model away: no import. Kept versions of events know their model.
        event = getattr(self.model, "instance_type", self.model)
        delegates = event.delegates.rel.related_model.objects
        return self.filter(Exists(delegates.filter(event=OuterRef("id"), office=office_id)))

    def with_agenda_on_record(self) -> Self:
        items = self.model.agenda_items.rel.related_model.objects
        return self.filter(Exists(items.filter(event=OuterRef("pk"))))


class EvidenceQuerySet(PortalQuerySet):
    """Rows that came of an event. Everyone signed in reads them."""


class PolicyInstrumentQuerySet(EvidenceQuerySet):
    def reflecting_agenda(self) -> Self:
        """Instruments that reflect at least one agenda item of a mechanism."""
        links = self.model.agenda_items.through.objects
        return self.filter(Exists(links.filter(policyinstrument=OuterRef("pk"))))

    def passed(self) -> Self:
        return self.filter(action=InstrumentAction.PASSED)

    def amended(self) -> Self:
        return self.filter(action=InstrumentAction.AMENDED)

    def assessed(self) -> Self:
        """Instruments for which somebody said whether IOM's expertise shows in them."""
        return self.exclude(expertise_reflected=Reflected.NOT_ASSESSED)


class UserQuerySet(PortalQuerySet):
    def visible_to(self, user: Reader) -> Self:
        """IPD sees all users, a manager the own office's, everybody at least himself."""
        if may(user, "manage_users"):
            return self
        if not user.is_authenticated:
            return self.none()
        own = Q(pk=user.pk)
        if user.access_group == "manager" and user.office_id:  # type: ignore[attr-defined]
            own |= Q(office=user.office_id)  # type: ignore[attr-defined]
        return self.filter(own)
