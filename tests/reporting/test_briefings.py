"""The briefing that goes round on acceptance: to whom and why, what it says, each copy once."""

from __future__ import annotations

import datetime as dt
import io
import re
import smtplib
import zipfile

import docx
import pytest
from django.core import mail
from django.core.mail.backends import locmem
from django.core.management import call_command

from iscm_portal.common.documents import check_document
from reporting.choices import ReportPart
from reporting.models import Briefing, BriefingCopy, PostEventReport
from reporting.selectors.briefing import content_of, proposed_offices
from reporting.services import correcting, reviewing
from reporting.services import reports as services
from reporting.services.briefing import SomeNotSent, send_unsent
from reporting.services.briefing_files import LEVELS, fits_one_page, on_one_page, pdf, word
from tests.factories import engagements as make
from tests.factories import reporting as reported
from tests.files import text_of_pdf

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 6)
SECRET = "STATE-A-THREATENED-TO-LEAVE"


@pytest.fixture
def region():
    return make.OfficeFactory(name="RO Bangkok", kind="regional_office")


@pytest.fixture
def reporter(region):
    office = make.OfficeFactory(name="CO Bangkok", kind="country_office", parent=region)
    return make.UserFactory(access_group="reporter", office=office, email="r@portal.test")


@pytest.fixture
def division():
    return make.OfficeFactory(name="IPD", kind="hq_unit")


@pytest.fixture
def reviewer(division):
    return make.UserFactory(access_group="ipd", office=division, email="ipd@portal.test")


@pytest.fixture
def iscm():
    return make.ISCMFactory(acronym="PIDC")


def write(reporter, iscm, **texts):
    """A report that waits for its review."""
    event = make.EventFactory(
        name="PIDC annual meeting", iscms=[iscm], starts_on=DAY, ends_on=DAY, city="Apia"
    )
    draft = services.start_report(event, reporter.office, reporter, AT)
    draft.discussed, draft.steps_done = "Main points.", ReportPart.values
    draft.discussed_internal = "The Chair hopes for support."
    draft.discussed_restricted = SECRET
    for name, text in texts.items():
        setattr(draft, name, text)
    draft.save()
    reported.ParticipantFactory(report=draft, title="Programme officer", days=1)
    services.submit_report(draft.pk, reporter, AT)
    draft.refresh_from_db()
    return draft


def why(report) -> dict[str, str]:
    return {one.office.name: one.why for one in proposed_offices(report)}


def letters() -> dict[str, mail.EmailMessage]:
    return {message.to[0]: message for message in mail.outbox}


# --- to whom, and why


def test_focal_lead_regional_reviewing_and_thematic_offices_are_proposed_with_their_reasons(
    reporter, reviewer, iscm
):
    theme = make.ThemeFactory(name="Border management")
    iscm.themes.add(theme)
    make.OfficeFactory(name="CO Canberra", focal_for=[iscm])
    make.OfficeFactory(name="Border Division", kind="hq_unit").themes.add(theme)
    make.OfficeFactory(name="CO Dakar", focal_for=[make.ISCMFactory()])
    lead = make.OfficeFactory(name="CO Suva", focal_for=[iscm])
    make.IOMRoleFactory(iscm=iscm, lead_office=lead, starts_on=dt.date(2020, 1, 1))
    past = make.OfficeFactory(name="CO Past")
    make.IOMRoleFactory(
        iscm=iscm,
        role="host",
        lead_office=past,
        starts_on=dt.date(2010, 1, 1),
        ends_on=dt.date(2019, 12, 31),
    )
    reporter.office.focal_for.add(iscm)
    assert why(write(reporter, iscm)) == {
        "Border Division": "answers for Border management",
        "CO Canberra": "focal office of PIDC",
        "CO Suva": "focal office of PIDC; leads IOM's role in PIDC",
        "IPD": "reviews all reports",
        "RO Bangkok": "regional office of CO Bangkok",
    }


def test_the_theme_of_an_agenda_item_brings_its_division_in(reporter, iscm):
    theme = make.ThemeFactory(name="Remittances")
    make.OfficeFactory(name="Labour Division", kind="hq_unit").themes.add(theme)
    report = write(reporter, iscm)
    reported.ReportedAgendaItemFactory(report=report, theme=theme)
    assert why(report)["Labour Division"] == "answers for Remittances"


def test_the_reviewer_sees_and_changes_who_gets_it(client, reporter, reviewer, region, iscm):
    chosen = make.OfficeFactory(name="CO Dakar")
    report = write(reporter, iscm)
    client.force_login(reviewer)
    page = client.get(f"/reports/{report.pk}/").content.decode()
    assert re.search(rf'value="{region.pk}" id="briefed-{region.pk}" checked', page)
    assert "regional office of CO Bangkok" in page
    assert re.search(rf'value="{chosen.pk}" id="briefed-{chosen.pk}">', page)
    client.post(
        f"/reports/{report.pk}/accept/", {"briefing": "shown", "briefed": [chosen.pk, region.pk]}
    )
    rows = Briefing.objects.values_list("office__name", "reasons", "chosen_by")
    assert set(map(str, rows)) == {
        str(("CO Dakar", [], reviewer.pk)),
        str(("RO Bangkok", [["regional", "CO Bangkok"]], reviewer.pk)),
    }
    page = client.get(f"/reports/{report.pk}/").content.decode()
    assert "Who had it" in page


def test_nobody_ticked_is_nobody(client, reporter, reviewer, region, iscm):
    report = write(reporter, iscm)
    client.force_login(reviewer)
    client.post(f"/reports/{report.pk}/accept/", {"briefing": "shown"})
    assert PostEventReport.objects.get().state == "accepted"
    assert Briefing.objects.count() == 0


@pytest.mark.parametrize("wrong", ["x", "-1", "99999999999999999999"])
def test_an_office_that_is_none_is_refused_and_nothing_is_accepted(
    client, reporter, reviewer, iscm, wrong
):
    report = write(reporter, iscm)
    client.force_login(reviewer)
    answer = client.post(f"/reports/{report.pk}/accept/", {"briefing": "shown", "briefed": [wrong]})
    assert answer.status_code == 400
    assert PostEventReport.objects.get().state == "submitted"


# --- each copy once


def test_everybody_of_the_offices_has_one_mail_with_both_files(
    reporter, reviewer, region, iscm, django_capture_on_commit_callbacks
):
    make.UserFactory(access_group="manager", office=region, email="rd@portal.test")
    make.UserFactory(access_group="reporter", office=region, email="ro@portal.test")
    make.UserFactory(access_group="reporter", office=region, email="")
    make.UserFactory(
        access_group="reporter", office=region, email="none@portal.test", notice_pace="never"
    )
    make.UserFactory(
        access_group="reporter", office=region, email="gone@portal.test", is_active=False
    )
    report = write(reporter, iscm)
    with django_capture_on_commit_callbacks(execute=True):
        reviewing.accept_report(report.pk, reviewer, AT)
    assert set(letters()) == {"ipd@portal.test", "rd@portal.test", "ro@portal.test"}
    letter = letters()["rd@portal.test"]
    assert letter.subject == "Briefing: PIDC annual meeting"
    assert "Main points." in letter.body
    assert f"/reports/{report.pk}/" in letter.body
    names = [attached[0] for attached in letter.attachments]
    assert names == ["briefing-pidc-annual-meeting.pdf", "briefing-pidc-annual-meeting.docx"]
    assert letter.attachments[0][1].startswith(b"%PDF-")
    assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert BriefingCopy.objects.count() == 5
    assert BriefingCopy.objects.unsent().count() == 0
    send_unsent(AT)
    assert len(mail.outbox) == 3


def test_a_server_that_is_away_loses_none(reporter, reviewer, region, iscm, settings):
    make.UserFactory(access_group="manager", office=region, email="rd@portal.test")
    report = write(reporter, iscm)
    reviewing.accept_report(report.pk, reviewer, AT)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nobody listens there
    with pytest.raises(SomeNotSent):
        send_unsent(AT)
    assert BriefingCopy.objects.unsent().count() == 2
    assert set(BriefingCopy.objects.values_list("last_error", flat=True)) == {
        "ConnectionRefusedError: [Errno 111] Connection refused"
    }
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    send_unsent(AT)
    assert set(letters()) == {"ipd@portal.test", "rd@portal.test"}
    assert BriefingCopy.objects.filter(emailed_at=AT, last_error="").count() == 2


def test_the_command_that_beat_runs_by_hand_sends_what_is_unsent(reporter, reviewer, iscm):
    reviewing.accept_report(write(reporter, iscm).pk, reviewer, AT)
    call_command("send_due_notices", now="2026-11-20T15:00:00+00:00", verbosity=0)
    assert letters()["ipd@portal.test"].subject == "Briefing: PIDC annual meeting"
    assert BriefingCopy.objects.unsent().count() == 0


class RefusesOne(locmem.EmailBackend):
    """A mail server that takes all letters but those to one address."""

    def send_messages(self, messages):
        if messages[0].to == ["ipd@portal.test"]:
            raise smtplib.SMTPRecipientsRefused({"ipd@portal.test": (550, b"no such box")})
        return super().send_messages(messages)


def test_a_letter_that_is_refused_brings_no_other_twice(reporter, reviewer, region, iscm, settings):
    make.UserFactory(access_group="manager", office=region, email="rd@portal.test")
    report = write(reporter, iscm)
    reviewing.accept_report(report.pk, reviewer, AT)
    settings.EMAIL_BACKEND = f"{__name__}.RefusesOne"
    for _ in range(3):
        with pytest.raises(SomeNotSent):
            send_unsent(AT)
    assert [message.to[0] for message in mail.outbox] == ["rd@portal.test"]
    assert BriefingCopy.objects.unsent().get().recipient == reviewer


def test_who_ends_the_mails_before_it_went_out_has_none(reporter, reviewer, iscm):
    report = write(reporter, iscm)
    reviewing.accept_report(report.pk, reviewer, AT)
    reviewer.notice_pace = "never"
    reviewer.save()
    send_unsent(AT)
    assert mail.outbox == []
    reviewer.notice_pace = "at_once"
    reviewer.save()
    send_unsent(AT)
    assert mail.outbox == []


def test_a_report_that_is_not_accepted_briefs_nobody(reporter, reviewer, iscm):
    report = write(reporter, iscm)
    reviewing.return_report(report.pk, reviewer, "Mend it.", AT)
    with pytest.raises(reviewing.ReportAlreadyReviewed):
        reviewing.accept_report(report.pk, reviewer, AT)
    assert Briefing.objects.count() == 0


def test_a_correction_goes_round_as_corrected_also_to_who_had_the_first(
    reporter, reviewer, region, iscm
):
    make.UserFactory(access_group="manager", office=region, email="rd@portal.test")
    elsewhere = make.OfficeFactory(name="CO Dakar")
    make.UserFactory(access_group="reporter", office=elsewhere, email="dakar@portal.test")
    report = write(reporter, iscm)
    reviewing.accept_report(report.pk, reviewer, AT, [elsewhere.pk])
    send_unsent(AT)
    assert set(letters()) == {"dakar@portal.test"}
    mail.outbox.clear()
    correction = correcting.start_correction(report.pk, "Wrong.", reporter, AT)
    correction.discussed = "Main points, mended."
    correction.save()
    services.submit_report(correction.pk, reporter, AT)
    correction.refresh_from_db()
    assert why(correction)["CO Dakar"] == "had the briefing that is corrected"
    reviewing.accept_report(correction.pk, reviewer, AT)
    send_unsent(AT)
    assert set(letters()) == {"dakar@portal.test", "ipd@portal.test", "rd@portal.test"}
    letter = letters()["dakar@portal.test"]
    assert letter.subject == "Corrected briefing: PIDC annual meeting"
    assert "Main points, mended." in letter.body
    assert Briefing.objects.filter(report=report).count() == 4


def test_a_briefing_stands_on_the_first_page_of_its_readers(
    client, reporter, reviewer, region, iscm
):
    reader = make.UserFactory(access_group="manager", office=region)
    report = write(reporter, iscm)
    reviewing.accept_report(report.pk, reviewer, AT)
    client.force_login(reader)
    home = client.get("/").content.decode()
    assert "Briefings for your office" in home
    assert f'href="/reports/{report.pk}/">PIDC annual meeting' in home
    client.force_login(reporter)
    assert "Briefings for your office" not in client.get("/").content.decode()


# --- what it says


def everything(message) -> str:
    """All that a mail brings as text: subject, body, both files."""
    told = [message.subject, message.body]
    for name, content, _type in message.attachments:
        told.append(text_of_word(content) if name.endswith(".docx") else text_of_pdf(content))
    return "\n".join(told)


def text_of_word(content: bytes) -> str:
    return "\n".join(line.text for line in docx.Document(io.BytesIO(content)).paragraphs)


def test_restricted_text_and_documents_are_in_no_copy_whoever_reads(
    reporter, reviewer, region, iscm
):
    make.UserFactory(access_group="manager", office=region, email="rd@portal.test")
    report = write(reporter, iscm)
    for level in ("open", "internal", "restricted"):
        reported.AttachmentFactory(report=report, sensitivity=level, name=f"{level}.pdf")
    reviewing.accept_report(report.pk, reviewer, AT)
    send_unsent(AT)
    assert len(mail.outbox) == 2
    for message in mail.outbox:
        told = everything(message)
        assert SECRET not in told
        assert "restricted.pdf" not in told
        assert "The Chair hopes for support." in told
        assert "internal.pdf" in told


def test_an_analyst_reads_no_internal_remarks_in_it(client, reporter, reviewer, iscm):
    report = write(reporter, iscm)
    reported.AttachmentFactory(report=report, sensitivity="internal", name="internal.pdf")
    reviewing.accept_report(report.pk, reviewer, AT)
    analyst = make.UserFactory(access_group="analyst", office=None)
    client.force_login(analyst)
    answer = client.get(f"/reports/{report.pk}/briefing.docx")
    told = text_of_word(answer.content)
    assert "Main points." in told
    assert "The Chair hopes" not in told
    assert "internal.pdf" not in told
    client.force_login(reporter)
    told = text_of_word(client.get(f"/reports/{report.pk}/briefing.docx").content)
    assert "The Chair hopes for support." in told
    assert SECRET not in told


@pytest.mark.parametrize("form", ["pdf", "docx"])
def test_the_briefing_of_a_report_in_review_is_not_there(client, reporter, reviewer, iscm, form):
    report = write(reporter, iscm)
    client.force_login(reporter)
    assert client.get(f"/reports/{report.pk}/briefing.{form}").status_code == 404


def test_what_costs_time_and_money_is_not_in_it(reporter, reviewer, iscm):
    report = write(reporter, iscm)
    report.participants.update(grade="P4", travel_cost_usd="1234.00", days="7.50")
    told = str(content_of(report, reviewer))
    assert "Programme officer" in told
    assert not re.search(r"P4|1234|1,234|7\.5", told)


def test_it_is_in_the_language_of_its_reader(reporter, reviewer, region, iscm):
    make.UserFactory(access_group="manager", office=region, email="rd@portal.test", language="fr")
    report = write(reporter, iscm)
    reviewing.accept_report(report.pk, reviewer, AT)
    send_unsent(AT)
    letter = letters()["rd@portal.test"]
    assert letter.subject == "Note d’information : PIDC annual meeting"
    assert "POINTS PRINCIPAUX" in letter.body


LONG = "What the delegations said about the way forward. " * 400


def test_whatever_its_length_it_is_one_page_and_says_where_the_rest_is(reporter, reviewer, iscm):
    report = write(reporter, iscm, discussed=LONG, discussed_internal=LONG, outcomes=LONG)
    reported.ReportedRequestFactory.create_batch(40, report=report)
    reported.ReportedFollowUpFactory.create_batch(40, report=report)
    content = on_one_page(content_of(report, reviewer))
    assert fits_one_page(content)
    assert f"/reports/{report.pk}/" in content.note
    assert content.sections[0].texts[0].endswith(" …")
    assert any("more" in section.texts[-1] for section in content.sections)


def test_the_shortest_form_fits_whatever_a_report_holds(reporter, reviewer, iscm):
    everything_long = dict.fromkeys(
        ("discussed", "discussed_internal", "outcomes", "funding_leads"), "W" * 60_000
    )
    report = write(reporter, iscm, **everything_long)
    for factory in (
        reported.ReportedRequestFactory,
        reported.ReportedPartnershipFactory,
        reported.ReportedInstrumentFactory,
        reported.ReportedFollowUpFactory,
    ):
        factory.create_batch(30, report=report)
    content = content_of(report, reviewer).shortened(*LEVELS[-1])
    assert fits_one_page(content)


def test_a_short_report_is_told_whole(reporter, reviewer, iscm):
    content = content_of(write(reporter, iscm), reviewer)
    assert on_one_page(content) == content


@pytest.mark.parametrize(
    "text",
    [
        '#set page("a4") *x* _y_ $z$ @a <b> \\ "',
        "العربية ไทย e\u0301 🌍",
        "a\x0bb",
        "= Title\n- row",
    ],
)
def test_text_is_text_and_never_markup(reporter, reviewer, iscm, text):
    content = content_of(write(reporter, iscm, discussed=text), reviewer)
    assert pdf(content).startswith(b"%PDF-")
    told = text_of_word(word(content))
    assert text.replace("\x0b", "") in told
    assert fits_one_page(content)


def test_the_word_file_is_one_that_the_portal_itself_would_take(reporter, reviewer, iscm):
    content = word(content_of(write(reporter, iscm), reviewer))
    assert check_document("briefing.docx", io.BytesIO(content)).media_type.endswith("document")
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None


def test_the_pdf_is_tagged_and_names_its_title_and_language(reporter, reviewer, iscm):
    made = pdf(content_of(write(reporter, iscm), reviewer))
    assert b"/MarkInfo" in made or b"/StructTreeRoot" in made
    assert b"pdfuaid" in made
