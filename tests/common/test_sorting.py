"""Tables in the order that their reader asks for."""

from __future__ import annotations

import pytest
from django.core.exceptions import BadRequest
from django.test import RequestFactory

from iscm_portal.common.sorting import asked_sort, in_order

ROWS = [("b", 2), ("a", None), ("d", 1), ("c", 2)]
COLUMNS = {"name": lambda row: row[0], "n": lambda row: row[1]}


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("", "badc"),
        ("name", "abcd"),
        ("-name", "dcba"),
        ("n", "dbca"),
        ("-n", "bcda"),
    ],
)
def test_rows_stand_as_asked_and_what_is_not_known_comes_last(sort, names):
    assert "".join(row[0] for row in in_order(ROWS, sort, COLUMNS)) == names


@pytest.mark.parametrize("sort", ["other", "-", "--n", "-other", "N"])
def test_a_column_that_is_none_is_refused(sort):
    with pytest.raises(BadRequest):
        asked_sort(RequestFactory().get("/", {"sort": sort}), COLUMNS)


def test_several_tables_of_a_page_are_told_apart():
    request = RequestFactory().get("/", {"sort_states": "-n"})
    assert asked_sort(request, COLUMNS) == ""
    assert asked_sort(request, COLUMNS, "sort_states") == "-n"
