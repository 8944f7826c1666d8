"""Tables that their reader sorts: a link in the head of a column, ``sort=`` in the address.

``sort=paid`` has the smallest first, ``sort=-paid`` the largest; without it a table stands in its
own order. What is not known comes last either way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from django.http import HttpRequest

from .pages import one_of

Row = TypeVar("Row")
# column, as the address names it -> what a row has there
Columns = Mapping[str, Callable[[Row], Any]]


def asked_sort(request: HttpRequest, columns: Iterable[str], name: str = "sort") -> str:
    """By which of ``columns`` the address sorts a table, "" for its own order. ``name`` tells
    several tables of a page apart. Raises BadRequest for a column that is none."""
    return one_of(request, name, [way for column in columns for way in (column, f"-{column}")])


def in_order(rows: Iterable[Row], sort: str, columns: Columns[Row]) -> list[Row]:
    """``rows`` as ``sort`` asks; rows that are alike keep their own order."""
    found = list(rows)
    if not sort:
        return found
    value = columns[sort.removeprefix("-")]
    known = [row for row in found if value(row) is not None]
    known.sort(key=value, reverse=sort.startswith("-"))
    return known + [row for row in found if value(row) is None]
