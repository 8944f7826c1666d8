"""The feed of changes does not tell of values that are in no list (docs/decisions/0037)."""

from django.db import migrations

from iscm_portal.common.changes import triggers
from iscm_portal.common.changes.watched import WATCHED


def install(apps, schema_editor):
    triggers.install(schema_editor, WATCHED)


class Migration(migrations.Migration):
    dependencies = [("reporting", "0075_changes_are_written")]

    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
