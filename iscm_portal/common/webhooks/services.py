"""What is sent to webhooks, when, and what becomes of it."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from .. import outbox
from ..access import allowed_scopes, may
from ..changes import feed
from ..changes.telling import told
from . import sending
from .models import State, StoppedBecause, Webhook, WebhookDelivery, WebhookTry

Clock = Callable[[], dt.datetime]

# Changes sent at once, and how long one round goes on: beat has other work, too.
BATCH = 100
ROUND = dt.timedelta(seconds=40)
# Longer than a request takes at most.
HOLD = dt.timedelta(seconds=120)
# Between two tries; then an hour each time.
PAUSES = tuple(dt.timedelta(seconds=n) for n in (10, 30, 60, 120, 300, 600, 1200, 1800))
LONGEST_PAUSE = dt.timedelta(hours=1)
PATIENCE = dt.timedelta(hours=24)
# How long it is told what was sent.
LOG_KEPT = dt.timedelta(days=30)
# A webhook without news moves on in the feed this often, so that its position does not age.
MOVES_ON = dt.timedelta(days=1)

STOPPED = "webhooks.stopped"


def reader_of(webhook: Webhook) -> feed.Reader:
    """Through whose eyes the feed is read: the owner's, now."""
    return feed.Reader.of(webhook.owner, allowed_scopes(webhook.owner), webhook.types)


def subscribe(owner: Any, label: str, url: str, types: list[str], at: dt.datetime) -> Webhook:
    """A webhook of ``owner`` that sends what changes from now on."""
    webhook = Webhook(owner=owner, label=label, url=url, types=types)
    webhook.position = feed.now(at).text(reader_of(webhook))
    webhook._history_user = owner  # type: ignore[attr-defined]
    webhook.save()
    return webhook


def pause(webhook: Webhook, actor: Any) -> None:
    _change(webhook, {"state": State.PAUSED}, actor)


def resume(webhook: Webhook, actor: Any, at: dt.datetime) -> bool:
    """Let it send again from where it stopped; False where it can only go on from now, so that its
    receiver has to pull anew."""
    reader = reader_of(webhook)
    values = {"state": State.ACTIVE, "stopped_because": "", "failing_since": None, "tries": 0}
    goes_on = True
    try:
        feed.Position.read(webhook.position, reader, at)
    except (feed.Gone, feed.Unreadable):
        goes_on = False
        values["position"] = feed.now(at).text(reader)
        # What was to be sent next was made for other eyes.
        webhook.deliveries.filter(done_at__isnull=True).delete()
    _change(webhook, {**values, "next_try_at": None}, actor)
    return goes_on


def _change(webhook: Webhook, values: Mapping[str, Any], actor: Any, reason: str = "") -> None:
    """Save these fields and no other: what is sent meanwhile writes how far it came."""
    for name, value in values.items():
        setattr(webhook, name, value)
    webhook._history_user = actor  # type: ignore[attr-defined]
    webhook._change_reason = reason or None  # type: ignore[attr-defined]
    webhook.save(update_fields=list(values))


def ask_again(delivery: WebhookDelivery, at: dt.datetime) -> None:
    """Have ``delivery`` sent again, out of its turn; one that was not taken yet, now."""
    if delivery.done_at is None:
        Webhook.objects.filter(pk=delivery.webhook_id).update(next_try_at=None)
    else:
        WebhookDelivery.objects.filter(pk=delivery.pk).update(asked_at=at)


def deliver(clock: Clock) -> int:
    """Send what is to be sent now; returns the number of requests that were made.

    No transaction is open while a receiver takes its time.
    """
    began, sent = clock(), 0
    active = Q(state=State.ACTIVE) & (Q(next_try_at=None) | Q(next_try_at__lte=began))
    asked = Q(pk__in=WebhookDelivery.objects.filter(asked_at__isnull=False).values("webhook"))
    for pk in Webhook.objects.filter(active | asked).order_by("pk").values_list("pk", flat=True):
        at = clock()
        if at > began + ROUND:
            break
        if webhook := _hold(pk, at):
            try:
                sent += _send_again(webhook, clock)
                sent += _send_news(webhook, clock, until=began + ROUND)
            finally:
                Webhook.objects.filter(pk=pk, held_until=webhook.held_until).update(held_until=None)
    return sent


def _hold(pk: int, at: dt.datetime) -> Webhook | None:
    """The webhook, held against others who deliver; None where one of them has it."""
    free = Q(held_until=None) | Q(held_until__lt=at)
    if not Webhook.objects.filter(free, pk=pk).update(held_until=at + HOLD):
        return None
    return Webhook.objects.select_related("owner").filter(pk=pk).first()


def _keep_hold(webhook: Webhook, at: dt.datetime) -> bool:
    """Hold it for one request more; False where somebody else took it, or paused or removed it."""
    mine = Webhook.objects.filter(pk=webhook.pk, held_until=webhook.held_until)
    webhook.held_until = at + HOLD
    return bool(mine.update(held_until=webhook.held_until))


def _send_again(webhook: Webhook, clock: Clock) -> int:
    """Send once more what somebody asked for; it was taken before, and tells nothing new."""
    sent = 0
    asked = webhook.deliveries.filter(asked_at__isnull=False)
    if not _has_owner(webhook):
        asked.update(asked_at=None)
    for delivery in asked.order_by("pk"):
        if not _keep_hold(webhook, clock()):
            break
        _send(webhook, delivery, clock(), is_again=True)
        WebhookDelivery.objects.filter(pk=delivery.pk).update(asked_at=None)
        sent += 1
    return sent


def _has_owner(webhook: Webhook) -> bool:
    """Whether somebody answers for it who may have one."""
    return bool(webhook.owner.is_active and may(webhook.owner, "use_webhooks"))


def _send_news(webhook: Webhook, clock: Clock, until: dt.datetime) -> int:
    """Send what has changed, in order, until there is no more or it is not taken."""
    sent = 0
    while (at := clock()) <= until and _is_due(webhook, at) and _keep_hold(webhook, at):
        delivery = _next(webhook, at)
        if delivery is None:
            break
        answer = _send(webhook, delivery, clock())
        sent += 1
        if not answer.is_taken:
            _is_not_taken(webhook, clock())
            break
        _is_taken(webhook, delivery, clock())
    return sent


def _is_due(webhook: Webhook, at: dt.datetime) -> bool:
    due = Q(next_try_at=None) | Q(next_try_at__lte=at)
    return Webhook.objects.filter(due, pk=webhook.pk, state=State.ACTIVE).exists()


def _next(webhook: Webhook, at: dt.datetime) -> WebhookDelivery | None:
    """What is to be sent next: what was not taken yet, else what is new. None: there is nothing,
    or the webhook had to be stopped."""
    if not _has_owner(webhook):
        _stop(webhook, StoppedBecause.OWNER)
        return None
    reader = reader_of(webhook)
    try:
        position = feed.Position.read(webhook.position, reader, at)
    except feed.Gone as gone:
        _stop(webhook, StoppedBecause.TOO_OLD if gone.is_old else StoppedBecause.SIGHT)
        return None
    except feed.Unreadable:
        _stop(webhook, StoppedBecause.SECRET)
        return None
    waiting: WebhookDelivery | None = webhook.deliveries.filter(done_at__isnull=True).first()
    if waiting:
        return waiting
    page = feed.read(reader, position, BATCH, at)
    if not page.entries:
        if at - position.at > MOVES_ON:
            _move(webhook, page.position.text(reader))
        return None
    delivery = WebhookDelivery(
        webhook=webhook,
        changes=len(page.entries),
        position=page.position.text(reader),
        made_at=at,
    )
    base = f"{settings.PORTAL_URL}/api/v1/"
    content = {
        "webhook": webhook.pk,
        "delivery": delivery.key,
        "made_at": at,
        "changes": [told(entry, base) for entry in page.entries],
    }
    delivery.body = orjson.dumps(content, option=orjson.OPT_UTC_Z).decode()
    delivery.save()
    return delivery


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What the receiver works out as well, to know who sent this and when."""
    text = timestamp.encode() + b"." + body
    return "v1=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def _send(
    webhook: Webhook, delivery: WebhookDelivery, at: dt.datetime, is_again: bool = False
) -> WebhookTry:
    body, timestamp = delivery.body.encode(), str(int(at.timestamp()))
    answer = sending.post(
        webhook.url,
        body,
        {
            "Content-Type": "application/json",
            "User-Agent": "ISCM-Portal-Webhook/1",
            "X-ISCM-Delivery": str(delivery.key),
            "X-ISCM-Timestamp": timestamp,
            "X-ISCM-Signature": signature(webhook.secret, timestamp, body),
        },
    )
    made = WebhookTry(
        delivery=delivery,
        at=at,
        status=answer.status,
        ms=answer.ms,
        answer=answer.text,
        error=answer.error,
        is_again=is_again,
    )
    # Somebody may have removed the webhook meanwhile.
    if WebhookDelivery.objects.filter(pk=delivery.pk).exists():
        made.save()
    return made


def _is_taken(webhook: Webhook, delivery: WebhookDelivery, at: dt.datetime) -> None:
    with transaction.atomic():
        WebhookDelivery.objects.filter(pk=delivery.pk).update(done_at=at)
        Webhook.objects.filter(pk=webhook.pk).update(
            position=delivery.position, failing_since=None, tries=0, next_try_at=None
        )
    webhook.position, webhook.tries, webhook.failing_since = delivery.position, 0, None


def _is_not_taken(webhook: Webhook, at: dt.datetime) -> None:
    since = webhook.failing_since or at
    if at - since >= PATIENCE:
        _stop(webhook, StoppedBecause.NO_ANSWER)
        return
    pause = PAUSES[webhook.tries] if webhook.tries < len(PAUSES) else LONGEST_PAUSE
    Webhook.objects.filter(pk=webhook.pk).update(
        failing_since=since, tries=webhook.tries + 1, next_try_at=at + pause
    )


def _move(webhook: Webhook, position: str) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(position=position)
    webhook.position = position


def _stop(webhook: Webhook, why: StoppedBecause) -> None:
    """Send nothing more, and tell the owner."""
    with transaction.atomic():
        fresh = Webhook.objects.select_for_update().filter(pk=webhook.pk, state=State.ACTIVE)
        for record in fresh:
            values = {"state": State.STOPPED, "stopped_because": why}
            _change(record, values, actor=None, reason=why.value)
            outbox.write(STOPPED, {"webhook": record.pk, "why": why.value})
    webhook.state = State.STOPPED


@outbox.handles(STOPPED)
def tell_owner(payload: outbox.Payload, at: dt.datetime) -> None:
    """A mail to the owner of a webhook that was stopped."""
    webhook = Webhook.objects.select_related("owner").filter(pk=payload["webhook"]).first()
    if webhook is None or not webhook.owner.email or not webhook.owner.is_active:
        return
    page = f"{settings.PORTAL_URL}/webhooks/{webhook.pk}/"
    with translation.override(getattr(webhook.owner, "language", None) or settings.LANGUAGE_CODE):
        why = StoppedBecause(payload["why"]).label
        paragraphs = [
            _("The portal sends nothing more to your webhook “%(label)s”: %(why)s")
            % {"label": webhook.label, "why": why},
            _("What it tells and how to let it go on: %(address)s") % {"address": page},
        ]
        EmailMessage(
            subject=_("Your webhook was stopped"),
            body="\n\n".join(paragraphs),
            to=[webhook.owner.email],
            reply_to=[settings.PORTAL_REPLY_TO] if settings.PORTAL_REPLY_TO else None,
            headers={"Auto-Submitted": "auto-generated"},
        ).send()


def forget_deliveries(at: dt.datetime) -> None:
    """Remove what was taken long ago, with its tries."""
    WebhookDelivery.objects.filter(done_at__lt=at - LOG_KEPT).delete()
