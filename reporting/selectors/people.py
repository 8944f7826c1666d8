"""Who reported what, and how soon: a writer's own record, and an office's people."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from engagements.models import User
from iscm_portal.common.access import Reader

from ..choices import ReportAction
from ..models import Duty, PostEventReport

# More than anybody writes in a year; the list says when it is cut.
MOST_REPORTS = 200


def _of_year(user: Reader, year: int) -> QuerySet[Any]:
    """Reports that ``user`` may read on events that ended in ``year``, corrections left out."""
    reports = PostEventReport.objects.visible_to(user).filter(corrects=None)
    dated = reports.annotate(last_day=Coalesce("event__ends_on", "event__starts_on"))
    first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
    found: QuerySet[Any] = dated.filter(last_day__range=(first, last))
    return found


@dataclass(frozen=True)
class OwnReport:
    """One report of a writer; ``days`` from the end of the event to its submission, if any."""

    report: PostEventReport
    days: int | None
    is_in_time: bool
    times_returned: int


def own_record(user: Any, year: int) -> list[OwnReport]:
    """The reports that ``user`` wrote, alone or with others, the latest event first."""
    shared = PostEventReport.co_authors.through.objects.filter(user_id=user.pk)
    mine = Q(author=user.pk) | Q(pk__in=shared.values("posteventreport_id"))
    duty = Duty.objects.filter(event=OuterRef("event"), office=OuterRef("office"))
    rows = (
        _of_year(user, year)
        .filter(mine)
        .annotate(
            due_on=Subquery(duty.values("due_on")[:1]),
            returns=Count("steps", filter=Q(steps__action=ReportAction.RETURNED)),
        )
        .select_related("event", "office")
        .order_by(F("last_day").desc(), "-pk")
    )
    found = []
    for row in rows[:MOST_REPORTS]:
        sent = row.submitted_at.date() if row.submitted_at else None
        found.append(
            OwnReport(
                report=row,
                days=(sent - row.last_day).days if sent else None,
                is_in_time=bool(sent and row.due_on and sent <= row.due_on),
                times_returned=row.returns,
            )
        )
    return found


@dataclass
class PersonsRecord:
    """One person of an office: how many reports of the year stand where."""

    person: User
    by_state: dict[str, int] = field(default_factory=dict)

    @property
    def written(self) -> int:
        return sum(self.by_state.values())


def people_of_office(user: Any, year: int) -> list[PersonsRecord]:
    """The people of ``user``'s office with the reports of which they are authors, by name.

    Somebody who has left stands there while reports are his.
    """
    counts = (
        _of_year(user, year)
        .filter(office=user.office_id)
        .order_by()
        .values_list("author", "state")
        .annotate(Count("pk"))
    )
    by_person: dict[int, dict[str, int]] = {}
    for author, state, count in counts:
        by_person.setdefault(author, {})[state] = count
    here = Q(office=user.office_id, is_active=True) | Q(pk__in=by_person)
    people = User.objects.filter(here, office__isnull=False).order_by("last_name", "username")
    return [PersonsRecord(person, by_person.get(person.pk, {})) for person in people]
