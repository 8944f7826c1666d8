from django.apps import AppConfig

from iscm_portal.common import health


class ReportingConfig(AppConfig):
    name = "reporting"

    def ready(self) -> None:
        """Say what is done about the messages of the outbox and the tasks that are reporting's,
        and what watchers are told of its figures."""
        from . import tasks  # noqa: F401
        from .selectors.audits import problem_of_figures

        health.CHECKS.append(
            health.Check(
                "figures",
                problem_of_figures,
                essential=False,
                consequence="pages show them; the page of quality says which",
            )
        )
