"""Answers name the survey that they came in with; of cells with too few of them no number is kept.

SQLite builds the table of released values anew and loses its triggers (0051) by it: they are made
again here.
"""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

STATUS = [
    ("green", "On track"),
    ("amber", "Needs attention"),
    ("red", "Off track"),
    ("no_target", "No target set"),
    ("no_data", "No data"),
    ("too_few", "Too few answers to show"),
]
TABLE = "reporting_releasedvalue"


def make_triggers_again(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        return
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
    dependencies = [("reporting", "0056_values_counted_of_whole_runs")]

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
