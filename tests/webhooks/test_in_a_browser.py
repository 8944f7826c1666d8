"""The pages of webhooks in a real browser, wide and narrow."""

from __future__ import annotations

from typing import Any

import pytest

from iscm_portal.common.models import Webhook
from tests.e2e.test_every_page import problems_of
from tests.factories import engagements as make
from tests.webhooks import webhook

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("width", [1240, 360])
def test_a_webhook_is_made_and_looked_at(
    new_page: Any, sign_in: Any, screenshot: Any, width: int
) -> None:
    owner = make.UserFactory(username="analyst", access_group="analyst")
    webhook.sent_delivery(owner)
    page = new_page(width=width, allow=("status of 422",))
    sign_in(page, "analyst")

    def look(name: str) -> None:
        assert problems_of(page) == []
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        screenshot(page, f"webhooks-{name}-{width}")

    page.goto("/webhooks/")
    look("list")
    page.get_by_role("link", name="Make a webhook").click()
    look("new")
    page.get_by_label("Name").fill("Mirror")
    page.get_by_label("Address").fill("http://127.0.0.1/")
    page.get_by_label("themes").check()
    page.get_by_role("button", name="Make it").click()
    look("refused")
    page.get_by_label("Address").fill("https://mirror.example.org/hook")
    page.get_by_role("button", name="Make it").click()
    look("made")
    assert Webhook.objects.get(label="Mirror").secret in page.inner_text("code")
    page.get_by_role("link", name="To the webhook").click()
    look("fresh")
    page.goto(f"/webhooks/{Webhook.objects.last().pk}/")
    look("log")
