"""``make run``: the first start sets everything up; a later one is quick and keeps the data."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from iscm_portal.common.demo import DEMO_PASSWORD
from iscm_portal.common.management.commands import serve
from iscm_portal.common.models import JobRun, OutboxMessage
from tests.conftest import database_url
from tests.services import free_port, wait_for_port


class Portal:
    """``manage.py serve`` in a process of its own, on the test's database."""

    def __init__(self, **environment: str) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(self.port)],
            cwd=settings.BASE_DIR,
            env={**os.environ, "DATABASE_URL": database_url(), **environment},
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        wait_for_port(self.port, seconds=120, process=self.process)
        return self

    def __exit__(self, *error: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.said = self.process.communicate(timeout=30)[0]

    def get(self, path: str) -> dict[str, Any]:
        """The JSON at ``path``."""
        address = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)


@pytest.mark.django_db(transaction=True)
def test_the_first_start_loads_everything_and_the_second_is_quick_and_keeps_it(releases_go):
    with Portal() as first:
        assert first.get("/readyz")["status"] == "ready"
    assert f"The portal is at http://127.0.0.1:{first.port}/" in first.said
    assert "Demo sign-ins: reporter, manager, ipd, finance, analyst, admin" in first.said
    assert f"Password of each: {DEMO_PASSWORD}" in first.said
    # The dashboard has a release and a verdict to show.
    assert " is closed, with " in first.said
    assert " values, 0 differ" in first.said

    user = get_user_model().objects.get(username="reporter")
    user.first_name = "Changed"
    user.save()
    with Portal() as second:
        assert second.get("/healthz") == {"status": "up"}
    # What takes long is done once.
    for work in ("load_evaluation", "load_demo", "compile_indicators", "audit_indicators"):
        assert work not in second.said
    user.refresh_from_db()
    assert user.first_name == "Changed"


@pytest.mark.django_db(transaction=True)
def test_with_redis_a_worker_and_beat_run_beside_the_server_and_end_with_it(redis_url):
    JobRun.objects.create(task=serve.FIRST_LOAD, task_id="", state=JobRun.State.DONE)
    with Portal(REDIS_URL=redis_url) as portal:
        checks = portal.get("/readyz")["checks"]
        assert checks["redis"] == {"ok": True}
        children = children_of(portal.process.pid)
        assert len(children) == 3
    assert portal.process.returncode == 0
    assert not [pid for pid in children if is_alive(pid)]


@pytest.mark.django_db(transaction=True)
def test_embedded_beat_runs_beside_the_server_and_mails_lead_to_its_own_address():
    JobRun.objects.create(task=serve.FIRST_LOAD, task_id="", state=JobRun.State.DONE)
    with Portal() as portal:
        children = children_of(portal.process.pid)
        (beat,) = [pid for pid in children if b"beat" in command_of(pid)]
        assert len(children) == 2
        environment = Path(f"/proc/{beat}/environ").read_bytes().split(b"\0")
        assert f"PORTAL_URL=http://127.0.0.1:{portal.port}".encode() in environment
    assert not [pid for pid in children if is_alive(pid)]


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.django_db(transaction=True)
def test_embedded_beat_does_the_work_itself(tmp_path):
    """Without Redis there is no worker: what beat starts runs in its own process."""
    work = [
        "import django",
        "django.setup()",
        "from celery.beat import Service",
        "from iscm_portal.celery import app",
        "import tests.common.example_tasks",
        "app.conf.beat_schedule = {'x': {'task': 'tests.succeed', 'schedule': 0.1, 'args': ['a']}}",
        f"Service(app, max_interval=0.1, schedule_filename={str(tmp_path / 'beat')!r}).start()",
    ]
    environment = {**os.environ, "DATABASE_URL": database_url(), "REDIS_URL": ""}
    environment["DJANGO_SETTINGS_MODULE"] = "iscm_portal.settings"
    process = subprocess.Popen(
        [sys.executable, "-c", "\n".join(work)], cwd=settings.BASE_DIR, env=environment
    )
    try:
        until = time.monotonic() + 60
        while not JobRun.objects.filter(task="tests.succeed", state="done").exists():
            assert process.poll() is None
            assert time.monotonic() < until
    finally:
        process.terminate()
        process.wait(20)


def children_of(pid: int) -> list[int]:
    """The processes that ``pid`` started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True
    )
    return [int(line) for line in listed.stdout.split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.django_db
def test_a_database_with_users_of_its_own_gets_no_demo(capsys):
    get_user_model().objects.create_superuser("somebody", password="a-word-of-their-own")
    call_command("serve", prepare_only=True)
    assert "no demo data is loaded" in capsys.readouterr().out
    assert get_user_model().objects.get().access_group == "admin"


@pytest.mark.django_db
def test_a_portal_open_to_others_gets_no_demo(settings, capsys):
    settings.IS_LOCAL = False
    call_command("serve", prepare_only=True)
    assert "no demo data is loaded" in capsys.readouterr().out
    assert not get_user_model().objects.exists()


@pytest.mark.django_db(transaction=True)
def test_embedded_a_start_takes_up_what_a_killed_process_left_in_the_outbox():
    JobRun.objects.create(task=serve.FIRST_LOAD, task_id="", state=JobRun.State.DONE)
    left = OutboxMessage.objects.create(topic="evidence_changed", payload={"years": [2019]})
    call_command("serve", prepare_only=True)
    left.refresh_from_db()
    assert left.done_at is not None


@pytest.mark.django_db(transaction=True)
def test_work_that_cannot_be_done_does_not_keep_the_portal_from_starting(capsys):
    JobRun.objects.create(task=serve.FIRST_LOAD, task_id="", state=JobRun.State.DONE)
    left = OutboxMessage.objects.create(topic="unheard_of", payload={})
    call_command("serve", prepare_only=True)
    assert "could not be handled" in capsys.readouterr().err
    left.refresh_from_db()
    assert left.done_at is None


def test_a_taken_port_is_named_with_a_way_out():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"make run PORT={port + 1}"):
            serve.refuse_taken_port("127.0.0.1", port)


def test_when_one_of_the_processes_ends_the_others_end_too():
    lasting = [sys.executable, "-c", "import time; time.sleep(60)"]
    started = time.monotonic()
    with pytest.raises(CommandError, match="Ended by itself: -c raise SystemExit"):
        serve.supervise([lasting, [sys.executable, "-c", "raise SystemExit(3)"]])
    assert time.monotonic() - started < 20
