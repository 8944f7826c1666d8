"""How long an import of many rows takes: check with errors, check, write, change, undo.

    DATABASE_URL=... python manage.py migrate
    DATABASE_URL=... python -m tests.benchmarks.imports [ROWS]

against a database of its own, which it fills and does not empty. Prints seconds (of the clock, and
of this process), rows a second and the most memory that the process has held, as JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

# Columns that are filled in beside those of ``test_import_size``.
WIDE = [
    "period_starts_on",
    "period_ends_on",
    "payer",
    "original_currency",
    "per",
    "qualifier",
    "document",
    "source",
    "confidence",
]


def wide_cells(n: int) -> list[Any]:
    first, last = dt.date(2026, 1, 1), dt.date(2026, 12, 31)
    words = [f"Payer {n}", "USD", "year", "about", f"Document {n}", f"Page {n}", "high"]
    return [first, last, *words]


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iscm_portal.settings")
    import django

    django.setup()
    from iscm_portal.common.workbooks import workbook
    from tests.factories import engagements as make
    from tests.finance import imported
    from tests.finance.test_import_size import HEADER, as_workbook, line, spoilt

    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    make.ISCMFactory(slug="rcm")
    officer = make.UserFactory(access_group="finance", office=None)
    results: list[dict[str, Any]] = []

    def timed(name: str, action: Callable[[], Any]) -> Any:
        clock, processor = time.perf_counter(), time.process_time()
        found = action()
        taken = time.perf_counter() - clock
        results.append(
            {
                "name": name,
                "seconds": round(taken, 1),
                "processor_seconds": round(time.process_time() - processor, 1),
                "rows_per_second": round(rows / taken),
                "most_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "state": getattr(found, "state", ""),
            }
        )
        return found

    def check(content: bytes) -> Any:
        return imported.checked("funding_lines", content, officer, "a.xlsx")

    sound = [line(n) for n in range(rows)]
    wrong, _planted = spoilt(sound, 500)
    timed("check, 500 errors", lambda: check(as_workbook(wrong)))
    first = timed("check, all new", lambda: check(as_workbook(sound)))
    timed("write, all new", lambda: imported.write(first, officer))
    changed = [[*row[:-2], row[-2] + 1, row[-1]] for row in sound]
    second = timed("check, all changed", lambda: check(as_workbook(changed)))
    timed("write, all changed", lambda: imported.write(second, officer, "Measured"))
    timed("undo, all changed", lambda: imported.undo(second, officer))
    wide = [
        HEADER + WIDE,
        *([*row[:-1], f"New {n}", *wide_cells(n)] for n, row in enumerate(sound)),
    ]
    third = timed("check, many columns", lambda: check(b"".join(workbook(wide[0], wide[1:]))))
    timed("write, many columns", lambda: imported.write(third, officer, "Measured"))
    timed("undo, many columns", lambda: imported.undo(third, officer))
    timed("undo, all new", lambda: imported.undo(first, officer))
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
