"""The pages of webhooks."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from iscm_portal.common.choices import AccessGroup
from iscm_portal.common.models import Webhook
from tests.factories import engagements as make
from tests.webhooks import webhook

pytestmark = pytest.mark.django_db

TYPED = {"label": "Mirror", "url": "https://mirror.example.org/hook", "types": ["themes", "events"]}


@pytest.fixture
def owner() -> Any:
    return make.UserFactory(access_group=AccessGroup.ANALYST)


@pytest.fixture
def browser_of(owner: Any, client: Client) -> Client:
    client.force_login(owner)
    return client


def test_a_webhook_is_made_in_its_owners_name_and_its_secret_shown_once(
    browser_of: Client, owner: Any
) -> None:
    made = browser_of.post("/webhooks/new/", TYPED)
    assert made.status_code == 200
    found = Webhook.objects.get()
    assert (found.owner, found.label, found.types) == (owner, "Mirror", ["themes", "events"])
    assert found.history.get().history_user == owner
    assert found.secret in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    page = browser_of.get(f"/webhooks/{found.pk}/").content.decode()
    assert found.secret not in page
    assert found.key not in page
    assert "no webhook" not in browser_of.get("/webhooks/").content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://mirror.example.org/"),
        ("url", "https://127.0.0.1/hook"),
        ("url", "https://user:pass@mirror.example.org/"),
        ("url", ""),
        ("types", []),
        ("types", ["users"]),
        ("label", ""),
        ("label", "x" * 81),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_nothing_typed_is_lost(
    browser_of: Client, field: str, value: Any
) -> None:
    answer = browser_of.post("/webhooks/new/", {**TYPED, field: value})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in page
    assert "Something needs mending" in page
    if field != "label":
        assert 'value="Mirror"' in page
    assert not Webhook.objects.exists()


def test_resources_are_offered_as_far_as_the_owner_may_read_them() -> None:
    offered = {}
    for group in ("analyst", "finance"):
        browser = Client()
        browser.force_login(make.UserFactory(access_group=group))
        form = browser.get("/webhooks/new/").context["form"]
        offered[group] = {name for name, _label in form.fields["types"].choices}
    assert "funding-lines" in offered["analyst"] & offered["finance"]
    assert len(offered["finance"]) == 29


def test_an_owner_sees_the_own_webhooks_and_ipd_all_of_them(browser_of: Client, owner: Any) -> None:
    webhook.sent_delivery(owner)
    webhook.sent_delivery(make.UserFactory(access_group="finance", office=make.OfficeFactory()))
    assert len(browser_of.get("/webhooks/").context["page"].rows) == 1
    browser_of.force_login(make.UserFactory(access_group="ipd"))
    assert len(browser_of.get("/webhooks/").context["page"].rows) == 2


def test_the_log_shows_status_time_and_first_words_of_each_try(
    browser_of: Client, owner: Any
) -> None:
    delivery = webhook.sent_delivery(owner)
    page = browser_of.get(f"/webhooks/{delivery.webhook_id}/").content.decode()
    assert str(delivery.key) in page
    for said in ("503", "81 ms", "timed out", "12 changes wait to be taken"):
        assert said in page


def test_it_is_paused_let_go_on_and_removed(browser_of: Client, owner: Any) -> None:
    found = webhook.sent_delivery(owner).webhook
    states = []
    for action in ("pause", "resume", "remove"):
        assert browser_of.post(f"/webhooks/{found.pk}/{action}/").status_code == 302
        states += Webhook.objects.values_list("state", flat=True)
    assert states == ["paused", "active"]
    said = [(row.history_type, row.history_user) for row in Webhook.history.order_by("history_id")]
    assert said[-3:] == [("~", owner), ("~", owner), ("-", owner)]


def test_a_delivery_is_asked_for_again(browser_of: Client, owner: Any) -> None:
    delivery = webhook.sent_delivery(owner)
    browser_of.post(f"/webhooks/deliveries/{delivery.pk}/again/")
    delivery.refresh_from_db()
    assert delivery.asked_at is not None
    assert "is sent again" in browser_of.get(f"/webhooks/{delivery.webhook_id}/").content.decode()


def test_pages_take_as_many_statements_whatever_was_sent(browser_of: Client, owner: Any) -> None:
    counts = []
    browser_of.get("/webhooks/")  # asks once whether there is demo data
    for number in (1, 12):
        delivery = webhook.sent_delivery(owner, number)
        found = []
        for address in ("/webhooks/", f"/webhooks/{delivery.webhook_id}/"):
            with CaptureQueriesContext(connection) as context:
                assert browser_of.get(address).status_code == 200
            found.append(len(context))
        counts.append(found)
    assert counts[0] == counts[1]


def test_the_profile_leads_to_webhooks_where_there_are_some_to_have(
    browser_of: Client, owner: Any
) -> None:
    assert 'href="/webhooks/"' in browser_of.get("/profile/").content.decode()
    reporter = make.UserFactory(access_group="reporter", office=make.OfficeFactory())
    browser_of.force_login(reporter)
    assert 'href="/webhooks/"' not in browser_of.get("/profile/").content.decode()
