"""Triggers note when a token or what its owner may is changed, so that what was found of a token
is good until then (docs/decisions/0041)."""

from django.db import migrations

from iscm_portal.common.versions import READERS, unwatch, watch


def create_triggers(apps, schema_editor):
    watch(schema_editor, READERS)


def drop_triggers(apps, schema_editor):
    unwatch(schema_editor, READERS)


class Migration(migrations.Migration):
    dependencies = [
        ("common", "0021_webhooks"),
        # Where the user's table is as it is now.
        ("engagements", "0010_objectives_and_themes_of_goals"),
    ]

    operations = [migrations.RunPython(create_triggers, drop_triggers)]
