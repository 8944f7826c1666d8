"""The outbox: work that a change calls for, written with the change and done after its commit.

A broker that is away or a worker that is killed loses nothing: what is undone stays in the table
and is taken up at the next tick.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

from celery import shared_task
from django.db import connection, transaction
from django.utils import timezone

from .jobs import after_commit
from .models import OutboxMessage

log = logging.getLogger(__name__)

Payload = dict[str, Any]
Handler = Callable[[Payload, dt.datetime], None]

# topic -> what is done about it
_handlers: dict[str, Handler] = {}


class DeliveryFailed(Exception):
    """Some messages could not be handled; they stay in the outbox with their error."""


def handles(topic: str) -> Callable[[Handler], Handler]:
    """Name the function that does the work of ``topic``. It must be safe to run twice."""

    def register(handler: Handler) -> Handler:
        _handlers[topic] = handler
        return handler

    return register


def write(topic: str, payload: Payload) -> None:
    """Leave work for after the commit; without a commit there is none."""
    if not connection.in_atomic_block:
        raise RuntimeError("A message belongs to the transaction of the change it speaks of.")
    OutboxMessage.objects.create(topic=topic, payload=payload)
    after_commit(deliver_outbox)


def deliver(at: dt.datetime) -> int:
    """Handle every undone message once, oldest first; returns how many were done.

    Each is handled in a transaction of its own, together with the others that say the same. One
    that fails keeps its error and hinders no other; ``DeliveryFailed`` is raised at the end.
    """
    done, failed, last = 0, 0, 0
    while True:
        with transaction.atomic():
            message = _next_after(last)
            if message is None:
                break
            last = message.pk
            handled = _handle(message, at)
        done += handled
        failed += not handled
    if failed:
        raise DeliveryFailed(f"{failed} message(s) could not be handled; see the outbox.")
    return done


def _next_after(last: int) -> OutboxMessage | None:
    """The next undone message that no other worker holds. (SQLite has one writer at a time.)"""
    undone = OutboxMessage.objects.select_for_update(skip_locked=True)
    return undone.filter(done_at__isnull=True, pk__gt=last).order_by("pk").first()


def _handle(message: OutboxMessage, at: dt.datetime) -> int:
    """Do the work of ``message``; returns how many messages that settled, 0 when it failed."""
    same = OutboxMessage.objects.select_for_update(skip_locked=True).filter(
        done_at__isnull=True, topic=message.topic, payload=message.payload
    )
    pks = [other.pk for other in same]
    try:
        with transaction.atomic():
            _handlers[message.topic](message.payload, at)
    except Exception as error:  # whatever it is, the other messages must go out
        log.exception("outbox message %s (%s) failed", message.pk, message.topic)
        message.attempts += 1
        message.last_error = f"{type(error).__name__}: {error}"
        message.save(update_fields=["attempts", "last_error"])
        return 0
    return OutboxMessage.objects.filter(pk__in=pks).update(done_at=at, last_error="")


@shared_task(name="common.deliver_outbox")
def deliver_outbox() -> None:
    """Do what waits in the outbox. Fails when a message did; the others are done all the same."""
    deliver(timezone.now())
