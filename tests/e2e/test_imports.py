"""A finance officer imports a file in a real Chromium: errors, the mended file, written, undone."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from playwright.sync_api import expect

from finance.models import ImportRun, Project
from finance.services.importing import progress, runs, writing
from tests.e2e.test_every_page import problems_of
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.finance.imported import AT, as_csv, as_xlsx, checked, started, write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]

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
    page.get_by_label("Why it is undone").fill("Not the last version")
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


def test_embedded_the_check_of_a_long_file_is_left_and_cancelled(
    officer, new_page, sign_in, settings
):
    settings.LONG_JOBS_IN_THREADS = True
    rows = [["code", "title"], *([f"P.{n}", f"Project {n}"] for n in range(40_000))]
    page = new_page()
    sign_in(page, "finance")
    page.goto("/imports/new/?kind=projects")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "long.csv", "mimeType": "text/csv", "buffer": as_csv(rows)}
    )
    page.get_by_role("button", name="Check the file").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".intro")).to_contain_text("cancelled", timeout=20_000)
    for thread in threading.enumerate():
        if thread.name == "finance.check_import":
            thread.join(30)
    run = ImportRun.objects.get()
    assert (run.state, run.checked_rows < 40_000) == ("cancelled", True)


# While the answer to a form is awaited Chromium lets nobody ask the page anything: the page notes
# itself what it says, and whoever sits before it stops the work as soon as that can be done.
STOP_WHEN_POSSIBLE = """() => new MutationObserver(() => {
  sessionStorage.said = document.querySelector(".intro").textContent;
  document.querySelector("form[action$='/cancel/'] button")?.click();
}).observe(document.body, {childList: true, subtree: true})"""


def test_the_page_shows_how_much_is_written_before_the_answer_comes_and_can_stop_it(
    officer, new_page, sign_in, looks, monkeypatch
):
    gate = threading.Event()
    whole = writing._write_chunk

    def slow(*asked):
        whole(*asked)
        if len(waited) < 2:
            waited.append(gate.wait(30))

    waited = []
    monkeypatch.setattr(writing, "CHUNK", 1)
    monkeypatch.setattr(writing, "_write_chunk", slow)
    rows = [["code", "title"], *([f"P.{n}", "T"] for n in range(3))]
    run = checked("projects", as_csv(rows), officer)
    page = new_page()
    sign_in(page, "finance")
    page.goto(f"/imports/{run.pk}/")
    page.evaluate(STOP_WHEN_POSSIBLE)
    page.get_by_role("button", name="Write all of it").click()
    expect(page.locator(".intro")).to_contain_text("It is being stopped", timeout=20_000)
    assert "0 of 3 records are written" in page.evaluate("sessionStorage.said")
    looks(page, "stopping")
    gate.set()
    expect(page.locator(".callout")).to_contain_text("Nothing was written.", timeout=10_000)
    expect(page.get_by_role("button", name="Write all of it")).to_be_visible()
    looks(page, "stopped")
    assert not Project.objects.exists()


def test_a_file_that_is_being_written_says_how_far_it_is(officer, new_page, sign_in, looks):
    run = checked("projects", as_csv([["code", "title"], ["P.1", "One"]]), officer)
    runs.ask_to_write(run.pk, "", officer)
    told = progress.Progress(run.pk, AT)
    page = new_page()
    sign_in(page, "finance")
    page.goto(f"/imports/{run.pk}/")
    expect(page.locator(".intro")).to_contain_text("for another import to end")
    told.begin(progress.Phase.WRITING, 20_000)
    told.add(3000)
    expect(page.locator(".intro")).to_contain_text("3,000 of 20,000 records", timeout=10_000)
    looks(page, "writing")
    progress.forget(run.pk)
    expect(page.locator(".intro")).to_contain_text("can't be seen from here", timeout=10_000)
    expect(page.get_by_role("button", name="Stop the writing")).to_have_count(0)
    looks(page, "writing-unseen")


def test_amounts_that_rest_on_imported_rates_are_named(officer, new_page, sign_in, looks):
    content = as_csv([["currency", "rated_on", "usd_per_unit"], ["EUR", "2026-03-31", "1.08"]])
    run = write(checked("currency_rates", content, officer), officer)
    money.FundingLineFactory(
        label="Secretariat of a mechanism, with the costs of its meetings",
        original_currency="EUR",
        original_amount=100,
        rate_used="1.08",
        rated_on="2026-03-31",
        amount_usd=108,
    )
    page = new_page()
    sign_in(page, "finance")
    page.goto(f"/imports/{run.pk}/")
    expect(page.get_by_role("heading", name="Amounts that rest on these rates")).to_be_visible()
    looks(page, "rates")
