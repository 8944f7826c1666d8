"""The dashboard cut by mechanism: wide it scrolls in its own window, narrow it opens bit by bit."""

from __future__ import annotations

import pytest

from reporting.measures import MEASURES
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("sqlite")]

MECHANISMS = 30
ADDRESS = "/indicators/?year=2026&by=iscm"
# Where the first row's name and a head are, from the left and the top of the table's window.
PLACES = """
    () => {
        const box = document.querySelector(".matrix").getBoundingClientRect();
        const rows = [...document.querySelectorAll(".matrix tbody th")];
        const head = document.querySelector(".matrix thead th:last-child");
        return {
            name: rows.at(-1).getBoundingClientRect().left - box.left,
            head: head.getBoundingClientRect().top - box.top,
            lastCell: head.getBoundingClientRect().right - box.right,
        };
    }
"""


@pytest.fixture
def many():
    """Every indicator with a value of every mechanism."""
    make.UserFactory(username="analyst", access_group="analyst", office=None)
    iscms = make.ISCMFactory.create_batch(MECHANISMS)
    for number, key in enumerate(MEASURES, start=1):
        indicator = reported.IndicatorFactory(key=key, number=number, title=f"Indicator {number}")
        reported.IndicatorValueFactory(indicator=indicator, year=2026, iscm=None, cell="overall")
        for iscm in iscms:
            reported.IndicatorValueFactory(
                indicator=indicator, year=2026, iscm=iscm, cell=f"iscm:{iscm.pk}"
            )


def test_heads_and_names_stay_in_sight_however_the_table_is_scrolled(many, new_page, sign_in):
    page = new_page(width=1240)
    sign_in(page, "analyst")
    page.goto(ADDRESS)
    before = page.evaluate(PLACES)
    assert before["lastCell"] > 0, "the table is not wider than its window"
    page.evaluate("document.querySelector('.matrix').scrollTo(10000, 10000)")
    after = page.evaluate(PLACES)
    assert abs(after["lastCell"]) < 2
    assert (after["name"], after["head"]) == (before["name"], before["head"])
    assert page.evaluate("document.documentElement.scrollHeight") < 2000


def test_on_a_phone_one_mechanism_opens_at_a_time(many, new_page, sign_in, screenshot):
    page = new_page(width=360)
    sign_in(page, "analyst")
    page.goto(ADDRESS)
    assert page.locator(".matrix").is_hidden()
    lines = page.locator("details[name=line]")
    assert lines.count() == MECHANISMS
    assert page.locator("details[name=line][open]").count() == 0
    assert page.evaluate("document.documentElement.scrollHeight") < 2500
    for number in (0, 7):
        lines.nth(number).locator("summary").click()
        assert page.locator("details[name=line][open]").count() == 1
        assert lines.nth(number).get_by_role("link", name="1", exact=True).count() == len(MEASURES)
    screenshot(page, "cut-table-narrow")


def test_on_a_phone_the_indicators_of_the_dashboard_stand_once(many, new_page, sign_in):
    page = new_page(width=360)
    sign_in(page, "analyst")
    page.goto("/indicators/?year=2026")
    assert page.locator("#trends").is_hidden()
    assert page.get_by_role("row").filter(has_text="Indicator 3").count() == 1
    assert page.evaluate("document.documentElement.scrollHeight") < 4500
