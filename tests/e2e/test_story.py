"""The first whole flow, in a real browser: from an event that owes a report to a number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engagements.models import (
    FollowUpAction,
    Organisation,
    Partnership,
    PolicyInstrument,
    SupportRequest,
)
from finance.models import FundingLine, TimeEntry
from reporting.models import PostEventReport
from tests.e2e.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


def evidence_counts() -> dict[str, int]:
    return {
        "requests": SupportRequest.objects.count(),
        "partnerships": Partnership.objects.count(),
        "instruments": PolicyInstrument.objects.count(),
        "follow_ups": FollowUpAction.objects.count(),
        "time": TimeEntry.objects.count(),
        "travel": FundingLine.objects.filter(report_number__isnull=False).count(),
    }


def press(page, name: str) -> None:
    """Press a button of a filing page, and wait for the page that it leads to."""
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


NOTHING = dict.fromkeys(
    ("requests", "partnerships", "instruments", "follow_ups", "time", "travel"), 0
)


def test_a_filed_report_moves_the_numbers_only_once_it_is_accepted(
    portal, new_page, sign_in, screenshot
):
    event, year = portal, portal.last_day.year
    day = event.last_day.isoformat()

    # --- the reporter finds what is due and starts
    page = new_page(allow=("status of 422",))
    sign_in(page, "reporter", password=PASSWORD)
    screenshot(page, "home-reporter")
    assert "1 report of your office is due" in " ".join(page.inner_text("main").split())
    page.get_by_role("link", name=f"Start {event.name}").click()
    page.get_by_role("button", name="Start the report").click()
    screenshot(page, "report-short")
    page.get_by_role("link", name="Who took part").click()

    # --- who took part: the delegate on record is there already
    assert page.get_by_label("position").first.input_value() == "Senior Programme Coordinator"
    page.get_by_label("grade").first.fill("P4")
    page.get_by_label("days spent").first.fill("3.5")
    page.get_by_label("travel cost (USD)").first.fill("640.50")
    screenshot(page, "report-people")
    press(page, "Save and continue")

    # --- the agenda: the item on record carries an IOM priority, and one is added
    page.get_by_label("IOM priority it carries").first.select_option("Protection at sea (test)")
    page.get_by_text("Add: agenda item").click()
    page.locator("#id_reportedagendaitems-1-title").fill("Data and early warning")
    press(page, "Save and continue")

    # --- what was discussed; the reporter leaves and comes back to the draft
    page.get_by_label("main points").fill("Members agreed to test the protocol.")
    page.get_by_label("restricted remarks").fill("SECRET-REMARK")
    press(page, "Save and leave")
    assert "3 of 8 parts done" in page.inner_text("main")
    page.get_by_role("link", name=f"Continue {event.name}").click()
    page.get_by_role("link", name="Outcomes and documents").click()
    page.locator("#id_outcomes").fill("A table-top exercise in March.")
    screenshot(page, "report-outcomes")
    press(page, "Save and continue")

    # --- support asked for: bad input is told at the field and nothing typed is lost
    page.get_by_label("what was asked for").fill("Training of trainers")
    page.get_by_label("State that asked").select_option("Indonesia")
    page.get_by_label("kind").select_option("Technical")
    press(page, "Save and continue")
    assert "Something needs mending" in page.inner_text("main")
    assert page.get_by_label("what was asked for").input_value() == "Training of trainers"
    screenshot(page, "report-error")
    page.get_by_label("asked on").fill(day)
    press(page, "Save and continue")

    # --- a partnership and an instrument that reflects the agenda
    page.get_by_label("or a new partner").fill("Walk Together (test)")
    page.get_by_label("kind of the new partner").select_option("Civil society or NGO")
    page.get_by_label("since").fill(day)
    page.get_by_label("title").fill("Directive on maritime search (test)")
    page.locator("#id_reportedinstruments-0-kind").select_option("Policy")
    page.get_by_label("passed or amended").select_option("Passed")
    page.locator("#id_reportedinstruments-0-country").select_option("Thailand")
    page.locator("#id_reportedinstruments-0-dated_on").fill(day)
    page.get_by_label("does IOM's expertise show in it?").select_option("Yes")
    page.get_by_label("Consultation protocol").check()
    screenshot(page, "report-results")
    press(page, "Save and continue")

    # --- follow-ups, lessons, goals
    page.locator("#id_reportedfollowups-0-what").fill("Send the curriculum to PIDC Members")
    page.locator("#id_lessons-0-kind").select_option("Good practice")
    page.locator("#id_lessons-0-text").fill("Table-top exercises bring ministries together.")
    press(page, "Save and continue")
    page.get_by_label("10.7").check()
    press(page, "Save and continue")

    # --- check and submit; until it is accepted it counts nowhere
    screenshot(page, "report-check")
    page.get_by_role("button", name="Submit to IPD").dblclick()
    page.get_by_text("with IPD").or_(page.get_by_text("In review")).first.wait_for()
    report = PostEventReport.objects.get(event=event)
    assert report.state == "submitted"
    assert report.steps.filter(action="submitted").count() == 1
    assert evidence_counts() == NOTHING

    # --- IPD returns it with a comment
    reviewer = new_page()
    sign_in(reviewer, "ipd", password=PASSWORD)
    screenshot(reviewer, "home-ipd")
    reviewer.get_by_role("link", name=event.name).first.click()
    assert "SECRET-REMARK" in reviewer.inner_text("main")
    screenshot(reviewer, "review")
    reviewer.get_by_label("What should the office mend?").fill(
        "Who asked for the training, and when?"
    )
    reviewer.get_by_role("button", name="Return with this comment").click()
    assert "Returned" in reviewer.inner_text("main")
    assert evidence_counts() == NOTHING

    # --- the reporter mends it and submits again
    page.goto("/")
    page.get_by_role("link", name=f"Mend {event.name}").click()
    assert "Who asked for the training, and when?" in page.inner_text("main")
    page.goto(f"/reports/{report.pk}/edit/support/")
    page.get_by_label("what was asked for").first.fill("Training of trainers, asked by Indonesia")
    press(page, "Save and continue")
    page.goto(f"/reports/{report.pk}/edit/check/")
    page.get_by_role("button", name="Submit to IPD").click()

    # --- IPD accepts; every row exists once and names its report
    reviewer.goto(f"/reports/{report.pk}/")
    reviewer.get_by_role("button", name="Accept the report").click()
    assert "Accepted" in reviewer.inner_text("main")
    screenshot(reviewer, "report-accepted")
    assert evidence_counts() == dict.fromkeys(NOTHING, 1)
    request = SupportRequest.objects.get()
    assert (request.what, request.report_number) == (
        "Training of trainers, asked by Indonesia",
        report.pk,
    )
    partnership = Partnership.objects.get()
    assert partnership.organisation == Organisation.objects.get(name="Walk Together (test)")
    instrument = PolicyInstrument.objects.get()
    assert [item.title for item in instrument.agenda_items.all()] == ["Consultation protocol"]
    assert TimeEntry.objects.get().days == Decimal("3.50")
    travel = FundingLine.objects.get(report_number=report.pk)
    assert (travel.amount_usd, travel.source_of_funds) == (Decimal("640.50"), "travel")

    # --- the indicator has moved, and opens to the record and the report
    reviewer.goto(f"/indicators/support_requests/?year={year}")
    screenshot(reviewer, "indicator")
    assert reviewer.locator(".figure-card .number").first.inner_text() == "1"
    reviewer.get_by_role("link", name="Show the records").click()
    assert "Training of trainers, asked by Indonesia" in reviewer.inner_text("main")
    reviewer.get_by_role("link", name=f"Report {report.pk}").click()
    assert reviewer.url.endswith(f"/reports/{report.pk}/")
    reviewer.goto(f"/indicators/?year={year}")
    screenshot(reviewer, "indicators")

    # --- an analyst reads the accepted report without what is not for him
    analyst = new_page()
    sign_in(analyst, "analyst", password=PASSWORD)
    analyst.goto(f"/reports/{report.pk}/")
    assert "Members agreed to test the protocol." in analyst.inner_text("main")
    assert "SECRET-REMARK" not in analyst.content()


def test_the_resource_dashboard_shows_the_evaluations_tables(portal, new_page, sign_in, screenshot):
    page = new_page()
    sign_in(page, "ipd", password=PASSWORD)
    page.get_by_role("link", name="Resources").first.click()
    main = page.inner_text("main")
    assert "338,300" in main
    assert "+180 per cent since 2014" in main
    assert page.locator(".chart svg:visible").count() == 2
    table = page.locator("section[aria-labelledby=table-4] tfoot").inner_text()
    assert table.split()[1:] == [
        "121,000",
        "113,652",
        "440,000",
        "247,400",
        "281,300",
        "338,300",
    ]
    screenshot(page, "resources")
    page.locator("section[aria-labelledby=table-4]").get_by_role("link", name="136,300").click()
    assert "evaluation 2019, Table 4" in page.inner_text("main")
    screenshot(page, "resource-records")
