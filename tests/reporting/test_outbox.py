"""The outbox keeps what is undone and does each piece of work once."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from iscm_portal.common import outbox
from iscm_portal.common.models import OutboxMessage

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 3, 20, 9, 0, tzinfo=dt.UTC)


@pytest.fixture
def heard() -> Iterator[list[dict[str, Any]]]:
    """What reached the handler of the topic "news"; "bad" news is an error."""
    payloads: list[dict[str, Any]] = []

    def listen(payload: dict[str, Any], at: dt.datetime) -> None:
        if payload.get("bad"):
            OutboxMessage.objects.create(topic="half done")
            raise ValueError("bad news")
        payloads.append(payload)

    outbox.handles("news")(listen)
    yield payloads
    del outbox._handlers["news"]


def test_a_message_is_handled_once(heard: list[dict[str, Any]]):
    outbox.write("news", {"years": [2026]})
    assert outbox.deliver(NOW) == 1
    assert outbox.deliver(NOW) == 0
    assert heard == [{"years": [2026]}]
    assert OutboxMessage.objects.get().done_at == NOW


def test_messages_that_say_the_same_are_handled_together(heard: list[dict[str, Any]]):
    for year in (2026, 2025, 2026):
        outbox.write("news", {"years": [year]})
    assert outbox.deliver(NOW) == 3
    assert heard == [{"years": [2026]}, {"years": [2025]}]


def test_a_failure_is_kept_and_hinders_no_other(heard: list[dict[str, Any]]):
    outbox.write("news", {"bad": True})
    outbox.write("nobody listens", {})
    outbox.write("news", {"good": True})
    with pytest.raises(outbox.DeliveryFailed, match="2 message"):
        outbox.deliver(NOW)
    assert heard == [{"good": True}]
    bad, unheard, good = OutboxMessage.objects.order_by("pk")
    assert (bad.done_at, bad.attempts, bad.last_error) == (None, 1, "ValueError: bad news")
    assert (unheard.done_at, unheard.attempts) == (None, 1)
    assert good.done_at == NOW  # and what the failed one had begun is gone


def test_a_failed_message_is_tried_again(heard: list[dict[str, Any]]):
    outbox.write("news", {"bad": True})
    for _tick in range(2):
        with pytest.raises(outbox.DeliveryFailed):
            outbox.deliver(NOW)
    message = OutboxMessage.objects.get()
    assert message.attempts == 2
    OutboxMessage.objects.update(payload={})
    assert outbox.deliver(NOW) == 1
    message.refresh_from_db()
    assert message.last_error == ""


@pytest.mark.django_db(transaction=True)
def test_a_message_goes_with_its_transaction():
    def change_and_fail() -> None:
        with transaction.atomic():
            outbox.write("news", {})
            raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        change_and_fail()
    assert not OutboxMessage.objects.exists()
    with pytest.raises(RuntimeError):
        outbox.write("news", {})
