"""What stands on every page: the demo's mark, and the way to the directory's admin."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = pytest.mark.django_db

STRIP = "Demonstration: figures from 2024 on rest partly on invented rows, marked"


@pytest.mark.parametrize("address", ["/", "/resources/", "/indicators/", "/no-such-page/"])
def test_every_page_says_that_demo_data_is_loaded(client, address):
    client.force_login(make.UserFactory(access_group="analyst", office=None, is_demo=True))
    assert STRIP in client.get(address).text


def test_a_portal_without_demo_data_bears_no_such_mark(client):
    client.force_login(make.UserFactory(access_group="analyst", office=None))
    assert STRIP not in client.get("/").text


def test_whether_demo_data_is_loaded_is_asked_once_a_minute(client, django_assert_num_queries):
    client.force_login(make.UserFactory(access_group="analyst", office=None))
    client.get("/recommendations/")
    with django_assert_num_queries(3):  # session, reader, recommendations
        client.get("/recommendations/")
    cache.clear()
    with django_assert_num_queries(4):
        client.get("/recommendations/")


@pytest.mark.parametrize(
    ("group", "is_staff", "sees"),
    [
        ("ipd", True, True),
        ("admin", True, True),
        ("ipd", False, False),
        ("manager", False, False),
        ("finance", True, False),
        ("analyst", False, False),
    ],
)
def test_the_way_to_the_directory_stands_there_for_who_may_edit_it(client, group, is_staff, sees):
    client.force_login(make.UserFactory(access_group=group, is_staff=is_staff))
    assert ('<a href="/admin/" >Directory admin</a>' in client.get("/").text) is sees


def test_the_admin_bears_the_portals_name(client, settings):
    client.force_login(make.UserFactory(access_group="ipd", is_staff=True))
    text = client.get("/admin/").text
    assert settings.PORTAL_NAME in text
    assert "Django administration" not in text


def test_a_request_for_another_host_is_refused_and_not_a_fault(client):
    assert client.get("/", headers={"host": "elsewhere.example"}).status_code == 400


def test_a_column_of_changes_names_its_years(client):
    money.FundingLineFactory(year=2019)
    client.force_login(make.UserFactory(access_group="finance"))
    text = " ".join(client.get("/resources/?from=2014&to=2019").text.split())
    assert "Change 2018–2019</a></th>" in text


def test_before_anything_is_compiled_the_page_promises_no_nightly_run(client):
    client.force_login(make.UserFactory(access_group="analyst", office=None))
    text = client.get("/indicators/").text
    assert "when a report is accepted, and nightly where the portal runs with a worker." in text


@pytest.mark.parametrize(
    "address",
    ["/resources/", "/finance/", "/imports/new/", "/funds/", "/staffing/", "/sustaining/"],
)
def test_the_menu_says_of_every_page_of_money_that_it_stands_under_resources(client, address):
    client.force_login(make.UserFactory(access_group="finance", office=None))
    menu = client.get(address).text.split("nav-main")[1].split("</ul>")[0]
    assert '<a href="/resources/" aria-current="page">Resources</a>' in menu
    assert menu.count("aria-current") == 1
