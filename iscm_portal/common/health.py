"""Whether the portal is up, and whether it can work: ``/healthz`` and ``/readyz``.

``/healthz`` answers as long as the process does. ``/readyz`` names each thing the portal leans
on; what is wrong in detail goes to the log, not to whoever asks.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from . import uploads

log = logging.getLogger(__name__)

REDIS_TIMEOUT_SECONDS = 2


@dataclass(frozen=True)
class Check:
    """One thing that the portal leans on.

    ``problem`` returns what is wrong in a few words, or an empty string. Without an ``essential``
    thing no page works; without another the portal goes on, degraded, as ``consequence`` says.
    """

    name: str
    problem: Callable[[], str]
    essential: bool = True
    consequence: str = ""


def unapplied_migrations() -> list[str]:
    """The names of the migrations that the database lacks, in the order to apply them."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def database_problem() -> str:
    """What keeps the database from answering, if anything."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        log.exception("the database does not answer")
        return "does not answer"
    return ""


def migrations_problem() -> str:
    """How many migrations wait, if any."""
    try:
        waiting = unapplied_migrations()
    except DatabaseError:
        return "unknown: the database does not answer"
    if waiting:
        log.error("migrations not applied: %s", ", ".join(waiting))
        return f"{len(waiting)} not applied"
    return ""


def redis_problem() -> str:
    """What keeps Redis from answering, if one is configured at all."""
    if not settings.REDIS_URL:
        return ""
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
    )
    try:
        client.ping()
    except redis.RedisError as error:
        log.warning("Redis does not answer: %s", error)
        return "does not answer"
    finally:
        client.close()
    return ""


def documents_problem() -> str:
    """What keeps documents from being stored, if anything: no room for one more, or no way in."""
    try:
        room = uploads.free_bytes()
    except OSError:
        log.exception("the folder of documents can't be written to")
        return "can't be written to"
    return "" if room > settings.UPLOAD_MAX_BYTES else "the disk is full"


# What the portal itself leans on; an app adds what it has to say when it is loaded.
CHECKS = [
    Check("database", database_problem),
    Check("migrations", migrations_problem),
    Check(
        "redis",
        redis_problem,
        essential=False,
        consequence="reports are filed; reminders and recounts wait in the outbox",
    ),
    Check(
        "documents",
        documents_problem,
        essential=False,
        consequence="reports are filed; new documents are refused",
    ),
]


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """The process is up. Asks nothing of the database."""
    return JsonResponse({"status": "up"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """``{"status": "ready"|"degraded"|"not ready", "checks": {name: {"ok": ..., ...}}}``.

    503 only when something essential is wrong: a load balancer then sends readers elsewhere.
    """
    answers: dict[str, dict[str, object]] = {}
    status = "ready"
    for check in CHECKS:
        problem = check.problem()
        answers[check.name] = {"ok": not problem}
        if not problem:
            continue
        answers[check.name]["problem"] = problem
        if check.essential:
            status = "not ready"
        else:
            answers[check.name]["consequence"] = check.consequence
            status = "degraded" if status == "ready" else status
    return JsonResponse(
        {"status": status, "checks": answers}, status=503 if status == "not ready" else 200
    )
