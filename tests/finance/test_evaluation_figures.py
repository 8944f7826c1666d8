"""The evaluation's own figures come out of the real records, by the selectors that screens use."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from finance.selectors.investment import investment
from finance.selectors.printed import change_pct, printed_table
from iscm_portal.common.period import Period
from tests.api import evaluation_tables as printed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def real_records() -> None:
    call_command("load_evaluation", verbosity=0)


def test_tables_4_to_7_come_out_cell_by_cell_with_their_totals():
    for number, rows, totals in (
        (4, printed.TABLE_4, printed.TOTALS_4),
        (5, printed.TABLE_5, printed.TOTALS_5),
        (7, printed.TABLE_7, printed.TOTALS_7),
    ):
        table = printed_table(number)
        assert [row.label for row in table.rows] == list(rows)
        for row in table.rows:
            slug, amounts = rows[row.label]
            assert (row.iscm_slug, tuple(row.values.values())) == (slug, amounts)
        assert table.totals == dict(zip(printed.YEARS, totals, strict=True))
    (colombo,) = printed_table(6).rows
    assert colombo.iscm_slug == "colombo-process"
    assert colombo.values == dict(zip(printed.YEARS_6, printed.AMOUNTS_6, strict=True))


def test_osi_rose_by_180_per_cent():
    totals = printed_table(4).totals
    change = change_pct(totals[2014], totals[2019])
    assert change == Decimal("179.6")
    assert round(change) == 180


def test_what_sacm_received_is_known_up_to_the_share_of_placmi():
    def sacm(year: int) -> tuple[Any, ...]:
        (cell,) = investment(Period.year(year), ("iscm",), iscm="sacm")
        return cell.known_usd, cell.low_usd, cell.high_usd, cell.missing["unknown_shares"]

    assert sacm(2014) == (20_000, 20_000, 616_600, 1)
    assert sacm(2019) == (20_000, 20_000, 44_000, 1)


def known_beyond_the_table(source: str, amount: str, *tables: int) -> dict[int, Decimal]:
    """By year, what counted lines of ``source`` come to over what the tables print."""
    cells = investment(Period.years(2014, 2019), ("year",), source=[source])
    found = {cell.key["year"]: getattr(cell, amount) for cell in cells}
    for table in tables:
        for year, total in printed_table(table).totals.items():
            found[year] -= total
    return {year: over for year, over in found.items() if over}


def test_what_a_source_gave_is_what_its_tables_print_and_what_the_text_adds():
    # OSI of 100,000 for the Colombo Process in 2017 (Table 6, note) stands in no row of Table 4.
    assert known_beyond_the_table("osi", "known_usd", 4) == {2017: 100_000}
    # The tables count PLACMI whole: that is the upper end. The Eastern Partnership Panel's project
    # is told of in the text only.
    assert known_beyond_the_table("project_support", "high_usd", 5, 6) == {
        2016: 1_309_300,
        2017: 507_000,
    }
