"""The directory: roles on a day, types, and dates as far as they are known."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from engagements.models import Event, Membership
from engagements.selectors import EVALUATION_DAY, iscms_by_type, roles_by_group
from iscm_portal.common.templatetags.portal import (
    amount,
    held_date,
    in_unit,
    known_date,
    millions,
    signed,
)
from tests.factories import engagements as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader():
    return make.UserFactory(access_group="analyst", office=None)


def counts(reader, day):
    return {count.group: count.recorded for count in roles_by_group(reader, day)}


def test_a_role_counts_from_its_first_day_to_its_last_both_included(reader):
    make.IOMRoleFactory(role="host", starts_on=dt.date(2015, 1, 1), ends_on=dt.date(2019, 9, 30))
    on = {
        day: counts(reader, day)["administrative"]
        for day in (
            dt.date(2014, 12, 31),
            dt.date(2015, 1, 1),
            dt.date(2019, 9, 30),
            dt.date(2019, 10, 1),
        )
    }
    assert list(on.values()) == [0, 1, 1, 0]


def test_a_role_of_unknown_start_and_open_end_is_held_on_every_day(reader):
    make.IOMRoleFactory(role="member", starts_on=None, ends_on=None)
    assert counts(reader, dt.date(1996, 1, 1))["member"] == 1


def test_a_mechanism_with_two_technical_roles_counts_once(reader):
    iscm = make.ISCMFactory()
    make.IOMRoleFactory(iscm=iscm, role="technical_secretariat", starts_on=None)
    make.IOMRoleFactory(iscm=iscm, role="co_secretariat", starts_on=None)
    assert counts(reader, EVALUATION_DAY)["technical"] == 1


def test_a_role_that_nobody_has_checked_counts_nowhere(reader):
    make.IOMRoleFactory(role="member", starts_on=None, is_candidate=True)
    assert counts(reader, EVALUATION_DAY)["member"] == 0


def test_the_evaluations_count_stands_beside_ours_on_its_own_day_only(reader):
    beside = {count.group: count.evaluation for count in roles_by_group(reader, EVALUATION_DAY)}
    assert beside == {
        "member": 4,
        "permanent_observer": 16,
        "technical": 12,
        "administrative": 3,
    }
    other = roles_by_group(reader, dt.date(2020, 1, 1))
    assert {count.evaluation for count in other} == {None}


def test_only_active_mechanisms_are_counted_by_type(reader):
    make.ISCMFactory(type="rcp")
    make.ISCMFactory(type="rcp", status="dormant")
    make.ISCMFactory(type="global")
    assert iscms_by_type(reader) == {"rcp": 1, "irf": 0, "global": 1}


def test_the_page_says_how_many_of_the_evaluations_roles_are_recorded(client, reader):
    make.IOMRoleFactory(role="member", starts_on=None)
    client.force_login(reader)
    page = client.get("/iscms/").content.decode()
    assert "recorded 1 of 4 that the evaluation counts" in page


def test_a_day_that_is_none_is_refused_in_words(client, reader):
    client.force_login(reader)
    found = client.get("/iscms/?on=yesterday")
    assert found.status_code == 400
    assert "A day is written like 2019-03-31." in found.content.decode()


# --- rules that the database holds


def test_an_event_cannot_end_before_it_begins():
    with pytest.raises(IntegrityError, match="event_dates_in_order"), transaction.atomic():
        make.EventFactory(starts_on=dt.date(2026, 11, 6), ends_on=dt.date(2026, 11, 5))
    assert Event.objects.count() == 0


def test_a_membership_is_of_one_party_only():
    with pytest.raises(IntegrityError, match="membership_of_one_party"), transaction.atomic():
        make.MembershipFactory(organisation=make.OrganisationFactory())
    assert Membership.objects.count() == 0


def test_a_reporter_without_an_office_is_refused():
    with (
        pytest.raises(IntegrityError, match="user_of_an_office_group_has_one"),
        transaction.atomic(),
    ):
        make.UserFactory(access_group="reporter", office=None)


# --- dates and numbers as they are shown


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        ({"starts_on": dt.date(2026, 11, 5), "ends_on": dt.date(2026, 11, 6)}, "5–6 November 2026"),
        ({"starts_on": dt.date(2026, 11, 5), "ends_on": None}, "5 November 2026"),
        (
            {"starts_on": dt.date(2026, 10, 30), "ends_on": dt.date(2026, 11, 2)},
            "30 October – 2 November 2026",
        ),
        (
            {"starts_on": dt.date(2025, 12, 30), "ends_on": dt.date(2026, 1, 2)},
            "30 December 2025 – 2 January 2026",
        ),
        ({"starts_on": None, "year": 2017, "month": 8}, "August 2017"),
        ({"starts_on": None, "year": 2012}, "2012"),
        ({"starts_on": None}, "date not known"),
    ],
)
def test_an_events_date_is_shown_as_far_as_it_is_known(event, shown):
    assert known_date(Event(**event)) == shown


def test_a_first_day_is_shown_to_its_precision():
    day = dt.date(2019, 9, 30)
    assert [held_date(day, precision) for precision in ("day", "month", "year")] == [
        "30 September 2019",
        "September 2019",
        "2019",
    ]


def test_numbers_are_rounded_and_grouped_and_nothing_is_no_data():
    assert amount("1234567.005") == "1,234,567.01"
    assert amount("338300.00") == "338,300"
    assert amount(None) == "no data"
    assert signed("179.6") == "+180"
    assert signed("-23.1") == "−23"
    assert millions("49209552") == "49.2 million"
    assert millions("338300") == "338,300"


def test_a_value_is_shown_in_its_unit_with_the_decimals_it_calls_for():
    assert in_unit("14.0000", "count") == "14"
    assert in_unit("66.6667", "per cent") == "66.7 per cent"
    assert in_unit("4.0000", "score") == "4.00 of 5"
    assert in_unit("338300.0000", "USD") == "USD 338,300"
    assert in_unit(None, "USD") == "no data"


def test_the_offices_are_shown_with_what_they_do_and_where_that_stands(client, reader):
    make.OfficeFactory(
        name="Country Office Bangkok",
        focal_for=[make.ISCMFactory(acronym="Bali Process")],
        source="evaluation 2019, footnote 25",
        confidence="high",
    )
    client.force_login(reader)
    page = client.get("/offices/").content.decode()
    assert "Country Office Bangkok" in page
    assert ">Bali Process</a>" in page
    assert "evaluation 2019, footnote 25" in page
    assert "confidence: High" in " ".join(page.replace("·", " ").split())
