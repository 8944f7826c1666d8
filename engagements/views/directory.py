"""Pages that show the directory and nothing else."""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from iscm_portal.common.filters import FIRST_YEAR, LAST_YEAR
from iscm_portal.common.pages import keyset_page, one_of, whole_number

from ..choices import ROLE_GROUPS, EventKind, ISCMType, RoleKind
from ..models import ISCM, IOMRole, Office, SignedInRequest
from ..selectors import EVALUATION_DAY, event_list, iscm_list, iscms_by_type, roles_by_group

ROLE_GROUP_WORDS = {
    "member": gettext_lazy("member organization"),
    "permanent_observer": gettext_lazy("permanent observer"),
    "technical": gettext_lazy("technical (co-)secretariat"),
    "administrative": gettext_lazy("administrative secretariat or host"),
}


def asked_day(text: str, default: dt.date) -> dt.date:
    """The day of an address. Raises BadRequest for what is no day."""
    if not text:
        return default
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BadRequest(_("A day is written like 2019-03-31.")) from None


def iscms(request: SignedInRequest) -> HttpResponse:
    """All mechanisms with IOM's roles on a day; the evaluation's own day unless asked."""
    day = asked_day(request.GET.get("on", ""), EVALUATION_DAY)
    rows = iscm_list(request.user)
    kind = one_of(request, "type", ISCMType.values)
    group = one_of(request, "role", ROLE_GROUPS)
    roles = IOMRole.objects.visible_to(request.user).confirmed().held_on(day)
    if kind:
        rows = rows.filter(type=kind)
    if group:
        rows = rows.filter(pk__in=roles.in_group(group).values("iscm"))
    held: dict[int, list[str]] = {}
    for iscm_id, role in roles.values_list("iscm", "role"):
        held.setdefault(iscm_id, []).append(str(RoleKind(role).label))
    context = {
        "rows": [(row, held.get(row.pk, [])) for row in rows],
        "by_type": iscms_by_type(request.user),
        "types": ISCMType.choices,
        "type": kind,
        "role": group,
        "day": day,
        "role_counts": [
            {"count": count, "word": ROLE_GROUP_WORDS[count.group]}
            for count in roles_by_group(request.user, day)
        ],
    }
    return render(request, "engagements/iscms.html", context)


def offices(request: SignedInRequest) -> HttpResponse:
    """IOM's offices and units, and what it hosts, each with its source."""
    rows = Office.objects.visible_to(request.user)
    context = {
        "rows": rows.select_related("country", "parent").prefetch_related("focal_for"),
    }
    return render(request, "engagements/offices.html", context)


def events(request: SignedInRequest) -> HttpResponse:
    """Events, newest first, by mechanism, kind and year."""
    rows = event_list(request.user)
    iscms = ISCM.objects.visible_to(request.user)
    kind = one_of(request, "kind", EventKind.values)
    slug = one_of(request, "iscm", {iscm.slug for iscm in iscms})
    year = request.GET.get("year", "")
    if kind:
        rows = rows.filter(kind=kind)
    if slug:
        rows = rows.filter(iscms__slug=slug)
    if year:
        rows = rows.filter(year=whole_number(year, FIRST_YEAR, LAST_YEAR))
    context = {
        "page": keyset_page(request, rows, "-sorted_on", "-pk"),
        "kinds": EventKind.choices,
        "kind": kind,
        "iscm": slug,
        "year": year,
        "iscms": iscms,
    }
    return render(request, "engagements/events.html", context)
