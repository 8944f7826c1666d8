"""A webhook with a log, for the tests of pages."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from iscm_portal.common.models import WebhookDelivery, WebhookTry
from iscm_portal.common.webhooks import services

ADDRESS = "https://mirror.example.org/hooks/iscm-portal-changes"


def sent_delivery(owner: Any, number: int = 1) -> WebhookDelivery:
    """A new webhook of ``owner`` with ``number`` deliveries that were taken after three tries, and
    one that waits; returns the last that was taken."""
    at = timezone.now()
    webhook = services.subscribe(owner, "Mirror of the directory", ADDRESS, ["themes"], at)
    webhook.failing_since = webhook.next_try_at = at
    webhook.save(update_fields=["failing_since", "next_try_at"])
    for turn in range(number + 1):
        delivery = WebhookDelivery.objects.create(
            webhook=webhook,
            body="{}",
            changes=12,
            position=webhook.position,
            made_at=at,
            done_at=at if turn < number else None,
        )
        said = [(503, "x" * 400, ""), (None, "", "timed out"), (200, "ok", "")]
        WebhookTry.objects.bulk_create(
            [
                WebhookTry(delivery=delivery, at=at, status=status, ms=81, answer=text, error=error)
                for status, text, error in said
            ]
        )
        if turn < number:
            taken = delivery
    return taken
