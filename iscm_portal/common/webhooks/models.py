"""Subscriptions, what was sent to each, and each try to send it."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from .querysets import DeliveryQuerySet, WebhookQuerySet


class State(models.TextChoices):
    ACTIVE = "active", _("Sends")
    PAUSED = "paused", _("Paused")
    STOPPED = "stopped", _("Stopped by the portal")


class StoppedBecause(models.TextChoices):
    NO_ANSWER = "no_answer", _("The receiver took nothing for 24 hours.")
    SIGHT = "sight", _("What its owner may see has changed.")
    TOO_OLD = "too_old", _("It had stood still for more than 90 days.")
    SECRET = "secret", _("The portal has a new secret, and so has the webhook: make it anew.")
    OWNER = "owner", _("Its owner may not have one any more.")


def new_key() -> str:
    return secrets.token_hex(16)


class Webhook(models.Model):
    """An address to which the changes of some resources are sent, as far as its owner sees them.

    Its secret is made of ``key`` and the portal's own: a copy of the database can't sign.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    label = models.CharField(_("name"), max_length=80)
    url = models.URLField(_("address"), max_length=500)
    types = models.JSONField(_("resources"), default=list)
    key = models.CharField(max_length=32, default=new_key, editable=False)
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.ACTIVE, editable=False
    )
    stopped_because = models.CharField(
        max_length=10, choices=StoppedBecause.choices, blank=True, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # How far its owner's feed was sent.
    position = models.TextField(editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    next_try_at = models.DateTimeField(null=True, editable=False)
    # One at a time sends to it; who was killed meanwhile holds it no longer than that.
    held_until = models.DateTimeField(null=True, editable=False)

    history = HistoricalRecords(
        excluded_fields=["position", "failing_since", "tries", "next_try_at", "held_until", "key"]
    )
    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.label

    @property
    def secret(self) -> str:
        return salted_hmac("iscm_portal.webhooks", self.key, algorithm="sha256").hexdigest()

    @property
    def reason(self) -> Any:
        """Why the portal stopped it, in words."""
        return self.get_stopped_because_display()


class WebhookDelivery(models.Model):
    """Changes that were, or are to be, sent together; sent again, the same bytes are sent."""

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    key = models.UUIDField(default=uuid.uuid4, unique=True)
    body = models.TextField()
    changes = models.PositiveSmallIntegerField()
    # The place in the feed after them.
    position = models.TextField()
    made_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    # Somebody asked for it to be sent again, and it was not yet.
    asked_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            # In order: the next one is not made before this one is taken.
            models.UniqueConstraint(
                fields=["webhook"],
                condition=models.Q(done_at__isnull=True),
                name="webhookdelivery_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return str(self.key)


class WebhookTry(models.Model):
    """One request to the receiver and what it said. Without ``status`` there was no answer, and
    ``error`` says why."""

    delivery = models.ForeignKey(WebhookDelivery, models.CASCADE, related_name="sent")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    ms = models.PositiveIntegerField()
    answer = models.TextField(blank=True)
    error = models.TextField(blank=True)
    is_again = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.delivery}: {self.status or self.error}"

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300
