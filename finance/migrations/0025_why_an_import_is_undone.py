# Why a written import was undone, kept as its own reason.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0012_stated_amounts_of_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="importrun",
            name="undo_reason",
            field=models.CharField(blank=True, max_length=60, verbose_name="why it is undone"),
        ),
    ]
