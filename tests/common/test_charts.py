"""Charts say in full what they show."""

from __future__ import annotations

from iscm_portal.common.charts import stacked_bars

LONG = "PLACMI (used to support certain costs of the secretariat and its meetings)"


def test_a_long_name_in_the_legend_is_not_cut() -> None:
    rows = [{"year": 2019, "usd": 3, "of": LONG, "order": 0}]
    svg = stacked_bars(rows, x="year", y="usd", series="of", description="Bars")
    assert LONG in svg
    assert "…" not in svg
