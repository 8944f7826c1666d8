"""IPD sets targets and management responses in the admin site."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from iscm_portal.common import outbox
from reporting.models import Indicator
from reporting.services.compiling import compile_indicators
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


@pytest.fixture
def ipd(client):
    user = make.UserFactory(access_group="ipd", office=make.OfficeFactory(), is_staff=True)
    client.force_login(user)
    return user


def test_thresholds_colour_the_values_that_are_there(client, ipd):
    indicator = reported.IndicatorFactory(key="support_requests", direction="up")
    make.SupportRequestFactory.create_batch(3, asked_on=dt.date(2026, 5, 1))
    compile_indicators(2026, 2026, AT)
    overall = indicator.values.of_years().overall()
    assert overall.get().status == "no_target"
    answer = client.post(
        f"/admin/reporting/indicator/{indicator.pk}/change/",
        {
            "title": indicator.title,
            "definition": "What is counted.",
            "frequency": "year",
            "direction": "up",
            "state": "active",
            "target": "5",
            "green_from": "3",
            "amber_from": "1",
        },
    )
    assert answer.status_code == 302
    outbox.deliver(AT)
    assert Indicator.objects.get().target == Decimal(5)
    assert overall.get().status == "green"


def test_a_response_is_kept_with_who_gave_it(client, ipd):
    row = reported.RecommendationFactory(state="open")
    client.post(
        f"/admin/reporting/recommendation/{row.pk}/change/",
        {"response": "Accepted.", "state": "partly", "note": "", "confidence": ""},
    )
    row.refresh_from_db()
    assert (row.response, row.state) == ("Accepted.", "partly")
    assert row.history.first().history_user == ipd


@pytest.mark.parametrize("model", ["indicator", "recommendation"])
def test_the_lists_are_fixed(client, ipd, model):
    assert client.get(f"/admin/reporting/{model}/add/").status_code == 403
