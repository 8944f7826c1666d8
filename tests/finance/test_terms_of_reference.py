"""Terms of reference of a post: taken by their content, kept once, read by those who may."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import threading
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from finance.models import Position, TermsOfReference
from finance.services import terms_of_reference as services
from iscm_portal.common import uploads
from reporting.services.attachments import LOOSE_AFTER, remove_loose_files
from tests import files
from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)


@pytest.fixture
def manager():
    return make.UserFactory(access_group="manager", office=make.OfficeFactory())


@pytest.fixture
def post(manager):
    return money.PositionFactory(office=manager.office)


def stored(media) -> list[Path]:
    return [path for path in Path(media).rglob("*") if path.is_file()]


def send(client, post, content=files.PDF, name="Terms.pdf", **headers):
    data = {"file": SimpleUploadedFile(name, content)}
    return client.post(f"/staffing/positions/{post.pk}/", data, headers=headers)


def attach(post, actor, content=files.PDF):
    return services.attach(
        post.pk,
        ContentFile(content),
        name="Terms.pdf",
        media_type="application/pdf",
        actor=actor,
    )


def body(answer) -> bytes:
    return b"".join(answer.streaming_content)


def test_a_manager_puts_the_document_to_a_post_which_then_has_its_tor_on_record(
    client, post, manager
):
    client.force_login(manager)
    answer = send(client, post, name="Termes de référence.pdf")
    assert answer["Location"] == f"/staffing/positions/{post.pk}/"
    row = TermsOfReference.objects.get()
    assert (row.name, row.media_type) == ("Termes de référence.pdf", "application/pdf")
    assert (row.size, row.sha256) == (len(files.PDF), hashlib.sha256(files.PDF).hexdigest())
    assert (row.uploaded_by, row.history.get().history_user) == (manager, manager)
    post.refresh_from_db()
    assert post.has_tor is True
    assert post.history.first().history_user == manager
    page = client.get(answer["Location"]).content.decode()
    assert "Its terms of reference are here." in page
    assert f'href="/staffing/terms-of-reference/{row.pk}/"' in page


def test_it_leaves_as_a_download_only(client, post, manager):
    row = attach(post, manager)
    client.force_login(manager)
    got = client.get(f"/staffing/terms-of-reference/{row.pk}/")
    assert body(got) == files.PDF
    assert got["Content-Disposition"].startswith("attachment;")
    assert got["X-Content-Type-Options"] == "nosniff"
    assert got["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert got["Cache-Control"] == "private, no-store"


def test_the_same_document_twice_is_one_and_its_second_file_does_not_stay(post, manager, media):
    first, second = attach(post, manager), attach(post, manager)
    assert first == second
    assert len(stored(media)) == 1
    assert Position.objects.get().history.count() == 2  # made, and has its ToR


def test_another_document_stands_before_the_older_one(client, post, manager):
    attach(post, manager)
    newer = attach(post, manager, content=files.PDF.replace(b"1.7", b"1.4"))
    assert next(iter(post.terms_of_reference.all())) == newer
    client.force_login(manager)
    assert "in force" in client.get(f"/staffing/positions/{post.pk}/").content.decode()


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("Terms.docm", files.office(), "macros"),
        ("Terms.pdf", b"MZ not a pdf", "not that of a whole PDF"),
        ("Terms.pdf", b"", "The file is empty."),
        ("Terms.exe", b"MZ", "This kind of file is not taken."),
    ],
)
def test_a_file_that_is_not_taken_is_refused_in_words_and_nothing_is_kept(
    client, post, manager, media, name, content, word
):
    client.force_login(manager)
    answer = send(client, post, content=content, name=name)
    assert answer.status_code == 422
    assert word in answer.content.decode()
    assert 'href="#id_file"' in answer.content.decode()
    assert (TermsOfReference.objects.count(), stored(media)) == (0, [])
    post.refresh_from_db()
    assert post.has_tor is None


def test_a_script_is_answered_in_its_own_form(client, post, manager):
    client.force_login(manager)
    wrong = send(client, post, content=b"", accept="application/json")
    assert (wrong.status_code, wrong.json()) == (422, {"problems": ["The file is empty."]})
    right = send(client, post, accept="application/json")
    assert right.json() == {"url": f"/staffing/positions/{post.pk}/"}


def test_a_file_over_the_limit_is_refused(client, post, manager, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    client.force_login(manager)
    answer = send(client, post, content=files.PDF + b"%" * 2000)
    assert answer.status_code == 413
    assert "larger than 20 MB" in answer.content.decode()


def test_a_full_disk_is_told_and_nothing_is_kept(client, post, manager, monkeypatch):
    def full(_file):
        raise uploads.NotStored

    monkeypatch.setattr(uploads, "store", full)
    client.force_login(manager)
    answer = send(client, post)
    assert answer.status_code == 507
    assert "its disk is full" in answer.content.decode()
    assert not TermsOfReference.objects.exists()


def test_a_post_has_twenty_documents_at_most(client, post, manager, media):
    money.TermsOfReferenceFactory.create_batch(services.MOST_DOCUMENTS, position=post)
    client.force_login(manager)
    answer = send(client, post)
    assert answer.status_code == 409
    assert "20 documents at most" in answer.content.decode()
    assert stored(media) == []


@pytest.mark.parametrize("said", [None, True, False])
def test_with_the_last_document_the_post_says_again_what_it_said_before_the_first(
    client, manager, media, django_capture_on_commit_callbacks, said
):
    post = money.PositionFactory(office=manager.office, has_tor=said)
    first = attach(post, manager)
    second = attach(post, manager, content=files.PDF.replace(b"1.7", b"1.4"))
    client.force_login(manager)
    for row, has_tor, kept in ((first, True, 1), (second, said, 0)):
        with django_capture_on_commit_callbacks(execute=True):
            client.post(f"/staffing/terms-of-reference/{row.pk}/take-away/")
        post.refresh_from_db()
        assert (post.has_tor, len(stored(media))) == (has_tor, kept)
    assert TermsOfReference.history.filter(history_type="-").count() == 2


def test_a_document_that_another_took_away_is_gone_once(post, manager):
    row = attach(post, manager)
    services.take_away(row, manager)
    services.take_away(TermsOfReference(pk=row.pk or 1, position=post), manager)
    assert TermsOfReference.history.filter(history_type="-").count() == 1


def test_an_office_reads_its_own_posts_and_finance_all(client, post, manager):
    row = attach(post, manager)
    readers = {
        make.UserFactory(access_group="reporter", office=manager.office): 200,
        make.UserFactory(access_group="reporter", office=make.OfficeFactory()): 404,
        make.UserFactory(access_group="finance"): 200,
        make.UserFactory(access_group="analyst"): 404,
    }
    for reader, status in readers.items():
        client.force_login(reader)
        assert client.get(f"/staffing/terms-of-reference/{row.pk}/").status_code == status
        assert client.get(f"/staffing/positions/{post.pk}/").status_code == status


def test_who_may_not_change_the_post_sees_no_form_and_is_refused(client, post):
    client.force_login(make.UserFactory(access_group="ipd"))
    assert "Send the file" not in client.get(f"/staffing/positions/{post.pk}/").content.decode()
    assert send(client, post).status_code == 403
    assert not TermsOfReference.objects.exists()


def test_the_nightly_round_spares_the_files_of_posts(post, manager, media):
    attach(post, manager)
    (path,) = stored(media)
    long_ago = (AT - 2 * LOOSE_AFTER).timestamp()
    os.utime(path, (long_ago, long_ago))
    assert remove_loose_files(AT) == 0
    assert path.exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_document_sent_by_six_at_once_is_one(post, manager, media):
    gate = threading.Barrier(6)
    found = []

    def put() -> None:
        gate.wait()
        try:
            found.append(attach(post, manager).pk)
        finally:
            connection.close()

    writers = [threading.Thread(target=put) for _writer in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert found == [TermsOfReference.objects.get().pk] * 6
    assert len(stored(media)) == 1
