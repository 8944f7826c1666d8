"""The API of version 1 only grows: what ``docs/openapi.json`` has is there and of the same type."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

COMMITTED = settings.BASE_DIR / "docs" / "openapi.json"
HOW = "manage.py spectacular --format openapi-json --file docs/openapi.json"
# What a field may not change.
KIND = ("type", "format", "nullable", "enum")


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("schema") / "openapi.json"
    call_command("spectacular", format="openapi-json", file=str(file))
    return json.loads(file.read_text())


def fields(document: Any, schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field below ``schema``, by its path, with what it is."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if path:
        yield path, {name: schema.get(name) for name in KIND}
    for name, part in schema.get("properties", {}).items():
        yield from fields(document, part, f"{path}.{name}")
    if "items" in schema:
        yield from fields(document, schema["items"], f"{path}[]")


def promises(document: Any) -> dict[str, Any]:
    """What a client may rely on: operations, their parameters, answers and fields."""
    found: dict[str, Any] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            place = f"{method.upper()} {path}"
            found[place] = {}
            for parameter in operation.get("parameters", ()):
                # The size of a whole number is told on one database and not on the other.
                told = {name: parameter["schema"].get(name) for name in KIND if name != "format"}
                found[f"{place} ?{parameter['name']}"] = told
            for status, answer in operation["responses"].items():
                for form, content in answer.get("content", {}).items():
                    found[f"{place} {status} {form}"] = {}
                    for field, told in fields(document, content.get("schema", {})):
                        found[f"{place} {status} {form} {field}"] = told
    return found


def broken(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What was promised and is no more, or is something else; a list of codes may grow."""
    told = []
    for place, kind in before.items():
        if place not in after:
            told.append(f"gone: {place}")
            continue
        for name, value in kind.items():
            new = after[place][name]
            grown = name == "enum" and value is not None and set(value) <= set(new or ())
            if value != new and not grown:
                told.append(f"{place}: {name} was {value}, is {new}")
    return told


def required(document: Any) -> set[str]:
    """The parameters without which a call is refused."""
    return {
        f"{method} {path} ?{parameter['name']}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for parameter in operation.get("parameters", ())
        if parameter.get("required")
    }


def test_nothing_that_was_promised_is_gone_or_of_another_type(now: Any):
    before = json.loads(COMMITTED.read_text())
    assert broken(promises(before), promises(now)) == []
    assert {one for one in required(now) - required(before) if "{" not in one} == set()


def test_what_is_new_is_written_down(now: Any):
    """So that it is promised from now on."""
    new = promises(now).keys() - promises(json.loads(COMMITTED.read_text())).keys()
    assert not new, f"Run {HOW}"


def test_a_field_that_goes_or_changes_its_type_is_found(now: Any):
    promised = promises(now)
    place = "GET /api/v1/iscms/ 200 application/json .results[].slug"
    without = {key: told for key, told in promised.items() if key != place}
    assert broken(promised, without) == [f"gone: {place}"]
    other = promised | {place: promised[place] | {"type": "integer"}}
    assert broken(promised, other) == [f"{place}: type was string, is integer"]
    kinds = "GET /api/v1/events/ 200 application/json .results[].kind"
    fewer = promised | {kinds: promised[kinds] | {"enum": promised[kinds]["enum"][1:]}}
    assert len(broken(promised, fewer)) == 1
    assert broken(fewer, promised) == []
