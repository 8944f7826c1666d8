"""Records of every measure that is added up from records, as many as wanted, by SQL alone.

A mix as a busy portal has it: of 1,000 records 60 are events (every fourth joint, of two or three
mechanisms) with their agendas, delegations, duties, reports and tests of knowledge. A mechanism has
to do with twenty States. Of the rest some say no mechanism, country or office.
"""

from __future__ import annotations

from typing import Any

FIRST_YEAR, YEARS = 2016, 10
# Numbers of the records that others point to; below are those of the evaluation.
BASE = 10_000_000
ISCMS, COUNTRIES, OFFICES, ORGANISATIONS = 30, 60, 40, 30


def day(number: str) -> str:
    """A day of the ten years, the same for the same number."""
    days = f"(({number})::bigint * 7907 %% {YEARS * 365})::int"
    return f"(date '{FIRST_YEAR}-01-01' + {days})"


def one_of(*words: str) -> str:
    named = ", ".join(f"'{word}'" for word in words)
    return f"(ARRAY[{named}])[1 + g %% {len(words)}]"


# The last of each is NULL: beyond the end of its list.
ISCM = f"iscms[1 + g %% {ISCMS + 1}]"
COUNTRY = f"countries[1 + (2 * (g %% {ISCMS + 1}) + g / 31 %% 20) %% {COUNTRIES + 1}]"
OFFICE = f"offices[1 + g %% {OFFICES + 1}]"
KIND = one_of("administrative", "technical", "logistical", "liaison")
DAY = day("g")
# Of a delegation: every other event has two.
EVENT = "(2 * g + 1) / 3"
LAST_DAY = f"({day(EVENT)} + 1)"
DELEGATION = {"event_id": f"{BASE} + {EVENT}", "office_id": f"offices[1 + g %% {OFFICES}]"}
# Of a test of knowledge: eight people each.
TESTED = "((g - 1) / 8 * 6 + 1)"
SHARED = {"created_at": "now()", "updated_at": "now()", "is_demo": "true"}
SOURCED = SHARED | {"source": "''", "confidence": "'demo'", "note": "''"}

# table -> how many of 1,000 records, and its columns as SQL of the number g
RECORDS: dict[str, tuple[int, dict[str, str]]] = {
    "engagements_event": (60, SOURCED | {
        "id": f"{BASE} + g", "name": "'Meeting'", "starts_on": DAY, "ends_on": f"{DAY} + 1",
        "kind": one_of("ministerial", "senior_officials", "technical", "workshop", "summit", ""),
        "date_precision": "'day'", "sorted_on": DAY, "city": "''", "organiser": "''",
        "subject": "''", "outcome_document": "''", "invited_by": "''", "iom_capacity": "''",
        "is_proposed": "false",
    }),
    "engagements_agendaitem": (60, SHARED | {
        "id": f"{BASE} + g", "event_id": f"{BASE} + (g - 1) / 2 * 2 + 1", "title": "'Item'",
        "position": "g %% 2", "priority_id": "CASE WHEN g %% 5 = 0 THEN priority END",
    }),
    "engagements_delegate": (90, SHARED | DELEGATION | {
        "title": "'Programme officer'", "capacity": "'participant'",
    }),
    "reporting_duty": (90, SHARED | DELEGATION | {
        "due_on": f"{LAST_DAY} + 14", "answer": "''", "reason": "''", "returned_with": "''",
        "is_owed": "true", "is_settled": "g %% 10 < 7",
    }),
    "reporting_posteventreport": (90, SHARED | DELEGATION | {
        "state": "CASE WHEN g %% 10 < 7 THEN 'accepted' ELSE 'draft' END", "version": "1",
        "submitted_at": f"CASE WHEN g %% 10 < 7 THEN {LAST_DAY} + 1 + g %% 23 END",
        "accepted_at": f"CASE WHEN g %% 10 < 7 THEN {LAST_DAY} + 30 END",
        "discussed": "''", "discussed_internal": "''", "discussed_restricted": "''",
        "outcomes": "''", "documents": "''", "funding_leads": "''", "steps_done": "'[]'",
        "author_id": "author",
    }),
    "reporting_knowledgeanswer": (80, SHARED | {
        "event_id": f"{BASE} + {TESTED}", "participant_code": "'p' || g",
        "answered_on": day(TESTED), "before": "20 + g %% 41 + 0.5",
        "after": "CASE WHEN g %% 9 > 0 THEN 30 + g %% 67 + 0.25 END", "country_id": COUNTRY,
    }),
    "engagements_supportrequest": (150, SOURCED | {
        "kind": KIND, "what": "'Asked'", "asked_on": DAY,
        "outcome": one_of("met", "open", "declined"),
        "answered_on": f"CASE WHEN g %% 3 <> 1 THEN {DAY} + g %% 37 END",
        "country_id": COUNTRY, "iscm_id": ISCM,
    }),
    "reporting_satisfactionanswer": (80, SHARED | {
        "iscm_id": ISCM, "country_id": COUNTRY, "kind": KIND, "answered_on": DAY,
        "score": "1 + g %% 5",
    }),
    "engagements_followupaction": (110, SOURCED | {
        "iscm_id": ISCM, "what": "'Do'", "who": "''", "agreed_on": f"{DAY} - 30",
        "due_on": f"CASE WHEN g %% 20 > 0 THEN {DAY} END", "led_to": "''", "owner_id": OFFICE,
        "state": one_of("done", "done", "open", "dropped", "open"),
    }),
    "engagements_partnership": (30, SOURCED | {
        "purpose": "'Training'", "since_on": DAY, "iscm_id": ISCM, "office_id": OFFICE,
        "organisation_id": f"organisations[1 + g %% {ORGANISATIONS}]",
    }),
    "engagements_policyinstrument": (50, SOURCED | {
        "id": f"{BASE} + g", "region": "'A region'", "title": "'An act'", "dated_on": DAY,
        "kind": one_of("legislation", "policy", "strategy"), "action": one_of("passed", "amended"),
        "expertise_reflected": one_of("yes", "no", "not_assessed", "yes", "no"),
        "expertise_note": "''", "country_id": COUNTRY, "iscm_id": ISCM, "office_id": OFFICE,
    }),
    "finance_timeentry": (70, SOURCED | {
        "title": "'Programme officer'", "grade": "'P3'", "worked_on": DAY, "iscm_id": ISCM,
        "days": "0.25 + g %% 8", "paid_by": "'office'", "office_id": DELEGATION["office_id"],
    }),
    "finance_proposal": (40, SOURCED | {
        "title": "'For training'", "asked_on": f"{DAY} - 90", "asked_usd": "1000",
        "state": one_of("awarded", "declined", "withdrawn"), "decided_on": DAY,
        "awarded_usd": "CASE WHEN g %% 3 = 0 THEN 900 END", "office_id": OFFICE,
        "iscm_id": f"iscms[1 + g %% {ISCMS}]",
        "donor_id": f"organisations[1 + g %% {ORGANISATIONS}]",
    }),
}  # fmt: skip
# What ties them together, and is no record by itself: table -> its columns, and rows of each g.
LINKS: dict[str, tuple[int, dict[str, str], str]] = {
    "engagements_event_iscms": (
        60,
        {"event_id": f"{BASE} + g", "iscm_id": f"iscms[1 + (g + 7 * place) %% {ISCMS}]"},
        "generate_series(0, (g %% 4 = 0)::int + (g %% 20 = 0)::int) place",
    ),
    "engagements_policyinstrument_agenda_items": (
        50,
        {"policyinstrument_id": f"{BASE} + g", "agendaitem_id": f"{BASE} + g"},
        "generate_series(1, (g %% 3 > 0)::int) item",
    ),
}
LISTS = f"""
    CREATE TEMPORARY TABLE lists AS SELECT
        ARRAY(SELECT id FROM engagements_iscm ORDER BY id LIMIT {ISCMS}) AS iscms,
        ARRAY(SELECT id FROM engagements_country ORDER BY id LIMIT {COUNTRIES}) AS countries,
        ARRAY(SELECT id FROM engagements_office ORDER BY id LIMIT {OFFICES}) AS offices,
        ARRAY(SELECT id FROM engagements_organisation ORDER BY id LIMIT {ORGANISATIONS})
            AS organisations,
        %s AS priority, %s AS author
"""


def prepare(cursor: Any) -> None:
    """What the records point to, beside the evaluation's own records."""
    from tests.factories import engagements as make

    priority = make.IOMPriorityFactory()
    author = make.UserFactory()
    cursor.execute(LISTS, [priority.pk, author.pk])


def fill(cursor: Any, before: int, wanted: int) -> None:
    """Bring the records from ``before`` thousands up to ``wanted`` thousands."""
    tables = {table: (part, columns, "") for table, (part, columns) in RECORDS.items()} | LINKS
    for table, (part, columns, rows) in tables.items():
        cursor.execute(
            f"""
            INSERT INTO {table} ({", ".join(columns)}) SELECT {", ".join(columns.values())}
            FROM lists, generate_series(%s::int, %s) g {rows and f", {rows}"}
            """,
            [before * part + 1, wanted * part],
        )
