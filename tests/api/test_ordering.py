"""Lists in the order that is asked for: whole, steady, and ending in something unique."""

from __future__ import annotations

import datetime as dt

import pytest

from iscm_portal.common.api import sortable
from tests.api.client import LISTS, Api, view_of
from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_whole_in_every_order_that_it_knows(name: str) -> None:
    for _ in range(3):
        LISTS[name][1]()
    api = Api()
    view = view_of(name)
    known = sortable(view.serializer_class, view.queryset.model)
    assert "id" in known
    whole = {row["id"] for row in api.results(f"{name}/")}
    for field in known:
        for sign in ("", "-"):
            rows = api.all(f"{name}/", ordering=f"{sign}{field}", page_size=2)
            assert len(rows) == len(whole)
            assert {row["id"] for row in rows} == whole, field


def test_rows_that_are_alike_stand_by_their_id() -> None:
    lines = [money.FundingLineFactory(amount_usd=usd) for usd in (5, 7, 5, 7, 5)]
    api = Api()
    up = api.all("funding-lines/", ordering="amount_usd", page_size=1, fields="id")
    down = api.all("funding-lines/", ordering="-amount_usd", page_size=2, fields="id")
    expected = [lines[place].pk for place in (0, 2, 4, 1, 3)]
    assert [row["id"] for row in up] == expected
    assert [row["id"] for row in down] == expected[::-1]


def test_several_fields_each_have_their_own_direction() -> None:
    rows = [(2026, 5), (2025, 9), (2026, 7), (2025, 9)]
    made = [make.EventFactory(starts_on=dt.date(year, day, 1)) for year, day in rows]
    api = Api()
    found = api.all("events/", ordering="-updated_at,id", page_size=1, fields="id")
    assert [row["id"] for row in found] == [event.pk for event in reversed(made)]
    shares = [
        money.AttributionFactory(year=year, basis=basis)
        for year, basis in ((2025, "unknown"), (2026, "dedicated"), (2026, "unknown"))
        for basis in (basis,)
    ]
    ids = [
        row["id"]
        for row in api.all("attributions/", ordering="basis,-year", page_size=1, fields="id")
    ]
    assert ids == [shares[1].pk, shares[2].pk, shares[0].pk]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_is_not_known_stands_last_whichever_way_and_page_by_page(size: int, form: str) -> None:
    years = [2026, None, 2024, None, 2026, 2025]
    made = [
        money.FundingLineFactory(
            year=year, is_counted=year is not None, not_counted_reason="" if year else "no_year"
        ).pk
        for year in years
    ]
    api = Api()

    def places(ordering: str) -> list[int]:
        if form == "csv":
            rows = api.table("funding-lines/", ordering=ordering, fields="id")
        else:
            rows = api.all("funding-lines/", ordering=ordering, page_size=size, fields="id")
        return [made.index(int(row["id"])) for row in rows]

    assert places("year") == [2, 5, 0, 4, 1, 3]
    assert places("-year") == [4, 0, 5, 2, 3, 1]
    assert places("-year,id") == [0, 4, 5, 2, 1, 3]
    assert places("is_counted,year") == [1, 3, 2, 5, 0, 4]


def test_the_newest_events_come_first_by_the_day_that_each_has() -> None:
    days = [dt.date(2026, 5, 1), None, dt.date(2024, 1, 1)]
    made = [
        make.EventFactory(starts_on=day, year=2025, date_precision="day" if day else "year").pk
        for day in days
    ]
    api = Api()
    rows = api.all("events/", ordering="-sorted_on", page_size=1)
    assert [row["id"] for row in rows] == [made[0], made[1], made[2]]
    assert rows[1]["starts_on"] is None
    assert rows[1]["sorted_on"].startswith("2025")
    found = api.all("events/", ordering="-starts_on", page_size=1, fields="id")
    assert [row["id"] for row in found] == [made[0], made[2], made[1]]


def test_a_file_stands_in_the_order_too() -> None:
    for usd in (5, 9, 7):
        money.FundingLineFactory(amount_usd=usd)
    table = Api().table("funding-lines/", ordering="-amount_usd", fields="amount_usd")
    assert [row["amount_usd"] for row in table] == ["9.00", "7.00", "5.00"]


@pytest.mark.parametrize("text", ["nonsense", "--id", "iscm", "note", "id,id", "-id,id", "id;x"])
def test_an_order_that_is_none_is_an_error_at_its_parameter(text: str) -> None:
    assert list(Api().errors("funding-lines/", ordering=text)) == ["ordering"]


def test_a_cursor_of_another_order_is_refused() -> None:
    make.ThemeFactory.create_batch(3)
    api = Api()
    cursor = api.read("themes/", page_size=1, ordering="code")["next"].rpartition("cursor=")[2]
    assert list(api.errors("themes/", page_size=1, cursor=cursor)) == ["cursor"]
