"""Events in everybody's own calendar, by a private link."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from iscm_portal.common.access import granted_scopes
from iscm_portal.common.api_use import record_use
from iscm_portal.common.choices import Scope
from iscm_portal.common.ical import Entry, calendar
from iscm_portal.common.models import ApiToken
from iscm_portal.common.pages import one_of

from ..models import ISCM, Event, SignedInRequest
from ..selectors import events_of_calendar

# Days that a link is good for.
GOOD_FOR = 365


@never_cache
def calendar_link(request: SignedInRequest) -> HttpResponse:
    """What a calendar link is; asked for, a new one, shown this once. It is a token like others."""
    iscms = ISCM.objects.visible_to(request.user)
    slug = one_of(request, "iscm", {iscm.slug for iscm in iscms})
    link, token = "", None
    if request.method == "POST":
        scopes = [Scope.READ_CALENDAR.value]
        token, text = ApiToken.issue(request.user, scopes, GOOD_FOR, _("Calendar"))
        link = f"{settings.PORTAL_URL}{reverse('calendar_feed', args=[text])}"
        link += f"?iscm={slug}" if slug else ""
    context = {"iscms": iscms, "iscm": slug, "link": link, "token": token}
    return render(request, "engagements/calendar.html", context)


@require_safe
def calendar_feed(request: HttpRequest, text: str) -> StreamingHttpResponse:
    """The events of the year behind and of all to come, as whoever made the link may see them."""
    now = timezone.now()
    token = ApiToken.objects.match(text, now)
    if token is None or Scope.READ_CALENDAR not in granted_scopes(token.user, token):
        raise Http404
    token.note_use(now)
    iscms = ISCM.objects.visible_to(token.user)
    slug = one_of(request, "iscm", {iscm.slug for iscm in iscms})
    events = events_of_calendar(token.user, now.date(), slug)
    lines = calendar(_("Events of the mechanisms"), map(_entry, events.iterator(chunk_size=500)))
    response = StreamingHttpResponse(_in_octets(lines), content_type="text/calendar; charset=utf-8")
    response["Cache-Control"] = "private, no-cache"
    response["Content-Disposition"] = 'inline; filename="events.ics"'
    request.auth = token  # type: ignore[attr-defined]
    record_use(request, response)
    return response


def _in_octets(lines: Iterator[str]) -> Iterator[bytes]:
    for line in lines:
        yield line.encode()


def _entry(event: Event) -> Entry:
    acronyms = tuple(iscm.acronym for iscm in event.iscms.all())
    place = ", ".join(filter(None, [event.city, str(event.country or "")]))
    about = [event.subject]
    if event.is_proposed:
        about.append(_("Proposed, not yet confirmed."))
    if event.is_demo:
        about.append(_("Invented for demonstration."))
    return Entry(
        uid=f"event-{event.pk}@{settings.PORTAL_URL.partition('//')[2]}",
        name=": ".join(filter(None, [", ".join(acronyms), event.name])),
        starts_on=event.sorted_on,
        ends_on=event.ends_on or event.sorted_on,
        changed_at=event.updated_at,
        place=place,
        about="\n".join(filter(None, about)),
        address=f"{settings.PORTAL_URL}{reverse('event', args=[event.pk])}",
        categories=acronyms,
    )
