"""Rates on record, and funding lines that were converted at another one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from ..models import CurrencyRate, FundingLine
from ..querysets import FundingLineQuerySet

# (currency, day) -> USD for one unit
Rates = dict[tuple[str, dt.date], Decimal]


def rates_on_record(days: Collection[tuple[str, dt.date]], *, hold: bool = False) -> Rates:
    """The rates of these currencies and days, in one statement.

    ``hold`` keeps others from changing them until the commit; others may hold them as well.
    """
    if not days:
        return {}
    found = CurrencyRate.objects.order_by("pk").filter(
        currency__in={currency for currency, _day in days}, rated_on__in={day for _c, day in days}
    )
    rows = found.values_list("currency", "rated_on", "usd_per_unit")
    return {(currency, day): rate for currency, day, rate in (_shared(rows) if hold else rows)}


def _shared(rows: QuerySet[Any, Any]) -> Iterable[tuple[Any, ...]]:
    """``rows``, held with whoever else reads them. Held for oneself alone (``select_for_update``),
    a file of many lines and a page would wait for each other for ever."""
    if connection.vendor != "postgresql":
        return rows  # on SQLite nobody else writes
    sql, values = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} FOR SHARE", values)
        held: list[tuple[Any, ...]] = cursor.fetchall()
    return held


def day_of_rate(currency: str | None, rated_on: dt.date | None) -> tuple[str, dt.date] | None:
    """What the rate of a line goes by; None for one in USD or without a day."""
    if currency in (None, "", "USD") or rated_on is None:
        return None
    return str(currency), rated_on


def off_record(lines: Iterable[FundingLine]) -> list[FundingLine]:
    """Those of ``lines`` that are not converted at the rate on record; the rates are held until
    the commit."""
    dated = [(line, day_of_rate(line.original_currency, line.rated_on)) for line in lines]
    rates = rates_on_record({day for _line, day in dated if day}, hold=True)
    return [line for line, day in dated if day and line.rate_used != rates.get(day)]


def at_another_rate(lines: FundingLineQuerySet) -> FundingLineQuerySet:
    """Those of ``lines`` whose rate is not, or not any more, the one on record; with
    ``rate_on_record``, None where none is."""
    rates = CurrencyRate.objects.filter(
        currency=OuterRef("original_currency"), rated_on=OuterRef("rated_on")
    )
    # As the index ``fundingline_converted`` has it.
    converted = lines.exclude(original_currency__in=["", "USD"])
    found: FundingLineQuerySet = converted.filter(
        ~Exists(rates.filter(usd_per_unit=OuterRef("rate_used")))
    ).annotate(rate_on_record=Subquery(rates.values("usd_per_unit")))
    return found


def left_at_another_rate(record: Any, user: Any) -> FundingLineQuerySet:
    """Of a rate: the lines of its currency and day that ``user`` may see and that were converted at
    another one. Of a line: itself, where that is so."""
    lines: FundingLineQuerySet = FundingLine.objects.visible_to(user)
    match record:
        case CurrencyRate():
            lines = lines.filter(original_currency=record.currency, rated_on=record.rated_on)
        case FundingLine():
            lines = lines.filter(pk=record.pk)
        case _:
            lines = lines.none()
    return at_another_rate(lines).order_by("-pk")
