"""Every definition that there is becomes its first version.

No indicator was ever checked for all five SMART parts (there was no objective to link), so what
was called active is a proposal again until it is.
"""

from django.db import migrations
from django.utils import timezone

COLUMNS = (
    *("title", "definition", "caution", "owner_id", "unit", "direction", "baseline"),
    *("baseline_year", "baseline_source", "no_baseline_reason", "target", "green_from"),
    *("amber_from", "rationale", "objective_id", "frequency", "due_on"),
)
REASON = "Not checked for its five parts yet"


def keep_first_versions(apps, schema_editor):
    Indicator = apps.get_model("reporting", "Indicator")
    Version = apps.get_model("reporting", "IndicatorVersion")
    Entry = apps.get_model("reporting", "HistoricalIndicator")
    now = timezone.now()
    for indicator in Indicator.objects.all():
        version = Version.objects.create(
            indicator=indicator,
            number=1,
            valid_from=now.date(),
            made_at=now,
            **{name: getattr(indicator, name) for name in COLUMNS},
        )
        version.relevant_to.set(indicator.relevant_to.all())
        indicator.current_version = version
        indicator.save(update_fields=["current_version"])
        if indicator.state == "active":
            indicator.state = "proposed"
            indicator.save(update_fields=["state"])
            Entry.objects.create(
                history_date=now,
                history_type="~",
                history_change_reason=REASON,
                **{
                    field.attname: getattr(indicator, field.attname)
                    for field in Indicator._meta.concrete_fields
                },
            )


class Migration(migrations.Migration):

    dependencies = [
        ('reporting', '0020_definitions_have_versions'),
    ]

    operations = [migrations.RunPython(keep_first_versions, migrations.RunPython.noop)]
