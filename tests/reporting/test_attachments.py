"""Documents of a report: taken, kept once and privately, read by those they are for."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import resource
import signal
import uuid
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile

from finance.models import TermsOfReference
from finance.services.importing.runs import start_run
from iscm_portal.common import uploads
from reporting.choices import ReportPart
from reporting.models import Attachment
from reporting.services import attachments as services
from reporting.services import correcting, reviewing
from reporting.services import reports as writing
from tests import files
from tests.factories import engagements as make
from tests.factories import finance as money
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
    draft = writing.start_report(event, reporter.office, reporter, AT)
    draft.discussed, draft.steps_done = "Main points.", ReportPart.values
    draft.save()
    reported.ParticipantFactory(report=draft, days=1)
    return draft


def stored(media) -> list[Path]:
    return [path for path in Path(media).rglob("*") if path.is_file()]


def send(client, report, content=files.PDF, name="Outcome.pdf", **said):
    data = {
        "key": str(uuid.uuid4()),
        "kind": "outcome",
        "sensitivity": "open",
        "file": SimpleUploadedFile(name, content),
        **said,
    }
    return client.post(f"/reports/{report.pk}/documents/", data)


def attach(report, actor, content=files.PDF, sensitivity="open", **said):
    return services.attach(
        report.pk,
        ContentFile(content),
        **{
            "name": "Outcome.pdf",
            "media_type": "application/pdf",
            "kind": "outcome",
            "sensitivity": sensitivity,
            "key": uuid.uuid4(),
            "actor": actor,
            "at": AT,
            **said,
        },
    )


def body(answer) -> bytes:
    return b"".join(answer.streaming_content)


def accept(report, reporter, reviewer):
    writing.submit_report(report.pk, reporter, AT)
    return reviewing.accept_report(report.pk, reviewer, AT)


# --- taken


def test_a_document_is_kept_with_its_checksum_and_comes_back_as_it_was(
    client, report, reporter, media
):
    client.force_login(reporter)
    answer = send(client, report, name="Déclaration finale.pdf")
    assert answer["Location"] == f"/reports/{report.pk}/documents/"
    row = Attachment.objects.get()
    assert (row.name, row.media_type) == ("Déclaration finale.pdf", "application/pdf")
    assert (row.size, row.sha256) == (len(files.PDF), hashlib.sha256(files.PDF).hexdigest())
    assert row.uploaded_by == reporter
    assert "Déclaration finale.pdf" in client.get(answer["Location"]).content.decode()
    got = client.get(f"/documents/{row.pk}/")
    assert body(got) == files.PDF
    assert got["Content-Type"] == "application/pdf"
    assert got["Content-Disposition"].startswith("attachment;")
    assert got["X-Content-Type-Options"] == "nosniff"
    assert got["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert got["Cache-Control"] == "private, no-store"


def test_the_file_lies_privately_under_a_name_that_tells_nothing(client, report, reporter, media):
    client.force_login(reporter)
    send(client, report)
    (path,) = stored(media)
    assert path.stat().st_mode & 0o077 == 0
    assert "Outcome" not in str(path)
    assert client.get(f"/media/{path.name}").status_code == 404


def test_the_same_upload_sent_again_is_one_document(client, report, reporter, media):
    client.force_login(reporter)
    key = str(uuid.uuid4())
    for _ in range(3):
        assert send(client, report, key=key).status_code == 302
    assert Attachment.objects.count() == 1
    assert len(stored(media)) == 1


def test_the_same_content_under_another_name_is_one_document(client, report, reporter, media):
    client.force_login(reporter)
    send(client, report)
    send(client, report, name="Copy of Outcome.pdf")
    assert list(Attachment.objects.values_list("name", flat=True)) == ["Outcome.pdf"]
    assert len(stored(media)) == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.exe", b"MZ", "This kind of file is not taken"),
        ("a.docx", files.office(**{"word/vbaProject.bin": b"x"}), "macros"),
        ("a.pdf", b"", "The file is empty"),
        ("a.pdf", b"no PDF", "not that of a whole PDF file"),
    ],
    ids=["a program", "macros", "nothing", "no PDF"],
)
def test_what_is_not_taken_is_told_at_the_field_and_leaves_nothing(
    client, report, reporter, media, name, content, words
):
    client.force_login(reporter)
    answer = send(client, report, content, name)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Attachment.objects.count() == 0
    assert stored(media) == []


def test_a_file_that_is_too_large_never_reaches_the_disk(client, report, reporter, media, settings):
    settings.UPLOAD_MAX_BYTES = 100_000
    client.force_login(reporter)
    answer = send(client, report, files.PDF + b"\0" * 200_000)
    assert answer.status_code == 413
    assert "The file is larger than 20 MB." in answer.content.decode()
    assert Attachment.objects.count() == 0
    assert stored(media) == []


def test_a_script_is_told_the_same_in_json(client, report, reporter):
    client.force_login(reporter)
    address = f"/reports/{report.pk}/documents/"
    data = {"key": str(uuid.uuid4()), "kind": "outcome", "sensitivity": "open"}
    wrong = client.post(
        address,
        {**data, "file": SimpleUploadedFile("a.exe", b"MZ")},
        headers={"accept": "application/json"},
    )
    assert wrong.status_code == 422
    assert "This kind of file is not taken" in wrong.json()["problems"][0]
    right = client.post(
        address,
        {**data, "file": SimpleUploadedFile("a.pdf", files.PDF)},
        headers={"accept": "application/json"},
    )
    assert right.json() == {"url": address}


@pytest.mark.parametrize("missing", ["key", "kind", "sensitivity", "file"])
def test_a_form_that_lacks_something_is_refused(client, report, reporter, media, missing):
    client.force_login(reporter)
    assert send(client, report, **{missing: ""}).status_code == 422
    assert stored(media) == []


def test_a_report_has_twenty_documents_at_most(client, report, reporter, media):
    for number in range(services.MOST_DOCUMENTS):
        attach(report, reporter, files.PDF + str(number).encode())
    client.force_login(reporter)
    answer = send(client, report)
    assert answer.status_code == 409
    assert "20 documents at most" in answer.content.decode()
    assert len(stored(media)) == services.MOST_DOCUMENTS


def test_on_a_full_disk_nothing_is_kept_and_the_next_try_succeeds(report, reporter, media):
    content = files.PDF + os.urandom(200_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        # From here on no file grows beyond 100 kB: the write itself fails, as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        with pytest.raises(uploads.NotStored):
            attach(report, reporter, content)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert stored(media) == []
    assert Attachment.objects.count() == 0
    assert attach(report, reporter, content).size == len(content)


def test_the_page_says_that_the_disk_is_full(client, report, reporter, media):
    Path(media).mkdir()
    (Path(media) / "attachments").write_text("a file where the folder should be")
    client.force_login(reporter)
    answer = send(client, report)
    assert answer.status_code == 507
    assert "its disk is full" in answer.content.decode()
    assert Attachment.objects.count() == 0


# --- frozen, corrected, taken away


def test_a_report_in_review_or_accepted_takes_no_document_and_gives_none_up(
    client, report, reporter, reviewer, media
):
    kept = attach(report, reporter)
    writing.submit_report(report.pk, reporter, AT)
    client.force_login(reporter)
    for state in ("submitted", "accepted"):
        assert send(client, report, files.PDF + b"2").status_code == 302
        assert client.post(f"/documents/{kept.pk}/take-away/").status_code == 403
        with pytest.raises(writing.ReportNotOpen):
            attach(report, reporter, files.PDF + b"2")
        with pytest.raises(writing.ReportNotOpen):
            services.take_away(kept)
        assert list(Attachment.objects.all()) == [kept]
        if state == "submitted":
            reviewing.accept_report(report.pk, reviewer, AT)
    assert len(stored(media)) == 1


def test_a_document_that_is_taken_away_is_off_the_disk(
    client, report, reporter, media, django_capture_on_commit_callbacks
):
    kept = attach(report, reporter)
    client.force_login(reporter)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/documents/{kept.pk}/take-away/")
    assert Attachment.objects.count() == 0
    assert stored(media) == []


def test_a_correction_has_the_documents_and_changes_none_of_the_accepted_report(
    report, reporter, reviewer, media, django_capture_on_commit_callbacks
):
    first = attach(report, reporter, files.PDF + b"1")
    second = attach(report, reporter, files.PDF + b"2")
    accept(report, reporter, reviewer)
    correction = correcting.start_correction(report.pk, "The wrong file.", reporter, AT)
    copy = Attachment.objects.get(report=correction, key=first.key)
    with django_capture_on_commit_callbacks(execute=True):
        services.take_away(copy)
    added = attach(correction, reporter, files.PDF + b"3")
    names = Attachment.objects.filter(report=report).values_list("key", flat=True)
    assert set(names) == {first.key, second.key}
    assert len(stored(media)) == 3
    writing.submit_report(correction.pk, reporter, AT)
    reviewing.accept_report(correction.pk, reviewer, AT)
    rows = Attachment.objects.filter(report=report)
    assert {row.key for row in rows} == {second.key, added.key}
    assert Attachment.objects.count() == 2


def test_the_same_document_may_come_back_in_a_correction_as_another_kind(
    report, reporter, reviewer
):
    attach(report, reporter)
    accept(report, reporter, reviewer)
    correction = correcting.start_correction(report.pk, "It is the agenda.", reporter, AT)
    services.take_away(Attachment.objects.get(report=correction))
    attach(correction, reporter, kind="agenda")
    writing.submit_report(correction.pk, reporter, AT)
    reviewing.accept_report(correction.pk, reviewer, AT)
    assert list(Attachment.objects.values_list("report", "kind")) == [(report.pk, "agenda")]


def test_the_nightly_round_removes_what_nothing_names_and_nothing_else(report, reporter, media):
    kept = attach(report, reporter)
    at = dt.datetime.now(dt.UTC)
    imported = start_run("projects", ContentFile(b"code,title"), "a.csv", reporter, at)
    place, digest, size = uploads.store(ContentFile(files.PDF))
    terms = TermsOfReference.objects.create(
        position=money.PositionFactory(),
        name="ToR.pdf",
        media_type="application/pdf",
        size=size,
        sha256=digest,
        place=place,
        uploaded_by=reporter,
    )
    cut, _digest, _size = uploads.store(ContentFile(b"an upload that was cut"))
    unfinished = uploads.path_of(cut).with_suffix(".part")
    unfinished.write_bytes(b"half")
    now = dt.datetime.now(dt.UTC)
    assert services.remove_loose_files(now) == 0
    assert services.remove_loose_files(now + dt.timedelta(days=2)) == 2
    assert {path.name for path in stored(media)} == {kept.place, imported.place, terms.place}


# --- read by those they are for


READERS = {
    "author": (True, True, True),
    "colleague": (True, True, True),
    "manager": (True, True, True),
    "ipd": (True, True, True),
    "other": (True, True, False),
    "finance": (True, True, False),
    "analyst": (True, False, False),
}


@pytest.mark.parametrize("who", READERS)
def test_of_an_accepted_report_each_reads_what_its_sensitivity_allows(
    client, report, reporter, reviewer, who
):
    rows = [
        attach(report, reporter, files.PDF + level.encode(), level, name=f"{level}.pdf")
        for level in ("open", "internal", "restricted")
    ]
    accept(report, reporter, reviewer)
    reader = {
        "author": lambda: reporter,
        "colleague": lambda: make.UserFactory(access_group="reporter", office=reporter.office),
        "manager": lambda: make.UserFactory(access_group="manager", office=reporter.office),
        "ipd": lambda: reviewer,
        "other": lambda: make.UserFactory(access_group="reporter", office=make.OfficeFactory()),
        "finance": lambda: make.UserFactory(access_group="finance"),
        "analyst": lambda: make.UserFactory(access_group="analyst", office=None),
    }[who]()
    client.force_login(reader)
    statuses = [client.get(f"/documents/{row.pk}/").status_code for row in rows]
    assert statuses == [200 if reads else 404 for reads in READERS[who]]
    page = client.get(f"/reports/{report.pk}/").content.decode()
    assert [f"{row.name}</a>" in page for row in rows] == list(READERS[who])


def test_of_a_draft_only_its_office_and_ipd_read_even_the_open_ones(
    client, report, reporter, reviewer
):
    row = attach(report, reporter)
    client.force_login(make.UserFactory(access_group="reporter", office=make.OfficeFactory()))
    assert client.get(f"/documents/{row.pk}/").status_code == 404
    assert client.post(f"/documents/{row.pk}/take-away/").status_code == 404
    client.force_login(reviewer)
    assert client.get(f"/documents/{row.pk}/").status_code == 200
    assert client.post(f"/documents/{row.pk}/take-away/").status_code == 403
    client.logout()
    assert client.get(f"/documents/{row.pk}/").status_code == 302


def test_a_file_that_is_gone_from_the_disk_is_no_crash(client, report, reporter, media, caplog):
    row = attach(report, reporter)
    uploads.remove(row.place)
    client.force_login(reporter)
    assert client.get(f"/documents/{row.pk}/").status_code == 404
    assert f"the file of attachment {row.pk} is gone" in caplog.text
