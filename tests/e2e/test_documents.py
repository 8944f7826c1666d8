"""A document over a bad line, in a real Chromium: it arrives, and once."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import expect

from reporting.models import Attachment
from reporting.services import reports as services
from tests import files
from tests.factories import engagements as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
PDF = {"name": "Outcome.pdf", "mimeType": "application/pdf", "buffer": files.PDF}
NO_LINE = ("net::ERR", "Failed to load resource", "Failed to fetch", "when fetching the script")


@pytest.fixture
def page(new_page, sign_in):
    office = make.OfficeFactory()
    writer = make.UserFactory(access_group="reporter", office=office, username="reporter")
    writer.set_password("pw-for-tests")
    writer.save()
    event = make.EventFactory(iscms=[make.ISCMFactory()], starts_on=dt.date(2026, 11, 5))
    report = services.start_report(event, office, writer, AT)
    found = new_page(allow=NO_LINE)
    sign_in(found, "reporter")
    found.goto(f"/reports/{report.pk}/documents/")
    found.get_by_label("What it is").select_option("outcome")
    return found


def test_a_file_sent_without_a_line_goes_out_when_it_is_back(page):
    page.get_by_label("File").set_input_files(PDF)
    page.context.set_offline(True)
    page.get_by_role("button", name="Send the file").click()
    expect(page.locator("#uploading")).to_contain_text("The line broke")
    assert Attachment.objects.count() == 0
    page.context.set_offline(False)
    expect(page.get_by_role("link", name="Outcome.pdf")).to_be_visible(timeout=20_000)
    assert Attachment.objects.get().size == len(files.PDF)


def test_a_file_whose_answer_is_lost_is_sent_again_and_is_one_document(page):
    lost = []

    def lose_the_first(route):
        if not lost:
            lost.append(route.fetch().status)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(
        "**/documents/",
        lambda route: (
            lose_the_first(route) if route.request.method == "POST" else route.continue_()
        ),
    )
    page.get_by_label("File").set_input_files(PDF)
    page.get_by_role("button", name="Send the file").click()
    expect(page.get_by_role("link", name="Outcome.pdf")).to_be_visible(timeout=20_000)
    assert lost == [200]
    assert Attachment.objects.count() == 1


def test_a_file_that_is_not_taken_is_told_without_leaving_the_page(page):
    bad = {
        "name": "a.docx",
        "mimeType": "x/y",
        "buffer": files.office(**{"word/vbaProject.bin": b"x"}),
    }
    page.get_by_label("File").set_input_files(bad)
    page.get_by_label("Who reads it").select_option("restricted")
    page.get_by_role("button", name="Send the file").click()
    expect(page.locator("#uploading")).to_contain_text("macros")
    assert page.get_by_label("Who reads it").input_value() == "restricted"
    page.get_by_label("File").set_input_files(PDF)
    page.get_by_role("button", name="Send the file").click()
    expect(page.get_by_role("link", name="Outcome.pdf")).to_be_visible()
    assert Attachment.objects.get().sensitivity == "restricted"
