"""How the API tells that an address is to go."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.core.management import call_command

from tests.api.client import LISTS, Api, view_of


def test_an_address_that_is_to_go_says_so_in_headers_and_document(
    db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """RFC 9745 and RFC 8594."""
    view = view_of("themes")
    api = Api()
    assert not {"Deprecation", "Sunset"} & api.get("themes/").headers.keys()
    monkeypatch.setattr(view, "goes", (dt.date(2026, 11, 25), dt.date(2027, 11, 25)))
    answer = api.get("themes/")
    assert answer["Deprecation"] == "@1795564800"
    assert answer["Sunset"] == "Thu, 25 Nov 2027 00:00:00 GMT"
    file = tmp_path / "openapi.json"
    call_command("spectacular", format="openapi-json", file=str(file))
    paths = json.loads(file.read_text())["paths"]
    assert paths["/api/v1/themes/"]["get"]["deprecated"] is True
    assert "deprecated" not in paths["/api/v1/events/"]["get"]


@pytest.mark.parametrize("name", LISTS)
def test_what_is_to_go_stays_for_twelve_months(name: str) -> None:
    goes = view_of(name).goes
    assert goes is None or goes[1] - goes[0] >= dt.timedelta(days=365)
