"""A finance officer mends a figure: without a script, by keyboard, wide and narrow."""

from __future__ import annotations

import pytest

from finance.models import Attribution, FundingLine, Position
from tests.e2e.test_every_page import problems_of
from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("sqlite")]


@pytest.fixture
def officer():
    return make.UserFactory(username="fin", access_group="finance", office=make.OfficeFactory())


def look(page, name, screenshot) -> None:
    assert problems_of(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    screenshot(page, f"finance/{name}-{page.viewport_size['width']}")


@pytest.mark.parametrize("width", [1240, 360])
def test_an_unknown_share_is_mended_from_the_list_of_what_is_missing(
    officer, new_page, sign_in, screenshot, width
):
    project = money.ProjectFactory(code="PLACMI", title="Technical cooperation")
    attribution = money.AttributionFactory(
        project=project, iscm=make.ISCMFactory(acronym="SACM"), year=2014
    )
    page = new_page(width=width, javascript=True, allow=("status of 422",))
    sign_in(page, "fin")
    page.goto("/finance/")
    look(page, "overview", screenshot)
    page.get_by_role("link", name="Mend it: PLACMI → SACM 2014").click()
    page.select_option("[name=basis]", "stated_share")
    page.get_by_role("button", name="Save").click()
    look(page, "refused", screenshot)
    page.get_by_role("link", name="Share (per cent): A share is stated: give it.").click()
    page.keyboard.type("25")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Reason: What a figure").click()
    page.keyboard.type("Agreement with the donor read")
    page.keyboard.press("Enter")
    page.get_by_text("Saved.").wait_for()
    look(page, "record", screenshot)
    history = page.locator("section[aria-labelledby=trace]").inner_text()
    assert "Why: Agreement with the donor read" in history
    assert "Share (per cent): empty → 25" in history
    assert Attribution.objects.get(pk=attribution.pk).share_pct == 25


def test_a_post_with_its_shares_is_entered_without_javascript(officer, new_page, sign_in):
    iscm, office = make.ISCMFactory(acronym="Bali Process"), make.OfficeFactory(name="RO Bangkok")
    page = new_page(javascript=False)
    sign_in(page, "fin")
    page.goto("/finance/positions/new/")
    page.fill("[name=title]", "Focal point")
    page.select_option("[name=office]", label=office.name)
    page.select_option("[name=paid_by]", "office")
    page.select_option("[name=shares-0-iscm]", label=iscm.acronym)
    page.fill("[name=shares-0-share_pct]", "20")
    page.get_by_role("button", name="Save").click()
    assert page.locator("h1").inner_text() == "Focal point"
    assert list(Position.objects.get().shares.values_list("iscm", "share_pct")) == [(iscm.pk, 20)]


@pytest.mark.parametrize("width", [1240, 360])
def test_of_two_officers_the_second_sees_both_values_and_loses_nothing(
    officer, new_page, sign_in, screenshot, width
):
    line = money.FundingLineFactory(label="OSI", note="First.")
    pages = [new_page(width=width, allow=("status of 409",)) for _officer in range(2)]
    for page in pages:
        sign_in(page, "fin")
        page.goto(f"/finance/funding-lines/{line.pk}/edit/")
    for number, page in enumerate(pages):
        page.fill("[name=note]", f"Note of {number}.")
        page.get_by_role("button", name="Save").click()
    look(pages[1], "meanwhile", screenshot)
    differs = pages[1].locator("section, div").get_by_role("table").inner_text()
    assert "Note of 0." in differs
    assert "Note of 1." in differs
    assert pages[1].input_value("[name=note]") == "Note of 1."
    pages[1].get_by_role("button", name="Save").click()
    pages[1].get_by_text("Saved.").wait_for()
    assert FundingLine.objects.get().note == "Note of 1."
