"""Every role x every page: one table, and nothing that is not in it."""

from __future__ import annotations

import datetime as dt
import re
from copy import deepcopy

import pytest
from django.contrib import admin
from django.core.files.base import ContentFile
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver

from finance.services import terms_of_reference
from iscm_portal.common.choices import Scope
from iscm_portal.common.models import ApiToken
from reporting.choices import ReportPart
from reporting.models import Duty
from reporting.services import correcting, reviewing
from reporting.services import reports as services
from reporting.services.duties import ask_extension, sync_duties
from reporting.services.releasing import close_year
from tests import files
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as reported
from tests.finance import imported
from tests.twins import taken_back
from tests.webhooks import webhook

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
SECRET = "SECRET-REMARK"
INTERNAL = "INTERNAL-REMARK"

# Who asks. "other" is a reporter of another office than the one that wrote the reports.
WHO = ("nobody", "reporter", "other", "manager", "finance", "ipd", "analyst", "admin")

# address -> what each of WHO is answered. 302 is the way to the sign-in page for nobody, and for
# the others the way on (to the report, from a step they may not write in).
TABLE: dict[str, tuple[int, ...]] = {
    # address                     nobody rep  other mgr  fin  ipd  ana  admin
    "/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/iscms/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/iscms/{iscm}/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/offices/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/events/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/events/{event}/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/reports/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/reports/new/": (302, 200, 200, 200, 403, 200, 403, 200),
    "/reports/{accepted}/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/reports/{submitted}/": (302, 200, 404, 200, 404, 200, 404, 200),
    "/reports/{draft}/": (302, 200, 404, 200, 404, 200, 404, 200),
    "/reports/{draft}/edit/": (302, 302, 404, 302, 404, 302, 404, 302),
    "/reports/{draft}/edit/people/": (302, 200, 404, 200, 404, 302, 404, 302),
    "/reports/{draft}/edit/check/": (302, 200, 404, 200, 404, 302, 404, 302),
    "/reports/{draft}/edit/short/": (302, 200, 404, 200, 404, 302, 404, 302),
    "/reports/{draft}/documents/": (302, 200, 404, 200, 404, 302, 404, 302),
    "/reports/{accepted}/briefing.pdf": (302, 200, 200, 200, 200, 200, 200, 200),
    "/reports/{submitted}/briefing.docx": (302, 404, 404, 404, 404, 404, 404, 404),
    "/reports/template.docx": (302, 200, 200, 200, 200, 200, 200, 200),
    "/reports/{draft}/from-text/": (302, 200, 404, 200, 404, 302, 404, 302),
    "/documents/{document}/": (302, 200, 404, 200, 404, 200, 404, 200),
    "/filing/session/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/coverage/": (302, 200, 200, 200, 403, 200, 403, 200),
    "/quality/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/duties/": (302, 200, 200, 200, 403, 200, 403, 200),
    "/duties/{duty}/": (302, 200, 404, 200, 404, 200, 404, 200),
    "/notices/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/notices/unsubscribe/{token}/": (200, 200, 200, 200, 200, 200, 200, 200),
    "/events/calendar/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/calendar/{token}/events.ics": (404, 404, 404, 404, 404, 404, 404, 404),
    "/tokens/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/tokens/{api_token}/": (302, 200, 404, 404, 404, 404, 404, 404),
    "/tokens/{api_token}/revoke/": (302, 200, 404, 404, 404, 404, 404, 404),
    "/profile/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/reviews/answers/": (302, 403, 403, 200, 403, 200, 403, 200),
    "/reviews/": (302, 403, 403, 200, 403, 200, 403, 200),
    "/resources/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/resources/records/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/resources/cliff/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/resources/compare/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/resources/costs/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/resources/costs/records/?of=days&iscm={iscm}": (302, 200, 200, 200, 200, 200, 200, 200),
    "/resources/changes/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/resources/table-4.csv": (302, 200, 200, 200, 200, 200, 200, 200),
    "/resources/table-4.xlsx": (302, 200, 200, 200, 200, 200, 200, 200),
    "/finance/": (302, 200, 200, 200, 200, 200, 403, 200),
    "/finance/{kind}/": (302, 200, 200, 200, 200, 200, 403, 200),
    "/finance/{kind}/new/": (302, 403, 403, 403, 200, 403, 403, 200),
    "/finance/{kind}/{line}/": (302, 200, 404, 200, 200, 200, 403, 200),
    "/finance/{kind}/{line}/edit/": (302, 403, 404, 403, 200, 403, 403, 200),
    "/finance/{staff}/new/": (302, 403, 403, 200, 200, 403, 403, 200),
    "/finance/{staff}/{post}/": (302, 200, 404, 200, 200, 200, 403, 200),
    "/finance/{staff}/{post}/edit/": (302, 403, 404, 200, 200, 403, 403, 200),
    "/indicators/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/indicators/{indicator}/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/indicators/{indicator}/records/?year=2026": (302, 200, 200, 200, 200, 200, 200, 200),
    "/indicators/{indicator}/edit/": (302, 403, 403, 403, 403, 200, 403, 200),
    "/indicators/{indicator}/versions/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/indicators/frames/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/indicators/frames/{frame}/{goal}/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/indicators/frames/{frame}/untagged/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/indicators/runs/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/releases/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/releases/{closed}/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/releases/{closed}/close/": (302, 403, 403, 403, 403, 200, 403, 200),
    "/releases/{closed}/changes/?indicator={indicator}": (302, *[200] * 7),
    "/reports/{accepted}/versions/": (302, 200, 403, 200, 403, 200, 403, 200),
    "/reports/{draft}/versions/": (302, 200, 404, 200, 404, 200, 404, 200),
    "/recommendations/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/funds/": (302, 403, 403, 403, 200, 200, 403, 200),
    "/funds/new/": (302, 403, 403, 403, 200, 403, 403, 200),
    "/funds/{fund}/": (302, 404, 404, 404, 200, 200, 404, 200),
    "/funds/{fund}/sheet.pdf": (302, 404, 404, 404, 200, 200, 404, 200),
    "/funds/{fund}/contribution/": (302, 404, 404, 404, 200, 403, 404, 200),
    "/funds/{fund}/case/": (302, 404, 404, 404, 200, 403, 404, 200),
    "/funds/cases/{case}/call-back/": (302, 404, 404, 404, 200, 403, 404, 200),
    "/funds/contributions/{contribution}/take-back/": (302, 404, 404, 404, 200, 403, 404, 200),
    "/staffing/": (302, 200, 200, 200, 200, 200, 403, 200),
    "/staffing/records/": (302, 200, 200, 200, 200, 200, 403, 200),
    "/staffing/positions/{position}/": (302, 200, 404, 200, 200, 200, 404, 200),
    "/staffing/terms-of-reference/{terms}/": (302, 200, 404, 200, 200, 200, 404, 200),
    "/sustaining/": (302, 200, 200, 200, 200, 200, 403, 200),
    "/sustaining/records/": (302, 200, 200, 200, 200, 200, 403, 200),
    "/imports/": (302, 403, 403, 403, 200, 200, 403, 200),
    "/imports/new/": (302, 403, 403, 403, 200, 403, 403, 200),
    "/imports/templates/{import_kind}/": (302, 403, 403, 403, 200, 200, 403, 200),
    "/imports/{import}/": (302, 404, 404, 404, 200, 200, 404, 200),
    "/imports/{import}/errors.xlsx": (302, 404, 404, 404, 200, 200, 404, 200),
    "/surveys/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/surveys/needs/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/surveys/new/": (302, 403, 403, 403, 403, 200, 403, 200),
    "/surveys/{survey}/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/surveys/{survey_draft}/": (302, 404, 404, 404, 404, 200, 404, 200),
    "/surveys/{survey}/answers/": (302, 403, 403, 403, 403, 200, 403, 200),
    "/surveys/{survey_open}/preview/": (302, 403, 403, 403, 403, 200, 403, 200),
    "/surveys/{survey_draft}/preview/": (302, 404, 404, 404, 404, 200, 404, 200),
    "/surveys/{survey_open}/edit/": (302, 403, 403, 403, 403, 200, 403, 200),
    "/surveys/{survey_draft}/edit/": (302, 404, 404, 404, 404, 200, 404, 200),
    "/surveys/{survey_open}/links/": (302, 403, 403, 403, 403, 200, 403, 200),
    "/surveys/{survey_draft}/questions/": (302, 404, 404, 404, 404, 200, 404, 200),
    "/surveys/questions/{question}/": (302, 404, 404, 404, 404, 200, 404, 200),
    "/s/thanks/": (200, 200, 200, 200, 200, 200, 200, 200),
    "/s/{survey_token}/": (200, 200, 200, 200, 200, 200, 200, 200),
    "/accounts/login/": (200, 302, 302, 302, 302, 302, 302, 302),
    "/accounts/logout/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/admin/": (302, 302, 302, 302, 302, 200, 302, 200),
    "/admin/engagements/iscm/": (302, 302, 302, 302, 302, 200, 302, 200),
    "/admin/engagements/event/": (302, 302, 302, 302, 302, 200, 302, 200),
    "/admin/engagements/event/{event}/change/": (302, 302, 302, 302, 302, 200, 302, 200),
    "/admin/engagements/event/{event}/history/": (302, 302, 302, 302, 302, 200, 302, 200),
    "/admin/engagements/user/": (302, 302, 302, 302, 302, 200, 302, 200),
    "/admin/engagements/user/add/": (302, 302, 302, 302, 302, 200, 302, 200),
    "/admin/engagements/user/{user}/change/": (302, 302, 302, 302, 302, 200, 302, 200),
    "/admin/engagements/user/{user}/password/": (302, 302, 302, 302, 302, 200, 302, 200),
    "/admin/common/apitoken/": (302, 302, 302, 302, 302, 200, 302, 200),
    "/admin/common/apitoken/add/": (302, 302, 302, 302, 302, 403, 302, 403),
    "/webhooks/": (302, 403, 403, 403, 200, 200, 200, 200),
    "/webhooks/new/": (302, 403, 403, 403, 200, 200, 200, 200),
    "/webhooks/{webhook}/": (302, 404, 404, 404, 200, 200, 404, 200),
    "/worker.js": (200, 200, 200, 200, 200, 200, 200, 200),
    "/offline/": (200, 200, 200, 200, 200, 200, 200, 200),
    "/healthz": (200, 200, 200, 200, 200, 200, 200, 200),
    "/readyz": (200, 200, 200, 200, 200, 200, 200, 200),
}

# What is only done by POST: address -> answers. 302 is done; nobody is told that
# nothing was saved.
POSTS: dict[str, tuple[int, ...]] = {
    "/events/calendar/": (403, 200, 200, 200, 200, 200, 200, 200),
    "/tokens/": (403, 422, 422, 422, 422, 422, 422, 422),
    "/tokens/{api_token}/revoke/": (403, 302, 404, 404, 404, 404, 404, 404),
    "/finance/{kind}/new/": (403, 403, 403, 403, 422, 403, 403, 422),
    "/finance/{kind}/{line}/edit/": (403, 403, 404, 403, 422, 403, 403, 422),
    "/finance/{kind}/{line}/delete/": (403, 403, 404, 403, 422, 403, 403, 422),
    "/finance/{staff}/{post}/edit/": (403, 403, 404, 422, 422, 403, 403, 422),
    "/finance/{staff}/{post}/delete/": (403, 403, 404, 422, 422, 403, 403, 422),
    "/indicators/runs/compile/": (403, 403, 403, 403, 403, 302, 403, 302),
    "/releases/{closed}/close/": (403, 403, 403, 403, 403, 422, 403, 422),
    "/reports/{draft}/submit/": (403, 302, 404, 302, 404, 403, 404, 403),
    "/duties/{duty}/answer/": (403, 422, 404, 422, 404, 403, 404, 403),
    "/duties/{duty}/take-back/": (403, 302, 404, 302, 404, 403, 404, 403),
    "/duties/{duty}/return/": (403, 403, 404, 403, 404, 302, 404, 302),
    "/duties/{duty}/extension/": (403, 422, 404, 422, 404, 403, 404, 403),
    "/extensions/{extension}/decide/": (403, 403, 404, 400, 404, 400, 404, 400),
    "/notices/read/": (403, 302, 302, 302, 302, 302, 302, 302),
    "/reports/{draft}/copy/": (403, 302, 404, 302, 404, 403, 404, 403),
    "/reports/{draft}/edit/people/keep/": (403, 400, 404, 400, 404, 409, 404, 409),
    "/reports/{draft}/edit/people/discard/": (403, 302, 404, 302, 404, 302, 404, 302),
    "/reports/{draft}/documents/": (403, 422, 404, 422, 404, 302, 404, 302),
    "/reports/{draft}/from-text/": (403, 422, 404, 422, 404, 302, 404, 302),
    "/documents/{document}/take-away/": (403, 302, 404, 302, 404, 403, 404, 403),
    "/reports/{accepted}/correct/": (403, 422, 403, 422, 403, 422, 403, 422),
    "/reports/{correction}/discard/": (403, 302, 404, 302, 404, 403, 404, 403),
    "/reports/{submitted}/return/": (403, 403, 404, 302, 404, 302, 404, 302),
    "/reports/{submitted}/comment/": (403, 403, 404, 422, 404, 422, 404, 422),
    "/reports/{submitted}/forward/": (403, 403, 404, 302, 404, 403, 404, 403),
    "/funds/{fund}/contribution/": (403, 404, 404, 404, 422, 403, 404, 422),
    "/funds/{fund}/case/": (403, 404, 404, 404, 422, 403, 404, 422),
    "/funds/cases/{case}/call-back/": (403, 404, 404, 404, 422, 403, 404, 422),
    "/funds/contributions/{contribution}/take-back/": (403, 404, 404, 404, 422, 403, 404, 422),
    "/reports/{submitted}/accept/": (403, 403, 404, 403, 404, 302, 404, 302),
    "/staffing/positions/{position}/": (403, 403, 404, 422, 422, 403, 404, 422),
    "/staffing/terms-of-reference/{terms}/take-away/": (403, 403, 404, 302, 302, 403, 404, 302),
    "/indicators/{indicator}/edit/": (403, 403, 403, 403, 403, 422, 403, 422),
    "/indicators/{indicator}/state/": (403, 403, 403, 403, 403, 422, 403, 422),
    "/surveys/{survey_open}/take/": (403, 302, 403, 302, 403, 403, 403, 403),
    "/surveys/{survey_draft}/open/": (403, 404, 404, 404, 404, 302, 404, 302),
    "/surveys/{survey_open}/close/": (403, 403, 403, 403, 403, 302, 403, 302),
    "/surveys/{survey_open}/copy/": (403, 403, 403, 403, 403, 302, 403, 302),
    "/surveys/{survey_draft}/delete/": (403, 404, 404, 404, 404, 302, 404, 302),
    "/surveys/new/": (403, 403, 403, 403, 403, 422, 403, 422),
    "/surveys/{survey_open}/edit/": (403, 403, 403, 403, 403, 422, 403, 422),
    "/surveys/{survey_open}/links/": (403, 403, 403, 403, 403, 422, 403, 422),
    "/surveys/{survey_draft}/questions/": (403, 404, 404, 404, 404, 422, 404, 422),
    "/surveys/questions/{question}/": (403, 404, 404, 404, 404, 422, 404, 422),
    "/surveys/questions/{question}/move/": (403, 404, 404, 404, 404, 302, 404, 302),
    "/surveys/questions/{question}/remove/": (403, 404, 404, 404, 404, 302, 404, 302),
    "/s/{survey_token}/": (422, 422, 422, 422, 422, 422, 422, 422),
    "/webhooks/new/": (403, 403, 403, 403, 422, 422, 422, 422),
    "/webhooks/{webhook}/pause/": (403, 404, 404, 404, 302, 302, 404, 302),
    "/webhooks/{webhook}/resume/": (403, 404, 404, 404, 302, 302, 404, 302),
    "/webhooks/{webhook}/remove/": (403, 404, 404, 404, 302, 302, 404, 302),
    "/webhooks/deliveries/{delivery}/again/": (403, 404, 404, 404, 302, 302, 404, 302),
    "/imports/new/": (403, 403, 403, 403, 422, 403, 403, 422),
    "/imports/{import}/write/": (403, 404, 404, 404, 302, 403, 404, 302),
    "/imports/{import}/undo/": (403, 404, 404, 404, 302, 403, 404, 302),
    "/imports/{import}/go-on/": (403, 404, 404, 404, 302, 403, 404, 302),
    "/imports/{import}/cancel/": (403, 404, 404, 404, 302, 403, 404, 302),
}

# The API has its own table (tests/api); the admin's addresses are made from its models, and all of
# these are asked below.
ELSEWHERE = ("admin/", "api/v1/")


@pytest.fixture(autouse=True, scope="module")
def media(tmp_path_factory):
    with override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")):
        yield


@pytest.fixture(scope="module")
def world(media, rows_of_module):
    """People of every group, and a record of every kind that an address names: made once."""
    people = people_of_all_groups()
    return people, places_of_all_kinds(people)


@pytest.fixture
def people(world):
    return deepcopy(world[0])  # a test may change its own


@pytest.fixture
def places(world):
    return world[1]


def people_of_all_groups():
    office, elsewhere = make.OfficeFactory(), make.OfficeFactory()
    return {
        "reporter": make.UserFactory(access_group="reporter", office=office),
        "other": make.UserFactory(access_group="reporter", office=elsewhere),
        "manager": make.UserFactory(access_group="manager", office=office),
        "finance": make.UserFactory(access_group="finance", office=elsewhere),
        "ipd": make.UserFactory(access_group="ipd", office=elsewhere, is_staff=True),
        "analyst": make.UserFactory(access_group="analyst", office=None),
        "admin": make.UserFactory(
            access_group="admin", office=elsewhere, is_staff=True, is_superuser=True
        ),
    }


def places_of_all_kinds(people):
    reporter = people["reporter"]
    iscm = make.ISCMFactory()
    reports = {}
    for name in ("draft", "submitted", "accepted", "corrected"):
        event = make.EventFactory(
            iscms=[iscm], starts_on=dt.date(2026, 11, 5), ends_on=dt.date(2026, 11, 6)
        )
        report = services.start_report(event, reporter.office, reporter, AT)
        report.discussed = "Open text."
        report.discussed_internal = INTERNAL
        report.discussed_restricted = SECRET
        report.steps_done = ReportPart.values
        report.save()
        reported.ParticipantFactory(report=report)
        reports[name] = report
    for name in ("submitted", "accepted", "corrected"):
        services.submit_report(reports[name].pk, reporter, AT)
    for name in ("accepted", "corrected"):
        reviewing.accept_report(reports[name].pk, people["ipd"], AT)
    correction = correcting.start_correction(reports["corrected"].pk, "Wrong.", reporter, AT)
    value = reported.IndicatorValueFactory(year=2026, iscm=None, cell="overall")
    reported.IndicatorValueFactory(indicator=value.indicator, year=2025, iscm=None, cell="overall")
    close_year(2025, 1, "", people["ipd"], AT)
    sync_duties(AT)
    duty = Duty.objects.get(event=reports["draft"].event_id)
    extension = ask_extension(duty.pk, dt.date(2026, 12, 31), "Leave.", reporter, AT)
    case = money.FundDisbursementFactory()
    position = money.PositionFactory(office=reporter.office)
    terms = terms_of_reference.attach(
        position.pk,
        ContentFile(files.PDF),
        name="Terms.pdf",
        media_type="application/pdf",
        actor=people["manager"],
    )
    return {
        **surveys_for(reporter.office),
        **webhooks_of(people["finance"]),
        "fund": case.fund.slug,
        "case": case.pk,
        "contribution": money.FundContributionFactory(fund=case.fund).pk,
        "position": position.pk,
        "terms": terms.pk,
        "duty": duty.pk,
        "extension": extension.pk,
        "token": "none-of-ours",
        "api_token": ApiToken.issue(reporter, [Scope.READ_DIRECTORY], 30)[0].pk,
        "kind": "funding-lines",
        "line": money.FundingLineFactory(iscm=iscm, office=reporter.office).pk,
        "staff": "positions",
        "post": money.PositionFactory(office=reporter.office).pk,
        "import_kind": "projects",
        "import": imported.checked("projects", b"code,title\nP.1,One\n", people["finance"]).pk,
        "correction": correction.pk,
        "document": reported.AttachmentFactory(report=reports["draft"]).pk,
        **{name: report.pk for name, report in reports.items()},
        "iscm": iscm.slug,
        "event": reports["draft"].event_id,
        "user": reporter.pk,
        "indicator": value.indicator.key,
        "frame": "gcm_objective",
        "goal": make.ReferenceFrameFactory(kind="gcm_objective").code,
        "closed": 2025,
    }


def webhooks_of(owner):
    """A webhook that has sent something."""
    delivery = webhook.sent_delivery(owner)
    return {"webhook": delivery.webhook_id, "delivery": delivery.pk}


def surveys_for(office):
    """A closed survey with three answers, a running one that asks the office, and a draft."""
    closed = reported.SurveyFactory(state="closed")
    question = reported.QuestionFactory(survey=closed)
    for _person in range(3):
        reported.SurveyResponseFactory(survey=closed, answers={question: 4})
    always = {"opens_on": dt.date(2026, 1, 1), "closes_on": dt.date(2100, 1, 1)}
    running = reported.SurveyFactory(use="needs", **always)
    reported.QuestionFactory(survey=running)
    reported.SurveyLinkFactory(survey=running, office=office, is_for_users=True)
    reported.SurveyLinkFactory(survey=running, is_single=False, token="a-link-of-the-table")
    draft = reported.SurveyFactory(state="draft", use="grcp", **always)
    return {
        "survey": closed.pk,
        "survey_open": running.pk,
        "survey_draft": draft.pk,
        "question": reported.QuestionFactory(survey=draft).pk,
        "survey_token": "a-link-of-the-table",
    }


# What libraries put into the admin; IPD keeps the portal's own records.
LIBRARY_MODELS = {"emailaddress", "group"}


@pytest.mark.parametrize("who", WHO)
def test_the_admin_lists_every_kind_of_record_to_ipd_and_administrators_only(client, people, who):
    seen = {
        model._meta.model_name
        for model in admin.site._registry
        if answer(client, people, who, "get", list_of(model)).status_code == 200
    }
    everything = {model._meta.model_name for model in admin.site._registry}
    by_group = {"admin": everything, "ipd": everything - LIBRARY_MODELS}
    assert seen == by_group.get(who, set())


@pytest.mark.parametrize("group", ["reporter", "manager", "finance", "analyst"])
def test_the_admin_shows_no_record_to_staff_of_another_group(client, people, group):
    user = people[group]
    user.is_staff = True
    user.save()
    answers = {
        answer(client, people, group, "get", address).status_code
        for model in admin.site._registry
        for address in (list_of(model), f"{list_of(model)}add/")
    }
    assert answers == {403}


def list_of(model):
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def answer(client, people, who, method, address):
    if who != "nobody":
        client.force_login(people[who])
    return getattr(client, method)(address, {"comment": "Mend it."} if method == "post" else {})


def test_the_table_names_every_page_and_every_action():
    named = {address.split("?")[0].lstrip("/") for address in (*TABLE, *POSTS)}
    patterns = {
        re.sub(
            "<(int:pk|int:year|slug:slug|slug:key|slug:kind|slug:group|str:code)>", "{}", address
        )
        for address in addresses(get_resolver())
        if not address.startswith(ELSEWHERE)
    }
    shapes = {
        "/".join("{}" if part.startswith("{") else part for part in name.split("/"))
        for name in named
        if not name.startswith("admin/")
    }
    shapes = {shape.replace("edit/people", "edit/<slug:step>") for shape in shapes}
    shapes = {shape.replace("unsubscribe/{}", "unsubscribe/<str:token>") for shape in shapes}
    shapes = {"s/<str:token>/" if shape == "s/{}/" else shape for shape in shapes}
    shapes = {shape.replace("calendar/{}/", "calendar/<str:text>/") for shape in shapes}
    shapes = {shape.replace("edit/short", "edit/<slug:step>") for shape in shapes}
    shapes = {shape.replace("edit/check", "edit/<slug:step>") for shape in shapes}
    shapes = {shape.replace("table-4.", "table-<int:number>.") for shape in shapes}
    assert shapes == patterns


def addresses(resolver: URLResolver, before: str = "") -> list[str]:
    found = []
    for pattern in resolver.url_patterns:
        address = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            found.append(address)
        elif not address.startswith(ELSEWHERE):
            found += addresses(pattern, address)
        else:
            found.append(address)
    return found


@pytest.mark.parametrize("address", TABLE)
def test_a_page_answers_each_reader_as_the_table_says(people, places, address):
    assert answers(people, "get", address.format(**places)) == by_reader(TABLE[address])


@pytest.mark.parametrize("address", POSTS)
def test_an_action_answers_each_actor_as_the_table_says(people, places, address):
    assert answers(people, "post", address.format(**places)) == by_reader(POSTS[address])


def by_reader(statuses):
    return dict(zip(WHO, statuses, strict=True))


def answers(people, method, address):
    """What each reader is answered, each with the same records: what one does is taken back."""
    found = {}
    for who in WHO:
        with taken_back():
            found[who] = answer(Client(), people, who, method, address).status_code
    return found


@pytest.mark.parametrize("who", WHO)
def test_a_refused_action_changes_no_state(client, people, places, who):
    from reporting.models import PostEventReport

    for address, allowed in POSTS.items():
        if allowed[WHO.index(who)] in (403, 404) or who == "nobody":
            answer(client, people, who, "post", address.format(**places))
    states = {
        name: PostEventReport.objects.get(pk=places[name]).state
        for name in ("draft", "submitted", "accepted")
    }
    assert states == {"draft": "draft", "submitted": "submitted", "accepted": "accepted"}


@pytest.mark.parametrize(
    ("who", "reads_internal", "reads_restricted"),
    [
        ("reporter", True, True),
        ("other", True, False),
        ("manager", True, True),
        ("finance", True, False),
        ("ipd", True, True),
        ("analyst", False, False),
        ("admin", True, True),
    ],
)
def test_internal_and_restricted_remarks_are_shown_to_those_they_are_for(
    client, people, places, who, reads_internal, reads_restricted
):
    page = answer(client, people, who, "get", f"/reports/{places['accepted']}/").content.decode()
    assert (INTERNAL in page, SECRET in page) == (reads_internal, reads_restricted)


@pytest.mark.parametrize("who", [who for who in WHO if who != "nobody"])
def test_the_list_of_reports_shows_each_reader_his_own(client, people, places, who):
    page = answer(client, people, who, "get", "/reports/").content.decode()
    seen = {
        name
        for name in ("draft", "submitted", "accepted")
        if f'href="/reports/{places[name]}/"' in page
    }
    everything = {"draft", "submitted", "accepted"}
    allowed = everything if who in ("reporter", "manager", "ipd", "admin") else {"accepted"}
    assert seen == allowed


@pytest.mark.parametrize(
    ("who", "waits"),
    [("reporter", False), ("manager", True), ("ipd", True), ("admin", True), ("analyst", False)],
)
def test_a_report_in_review_waits_for_its_manager_and_for_ipd(client, people, places, who, waits):
    page = answer(client, people, who, "get", "/").content.decode()
    assert ("waits for your review" in page) == waits


def test_a_manager_has_no_report_of_another_office_to_review(client, people, places):
    people["manager"].office = people["other"].office
    people["manager"].save()
    page = answer(client, people, "manager", "get", "/reviews/").content.decode()
    assert "Nothing waits for a review." in page


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("reporter", ["Own line"]),
        ("other", []),
        ("manager", ["Own line"]),
        ("finance", ["Own line", "Other line"]),
        ("ipd", ["Own line", "Other line"]),
        ("analyst", []),
        ("admin", ["Own line", "Other line"]),
    ],
)
def test_the_records_of_a_total_are_those_that_the_reader_may_read(client, people, who, expected):
    iscm = make.ISCMFactory()
    own = people["reporter"].office
    money.FundingLineFactory(label="Own line", year=2019, iscm=iscm, office=own)
    money.FundingLineFactory(label="Other line", year=2019, iscm=iscm, office=None)
    page = answer(
        client, people, who, "get", f"/resources/records/?iscm={iscm.slug}&from=2019&to=2019"
    ).content.decode()
    assert [label for label in ("Own line", "Other line") if label in page] == expected


def test_a_next_address_of_another_site_is_not_followed_after_signing_in(client, people):
    people["reporter"].set_password("pw-for-tests")
    people["reporter"].save()
    found = client.post(
        "/accounts/login/?next=https://elsewhere.example/",
        {
            "login": people["reporter"].username,
            "password": "pw-for-tests",
            "next": "https://elsewhere.example/",
        },
    )
    assert found.status_code == 302
    assert "elsewhere" not in found["Location"]
