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

# Statements of a page; the first two are always the token's and the version's.
EXPECTED = {
    "iscms": 5,  # themes, focal offices
    "iom-roles": 3,
    "memberships": 3,
    "countries": 3,
    "organisations": 3,
    "offices": 4,  # mechanisms
    "themes": 3,
    "events": 5,  # mechanisms, delegation
    "agenda-items": 3,
    "support-requests": 3,
    "partnerships": 3,
    "policy-instruments": 4,  # agenda items
    "follow-ups": 3,
    "projects": 4,  # donors
    "attributions": 3,
    "funding-lines": 3,
    "positions": 4,  # shares
    "time-entries": 3,
    "funds": 5,  # contributions and payments by year
    "contributions": 3,
    "proposals": 3,
    "indicators": 4,  # goals
    "indicator-values": 3,
    "compile-runs": 3,
    "releases": 3,
    "recommendations": 4,  # indicators
    "surveys": 6,  # questions, people and numbers; of closed ones
    "lessons": 4,  # mechanisms
    "duties": 4,  # mechanisms
    "reports": 11,  # mechanisms, goals, and the six kinds of rows in it
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
    # PostgreSQL's COPY is told to leave out what takes long; in a test three more for that.
    assert statements(api, f"{name}/", format="csv") <= alone + 2
    assert statements(api, f"{name}/", format="xlsx") <= alone


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
    assert few[0] <= 15
    # Without a year one looks for the last one.
    assert few[0] == statements(api, "resources/", year="2026") + 1
    assert few[1] == 3


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
    assert statements(api, f"indicator-values/{value.pk}/evidence/") == few == 7


def test_picking_fields_leaves_out_the_statements_that_they_would_take() -> None:
    api = Api()
    accepted_report(event=make.EventFactory(iscms=[make.ISCMFactory()]))
    assert statements(api, "reports/", fields="id,discussed") == 3
