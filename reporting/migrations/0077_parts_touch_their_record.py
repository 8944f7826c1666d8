"""A record is as new as the newest of its parts: ``updated_since`` finds it by them."""

from django.db import migrations

from iscm_portal.common.changes import triggers
from iscm_portal.common.changes.watched import WATCHED


def install(apps, schema_editor):
    triggers.install(schema_editor, WATCHED)


class Migration(migrations.Migration):
    dependencies = [("reporting", "0076_hidden_values_are_not_told")]

    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
