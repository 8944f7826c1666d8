"""What is published now stands as published since the run that last changed it."""

from django.db import migrations

FILL = """
INSERT INTO reporting_publishedvalue (
    indicator_id, year, cell, iscm_id, value, numerator, denominator, n, status,
    reports_owed, reports_accepted, from_run_id
)
SELECT indicator_id, year, cell, iscm_id, value, numerator, denominator, n, status,
    reports_owed, reports_accepted, run_id
FROM reporting_indicatorvalue
WHERE period = 'year' AND dimension = ''
"""


class Migration(migrations.Migration):
    dependencies = [("reporting", "0051_releases_never_change")]

    operations = [migrations.RunSQL(FILL, "DELETE FROM reporting_publishedvalue")]
