# Why a written import was undone, kept as its own reason.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0022_registry_numbers"),
    ]

    operations = [
        migrations.AddField(
            model_name="importrun",
            name="undo_reason",
            field=models.CharField(blank=True, max_length=60, verbose_name="why it is undone"),
        ),
    ]
