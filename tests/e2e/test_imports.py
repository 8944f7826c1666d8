"""A finance officer imports a file in a real Chromium: errors, the mended file, written, undone."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import expect

from finance.models import ImportRun, Project
from tests.e2e.test_every_page import problems_of
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.finance.imported import as_csv, as_xlsx, started

pytestmark = pytest.mark.django_db(transaction=True)

SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def officer():
    return make.UserFactory(access_group="finance", office=None, username="finance")


@pytest.fixture
def looks(screenshot):
    """Looks at the page as it is, wide and narrow."""
    faults = {}

    def look(page, name: str) -> None:
        for width in (1240, 360):
            page.set_viewport_size({"width": width, "height": 900})
            found = problems_of(page)
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                found.append("scrolls sideways")
            if found:
                faults[f"{name} at {width}"] = found
            screenshot(page, f"imports/{name}-{width}")

    yield look
    assert faults == {}


def file(*rows: list[str]) -> dict[str, object]:
    content = as_xlsx([["code", "title", "starts_on", "donors"], *rows])
    return {"name": "Projects 2026.xlsx", "mimeType": SHEET, "buffer": content}


def test_a_file_with_errors_is_mended_written_and_undone(officer, new_page, sign_in, looks):
    make.OrganisationFactory(slug="japan")
    money.ProjectFactory(code="P.1", title="Border management", starts_on=dt.date(2026, 12, 31))
    page = new_page()
    sign_in(page, "finance")
    page.goto("/imports/")
    looks(page, "empty")
    page.get_by_role("link", name="Import a file").click()
    page.get_by_role("link", name="Projects", exact=True).click()
    looks(page, "new")
    with page.expect_download() as download:
        page.get_by_role("link", name="Projects as XLSX").click()
    assert download.value.suggested_filename == "projects.xlsx"

    wrong = file(
        ["P.1", "Border management II", "31/12/2026", "japan"],
        ["P.2", "Return and reintegration", "", "jappan"],
    )
    page.get_by_label("File", exact=True).set_input_files(wrong)
    page.get_by_role("button", name="Check the file").click()
    expect(page.locator(".intro")).to_contain_text("2 things are wrong")
    expect(page.get_by_role("rowheader", name="C2")).to_be_visible()
    expect(page.get_by_text("Is it “japan”?")).to_be_visible()
    looks(page, "errors")
    with page.expect_download() as download:
        page.get_by_role("link", name="Your sheet with the errors marked").click()
    assert download.value.suggested_filename.endswith("-errors.xlsx")

    page.get_by_role("link", name="Send the mended file").click()
    mended = file(
        ["P.1", "Border management II", "2026-12-31", "japan"],
        ["P.2", "Return and reintegration", "", "japan"],
    )
    page.get_by_label("File", exact=True).set_input_files(mended)
    page.get_by_role("button", name="Check the file").click()
    expect(page.locator(".intro")).to_contain_text("1 new, 1 changed")
    expect(page.locator("del")).to_have_text("Border management")
    looks(page, "checked")
    assert Project.objects.count() == 1
    page.get_by_role("button", name="Write all of it").click()
    expect(page.locator(".intro")).to_contain_text("1 new and 1 changed records were written")
    looks(page, "written")
    assert Project.objects.count() == 2
    page.get_by_role("button", name="Undo this import").click()
    expect(page.locator(".intro")).to_contain_text("The import was undone")
    looks(page, "undone")
    assert Project.objects.get().title == "Border management"
    page.goto("/imports/")
    looks(page, "list")


def test_an_amount_is_not_changed_without_a_reason(officer, new_page, sign_in, looks):
    money.StandardCostFactory(grade="P3", year=2026)
    page = new_page(allow=("status of 422",))
    sign_in(page, "finance")
    page.goto("/imports/new/?kind=standard_costs")
    content = as_csv([["grade", "year", "usd_per_day"], ["P3", 2026, "412.50"]])
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "costs.csv", "mimeType": "text/csv", "buffer": content}
    )
    page.get_by_role("button", name="Check the file").click()
    page.get_by_role("button", name="Write all of it").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why.")
    looks(page, "no-reason")
    page.get_by_label("Why figures change").fill("Pay scale of 2026")
    page.get_by_role("button", name="Write all of it").click()
    expect(page.locator(".intro")).to_contain_text("0 new and 1 changed records were written")


def test_the_page_follows_the_check_and_shows_how_it_came_out(officer, new_page, sign_in, looks):
    run = started("projects", as_csv([["code", "title"], ["P.1", "One"]]), officer)
    ImportRun.objects.update(state="checking", rows=1000, checked_rows=10)
    page = new_page()
    sign_in(page, "finance")
    page.goto(f"/imports/{run.pk}/")
    expect(page.locator(".intro")).to_contain_text("10 of 1,000 rows")
    looks(page, "in-work")
    ImportRun.objects.update(checked_rows=400)
    expect(page.locator(".intro")).to_contain_text("400 of 1,000 rows", timeout=10_000)
    ImportRun.objects.update(state="checked", new=1, checked_rows=1000)
    expect(page.locator(".intro")).to_contain_text("1 new, 0 changed", timeout=10_000)
