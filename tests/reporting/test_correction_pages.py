"""The pages of a correction: begun, written, reviewed with its preview, compared."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from engagements.models import SupportRequest
from reporting.choices import ReportPart
from reporting.models import PostEventReport
from reporting.services import correcting, reviewing
from reporting.services import reports as services
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 6)


@pytest.fixture
def reporter():
    return make.UserFactory(access_group="reporter", office=make.OfficeFactory())


@pytest.fixture
def reviewer():
    return make.UserFactory(access_group="ipd")


@pytest.fixture
def report(reporter, reviewer):
    event = make.EventFactory(iscms=[make.ISCMFactory()], starts_on=DAY, ends_on=DAY)
    draft = services.start_report(event, reporter.office, reporter, AT)
    draft.discussed, draft.steps_done = "Main points.", ReportPart.values
    draft.discussed_restricted = "SECRET-BEFORE"
    draft.save()
    reported.ParticipantFactory(report=draft, days=1)
    reported.ReportedRequestFactory(report=draft, what="Training", kind="technical", asked_on=DAY)
    services.submit_report(draft.pk, reporter, AT)
    return reviewing.accept_report(draft.pk, reviewer, AT)


def test_from_the_accepted_report_to_the_corrected_figure(client, report, reporter, reviewer):
    client.force_login(reporter)
    begun = client.post(f"/reports/{report.pk}/correct/", {"reason": "The State says otherwise."})
    correction = PostEventReport.objects.get(corrects=report)
    assert begun["Location"] == f"/reports/{correction.pk}/edit/"
    opened = client.get(begun["Location"])
    assert opened["Location"] == f"/reports/{correction.pk}/edit/short/"
    home = client.get("/").content.decode()
    assert "Corrections to finish" in home
    assert f'href="/reports/{correction.pk}/edit/"' in home
    request = correction.reportedrequests.get()
    saved = client.post(
        f"/reports/{correction.pk}/edit/support/",
        {
            "reportedrequests-TOTAL_FORMS": "1",
            "reportedrequests-INITIAL_FORMS": "1",
            "reportedrequests-0-id": request.pk,
            "reportedrequests-0-what": "Training on interviewing",
            "reportedrequests-0-country": request.country_id,
            "reportedrequests-0-kind": "technical",
            "reportedrequests-0-asked_on": "2026-11-06",
            "reportedrequests-0-outcome": "open",
        },
    )
    assert saved.status_code == 302
    client.post(f"/reports/{correction.pk}/submit/")
    assert SupportRequest.objects.get().what == "Training"
    client.force_login(reviewer)
    page = client.get(f"/reports/{correction.pk}/").content.decode()
    assert "What was asked for: Training → Training on interviewing" in page
    assert "The State says otherwise." in page
    accepted = client.post(f"/reports/{correction.pk}/accept/")
    assert accepted["Location"] == f"/reports/{report.pk}/"
    assert SupportRequest.objects.get().what == "Training on interviewing"
    compared = client.get(f"/reports/{report.pk}/versions/").content.decode()
    assert "What was asked for" in compared
    assert "Training on interviewing" in compared


def test_a_correction_without_a_reason_is_not_begun(client, report, reporter):
    client.force_login(reporter)
    answer = client.post(f"/reports/{report.pk}/correct/", {"reason": "  "})
    assert answer.status_code == 422
    assert 'id="id_reason_error"' in answer.content.decode()
    assert not PostEventReport.objects.exclude(corrects=None).exists()


def test_a_report_in_review_shows_what_its_acceptance_will_write(client, reporter, reviewer):
    event = make.EventFactory(iscms=[make.ISCMFactory()], starts_on=DAY, ends_on=DAY)
    draft = services.start_report(event, reporter.office, reporter, AT)
    draft.discussed, draft.steps_done = "Main points.", ReportPart.values
    draft.save()
    reported.ParticipantFactory(report=draft, title="Officer", days=1)
    services.submit_report(draft.pk, reporter, AT)
    client.force_login(reviewer)
    page = client.get(f"/reports/{draft.pk}/").content.decode()
    assert re.search(r"Added: Staff days.*?Officer.*?1\.00", page, re.DOTALL)
    assert "Added: Delegate" in page


def test_a_manager_forwards_what_is_checked_and_ipd_sees_it(client, report, reporter, reviewer):
    correction = correcting.start_correction(report.pk, "Wrong.", reporter, AT)
    services.submit_report(correction.pk, reporter, AT)
    manager = make.UserFactory(access_group="manager", office=reporter.office)
    client.force_login(manager)
    assert "Checked: forward to IPD" in client.get(f"/reports/{correction.pk}/").content.decode()
    for _twice in range(2):
        client.post(f"/reports/{correction.pk}/forward/")
    assert correction.steps.filter(action="forwarded", actor=manager).count() == 1
    page = client.get(f"/reports/{correction.pk}/").content.decode()
    assert "Checked: forward to IPD" not in page
    assert "Nothing waits for a review." in client.get("/reviews/").content.decode()
    client.force_login(reviewer)
    assert ">Checked by the office</span>" in client.get("/reviews/").content.decode()


def test_a_report_sent_again_after_its_return_is_to_be_checked_again(
    client, report, reporter, reviewer
):
    correction = correcting.start_correction(report.pk, "Wrong.", reporter, AT)
    services.submit_report(correction.pk, reporter, AT)
    manager = make.UserFactory(access_group="manager", office=reporter.office)
    reviewing.forward_report(correction.pk, manager, "", AT)
    reviewing.return_report(correction.pk, reviewer, "Why?", AT)
    services.submit_report(correction.pk, reporter, AT)
    client.force_login(manager)
    page = client.get("/reviews/").content.decode()
    assert f'href="/reports/{correction.pk}/"' in page
    client.force_login(reviewer)
    assert ">Checked by the office</span>" not in client.get("/reviews/").content.decode()


def test_a_report_that_was_sent_again_meanwhile_is_not_accepted_unread(
    client, report, reporter, reviewer
):
    correction = correcting.start_correction(report.pk, "Wrong.", reporter, AT)
    services.submit_report(correction.pk, reporter, AT)
    manager = make.UserFactory(access_group="manager", office=reporter.office)
    client.force_login(reviewer)
    page = client.get(f"/reports/{correction.pk}/").content.decode()
    (read,) = set(re.findall(r'name="version" value="(\d+)"', page))
    reviewing.return_report(correction.pk, reviewer, "Why?", AT)
    PostEventReport.objects.filter(pk=correction.pk).update(discussed="Another text.")
    services.submit_report(correction.pk, reporter, AT)
    for person, address in ((reviewer, "accept"), (manager, "forward")):
        client.force_login(person)
        answer = client.post(
            f"/reports/{correction.pk}/{address}/", {"version": read}, follow=True
        ).content.decode()
        assert "was returned and sent again since you opened it" in answer
    correction.refresh_from_db()
    report.refresh_from_db()
    assert (correction.state, report.discussed) == ("submitted", "Main points.")
    assert not correction.steps.filter(action__in=["accepted", "forwarded"]).exists()
    client.force_login(reviewer)
    now = str(correction.version)
    client.post(f"/reports/{correction.pk}/accept/", {"version": now})
    report.refresh_from_db()
    assert report.discussed == "Another text."


def test_the_queue_is_narrowed_to_an_office_and_a_mechanism(client, report, reporter, reviewer):
    correction = correcting.start_correction(report.pk, "Wrong.", reporter, AT)
    services.submit_report(correction.pk, reporter, AT)
    other_office, other_iscm = make.OfficeFactory(), make.ISCMFactory()
    client.force_login(reviewer)
    link = f'href="/reports/{correction.pk}/"'
    for query in (f"office={report.office.slug}", f"iscm={report.event.iscms.get().slug}"):
        assert link in client.get(f"/reviews/?{query}").content.decode()
    for query in (f"office={other_office.slug}", f"iscm={other_iscm.slug}"):
        page = client.get(f"/reviews/?{query}").content.decode()
        assert link not in page
        assert "Nothing waits for a review here." in page
        assert "Clear filters" in page


def test_an_accepted_report_is_not_forwarded(client, report, reporter):
    manager = make.UserFactory(access_group="manager", office=reporter.office)
    client.force_login(manager)
    client.post(f"/reports/{report.pk}/forward/")
    assert not report.steps.filter(action="forwarded").exists()


def test_a_correction_in_review_is_marked_in_the_queue(client, report, reporter, reviewer):
    correction = correcting.start_correction(report.pk, "Wrong.", reporter, AT)
    services.submit_report(correction.pk, reporter, AT)
    client.force_login(reviewer)
    assert ">Correction</span>" in client.get("/reviews/").content.decode()


def test_the_page_of_the_event_and_the_api_show_the_accepted_report_only(client, report, reporter):
    correction = correcting.start_correction(report.pk, "Wrong.", reporter, AT)
    client.force_login(reporter)
    page = client.get(f"/events/{report.event_id}/").content.decode()
    assert f'/reports/{report.pk}/"' in page
    assert f'/reports/{correction.pk}/"' not in page
    found = client.get("/api/v1/reports/").json()["results"]
    assert [row["id"] for row in found] == [report.pk]


def test_two_versions_are_compared_text_by_text_row_by_row(client, report, reporter, reviewer):
    correction = correcting.start_correction(report.pk, "Wrong.", reporter, AT)
    PostEventReport.objects.filter(pk=correction.pk).update(
        discussed="The right points.", discussed_restricted="SECRET-AFTER"
    )
    correction.reportedrequests.all().delete()
    reported.LessonFactory(report=correction, text="Begin earlier.")
    services.submit_report(correction.pk, reporter, AT)
    reviewing.accept_report(correction.pk, reviewer, AT)
    client.force_login(reporter)
    page = client.get(f"/reports/{report.pk}/versions/").content.decode()
    assert "20 November 2026, 14:02" in page
    for text in ("Main points.", "The right points.", "SECRET-BEFORE", "SECRET-AFTER"):
        assert text in page
    assert "Row taken away" in page
    assert "Row added" in page
    assert "Begin earlier." in page


def test_a_version_kept_without_row_keys_is_compared_all_the_same(client, report, reporter):
    old = report.versions.get()
    old.content["reportedrequests"] = [{"id": 7, "what": "Training", "kind": "technical"}]
    old.content["frames"] = [3]
    old.save()
    correction = correcting.start_correction(report.pk, "Wrong.", reporter, AT)
    services.submit_report(correction.pk, reporter, AT)
    client.force_login(reporter)
    old.report = correction
    old.save()
    page = client.get(f"/reports/{correction.pk}/versions/").content.decode()
    assert "What was asked for: Training" in page
    assert "Row taken away" in page


def test_the_same_version_compared_with_itself_reads_the_same(client, report, reporter):
    number = report.versions.get().version
    client.force_login(reporter)
    page = client.get(f"/reports/{report.pk}/versions/?from={number}&to={number}")
    assert "nothing to compare it with" in page.content.decode()


def test_a_version_that_was_never_kept_is_told_so(client, report, reporter):
    client.force_login(reporter)
    assert client.get(f"/reports/{report.pk}/versions/?from=999").status_code == 400
