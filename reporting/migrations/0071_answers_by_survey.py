"""Answers name the survey that they came in with; of cells with too few of them no number is kept.

SQLite builds some tables anew and loses their triggers (0051, 0070) by it: they are made again here.
"""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

from iscm_portal.common.versions import watch

STATUS = [
    ("green", "On track"),
    ("amber", "Needs attention"),
    ("red", "Off track"),
    ("context", "For context"),
    ("no_target", "No target set"),
    ("no_limits", "No thresholds"),
    ("part", "Part of the total"),
    ("baseline", "Baseline or before"),
    ("not_over", "Not over yet"),
    ("no_data", "No data"),
    ("too_few", "Too few answers to show"),
]
TABLE = "reporting_releasedvalue"
WATCHED = (
    TABLE,
    "reporting_indicatorvalue",
    "reporting_knowledgeanswer",
    "reporting_satisfactionanswer",
)


def make_triggers_again(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        return
    watch(schema_editor, WATCHED)
    never = import_module("reporting.migrations.0051_releases_never_change")
    for event in ("update", "delete", "insert"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {TABLE}_{event}_refused")
        when = (
            f" WHEN EXISTS (SELECT 1 FROM {never.RELEASE} WHERE id = NEW.release_id)"
            if event == "insert"
            else ""
        )
        schema_editor.execute(
            f"CREATE TRIGGER {TABLE}_{event}_refused BEFORE {event.upper()} ON {TABLE}{when}"
            f" BEGIN SELECT RAISE(ABORT, '{never.RULE}'); END"
        )


def link(**more):
    return models.ForeignKey(null=True, related_name="+", to="reporting.survey", **more)


class Migration(migrations.Migration):
    dependencies = [
        ("reporting", "0065_say_why_there_is_no_colour"),
        ("reporting", "0070_tables_have_versions"),
    ]

    operations = [
        migrations.AddField("evidencesum", "batch", models.BigIntegerField(default=0)),
        *(
            migrations.AddField(
                f"historical{name}",
                "survey",
                link(
                    blank=True,
                    db_constraint=False,
                    on_delete=django.db.models.deletion.DO_NOTHING,
                ),
            )
            for name in ("knowledgeanswer", "satisfactionanswer")
        ),
        *(
            migrations.AddField(name, "survey", link(on_delete=django.db.models.deletion.PROTECT))
            for name in ("knowledgeanswer", "satisfactionanswer")
        ),
        *(
            migrations.AlterField(name, "n", models.PositiveIntegerField(default=0, null=True))
            for name in ("indicatorvalue", "publishedvalue", "releasedvalue")
        ),
        *(
            migrations.AlterField(name, "status", models.CharField(choices=STATUS, max_length=10))
            for name in ("indicatorvalue", "publishedvalue", "releasedvalue")
        ),
        migrations.RunPython(make_triggers_again, make_triggers_again),
    ]
