"""The page of quality: what was checked, what differs, and what is to be completed."""

from __future__ import annotations

import re

import pytest

from tests.factories.engagements import ISCMFactory, OfficeFactory, UserFactory
from tests.factories.finance import AttributionFactory, ProjectFactory
from tests.factories.reporting import AuditRunFactory, IndicatorFactory

pytestmark = pytest.mark.django_db

DIFFERENCE = {
    "indicator": "support_requests", "period": "year", "year": 2026, "part": 0,
    "cell": "iscm:4|kind:liaison", "field": "value", "published": "99.0000", "recomputed": None,
}  # fmt: skip


def text_of(client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def sign_in(client, group: str, **fields) -> None:
    client.force_login(UserFactory(access_group=group, **fields))


@pytest.mark.parametrize("group", ["reporter", "finance", "ipd", "analyst"])
def test_everybody_reads_that_nothing_differs(client, group):
    sign_in(client, group)
    assert "The figures were not checked yet." in text_of(client, "/quality/")
    AuditRunFactory(checked=36_836, waiting=1)
    told = "Checked at 20 March 2026, 09:00 UTC, 36,836 values, 0 differ. 1 waits for a change"
    assert told in text_of(client, "/quality/")
    assert told in text_of(client, "/")


def test_ipd_reads_what_differs_on_the_page_and_among_the_notices(client):
    IndicatorFactory(key="support_requests", title="Requests")
    iscm = ISCMFactory(acronym="RCM")
    row = DIFFERENCE | {"cell": f"iscm:{iscm.pk}|kind:liaison"}
    other = row | {"field": "reports_owed", "published": 3, "recomputed": 4}
    AuditRunFactory(differing=1, differences=[row, other])
    sign_in(client, "ipd")
    page = text_of(client, "/quality/")
    assert "1,000 values: 1 differs from the records." in page
    assert "Requests 2026 RCM, Kind: Liaison Value: 99.0000 → – Reports owed: 3 → 4" in page
    for address in ("/", "/notices/"):
        assert "/quality/#differences" in client.get(address).content.decode()
    AuditRunFactory()  # the next night
    assert "99.0000" not in text_of(client, "/quality/")
    assert "/quality/#differences" not in client.get("/notices/").content.decode()


def test_of_many_values_that_differ_the_first_are_shown(client):
    IndicatorFactory(key="support_requests")
    rows = [
        DIFFERENCE | {"cell": "overall", "period": "quarter", "part": 2, "year": year}
        for year in range(2000, 2030)
    ]
    AuditRunFactory(differing=200, differences=rows)
    sign_in(client, "ipd")
    page = text_of(client, "/quality/")
    assert "The first 20 values of 200 that differ" in page
    assert page.count("second quarter All mechanisms") == 20


@pytest.mark.parametrize("group", ["reporter", "manager", "finance", "analyst"])
def test_others_read_how_many_differ_and_not_which(client, group):
    AuditRunFactory(differing=1, differences=[DIFFERENCE])
    sign_in(client, group)
    assert "1 differs from the records." in text_of(client, "/quality/")
    for address in ("/quality/", "/", "/notices/"):
        assert "99.0000" not in text_of(client, address)
        assert "#differences" not in client.get(address).content.decode()


def test_records_to_complete_are_those_that_the_reader_may_see(client):
    office = OfficeFactory()
    AttributionFactory(project=ProjectFactory(lead_office=office))
    AttributionFactory()
    for group, own, number in (
        ("reporter", office, "1"),
        ("reporter", OfficeFactory(), None),
        ("finance", None, "2"),
    ):
        sign_in(client, group, office=own)
        found = re.search(r"Attributions of unknown share : (\d+)", text_of(client, "/quality/"))
        assert (found.group(1) if found else None) == number
    sign_in(client, "analyst")
    assert "Records to complete" not in text_of(client, "/quality/")
