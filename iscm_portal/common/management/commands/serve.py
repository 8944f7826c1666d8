"""``manage.py serve``: what ``make run`` starts. Prepares the database, then serves.

Embedded, that is one gunicorn and a beat that runs what is due itself. With ``REDIS_URL`` a Celery
worker runs beside the two. They end together.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import connection
from django.utils import timezone

from ...demo import DEMO_PASSWORD
from ...health import unapplied_migrations
from ...models import JobRun, OutboxMessage
from ...outbox import DeliveryFailed

# The row of JobRun that remembers the first load, so that a later start leaves the data alone
# and one that was interrupted begins again.
FIRST_LOAD = "first-load"

# Commands of the apps above, known here by their names only; each may be run again.
LOAD_COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("load_evaluation", {}),
    ("load_demo", {}),
    ("compile_indicators", {"full": True}),
    ("close_demo_year", {}),
    ("audit_indicators", {}),
    ("send_due_notices", {}),
]


class Command(BaseCommand):
    help = "Prepare the database at the first start, then serve the portal on this machine."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--prepare-only", action="store_true", help="do not serve")
        parser.add_argument("--reload", action="store_true", help="load the data once more")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        if not options["prepare_only"]:
            refuse_taken_port(host, port)
        if unapplied_migrations():
            call_command("migrate", interactive=False, verbosity=0)
        self._load_once(again=options["reload"])
        self._do_what_waits()
        if options["prepare_only"]:
            return
        self._say_where(host, port)
        # Static files come from where they lie; without the folder WhiteNoise warns.
        Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
        # Mails and briefings lead to where this portal is, unless its owner has said where.
        os.environ.setdefault("PORTAL_URL", f"http://{host}:{port}")
        os.environ.setdefault("LONG_JOBS_IN_THREADS", "true")
        connection.close()
        workers = [celery("worker")] if settings.REDIS_URL else []
        supervise([gunicorn(host, port), *workers, celery("beat")])

    def _load_once(self, again: bool) -> None:
        """Load the records and the demo, unless that was done or the portal is somebody's own."""
        runs = JobRun.objects.filter(task=FIRST_LOAD)
        if runs.filter(state=JobRun.State.DONE).exists() and not again:
            return
        if not runs.exists() and get_user_model().objects.exists():
            self.stdout.write("This database has its own users: no demo data is loaded.")
            return
        if not settings.IS_LOCAL:
            self.stdout.write("The portal is open to others: no demo data is loaded.")
            return
        run = JobRun.objects.create(task=FIRST_LOAD, task_id="")
        for name, options in LOAD_COMMANDS:
            self.stdout.write(f"{name} ...")
            call_command(name, **options)
        run.state, run.ended_at = JobRun.State.DONE, timezone.now()
        run.save()

    def _do_what_waits(self) -> None:
        """Without Redis no beat ticks: take up now what a killed process left in the outbox."""
        if settings.REDIS_URL or not OutboxMessage.objects.filter(done_at__isnull=True).exists():
            return
        try:
            call_command("deliver_outbox")
        except DeliveryFailed as error:
            self.stderr.write(str(error))

    def _say_where(self, host: str, port: int) -> None:
        lines = ["", f"The portal is at http://{host}:{port}/"]
        names = demo_sign_ins()
        if names:
            lines += [
                f"Demo sign-ins: {', '.join(names)}",
                f"Password of each: {DEMO_PASSWORD}",
            ]
        lines += ["Ctrl-C stops it; the data stay.", ""]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def demo_sign_ins() -> list[str]:
    """The names of the demo users who may sign in, in the order in which they were made."""
    users = get_user_model().objects.filter(is_demo=True, is_active=True).order_by("pk")
    return list(users.values_list("username", flat=True))


def refuse_taken_port(host: str, port: int) -> None:
    """Say so early and plainly when another process has the address."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"{host}:{port} cannot be had ({error.strerror}). Try: make run PORT={port + 1}"
            ) from None


def gunicorn(host: str, port: int) -> list[str]:
    """One process with threads on SQLite, which has one writer anyway; two on PostgreSQL."""
    workers = "1" if connection.vendor == "sqlite" else "2"
    command = [sys.executable, "-m", "gunicorn", "iscm_portal.wsgi", "--bind", f"{host}:{port}"]
    command += ["--worker-class", "gthread", "--workers", workers, "--threads", "8"]
    return [*command, "--no-control-socket", "--log-level", "warning"]


def celery(part: str) -> list[str]:
    """The command of Celery's ``worker`` or ``beat``."""
    command = [sys.executable, "-m", "celery", "-A", "iscm_portal.celery", part, "-l", "warning"]
    if part == "beat":
        schedule = Path(settings.VAR_DIR) / "celerybeat-schedule"
        return [*command, "--schedule", str(schedule), "--pidfile", ""]
    return [*command, "--concurrency", "2"]


def supervise(commands: list[list[str]]) -> None:
    """Run ``commands`` side by side until one ends or this process is told to stop.

    Each child has its own session: Ctrl-C reaches this process only, which then asks every child
    to end once. Raises CommandError when a child ended by itself.
    """
    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    children: dict[str, subprocess.Popen[bytes]] = {}
    ended: list[str] = []
    try:
        for command in commands:
            children[" ".join(command[1:])] = subprocess.Popen(  # noqa: S603 - own arguments
                command, start_new_session=True
            )
        while not stopped and not ended:
            time.sleep(0.2)
            ended = [name for name, child in children.items() if child.poll() is not None]
    finally:
        end(list(children.values()))
    if not stopped:
        raise CommandError(f"Ended by itself: {', '.join(ended)}")


def end(children: list[subprocess.Popen[bytes]], patience: float = 15) -> None:
    """Ask every child to end, and after ``patience`` seconds make it."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + patience
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
