"""While a file is written or undone, in one go, others see how far it is and can stop it."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
import time_machine
from django.db import connection
from django.test import Client, override_settings

from finance.models import ImportedRecord, ImportRun, Position, Project
from finance.services.importing import progress, runs, undoing, writing
from tests.factories import engagements as make
from tests.finance.imported import AT, as_csv, checked, table, write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def officer():
    return make.UserFactory(access_group="finance", office=None)


@pytest.fixture
def other(officer):
    """A browser that is signed in before the work begins: SQLite lets nobody sign in meanwhile."""
    client = Client()
    client.force_login(officer)
    return client


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(writing, "CHUNK", 2)
    monkeypatch.setattr(undoing, "CHUNK", 2)


def projects(*titles: str) -> bytes:
    return as_csv([["code", "title"], *([f"P.{n}", title] for n, title in enumerate(titles, 1))])


def elsewhere(action):
    """What ``action`` gives in another thread, on a connection of its own."""
    found = []

    def run() -> None:
        try:
            found.append(action())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(15)
    assert found, "it waited for the writer, or failed"
    return found[0]


def words(answer) -> str:
    return " ".join(answer.text.split())


def at_step(monkeypatch, number, action):
    """Do ``action`` when the work has told for the ``number``-th time how far it is."""
    told, seen = progress.Progress._tell, []

    def tell(self):
        told(self)
        seen.append(self)
        if len(seen) == number:
            action()

    monkeypatch.setattr(progress.Progress, "_tell", tell)


def test_a_page_shows_how_many_records_are_written_before_any_can_be_seen(
    officer, other, monkeypatch
):
    run = checked("projects", projects(*"abcde"), officer)
    seen = []

    def look():
        page = words(elsewhere(lambda: other.get(f"/imports/{run.pk}/")))
        seen.append((page, elsewhere(Project.objects.count)))

    at_step(monkeypatch, 3, look)  # none, two, four
    write(run, officer)
    ((page, count),) = seen
    assert "<strong>4 of 5 records</strong> are written, since 14:02:00." in page
    assert '<progress id="progress" max="5" value="4">' in page
    assert "Stop the writing" in page
    assert "It stands still" not in page
    assert count == 0
    assert (run.state, Project.objects.count(), progress.how_far(run.pk)) == ("written", 5, None)


def test_a_page_shows_first_that_an_undoing_looks_and_then_how_far_it_is(
    officer, other, monkeypatch
):
    make.OfficeFactory(slug="office")
    for slug in ("rcm", "sacm"):
        make.ISCMFactory(slug=slug)
    posts = [
        {"code": f"B.{n}", "title": "T", "office": "office", "paid_by": "office", "shares": "rcm:5"}
        for n in range(3)
    ]
    run = write(checked("positions", as_csv(table(*posts)), officer), officer)
    seen = []
    told = progress.Progress._tell

    def tell(self):
        told(self)
        seen.append(words(elsewhere(lambda: other.get(f"/imports/{run.pk}/"))))

    monkeypatch.setattr(progress.Progress, "_tell", tell)
    runs.ask_to_undo(run.pk, "Wrong file", officer)
    undoing.undo_run(run.pk, AT)
    assert Position.objects.count() == 0
    assert "Whether they can be undone: <strong>0 of 6 records</strong>" in seen[0]
    assert "<strong>6 of 6 records</strong> are looked at, since 14:02:00." in " ".join(seen)
    assert "is being undone, since 14:02:00: <strong>6 of 6 steps</strong> are taken." in seen[-1]
    assert "Stop the undoing" in seen[-1]


def test_every_step_of_an_undoing_is_counted_once(officer, monkeypatch):
    make.OfficeFactory(slug="office")
    make.ISCMFactory(slug="rcm")
    post = {"code": "B.1", "title": "T", "office": "office", "paid_by": "office"}
    write(checked("positions", as_csv(table({**post, "shares": "rcm:5"})), officer), officer)
    content = as_csv(table({**post, "title": "New", "shares": "rcm:9"}, {**post, "code": "B.2"}))
    run = write(checked("positions", content, officer), officer, "Agreed")
    counts = []
    told = progress.Progress._tell

    def tell(self):
        told(self)
        counts.append((self._now.phase, self._now.done, self._now.whole))

    monkeypatch.setattr(progress.Progress, "_tell", tell)
    runs.ask_to_undo(run.pk, "Wrong file", officer)
    undoing.undo_run(run.pk, AT)
    phases = dict.fromkeys(phase for phase, _done, _whole in counts)
    assert list(phases) == ["looking", "undoing"]
    assert counts[-1] == ("undoing", 5, 5)  # one made; a post and a share, in two rounds


def test_a_writing_that_is_stopped_is_rolled_back_whole_and_can_be_written_again(
    officer, other, monkeypatch
):
    run = checked("projects", projects(*"abcde"), officer)
    answers = []

    def stop():
        answers.append(elsewhere(lambda: other.post(f"/imports/{run.pk}/cancel/")))
        answers.append(elsewhere(lambda: other.get(f"/imports/{run.pk}/")))

    at_step(monkeypatch, 2, stop)
    write(run, officer)
    assert answers[0].status_code == 302
    assert "It is being stopped: what was done so far is taken back." in words(answers[1])
    assert "Stop the writing" not in words(answers[1])
    assert (run.state, run.written_by, run.written_rows) == ("checked", None, 0)
    assert not Project.objects.exists()
    assert not Project.history.exists()
    assert not ImportedRecord.objects.exists()
    page = words(other.get(f"/imports/{run.pk}/"))
    assert "The writing was stopped. Nothing was written." in page
    assert "Write all of it" in page
    assert write(run, officer).state == "written"
    assert (Project.objects.count(), run.problem) == (5, "")


def test_an_undoing_that_is_stopped_leaves_all_that_was_written(officer, other, monkeypatch):
    run = write(checked("projects", projects(*"abcde"), officer), officer)
    stop = f"/imports/{run.pk}/cancel/"
    at_step(monkeypatch, 6, lambda: elsewhere(lambda: other.post(stop)))  # in the midst of deleting
    runs.ask_to_undo(run.pk, "Wrong file", officer)
    undoing.undo_run(run.pk, AT)
    run.refresh_from_db()
    assert (run.state, run.undone_by) == ("written", None)
    assert run.problem == "The undoing was stopped. Nothing was undone."
    assert (Project.objects.count(), Project.history.count()) == (5, 5)


def test_where_nobody_would_hear_a_stop_the_page_says_so_and_nothing_changes(officer, other):
    run = checked("projects", projects(*"ab"), officer)
    runs.ask_to_write(run.pk, "", officer)
    page = words(other.get(f"/imports/{run.pk}/"))
    assert "2 new and 0 changed records are to be written; that was asked for at" in page
    assert "then it can't be stopped either, and can be undone once it is written." in page
    assert "Stop the writing" not in page
    assert "It stands still: go on with it" in page
    answer = other.post(f"/imports/{run.pk}/cancel/", follow=True)
    assert "It can&#x27;t be stopped from here: wait for its end." in answer.text
    writing.write_run(run.pk, AT)
    run.refresh_from_db()
    assert run.state == "written"


def test_a_file_that_waits_for_another_to_be_written_says_so_and_can_be_stopped(officer, other):
    run = checked("projects", projects(*"ab"), officer)
    runs.ask_to_write(run.pk, "", officer)
    progress.Progress(run.pk, AT)
    page = words(other.get(f"/imports/{run.pk}/"))
    assert "It waits since 14:02:00 for another import to end." in page
    other.post(f"/imports/{run.pk}/cancel/")
    writing.write_run(run.pk, AT)
    run.refresh_from_db()
    assert (run.state, Project.objects.count()) == ("checked", 0)


def test_a_stop_that_came_too_late_does_not_stop_the_next_work(officer, other):
    run = checked("projects", projects(*"ab"), officer)
    runs.ask_to_write(run.pk, "", officer)
    progress.Progress(run.pk, AT)
    progress.ask_to_stop(run.pk)
    ImportRun.objects.update(state="checked")
    assert write(run, officer).state == "written"


def test_the_count_of_a_writer_that_was_killed_is_not_shown_for_long(officer):
    with time_machine.travel(AT) as clock:
        progress.Progress(1, AT).begin(progress.Phase.WRITING, 10)
        assert progress.how_far(1).whole == 10
        clock.shift(dt.timedelta(seconds=progress.FRESH + 1))
        assert progress.how_far(1) is None
        assert not progress.ask_to_stop(1)


def test_a_worker_tells_the_web_process_by_redis(redis_url):
    shared = {"BACKEND": "iscm_portal.common.cache.ForgivingRedisCache", "LOCATION": redis_url}
    with override_settings(CACHES={"default": shared}):
        told = progress.Progress(1, AT)
        told.begin(progress.Phase.WRITING, 10)
        told.add(4)
        assert progress.how_far(1) == progress.HowFar(progress.Phase.WRITING, 4, 10, AT)
        assert elsewhere(lambda: progress.ask_to_stop(1))
        with pytest.raises(progress.Stopped):
            told.add(4)
        progress.forget(1)
        assert progress.how_far(1) is None
