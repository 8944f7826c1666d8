"""The number of statements does not grow with the rows."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.client import LISTS, Api, accepted_report, body
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db

# Statements of a page; the first is always the token's.
EXPECTED = {
    "iscms": 4,  # themes, focal offices
    "iom-roles": 2,
    "memberships": 2,
    "countries": 2,
    "organisations": 2,
    "offices": 3,  # mechanisms
    "themes": 2,
    "events": 4,  # mechanisms, delegation
    "agenda-items": 2,
    "support-requests": 2,
    "partnerships": 2,
    "policy-instruments": 3,  # agenda items
    "follow-ups": 2,
    "projects": 3,  # donors
    "attributions": 2,
    "funding-lines": 2,
    "positions": 3,  # shares
    "time-entries": 2,
    "funds": 4,  # contributions and payments by year
    "contributions": 2,
    "proposals": 2,
    "indicators": 3,  # goals
    "indicator-values": 2,
    "compile-runs": 2,
    "releases": 2,
    "recommendations": 3,  # indicators
    "surveys": 5,  # questions, people and numbers; of closed ones
    "duties": 3,  # mechanisms
    "reports": 10,  # mechanisms, goals, and the six kinds of rows in it
}


def statements(api: Api, address: str, **query: object) -> int:
    api.get(address, **query)  # puts on record that the token is used for it today
    with CaptureQueriesContext(connection) as context:
        response = api.get(address, **query)
        assert response.status_code == 200, response.content
        body(response)
    return len(context)


@pytest.mark.parametrize("name", LISTS)
def test_a_page_of_thirty_takes_as_many_statements_as_a_page_of_one(name: str) -> None:
    _scope, row = LISTS[name]
    api = Api()
    row()
    alone = statements(api, f"{name}/")
    for _ in range(29):
        row()
    assert len(api.results(f"{name}/")) >= 30
    assert statements(api, f"{name}/") == alone == EXPECTED[name]
    assert statements(api, f"{name}/", format="csv") <= alone


def test_resources_take_as_many_statements_whatever_is_on_record() -> None:
    api = Api()

    def add() -> None:
        money.FundingLineFactory()
        line = money.FundingLineFactory(project=money.ProjectFactory())
        money.AttributionFactory(project=line.project)
        money.TimeEntryFactory()

    add()
    few = [statements(api, "resources/"), statements(api, "resources/", table=4)]
    for _ in range(29):
        add()
    assert [statements(api, "resources/"), statements(api, "resources/", table=4)] == few
    assert few[0] <= 14
    assert few[1] == 2


def test_evidence_takes_as_many_statements_whatever_is_counted() -> None:
    api = Api()
    indicator = told.IndicatorFactory(key="resources_allocated")
    value = told.IndicatorValueFactory(indicator=indicator, n=3)
    money.FundingLineFactory()
    money.TimeEntryFactory()
    few = statements(api, f"indicator-values/{value.pk}/evidence/")
    for _ in range(29):
        money.FundingLineFactory()
        money.TimeEntryFactory()
    assert statements(api, f"indicator-values/{value.pk}/evidence/") == few == 6


def test_picking_fields_leaves_out_the_statements_that_they_would_take() -> None:
    api = Api()
    accepted_report(event=make.EventFactory(iscms=[make.ISCMFactory()]))
    assert statements(api, "reports/", fields="id,discussed") == 2
