"""The reference: the measures as somebody would write them who knows the tables and PostgreSQL.

One statement a measure: the records added up once by quarter and all that they may be cut by; those
sums put into the cells of a quarter by grouping sets, and through the mechanisms; the quarters into
spans; what is published worked out; and that into a table with a key, only what changed.
Cells, numbers and what stands beside them (shares, medians, the change in spread) are the portal's,
to the last place; ``differences`` says so.

It is the portal's compile without what makes it more than a sum, so a little less work: no coverage
and no colours beside a value, no floor of three answers, no zero where a report tells of nothing,
nothing taken away, no history, and nothing kept for the next change.
"""

from __future__ import annotations

from typing import Any

from tests.benchmarks.records import FIRST_YEAR, YEARS

# Sorted by numbers first, which are faster to compare than words.
KEYS = "year, part, iscm_id, value, dimension, period"
PUBLISHED = """
    CREATE TABLE by_hand (
        measure text, period text, year int, part int, cell text, value numeric(20, 4),
        numerator numeric(20, 4), denominator numeric(20, 4), n int, beside jsonb,
        PRIMARY KEY (measure, period, year, part, cell)
    )
"""
# The spans that each quarter lies in (year x 10 + 1 to 4; + 0 where only the year is known), and
# the cells of each mechanism; 0 is none.
SHARED = f"""
    CREATE TEMPORARY TABLE calendar ON COMMIT DROP AS
    SELECT slot, period, year, part
    FROM generate_series(1951, {FIRST_YEAR + YEARS}) y, generate_series(0, 4) quarter
    CROSS JOIN LATERAL (SELECT y * 10 + quarter AS slot) slots
    CROSS JOIN LATERAL (
        SELECT 'year' AS period, y AS year, 0 AS part
        UNION ALL SELECT 'quarter', y, quarter WHERE quarter > 0
        UNION ALL SELECT 'rolling', month / 4, month %% 4 + 1
        FROM generate_series(y * 4 + quarter - 1, y * 4 + quarter + 2) month WHERE quarter > 0
        UNION ALL SELECT 'rolling', y, 4 WHERE quarter = 0
    ) spans
    WHERE period <> 'rolling' OR (year, part) <= ({FIRST_YEAR + YEARS}, 1);
    CREATE TEMPORARY TABLE places ON COMMIT DROP AS
    SELECT id AS iscm_id, '' AS dimension, '' AS value FROM engagements_iscm
    UNION SELECT id, 'type', type FROM engagements_iscm
    UNION SELECT i.id, 'theme', COALESCE(t.code, '') FROM engagements_iscm i
        LEFT JOIN engagements_iscm_themes it ON it.iscm_id = i.id
        LEFT JOIN engagements_theme t ON t.id = it.theme_id
    UNION SELECT i.id, 'region', COALESCE(c.region, '') FROM engagements_iscm i
        LEFT JOIN engagements_membership m
            ON m.iscm_id = i.id AND m.kind = 'member' AND m.country_id IS NOT NULL
        LEFT JOIN engagements_country c ON c.id = m.country_id
    UNION SELECT 0, dimension, '' FROM unnest(ARRAY['', 'type', 'theme', 'region']) dimension;
    ANALYZE calendar; ANALYZE places
"""
BY_HAND = """
    INSERT INTO by_hand AS stands
    WITH leaves AS MATERIALIZED (
        SELECT {slot} AS slot, {place} AS place, {own}, {apart} AS apart,
            count(*) AS n, sum({total})::bigint AS total, sum({aside})::bigint AS aside
        FROM {rows} WHERE {where} GROUP BY {by}
    ), bridge AS MATERIALIZED (
        SELECT DISTINCT place, cell.iscm_id, dimension, value
        FROM (SELECT place, {iscm} AS iscm_id FROM leaves GROUP BY place) AS of_record
        JOIN places ON places.iscm_id = of_record.iscm_id {without_region}
        CROSS JOIN LATERAL (SELECT 0 UNION SELECT places.iscm_id) AS cell (iscm_id)
    ), by_slot AS (
        SELECT slot, iscm_id, dimension, value, apart, {sums}
        FROM (
            SELECT slot, place, apart, {sums} FROM leaves GROUP BY slot, place, apart
        ) AS of_place JOIN bridge USING (place)
        GROUP BY slot, iscm_id, dimension, value, apart
        UNION ALL
        SELECT slot, iscm_id, {dimension}, COALESCE({names}), apart, {sums}
        FROM leaves JOIN bridge USING (place)
        WHERE dimension = ''
        GROUP BY GROUPING SETS ({sets})
    ), cells AS (
        SELECT {keys}, {sums}, {told} AS told FROM {spans} GROUP BY {keys}
    )
    SELECT '{key}', period, year, part, {cell},
        round({value}, 4), round({numerator}, 4), {denominator}, n, {beside}
    FROM cells
    ON CONFLICT (measure, period, year, part, cell) DO UPDATE SET value = excluded.value,
        numerator = excluded.numerator, denominator = excluded.denominator, n = excluded.n,
        beside = excluded.beside
    WHERE (stands.value, stands.numerator, stands.denominator, stands.n, stands.beside)
        IS DISTINCT FROM (excluded.value, excluded.numerator, excluded.denominator, excluded.n,
            excluded.beside)
"""
SUMS = "sum(n)::bigint AS n, sum(total)::bigint AS total, sum(aside)::bigint AS aside"
CELL = """
    CASE WHEN iscm_id = 0 AND dimension = '' THEN 'overall'
        ELSE concat_ws('|', 'iscm:' || NULLIF(iscm_id, 0), NULLIF(dimension, '') || ':' || value)
    END
"""
# From quarters to spans: as they are; records told apart; and those in a row for the median.
SPANS = "by_slot JOIN calendar USING (slot)"
APART = f"(SELECT {KEYS}, apart, {SUMS} FROM {SPANS} GROUP BY {KEYS}, apart) AS apart"
IN_A_ROW = f"""
    (SELECT *, sum(n) OVER (PARTITION BY {KEYS} ORDER BY apart) AS passed,
        sum(n) FILTER (WHERE apart IS NOT NULL) OVER (PARTITION BY {KEYS}) AS records
    FROM {APART}) AS in_a_row
"""
TWICE_THE_MEDIAN = """
    min(apart) FILTER (WHERE passed >= (records::bigint + 1) / 2)
    + min(apart) FILTER (WHERE passed >= records::bigint / 2 + 1)
"""
CHANGE_IN_SPREAD = """
    CASE WHEN count(apart) > 1 THEN
        stddev_pop((total + aside) / (n * 100.0)) FILTER (WHERE apart IS NOT NULL)
        - stddev_pop(aside / (n * 100.0)) FILTER (WHERE apart IS NOT NULL)
    END
"""
# How a value comes of the sums.
COUNT = {"value": "total", "numerator": "total", "denominator": "NULL::int"}
SHARE = {"value": "total * 100.0 / n", "numerator": "total", "denominator": "n"}
DEFAULTS = COUNT | {
    "place": "COALESCE(r.iscm_id, 0)", "iscm": "place", "where": "true", "apart": "0", "total": "1",
    "aside": "0", "told": "NULL::int", "spans": SPANS, "beside": "'{}'::jsonb",
}  # fmt: skip
STATE = {"country": "c.iso3", "region": "c.region"}
OF_STATE = "LEFT JOIN engagements_country c ON c.id = r.country_id"
OF_OFFICE = "LEFT JOIN engagements_office o ON o.id = r.office_id"
OF_EVENT = """
    JOIN engagements_event e ON e.id = r.event_id
    LEFT JOIN (
        SELECT event_id, array_agg(iscm_id ORDER BY iscm_id) AS place
        FROM engagements_event_iscms GROUP BY event_id
    ) AS joint ON joint.event_id = r.event_id
"""
JOINT = {"place": "COALESCE(joint.place, '{0}')", "iscm": "unnest(place)"}
INSTRUMENTS = {
    "rows": f"engagements_policyinstrument r {OF_STATE}", "day": "r.dated_on",
    "own": STATE | {"kind": "r.kind"},
}  # fmt: skip
REFLECTING = (
    "EXISTS (SELECT FROM engagements_policyinstrument_agenda_items a"
    " WHERE a.policyinstrument_id = r.id) AND r.action"
)
EVENTS = JOINT | {
    "rows": f"(SELECT *, id AS event_id FROM engagements_event) r {OF_EVENT}",
    "day": "r.starts_on", "own": {"event_kind": "r.kind"},
    "slot": """COALESCE(EXTRACT(YEAR FROM r.starts_on) * 10 + EXTRACT(QUARTER FROM r.starts_on),
        r.year * 10)::int""",
}  # fmt: skip
LAST_DAY = "COALESCE(e.ends_on, e.starts_on)"
DUTIES = JOINT | {
    "rows": f"reporting_duty r {OF_EVENT} {OF_OFFICE}", "day": LAST_DAY,
    "own": {"office": "o.slug", "event_kind": "e.kind"},
    "where": f"r.withdrawn_at IS NULL AND r.is_owed AND {LAST_DAY} IS NOT NULL",
}  # fmt: skip
ANSWERED_ON = "(COALESCE(p.submitted_at, r.answered_at) AT TIME ZONE 'UTC')::date"
MEASURES: dict[str, dict[str, Any]] = {
    "partnerships_developed": {
        "rows": f"""engagements_partnership r {OF_OFFICE}
            JOIN engagements_organisation g ON g.id = r.organisation_id""",
        "day": "r.since_on", "own": {"kind": "g.kind", "office": "o.slug"},
    },
    "instruments_passed": INSTRUMENTS | {"where": f"{REFLECTING} = 'passed'"},
    "instruments_amended": INSTRUMENTS | {"where": f"{REFLECTING} = 'amended'"},
    "expertise_reflected": INSTRUMENTS | SHARE | {
        "where": "r.expertise_reflected <> 'not_assessed'",
        "total": "(r.expertise_reflected = 'yes')::int",
    },
    "knowledge_change": JOINT | {
        "rows": f"reporting_knowledgeanswer r {OF_EVENT} {OF_STATE}", "day": "r.answered_on",
        "own": STATE | {"event_kind": "e.kind"},
        "where": "r.before IS NOT NULL AND r.after IS NOT NULL", "apart": "r.country_id",
        "total": "((r.after - r.before) * 100)::bigint", "aside": "(r.before * 100)::bigint",
        "value": "total / (n * 100.0)", "numerator": "total / 100.0", "denominator": "n",
        "spans": APART, "told": CHANGE_IN_SPREAD,
        "beside": "jsonb_build_object('change_in_spread', round(told, 4)::text)",
    },
    "support_requests": {
        "rows": f"engagements_supportrequest r {OF_STATE}", "day": "r.asked_on",
        "own": STATE | {"kind": "r.kind"}, "aside": "(r.outcome = 'met')::int",
        "apart": "r.answered_on - r.asked_on", "spans": IN_A_ROW, "told": TWICE_THE_MEDIAN,
        "beside": """jsonb_build_object('share_met_pct', round(aside * 100.0 / n, 4)::text,
            'median_days_to_answer', round(told / 2.0, 4)::text)""",
    },
    "satisfaction": {
        "rows": f"reporting_satisfactionanswer r {OF_STATE}", "day": "r.answered_on",
        "own": STATE | {"kind": "r.kind"},
        "total": "r.score", "aside": "(r.score >= 4)::int",
        "spans": f"{SPANS} WHERE period <> 'rolling'",
        "value": "total * 1.0 / n", "numerator": "total", "denominator": "n",
        "beside": "jsonb_build_object('share_satisfied_pct', round(aside * 100.0 / n, 4)::text)",
    },
    "priorities_on_agenda": EVENTS | SHARE | {
        "where": "EXISTS (SELECT FROM engagements_agendaitem a WHERE a.event_id = r.id)",
        "total": """EXISTS (SELECT FROM engagements_agendaitem a
            WHERE a.event_id = r.id AND a.priority_id IS NOT NULL)::int""",
    },
    "events_attended": EVENTS | {
        "where": "EXISTS (SELECT FROM engagements_delegate d WHERE d.event_id = r.id)",
    },
    "report_coverage": DUTIES | SHARE | {"total": "r.is_settled::int"},
    "report_timeliness": DUTIES | {
        "rows": f"""{DUTIES["rows"]} LEFT JOIN reporting_posteventreport p
            ON p.event_id = r.event_id AND p.office_id = r.office_id
            AND p.corrects_id IS NULL AND p.state = 'accepted'""",
        "where": f"{DUTIES['where']} AND r.is_settled", "apart": f"{ANSWERED_ON} - {LAST_DAY}",
        "aside": f"({ANSWERED_ON} <= r.due_on)::int", "spans": IN_A_ROW,
        "told": TWICE_THE_MEDIAN, "value": "told / 2.0", "numerator": "NULL::int",
        "beside": "jsonb_build_object('in_time_pct', round(aside * 100.0 / n, 4)::text)",
    },
    "follow_up_completion": SHARE | {
        "rows": """engagements_followupaction r
            LEFT JOIN engagements_office o ON o.id = r.owner_id""",
        "day": "r.due_on", "own": {"office": "o.slug"}, "total": "(r.state = 'done')::int",
        "where": "r.state <> 'dropped' AND r.due_on IS NOT NULL",
    },
    "staff_days": {
        "rows": f"finance_timeentry r {OF_OFFICE}", "day": "r.worked_on",
        "own": {"office": "o.slug"}, "total": "(r.days * 100)::bigint",
        "value": "total / 100.0", "numerator": "total / 100.0",
    },
    "proposal_success": SHARE | {
        "rows": f"finance_proposal r {OF_OFFICE}", "day": "r.decided_on",
        "own": {"office": "o.slug"}, "where": "r.state IN ('awarded', 'declined')",
        "total": "(r.state = 'awarded')::int",
    },
}  # fmt: skip
DIFFERENCES = """
    SELECT count(*), min(concat_ws(' ', ours.key, ours.cell, by_hand.measure, by_hand.cell))
    FROM by_hand FULL JOIN (
        SELECT i.key, v.* FROM reporting_indicatorvalue v
        JOIN reporting_indicator i ON i.id = v.indicator_id AND i.state <> 'retired'
        WHERE n > 0
    ) AS ours ON ours.key = measure AND ours.period = by_hand.period
        AND ours.year = by_hand.year AND ours.part = by_hand.part AND ours.cell = by_hand.cell
    WHERE ours.n IS DISTINCT FROM by_hand.n OR (ours.value IS NOT NULL AND
        (ours.value, ours.numerator, ours.denominator, ours.beside) IS DISTINCT FROM
        (by_hand.value, by_hand.numerator, by_hand.denominator, by_hand.beside))
"""


def statement(key: str, parts: dict[str, Any]) -> str:
    """The statement of one measure."""
    own: dict[str, str] = parts["own"]
    day = parts["day"]
    quarter = f"EXTRACT(YEAR FROM {day})::int * 10 + EXTRACT(QUARTER FROM {day})::int"
    cuts = " ".join(f"WHEN GROUPING({name}) = 0 THEN '{name}'" for name in own)
    written = {
        "slot": quarter,
        **parts,
        "own": ", ".join(f"COALESCE({path}, '') AS {name}" for name, path in own.items()),
        "names": ", ".join(own),
        "by": ", ".join(str(column + 1) for column in range(3 + len(own))),
        "dimension": f"CASE {cuts} END",
        "sets": ", ".join(f"(slot, iscm_id, apart, {name})" for name in own),
        "without_region": "AND dimension <> 'region'" if "region" in own else "",
    }
    return BY_HAND.format(key=key, keys=KEYS, sums=SUMS, cell=CELL, **(DEFAULTS | written))


def compile_by_hand(cursor: Any) -> None:
    """Every measure, within one transaction."""
    cursor.execute(SHARED.replace("%%", "%"))
    for key, parts in MEASURES.items():
        cursor.execute(statement(key, parts))


def differences(cursor: Any) -> tuple[int, str]:
    """How many published cells are not as the reference has them, and one of them."""
    cursor.execute(DIFFERENCES)
    found: tuple[int, str] = cursor.fetchone()
    return found
