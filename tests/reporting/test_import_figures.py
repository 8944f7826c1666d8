"""What was imported, changed or undone is in the figures of its years."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from finance.models import FundingLine
from iscm_portal.common import outbox
from iscm_portal.common.models import OutboxMessage
from reporting.models import IndicatorValue
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as reported
from tests.finance.imported import AT, as_csv, checked, table, undo, write

pytestmark = pytest.mark.django_db

LINE = {"source_of_funds": "osi", "supports": "grcp", "label": "L", "amount_usd": "1000"}


@pytest.fixture
def officer():
    return make.UserFactory(access_group="finance", office=None)


def resources() -> dict[int, Decimal | None]:
    """The indicator's overall value by year, once the outbox is done."""
    outbox.deliver(AT)
    values = IndicatorValue.objects.filter(indicator__key="resources_allocated", cell="overall")
    return dict(values.values_list("year", "value"))


def told() -> list[list[int]]:
    """The years of the messages that wait."""
    waiting = OutboxMessage.objects.filter(topic="evidence_changed", done_at=None)
    return [message.payload["years"] for message in waiting]


def test_the_indicators_follow_an_import_its_change_and_its_undoing(officer):
    reported.IndicatorFactory(key="resources_allocated")
    rows = [{**LINE, "code": f"L.{year}", "year": year} for year in (2024, 2026)]
    first = write(checked("funding_lines", as_csv(table(*rows)), officer), officer)
    assert told() == [[2024, 2026]]  # one message for all of it
    assert resources() == {2024: Decimal("1000"), 2025: None, 2026: Decimal("1000")}
    moved = as_csv(table({**LINE, "code": "L.2024", "year": 2025, "amount_usd": "70"}))
    second = write(checked("funding_lines", moved, officer), officer, "Moved")
    assert told() == [[2024, 2025]]  # the year that it left, and the one that it came to
    assert resources() == {2024: None, 2025: Decimal("70"), 2026: Decimal("1000")}
    undo(second, officer)
    assert told() == [[2024, 2025]]
    assert resources() == {2024: Decimal("1000"), 2025: None, 2026: Decimal("1000")}
    undo(first, officer)
    assert resources() == {2024: None, 2025: None, 2026: None}
    assert not FundingLine.objects.exists()


@pytest.mark.parametrize(
    ("kind", "row", "years"),
    [
        ("attributions", {"project": "P.1", "iscm": "rcm", "year": 2025, "basis": "unknown"}, 2025),
        ("standard_costs", {"grade": "P3", "year": 2025, "usd_per_day": 5}, 2025),
        ("contributions", {"iscm": "rcm", "country": "CRI", "year": 2025, "assessed_usd": 5}, 2025),
    ],
)
def test_shares_costs_and_contributions_tell_their_year(officer, kind, row, years):
    money.ProjectFactory(code="P.1")
    make.ISCMFactory(slug="rcm")
    make.CountryFactory(iso3="CRI")
    write(checked(kind, as_csv(table(row)), officer), officer)
    assert told() == [[years]]


def test_a_post_tells_the_years_in_which_it_is_held_and_a_rate_or_a_project_none(officer):
    make.OfficeFactory(slug="office")
    post = {"title": "T", "office": "office", "paid_by": "office"}
    posts = table(
        {**post, "code": "B.1", "starts_on": "2020-05-01", "ends_on": "2021-01-31"},
        {**post, "code": "B.2", "starts_on": dt.date(AT.year - 1, 3, 1)},
        {**post, "code": "B.3"},
    )
    write(checked("positions", as_csv(posts), officer), officer)
    assert told() == [[2020, 2021, AT.year - 1, AT.year]]
    OutboxMessage.objects.all().delete()
    rate = {"currency": "EUR", "rated_on": "2026-03-31", "usd_per_unit": "1.08"}
    write(checked("currency_rates", as_csv(table(rate)), officer), officer)
    write(checked("projects", as_csv(table({"code": "P.1", "title": "T"})), officer), officer)
    assert told() == []
