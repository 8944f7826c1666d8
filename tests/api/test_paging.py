"""Pages: whole, steady, and only by addresses that the API itself gave."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db.models import Max
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engagements.models import Country, Event
from tests.api.client import LISTS, Api
from tests.factories import engagements as make
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db


def test_a_list_has_results_and_the_address_of_the_next_page() -> None:
    first, second, third = (make.ThemeFactory() for _ in range(3))
    api = Api()
    page = api.read("themes/", page_size=2)
    assert [row["id"] for row in page["results"]] == [first.pk, second.pk]
    assert page["next"].startswith("http://testserver/api/v1/themes/?page_size=2&cursor=")
    last = api.read(page["next"])
    assert last == {"results": [{**last["results"][0], "id": third.pk}], "next": None}


def test_a_page_holds_a_hundred_records_unless_asked_otherwise() -> None:
    Country.objects.bulk_create(make.CountryFactory.build_batch(101))
    api = Api()
    assert len(api.read("countries/")["results"]) == 100
    assert len(api.read("countries/", page_size=1000)["results"]) == 101


@pytest.mark.parametrize("size", ["0", "-1", "1001", "10000", "ten", "1.0", "٣", " 5", "1e2"])
def test_a_bad_page_size_is_an_error_at_its_field(size: str) -> None:
    errors = Api().errors("themes/", page_size=size)
    assert errors == {"page_size": ["Give a number from 1 to 1000."]}


def test_a_list_that_ends_with_its_page_has_no_next() -> None:
    make.ThemeFactory.create_batch(2)
    assert Api().read("themes/", page_size=2)["next"] is None


def test_the_next_page_keeps_filters_and_fields() -> None:
    iscm = make.ISCMFactory()
    events = [make.EventFactory(iscms=[iscm]) for _ in range(3)]
    make.EventFactory()
    rows = Api().all("events/", iscm=iscm.slug, fields="id", page_size=1)
    assert rows == [{"id": event.pk} for event in reversed(events)]


def test_rows_written_between_two_pages_neither_repeat_nor_hide_others() -> None:
    days = [dt.date(2026, 1, day) for day in (1, 5, 5, 5, 9, 12)]
    there = [make.EventFactory(starts_on=day).pk for day in days]
    api = Api()
    seen: list[int] = []
    page = api.read("events/", page_size=2, fields="id")
    while True:
        seen += [row["id"] for row in page["results"]]
        # Before, within and after the page that was just read, and one of the same day.
        for day in (1, 5, 6, 12, 20):
            make.EventFactory(starts_on=dt.date(2026, 1, day))
        if page["next"] is None or len(seen) > 60:
            break
        page = api.read(page["next"])
    assert len(seen) == len(set(seen))
    assert [pk for pk in seen if pk in there] == sorted(there, reverse=True)


def test_rows_deleted_between_two_pages_take_no_other_with_them() -> None:
    themes = [make.ThemeFactory() for _ in range(6)]
    api = Api()
    first = api.read("themes/", page_size=3)
    themes[0].delete()
    themes[2].delete()
    rest = api.read(first["next"])
    assert [row["id"] for row in rest["results"]] == [theme.pk for theme in themes[3:]]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    days=st.lists(st.integers(1, 4), min_size=1, max_size=9),
    later=st.lists(st.integers(1, 4), max_size=4),
    size=st.integers(1, 4),
)
def test_whatever_is_written_meanwhile_each_old_row_comes_once(
    days: list[int], later: list[int], size: int
) -> None:
    Event.objects.all().delete()
    old = [make.EventFactory(starts_on=dt.date(2026, 1, day)).pk for day in days]
    api = Api()
    page = api.read("events/", page_size=size, fields="id,starts_on")
    rows = page["results"]
    while page["next"]:
        if later:
            make.EventFactory(starts_on=dt.date(2026, 1, later.pop()))
        page = api.read(page["next"])
        rows += page["results"]
    ids = [row["id"] for row in rows]
    assert sorted(pk for pk in ids if pk in old) == sorted(old)
    assert len(ids) == len(set(ids))
    keys = [(row["starts_on"], row["id"]) for row in rows]
    assert keys == sorted(keys, reverse=True)


def cursor_of(page: dict[str, Any]) -> str:
    return parse_qs(urlsplit(page["next"]).query)["cursor"][0]


def test_a_cursor_that_was_tampered_with_is_refused() -> None:
    make.ThemeFactory.create_batch(3)
    api = Api()
    cursor = cursor_of(api.read("themes/", page_size=1))
    refused = {"cursor": ["This is not an address of this list; begin at its first page."]}
    changed = ("A" if cursor[3] != "A" else "B").join((cursor[:3], cursor[4:]))
    for text in (changed, cursor[:-1], "eyJhIjoxfQ", "a:b:c", "é"):
        assert api.errors("themes/", page_size=1, cursor=text) == refused


def test_a_cursor_is_good_for_its_own_list_only() -> None:
    make.ThemeFactory.create_batch(3)
    make.CountryFactory.create_batch(3)
    api = Api()
    cursor = cursor_of(api.read("themes/", page_size=1))
    assert list(api.errors("countries/", cursor=cursor)) == ["cursor"]


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_whole_page_by_page(name: str) -> None:
    _scope, row = LISTS[name]
    for _ in range(4):
        row()
    api = Api()
    whole = api.results(f"{name}/", page_size=1000)
    assert len(whole) >= 4
    assert api.all(f"{name}/", page_size=1) == whole


def test_a_deep_page_reads_no_more_than_the_first(django_assert_num_queries: Any) -> None:
    told.IndicatorFactory.create_batch(6)
    api = Api()
    page = api.read("indicators/", page_size=1)
    for _ in range(4):
        page = api.read(page["next"])
    with django_assert_num_queries(4):  # the token, the version, the page, its goals
        api.read(page["next"])


def test_a_number_beyond_the_database_is_no_page_and_no_record() -> None:
    api = Api()
    biggest = (Country.objects.aggregate(most=Max("pk"))["most"] or 0) + 1
    for key in (biggest, 2**63 - 1, 2**63, 10**30, -1, 0):
        assert api.get(f"countries/{key}/").status_code == 404
