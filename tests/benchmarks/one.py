"""The cases of one module on the database of ``DATABASE_URL``, a JSON line each.

python -m tests.benchmarks.one MODULE N
"""

import importlib
import json
import os
import sys

import django

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "iscm_portal.settings"
    django.setup()
    module = importlib.import_module(f"tests.benchmarks.{sys.argv[1]}")
    for case in module.run(int(sys.argv[2])):
        print(json.dumps(case), flush=True)
