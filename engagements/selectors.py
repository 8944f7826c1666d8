"""Questions about mechanisms and events."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from iscm_portal.common.choices import DatePrecision
from iscm_portal.common.history import newest_history

from .choices import ISCMType, MembershipKind
from .models import ISCM, Delegate, Event, FollowUpAction, IOMRole, Membership
from .querysets import IOMRoleQuerySet

# What the evaluation counts as of March 2019. Source: evaluation 2019, section 3, fn. 22 and 23.
EVALUATION_DAY = dt.date(2019, 3, 31)
EVALUATION_COUNTS = {
    "member": 4,
    "permanent_observer": 16,
    "technical": 12,
    "administrative": 3,
}


@dataclass(frozen=True)
class RoleCount:
    """How many mechanisms IOM holds a role of one group in, and what the evaluation counts."""

    group: str
    recorded: int
    evaluation: int | None


def roles_by_group(user: Any, day: dt.date) -> list[RoleCount]:
    """Mechanisms by group of IOM roles held on ``day``, in one statement."""
    roles = IOMRole.objects.visible_to(user).confirmed().held_on(day)
    groups = {
        group: Count("iscm", distinct=True, filter=IOMRoleQuerySet.group_condition(group))
        for group in EVALUATION_COUNTS
    }
    counts = roles.order_by().aggregate(**groups)
    on_the_day = day == EVALUATION_DAY
    return [
        RoleCount(group, counts[group], EVALUATION_COUNTS[group] if on_the_day else None)
        for group in EVALUATION_COUNTS
    ]


def iscm_list(user: Any) -> QuerySet[ISCM]:
    """Mechanisms with the number of their members and events."""
    # Each counted apart: joined, every event would stand beside every member.
    of_iscm = {"iscm": OuterRef("pk")}
    members = Membership.objects.filter(kind=MembershipKind.MEMBER, **of_iscm)
    events = Event.iscms.through.objects.filter(**of_iscm)
    rows: QuerySet[ISCM] = ISCM.objects.visible_to(user)
    return rows.annotate(member_count=_number(members), event_count=_number(events)).order_by(
        "acronym"
    )


def _number(rows: QuerySet[Any]) -> Any:
    """The number of ``rows`` of one mechanism, as a part of a statement."""
    counted = rows.order_by().values("iscm").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)


def iscms_by_type(user: Any) -> dict[str, int]:
    """Active mechanisms by type: {"rcp": 16, "irf": 12, "global": 2}."""
    rows = ISCM.objects.visible_to(user).active().order_by().values_list("type")
    counts = dict(rows.annotate(n=Count("pk")))
    return {kind: counts.get(kind, 0) for kind in ISCMType.values}


def events_of_calendar(user: Any, today: dt.date, iscm: str = "") -> QuerySet[Event]:
    """Events of which the day is known, from a year ago on, the first one first; of the mechanism
    with the slug ``iscm``, if one is given."""
    rows: QuerySet[Event] = Event.objects.visible_to(user).filter(
        date_precision=DatePrecision.DAY, starts_on__gte=today - dt.timedelta(days=365)
    )
    if iscm:
        rows = rows.filter(iscms__slug=iscm)
    return rows.select_related("country").prefetch_related("iscms").order_by("starts_on", "pk")


def event_list(user: Any) -> QuerySet[Event]:
    """Events, newest first."""
    return Event.objects.visible_to(user).select_related("country").prefetch_related("iscms")


def open_follow_ups_of_office(user: Any) -> QuerySet[FollowUpAction]:
    """Open follow-ups that the reader's office owns, the next due first."""
    return (
        FollowUpAction.objects.visible_to(user)
        .filter(owner=user.office_id, state="open")
        .select_related("iscm", "event")
    )


def version_of(record: Any) -> str:
    """What tells an event or a record of evidence from what it was; of an event its delegation,
    too."""
    newest = newest_history(type(record), id=record.pk)
    if isinstance(record, Event):
        return f"{newest}.{newest_history(Delegate, event_id=record.pk)}"
    return str(newest)
