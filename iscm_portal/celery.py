"""The Celery application: ``celery -A iscm_portal.celery worker`` and ``beat``."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iscm_portal.settings")

app = Celery("iscm_portal", task_cls="iscm_portal.common.jobs:RecordedTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
