"""Any past date: what was on record then, whatever has become of it since."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from finance.models import Attribution, FundingLine, Position, PositionShare, StandardCost
from finance.selectors.investment import investment
from iscm_portal.common.as_of import end_of, rows_of
from iscm_portal.common.period import Period
from tests.factories.engagements import ISCMFactory, OfficeFactory
from tests.factories.finance import (
    AttributionFactory,
    FundingLineFactory,
    PositionFactory,
    PositionShareFactory,
    ProjectFactory,
    StandardCostFactory,
)
from tests.twins import taken_back, twin_settings

pytestmark = pytest.mark.django_db

MARCH = dt.date(2026, 3, 31)
Y2026 = Period.year(2026)


def on(day: dt.date) -> Any:
    return time_machine.travel(dt.datetime.combine(day, dt.time(12), dt.UTC), tick=False)


def known(known_by: dt.datetime | None = None) -> Decimal | None:
    cells = investment(Y2026, known_by=known_by)
    return cells[0].known_usd if cells else None


def test_a_total_of_a_past_date_is_what_was_on_record_at_its_end():
    with on(MARCH):
        line = FundingLineFactory(amount_usd=1000)
    with on(MARCH + dt.timedelta(days=1)):
        line.amount_usd = Decimal(400)
        line.save()
        FundingLineFactory(amount_usd=50)
    assert known(end_of(MARCH - dt.timedelta(days=1))) is None
    assert known(end_of(MARCH)) == 1000
    assert known(end_of(MARCH + dt.timedelta(days=1))) == known() == 450


def test_what_was_taken_away_since_is_there_in_the_past_and_gone_after():
    with on(MARCH):
        line = FundingLineFactory(amount_usd=1000)
    with on(MARCH + dt.timedelta(days=9)):
        line.delete()
    assert known(end_of(MARCH)) == 1000
    assert known(end_of(MARCH + dt.timedelta(days=9))) is None


def test_the_rows_of_the_past_speak_the_vocabulary_of_their_model():
    with on(MARCH):
        line = FundingLineFactory(amount_usd=7, is_counted=False, not_counted_reason="Repeats one.")
        FundingLineFactory(amount_usd=9)
    rows = rows_of(FundingLine, end_of(MARCH)).counted()
    assert [row.amount_usd for row in rows] == [9]
    assert {row.id for row in rows_of(FundingLine, end_of(MARCH))} >= {line.pk}


def test_a_past_date_takes_as_many_statements_as_today(django_assert_num_queries):
    FundingLineFactory.create_batch(3)
    AttributionFactory.create_batch(3)
    for known_by in (None, end_of(dt.date(2100, 1, 1))):
        with django_assert_num_queries(9):
            investment(Y2026, ("iscm", "year"), known_by=known_by)


# Changes of a ledger, each on a day of its own.
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["line", "project line", "share", "post", "post share", "rate"]),
        st.sampled_from(["add", "change", "change", "delete"]),
        st.integers(1, 90),
    ),
    max_size=12,
)


@given(changes=CHANGES)
@twin_settings
def test_every_past_day_says_what_was_said_on_that_day(changes):
    with taken_back():
        ledger = _Ledger()
        said = []
        for number, (what, how, amount) in enumerate(changes):
            day = dt.date(2026, 1, 1) + dt.timedelta(days=number)
            with on(day):
                ledger.change(what, how, amount)
            said.append((day, answers()))
        for day, then in said:
            assert answers(end_of(day)) == then


def answers(known_by: dt.datetime | None = None) -> list[Any]:
    return [
        investment(Y2026, by, known_by=known_by)
        for by in ((), ("iscm", "source"), ("office", "project"))
    ]


class _Ledger:
    """Changes the first row of a kind, or makes one."""

    models = {
        "line": FundingLine,
        "project line": FundingLine,
        "share": Attribution,
        "post": Position,
        "post share": PositionShare,
        "rate": StandardCost,
    }
    amounts = {
        FundingLine: "amount_usd",
        Attribution: "share_pct",
        PositionShare: "share_pct",
        StandardCost: "usd_per_day",
    }

    def __init__(self) -> None:
        with on(dt.date(2025, 12, 1)):
            self.iscms = [ISCMFactory(), ISCMFactory()]
            self.office = OfficeFactory()
            self.project = ProjectFactory()

    def change(self, what: str, how: str, amount: int) -> None:
        model = self.models[what]
        found = model.objects.order_by("pk").first()
        if how == "add" or found is None:
            self.add(what, amount)
        elif how == "delete" and model is Position:
            found.shares.all().delete()
        elif how == "delete":
            found.delete()
        elif model is Position:
            found.grade = "P4" if found.grade == "P3" else "P3"
            found.save()
        else:
            setattr(found, self.amounts[model], amount)
            found.save()

    def add(self, what: str, amount: int) -> None:
        iscm = self.iscms[amount % 2]
        if what == "line":
            FundingLineFactory(iscm=iscm, office=self.office, amount_usd=amount)
        elif what == "project line":
            FundingLineFactory(project=self.project, amount_usd=amount)
        elif what == "share":
            taken = {"project": self.project, "iscm": iscm, "year": 2026}
            if not Attribution.objects.filter(project=self.project, year=2026).exists():
                AttributionFactory(**taken, basis="stated_share", share_pct=amount)
        elif what == "post":
            PositionFactory(grade="P3", office=self.office, starts_on=dt.date(2026, 1, 1))
        elif what == "post share":
            post = Position.objects.order_by("pk").first()
            if post is not None and not post.shares.exists():
                PositionShareFactory(position=post, iscm=iscm, share_pct=amount)
        elif not StandardCost.objects.exists():
            StandardCostFactory(grade="P3", year=2026, usd_per_day=amount)
