"""What each record adds to a figure: all of them together are the figure, to the cent."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings

from finance.selectors.investment import investment
from finance.selectors.worth import KINDS, Figure
from iscm_portal.common.numbers import cents
from iscm_portal.common.period import Period
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.finance.ledgers import YEARS, ledgers, write, write_directory
from tests.twins import taken_back, twin_settings

pytestmark = pytest.mark.django_db

Y2014 = Period.year(2014)
QUESTIONS: list[dict[str, Any]] = [
    {},
    *({"iscm": slug} for slug in ("north", "south")),
    {"theme": "labour", "source": "project_support"},
    {"theme": "none"},
    {"region": "Africa", "office": "co-a"},
    {"type": "rcp"},
    {"supports": "grcp"},
    {"supports": "not_named"},
    {"office": "none", "source": "osi"},
    {"source": "staff_time"},
    {"project": ["P1"], "iscm": "north"},
    {"source": frozenset({"osi", "travel", "staff_time"})},
]


def one_by_one(figure: Figure) -> tuple[Decimal, Decimal, Decimal]:
    """What all the records of a figure add, added up here."""
    known = possible = days = Fraction(0)
    for kind in KINDS:
        for worth in figure.worth_of(kind, list(figure.records[kind])):
            known += worth.known
            possible += worth.possible
            days += worth.days_without_rate
    return cents(known), cents(known + possible), cents(days)


@pytest.fixture
def directory() -> dict[str | None, Any]:
    return write_directory()


@given(rows=ledgers())
@settings(twin_settings, max_examples=8)
def test_the_worth_of_all_records_is_the_figure_that_they_explain(directory: Any, rows: Any):
    nobody = make.UserFactory.build(access_group="analyst")
    with taken_back():
        write(rows, directory)
        for period, asked in product((Period.year(YEARS[0]), Period.years(*YEARS)), QUESTIONS):
            cells = investment(period, **asked)
            figure = Figure(period, **asked)
            whole, parts = figure.taken_apart(nobody)
            assert [whole] == (cells or [None])
            expected = (Decimal(0),) * 3
            if cells:
                (cell,) = cells
                expected = (cell.known_usd, cell.high_usd, cell.missing["days_without_rate"])
            assert one_by_one(figure) == expected
            assert sum(part.known_usd for part in parts) == expected[0]
            assert sum(part.high_usd for part in parts) == expected[1]
            # Who may see nothing is told that all of it is hidden from him.
            assert sum(part.hidden_high_usd for part in parts) == expected[1]


def test_each_record_says_how_it_comes_to_what_it_adds():
    rcm, sacm = make.ISCMFactory(acronym="RCM"), make.ISCMFactory(acronym="SACM")
    money.StandardCostFactory(grade="P3", year=2014, usd_per_day=400)
    project = money.ProjectFactory()
    money.FundingLineFactory(project=project, year=2014, amount_usd=1000)
    stated = money.AttributionFactory(
        project=project, iscm=rcm, year=2014, basis="stated_share", share_pct=35
    )
    first = money.AttributionFactory(project=project, iscm=sacm, year=2014)
    second = money.AttributionFactory(project=project, year=2014)
    post = money.PositionFactory(grade="P3", starts_on=dt.date(2014, 7, 1))
    money.PositionShareFactory(position=post, iscm=rcm, share_pct=50)
    money.PositionShareFactory(position=post, iscm=sacm, share_pct=None)
    paid = money.TimeEntryFactory(grade="P3", days=2, worked_on=dt.date(2014, 3, 1))
    unpaid = money.TimeEntryFactory(grade="", days=3, worked_on=dt.date(2014, 3, 1))
    figure = Figure(Y2014)

    known, at_most, shared = figure.worth_of("attributions", [stated, first, second])
    assert (known.known_usd, known.high_usd, known.base_usd) == (350, 350, 1000)
    assert (at_most.known_usd, at_most.high_usd) == (0, 650)
    assert (shared.high_usd, shared.with_first) == (0, True)
    (of_post,) = figure.worth_of("positions", [post])
    assert (of_post.known_usd, of_post.high_usd) == (Decimal("22180.82"), Decimal("44361.64"))
    told = {(step.iscm, step.days_said, step.rate_said, step.is_possible) for step in of_post.steps}
    days = Decimal("55.45")  # half of 184 of 365 days, 220 working days a year
    assert told == {("RCM", days, 400, False), ("SACM", days, 400, True)}
    with_rate, without = figure.worth_of("time_entries", [paid, unpaid])
    assert (with_rate.known_usd, without.known_usd, without.days_without_rate) == (800, 0, 3)


def test_an_office_is_told_how_many_records_it_may_not_see_and_what_they_add():
    own, other = make.OfficeFactory(), make.OfficeFactory()
    money.StandardCostFactory(grade="P3", year=2014, usd_per_day=400)
    for office, usd in ((own, 10), (other, 200)):
        money.FundingLineFactory(year=2014, office=office, amount_usd=usd)
        project = money.ProjectFactory(lead_office=office)
        money.FundingLineFactory(project=project, year=2014, amount_usd=usd * 3)
        money.AttributionFactory(project=project, year=2014, basis="dedicated", share_pct=100)
        post = money.PositionFactory(office=office, grade="P3", starts_on=dt.date(2014, 1, 1))
        money.PositionShareFactory(position=post, share_pct=10)
        money.TimeEntryFactory(office=office, grade="P3", days=1, worked_on=dt.date(2014, 3, 1))
    reader = make.UserFactory(access_group="reporter", office=own)
    found = {
        part.kind: (part.known_usd, part.hidden, part.hidden_known_usd)
        for part in Figure(Y2014).taken_apart(reader)[1]
    }
    assert found == {
        "funding_lines": (210, 1, 200),
        "attributions": (630, 1, 600),
        "positions": (17_600, 1, 8_800),
        "time_entries": (800, 1, 400),
    }
    officer = make.UserFactory(access_group="finance")
    assert not any(part.hidden for part in Figure(Y2014).taken_apart(officer)[1])


def test_the_worth_of_more_records_is_no_more_statements(django_assert_num_queries: Any):
    reader = make.UserFactory(access_group="reporter", office=make.OfficeFactory())
    project = money.ProjectFactory()
    for _round in range(2):
        money.FundingLineFactory.create_batch(3, year=2014)
        money.FundingLineFactory.create_batch(3, year=2014, project=project)
        money.AttributionFactory.create_batch(3, year=2014, project=project)
        money.TimeEntryFactory.create_batch(3, worked_on=dt.date(2014, 1, 1))
        for post in money.PositionFactory.create_batch(3, starts_on=dt.date(2014, 1, 1)):
            money.PositionShareFactory(position=post, share_pct=10)
        figure = Figure(Y2014, type="rcp")
        rows = {kind: list(figure.records[kind]) for kind in KINDS}
        with django_assert_num_queries(7):
            for kind in KINDS:
                figure.worth_of(kind, rows[kind])
        with django_assert_num_queries(23):
            figure.taken_apart(reader)
