"""Comments at the fields of a report: left by the reviewer, mended by the writer."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from reporting.choices import ReportPart
from reporting.models import FieldComment, KeptText, PostEventReport
from reporting.services import commenting, correcting, reviewing
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
def report(reporter):
    event = make.EventFactory(iscms=[make.ISCMFactory()], starts_on=DAY, ends_on=DAY)
    draft = services.start_report(event, reporter.office, reporter, AT)
    draft.discussed, draft.steps_done = "Main points.", ReportPart.values
    draft.save()
    reported.ParticipantFactory(report=draft, days=1)
    reported.ReportedRequestFactory(report=draft, what="Training", kind="technical", asked_on=DAY)
    return services.submit_report(draft.pk, reporter, AT)


def leave(client, report, **said):
    return client.post(f"/reports/{report.pk}/comment/", said)


def test_a_comment_at_a_text_stands_beside_it_for_reviewer_and_writer(
    client, report, reporter, reviewer
):
    client.force_login(reviewer)
    answer = leave(client, report, field="discussed", text="Which States?")
    comment = FieldComment.objects.get()
    assert (comment.part, comment.row, comment.field) == ("discussed", None, "discussed")
    assert (comment.author, comment.version) == (reviewer, report.version)
    assert answer["Location"] == f"/reports/{report.pk}/#comment-{comment.pk}"
    assert "Which States?" in client.get(f"/reports/{report.pk}/").content.decode()
    reviewing.return_report(report.pk, reviewer, "See there.", AT)
    client.force_login(reporter)
    page = client.get(f"/reports/{report.pk}/edit/discussed/").content.decode()
    label, said = page.index('for="id_discussed"'), page.index("Which States?")
    assert label < said < page.index('<textarea name="discussed"')
    assert "Which States?" not in client.get(f"/reports/{report.pk}/edit/support/").content.decode()


def test_a_comment_at_a_field_of_a_row_stands_in_that_row(client, report, reporter, reviewer):
    row = report.reportedrequests.get()
    client.force_login(reviewer)
    leave(client, report, row=row.key, field="asked_on", text="Not the day of the meeting?")
    assert FieldComment.objects.get().part == "support"
    shown = client.get(f"/reports/{report.pk}/").content.decode()
    assert "· Asked on" in shown
    reviewing.return_report(report.pk, reviewer, "", AT)
    client.force_login(reporter)
    page = client.get(f"/reports/{report.pk}/edit/support/").content.decode()
    assert page.count("Not the day of the meeting?") == 1
    assert page.index("id_reportedrequests-0-kind") < page.index("Not the day of the meeting?")
    assert "1 comment<" in page


def test_a_comment_at_a_whole_row_stands_on_top_of_it(client, report, reporter, reviewer):
    client.force_login(reviewer)
    leave(client, report, row=report.participants.get().key, text="And the other one?")
    reviewing.return_report(report.pk, reviewer, "", AT)
    client.force_login(reporter)
    page = client.get(f"/reports/{report.pk}/edit/short/").content.decode()
    assert page.index("And the other one?") < page.index('for="id_participants-0-title"')


def test_ticking_mended_settles_the_comment_with_the_save(client, report, reporter, reviewer):
    comment = commenting.add_comment(
        report.pk, "discussed", None, "discussed", "Which States?", reviewer, AT
    )
    reviewing.return_report(report.pk, reviewer, "See there.", AT)
    client.force_login(reporter)
    client.post(
        f"/reports/{report.pk}/edit/discussed/",
        {"discussed": "Main points of three States.", "settled": comment.pk},
    )
    comment.refresh_from_db()
    assert comment.settled_by == reporter
    page = client.get(f"/reports/{report.pk}/edit/discussed/").content.decode()
    assert "Which States?" not in page
    read = client.get(f"/reports/{report.pk}/").content.decode()
    assert "Which States?" in read
    assert f"mended by {reporter.label}" in read


def test_a_refused_save_settles_nothing_and_keeps_the_tick(client, report, reporter, reviewer):
    row = report.reportedrequests.get()
    comment = commenting.add_comment(
        report.pk, "support", row.key, "asked_on", "When?", reviewer, AT
    )
    reviewing.return_report(report.pk, reviewer, "See there.", AT)
    client.force_login(reporter)
    wrong = {
        "reportedrequests-TOTAL_FORMS": 1,
        "reportedrequests-INITIAL_FORMS": 1,
        "reportedrequests-0-id": row.pk,
        "reportedrequests-0-asked_on": "2026-13-41",
        "settled": comment.pk,
    }
    answer = client.post(f"/reports/{report.pk}/edit/support/", wrong)
    assert answer.status_code == 422
    assert f'value="{comment.pk}" checked' in answer.content.decode()
    comment.refresh_from_db()
    assert comment.settled_at is None


def test_a_tick_that_was_kept_as_typed_is_there_again(client, report, reporter, reviewer):
    comment = commenting.add_comment(
        report.pk, "discussed", None, "discussed", "Which?", reviewer, AT
    )
    reviewing.return_report(report.pk, reviewer, "See there.", AT)
    client.force_login(reporter)
    client.post(
        f"/reports/{report.pk}/edit/discussed/keep/",
        {"version": report.version, "revision": 0, "discussed": "More", "settled": comment.pk},
    )
    assert KeptText.objects.count() == 1
    page = client.get(f"/reports/{report.pk}/edit/discussed/").content.decode()
    assert f'value="{comment.pk}" checked' in page


def test_nobody_settles_a_comment_of_another_report(client, report, reporter, reviewer):
    other = reported.PostEventReportFactory(state="submitted")
    comment = commenting.add_comment(
        other.pk, "discussed", None, "discussed", "Theirs.", reviewer, AT
    )
    reviewing.return_report(report.pk, reviewer, "See there.", AT)
    client.force_login(reporter)
    client.post(
        f"/reports/{report.pk}/edit/discussed/", {"discussed": "Text.", "settled": comment.pk}
    )
    comment.refresh_from_db()
    assert comment.settled_at is None


@pytest.mark.parametrize(
    "said",
    [
        {"field": "discussed", "text": ""},
        {"field": "discussed", "text": "x" * 4001},
        {"field": "author", "text": "No such field."},
        {"field": "", "text": "No place."},
        {"row": uuid.uuid4(), "text": "No such row."},
        {"row": "not-a-key", "text": "No key."},
        {"row": "%s", "text": "No key."},
    ],
)
def test_a_comment_that_cannot_be_is_refused_with_its_text(client, report, reviewer, said):
    client.force_login(reviewer)
    answer = leave(client, report, **said)
    assert answer.status_code == 422
    assert "Something needs mending" in answer.content.decode()
    assert FieldComment.objects.count() == 0


def test_a_comment_that_is_too_long_is_not_lost(client, report, reviewer):
    client.force_login(reviewer)
    page = leave(client, report, field="discussed", text="y" * 4001).content.decode()
    assert "y" * 4001 in page
    assert 'href="#comment-at-discussed-text"' in page
    assert 'id="comment-at-discussed-text"' in page


def test_a_field_of_one_kind_of_row_is_none_of_another(client, report, reviewer):
    client.force_login(reviewer)
    key = report.participants.get().key
    assert leave(client, report, row=key, field="asked_on", text="No.").status_code == 422
    assert FieldComment.objects.count() == 0


def test_a_manager_comments_on_the_own_offices_report_only(client, report, reporter):
    client.force_login(make.UserFactory(access_group="manager", office=reporter.office))
    leave(client, report, field="discussed", text="Say more.")
    assert FieldComment.objects.count() == 1
    client.force_login(make.UserFactory(access_group="manager", office=make.OfficeFactory()))
    assert leave(client, report, field="discussed", text="Mine.").status_code == 404
    client.force_login(reporter)
    assert leave(client, report, field="discussed", text="Mine.").status_code == 403
    assert FieldComment.objects.count() == 1


def test_a_report_that_was_returned_meanwhile_takes_no_comment(client, report, reviewer):
    reviewing.return_report(report.pk, reviewer, "Mend it.", AT)
    client.force_login(reviewer)
    answer = leave(client, report, field="discussed", text="Too late.")
    assert answer["Location"] == f"/reports/{report.pk}/"
    assert FieldComment.objects.count() == 0


def test_comments_at_fields_are_reasons_enough_to_return(client, report, reviewer):
    client.force_login(reviewer)
    refused = client.post(f"/reports/{report.pk}/return/", {"comment": ""})
    assert refused.status_code == 422
    leave(client, report, field="discussed", text="Which States?")
    client.post(f"/reports/{report.pk}/return/", {"comment": ""})
    assert PostEventReport.objects.get().state == "returned"


def test_other_offices_and_analysts_never_read_a_comment(client, report, reviewer):
    commenting.add_comment(
        report.pk, "discussed", None, "discussed", "SECRET-COMMENT", reviewer, AT
    )
    reviewing.accept_report(report.pk, reviewer, AT)
    for group in ("reporter", "manager", "finance", "analyst"):
        client.force_login(make.UserFactory(access_group=group, office=make.OfficeFactory()))
        answer = client.get(f"/reports/{report.pk}/")
        assert answer.status_code == 200
        assert "SECRET-COMMENT" not in answer.content.decode()


def test_comments_on_a_correction_stay_with_the_report(report, reporter, reviewer):
    reviewing.accept_report(report.pk, reviewer, AT)
    correction = correcting.start_correction(report.pk, "Wrong.", reporter, AT)
    services.submit_report(correction.pk, reporter, AT)
    key = correction.reportedrequests.get().key
    commenting.add_comment(correction.pk, "support", key, "what", "Sure?", reviewer, AT)
    reviewing.accept_report(correction.pk, reviewer, AT)
    comment = FieldComment.objects.get()
    assert comment.report == report
    assert report.reportedrequests.get().key == comment.row


def test_a_comment_whose_row_was_taken_away_is_still_told(client, report, reviewer):
    row = report.reportedrequests.get()
    commenting.add_comment(report.pk, "support", row.key, "what", "Not asked there.", reviewer, AT)
    row.delete()
    client.force_login(reviewer)
    page = client.get(f"/reports/{report.pk}/").content.decode()
    assert "Comments on rows that were taken away" in page
    assert "Not asked there." in page
