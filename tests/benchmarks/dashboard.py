"""How often the pages on costs ask the database, and how long they take, at 1,000 funding lines and
at 1,000,000.

    DATABASE_URL=postgres://... python manage.py migrate
    DATABASE_URL=postgres://... python -m tests.benchmarks.dashboard [LINES]

against a PostgreSQL database of its own, which it fills and does not empty. Prints statements and
the best of three seconds for each page, as JSON; exit code 1 where a page asks more often of many
lines than of few.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
from typing import Any

FEW = 1000
MECHANISMS, PROJECTS = 30, 200
PAGES = (
    "/resources/?from=2019&to=2026",
    "/resources/?from=2019&to=2026&by=source&iscm=iscm-1",
    "/resources/records/?iscm=iscm-1&from=2026&to=2026",
    "/resources/costs/?from=2019&to=2026",
    "/resources/cliff/?year=2026",
    "/resources/compare/?first=2025&second=2026",
)


def world() -> Any:
    """Mechanisms, projects with shares, a reader; returns the lines that others are copied from:
    one of a mechanism, one of a project."""
    from tests.factories import engagements as make
    from tests.factories import finance as money

    iscms = [make.ISCMFactory(slug=f"iscm-{n}") for n in range(MECHANISMS)]
    for n in range(PROJECTS):
        project = money.ProjectFactory(ends_on=dt.date(2019 + n % 8, 12, 31))
        for year in range(2019, 2027):
            money.AttributionFactory(
                project=project,
                iscm=iscms[n % MECHANISMS],
                year=year,
                basis="unknown" if n % 5 == 0 else "stated_share",
                share_pct=None if n % 5 == 0 else 40,
            )
    reader = make.UserFactory(access_group="ipd", office=None)
    lines = [
        money.FundingLineFactory(iscm=iscms[0], year=2026, amount_usd=1),
        money.FundingLineFactory(project=project, year=2026, amount_usd=1),
    ]
    return reader, lines


def copied(line: Any, links: str, first: int, last: int) -> None:
    """Copy ``line`` as numbers ``first`` to ``last``, over years, sources and the rows of
    ``links`` (a column and the table that it points to), in one statement."""
    from django.db import connection

    from finance.models import FundingLine

    column, table = links.split()
    changed = {
        "code": f"'B-{line.pk}-' || n",
        "year": "2019 + n %% 8",
        "source_of_funds": "(ARRAY['osi', 'travel', 'project_support'])[1 + n %% 3]",
        "amount_usd": "(n %% 100000) + 0.25",
        column: f"(SELECT array_agg(id ORDER BY id) FROM {table})"
        f"[1 + n %% (SELECT count(*) FROM {table})::int]",
    }
    columns = [field.column for field in FundingLine._meta.concrete_fields if not field.primary_key]
    values = [changed.get(name, f'line."{name}"') for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO finance_fundingline ({names}) SELECT {', '.join(values)} "
            "FROM finance_fundingline line, generate_series(%s::int, %s::int) n WHERE line.id = %s",
            [first, last, line.pk],
        )


def fill(lines: list[Any], first: int, last: int) -> None:
    """Lines ``first`` to ``last``, half of them of mechanisms, half of projects."""
    from django.db import connection

    middle = (first + last) // 2
    copied(lines[0], "iscm_id engagements_iscm", first, middle)
    copied(lines[1], "project_id finance_project", middle + 1, last)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE finance_fundingline")


def measured(client: Any, page: str) -> tuple[int, float]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    seconds = []
    for _round in range(3):
        begun = time.perf_counter()
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(page)
        seconds.append(time.perf_counter() - begun)
        assert answer.status_code == 200, (page, answer.status_code)
    return len(asked), round(min(seconds), 2)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iscm_portal.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.test import Client

    settings.ALLOWED_HOSTS = ["*"]
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    reader, lines = world()
    client = Client()
    client.force_login(reader)
    results: dict[str, dict[str, Any]] = {page: {"page": page} for page in PAGES}
    made = 2
    for number in (FEW, many):
        fill(lines, made + 1, number)
        made = number
        for page in PAGES:
            statements, seconds = measured(client, page)
            results[page][f"statements_{number}"] = statements
            results[page][f"seconds_{number}"] = seconds
    print(json.dumps(list(results.values()), indent=1))
    return int(
        any(row[f"statements_{FEW}"] < row[f"statements_{many}"] for row in results.values())
    )


if __name__ == "__main__":
    sys.exit(main())
