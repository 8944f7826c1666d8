"""Tasks leave a trace: each run is a row of ``JobRun``."""

import datetime as dt
import logging
import threading
import uuid
from typing import Any

from celery import Task
from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from .locks import lock_until_commit

log = logging.getLogger(__name__)


class RecordedTask(Task):  # type: ignore[type-arg]
    """A Celery task whose start, end and failure are kept.

    Models are imported late: Celery needs the class before Django's apps are loaded.
    """

    def before_start(self, task_id: str, args: Any, kwargs: dict[str, Any]) -> None:
        from .models import JobRun

        # Of a task that was asked for by ``ask_once``, or is taken up again, the row is there.
        found = JobRun.objects.filter(task_id=task_id).update(
            state=JobRun.State.RUNNING, ended_at=None, error=""
        )
        if not found:
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
    _after_commit(task, kwargs)


def _after_commit(task: Any, kwargs: dict[str, Any], task_id: str | None = None) -> None:
    transaction.on_commit(lambda: _send(task, kwargs, task_id))


def long_after_commit(task: Any, **kwargs: Any) -> None:
    """The same for a task that takes long: who asks for it does not wait, without a worker either.

    It then runs in a thread of the process that asks (``LONG_JOBS_IN_THREADS``). A process that
    ends takes its threads with it: such a task goes on from where it stopped at the next tick.
    """
    _long_after_commit(task, kwargs)


# A run of which nothing was heard for so long is none any more: its process was killed.
LOST_AFTER = dt.timedelta(hours=1)


def ask_once(task: Any, at: dt.datetime, **kwargs: Any) -> bool:
    """Ask for a long task; False where it is asked for or runs already.

    From now on it stands among the runs, so that of two who ask at once the second is told.
    """
    from .models import JobRun

    with transaction.atomic():
        lock_until_commit(f"ask {task.name}")
        under_way = JobRun.objects.filter(task=task.name, state=JobRun.State.RUNNING)
        if under_way.filter(started_at__gt=at - LOST_AFTER).exists():
            return False
        asked = JobRun.objects.create(task=task.name, task_id=str(uuid.uuid4()), arguments=kwargs)
        _long_after_commit(task, kwargs, asked.task_id)
    return True


def _long_after_commit(task: Any, kwargs: dict[str, Any], task_id: str | None = None) -> None:
    if not (settings.CELERY_TASK_ALWAYS_EAGER and settings.LONG_JOBS_IN_THREADS):
        _after_commit(task, kwargs, task_id)
        return

    def run() -> None:
        try:
            task.apply(kwargs=kwargs, task_id=task_id)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, name=task.name, daemon=True)
    transaction.on_commit(thread.start)


def _send(task: Any, kwargs: dict[str, Any], task_id: str | None = None) -> None:
    from .models import JobRun

    try:
        task.apply_async(kwargs=kwargs, task_id=task_id)
    except OperationalError as error:
        log.warning("the broker is away; %s waits for the next tick", task.name)
        if task_id:
            JobRun.objects.filter(task_id=task_id).update(
                state=JobRun.State.FAILED, error=str(error), ended_at=timezone.now()
            )
