"""Pages of webhooks: make one, look at what it sent, pause it, have something sent again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ..access import may
from ..forms import problems_of
from ..history import delete_with_history
from ..jobs import long_after_commit
from ..pages import keyset_page
from . import services
from .forms import WebhookForm
from .models import State, Webhook, WebhookDelivery
from .tasks import deliver_webhooks


def _refuse_others(request: HttpRequest) -> None:
    if not may(request.user, "use_webhooks"):
        raise PermissionDenied


def _webhook(request: HttpRequest, pk: int) -> Webhook:
    rows = Webhook.objects.visible_to(request.user).select_related("owner")
    found: Webhook = get_object_or_404(rows, pk=pk)
    return found


@require_GET
def webhooks(request: HttpRequest) -> HttpResponse:
    """The webhooks that the reader looks after, the newest first."""
    _refuse_others(request)
    rows = Webhook.objects.visible_to(request.user).select_related("owner")
    context = {
        "page": keyset_page(request, rows, "-pk"),
        "stopped": rows.filter(state=State.STOPPED).count(),
        "failing": rows.filter(state=State.ACTIVE, failing_since__isnull=False).count(),
        "sees_all": may(request.user, "manage_users"),
    }
    return render(request, "webhooks/list.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def webhook_new(request: HttpRequest) -> HttpResponse:
    """A form; once sent, the secret, which is not shown again."""
    _refuse_others(request)
    form = WebhookForm(request.POST or None, owner=request.user)
    if request.method == "GET" or not form.is_valid():
        context = {"form": form, "problems": problems_of(form), "has_errors": bool(form.errors)}
        status = 200 if request.method == "GET" else 422
        return render(request, "webhooks/new.html", context, status=status)
    with transaction.atomic():
        made = services.subscribe(request.user, **form.cleaned_data, at=timezone.now())
    return render(request, "webhooks/made.html", {"webhook": made})


@require_GET
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    """What was sent, and what was answered."""
    found = _webhook(request, pk)
    deliveries = found.deliveries.prefetch_related("sent")
    context = {
        "webhook": found,
        "page": keyset_page(request, deliveries, "-pk", size=20),
        "waiting": found.deliveries.filter(done_at__isnull=True).first(),
    }
    return render(request, "webhooks/webhook.html", context)


@require_POST
def webhook_pause(request: HttpRequest, pk: int) -> HttpResponse:
    found = _webhook(request, pk)
    if found.state == State.ACTIVE:
        services.pause(found, request.user)
        messages.success(request, _("It sends nothing until you let it go on."))
    return redirect("webhook", pk=pk)


@require_POST
def webhook_resume(request: HttpRequest, pk: int) -> HttpResponse:
    found = _webhook(request, pk)
    if found.state != State.ACTIVE:
        with transaction.atomic():
            goes_on = services.resume(found, request.user, timezone.now())
            long_after_commit(deliver_webhooks)
        said = (
            _("It goes on from where it stopped.")
            if goes_on
            else _("It sends what changes from now on. What lies between is to be pulled anew.")
        )
        messages.success(request, said)
    return redirect("webhook", pk=pk)


@require_POST
def webhook_remove(request: HttpRequest, pk: int) -> HttpResponse:
    found = _webhook(request, pk)
    delete_with_history(found, request.user)
    messages.success(request, _("“%(label)s” is removed.") % {"label": found.label})
    return redirect("webhooks")


@require_POST
def webhook_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a delivery sent once more."""
    deliveries: Any = WebhookDelivery.objects.visible_to(request.user)
    delivery = get_object_or_404(deliveries, pk=pk)
    with transaction.atomic():
        services.ask_again(delivery, timezone.now())
        long_after_commit(deliver_webhooks)
    messages.success(request, _("It is sent again within a moment."))
    return redirect("webhook", pk=delivery.webhook_id)
