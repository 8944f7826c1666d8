"""Funding lines and posts that had no code get one, made of their number: L-12, P-7.

Set by set, whatever the number of rows. The kept versions get it too, so that no version says that
the code has changed and a past day has the same rows in its template.
"""

from django.db import migrations
from django.db.models import CharField, Q, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

# model -> what its codes begin with
KINDS = (("FundingLine", "L"), ("Position", "P"))


def give_codes(apps, schema_editor):
    for name, letter in KINDS:
        rows = apps.get_model("finance", name).objects
        versions = apps.get_model("finance", f"Historical{name}").objects
        beginning = f"{letter}-"
        # Where somebody's own codes begin like that, ours begin otherwise.
        while any(some.filter(code__startswith=beginning).exists() for some in (rows, versions)):
            beginning = f"{letter}{beginning}"
        nameless = Q(code=None) | Q(code="")
        number = Cast("id", CharField())
        given = Concat(Value(beginning), number)
        rows.filter(nameless).update(code=given, updated_at=timezone.now())
        versions.filter(nameless).update(code=given)


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0006_imports_whole'),
    ]

    operations = [
        # Back again, the codes stay: the model of before may hold them.
        migrations.RunPython(give_codes, migrations.RunPython.noop),
    ]
