"""The evaluation's own tables of money and staff, from the stored records."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Exists, Min, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from iscm_portal.common.numbers import percent, summed

from ..models import Attribution, FundingLine, StaffCount
from ..querysets import FundingLineQuerySet


def change_pct(first: Decimal | int | None, last: Decimal | int | None) -> Decimal | None:
    """The change from ``first`` to ``last`` in per cent, one decimal; None without a base."""
    if not first or last is None:
        return None
    return percent(last - first, first)


@dataclass(frozen=True)
class PrintedRow:
    """A row: its printed label and, in their order, what stands under each year.

    USD, and in Table 7 people.
    """

    label: str
    iscm_slug: str | None
    values: dict[int, Decimal | int]


@dataclass(frozen=True)
class PrintedTable:
    """A table of the evaluation, its rows in the printed order, and the sum of each year."""

    number: int
    title: str
    years: list[int]
    rows: list[PrintedRow]
    totals: dict[int, Decimal | int]


def table_titles() -> dict[int, str]:
    """The tables that can be asked for, by number, with their titles."""
    return {
        4: _("IOM OSI to selected ISCMs and the GRCP meetings (USD)"),
        5: _("IOM project support to selected ISCMs and the GRCP meetings (USD)"),
        6: _("IOM project support to the Colombo Process (USD)"),
        7: _("Full-time staff engaged in the selected ISCMs"),
    }


def printed_table(
    number: int,
    *,
    iscms: Collection[str] | None = None,
    years: Collection[int] | None = None,
) -> PrintedTable:
    """Table ``number`` (4 to 7) from the stored records, in one statement.

    ``iscms`` (slugs) keeps the rows of these mechanisms, those of projects attributed to them
    included; ``years`` keeps these years. A cell without a record is absent, not zero.
    Raises KeyError for another number. Source: evaluation 2019, 4.3, Tables 4 to 7.
    """
    title = table_titles()[number]
    cells = _head_counts(iscms) if number == 7 else _printed_amounts(number, iscms)
    if years is not None:
        cells = cells.filter(year__in=years)
    rows: dict[tuple[str, str | None], PrintedRow] = {}
    first_codes: dict[tuple[str, str | None], str] = {}
    totals: dict[int, Decimal | int] = {}
    for cell in cells:
        key = (cell["label"], cell["iscm__slug"])
        row = rows.setdefault(key, PrintedRow(*key, values={}))
        number_shown = cell["cell"] if number == 7 else summed(cell["cell"])
        row.values[cell["year"]] = number_shown
        totals[cell["year"]] = totals.get(cell["year"], 0) + number_shown
        first_codes[key] = min(first_codes.get(key, cell["first"] or "~"), cell["first"] or "~")
    return PrintedTable(
        number=number,
        title=title,
        years=sorted(totals),
        rows=[rows[key] for key in sorted(rows, key=lambda key: first_codes[key])],
        totals=dict(sorted(totals.items())),
    )


def printed_lines(number: int, iscms: Collection[str] | None = None) -> FundingLineQuerySet:
    """The lines that the cells of Table 4, 5 or 6 add up, for ``iscms`` as in ``printed_table``."""
    lines = FundingLine.objects.printed_in(number)
    if iscms is not None:
        attributed = Attribution.objects.filter(
            project=OuterRef("project"), year=OuterRef("year"), iscm__slug__in=iscms
        )
        lines = lines.filter(Q(iscm__slug__in=iscms) | Exists(attributed))
    return lines


def _printed_amounts(number: int, iscms: Collection[str] | None) -> QuerySet[Any, Any]:
    return _by_row_and_year(printed_lines(number, iscms), Sum("amount_usd"))


def printed_counts(iscms: Collection[str] | None = None) -> QuerySet[StaffCount]:
    """The head counts that stand in Table 7, of ``iscms`` only where these are given."""
    counts: QuerySet[StaffCount] = StaffCount.objects.all()
    return counts if iscms is None else counts.filter(iscm__slug__in=iscms)


def _head_counts(iscms: Collection[str] | None) -> QuerySet[Any, Any]:
    return _by_row_and_year(printed_counts(iscms), Sum("full_time_staff"))


def _by_row_and_year(records: QuerySet[Any], amount: Sum) -> QuerySet[Any, Any]:
    rows = records.order_by().values("label", "iscm__slug", "year")
    cells: QuerySet[Any, Any] = rows.annotate(cell=amount, first=Min("code")).order_by("year")
    return cells
