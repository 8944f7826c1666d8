"""What a report tells of money and time, and what its review wrote: who reads it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

COSTS = ("P9-GRADE", "7.25", "4,321.50", "Time paid by", "Travel (USD)")
COMMENT = "RETURN-COMMENT"


@pytest.fixture
def report():
    """An accepted report that IPD returned once, with one participant."""
    found = reported.PostEventReportFactory(state="accepted")
    reported.ParticipantFactory(
        report=found,
        title="Head of delegation",
        grade="P9-GRADE",
        capacity="speaker",
        days=Decimal("7.25"),
        travel_cost_usd=Decimal("4321.50"),
    )
    reported.ReportStepFactory(
        report=found,
        action="returned",
        actor=make.UserFactory(access_group="ipd"),
        comment=COMMENT,
    )
    return found


def page_of(client, report, user):
    client.force_login(user)
    response = client.get(f"/reports/{report.pk}/")
    assert response.status_code == 200
    return response.content.decode()


def somebody(report, group, of_own_office):
    office = report.office if of_own_office else make.OfficeFactory()
    return make.UserFactory(access_group=group, office=office)


@pytest.mark.parametrize(
    ("group", "of_own_office", "reads"),
    [
        ("reporter", True, True),
        ("reporter", False, False),
        ("manager", True, True),
        ("manager", False, False),
        ("finance", False, True),
        ("ipd", False, True),
        ("admin", False, True),
        ("analyst", False, False),
        ("analyst", True, False),
    ],
)
def test_costs_of_a_report_are_for_finance_ipd_and_the_own_office(
    client, report, group, of_own_office, reads
):
    text = page_of(client, report, somebody(report, group, of_own_office))
    assert ("Head of delegation" in text, "Speaker" in text) == (True, True)
    assert [word in text for word in COSTS] == [reads] * len(COSTS)


def test_an_author_who_changed_office_still_reads_what_was_written(client, report):
    report.author.office = make.OfficeFactory()
    report.author.save()
    text = page_of(client, report, report.author)
    assert [word in text for word in COSTS] == [True] * len(COSTS)


@pytest.mark.parametrize(
    ("group", "of_own_office", "reads"),
    [
        ("reporter", True, True),
        ("reporter", False, False),
        ("manager", True, True),
        ("finance", True, False),
        ("ipd", False, True),
        ("admin", False, True),
        ("analyst", True, False),
    ],
)
def test_comments_of_the_review_need_a_right_and_not_only_an_office(
    client, report, group, of_own_office, reads
):
    text = page_of(client, report, somebody(report, group, of_own_office))
    assert (COMMENT in text) is reads
