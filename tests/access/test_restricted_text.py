"""The restricted remarks of a report are where those they are for read them, and nowhere else."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
from django.apps import apps
from django.core import mail
from django.db import models

from reporting.choices import ReportPart
from reporting.models import PostEventReport
from reporting.services import briefing, correcting, duties, notices, reviewing
from reporting.services import reports as services
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

SECRET = "STATE-A-THREATENED-TO-LEAVE"
AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 6)

# Where the text is kept, for its readers only: {model: its fields}.
KEPT_IN = {
    "PostEventReport": {"discussed_restricted"},
    "ReportVersion": {"restricted"},
    # What two writers are merged over, and what is being typed: shown on the filing page alone.
    "SavedPart": {"content"},
    "KeptText": {"content"},
}


@pytest.fixture
def office():
    return make.OfficeFactory()


@pytest.fixture
def reporter(office):
    return make.UserFactory(access_group="reporter", office=office, email="r@portal.test")


@pytest.fixture
def report(office, reporter, client, caplog):
    """A report with a restricted remark that went every way there is: typed, saved, submitted,
    returned, submitted again, accepted, and under correction."""
    caplog.set_level(logging.DEBUG)
    division = make.OfficeFactory()
    reviewer = make.UserFactory(access_group="ipd", office=division, email="ipd@portal.test")
    event = make.EventFactory(iscms=[make.ISCMFactory()], starts_on=DAY, ends_on=DAY)
    draft = services.start_report(event, office, reporter, AT)
    draft.steps_done = ReportPart.values
    draft.save()
    reported.ParticipantFactory(report=draft, days=1)
    client.force_login(reporter)
    texts = {"discussed": "Open.", "discussed_internal": "", "discussed_restricted": SECRET}
    address = f"/reports/{draft.pk}/edit/discussed/"
    client.post(f"{address}keep/", {**texts, "version": "1", "revision": "0"})
    client.post(address, {**texts, "revision": "1"})
    services.submit_report(draft.pk, reporter, AT)
    duties.sync_duties(AT)
    notices.send_due_notices(AT + dt.timedelta(days=10))
    reviewing.return_report(draft.pk, reviewer, "Who said so?", AT)
    notices.send_due_notices(AT + dt.timedelta(days=20))
    client.post(address, {**texts, "discussed_restricted": f"{SECRET}, twice"})
    services.submit_report(draft.pk, reporter, AT)
    accepted = reviewing.accept_report(draft.pk, reviewer, AT)
    briefing.send_unsent(AT)
    correcting.start_correction(accepted.pk, "A day was wrong.", reporter, AT)
    client.logout()
    return accepted


def test_no_table_but_those_of_its_readers_holds_it(report):
    found: dict[str, set[str]] = {}
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            if isinstance(field, (models.CharField, models.TextField, models.JSONField)):
                texts = model._default_manager.values_list(field.attname, flat=True)
                if any(SECRET in str(text) for text in texts):
                    found.setdefault(model.__name__, set()).add(field.name)
    assert found.pop("KeptText", {"content"}) == KEPT_IN["KeptText"]
    assert found == {name: fields for name, fields in KEPT_IN.items() if name != "KeptText"}


def test_no_mail_and_no_log_tells_it(report, caplog):
    assert len(mail.outbox) > 0
    assert any(sent.subject.startswith("Briefing: ") for sent in mail.outbox)
    assert not [sent for sent in mail.outbox if SECRET in str(sent.message())]
    assert SECRET not in caplog.text


@pytest.mark.parametrize("group", ["reporter", "manager", "finance", "analyst"])
def test_no_page_export_or_answer_tells_it_to_another_office(client, report, group):
    client.force_login(make.UserFactory(access_group=group, office=make.OfficeFactory()))
    correction = PostEventReport.objects.get(corrects=report)
    addresses = (
        "/",
        f"/reports/{report.pk}/",
        f"/reports/{report.pk}/versions/",
        f"/reports/{report.pk}/briefing.pdf",
        f"/reports/{report.pk}/briefing.docx",
        f"/reports/{report.pk}/edit/discussed/",
        f"/reports/{correction.pk}/",
        f"/reports/{correction.pk}/edit/discussed/",
        "/reports/",
        f"/events/{report.event_id}/",
        "/notices/",
        "/duties/?format=csv",
        "/api/v1/reports/",
        "/api/v1/reports/?format=csv",
        f"/api/v1/reports/{report.pk}/",
        f"/api/v1/reports/{correction.pk}/",
        f"/admin/reporting/posteventreport/{report.pk}/change/",
    )
    told = [
        address
        for address in addresses
        if SECRET in b"".join(client.get(address, follow=True)).decode("latin-1")
    ]
    assert told == []


@pytest.mark.parametrize("group", ["reporter", "ipd", "admin"])
def test_the_api_tells_it_to_nobody(client, report, reporter, group):
    reader = reporter if group == "reporter" else make.UserFactory(access_group=group)
    client.force_login(reader)
    correction = PostEventReport.objects.get(corrects=report)
    addresses = (
        "/api/v1/reports/",
        "/api/v1/reports/?format=csv",
        f"/api/v1/reports/{correction.pk}/",  # as whoever writes it reads it
    )
    for address in addresses:
        answer = b"".join(client.get(address)).decode()
        assert "Open." in answer
        assert SECRET not in answer


def test_its_readers_do_read_it(client, report, reporter):
    for reader in (reporter, make.UserFactory(access_group="ipd")):
        client.force_login(reader)
        assert SECRET in client.get(f"/reports/{report.pk}/").content.decode()
