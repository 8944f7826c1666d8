"""Every address of the API, asked at random from its own OpenAPI document: it never fails, and
never answers what the document does not declare."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from iscm_portal.common.choices import Scope
from tests.api.client import LISTS, Api, view_of
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
asked_at_random = settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def document(db: None) -> Iterator[Any]:
    """The document, and the portal behind it in this process and this test's transaction: as with
    Django's own client, the end of a request doesn't close the connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", get_wsgi_application())
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("signed_in", [True, False])
def test_every_answer_is_one_that_the_document_declares(document: Any, signed_in: bool):
    for _scope, make in LISTS.values():
        make()
    headers = {"Accept-Encoding": "identity"}
    if signed_in:
        headers["Authorization"] = f"Bearer {Api('admin', list(Scope)).text}"
    # A record that is there, for each second case: an id at random is none.
    known = {name: view_of(name).queryset.values_list("pk", flat=True).first() for name in LISTS}
    drafts = [told.PostEventReportFactory(state=state).pk for state in ("draft", "submitted")]
    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) > 40
    number = itertools.count()
    for operation in operations:

        @asked_at_random
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            name = case.path.split("/")[3]
            if signed_in and "id" in case.path_parameters:
                pks = [case.path_parameters["id"], known[name]]
                pks += drafts if name == "reports" else []
                case.path_parameters["id"] = str(pks[next(number) % len(pks)])
                if "If-Match" in case.headers:
                    case.headers["If-Match"] = "*"
            case.call_and_validate(headers=headers, checks=CHECKS)

        ask()
