"""Notices in the portal, how somebody wants them by e-mail, and how to end the mails."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from engagements.models import SignedInRequest
from iscm_portal.common.access import may
from iscm_portal.common.forms import problems_of
from iscm_portal.common.pages import keyset_page

from ..forms.profile import ProfileForm
from ..models import Notice
from ..selectors.audits import alarm_for
from ..selectors.surveys import waiting_for_office
from ..services import notices as services


def notices(request: SignedInRequest) -> HttpResponse:
    """The reader's own notices, the latest first."""
    rows = Notice.objects.visible_to(request.user).select_related(
        "duty__event", "duty__office", "rule"
    )
    page = keyset_page(request, rows, "-pk")
    with translation.override(request.user.language):
        told = [(row, services.sentence(row)) for row in page.rows]
    context = {
        "page": page,
        "told": told,
        "language": request.user.language,
        "unread": rows.unread().count(),
        "alarm": alarm_for(request.user),
        "surveys": waiting_for_office(request.user, timezone.localdate()),
    }
    return render(request, "reporting/notices.html", context)


@require_POST
def read_notices(request: SignedInRequest) -> HttpResponse:
    services.mark_read(request.user, timezone.now())
    return redirect("notices")


@require_http_methods(["GET", "POST"])
def profile(request: SignedInRequest) -> HttpResponse:
    """What somebody sets for himself: how often and in which language he is told."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("profile")
    context = {
        "form": form,
        "problems": problems_of(form) if form.is_bound else [],
        "has_errors": form.is_bound,
        "may_use_webhooks": may(request.user, "use_webhooks"),
    }
    return render(request, "reporting/profile.html", context, status=422 if form.is_bound else 200)


@csrf_exempt  # a mail program posts here by itself (RFC 8058); the token says who it is
@require_http_methods(["GET", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """End the mails. A GET only asks: programs that look at links must end nothing."""
    if request.method == "POST" and services.unsubscribe(token) is None:
        raise Http404
    return render(request, "reporting/unsubscribe.html", {"done": request.method == "POST"})
