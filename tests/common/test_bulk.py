"""Many rows are changed at once to what Django's own way would write, on both databases."""

from __future__ import annotations

import contextlib
import datetime as dt
from decimal import Decimal

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from finance.models import FundingLine, PositionShare
from iscm_portal.common import bulk, history
from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = pytest.mark.django_db

MOMENT = dt.datetime(2026, 11, 20, 14, 2, 3, 456789, tzinfo=dt.UTC)


def values_of(rows) -> list[tuple]:
    return list(rows.order_by("pk").values_list())


def changed(lines):
    """The lines with something else in a field of every type, and nothing where that may be."""
    office = make.OfficeFactory()
    for number, line in enumerate(lines):
        is_even = number % 2 == 0
        line.label = "Été “100 %s” %(a)s ; -- '\"\\" if is_even else "Plain"
        line.year = 2020 + number if is_even else None
        line.period_starts_on = dt.date(2026, 1, 2) if is_even else None
        line.office = office if is_even else None
        line.amount_usd = Decimal("999999999999.99") if is_even else Decimal("0.07")
        line.original_currency = "EUR" if is_even else ""
        line.original_amount = None
        line.is_counted = False
        line.not_counted_reason = "Twice"
        line.updated_at = MOMENT
        if is_even:
            line.original_amount, line.rate_used = Decimal("0.10"), Decimal("0.12345678")
            line.amount_usd = Decimal("0.01")
    return lines


COLUMNS = [
    "label",
    "year",
    "period_starts_on",
    "office",
    "amount_usd",
    "original_currency",
    "original_amount",
    "rate_used",
    "is_counted",
    "not_counted_reason",
    "updated_at",
]


def test_rows_hold_what_django_would_have_written(monkeypatch):
    monkeypatch.setattr(bulk, "BATCH", 3)
    lines = changed(money.FundingLineFactory.create_batch(8))
    others = money.FundingLineFactory.create_batch(2)
    before = values_of(FundingLine.objects.filter(pk__in=[line.pk for line in others]))
    bulk.update_rows(FundingLine, lines, COLUMNS)
    ours = values_of(FundingLine.objects.all())
    FundingLine.objects.update(label="Again", original_currency="", original_amount=None)
    FundingLine.objects.filter(pk__in=[line.pk for line in others]).delete()
    FundingLine.objects.bulk_update(lines, COLUMNS)
    assert ours == values_of(FundingLine.objects.all()) + before
    assert FundingLine.objects.filter(updated_at=MOMENT).count() == 8


def test_nothing_is_asked_for_no_rows_and_no_fields():
    line = money.FundingLineFactory()
    with CaptureQueriesContext(connection) as asked:
        bulk.update_rows(FundingLine, [], ["label"])
        bulk.update_rows(FundingLine, [line], [])
    assert not asked


def test_a_share_that_nobody_knows_is_written_as_such():
    shares = [money.PositionShareFactory(share_pct=Decimal("20")) for _n in range(2)]
    for share in shares:
        share.share_pct = None
    bulk.update_rows(PositionShare, shares, ["share_pct"])
    assert set(PositionShare.objects.values_list("share_pct", flat=True)) == {None}


def test_a_text_that_is_too_long_is_refused_and_not_cut():
    line = money.FundingLineFactory()
    line.per = "x" * 41
    # SQLite has no limits of its own.
    refusal = (
        contextlib.nullcontext() if connection.vendor == "sqlite" else pytest.raises(DataError)
    )
    with refusal, transaction.atomic():
        bulk.update_rows(FundingLine, [line], ["per"])
    line.refresh_from_db()
    assert len(line.per) != 40


def test_the_history_of_many_rows_holds_what_they_hold_and_who_changed_them_why(monkeypatch):
    monkeypatch.setattr(history, "BATCH", 3)
    actor = make.UserFactory(access_group="finance", office=None)
    lines = changed(money.FundingLineFactory.create_batch(8))
    bulk.update_rows(FundingLine, lines, COLUMNS)
    FundingLine.history.all().delete()
    noted = history.note_history(lines[::-1], "~", actor=actor, reason="100 %s", at=MOMENT)
    kept = FundingLine.history.in_bulk(noted)
    assert [kept[row].id for row in noted] == [line.pk for line in lines[::-1]]
    told = {
        (row.history_type, row.history_user, row.history_change_reason) for row in kept.values()
    }
    assert told == {("~", actor, "100 %s")}
    assert {row.history_date for row in kept.values()} == {MOMENT}
    columns = [field.attname for field in FundingLine._meta.concrete_fields]
    assert list(FundingLine.history.order_by("id").values(*columns)) == list(
        FundingLine.objects.order_by("pk").values(*columns)
    )
