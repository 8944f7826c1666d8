"""How long compiling takes at 10k, 100k and N records, against SQL by hand for each measure.

Run by ``make bench`` on a database of its own, which it migrates and fills.
Returns rows of ``{"name", "ours", "reference", "ratio", "goal", "met", "n"}``: seconds, and their
ratio, which is what counts, for machines differ.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import Any

FIRST_YEAR, YEARS = 2016, 10
AT = dt.datetime(2026, 1, 1, 3, tzinfo=dt.UTC)
SHARED = {"created_at": "now()", "updated_at": "now()", "is_demo": "true"}
SOURCED = {"source": "''", "confidence": "'demo'", "note": "''"}
DAY = f"date '{FIRST_YEAR}-01-01' + (random() * 364 * {YEARS})::int"
ANY_ISCM = "(SELECT ids[1 + (g::bigint * 7919) %% 30] FROM iscms)"
ANY_COUNTRY = "(SELECT ids[1 + (g::bigint * 6101) %% 60] FROM countries)"
ANY_KIND = "(ARRAY['administrative','technical','logistical','liaison'])[1 + (g %% 4)]"

# table -> its part of all records, and its columns as SQL.
RECORDS: dict[str, tuple[float, dict[str, str]]] = {
    "engagements_supportrequest": (
        0.35,
        SHARED | SOURCED
        | {
            "kind": ANY_KIND, "what": "'Asked'", "asked_on": DAY, "answered_on": "NULL",
            "outcome": "CASE g %% 3 WHEN 0 THEN 'met' ELSE 'open' END",
            "country_id": ANY_COUNTRY, "iscm_id": ANY_ISCM,
        },
    ),
    "reporting_satisfactionanswer": (
        0.25,
        SHARED
        | {
            "iscm_id": ANY_ISCM, "country_id": ANY_COUNTRY, "kind": ANY_KIND,
            "answered_on": DAY, "score": "1 + g %% 5",
        },
    ),
    "engagements_followupaction": (
        0.4,
        SHARED | SOURCED
        | {
            "iscm_id": ANY_ISCM, "what": "'Do'", "who": "''", "agreed_on": "date '2016-01-01'",
            "due_on": DAY, "state": "CASE g %% 2 WHEN 0 THEN 'done' ELSE 'open' END",
            "led_to": "''", "owner_id": "(SELECT ids[1 + g %% 40] FROM offices)",
        },
    ),
}  # fmt: skip
LISTS = """
    CREATE TEMPORARY TABLE iscms AS
        SELECT array_agg(id ORDER BY id) AS ids FROM (SELECT id FROM engagements_iscm LIMIT 30) i;
    CREATE TEMPORARY TABLE countries AS
        SELECT array_agg(id) AS ids FROM (SELECT id FROM engagements_country LIMIT 60) c;
    CREATE TEMPORARY TABLE offices AS
        SELECT array_agg(id) AS ids FROM (SELECT id FROM engagements_office LIMIT 40) o;
"""
# What somebody who knows the tables would write for one measure: the records added up by quarter
# and all cuts, each of those sums once for each span that it lies in, and grouping sets.
BY_HAND = """
    INSERT INTO by_hand
    WITH leaves AS (
        SELECT EXTRACT(YEAR FROM {day})::int * 4 + EXTRACT(QUARTER FROM {day})::int - 1 AS q,
            r.iscm_id, {cuts_inside}, count(*) AS n, sum({number}) AS number, sum({aside}) AS aside
        FROM {table} r {joins}
        WHERE {where} GROUP BY 1, r.iscm_id, {cuts}
    ), found AS (
        SELECT span.*, leaves.*, i.type FROM leaves
        LEFT JOIN engagements_iscm i ON i.id = leaves.iscm_id
        CROSS JOIN LATERAL (VALUES
            ('year', q / 4), ('quarter', q), ('rolling', q), ('rolling', q + 1),
            ('rolling', q + 2), ('rolling', q + 3)
        ) AS span (kind, at)
    )
    SELECT '{key}', kind, at, iscm_id, concat_ws('|', type, {cuts}), sum(n), sum(number),
        sum(aside)
    FROM found GROUP BY GROUPING SETS ((kind, at), (kind, at, iscm_id), (kind, at, type), {sets})
    UNION ALL
    SELECT '{key}', kind, at, f.iscm_id, t.theme_id::text, sum(n), sum(number), sum(aside)
    FROM found f LEFT JOIN engagements_iscm_themes t ON t.iscm_id = f.iscm_id
    GROUP BY GROUPING SETS ((kind, at, t.theme_id), (kind, at, f.iscm_id, t.theme_id))
"""
STATE = "LEFT JOIN engagements_country c ON c.id = r.country_id"
MEASURES = {
    "support_requests": {
        "table": "engagements_supportrequest", "day": "r.asked_on", "joins": STATE,
        "own": {"iso3": "c.iso3", "region": "c.region", "sort": "r.kind"},
        "number": "1", "aside": "(r.outcome = 'met')::int", "where": "true",
    },
    "satisfaction": {
        "table": "reporting_satisfactionanswer", "day": "r.answered_on", "joins": STATE,
        "own": {"iso3": "c.iso3", "region": "c.region", "sort": "r.kind"},
        "number": "r.score", "aside": "(r.score >= 4)::int", "where": "true",
    },
    "follow_up_completion": {
        "table": "engagements_followupaction", "day": "r.due_on",
        "joins": "LEFT JOIN engagements_office o ON o.id = r.owner_id",
        "own": {"office": "o.slug"},
        "number": "(r.state = 'done')::int", "aside": "0", "where": "r.state <> 'dropped'",
    },
}  # fmt: skip


def fill(cursor: Any, wanted: int) -> None:
    """Bring the records up to ``wanted`` in all."""
    cursor.execute("DROP TABLE IF EXISTS iscms, countries, offices")
    cursor.execute(LISTS)
    for table, (part, columns) in RECORDS.items():
        cursor.execute(f"SELECT count(*) FROM {table}")
        missing = int(wanted * part) - cursor.fetchone()[0]
        names, values = ", ".join(columns), ", ".join(columns.values())
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {values} FROM generate_series(1, %s) g",
            [max(missing, 0)],
        )
        cursor.execute(f"ANALYZE {table}")


def by_hand(cursor: Any) -> None:
    cursor.execute("SET work_mem = '256MB'")
    cursor.execute("DROP TABLE IF EXISTS by_hand")
    cursor.execute(
        "CREATE TABLE by_hand (key text, kind text, at int, iscm_id bigint, cell text, n bigint,"
        " number bigint, aside bigint)"
    )
    for key, parts in MEASURES.items():
        own: dict[str, str] = parts["own"]
        sets = ", ".join(f"(kind, at, {name}), (kind, at, iscm_id, {name})" for name in own)
        inside = ", ".join(f"{path} AS {name}" for name, path in own.items())
        cursor.execute(
            BY_HAND.format(key=key, cuts=", ".join(own), cuts_inside=inside, sets=sets, **parts)
        )


def seconds(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def case(name: str, n: int, ours: float, reference: float, goal: str, met: bool) -> dict[str, Any]:
    return {
        "name": name,
        "ours": round(ours, 3),
        "reference": round(reference, 3),
        "ratio": round(ours / reference, 3),
        "goal": goal,
        "met": met,
        "n": n,
    }


def run(most: int) -> Iterator[dict[str, Any]]:
    """The cases, smallest number of records first."""
    from django.core.management import call_command
    from django.db import connection, transaction

    from engagements.models import ISCM, SupportRequest
    from reporting.services.compiling import compile_all, compile_change

    call_command("migrate", verbosity=0)
    call_command("load_evaluation")
    before = 0.0
    for n in [n for n in (10_000, 100_000, 1_000_000) if n < most] + [most]:
        with connection.cursor() as cursor, transaction.atomic():
            fill(cursor, n)
        with connection.cursor() as cursor:
            reference = seconds(lambda cursor=cursor: by_hand(cursor))
        # The first run writes every cell into a table with keys, which the reference has not; the
        # night's run finds most of them as they are.
        first = seconds(lambda: compile_all(AT))
        ours = seconds(lambda: compile_all(AT))
        yield case("compile, all new", n, first, reference, "none", True)
        yield case(
            "compile", n, ours, reference, "at most 2x SQL written by hand", ours <= 2 * reference
        )
        if before:
            grown = ours / before
            yield case("growth", n, ours, before, "at most 10x", grown <= 10)
        before = ours
        iscm = ISCM.objects.first()
        SupportRequest.objects.create(
            kind="technical", what="Asked", asked_on=dt.date(2025, 8, 8), iscm=iscm, is_demo=True
        )
        change = seconds(lambda: compile_change([20253], ["supportrequest", "duty", "event"], AT))
        yield case("after one report", n, change, ours, "under 1/50", change * 50 < ours)
