"""No total looks whole that is not, nothing missing reads as zero, nothing planned as put in."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance.models import Project
from finance.selectors.cliff import endings_by_year
from reporting.selectors.resources import ResourceFilter, dashboard, total
from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = pytest.mark.django_db

TODAY = dt.date(2026, 11, 25)


@pytest.fixture
def ipd():
    return make.UserFactory(access_group="ipd", office=make.OfficeFactory())


@pytest.fixture
def read(client, ipd):
    client.force_login(ipd)

    def answer(address):
        with time_machine.travel(dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC), tick=False):
            found = client.get(address)
        assert found.status_code == 200
        return " ".join(found.content.decode().split())

    return answer


@pytest.fixture
def rcm():
    return make.ISCMFactory(slug="rcm", acronym="RCM")


# --- what lacks stands beside every number


@pytest.fixture
def lacking(rcm):
    """USD 1,000 known for 2026, days without a rate and without a payer, shares nobody stated."""
    money.FundingLineFactory(iscm=rcm, year=2026, amount_usd=1000)
    money.StandardCostFactory(grade="P3", year=2026, usd_per_day=100)
    money.TimeEntryFactory(iscm=rcm, grade="", days=Decimal("1.50"))
    money.TimeEntryFactory(iscm=rcm, days=2, paid_by="counted_line")
    post = money.PositionFactory(grade="P3", starts_on=dt.date(2026, 1, 1))
    money.PositionShareFactory(position=post, iscm=rcm, share_pct=None)
    project = money.ProjectFactory()
    money.FundingLineFactory(project=project, year=2026, amount_usd=500)
    money.AttributionFactory(project=project, iscm=rcm, year=2026)
    make.EventFactory(iscms=[rcm], starts_on=dt.date(2026, 3, 1), ends_on=dt.date(2026, 3, 1))


WHAT_LACKS = (
    "1 share of a project, 1 share of a post, the rate of 1.50 staff days, "
    "the payer of 2 staff days"
)


@pytest.mark.parametrize(
    ("address", "times"),
    [
        # the headline, the card; cell, total of the year
        ("/resources/?from=2026&to=2026", 4),
        ("/resources/costs/?from=2026&to=2026", 1),
        ("/resources/compare/?first=2025&second=2026", 2),
    ],
)
def test_all_that_lacks_stands_beside_a_number(read, lacking, address, times):
    page = read(address)
    assert page.count(WHAT_LACKS) == times
    if "costs" in address:
        assert page.count("at least</span>") == 2  # an event and a staff day


def test_what_is_known_of_a_whole_that_nobody_knows_is_no_percentage(lacking, read):
    board = total(ResourceFilter(2026, 2026))
    assert board.known_pct is None
    page = read("/resources/?from=2026&to=2026")
    assert "100.0%" not in page
    assert "Days without a rate count as nothing, so that it could be more." in page


def test_a_share_that_adds_nothing_to_the_range_leaves_no_whole(rcm):
    money.FundingLineFactory(iscm=rcm, year=2026, amount_usd=1000)
    assert total(ResourceFilter(2026, 2026)).known_pct == 100
    money.AttributionFactory(iscm=rcm, year=2026)  # of a project without lines
    assert total(ResourceFilter(2026, 2026)).known_pct is None


def test_what_ends_says_what_its_known_part_lacks(read, lacking):
    Project.objects.update(ends_on=dt.date(2026, 12, 31))
    assert f"lacks {WHAT_LACKS}" in read("/resources/cliff/?year=2026")


# --- what is missing is not zero


def test_nothing_on_record_is_not_zero(read, rcm):
    nothing = total(ResourceFilter(1990, 1990, {"iscm": "rcm"}))
    assert nothing.is_unknown
    assert nothing.known_pct is None
    page = read("/resources/?iscm=rcm&from=1990&to=1990")
    assert "Nothing is on record." in page
    assert "USD 0" not in page


def test_a_past_day_with_nothing_on_record_says_so(read, rcm):
    money.FundingLineFactory(iscm=rcm, year=2026)
    money.FundingLineFactory(
        iscm=rcm, year=2026, label="A ceiling", is_counted=False, not_counted_reason="No amount."
    )
    page = read("/resources/?from=2026&to=2026&as_of=2026-01-01")
    assert "so nobody knows what is missing" in page
    assert "Every share" not in page
    assert "nothing is missing" not in page
    assert "not counted" not in page


def test_what_is_not_counted_follows_the_filters(read, rcm):
    kept = {"is_counted": False, "not_counted_reason": "It repeats."}
    money.FundingLineFactory(iscm=rcm, year=2016, label="In 2016", **kept)
    money.FundingLineFactory(iscm=rcm, year=2026, label="In 2026", **kept)
    money.FundingLineFactory(iscm=rcm, year=None, label="In no year", **kept)
    span = {"period_starts_on": dt.date(2016, 7, 1), "period_ends_on": dt.date(2017, 6, 30)}
    money.FundingLineFactory(iscm=rcm, year=None, label="Of two years", **span, **kept)
    money.FundingLineFactory(iscm=make.ISCMFactory(slug="sacm"), year=2026, label="Of SACM", **kept)
    money.FundingLineFactory(iscm=rcm, year=2026, label="Travel", source_of_funds="travel", **kept)

    def shown(query):
        page = read(f"/resources/?{query}")
        labels = ("In 2016", "In 2026", "In no year", "Of two years", "Of SACM", "Travel")
        return [label for label in labels if f"<li>{label}" in page]

    assert shown("from=2026&to=2026") == ["In 2026", "In no year", "Of SACM", "Travel"]
    assert shown("from=2017&to=2017") == ["In no year", "Of two years"]
    assert shown("from=2026&to=2026&iscm=rcm&source=osi") == ["In 2026", "In no year"]


# --- what is planned is not known


@pytest.fixture
def open_post(rcm):
    """USD 22,000 a year from 2025 on, without an end."""
    for year in range(2025, 2029):
        money.StandardCostFactory(grade="P3", year=year, usd_per_day=100)
    post = money.PositionFactory(grade="P3", starts_on=dt.date(2025, 1, 1))
    money.PositionShareFactory(position=post, iscm=rcm, share_pct=100)


def test_years_to_come_are_planned(read, open_post):
    page = read("/resources/?from=2027&to=2028")
    assert "What IOM plans to put into the mechanisms, 2027–2028" in page
    assert "USD 44,000 is planned." in page
    assert "is known." not in page
    assert "2027, planned" in page


def test_years_to_come_are_told_apart_from_those_that_have_begun(read, open_post):
    page = read("/resources/?from=2025&to=2028")
    assert "USD 44,000 is known." in page
    assert "USD 44,000 more is planned for 2027–2028" in page
    assert "2026 is counted whole: posts to its last day, as planned." in page
    assert "planned" not in read("/resources/?from=2025&to=2025")


def test_the_day_asked_for_says_which_years_had_begun(read, open_post):
    with time_machine.travel(dt.datetime(2025, 6, 1, tzinfo=dt.UTC)):
        money.FundingLineFactory(iscm=make.ISCMFactory(), year=2026, amount_usd=7)
    assert "USD 7 is planned." in read("/resources/?from=2026&to=2026&as_of=2025-12-31")


@pytest.mark.parametrize(
    "address", ["/resources/costs/?from=2026&to=2027", "/resources/compare/?first=2026&second=2027"]
)
def test_a_year_to_come_is_told_on_the_other_pages(read, open_post, address):
    assert "2027 has not begun: what is counted there is planned." in read(address)


# --- what ends when


def ending(iscm, year, usd, basis="dedicated", ends_on=None):
    project = money.ProjectFactory(ends_on=ends_on or dt.date(year, 6, 30))
    money.FundingLineFactory(project=project, year=year, amount_usd=usd)
    money.AttributionFactory(project=project, iscm=iscm, year=year, basis=basis)
    return project


def test_what_ends_when_is_seen_at_once(read, ipd, rcm):
    sacm = make.ISCMFactory(slug="sacm", acronym="SACM")
    ending(rcm, 2026, 300_000)
    ending(rcm, 2028, 100)
    unknown = ending(sacm, 2026, 50, basis="unknown")
    money.AttributionFactory(project=unknown, iscm=rcm, year=2026)
    # A later year's line of a project that ended is no part of what ends then.
    money.FundingLineFactory(project=unknown, year=2027, amount_usd=9)
    ends = endings_by_year(ipd)
    assert ends.years == [2026, 2028]
    found = {
        (slug, year): (one.known_usd, one.high_usd)
        for slug, _label, sums in ends.rows
        for year, one in sums.items()
    }
    assert found == {
        ("rcm", 2026): (300_000, 300_050),
        ("rcm", 2028): (100, 100),
        ("sacm", 2026): (0, 50),
    }
    # The unknown share of one project counts once in the year.
    assert (ends.totals[2026].known_usd, ends.totals[2026].high_usd) == (300_000, 300_050)
    page = read("/resources/cliff/?year=2026")
    assert "<strong>USD 300,000</strong> to 1 mechanism is known to end" in page
    assert "it could be up to USD 300,050" in page
    assert 'href="?year=2028"' in page


def test_projects_without_a_last_day_are_told(read, ipd, rcm):
    project = ending(rcm, 2026, 100)
    Project.objects.update(ends_on=None)
    money.ProjectFactory()  # supports no mechanism
    page = read("/resources/cliff/?year=2026")
    assert "1 project that supports a mechanism has no last day on record." in page
    assert f'href="/finance/projects/{project.pk}/">{project.code}</a>' in page
    assert [row.pk for row in endings_by_year(ipd).open_ended] == [project.pk]
    assert "Projects without a last day" in read("/finance/")
    reporter = make.UserFactory(access_group="reporter", office=make.OfficeFactory())
    hidden = endings_by_year(reporter)
    assert (hidden.open_ended, hidden.hidden) == ([], 1)


def test_the_number_of_statements_does_not_grow(django_assert_num_queries, ipd, rcm):
    def board():
        dashboard(ResourceFilter(2024, 2026), ipd)
        endings_by_year(ipd)

    ending(rcm, 2026, 100)

    with CaptureQueriesContext(connection) as first:
        board()
    for year in range(2020, 2030):
        ending(make.ISCMFactory(), year, 100)
        money.ProjectFactory.create_batch(2)
    with django_assert_num_queries(len(first)):
        board()
