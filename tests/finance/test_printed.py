"""Tables 4 to 7 as the evaluation prints them, from the stored records."""

from decimal import Decimal
from typing import Any

import pytest

from engagements.models import ISCM
from finance.choices import FundingSource, Supports
from finance.selectors.printed import change_pct, printed_table
from tests.factories.engagements import ISCMFactory
from tests.factories.finance import (
    AttributionFactory,
    FundingLineFactory,
    ProjectFactory,
    StaffCountFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def sacm_2014() -> ISCM:
    """SACM in 2014: USD 20,000 of OSI, and PLACMI, of which nobody knows the share."""
    sacm = ISCMFactory(slug="sacm", acronym="SACM")
    placmi = ProjectFactory(code="PLACMI")
    FundingLineFactory(
        code="fin-025", year=2014, iscm=sacm, label="SACM", amount_usd=20_000, printed_table=4
    )
    FundingLineFactory(
        code="fin-061",
        year=2014,
        project=placmi,
        label="PLACMI",
        amount_usd=596_600,
        source_of_funds=FundingSource.PROJECT_SUPPORT,
        printed_table=5,
    )
    AttributionFactory(project=placmi, iscm=sacm, year=2014)
    return sacm


def test_a_printed_table_has_the_rows_in_printed_order_with_their_totals():
    rcm = ISCMFactory(slug="rcm")
    for code, year, amount in [("fin-010", 2014, 20_000), ("fin-011", 2015, 21_000)]:
        FundingLineFactory(
            code=code, year=year, amount_usd=amount, label="RCM", iscm=rcm, printed_table=4
        )
    FundingLineFactory(
        code="fin-001",
        year=2015,
        amount_usd=48_652,
        label="GRCP",
        supports=Supports.GRCP,
        printed_table=4,
    )
    FundingLineFactory(iscm=rcm, year=2015)  # stands in no table
    table = printed_table(4)
    assert [(row.label, row.iscm_slug, row.values) for row in table.rows] == [
        ("GRCP", None, {2015: Decimal("48652.00")}),
        ("RCM", "rcm", {2014: Decimal("20000.00"), 2015: Decimal("21000.00")}),
    ]
    assert table.years == [2014, 2015]
    assert table.totals == {2014: Decimal("20000.00"), 2015: Decimal("69652.00")}


def test_a_printed_table_narrows_to_mechanisms_and_years(sacm_2014: ISCM):
    other = ISCMFactory(slug="rcm")
    FundingLineFactory(
        code="fin-090", year=2014, iscm=other, label="RCM", amount_usd=1, printed_table=5
    )
    FundingLineFactory(
        code="fin-091", year=2015, iscm=other, label="RCM", amount_usd=2, printed_table=5
    )
    # PLACMI names no mechanism, but is attributed to SACM.
    assert [row.label for row in printed_table(5, iscms=["sacm"]).rows] == ["PLACMI"]
    assert printed_table(5, years=[2015]).totals == {2015: Decimal("2.00")}


def test_table_7_counts_people():
    StaffCountFactory(code="staff-002", label="RCM", year=2014, full_time_staff=1)
    StaffCountFactory(code="staff-001", label="Bali Process", year=2014, full_time_staff=4)
    table = printed_table(7)
    assert [row.label for row in table.rows] == ["Bali Process", "RCM"]
    assert table.totals == {2014: 5}


@pytest.mark.parametrize("number", [4, 5, 6, 7])
def test_a_printed_table_is_one_statement(number: int, django_assert_num_queries: Any):
    with django_assert_num_queries(1):
        printed_table(number)


def test_another_table_is_refused():
    with pytest.raises(KeyError):
        printed_table(3)


@pytest.mark.parametrize(
    ("first", "last", "change"),
    [
        (121_000, 338_300, Decimal("179.6")),
        (Decimal(200), Decimal(100), Decimal("-50.0")),
        (0, 5, None),
        (None, 5, None),
        (5, None, None),
    ],
)
def test_a_change_in_per_cent(first: Any, last: Any, change: Decimal | None):
    assert change_pct(first, last) == change
