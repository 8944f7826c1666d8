"""Two years, or two mechanisms, beside each other: what each row got on either side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from iscm_portal.common.sorting import Columns, in_order

from .resources import Amounts, ResourceFilter, cells_of, change_between, labels_of, rows_of


@dataclass(frozen=True)
class Side:
    """What a row got on one side, None where nothing is on record; and the query of its records,
    "" where there is nothing to ask them by."""

    amounts: Amounts | None
    records: str

    @property
    def known_usd(self) -> Decimal | None:
        return self.amounts.told_usd if self.amounts else None

    @property
    def high_usd(self) -> Decimal | None:
        return self.amounts.most_usd if self.amounts else None


@dataclass(frozen=True)
class Compared:
    """A row: a mechanism has its ``slug``, any other a ``query`` to see it on the dashboard."""

    label: str
    one: Side
    other: Side
    slug: str | None = None
    query: str = ""

    @property
    def change_pct(self) -> Decimal | None:
        """From one side to the other; None where one is not known, or is nothing."""
        return change_between(self.one.amounts, self.other.amounts)


@dataclass(frozen=True)
class Comparison:
    """``total`` has what several rows share once; None where there is nothing to add up."""

    heads: tuple[str, str]
    rows: list[Compared]
    total: Compared | None


# How the table can be sorted.
COLUMNS: Columns[Compared] = {
    "row": lambda row: row.label,
    "one": lambda row: row.one.known_usd,
    "other": lambda row: row.other.known_usd,
    "change": lambda row: row.change_pct,
}


def years_beside(first: int, second: int, chosen: ResourceFilter, sort: str = "") -> Comparison:
    """What each row of ``chosen.by`` got in two years; the years of ``chosen`` are not asked."""
    both = replace(chosen, first_year=min(first, second), last_year=max(first, second))
    cells, totals = cells_of(both, (both.by, "year"), ("year",))
    in_all = {cell.key["year"]: Amounts.of(cell) for cell in totals}

    def side(of_years: dict[int, Amounts], query: str | None, year: int) -> Side:
        return Side(of_years.get(year), _of_years(query, year, year))

    rows = [
        Compared(
            row.label,
            side(row.cells, row.query or None, first),
            side(row.cells, row.query or None, second),
            slug=row.slug,
            query=_of_years(row.query or None, both.first_year, both.last_year),
        )
        for row in rows_of(cells, both)
        if first in row.cells or second in row.cells
    ]
    whole = both.query()
    total = Compared(
        _("Total"),
        side(in_all, whole, first),
        side(in_all, whole, second),
        query=_of_years(whole, both.first_year, both.last_year),
    )
    heads = (str(first), str(second))
    return Comparison(heads, in_order(rows, sort, COLUMNS), total if rows else None)


def mechanisms_beside(one: str, other: str, chosen: ResourceFilter, sort: str = "") -> Comparison:
    """What two mechanisms (slugs) got by ``chosen.by``: from each source, or in each year."""
    by = chosen.by
    chosen = replace(chosen, only={k: v for k, v in chosen.only.items() if k != "iscm"})
    cells, totals = cells_of(chosen, ("iscm", by), ("iscm",))
    found: dict[Any, dict[str, Amounts]] = {}
    for cell in cells:
        if cell.key["iscm"] in (one, other):
            found.setdefault(cell.key[by], {})[cell.key["iscm"]] = Amounts.of(cell)
    in_all = {cell.key["iscm"]: Amounts.of(cell) for cell in totals}
    words = labels_of(by) if by == "source" else {}

    def of_value(value: Any, **more: str) -> str:
        if by == "year":
            return _of_years(chosen.query(**more), value, value)
        return _of_years(chosen.query(**more, source=value), chosen.first_year, chosen.last_year)

    rows = [
        Compared(
            str(words.get(value, value)),
            Side(found[value].get(one), of_value(value, iscm=one)),
            Side(found[value].get(other), of_value(value, iscm=other)),
            query=of_value(value),
        )
        for value in sorted(found, key=str)
    ]

    def whole(slug: str) -> Side:
        query = _of_years(chosen.query(iscm=slug), chosen.first_year, chosen.last_year)
        return Side(in_all.get(slug), query)

    names = labels_of("iscm")
    heads = (str(names[one]), str(names[other]))
    query = _of_years(chosen.query(), chosen.first_year, chosen.last_year)
    total = Compared(_("Total"), whole(one), whole(other), query=query) if rows else None
    return Comparison(heads, in_order(rows, sort, COLUMNS), total)


def _of_years(query: str | None, first: int, last: int) -> str:
    """``query`` with the years; "" where it is None: there is nothing to ask by."""
    years = urlencode({"from": first, "to": last})
    return "" if query is None else "&".join(part for part in (query, years) if part)


def table(found: Comparison) -> tuple[list[str], Iterator[list[Any]]]:
    """The columns and lines of the comparison as a download, the total last."""
    columns = ["row", *(f"{head}_{what}" for head in found.heads for what in ("known", "high"))]
    columns.append("difference_pct")
    lines = (
        [
            row.label,
            row.one.known_usd,
            row.one.high_usd,
            row.other.known_usd,
            row.other.high_usd,
            row.change_pct,
        ]
        for row in (*found.rows, *([found.total] if found.total else []))
    )
    return columns, lines
