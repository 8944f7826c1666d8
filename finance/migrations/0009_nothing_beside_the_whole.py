"""Where shares give a project's year away whole, no amount is stated beside them.

A dedicated project goes to one mechanism: an amount for another would be counted twice. An amount
may be stated before the project's lines are on record, so that it is not set against them here:
the sums never count more than the lines come to, and ``gaps.stated_over_lines`` lists where
documents say more.
"""

from django.db import migrations

NAME = "attributions_nothing_beside_the_whole"
COLUMNS = "share_pct, amount_usd, project_id, year"

POSTGRESQL = f"""
CREATE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM finance_project WHERE id = NEW.project_id FOR NO KEY UPDATE;
    IF (
        SELECT SUM(share_pct) >= 100 AND SUM(amount_usd) > 0 FROM finance_attribution
        WHERE project_id = NEW.project_id AND year = NEW.year
    ) THEN
        RAISE EXCEPTION '{NAME}' USING ERRCODE = 'check_violation', CONSTRAINT = '{NAME}';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {NAME} AFTER INSERT OR UPDATE OF {COLUMNS} ON finance_attribution
    FOR EACH ROW WHEN (NEW.share_pct > 0 OR NEW.amount_usd > 0) EXECUTE FUNCTION {NAME}();
"""

SQLITE = """
CREATE TRIGGER {name} AFTER {event} ON finance_attribution
WHEN (
    SELECT SUM(CAST(ROUND(share_pct * 100) AS INTEGER)) >= 10000 AND SUM(amount_usd) > 0
    FROM finance_attribution WHERE project_id = NEW.project_id AND year = NEW.year
)
BEGIN
    SELECT RAISE(ABORT, '{rule}');
END
"""
EVENTS = {"insert": "INSERT", "update": f"UPDATE OF {COLUMNS}"}


def create_triggers(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
        return
    for word, event in EVENTS.items():
        trigger = SQLITE.format(name=f"{NAME}_{word}", event=event, rule=NAME)
        schema_editor.execute(trigger, params=None)


def drop_triggers(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP FUNCTION {NAME}() CASCADE")
        return
    for word in EVENTS:
        schema_editor.execute(f"DROP TRIGGER {NAME}_{word}")


class Migration(migrations.Migration):
    dependencies = [("finance", "0008_codes_never_empty")]

    operations = [migrations.RunPython(create_triggers, drop_triggers)]
