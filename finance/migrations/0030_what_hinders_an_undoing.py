# The records that hinder the undoing of an import, so that its page leads to them.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0026_source_of_funds_by_its_name"),
    ]

    operations = [
        migrations.AddField(
            model_name="importrun",
            name="hindered_by",
            field=models.JSONField(default=list),
        ),
    ]
