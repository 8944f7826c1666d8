"""``manage.py export_data KIND [--format csv|xlsx] [--as-of D]``"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from finance.services.importing import records
from finance.services.importing.columns import KINDS
from iscm_portal.common.exports import csv_lines
from iscm_portal.common.workbooks import workbook


class Command(BaseCommand):
    help = "Write the records of a kind to the standard output, in the columns of its template."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", metavar="KIND", choices=list(KINDS))
        parser.add_argument("--format", choices=["csv", "xlsx"], default="csv")
        parser.add_argument(
            "--as-of",
            type=dt.date.fromisoformat,
            metavar="D",
            help="as they stood at the end of this day (2026-03-31), from their history",
        )

    def handle(self, *args: Any, kind: str, **options: Any) -> None:
        chosen, day = KINDS[kind], options["as_of"]
        if day is None:
            rows = records.file_rows(chosen)
        else:
            midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time())
            rows = records.file_rows_before(chosen, timezone.make_aware(midnight))
        if options["format"] == "xlsx":
            for block in workbook(chosen.names, rows):
                self.stdout._out.buffer.write(block)  # type: ignore[attr-defined]
        else:
            for line in csv_lines(chosen.names, rows):
                self.stdout.write(line, ending="")
