from django.apps import AppConfig


class ReportingConfig(AppConfig):
    name = "reporting"

    def ready(self) -> None:
        """Say what is done about the messages of the outbox and the tasks that are reporting's."""
        from . import tasks  # noqa: F401
