"""Charts say in full what they show."""

from __future__ import annotations

from iscm_portal.common.charts import paired_bars, stacked_bars, wide_only

LONG = "PLACMI (used to support certain costs of the secretariat and its meetings)"


def test_a_long_name_in_the_legend_is_not_cut() -> None:
    rows = [{"year": 2019, "usd": 3, "of": LONG, "order": 0}]
    svg = stacked_bars(rows, x="year", y="usd", series="of", description="Bars")
    assert LONG in svg
    assert "…" not in svg


def test_bars_beside_each_other_stand_in_the_order_asked_for() -> None:
    rows = [
        {"iscm": "RCM", "of": "Held", "posts": 1},
        {"iscm": "RCM", "of": "Needed", "posts": 2},
    ]
    svg = paired_bars(
        rows, row="iscm", x="posts", series="of", order=("Needed", "Held"), description="Posts"
    )
    assert 'role="img" aria-label="Posts"' in svg
    assert -1 < svg.find("Needed</text>") < svg.find("Held</text>")


def test_a_chart_is_drawn_for_narrow_screens_too_and_each_is_told_as_a_picture() -> None:
    rows = [{"year": year, "usd": 3, "of": LONG, "order": 0} for year in range(2014, 2020)]
    svg = stacked_bars(rows, x="year", y="usd", series="of", description="Bars")
    assert svg.count('role="img" aria-label="Bars"') == 2
    assert 'data-for="narrow"' in svg
    assert wide_only(svg).count("<svg ") == 1
    # A long name of the legend stands on several lines there.
    assert "<tspan>PLACMI (used to support certain</tspan>" in svg.partition('"narrow"')[2]
