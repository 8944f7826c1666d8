"""A release never changes: nothing of it is updated, deleted or added to.

A check constraint sees no old row, so these are triggers. What belongs to a release is written
before its own row (its key is known, the foreign keys are checked at the commit); once that row is
there, its tables take no more rows for it. A later migration that makes SQLite build one of the
tables anew drops its triggers: run ``create_triggers`` again there
(tests/reporting/test_releases.py would say so).
"""

from django.db import migrations

RULE = "release_never_changes"
RELEASE = "reporting_release"
PARTS = ("reporting_releasedindicator", "reporting_releasedvalue", "reporting_releasedrecord")

POSTGRESQL = f"""
CREATE FUNCTION {RULE}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT 1 FROM {RELEASE} WHERE id = NEW.release_id) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '{RULE}' USING ERRCODE = 'check_violation', CONSTRAINT = '{RULE}';
END $$;
"""


def create_triggers(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
        for table in (RELEASE, *PARTS):
            event = "UPDATE OR DELETE" if table == RELEASE else "INSERT OR UPDATE OR DELETE"
            schema_editor.execute(
                f"CREATE TRIGGER {RULE} BEFORE {event} ON {table}"
                f" FOR EACH ROW EXECUTE FUNCTION {RULE}()"
            )
        return
    for table in (RELEASE, *PARTS):
        for event in ("update", "delete"):
            schema_editor.execute(
                f"CREATE TRIGGER {table}_{event}_refused BEFORE {event.upper()} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{RULE}'); END"
            )
    for table in PARTS:
        schema_editor.execute(
            f"CREATE TRIGGER {table}_insert_refused BEFORE INSERT ON {table}"
            f" WHEN EXISTS (SELECT 1 FROM {RELEASE} WHERE id = NEW.release_id)"
            f" BEGIN SELECT RAISE(ABORT, '{RULE}'); END"
        )


def drop_triggers(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP FUNCTION {RULE}() CASCADE")
        return
    for table in (RELEASE, *PARTS):
        for event in ("update", "delete"):
            schema_editor.execute(f"DROP TRIGGER {table}_{event}_refused")
    for table in PARTS:
        schema_editor.execute(f"DROP TRIGGER {table}_insert_refused")


class Migration(migrations.Migration):
    dependencies = [("reporting", "0050_releases")]

    operations = [migrations.RunPython(create_triggers, drop_triggers)]
