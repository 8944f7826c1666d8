"""The shares of a project's year, and of a post, are never over 100 per cent in all.

A check constraint sees one row only, so these are triggers. PostgreSQL's lock the project (the
post) first: of two writers at once the second waits, and then sees what the first wrote. SQLite
has one writer at a time. Shares are added up as whole hundredths, so that floating point has no
say. A later migration that makes SQLite build one of the two tables anew drops its triggers: run
``create_triggers`` again there (tests/finance/test_constraints.py would say so).
"""

from django.db import migrations

# table, column of the whole, columns within which shares add up, table of the whole, name
RULES = (
    (
        "finance_attribution",
        "project_id",
        ("project_id", "year"),
        "finance_project",
        "attributions_never_over_100",
    ),
    (
        "finance_positionshare",
        "position_id",
        ("position_id",),
        "finance_position",
        "positionshares_never_over_100",
    ),
)

POSTGRESQL = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM {whole_table} WHERE id = NEW.{whole} FOR NO KEY UPDATE;
    IF (SELECT SUM(share_pct) FROM {table} WHERE {same}) > 100 THEN
        RAISE EXCEPTION '{name}' USING ERRCODE = 'check_violation', CONSTRAINT = '{name}';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {name} AFTER INSERT OR UPDATE OF share_pct, {columns} ON {table}
    FOR EACH ROW WHEN (NEW.share_pct > 0) EXECUTE FUNCTION {name}();
"""

SQLITE = """
CREATE TRIGGER {name}_{event_name} AFTER {event} ON {table}
WHEN NEW.share_pct > 0 AND (
    SELECT SUM(CAST(ROUND(share_pct * 100) AS INTEGER)) FROM {table} WHERE {same}
) > 10000
BEGIN
    SELECT RAISE(ABORT, '{name}');
END
"""


def create_triggers(apps, schema_editor):
    for table, whole, within, whole_table, name in RULES:
        words = {
            "table": table,
            "whole": whole,
            "whole_table": whole_table,
            "name": name,
            "columns": ", ".join(within),
            "same": " AND ".join(f"{column} = NEW.{column}" for column in within),
        }
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(POSTGRESQL.format(**words), params=None)
            continue
        for event in ("INSERT", f"UPDATE OF share_pct, {words['columns']}"):
            words["event_name"] = event.split()[0].lower()
            schema_editor.execute(SQLITE.format(event=event, **words), params=None)


def drop_triggers(apps, schema_editor):
    for table, _whole, _within, _whole_table, name in RULES:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP FUNCTION {name}() CASCADE")
            continue
        for event in ("insert", "update"):
            schema_editor.execute(f"DROP TRIGGER {name}_{event}")


class Migration(migrations.Migration):
    dependencies = [("finance", "0002_costs_whole")]

    operations = [migrations.RunPython(create_triggers, drop_triggers)]
