"""Every change of what the API gives is written down by triggers (docs/decisions/0039).

A later migration that makes SQLite build a watched table anew calls ``triggers.drop`` before and
``triggers.install`` after; one that comes when the list of what is watched has changed calls
``install`` (tests/api/test_changes_watched.py would say so).
"""

from django.db import migrations

from iscm_portal.common.changes import triggers
from iscm_portal.common.changes.watched import WATCHED


def install(apps, schema_editor):
    triggers.install(schema_editor, WATCHED)


def drop(apps, schema_editor):
    triggers.drop(schema_editor)


class Migration(migrations.Migration):
    dependencies = [
        ("common", "0020_changes"),
        ("engagements", "0010_objectives_and_themes_of_goals"),
        ("finance", "0026_source_of_funds_by_its_name"),
        ("reporting", "0072_take_back_what_tells_single_answers"),
    ]

    operations = [migrations.RunPython(install, drop)]
