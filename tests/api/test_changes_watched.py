"""What the feed of changes watches: all that the API gives, and triggers that stand."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.urls import get_resolver

from iscm_portal.common.changes import triggers
from iscm_portal.common.changes.watched import SCOPES, WATCHED, part
from iscm_portal.common.records import Children, Links
from tests.api.client import FOLLOWED

pytestmark = pytest.mark.django_db

WATCHED_BY_TYPE = {watched.type: watched for watched in WATCHED}
# A relation of another record; the table stands among the parts all the same.
THROUGH_ANOTHER = {"event__iscms"}


def viewsets() -> dict[str, Any]:
    found = {}
    for resolver in get_resolver("iscm_portal.api_urls").url_patterns:
        for pattern in getattr(resolver, "url_patterns", []):
            name = str(pattern.pattern).strip("/")
            if name in FOLLOWED:
                found[name] = pattern.callback.cls
    return found


def test_every_resource_is_watched_with_its_own_scope_and_table() -> None:
    views = viewsets()
    assert {name: scope for name, (scope, _row) in FOLLOWED.items()} == SCOPES
    for name, view in views.items():
        assert view.queryset.model._meta.db_table == WATCHED_BY_TYPE[name].table


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_a_record_holds_of_other_tables_is_part_of_it(name: str) -> None:
    view = viewsets()[name]
    model = view.queryset.model
    parts = WATCHED_BY_TYPE[name].parts
    for field in view.serializer_class().fields.values():
        if isinstance(field, Links) and field.relation not in THROUGH_ANOTHER:
            relation = model._meta.get_field(field.relation)
            through = getattr(relation, "through", None) or relation.remote_field.through
            assert through._meta.db_table in {part.table for part in parts}, field.relation
        if isinstance(field, Children):
            assert part(field.rows().model._meta.db_table, field.link) in parts


def test_every_table_and_column_named_is_there() -> None:
    with connection.cursor() as cursor:
        for watched in WATCHED:
            for table, columns in [
                (watched.table, {c for p in watched.parts for c in p.joins.values()}),
                *((p.table, {*p.joins, *p.only}) for p in watched.parts),
            ]:
                found = connection.introspection.get_table_description(cursor, table)
                assert columns <= {column.name for column in found}, table


def test_the_triggers_in_the_database_are_those_of_the_list() -> None:
    """A migration that loses one, or a list that was changed without one, is found here."""
    tables = set(connection.introspection.table_names())
    assert set(triggers.by_table(WATCHED)) <= tables
    made = list(triggers.statements(connection.vendor, WATCHED, tables))
    bodies = triggers.standing(connection)
    if connection.vendor == "sqlite":
        assert sorted(bodies.values()) == sorted(made)
        return
    functions = [text for text in made if text.startswith("CREATE FUNCTION")]
    assert sorted(bodies.values()) == sorted(text.split("$$")[1] for text in functions)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_trigger WHERE starts_with(tgname, %s)", [triggers.PREFIX]
        )
        assert cursor.fetchone()[0] == len(made) - len(functions)
