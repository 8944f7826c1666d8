"""The health pages tell a watcher what works; they need no sign-in."""

import json

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import RequestFactory

from iscm_portal.common import health
from tests.services import free_port


def answer(view, method="get"):
    response = getattr(RequestFactory(), method)("/")
    response = view(response)
    return response, json.loads(response.content or b"{}")


def test_healthz_asks_nothing_of_the_database():
    """No database mark: a query would fail this test."""
    response, body = answer(health.healthz)
    assert response.status_code == 200
    assert body == {"status": "up"}


def test_health_pages_are_not_cached_and_not_written_to():
    response, _body = answer(health.healthz)
    assert "no-store" in response["Cache-Control"]
    assert answer(health.healthz, "post")[0].status_code == 405


@pytest.mark.django_db
def test_readyz_is_ready_with_a_migrated_database_and_no_redis_configured():
    response, body = answer(health.readyz)
    assert response.status_code == 200
    assert body == {
        "status": "ready",
        "checks": {
            name: {"ok": True}
            for name in ("database", "migrations", "redis", "documents", "figures")
        },
    }


@pytest.mark.django_db
def test_readyz_refuses_readers_while_a_migration_is_not_applied():
    MigrationRecorder(connection).record_unapplied("common", "0023_keyed_calls_keep_headers")
    response, body = answer(health.readyz)
    assert response.status_code == 503
    assert body["status"] == "not ready"
    assert body["checks"]["migrations"] == {"ok": False, "problem": "1 not applied"}
    assert health.unapplied_migrations() == ["common.0023_keyed_calls_keep_headers"]


@pytest.mark.django_db
def test_readyz_is_ready_with_redis(settings, redis_url):
    settings.REDIS_URL = redis_url
    assert answer(health.readyz)[1]["status"] == "ready"


@pytest.mark.django_db
def test_without_its_redis_the_portal_is_degraded_and_goes_on(settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    response, body = answer(health.readyz)
    assert response.status_code == 200
    assert body["status"] == "degraded"
    assert body["checks"]["redis"] == {
        "ok": False,
        "problem": "does not answer",
        "consequence": "reports are filed; reminders and recounts wait in the outbox",
    }


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["full", "away"])
def test_without_room_for_documents_the_portal_is_degraded_and_goes_on(settings, media, what):
    if what == "full":
        settings.UPLOAD_MAX_BYTES = 2**62  # more than any disk has left
    else:
        media.mkdir()
        (media / "attachments").write_text("a file where the folder should be")
    response, body = answer(health.readyz)
    assert response.status_code == 200
    assert body["status"] == "degraded"
    assert body["checks"]["documents"] == {
        "ok": False,
        "problem": "the disk is full" if what == "full" else "can't be written to",
        "consequence": "reports are filed; new documents are refused",
    }
