"""What is sent to webhooks, in which order, how often, and when the portal gives up."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.db import connections, transaction
from django.utils import timezone

from engagements.models import Theme
from iscm_portal.common.changes.models import Change
from iscm_portal.common.models import OutboxMessage, Webhook, WebhookDelivery, WebhookTry
from iscm_portal.common.webhooks import services
from tests.api.following import show_own_transaction
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as told
from tests.webhooks.receiver import Receiver, running

pytestmark = pytest.mark.django_db


class Clock:
    """A clock that stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def __call__(self) -> dt.datetime:
        return self.now

    def forward(self, **step: float) -> None:
        self.now += dt.timedelta(**step)


@pytest.fixture(autouse=True)
def test_hosts(settings: Any) -> None:
    settings.WEBHOOK_TEST_HOSTS = ["127.0.0.1"]


@pytest.fixture(autouse=True)
def nothing_changed_before(db: None) -> None:
    """On SQLite a test that ends by emptying the tables leaves word of what it deleted."""
    Change.objects.all().delete()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def own_transaction(monkeypatch: pytest.MonkeyPatch, request: Any) -> None:
    if not request.node.get_closest_marker("django_db").kwargs.get("transaction"):
        show_own_transaction(monkeypatch)


@pytest.fixture
def receiver(own_transaction: None) -> Iterator[Receiver]:
    with running(Receiver()) as receiver:
        yield receiver


def subscribed(receiver: Receiver, *types: str, owner: Any = None, clock: Any = None) -> Webhook:
    owner = owner or make.UserFactory(access_group="ipd", email="owner@example.org")
    at = clock() if clock else timezone.now()
    webhook = services.subscribe(owner, "Mirror", receiver.address, list(types), at)
    receiver.secret = webhook.secret
    return webhook


def test_changes_are_sent_signed_in_order_and_as_the_feed_tells_them(
    receiver: Receiver, clock: Clock
) -> None:
    webhook = subscribed(receiver, "themes", "events")
    theme = make.ThemeFactory()
    event = make.EventFactory()
    pk = event.pk
    event.delete()
    assert services.deliver(clock) == 1
    headers, content, _status = receiver.requests[0]
    assert receiver.wrong == []
    assert headers["X-ISCM-Signature"].startswith("v1=")
    assert headers["X-ISCM-Delivery"] == content["delivery"]
    assert int(headers["X-ISCM-Timestamp"]) == int(clock().timestamp())
    assert content["webhook"] == webhook.pk
    assert receiver.changes == [
        ("themes", theme.pk, "created"),
        ("events", pk, "created"),
        ("events", pk, "deleted"),
    ]
    first, _second, last = content["changes"]
    assert first["url"] == f"http://127.0.0.1:8000/api/v1/themes/{theme.pk}/"
    assert last["url"] is None
    assert services.deliver(clock) == 0


def test_the_signature_is_the_hmac_of_timestamp_and_body() -> None:
    """Source: printf '1700000000.{}' | openssl dgst -sha256 -hmac secret"""
    assert services.signature("secret", "1700000000", b"{}") == (
        "v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
    )


def test_what_lies_before_the_subscription_or_of_other_resources_is_not_sent(
    receiver: Receiver, clock: Clock
) -> None:
    make.ThemeFactory()
    subscribed(receiver, "themes")
    make.EventFactory()
    assert services.deliver(clock) == 0


def test_it_sends_what_its_owner_may_see_and_no_more(receiver: Receiver, clock: Clock) -> None:
    owner = make.UserFactory(access_group="analyst")
    subscribed(receiver, "duties", "reports", "surveys", "funding-lines", owner=owner)
    told.DutyFactory()
    told.PostEventReportFactory(state="draft")
    told.SurveyFactory(state="draft")
    line = money.FundingLineFactory()
    services.deliver(clock)
    assert receiver.changes == [("funding-lines", line.pk, "created")]


def test_many_changes_are_sent_in_several_requests_in_order(
    receiver: Receiver, clock: Clock
) -> None:
    subscribed(receiver, "themes")
    Theme.objects.bulk_create([Theme(code=f"t{n}", name=f"T {n}") for n in range(250)])
    assert services.deliver(clock) == 3
    assert [len(content["changes"]) for content in receiver.taken] == [100, 100, 50]
    assert [pk for _type, pk, _change in receiver.changes] == list(
        Theme.objects.order_by("pk").values_list("pk", flat=True)
    )


def test_what_is_not_taken_is_sent_again_later_the_same_and_before_anything_else(
    receiver: Receiver, clock: Clock
) -> None:
    webhook = subscribed(receiver, "themes")
    receiver.answer = lambda number: 200 if number >= 3 else 503
    first = make.ThemeFactory()
    waits = []
    for _ in range(3):
        assert services.deliver(clock) == 1
        assert services.deliver(clock) == 0
        webhook.refresh_from_db()
        waits.append((webhook.next_try_at - clock()).total_seconds())
        clock.now = webhook.next_try_at
    second = make.ThemeFactory()
    assert services.deliver(clock) == 2
    assert waits == [10, 30, 60]
    bodies = [content for _headers, content, _status in receiver.requests[:4]]
    assert all(body == bodies[0] for body in bodies)
    assert [pk for _type, pk, _change in receiver.changes] == [first.pk, second.pk]
    webhook.refresh_from_db()
    assert (webhook.failing_since, webhook.tries, webhook.next_try_at) == (None, 0, None)


def test_each_try_is_kept_with_its_status_time_and_first_words(
    receiver: Receiver, clock: Clock
) -> None:
    webhook = subscribed(receiver, "themes")
    receiver.answer = lambda number: 200 if number else 503
    make.ThemeFactory()
    services.deliver(clock)
    clock.forward(minutes=1)
    services.deliver(clock)
    webhook.url = "http://127.0.0.1:1/"
    webhook.save(update_fields=["url"])
    make.ThemeFactory()
    services.deliver(clock)
    tries = list(WebhookTry.objects.order_by("pk"))
    assert [(t.status, t.answer, bool(t.error)) for t in tries] == [
        (503, "not now", False),
        (200, "taken", False),
        (None, "", True),
    ]
    assert all(t.ms >= 0 for t in tries)
    assert [delivery.sent.count() for delivery in WebhookDelivery.objects.order_by("pk")] == [2, 1]


@pytest.mark.django_db(transaction=True)
def test_after_24_hours_it_is_stopped_and_its_owner_is_told(
    receiver: Receiver, clock: Clock
) -> None:
    webhook = subscribed(receiver, "themes")
    receiver.answer = lambda number: 500
    make.ThemeFactory()
    began = clock()
    while True:
        services.deliver(clock)
        webhook.refresh_from_db()
        if webhook.state != "active":
            break
        clock.now = webhook.next_try_at
    assert dt.timedelta(hours=24) <= clock() - began < dt.timedelta(hours=25, minutes=10)
    assert 20 < len(receiver.requests) < 40
    assert (webhook.state, webhook.stopped_because) == ("stopped", "no_answer")
    (message,) = mail.outbox
    assert message.to == ["owner@example.org"]
    assert f"/webhooks/{webhook.pk}/" in message.body
    assert OutboxMessage.objects.filter(done_at__isnull=True).count() == 0
    clock.forward(days=1)
    assert services.deliver(clock) == 0
    history = webhook.history.first()
    assert (history.state, history.history_change_reason) == ("stopped", "no_answer")


def test_resumed_it_goes_on_where_it_stopped(receiver: Receiver, clock: Clock) -> None:
    webhook = subscribed(receiver, "themes")
    services.pause(webhook, webhook.owner)
    theme = make.ThemeFactory()
    assert services.deliver(clock) == 0
    assert services.resume(webhook, webhook.owner, clock())
    assert services.deliver(clock) == 1
    assert receiver.changes == [("themes", theme.pk, "created")]


def test_a_pause_does_not_undo_how_far_it_came(receiver: Receiver, clock: Clock) -> None:
    webhook = subscribed(receiver, "themes")
    old = Webhook.objects.get(pk=webhook.pk)
    make.ThemeFactory()
    services.deliver(clock)
    services.pause(old, old.owner)
    services.resume(old, old.owner, clock())
    services.deliver(clock)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"access_group": "finance"}, "sight"),
        ({"access_group": "reporter", "office": True}, "owner"),
        ({"is_active": False}, "owner"),
    ],
)
def test_it_stops_when_its_owner_sees_other_records_or_may_have_none(
    receiver: Receiver, clock: Clock, change: dict[str, Any], why: str
) -> None:
    webhook = subscribed(receiver, "duties")
    if change.pop("office", None):
        change["office"] = make.OfficeFactory()
    type(webhook.owner).objects.filter(pk=webhook.owner_id).update(**change)
    told.DutyFactory()
    assert services.deliver(clock) == 0
    webhook.refresh_from_db()
    assert (webhook.state, webhook.stopped_because) == ("stopped", why)
    assert not services.resume(Webhook.objects.get(pk=webhook.pk), None, clock()) or why == "owner"


def test_a_webhook_without_news_for_long_does_not_grow_too_old(
    receiver: Receiver, clock: Clock
) -> None:
    webhook = subscribed(receiver, "themes", clock=clock)
    for _ in range(100):
        clock.forward(days=2)
        services.deliver(clock)
    webhook.refresh_from_db()
    assert webhook.state == "active"


def test_sent_again_on_demand_it_is_the_same_and_hinders_nothing(
    receiver: Receiver, clock: Clock
) -> None:
    webhook = subscribed(receiver, "themes")
    make.ThemeFactory()
    services.deliver(clock)
    (delivery,) = webhook.deliveries.all()
    services.ask_again(delivery, clock())
    make.ThemeFactory()
    assert services.deliver(clock) == 2
    keys = [content["delivery"] for _headers, content, _status in receiver.requests]
    assert keys[0] == keys[1] == str(delivery.key) != keys[2]
    assert [t.is_again for t in delivery.sent.all()] == [False, True]
    assert services.deliver(clock) == 0


def test_what_was_not_taken_is_tried_at_once_on_demand(receiver: Receiver, clock: Clock) -> None:
    webhook = subscribed(receiver, "themes")
    receiver.answer = lambda number: 200 if number else 503
    make.ThemeFactory()
    services.deliver(clock)
    assert services.deliver(clock) == 0
    services.ask_again(webhook.deliveries.get(), clock())
    assert services.deliver(clock) == 1
    assert len(receiver.taken) == 1


def test_nothing_is_sent_again_for_an_owner_who_is_gone(receiver: Receiver, clock: Clock) -> None:
    webhook = subscribed(receiver, "themes")
    make.ThemeFactory()
    services.deliver(clock)
    services.ask_again(webhook.deliveries.get(), clock())
    type(webhook.owner).objects.update(is_active=False)
    assert services.deliver(clock) == 0
    assert webhook.deliveries.get().asked_at is None


def test_one_that_is_held_by_another_process_is_left_to_it(
    receiver: Receiver, clock: Clock
) -> None:
    webhook = subscribed(receiver, "themes")
    make.ThemeFactory()
    Webhook.objects.update(held_until=clock() + dt.timedelta(seconds=100))
    assert services.deliver(clock) == 0
    # Its process was killed: after a while another one takes it up.
    clock.forward(seconds=101)
    assert services.deliver(clock) == 1
    webhook.refresh_from_db()
    assert webhook.held_until is None


def test_one_receiver_that_fails_hinders_no_other(receiver: Receiver, clock: Clock) -> None:
    broken = subscribed(receiver, "themes")
    Webhook.objects.filter(pk=broken.pk).update(url="http://127.0.0.1:1/")
    subscribed(receiver, "themes")
    make.ThemeFactory()
    assert services.deliver(clock) == 2
    assert len(receiver.taken) == 1


def test_what_was_taken_is_forgotten_after_30_days_and_what_waits_is_not(
    receiver: Receiver, clock: Clock
) -> None:
    subscribed(receiver, "themes")
    make.ThemeFactory()
    services.deliver(clock)
    receiver.answer = lambda number: 500
    make.ThemeFactory()
    services.deliver(clock)
    clock.forward(days=31)
    services.forget_deliveries(clock())
    assert [delivery.done_at for delivery in WebhookDelivery.objects.all()] == [None]


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_fails_half_of_the_time_has_everything_in_order_at_the_end(
    receiver: Receiver,
) -> None:
    """Eight write, two deliver at once; the receiver's copy equals the database at the end."""
    chance = random.Random(1)
    webhook = subscribed(receiver, "themes")
    receiver.answer = lambda number: 200 if chance.random() < 0.5 else 503

    def write(number: int) -> None:
        mine = random.Random(number)
        try:
            for turn in range(15):
                with transaction.atomic():
                    theme = Theme.objects.create(code=f"w{number}-{turn}", name="A name")
                    if mine.random() < 0.4:
                        Theme.objects.filter(pk=theme.pk).update(name="Another")
                    if mine.random() < 0.3:
                        theme.delete()
        finally:
            connections.close_all()

    def send() -> None:
        try:
            while not ended.is_set():
                Webhook.objects.update(next_try_at=None)
                services.deliver(timezone.now)
        finally:
            connections.close_all()

    ended = threading.Event()
    writers = [threading.Thread(target=write, args=[number]) for number in range(8)]
    senders = [threading.Thread(target=send) for _ in range(2)]
    for thread in writers + senders:
        thread.start()
    for thread in writers:
        thread.join(120)
    ended.set()
    for thread in senders:
        thread.join(120)
    for _ in range(200):
        Webhook.objects.update(next_try_at=None)
        if services.deliver(timezone.now) == 0:
            break
    copy: set[int] = set()
    for _type, pk, change in receiver.changes:
        assert (pk in copy) == (change != "created")
        if change == "created":
            copy.add(pk)
        elif change == "deleted":
            copy.remove(pk)
    assert copy == set(Theme.objects.values_list("pk", flat=True))
    assert len(copy) > 60
    assert receiver.wrong == []
    webhook.refresh_from_db()
    assert webhook.state == "active"
    failed = [status for _headers, _content, status in receiver.requests if status != 200]
    assert failed
