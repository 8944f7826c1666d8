from django.apps import AppConfig


class ReportingConfig(AppConfig):
    name = "reporting"

    def ready(self) -> None:
        """Say what is done about the messages of the outbox that are reporting's."""
        from .services import compiling  # noqa: F401
