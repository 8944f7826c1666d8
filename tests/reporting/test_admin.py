"""IPD keeps objectives and management responses in the admin site."""

from __future__ import annotations

import pytest

from engagements.models import Objective
from reporting.models import Indicator
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db


@pytest.fixture
def ipd(client):
    user = make.UserFactory(access_group="ipd", office=make.OfficeFactory(), is_staff=True)
    client.force_login(user)
    return user


def test_a_definition_is_looked_at_in_the_admin_and_written_on_its_own_page(client, ipd):
    indicator = reported.IndicatorFactory(key="support_requests")
    address = f"/admin/reporting/indicator/{indicator.pk}/change/"
    assert client.get(address).status_code == 200
    assert client.post(address, {"title": "Other"}).status_code == 403
    assert Indicator.objects.get().title == indicator.title


def test_an_objective_is_written_in_the_admin(client, ipd):
    answer = client.post(
        "/admin/engagements/objective/add/",
        {"code": "lively", "title": "Lively processes", "horizon_year": "2030"},
    )
    assert answer.status_code == 302
    objective = Objective.objects.get()
    assert (objective.title, objective.history.get().history_user) == ("Lively processes", ipd)


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
