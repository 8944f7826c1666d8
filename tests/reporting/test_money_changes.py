"""A change of money reaches the published figures, in the years before and after it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from finance.models import FundingLine
from finance.services.ledger import delete_record, save_record
from iscm_portal.common import outbox
from iscm_portal.common.models import OutboxMessage
from reporting.models import IndicatorValue
from reporting.services.compiling import compile_indicators
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)


@pytest.fixture
def officer():
    return make.UserFactory(access_group="finance")


@pytest.fixture
def line():
    reported.IndicatorFactory(key="resources_allocated")
    line = money.FundingLineFactory(year=2019, amount_usd=Decimal("1000.00"))
    compile_indicators(2018, 2019, AT)
    return line


def allocated() -> dict[int, Decimal | None]:
    outbox.deliver(AT)
    assert not OutboxMessage.objects.filter(done_at__isnull=True).exists()
    values = IndicatorValue.objects.filter(indicator__key="resources_allocated", cell="overall")
    return dict(values.values_list("year", "value"))


def test_resources_allocated_follow_an_edit_of_an_amount(line, officer):
    assert allocated()[2019] == Decimal(1000)
    save_record(line, {"amount_usd": Decimal("1250.50")}, officer, "Budget revised")
    assert allocated()[2019] == Decimal("1250.50")


def test_a_line_that_moves_to_another_year_leaves_the_old_one(line, officer):
    save_record(line, {"year": 2018}, officer, "Mistyped")
    found = allocated()
    assert (found[2018], found.get(2019)) == (Decimal(1000), None)


def test_a_new_and_a_deleted_line_are_followed_too(line, officer):
    values = {
        "label": "New",
        "year": 2019,
        "source_of_funds": "osi",
        "supports": "all_rcps",
        "amount_usd": Decimal(5),
    }
    save_record(FundingLine(), values, officer)
    assert allocated()[2019] == Decimal(1005)
    delete_record(line, officer, "Entered twice")
    assert allocated()[2019] == Decimal(5)


def test_a_new_rate_values_the_days_of_its_year(line, officer):
    money.TimeEntryFactory(grade="P3", worked_on=dt.date(2019, 5, 1), days=Decimal(2))
    cost = money.StandardCostFactory(grade="P3", year=2019, usd_per_day=Decimal(100))
    save_record(cost, {"usd_per_day": Decimal(300)}, officer, "New rates")
    assert allocated()[2019] == Decimal(1600)
