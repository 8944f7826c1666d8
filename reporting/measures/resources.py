"""What IOM puts into the issues that the mechanisms address."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import Max, Min
from django.utils.translation import gettext_lazy as _

from finance.selectors.investment import NONE, Investment, investment_records, investments
from iscm_portal.common.numbers import to_four_places
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import Direction
from .base import ALL_TIME, Cell, MoneyMeasure, Text, known_years

# The records that total investment is worked out from.
MONEY = frozenset(
    {
        "fundingline",
        "project",
        "attribution",
        "position",
        "positionshare",
        "timeentry",
        "standardcost",
    }
)


class ResourcesAllocated(MoneyMeasure):
    """The value is what is known; the range and what is missing stand beside it."""

    key = "resources_allocated"
    label = _("Resources allocated")
    unit = _("USD")
    definition = _(
        "Total investment in the issues that the mechanisms address: counted funding lines, "
        "attributed project support, posts and staff time that no counted line pays. Known, with "
        "the range that unknown shares leave open and a count of what is missing. A line of a "
        "mechanism with several themes counts whole under each and once in every total."
    )
    source = "evaluation 2019, 4.2, criterion 6; 4.3"
    direction = Direction.CONTEXT
    records_label = _("Funding lines")
    moved_by = MONEY
    beside_labels = {
        "low_usd": _("At least (USD)"),
        "high_usd": _("At most (USD)"),
        "unknown_shares": _("Shares of projects unknown"),
        "posts_without_share": _("Shares of posts unknown"),
        "days_without_rate": _("Days without a rate"),
        "days_without_payer": _("Days paid by a line that is not named"),
    }

    @property
    def dimensions(self) -> tuple[str, ...]:
        # ``finance.selectors.investment`` cuts by itself; these are its dimensions.
        return ("iscm", "type", "theme", "region", "source", "office")

    def evidence(self, period: Period) -> PortalQuerySet:
        return investment_records(period)["funding_lines"]

    def cells(self, period: Period, groupings: list[tuple[str, ...]]) -> list[list[Cell]]:
        return [
            [_summed(dict(zip(by, key, strict=True)), parts) for key, parts in _by_key(by, found)]
            for by, found in zip(groupings, investments(period, groupings), strict=True)
        ]

    def years(self) -> set[int]:
        records = investment_records(ALL_TIME)
        days = [
            *records["time_entries"].aggregate(Min("worked_on"), Max("worked_on")).values(),
            *records["positions"].aggregate(Min("starts_on"), Max("ends_on")).values(),
        ]
        found = {day.year for day in days if day is not None}
        for name in ("funding_lines", "attributions"):
            found |= known_years(records[name].aggregate(Min("year"), Max("year")).values())
        return found

    def records(self, period: Period, **cell: Any) -> PortalQuerySet:
        return _records(period, cell)["funding_lines"]

    def record_sets(self, period: Period, **cell: Any) -> list[tuple[Text, PortalQuerySet]]:
        records = _records(period, cell)
        return [
            (self.records_label, records["funding_lines"]),
            (_("Attributions of projects"), records["attributions"]),
            (_("Positions"), records["positions"]),
            (_("Staff time"), records["time_entries"]),
        ]


def _records(period: Period, cell: dict[str, Any]) -> dict[str, PortalQuerySet]:
    asked: dict[str, Any] = {name: value or NONE for name, value in cell.items()}
    return investment_records(period, **asked)


def _by_key(
    by: tuple[str, ...], found: list[Investment]
) -> Iterable[tuple[tuple[Any, ...], list[Investment]]]:
    """What is known by the values of ``by``: the GRCP, all RCPs and what names nobody are one cell
    here, of no mechanism."""
    cells: dict[tuple[Any, ...], list[Investment]] = {}
    for part in found:
        cells.setdefault(tuple(part.key[name] for name in by), []).append(part)
    return cells.items()


def _summed(key: dict[str, Any], parts: list[Investment]) -> Cell:
    known = sum((part.known_usd for part in parts), Decimal(0))
    return Cell(
        key,
        to_four_places(known),
        to_four_places(known),
        None,
        sum(part.n for part in parts),
        {
            "low_usd": sum((part.low_usd for part in parts), Decimal(0)),
            "high_usd": sum((part.high_usd for part in parts), Decimal(0)),
            **{
                name: sum(part.missing[name] for part in parts)
                for name in ("unknown_shares", "posts_without_share")
            },
            **{
                name: sum((part.missing[name] for part in parts), Decimal(0))
                for name in ("days_without_rate", "days_without_payer")
            },
        },
    )
