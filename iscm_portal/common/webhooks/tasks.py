from celery import Task, shared_task
from django.utils import timezone

from . import services


# Every ten seconds: a row of JobRun each would be many that tell nothing.
@shared_task(name="common.deliver_webhooks", base=Task)
def deliver_webhooks() -> None:
    """Send what webhooks are to be told."""
    services.deliver(timezone.now)


@shared_task(name="common.forget_deliveries")
def forget_deliveries() -> None:
    """Remove the log of what was sent long ago."""
    services.forget_deliveries(timezone.now())
