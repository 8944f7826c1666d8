"""Every coded field of a record is a filter of its list, and every filter works, past days too."""

from __future__ import annotations

from typing import Any

import django_filters as filters
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers

from iscm_portal.common.filters import FlagFilter, IdFilter, LinkFilter, YearFilter
from iscm_portal.common.records import fields_of
from iscm_portal.common.versions import every_table
from tests.api.client import LISTS, Api, body, view_of
from tests.factories import engagements as make

pytestmark = pytest.mark.django_db

# A field that is asked for by another name.
NAMES = {"lead_office": "office", "owner": "office", "focal_office": "office"}
NAMES |= {"focal_for": "iscm", "relevant_to": "frame"}


def coded(name: str) -> set[str]:
    """The filters that the records of the list call for."""
    fields = fields_of(view_of(name).serializer_class)
    found = {
        field
        for field, kind in fields.items()
        if isinstance(kind, serializers.ChoiceField | serializers.BooleanField)
    }
    for field in fields:
        if field.endswith(("_label", "_labels")):
            link = field.removesuffix("s").removesuffix("_label")
            found.add(NAMES.get(link, link))
    return found


@pytest.mark.parametrize("name", LISTS)
def test_every_coded_field_can_be_asked_for(name: str) -> None:
    assert coded(name) - view_of(name).filterset_class.base_filters.keys() == set()


@pytest.mark.parametrize("name", LISTS)
def test_what_is_kept_in_versions_can_be_asked_for_what_changed(name: str) -> None:
    if hasattr(view_of(name).queryset.model, "history"):
        assert "updated_since" in view_of(name).filterset_class.base_filters


def values(name: str) -> dict[str, str]:
    """A value for each filter of the list that it takes."""
    found = {}
    for key, one in view_of(name).filterset_class.base_filters.items():
        if (name, key) == ("indicator-values", "release"):
            continue  # another list is asked then
        if isinstance(one, LinkFilter):
            record = one.extra["queryset"].first()
            if record is None:
                continue
            field = one.extra.get("to_field_name")
            found[key] = str(getattr(record, field)) if field else f"{record.kind}:{record.code}"
        elif isinstance(one, FlagFilter):
            found[key] = "false"
        elif isinstance(one, YearFilter):
            found[key] = "2026"
        elif isinstance(one, IdFilter | filters.NumberFilter):
            found[key] = "1"
        elif isinstance(one, filters.ChoiceFilter):
            found[key] = str(one.extra["choices"][0][0])
        elif isinstance(one, filters.DateFilter):
            found[key] = "2026-01-01"
        elif isinstance(one, filters.IsoDateTimeFilter):
            found[key] = "2020-01-01T00:00:00Z"
        else:
            found[key] = "x"
    return found


def directory() -> None:
    """Something for each link to name."""
    make.ISCMFactory(themes=[make.ThemeFactory()])
    make.OfficeFactory()
    make.CountryFactory()
    make.OrganisationFactory()
    make.ReferenceFrameFactory()


@pytest.mark.parametrize("name", LISTS)
def test_every_filter_works_now_and_as_of_a_past_day_and_reads_watched_tables(name: str) -> None:
    """What a filter reads has to be in the version of the answer, or a change would not show."""
    directory()
    LISTS[name][1]()
    api = Api()
    view = view_of(name)
    days: list[dict[str, Any]] = [{}, {"as_of": "2026-01-01"}] if view.is_kept else [{}]
    with CaptureQueriesContext(connection) as context:
        for key, value in values(name).items():
            for day in days:
                answer = api.get(f"{name}/", **{key: value}, **day)
                assert answer.status_code == 200, (key, day, body(answer))
        body(api.get(f"{name}/", format="xlsx"))
    read = tables_in(query["sql"] for query in context.captured_queries)
    assert read - set(view.tables()) == set()


# Read to know who asks and what stands.
OWN = {"common_apitoken", "common_tableversion", "engagements_user"}


def tables_in(statements: Any) -> set[str]:
    """The tables that the statements read; a kept version stands for its record."""
    known = every_table()
    found = set()
    for statement in statements:
        for word in statement.replace('"', " ").split():
            table = word.strip("(),")
            table = table.partition(".")[0].replace("_historical", "_")
            if table in known:
                found.add(table)
    return found - OWN
