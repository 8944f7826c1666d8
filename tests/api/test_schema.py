"""The OpenAPI document, its pages, and docs/api.md: all three say what the API does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from iscm_portal.common import workbooks
from tests.api.client import LISTS, Api
from tests.conftest import NewPage

pytestmark = pytest.mark.django_db

# Opened by any scope, and a position may have become too old.
CHANGES = "/api/v1/changes/"
FILES = {
    "/api/v1/iati/activities.xml": {"application/xml"},
    "/api/v1/compile-runs/progress/": {"application/json"},
    CHANGES: {"application/json"},
}
GUIDE = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return dict(SchemaGenerator().get_schema(request=None, public=True))


def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is read, by its address."""
    return {path: methods["get"] for path, methods in schema["paths"].items() if "get" in methods}


def parameters(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {parameter["name"]: parameter for parameter in operation["parameters"]}


def test_the_document_is_valid_and_made_without_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "schema.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    assert file.read_text().startswith("openapi: 3.")


def test_the_document_is_served_to_everybody_as_yaml_and_json() -> None:
    response = Client().get("/api/v1/schema/")
    assert response.status_code == 200
    assert response.content.startswith(b"openapi: 3.")
    document = orjson.loads(Client().get("/api/v1/schema/?format=json").content)
    validate_schema(document)


MONEY = (
    *("attributions", "contributions", "funding-lines", "positions"),
    *("projects", "proposals", "time-entries"),
)
EVIDENCE = (
    *("agenda-items", "events", "follow-ups", "partnerships"),
    *("policy-instruments", "support-requests"),
)
ACTS = ("accept", "correct", "forward", "return", "submit")
WRITES = {
    **{f"/api/v1/{kind}/": {"post"} for kind in (*MONEY, *EVIDENCE, "reports")},
    **{f"/api/v1/{kind}/{{id}}/": {"patch", "delete"} for kind in (*MONEY, *EVIDENCE)},
    "/api/v1/reports/{id}/": {"patch"},
    **{f"/api/v1/reports/{{id}}/{act}/": {"post"} for act in ACTS},
}


def test_what_is_written_and_how_is_declared(schema: dict[str, Any]) -> None:
    written = {path: set(methods) - {"get"} for path, methods in schema["paths"].items()}
    assert {path: methods for path, methods in written.items() if methods} == WRITES
    for path, methods in WRITES.items():
        scope = "write:finance" if path.split("/")[3] in MONEY else "write:reports"
        of_one = "{id}" in path
        for method in methods:
            operation = schema["paths"][path][method]
            assert f"`{scope}`" in operation["description"]
            assert ("requestBody" in operation) == (method != "delete")
            refused = {"404", "412", "428"} if of_one else set()
            refused |= {"422"} if method == "post" else set()
            refused |= {"409"} if of_one and "/reports/" in path else set()
            good = "204" if method == "delete" else "200" if of_one else "201"
            always = {"400", "401", "403", "406", "415", "429"}
            assert set(operation["responses"]) == always | {good} | refused
            names = {"Idempotency-Key"} if method == "post" else set()
            names |= {"id", "If-Match"} if of_one else set()
            assert parameters(operation).keys() == names, path


def test_every_operation_declares_its_scope_and_its_errors(schema: dict[str, Any]) -> None:
    for path, operation in operations(schema).items():
        assert re.search(r"Scope: (any of )?(`read:\w+`(, |\.))+", operation["description"]), path
        # A file is not there before what it is made of.
        may_lack = "{id}" in path or path.endswith(".xml")
        errors = {"400", "401", "403", "406", "429"} | ({"404"} if may_lack else set())
        errors |= {"410"} if path == CHANGES else set()
        good = {"200"} if path in FILES else {"200", "304"}
        assert set(operation["responses"]) == good | errors, path
        for code in errors:
            content = operation["responses"][code]["content"]
            assert list(content) == ["application/json"], path
        forms = FILES.get(path, {"application/json", "text/csv", workbooks.MEDIA_TYPE})
        assert set(operation["responses"]["200"]["content"]) == forms


def test_a_token_is_sent_as_bearer_or_as_basic(schema: dict[str, Any]) -> None:
    for operation in operations(schema).values():
        assert {"bearerToken": []} in operation["security"]
        assert {"basicToken": []} in operation["security"]


def test_lists_declare_their_envelope_paging_and_format(schema: dict[str, Any]) -> None:
    lists = [f"/api/v1/{name}/" for name in LISTS] + ["/api/v1/indicator-values/{id}/evidence/"]
    for path in lists:
        operation = operations(schema)[path]
        declared = parameters(operation).keys()
        assert {"page_size", "cursor", "format", "hxl", "counted"} <= declared, path
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
        envelope = schema["components"]["schemas"][answer["$ref"].rpartition("/")[2]]
        assert envelope["required"] == ["results", "next"], path
        assert envelope["properties"]["results"]["type"] == "array", path


@pytest.mark.parametrize("name", LISTS)
def test_each_parameter_declared_is_one_that_the_list_knows(
    schema: dict[str, Any], name: str
) -> None:
    declared = parameters(operations(schema)[f"/api/v1/{name}/"]).keys()
    (message,) = Api().errors(f"{name}/", nonsense="1")["nonsense"]
    known = message.removeprefix("Unknown parameter. Known are: ").removesuffix(".")
    assert declared == set(known.split(", "))


@pytest.mark.parametrize("name", LISTS)
def test_a_record_has_the_fields_declared_and_no_other(schema: dict[str, Any], name: str) -> None:
    LISTS[name][1]()
    path = f"/api/v1/{name}/{{id}}/"
    answer = operations(schema)[path]["responses"]["200"]["content"]["application/json"]
    declared = schema["components"]["schemas"][answer["schema"]["$ref"].rpartition("/")[2]]
    for row in Api().results(f"{name}/"):
        check(row, declared, schema, name)


KINDS = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}


def check(value: Any, declared: dict[str, Any], schema: dict[str, Any], place: str) -> None:
    """That ``value`` is what the document declares; raises AssertionError otherwise."""
    if "$ref" in declared:
        declared = schema["components"]["schemas"][declared["$ref"].rpartition("/")[2]]
    if "allOf" in declared:
        (part,) = declared["allOf"]
        return check(value, part, schema, place)
    if value is None:
        assert declared.get("nullable"), place
        return None
    kinds: Any = KINDS[declared["type"]]
    assert isinstance(value, kinds), place
    if "enum" in declared:
        assert value in declared["enum"], place
    if "pattern" in declared:
        assert re.match(declared["pattern"], str(value)), place
    if declared["type"] == "array":
        for item in value:
            check(item, declared["items"], schema, f"{place}[]")
    if declared["type"] == "object" and "properties" in declared:
        assert value.keys() == declared["properties"].keys(), place
        for key, part in declared["properties"].items():
            check(value[key], part, schema, f"{place}.{key}")
    return None


def test_the_guide_names_every_endpoint_and_no_other(schema: dict[str, Any]) -> None:
    rows = re.findall(r"^\| (`/api/v1/.*?`) \| .* \| `(read:\w+)` \|$", GUIDE, re.MULTILINE)
    named = {address.strip("`"): scope for cell, scope in rows for address in cell.split(", ")}
    declared = {
        path: re.findall(r"Scope: `(read:\w+)`", operation["description"])[0]
        for path, operation in operations(schema).items()
        if path != CHANGES
    }
    assert named == declared
    assert f"`{CHANGES}`" in GUIDE


def test_every_example_of_the_guide_works() -> None:
    call_command("load_evaluation", verbosity=0)
    api = Api("analyst")
    examples = re.findall(r'^\$ curl .*"\$PORTAL(/api/v1/.*)"$', GUIDE, re.MULTILINE)
    assert len(examples) >= 7
    for example in examples:
        response = api.client.get(example)
        assert response.status_code == 200, example
    assert len(api.client.get(examples[2]).json()["results"]) == 12


def test_the_pages_to_try_it_out_show_without_breaking_the_content_policy(
    new_page: NewPage,
) -> None:
    page = new_page()
    page.goto("/api/v1/docs/")
    page.get_by_role("heading", name="ISCM portal API").wait_for()
    assert page.get_by_text("/api/v1/iom-roles/", exact=True).count() == 1
    page.get_by_text("/api/v1/resources/", exact=True).click()
    page.get_by_text("Scope: read:indicators.").wait_for()
