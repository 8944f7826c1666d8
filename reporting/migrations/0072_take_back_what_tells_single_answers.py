"""Take back what was published of single answers under the rules before (decision 0037).

What stands, and what stood on past days, of the two measures of answers goes, and everything is
asked for anew. Of years that were closed their overall values stay where three answered; the rest
goes too, against the rule that a release never changes: people were promised that nobody learns
what they said.
"""

from django.db import migrations

MEASURES = ("satisfaction", "knowledge_change")
RELEASED = "reporting_releasedvalue"


def take_back(apps, schema_editor):
    IndicatorValue = apps.get_model("reporting", "IndicatorValue")
    ReleasedValue = apps.get_model("reporting", "ReleasedValue")
    if not IndicatorValue.objects.filter(indicator__key__in=MEASURES).exists():
        return
    IndicatorValue.objects.filter(indicator__key__in=MEASURES).delete()
    PublishedValue = apps.get_model("reporting", "PublishedValue")
    PublishedValue.objects.filter(indicator__key__in=MEASURES).delete()
    apps.get_model("reporting", "EvidenceSum").objects.filter(measure__in=MEASURES).delete()
    told = ReleasedValue.objects.filter(indicator__key__in=MEASURES)
    _delete_released(schema_editor, told.exclude(cell="overall", n__gte=3))
    apps.get_model("common", "OutboxMessage").objects.create(
        topic="evidence_changed", payload={"whole": True}
    )


def _delete_released(schema_editor, rows):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        schema_editor.execute(f"ALTER TABLE {RELEASED} DISABLE TRIGGER release_never_changes")
        rows.delete()
        schema_editor.execute(f"ALTER TABLE {RELEASED} ENABLE TRIGGER release_never_changes")
        return
    name = f"{RELEASED}_delete_refused"
    schema_editor.execute(f"DROP TRIGGER {name}")
    rows.delete()
    schema_editor.execute(
        f"CREATE TRIGGER {name} BEFORE DELETE ON {RELEASED}"
        " BEGIN SELECT RAISE(ABORT, 'release_never_changes'); END"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("reporting", "0071_answers_by_survey"),
        ("common", "0003_sent_forms"),
    ]

    operations = [migrations.RunPython(take_back, migrations.RunPython.noop)]
