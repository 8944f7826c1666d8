"""Each answer, each body and each error of the OpenAPI document has an example that is what the
document says it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import (  # type: ignore[import-untyped]
    Draft202012Validator,
    FormatChecker,
)

from iscm_portal.common.api_examples import ERRORS, JSON, records
from tests.api.client import LISTS, Api

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return dict(SchemaGenerator().get_schema(request=None, public=True))


def contents(document: Any) -> Iterator[tuple[str, Any]]:
    """Each JSON body and answer, by its place."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            place = f"{method.upper()} {path}"
            if body := operation.get("requestBody"):
                yield f"{place} body", body["content"][JSON]
            for status, answer in operation["responses"].items():
                if content := answer.get("content", {}).get(JSON):
                    yield f"{place} {status}", content


def as_json_schema(part: Any) -> Any:
    """OpenAPI 3.0 says that null may be by a word of its own."""
    if isinstance(part, list):
        return [as_json_schema(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {name: as_json_schema(value) for name, value in part.items()}
    return {"anyOf": [found, {"type": "null"}]} if found.pop("nullable", False) is True else found


def test_each_example_is_what_its_schema_says(document: dict[str, Any]):
    components = as_json_schema(document["components"])
    wrong = []
    places = list(contents(document))
    assert len(places) > 400
    for place, content in places:
        schema = {**as_json_schema(content["schema"]), "components": components}
        validator = Draft202012Validator(schema, format_checker=FormatChecker())
        wrong += [
            f"{place}: {error.message}" for error in validator.iter_errors(content["example"])
        ]
    assert wrong == []


@pytest.mark.parametrize("name", LISTS)
def test_an_example_has_the_fields_of_a_record_and_says_where_it_is_from(name: str):
    LISTS[name][1]()
    record = records()[name]
    how = "Run it as tests/api/examples.py says"
    assert record.keys() == Api().results(f"{name}/")[0].keys(), how


def test_a_body_gives_what_is_needed_and_nothing_that_is_not_taken(document: dict[str, Any]):
    for place, content in contents(document):
        if not place.endswith(" body") or "POST" not in place:
            continue
        schema = content["schema"].get("oneOf", [content["schema"]])[0]
        example = content["example"]
        assert set(schema.get("required", ())) <= example.keys() <= schema["properties"].keys()


def test_an_error_is_told_in_the_words_of_the_portal():
    iscm, no_scope = Api().get("iscms/987654/"), Api(scopes=[]).get("iscms/")
    for answer in (
        iscm,
        no_scope,
        Api().client.get("/api/v1/iscms/", headers={"Authorization": ""}),
    ):
        assert answer.json() == ERRORS[str(answer.status_code)]
