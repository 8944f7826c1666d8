"""Writes docs/api-columns.md anew: ``python -m tests.api.columns``."""

import os

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iscm_portal.settings")
    django.setup()
    from tests.api.test_files import GUIDE, guide

    GUIDE.write_text(guide())
