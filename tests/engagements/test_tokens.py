"""Tokens of programs: made, shown once, limited, followed and revoked by their owner."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from iscm_portal.common.models import ApiToken, ApiUse
from tests.api.client import Api
from tests.factories import engagements as make

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 25, 9, 0, tzinfo=dt.UTC)
WANTED = {"label": "Power BI", "scopes": ["read:directory", "read:indicators"], "days": "90"}


@pytest.fixture
def analyst(client):
    user = make.UserFactory(access_group="analyst", office=None)
    client.force_login(user)
    return user


def shown_text(answer) -> str:
    return re.search(r'id="text" readonly value="([^"]+)"', answer.text).group(1)


# --- made and revoked


def test_a_token_is_shown_once_and_reads_what_it_may(client, analyst):
    with time_machine.travel(NOW, tick=False):
        answer = client.post("/tokens/", WANTED)
        text = shown_text(answer)
        assert answer["Cache-Control"] == (
            "max-age=0, no-cache, no-store, must-revalidate, private"
        )
        assert text not in client.get("/tokens/").text
        headers = {"Authorization": f"Bearer {text}"}
        client.logout()
        assert client.get("/api/v1/iscms/", headers=headers).status_code == 200
        assert client.get("/api/v1/reports/", headers=headers).status_code == 403
    token = ApiToken.objects.get()
    assert (token.user, token.label, token.scopes) == (analyst, "Power BI", WANTED["scopes"])
    assert token.expires_at == NOW + dt.timedelta(days=90)
    assert text not in str(vars(token))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("label", ""),
        ("label", "x" * 121),
        ("scopes", []),
        ("scopes", ["write:finance"]),
        ("scopes", ["read:everything"]),
        ("days", "3650"),
        ("days", ""),
    ],
)
def test_a_token_that_may_not_be_is_refused_at_its_field(client, analyst, field, value):
    answer = client.post("/tokens/", WANTED | {field: value})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert not ApiToken.objects.exists()


def test_a_revoked_token_opens_nothing_and_keeps_its_moment(client, analyst):
    token, text = ApiToken.issue(analyst, ["read:directory"], 30, "R")
    with time_machine.travel(NOW, tick=False):
        answer = client.post(f"/tokens/{token.pk}/revoke/", follow=True)
        assert "R (" in answer.text
        client.post(f"/tokens/{token.pk}/revoke/")
    with time_machine.travel(NOW + dt.timedelta(days=1), tick=False):
        client.post(f"/tokens/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at == NOW
    headers = {"Authorization": f"Bearer {text}"}
    assert client.get("/api/v1/iscms/", headers=headers).status_code == 401


def test_to_revoke_a_token_is_asked_first_with_its_name_and_last_use(client, analyst):
    token, _text = ApiToken.issue(analyst, ["read:directory"], 30, "Power BI")
    ApiToken.objects.update(last_used_at=NOW)
    for page in ("/tokens/", f"/tokens/{token.pk}/"):
        assert f'href="/tokens/{token.pk}/revoke/"' in client.get(page).text
    question = client.get(f"/tokens/{token.pk}/revoke/").text
    assert "Revoke Power BI?" in question
    assert "25 November 2026, 09:00" in question
    token.refresh_from_db()
    assert token.revoked_at is None
    client.post(f"/tokens/{token.pk}/revoke/")
    assert "It was revoked on" in client.get(f"/tokens/{token.pk}/revoke/").text


@pytest.mark.parametrize(
    ("group", "write", "reads"),
    [
        ("ipd", "write:reports", ["read:reports", "read:directory"]),
        ("finance", "write:finance", ["read:finance"]),
    ],
)
def test_to_write_takes_a_scope_to_read(client, group, write, reads):
    client.force_login(make.UserFactory(access_group=group))
    for others in ([], ["read:indicators"]):
        answer = client.post("/tokens/", WANTED | {"scopes": [write, *others]})
        assert answer.status_code == 422
        assert "opens nothing without" in answer.text
    assert not ApiToken.objects.exists()
    for read in reads:
        assert client.post("/tokens/", WANTED | {"scopes": [write, read]}).status_code == 200


def test_nobody_sees_or_revokes_the_token_of_another(client, analyst):
    token, _text = ApiToken.issue(make.UserFactory(), ["read:directory"], 30, "Another's")
    assert "Another" not in client.get("/tokens/").text
    assert client.get(f"/tokens/{token.pk}/").status_code == 404
    assert client.get(f"/tokens/{token.pk}/revoke/").status_code == 404
    assert client.post(f"/tokens/{token.pk}/revoke/").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_what_is_over_stands_apart_from_what_is_good(client, analyst):
    for label, days in (("Good", 30), ("Expired", -1), ("Revoked", 30)):
        token, _text = ApiToken.issue(analyst, ["read:directory"], days, label)
    token.revoke(timezone.now())
    context = client.get("/tokens/").context
    assert [row.label for row in context["good"]] == ["Good"]
    assert {row.label for row in context["over"]} == {"Expired", "Revoked"}


# --- how often


def test_a_token_has_so_many_calls_a_minute_and_is_told_how_many_are_left(settings):
    settings.API_CALLS_PER_MINUTE = 2
    api = Api("analyst")
    with time_machine.travel(NOW + dt.timedelta(seconds=20), tick=False) as clock:
        first, second, third = (api.get("iscms/") for _call in range(3))
        assert [row.status_code for row in (first, second, third)] == [200, 200, 429]
        rate = [
            (row["RateLimit-Limit"], row["RateLimit-Remaining"], row["RateLimit-Reset"])
            for row in (first, second, third)
        ]
        assert rate == [("2", "1", "40"), ("2", "0", "40"), ("2", "0", "40")]
        assert third["Retry-After"] == "40"
        assert Api("analyst").get("iscms/").status_code == 200
        clock.shift(dt.timedelta(seconds=40))
        assert api.get("iscms/").status_code == 200


def test_who_is_signed_in_by_a_browser_has_the_same_limit(client, analyst, settings):
    settings.API_CALLS_PER_MINUTE = 1
    with time_machine.travel(NOW, tick=False):
        assert client.get("/api/v1/iscms/").status_code == 200
        assert client.get("/api/v1/iscms/").status_code == 429


# --- what for


def uses(token):
    rows = token.uses.order_by("day", "endpoint")
    return list(rows.values_list("day", "method", "endpoint", "calls", "refused"))


def test_what_a_token_was_used_for_is_on_record_by_day_and_endpoint(client):
    api = Api("analyst", scopes=["read:directory"])
    client.force_login(api.user)
    with time_machine.travel(NOW, tick=False) as clock:
        for _call in range(3):
            api.get("iscms/")
        # The first call is there at once, the others when somebody looks.
        iscms, one, reports = "api/v1/iscms/", "api/v1/iscms/<str:pk>/", "api/v1/reports/"
        today = NOW.date()
        assert uses(api.token) == [(today, "GET", iscms, 1, 0)]
        api.get("reports/")
        api.get("iscms/nowhere/")
        page = client.get(f"/tokens/{api.token.pk}/").text
        assert uses(api.token) == [
            (today, "GET", iscms, 3, 0),
            (today, "GET", one, 1, 1),
            (today, "GET", reports, 1, 1),
        ]
        assert "<code>GET /api/v1/iscms/</code>" in page
        clock.shift(dt.timedelta(seconds=61))
        api.get("iscms/")
        assert uses(api.token)[0] == (today, "GET", iscms, 4, 0)
        api.get("iscms/")
        clock.shift(dt.timedelta(days=1))
        api.get("iscms/")
        tomorrow = today + dt.timedelta(days=1)
        assert [row for row in uses(api.token) if row[2] == iscms] == [
            (today, "GET", iscms, 5, 0),
            (tomorrow, "GET", iscms, 1, 0),
        ]


def test_a_browser_leaves_no_use_of_a_token(client, analyst):
    client.get("/api/v1/iscms/")
    assert not ApiUse.objects.exists()


def test_the_pages_ask_as_often_for_many_rows_as_for_few(client, analyst):
    def statements(address: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(address).status_code == 200
        return len(asked)

    token, _text = ApiToken.issue(analyst, ["read:directory"], 30, "One")
    client.get("/tokens/")
    seen = []
    for number in range(1, 40, 13):
        for more in range(number):
            ApiToken.issue(analyst, ["read:directory"], 30, f"Token {more}")
            day = dt.date(2026, 1, 1) + dt.timedelta(days=number)
            ApiUse.objects.create(
                token=token, day=day, endpoint=f"{more}", method="GET", first_at=NOW, last_at=NOW
            )
        seen.append((statements("/tokens/"), statements(f"/tokens/{token.pk}/")))
    assert len(set(seen)) == 1
