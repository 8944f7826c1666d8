"""Writes the records of iscm_portal/common/examples.json anew, of the real records and the demo:

``DATABASE_URL=sqlite:////tmp/examples.sqlite3 python manage.py serve --prepare-only``, then
``DATABASE_URL=sqlite:////tmp/examples.sqlite3 python -m tests.api.examples``.
"""

from __future__ import annotations

import json
import os
from typing import Any

import django

# Where the record with the most in it is not the first: what narrows its list.
CHOSEN = {
    "funding-lines": "source_of_funds=osi&iscm=sacm",
    "indicator-values": "indicator=support_requests&iscm=overall",
    "iom-roles": "role=technical_secretariat",
    "surveys": "state=closed",
}
# What is no list, by its address.
OTHERS = {
    "resources/": "resources/?by=iscm,year&year=2019&iscm=sacm",
    "changes/": "changes/?page_size=2&type=events",
    "compile-runs/progress/": "compile-runs/progress/",
}
HOST = "portal.example.org"
# A list that hangs on a record shows so many of its rows.
MOST_ROWS = 2


def shortened(value: Any) -> Any:
    if isinstance(value, list):
        return [shortened(row) for row in value[:MOST_ROWS]]
    if isinstance(value, dict):
        return {name: shortened(part) for name, part in value.items()}
    if isinstance(value, str) and len(value) > 200 and " " in value:
        return f"{value[:197].rsplit(' ', 1)[0]}..."
    return value


def collected() -> dict[str, Any]:
    """The fullest of each list's first real records, else of the demo's; and the other answers."""
    from django.conf import settings
    from django.test import Client

    from engagements.models import User
    from iscm_portal.common.choices import Scope
    from iscm_portal.common.models import ApiToken
    from reporting.models import PostEventReport
    from tests.api.client import LISTS

    ipd = User.objects.get(username="ipd")
    token, text = ApiToken.issue(ipd, [str(scope) for scope in Scope], 1)
    settings.ALLOWED_HOSTS = [HOST]
    client = Client(headers={"Authorization": f"Bearer {text}", "Host": HOST})

    def read(address: str) -> Any:
        answer = client.get(f"/api/v1/{address}", secure=True)
        assert answer.status_code == 200, (address, answer.content)
        return json.loads(answer.content)

    found: dict[str, Any] = {}
    for name in LISTS:
        rows = read(f"{name}/?page_size=200&{CHOSEN.get(name, '')}")["results"]
        rows = rows or read(f"{name}/?page_size=200")["results"]
        if rows:
            found[name] = shortened(max(rows, key=fullness))
    values = read("indicator-values/?indicator=support_requests&iscm=overall&page_size=50")
    for value in values["results"]:
        rows = read(f"indicator-values/{value['id']}/evidence/?page_size=1")["results"]
        if rows:
            found["indicator-values/evidence"] = rows[0]
            break
    drafts = PostEventReport.objects.exclude(state="accepted").order_by("-pk")
    told = [read(f"reports/{report.pk}/") for report in drafts[:50]]
    found["reports/draft"] = shortened(max(told, key=fullness))
    for name, address in OTHERS.items():
        found[name] = shortened(read(address))
    token.delete()
    return found


def fullness(row: dict[str, Any]) -> tuple[bool, int]:
    is_real = not row.get("is_demo")
    return is_real, sum(1 for value in row.values() if value not in (None, "", []))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iscm_portal.settings")
    django.setup()
    from iscm_portal.common.api_examples import RECORDS

    told = json.dumps(collected(), ensure_ascii=False, indent=1, sort_keys=True)
    RECORDS.write_text(f"{told}\n")
