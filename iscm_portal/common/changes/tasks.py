from celery import shared_task
from django.utils import timezone

from . import feed


@shared_task(name="common.forget_changes")
def forget_changes() -> None:
    """Remove the changes that are older than what is kept."""
    feed.forget(timezone.now())
