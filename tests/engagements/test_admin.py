"""Mending the record by hand: the figures follow, and what a report wrote stays."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagements.models import SupportRequest
from iscm_portal.common.models import OutboxMessage
from tests.factories import engagements as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def ipd(client):
    user = make.UserFactory(access_group="ipd", office=make.OfficeFactory(), is_staff=True)
    client.force_login(user)
    return user


def form_of(request: SupportRequest, **changes: object) -> dict[str, object]:
    fields = {
        "iscm": request.iscm_id or "",
        "what": request.what,
        "kind": request.kind,
        "asked_on": request.asked_on,
        "outcome": request.outcome,
    }
    return {**fields, **changes}


def test_a_change_asks_for_the_figures_of_the_old_year_and_the_new(client, ipd):
    request = make.SupportRequestFactory(asked_on=dt.date(2025, 5, 1))
    answer = client.post(
        f"/admin/engagements/supportrequest/{request.pk}/change/",
        form_of(request, asked_on="2026-05-01"),
    )
    assert answer.status_code == 302
    assert [message.payload for message in OutboxMessage.objects.all()] == [
        {"years": [2025, 2026], "kinds": ["supportrequest"]}
    ]
    assert request.history.first().history_user == ipd


def test_a_deletion_asks_for_the_figures_and_keeps_why(client, ipd):
    request = make.SupportRequestFactory(asked_on=dt.date(2025, 5, 1))
    address = f"/admin/engagements/supportrequest/{request.pk}/delete/"
    client.post(address, {"post": "yes", "reason": "Entered twice."})
    assert not SupportRequest.objects.exists()
    gone = SupportRequest.history.get(id=request.pk, history_type="-")
    assert (gone.history_user, gone.history_change_reason) == (ipd, "Entered twice.")
    assert OutboxMessage.objects.get().payload == {"years": [2025], "kinds": ["supportrequest"]}


def test_who_says_no_reason_is_asked_once_more_and_nothing_is_deleted(client, ipd):
    request = make.SupportRequestFactory()
    address = f"/admin/engagements/supportrequest/{request.pk}/delete/"
    assert "Why it is deleted" in client.get(address).content.decode()
    answer = client.post(address, {"post": "yes", "reason": " "})
    assert "This field is required." in answer.content.decode()
    assert SupportRequest.objects.filter(pk=request.pk).count() == 1
    assert not OutboxMessage.objects.exists()


def test_what_an_accepted_report_wrote_is_not_deleted(client, ipd):
    request = make.SupportRequestFactory(report_number=7, report_item=1)
    address = f"/admin/engagements/supportrequest/{request.pk}/delete/"
    assert client.post(address, {"post": "yes"}).status_code == 403
    client.post(
        "/admin/engagements/supportrequest/",
        {"action": "delete_selected", "_selected_action": [request.pk], "post": "yes"},
    )
    assert SupportRequest.objects.filter(pk=request.pk).count() == 1
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize(
    ("model", "factory"),
    [
        ("chairmanship", make.ChairmanshipFactory),
        ("secretariat", make.SecretariatFactory),
        ("delegate", make.DelegateFactory),
        ("partnership", make.PartnershipFactory),
        ("membership", make.MembershipFactory),
    ],
)
def test_a_list_asks_as_often_for_many_rows_as_for_few(client, ipd, model, factory):
    counts = []
    for rows in (2, 6):
        factory.create_batch(rows)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(f"/admin/engagements/{model}/").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
