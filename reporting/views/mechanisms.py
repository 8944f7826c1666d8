"""One mechanism and one event, with everything the portal knows of them."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from engagements.models import (
    ISCM,
    Event,
    FollowUpAction,
    IOMRole,
    Membership,
    Partnership,
    PolicyInstrument,
    SignedInRequest,
    SupportRequest,
)
from finance.selectors.investment import investment
from iscm_portal.common.period import Period
from iscm_portal.common.snapshot import one_snapshot

from ..models import PostEventReport
from ..permissions import may_start_report
from ..selectors.duties import due_on
from ..selectors.indicators import values_of_iscm

FIRST_YEAR = 2014


@one_snapshot()
def iscm(request: SignedInRequest, slug: str) -> HttpResponse:
    user, today = request.user, timezone.localdate()
    found = get_object_or_404(
        ISCM.objects.visible_to(user).prefetch_related("themes", "focal_offices"), slug=slug
    )
    money = investment(Period.years(FIRST_YEAR, today.year), ("year",), iscm=slug)
    roles = IOMRole.objects.visible_to(user).filter(iscm=found)
    context = {
        "iscm": found,
        "roles": roles.select_related("lead_office").order_by("is_candidate", "starts_on"),
        "held": [role.get_role_display() for role in roles.confirmed().held_on(today)],
        "members": Membership.objects.visible_to(user)
        .filter(iscm=found)
        .select_related("country", "organisation"),
        "chairs": found.chairmanships.visible_to(user).select_related("country"),
        "secretariats": found.secretariats.visible_to(user).select_related("organisation"),
        "groups": found.working_groups.visible_to(user).select_related("chair"),
        "notes": found.source_notes.visible_to(user),
        "events": Event.objects.visible_to(user)
        .filter(iscms=found)
        .select_related("country")
        .order_by("-sorted_on", "-pk")[:8],
        "money": money,
        "values": values_of_iscm(found, today.year),
        "follow_ups": FollowUpAction.objects.visible_to(user).filter(iscm=found, state="open")[:10],
        "today": today,
    }
    return render(request, "reporting/iscm.html", context)


def event(request: SignedInRequest, pk: int) -> HttpResponse:
    user = request.user
    found = get_object_or_404(
        Event.objects.visible_to(user).select_related("country").prefetch_related("iscms"), pk=pk
    )
    reports = PostEventReport.objects.visible_to(user).filter(event=found, corrects=None)
    context = {
        "event": found,
        "agenda": found.agenda_items.visible_to(user).select_related("theme", "priority"),
        "delegates": found.delegates.visible_to(user).select_related("office"),
        "reports": reports.select_related("office", "author"),
        "due_on": due_on(found),
        "requests": SupportRequest.objects.visible_to(user)
        .filter(event=found)
        .select_related("country"),
        "partnerships": Partnership.objects.visible_to(user)
        .filter(event=found)
        .select_related("organisation"),
        "instruments": PolicyInstrument.objects.visible_to(user)
        .filter(event=found)
        .select_related("country"),
        "follow_ups": FollowUpAction.objects.visible_to(user).filter(event=found),
        "may_report": may_start_report(user)
        and (found.starts_on is None or found.starts_on <= timezone.localdate())
        and not reports.filter(office=user.office_id).exists(),
    }
    return render(request, "reporting/event.html", context)
