"""An e-mail becomes a draft in a real Chromium: marked, kept, confirmed, filed."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import expect

from reporting.models import KeptText, PostEventReport, ReportedRequest
from tests.factories import engagements as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("sqlite")]

NO_LINE = ("net::ERR", "Failed to load resource", "Failed to fetch", "when fetching the script")
MAIL = """Dear all,
Main points: Delegations compared notes.
Support asked for
- Training | Fiji | Technical | 2026-11-06 | Met | 2026-11-06
Restricted remarks
One State said it would leave.
"""


@pytest.fixture
def page(new_page, sign_in):
    office = make.OfficeFactory()
    writer = make.UserFactory(access_group="reporter", office=office, username="reporter")
    writer.set_password("pw-for-tests")
    writer.save()
    make.CountryFactory(name_en="Fiji")
    event = make.EventFactory(
        iscms=[make.ISCMFactory()], starts_on=dt.date(2026, 11, 5), ends_on=dt.date(2026, 11, 6)
    )
    make.DelegateFactory(event=event, office=office, title="Chief of Mission")
    found = new_page(allow=NO_LINE)
    sign_in(found, "reporter")
    found.goto(f"/reports/new/?event={event.pk}")
    found.get_by_role("button", name="Start it from an e-mail").click()
    found.get_by_label("Paste the e-mail").fill(MAIL)
    found.get_by_role("button", name="Read it into the report").click()
    found.wait_for_url("**/edit/short/")
    return found


def ticks(page):
    return page.locator("[name=confirmed]")


def test_from_a_pasted_mail_to_a_submitted_report(page):
    page.locator("#id_participants-0-days").fill("2")
    page.get_by_role("button", name="Submit to IPD").click()
    expect(page.get_by_text("Nothing is saved yet: look at what was filled in")).to_be_visible()
    assert ReportedRequest.objects.count() == 0
    expect(page.locator("#id_participants-0-days")).to_have_value("2")
    assert ticks(page).count() == 4  # two texts, a row, what was not recognised
    for tick in ticks(page).all():
        tick.check()
    page.get_by_role("button", name="Submit to IPD").click()
    expect(page.get_by_text("In review").first).to_be_visible()
    report = PostEventReport.objects.get()
    assert (report.state, report.discussed) == ("submitted", "Delegations compared notes.")
    assert report.discussed_restricted == "One State said it would leave."
    assert ReportedRequest.objects.get().what == "Training"


def test_marks_and_ticks_come_back_from_a_device_that_had_no_line(page):
    before = KeptText.objects.values("content", "revision").get()
    marked = page.locator("[name=imported]").count()
    page.context.set_offline(True)
    ticks(page).first.check()
    page.locator("#id_discussed").fill("Typed without a line.")
    expect(page.locator("#saving")).to_contain_text("Kept on this device", timeout=15_000)
    context, address = page.context, page.url
    page.close()
    # What the page sent on its way out, if anything, never arrived.
    KeptText.objects.update(**before)
    context.set_offline(False)
    again = context.new_page()
    again.goto(address)
    expect(again.locator("#id_discussed")).to_have_value("Typed without a line.")
    expect(again.locator("#saving")).to_contain_text("Kept on the server", timeout=15_000)
    assert ticks(again).first.is_checked()
    content = KeptText.objects.get().content
    assert len(set(content["imported"])) == marked
    assert content["imported"] == before["content"]["imported"]
    assert content["unrecognised"] == ["Dear all,"]
