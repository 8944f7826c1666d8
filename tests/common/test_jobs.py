"""Jobs run after the commit, leave a row, and wait when the broker is away."""

import time

import pytest
from django.db import transaction
from django.utils import timezone

from iscm_portal.common.jobs import LOST_AFTER, after_commit, ask_once, long_after_commit
from iscm_portal.common.models import JobRun
from tests.common.example_tasks import OPENED, fail, succeed, wait
from tests.conftest import lacking
from tests.services import free_port, redis_server, running_redis


def wait_for_end(task: str, seconds: float = 20) -> JobRun:
    """The run of ``task`` once it ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        run = JobRun.objects.filter(task=task).exclude(state=JobRun.State.RUNNING).first()
        if run:
            return run
        time.sleep(0.05)
    raise TimeoutError(f"{task} did not end: {list(JobRun.objects.values())}")


@pytest.mark.django_db(transaction=True)
def test_embedded_a_job_runs_after_the_commit_and_leaves_its_row():
    with transaction.atomic():
        after_commit(succeed, word="yes")
        assert not JobRun.objects.exists()
    run = JobRun.objects.get()
    assert (run.task, run.state, run.arguments) == ("tests.succeed", "done", {"word": "yes"})
    assert run.ended_at is not None


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_asks_for_no_job():
    with transaction.atomic():
        after_commit(succeed, word="no")
        transaction.set_rollback(True)
    assert not JobRun.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_embedded_a_long_job_is_not_waited_for(settings):
    settings.LONG_JOBS_IN_THREADS = True
    OPENED.clear()
    with transaction.atomic():
        long_after_commit(wait)
    OPENED.set()  # waited for, it would have failed by now
    assert wait_for_end("tests.wait").state == "done"


@pytest.mark.django_db(transaction=True)
def test_embedded_a_job_that_fails_leaves_its_error_and_not_the_page():
    with transaction.atomic():
        after_commit(fail)
    run = JobRun.objects.get()
    assert (run.state, run.error) == ("failed", "as the test wants it")


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_runs_a_job_and_leaves_its_row(worker):
    with transaction.atomic():
        after_commit(succeed, word="from the worker")
    run = wait_for_end("tests.succeed")
    assert (run.state, run.arguments) == ("done", {"word": "from the worker"})


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_keeps_the_error_of_a_job_that_fails(worker):
    with transaction.atomic():
        after_commit(fail)
    assert wait_for_end("tests.fail").error == "as the test wants it"


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_costs_the_writer_neither_the_change_nor_the_page(
    send_jobs_to, caplog
):
    send_jobs_to(f"redis://127.0.0.1:{free_port()}/0")
    started = time.monotonic()
    with transaction.atomic():
        after_commit(succeed, word="later")
    assert time.monotonic() - started < 5
    assert "tests.succeed waits for the next tick" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_goes_away_between_two_jobs_stops_neither_writer(send_jobs_to, caplog):
    program = redis_server() or lacking("Redis (redis-server)")
    with running_redis(program) as address:
        send_jobs_to(address)
        with transaction.atomic():
            after_commit(succeed, word="one")
        assert not caplog.text
    with transaction.atomic():
        after_commit(succeed, word="two")
    assert "tests.succeed waits for the next tick" in caplog.text


@pytest.mark.django_db
def test_a_job_that_is_asked_for_once_is_not_asked_for_again(django_capture_on_commit_callbacks):
    now = timezone.now()
    with django_capture_on_commit_callbacks(execute=False):
        assert [ask_once(succeed, now, word="a"), ask_once(succeed, now, word="b")] == [True, False]
        # Of a process that was killed nothing is heard any more.
        assert ask_once(succeed, now + LOST_AFTER * 2, word="c")
    assert JobRun.objects.filter(state=JobRun.State.RUNNING).count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_job_that_a_broker_did_not_take_can_be_asked_for_again(send_jobs_to):
    send_jobs_to(f"redis://127.0.0.1:{free_port()}/0")
    assert [ask_once(succeed, timezone.now(), word=word) for word in "ab"] == [True, True]
    assert {run.state for run in JobRun.objects.all()} == {"failed"}
