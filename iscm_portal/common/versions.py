"""Which version of its tables an answer was made from: how an endpoint knows that nothing changed.

Triggers note in ``TableVersion`` that a table was written to. PostgreSQL gets a row for each
transaction and table: nobody waits for anybody, as writers of one counter would. SQLite, which has
one writer at a time, counts in one row a table. docs/decisions/0038 has the why and the proof.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from celery import shared_task
from django.apps import apps
from django.db import connection, transaction

from .models import TableVersion

TABLE = "common_tableversion"

_POSTGRESQL = f"""
    SELECT name, concat(sum(times), '-', max(number)) FROM {TABLE} WHERE name = ANY(%s)
    GROUP BY name
"""  # noqa: S608


# The apps whose records the API gives, and their tables that no answer is read from: what people
# are still writing, and the portal's own books.
RECORD_APPS = ("engagements", "finance", "reporting")
NOT_READ = frozenset(
    {
        "engagements_sourcenote",
        "engagements_user",
        "engagements_user_groups",
        "engagements_user_user_permissions",
        "finance_cellerror",
        "finance_importedrecord",
        "finance_importrow",
        "finance_importrun",
        "reporting_attachment",
        "reporting_auditrun",
        "reporting_briefing",
        "reporting_briefingcopy",
        "reporting_evidencesum",
        "reporting_fieldcomment",
        "reporting_kepttext",
        "reporting_notice",
        "reporting_noticerule",
        "reporting_participant",
        "reporting_posteventreport_co_authors",
        "reporting_publishedvalue",
        "reporting_releasedrecord",
        "reporting_reportedfollowup",
        "reporting_reportedinstrument",
        "reporting_reportedinstrument_agenda",
        "reporting_reportedpartnership",
        "reporting_reportedrequest",
        "reporting_reportstep",
        "reporting_reportversion",
        "reporting_savedpart",
        "reporting_surveynotice",
        "reporting_surveytoken",
    }
)


# What a token may and whose it is; of these tables not what is written at every sign-in or call.
READER_COLUMNS = {
    "common_apitoken": ("user_id", "prefix", "digest", "scopes", "expires_at", "revoked_at"),
    "engagements_user": ("is_active", "office_id", "access_group"),
}
READERS = frozenset(READER_COLUMNS)


@cache
def every_table() -> frozenset[str]:
    """The tables that answers are read from, all together. Kept versions are not among them: one
    is written only beside its record."""
    models = apps.get_models(include_auto_created=True)
    names = {
        model._meta.db_table
        for model in models
        if model._meta.app_label in RECORD_APPS and "historical" not in model._meta.db_table
    }
    return frozenset(names - NOT_READ)


class Versions:
    """The versions of some tables, read at one moment."""

    def __init__(self, tables: Collection[str]) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(_POSTGRESQL, [list(tables)])
                self._by_name = dict(cursor.fetchall())
        else:
            rows = TableVersion.objects.filter(name__in=tables)
            self._by_name = dict(rows.values_list("name", "times"))

    def of(self, tables: Collection[str]) -> str:
        """What changes whenever one of the ``tables`` was written to by a transaction that
        ended."""
        return ".".join(str(self._by_name.get(name, "")) for name in sorted(tables))


def version_of(tables: Collection[str]) -> str:
    """The same of tables that nothing else is asked of at that moment."""
    return Versions(tables).of(tables)


def thin_out() -> int:
    """Put the rows of each table together in one, so that no version changes and none takes long
    to be told; returns of how many tables."""
    if connection.vendor != "postgresql":
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        # One at a time; writers are not held up, nor is what they write in the meantime lost.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [TABLE])
        cursor.execute(
            f"""
            WITH last AS (SELECT name, max(number) AS number FROM {TABLE} GROUP BY name),
            gone AS (
                DELETE FROM {TABLE} old USING last
                WHERE old.name = last.name AND old.number < last.number
                RETURNING old.name, old.times
            ),
            added AS (SELECT name, sum(times) AS times FROM gone GROUP BY name)
            UPDATE {TABLE} kept SET times = kept.times + added.times
            FROM last JOIN added USING (name)
            WHERE kept.name = last.name AND kept.number = last.number
            RETURNING 1
            """  # noqa: S608
        )
        return int(cursor.rowcount)


@shared_task(name="common.thin_out_versions")
def thin_out_versions() -> int:
    return thin_out()


# --- the triggers, for migrations

_PG_FUNCTION = f"""
    CREATE OR REPLACE FUNCTION note_table_version() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO {TABLE} (name, number, times)
        VALUES (TG_TABLE_NAME, pg_current_xact_id()::text::bigint, 1) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
"""  # noqa: S608
_PG_TRIGGER = """
    CREATE OR REPLACE TRIGGER table_version
    AFTER INSERT OR {update} OR DELETE OR TRUNCATE ON "{table}"
    FOR EACH STATEMENT EXECUTE FUNCTION note_table_version()
"""
_SQLITE_TRIGGER = f"""
    CREATE TRIGGER IF NOT EXISTS "{{table}}_version_{{event}}" AFTER {{of}} ON "{{table}}" BEGIN
        INSERT INTO {TABLE} (name, number, times)
        SELECT '{{table}}', 0, 0 WHERE NOT EXISTS (SELECT 1 FROM {TABLE} WHERE name = '{{table}}');
        UPDATE {TABLE} SET times = times + 1 WHERE name = '{{table}}';
    END
"""  # noqa: S608
EVENTS = ("INSERT", "UPDATE", "DELETE")


def watch(schema_editor: Any, tables: Collection[str]) -> None:
    """Have it noted when one of the ``tables`` is written to. May be called again: a migration
    that makes SQLite build a table anew drops its triggers (tests/api/test_unchanged.py)."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(_PG_FUNCTION)
        for table in tables:
            schema_editor.execute(_PG_TRIGGER.format(table=table, update=_update(table)))
        return
    for table in tables:
        for event in EVENTS:
            of = _update(table) if event == "UPDATE" else event
            schema_editor.execute(_SQLITE_TRIGGER.format(table=table, event=event, of=of))


def _update(table: str) -> str:
    columns = READER_COLUMNS.get(table)
    return f"UPDATE OF {', '.join(columns)}" if columns else "UPDATE"


def unwatch(schema_editor: Any, tables: Collection[str]) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in tables:
            schema_editor.execute(f'DROP TRIGGER IF EXISTS table_version ON "{table}"')
        return
    for table in tables:
        for event in EVENTS:
            schema_editor.execute(f'DROP TRIGGER IF EXISTS "{table}_version_{event}"')


def watched() -> set[str]:
    """The tables that have their triggers."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                " WHERE t.tgname = 'table_version'"
            )
            return {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")
        found = set(cursor.fetchall())
    return {
        table
        for table, _name in found
        if all((table, f"{table}_version_{event}") in found for event in EVENTS)
    }
