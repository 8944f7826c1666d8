"""Every page, wide and narrow: for people with a screen reader, and on a phone."""

from __future__ import annotations

import datetime as dt

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from engagements.models import User
from finance.models import Attribution, FundContribution, FundDisbursement, Position
from iscm_portal.common.choices import Scope
from iscm_portal.common.models import ApiToken
from reporting.models import Duty, PostEventReport, Survey
from reporting.services.releasing import close_year
from tests.factories import reporting as reported
from tests.webhooks import webhook

pytestmark = pytest.mark.django_db(transaction=True)

TODAY = dt.date(2026, 11, 24)
NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)

PAGES = {
    "finance": (
        "/",
        "/imports/",
        "/imports/new/",
        "/imports/new/?kind=funding_lines",
        "/finance/",
        "/finance/funding-lines/?year=2019",
        "/finance/attributions/",
        "/finance/attributions/{attribution}/",
        "/finance/attributions/{attribution}/edit/",
        "/finance/positions/new/",
        "/finance/currency-rates/?year=2019",
        "/funds/",
        "/funds/demo-reserve-fund/",
        "/funds/demo-reserve-fund/contribution/",
        "/funds/demo-reserve-fund/case/",
        "/funds/cases/{case}/call-back/",
        "/funds/contributions/{contribution}/take-back/",
    ),
    "reporter": (
        "/",
        "/reports/new/",
        "/duties/{duty}/",
        "/notices/",
        "/profile/",
        "/tokens/",
        "/tokens/{api_token}/revoke/",
        "/events/calendar/",
        "/notices/unsubscribe/x/",
        "/reports/{returned}/edit/short/",
        "/reports/{returned}/edit/people/",
        "/reports/{returned}/edit/results/",
        "/reports/{returned}/edit/goals/",
        "/reports/{returned}/edit/check/",
        "/reports/{returned}/documents/",
        "/reports/{returned}/from-text/",
    ),
    "ipd": (
        "/",
        "/quality/",
        "/resources/compare/?first=2018&second=2019&by=source&sort=-other",
        "/resources/compare/?one=rcm",
        "/resources/costs/?from=2024&to=2026&sort=total&as_of=2026-11-24",
        "/resources/changes/?kind=funding-lines&since=2020-01-01",
        "/staffing/?sort=-gap&as_of=2026-11-24",
        "/sustaining/?sort_donors=-row&as_of=2026-11-24",
        "/funds/?as_of=2026-11-24",
        "/webhooks/",
        "/webhooks/new/",
        "/webhooks/{webhook}/",
        "/surveys/",
        "/surveys/?use=needs",
        "/surveys/needs/",
        "/surveys/new/",
        "/surveys/{survey_satisfaction}/",
        "/surveys/{survey_knowledge}/?lang=fr",
        "/surveys/{survey_open}/",
        "/surveys/{survey_open}/preview/",
        "/surveys/{survey_knowledge}/preview/?lang=es&phase=after",
        "/surveys/{survey_open}/links/",
        "/surveys/{survey_open}/questions/",
        "/s/link-of-the-browser/",
        "/s/link-of-the-browser/?lang=es",
        "/s/none-of-ours/",
        "/s/thanks/?lang=fr",
        "/iscms/",
        "/iscms/bali-process/",
        "/offices/",
        "/events/",
        "/events/{event}/",
        "/reports/",
        "/reports/{submitted}/",
        "/reports/{accepted}/",
        "/reports/{accepted}/versions/",
        "/reviews/",
        "/reviews/answers/",
        "/coverage/",
        "/duties/",
        "/duties/{duty}/",
        "/resources/",
        "/resources/records/?iscm=sacm&from=2014&to=2019",
        "/resources/?from=2024&to=2026&by=theme&as_of=2026-11-01",
        "/resources/cliff/?year=2026",
        "/resources/compare/",
        "/resources/compare/?one=rcm&other=midwa",
        "/resources/costs/?from=2024&to=2026",
        "/resources/costs/records/?of=days&iscm=rcm&from=2024&to=2026",
        "/resources/changes/?since=2020-01-01",
        "/indicators/",
        "/indicators/?year=2025",
        "/indicators/?year=2025&by=iscm",
        "/indicators/?year=2025&by=theme",
        "/indicators/?year=2025&iscm=bali-process&iscm=rcm",
        "/indicators/?period=rolling&year=2026&quarter=3",
        "/indicators/?as_of={today}",
        "/indicators/runs/",
        "/releases/",
        "/releases/2025/",
        "/releases/2025/close/",
        "/releases/2025/changes/?indicator=support_requests",
        "/indicators/support_requests/",
        "/indicators/support_requests/?by=country&period=quarter&year=2025&quarter=2",
        "/indicators/support_requests/records/?year=2025",
        "/indicators/report_coverage/edit/",
        "/indicators/report_coverage/versions/",
        "/indicators/frames/",
        "/indicators/frames/?of=theme",
        "/indicators/frames/migof_objective/O3/?how=related",
        "/indicators/frames/gcm_objective/untagged/",
        "/recommendations/",
        "/staffing/",
        "/staffing/?year=2031",
        "/staffing/?tor=known",
        "/staffing/records/?iscm=bali-process",
        "/staffing/records/?year=2026&planned=yes",
        "/sustaining/",
        "/sustaining/records/",
    ),
    "manager": ("/staffing/", "/staffing/positions/{position}/", "/sustaining/"),
}


@pytest.fixture
def places(releases_go):
    """The real records with the demo data, compiled; returns what the addresses name."""
    call_command("load_evaluation", verbosity=0)
    call_command("load_demo", today=TODAY, verbosity=0)
    call_command("compile_indicators", full=True, verbosity=0)
    found = {
        state: PostEventReport.objects.filter(state=state).first().pk
        for state in ("returned", "submitted", "accepted")
    }
    bangkok = Duty.objects.filter(office__slug="co-bangkok", answer="")
    found["duty"] = bangkok.order_by("-due_on").first().pk
    found["contribution"] = FundContribution.objects.first().pk
    found["case"] = FundDisbursement.objects.standing().first().pk
    found["attribution"] = Attribution.objects.filter(basis="unknown").first().pk
    found["position"] = Position.objects.filter(office__slug="co-bangkok").first().pk
    close_year(2025, 1, "Demo: closed to look at.", User.objects.get(username="ipd"), NOW)
    found["today"] = timezone.localdate().isoformat()
    found |= surveys()
    reporter = User.objects.get(username="reporter")
    found["api_token"] = ApiToken.issue(reporter, [Scope.READ_DIRECTORY], 30)[0].pk
    found["webhook"] = webhook.sent_delivery(User.objects.get(username="analyst")).webhook_id
    return {**found, "event": PostEventReport.objects.get(pk=found["accepted"]).event_id}


def surveys():
    """The demo's surveys, and one that is open with a question of each kind."""
    found = {f"survey_{survey.use}": survey.pk for survey in Survey.objects.filter(is_demo=True)}
    today = timezone.localdate()
    running = reported.SurveyFactory(
        opens_on=today, closes_on=today, asks_state=True, intro="What we ask, and why."
    )
    for kind in ("scale", "score", "single", "several", "text"):
        options = "One\nTwo" if kind in ("single", "several") else ""
        reported.QuestionFactory(survey=running, kind=kind, options=options)
    reported.SurveyLinkFactory(survey=running, is_single=False, token="link-of-the-browser")
    return {**found, "survey_open": running.pk}


def problems_of(page) -> list[str]:
    """What axe finds against WCAG 2.2 AA: rule and place."""
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]


def test_every_page_is_accessible_and_fits_a_narrow_screen(places, new_page, sign_in, screenshot):
    # Both databases make the same pages: one shows the narrow, one the wide ones.
    width = {"sqlite": 360, "postgresql": 1240}[connection.vendor]
    faults = {}
    for who, addresses in PAGES.items():
        # A comparison that lacks its second mechanism, and a link of a survey that is none.
        page = new_page(width=width, allow=("status of 422", "status of 404"))
        sign_in(page, who)
        for address in addresses:
            page.goto(address.format(**places))
            found = problems_of(page)
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                found.append("scrolls sideways")
            if found:
                faults[f"{address} as {who}"] = found
            name = address.split("?")[0].strip("/").replace("/", "-") or "home"
            screenshot(page, f"pages/{who}-{width}-{name}".replace("{", "").replace("}", ""))
    assert faults == {}


def test_the_sign_in_page_is_accessible_and_tells_a_wrong_password(new_page):
    page = new_page(width=360)
    page.goto("/accounts/login/")
    assert problems_of(page) == []
    page.fill("[name=login]", "nobody")
    page.fill("[name=password]", "wrong")
    page.click("main button[type=submit]")
    assert "not correct" in page.inner_text("[role=alert]")


def test_a_report_is_filed_without_javascript(places, new_page, sign_in):
    page = new_page(javascript=False)
    sign_in(page, "reporter")
    page.goto(f"/reports/{places['returned']}/edit/discussed/")
    page.fill("#id_discussed", "Written without a script.")
    page.get_by_role("button", name="Save and continue").click()
    assert PostEventReport.objects.get(pk=places["returned"]).discussed == (
        "Written without a script."
    )
