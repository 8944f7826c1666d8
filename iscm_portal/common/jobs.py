"""Tasks leave a trace: each run is a row of ``JobRun``."""

import logging
import threading
from typing import Any

from celery import Task
from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


class RecordedTask(Task):  # type: ignore[type-arg]
    """A Celery task whose start, end and failure are kept.

    Models are imported late: Celery needs the class before Django's apps are loaded.
    """

    def before_start(self, task_id: str, args: Any, kwargs: dict[str, Any]) -> None:
        from .models import JobRun

        JobRun.objects.create(task=self.name, task_id=task_id, arguments=kwargs)

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: dict[str, Any]) -> None:
        self._end(task_id, "done")

    def on_failure(
        self, exc: Exception, task_id: str, args: Any, kwargs: dict[str, Any], einfo: Any
    ) -> None:
        self._end(task_id, "failed", str(exc))

    @staticmethod
    def _end(task_id: str, state: str, error: str = "") -> None:
        from .models import JobRun

        JobRun.objects.filter(task_id=task_id, state="running").update(
            state=state, error=error, ended_at=timezone.now()
        )


def after_commit(task: Any, **kwargs: Any) -> None:
    """Ask for ``task`` once the present transaction stands.

    A broker that is away costs nothing but time: what the task has to do stands in a table and
    waits for the next tick.
    """
    transaction.on_commit(lambda: _send(task, kwargs))


def long_after_commit(task: Any, **kwargs: Any) -> None:
    """The same for a task that takes long: who asks for it does not wait, without a worker either.

    It then runs in a thread of the process that asks (``LONG_JOBS_IN_THREADS``). A process that
    ends takes its threads with it: such a task goes on from where it stopped at the next tick.
    """
    if not (settings.CELERY_TASK_ALWAYS_EAGER and settings.LONG_JOBS_IN_THREADS):
        after_commit(task, **kwargs)
        return

    def run() -> None:
        try:
            task.apply(kwargs=kwargs)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, name=task.name, daemon=True)
    transaction.on_commit(thread.start)


def _send(task: Any, kwargs: dict[str, Any]) -> None:
    try:
        task.delay(**kwargs)
    except OperationalError:
        log.warning("the broker is away; %s waits for the next tick", task.name)
