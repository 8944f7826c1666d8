"""Base models and the tables that belong to no app: jobs, the outbox, API tokens."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from .changes.models import Change
from .choices import Confidence
from .webhooks.models import Webhook, WebhookDelivery, WebhookTry

__all__ = [
    "ApiToken",
    "Change",
    "JobRun",
    "OutboxMessage",
    "SentForm",
    "Sourced",
    "Tracked",
    "Webhook",
    "WebhookDelivery",
    "WebhookTry",
]


class Tracked(models.Model):
    """A record whose every change is kept: who, when, from what, to what."""

    created_at = models.DateTimeField(_("created"), auto_now_add=True, editable=False)
    updated_at = models.DateTimeField(_("updated"), auto_now=True, editable=False)
    is_demo = models.BooleanField(_("demo data"), default=False, editable=False)
    history = HistoricalRecords(inherit=True)

    class Meta:
        abstract = True


class Sourced(models.Model):
    """A record that says where it comes from, how sure that is, and what is odd about it."""

    source = models.TextField(_("source"), blank=True)
    confidence = models.CharField(
        _("confidence"), max_length=10, choices=Confidence.choices, blank=True
    )
    note = models.TextField(_("note"), blank=True)

    class Meta:
        abstract = True


class OutboxMessage(models.Model):
    """Work that a change calls for, written in the same transaction as the change.

    It is done after the commit, by a task; what a stopped broker or a killed worker left undone
    stays here with ``done_at`` empty and is taken up at the next tick.
    """

    topic = models.CharField(max_length=60)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [
            # The tick asks for the undone ones only; they are few whatever the table's size.
            models.Index(
                fields=["id"], name="outbox_undone", condition=models.Q(done_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.pk}"


class JobRun(models.Model):
    """One run of one task: what ran, when, and how it ended."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    task = models.CharField(max_length=120)
    task_id = models.CharField(max_length=64, db_index=True)
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.task} {self.get_state_display()}"


class SentForm(models.Model):
    """The name that an empty form was given, and the record that it made: the same form sent twice,
    from a line that broke before the answer came or by a double click, makes one record."""

    key = models.UUIDField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    model = models.CharField(max_length=100)
    record = models.BigIntegerField()
    sent_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.model} {self.record}"


class TableVersion(models.Model):
    """How many ``times`` a table was written to: on PostgreSQL by the transaction ``number`` and
    those that were put together with it. Written by triggers, read by ``versions.version_of``."""

    name = models.CharField(max_length=63)
    number = models.BigIntegerField()
    times = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "number"], name="tableversion_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class KeyedCall(models.Model):
    """A call that created something, under the key that its sender gave it: sent again within a
    day it is answered as before. Written in the transaction of what it creates."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=100)
    # Of the address and what was sent.
    digest = models.CharField(max_length=64)
    called_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.BinaryField(default=b"")
    headers = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="keyedcall_once_a_user")
        ]

    def __str__(self) -> str:
        return self.key

    def keep(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Keep what was answered."""
        self.status, self.body, self.headers = status, body, headers
        self.save(update_fields=["status", "body", "headers"])


# "Last used" is for people; a write a request would cost more than it tells.
LAST_USED_STEP = dt.timedelta(minutes=10)


def digest_of(secret: str) -> str:
    """What is kept of a token's text."""
    return hashlib.sha512(secret.encode()).hexdigest()


# What every call by a token needs of it and its owner: a fifth of what the two hold.
_ASKED_OF_A_TOKEN = (
    "prefix",
    "digest",
    "scopes",
    "expires_at",
    "last_used_at",
    "user__access_group",
    "user__is_active",
    "user__office",
)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def valid(self, at: dt.datetime) -> ApiTokenQuerySet:
        return self.filter(revoked_at__isnull=True, expires_at__gt=at, user__is_active=True)

    def of(self, user: Any) -> ApiTokenQuerySet:
        """The tokens that ``user`` has made, the newest first."""
        return self.filter(user=user)

    def match(self, text: str, at: dt.datetime) -> ApiToken | None:
        """The valid token whose secret is ``text``, or None."""
        prefix, _dot, _secret = text.partition(".")
        found = self.valid(at).filter(prefix=prefix).select_related("user").only(*_ASKED_OF_A_TOKEN)
        # The prefix is unique: there is nothing to sort. What is not asked for is read when it is.
        token = next(iter(found.order_by()), None)
        if token and secrets.compare_digest(token.digest, digest_of(text)):
            return token
        return None


class ApiToken(models.Model):
    """A key for a program: ``prefix.secret``, of which only the prefix and a SHA-512 are kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    label = models.CharField(_("label"), max_length=120)
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=128, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.label} ({self.prefix}…)"

    @classmethod
    def issue(
        cls, user: Any, scopes: list[str], days: int, label: str = ""
    ) -> tuple[ApiToken, str]:
        """Make a token and return it with its text, which is never to be had again."""
        prefix = secrets.token_hex(6)
        text = f"{prefix}.{secrets.token_urlsafe(32)}"
        now = timezone.now()
        token = cls.objects.create(
            user=user,
            label=label or f"API, {now:%Y-%m-%d}",
            prefix=prefix,
            digest=digest_of(text),
            scopes=scopes,
            expires_at=now + dt.timedelta(days=days),
        )
        return token, text

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()

    def note_use(self, at: dt.datetime) -> bool:
        """Keep when it was last used, to ten minutes; whether it was written now."""
        if self.last_used_at is not None and at - self.last_used_at <= LAST_USED_STEP:
            return False
        self.last_used_at = at
        ApiToken.objects.filter(pk=self.pk).update(last_used_at=at)
        return True

    def revoke(self, at: dt.datetime) -> None:
        """End the token now; one that is ended keeps its moment."""
        if self.revoked_at is None:
            self.revoked_at = at
            self.save(update_fields=["revoked_at"])


class ApiUse(models.Model):
    """What a token was used for on a day (UTC): an endpoint, how often, and how often refused.

    The row of a day is there with the first call; how the counts follow: ``common.api_use``.
    """

    token = models.ForeignKey(ApiToken, models.CASCADE, related_name="uses")
    day = models.DateField()
    endpoint = models.CharField(max_length=120)
    method = models.CharField(max_length=10)
    calls = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["-day", "endpoint", "method"]
        constraints = [
            models.UniqueConstraint(
                fields=["token", "day", "endpoint", "method"], name="apiuse_once_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.token} {self.day} {self.method} {self.endpoint}"
