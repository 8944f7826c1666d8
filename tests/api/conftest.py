"""What of these tests a database has."""

from django.conf import settings

on_sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
collect_ignore = ["test_changes_of_transactions.py"] if on_sqlite else []
