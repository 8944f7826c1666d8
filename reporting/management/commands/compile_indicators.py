"""``manage.py compile_indicators [--year Y] [--full]``"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from reporting.selectors.indicators import latest_run
from reporting.tasks import compile_indicators


class Command(BaseCommand):
    help = "Work out the indicators: of this year and the last, of one year, or of all."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--year", type=int, help="only this year")
        which.add_argument("--full", action="store_true", help="every year with evidence")

    def handle(self, *args: Any, **options: Any) -> None:
        years: dict[str, int] = {}
        if options["year"]:
            years = {"first_year": options["year"], "last_year": options["year"]}
        elif not options["full"]:
            this_year = timezone.now().year
            years = {"first_year": this_year - 1, "last_year": this_year}
        # In this process, and on record like a run of the worker.
        compile_indicators.apply(kwargs=years, throw=True)
        run = latest_run()
        if run:
            self.stdout.write(
                f"{run.first_year} to {run.last_year}: {run.values_written} values written, "
                f"{run.values_removed} removed, {run.values_total} in all"
            )
