"""Somebody else writes for long: what is sent meanwhile is not saved, and not lost."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from lxml import html

from finance.models import FundingLine
from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = pytest.mark.django_db(transaction=True)


@contextlib.contextmanager
def somebody_writes(line: FundingLine) -> Iterator[None]:
    """Another connection holds ``line`` (on SQLite the whole file); ours waits a moment only."""
    held, done = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            FundingLine.objects.filter(pk=line.pk).update(note="Written meanwhile.")
            held.set()
            done.wait(30)
            transaction.set_rollback(True)
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    held.wait(30)
    patience = {
        "sqlite": ("PRAGMA busy_timeout = 50", "PRAGMA busy_timeout = 20000"),
        "postgresql": ("SET lock_timeout = '50ms'", "RESET lock_timeout"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(patience[0])
    try:
        yield
    finally:
        done.set()
        thread.join(30)
        with connection.cursor() as cursor:
            cursor.execute(patience[1])


@pytest.fixture
def line(client):
    client.force_login(make.UserFactory(access_group="finance"))
    return money.FundingLineFactory(note="Before.")


def sent_by(page: str, action: str = "") -> dict[str, list[str]]:
    """What the one form with this action sends."""
    (form,) = [form for form in html.fromstring(page).forms if form.get("action", "") == action]
    found: dict[str, list[str]] = {}
    for name, value in form.form_values():
        found.setdefault(name, []).append(value)
    return found


def test_a_form_that_meets_a_busy_database_is_there_to_be_sent_again(client, line):
    edit = f"/finance/funding-lines/{line.pk}/edit/"
    forms = html.fromstring(client.get(edit).text).forms
    (form,) = [form for form in forms if form.get("class") == "panel"]
    typed = dict(form.form_values()) | {"note": "Two\nlines & a <tag>"}
    with somebody_writes(line):
        answer = client.post(edit, typed)
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert "Nothing of it is lost" in answer.text
    line.refresh_from_db()
    assert line.note == "Before."
    again = client.post(edit, sent_by(answer.text, edit))
    assert again.status_code == 302
    line.refresh_from_db()
    assert line.note.split() == ["Two", "lines", "&", "a", "<tag>"]


def test_a_program_is_told_to_try_again(client, line):
    with somebody_writes(line):
        answer = client.post(
            f"/finance/funding-lines/{line.pk}/delete/",
            {"reason": "Twice"},
            headers={"accept": "application/json"},
        )
    assert (answer.status_code, answer.json()) == (503, {"state": "busy"})
    assert FundingLine.objects.count() == 1
