"""The API of version 1 only grows: what ``docs/openapi.json`` has is there and of the same type."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

COMMITTED = settings.BASE_DIR / "docs" / "openapi.json"
HOW = "manage.py spectacular --format openapi-json --file docs/openapi.json"
JSON = "application/json"
# What a field may not change.
KIND = ("type", "format", "nullable", "enum")


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("schema") / "openapi.json"
    call_command("spectacular", format="openapi-json", file=str(file))
    return json.loads(file.read_text())


# Of what is sent: a limit may go, and be wider, not come or be narrower.
LIMITS = ("maxLength", "minLength", "maximum", "minimum", "maxItems", "minItems")
UPPER = ("maxLength", "maximum", "maxItems")


def fields(
    document: Any, schema: Any, path: str = "", is_needed: bool = True, within: tuple[str, ...] = ()
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field below ``schema``, by its path, with what it is; alternatives by their kind."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in within:  # rows of rows
            return
        within, schema = (*within, name), document["components"]["schemas"][name]
    told = {name: schema.get(name) for name in (*KIND, *LIMITS)}
    yield path, {**told, "required": is_needed}
    needed = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        yield from fields(document, part, f"{path}.{name}", name in needed, within)
    if "items" in schema:
        yield from fields(document, schema["items"], f"{path}[]", False, within)
    if isinstance(others := schema.get("additionalProperties"), dict):
        yield from fields(document, others, f"{path}.*", False, within)
    elif others is False:
        yield f"{path}.*", {"closed": True}
    for word in ("oneOf", "anyOf", "allOf"):
        for part in schema.get(word, ()):
            kind = part.get("type") or part.get("$ref", "").rpartition("/")[2]
            place = path if word == "allOf" else f"{path}<{kind}>"
            yield from fields(document, part, place, is_needed, within)


def promises(document: Any) -> dict[str, Any]:
    """What a client may rely on: operations, their parameters, bodies, answers and fields."""
    found: dict[str, Any] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            place = f"{method.upper()} {path}"
            found[place] = {}
            for parameter in operation.get("parameters", ()):
                # The size of a whole number is told on one database and not on the other.
                told = {name: parameter["schema"].get(name) for name in KIND if name != "format"}
                told["required"] = parameter.get("required", False)
                found[f"{place} ?{parameter['name']}"] = told
            if body := operation.get("requestBody"):
                found[f"{place} body"] = {"required": body.get("required", False)}
                for form, content in body["content"].items():
                    for field, told in fields(document, content["schema"]):
                        found[f"{place} body {form} {field}"] = told
            for status, answer in operation["responses"].items():
                found[f"{place} {status}"] = {}
                for name in answer.get("headers", ()):
                    header = document["components"]["headers"][name]
                    found[f"{place} {status} {name}:"] = {"type": header["schema"]["type"]}
                for form, content in answer.get("content", {}).items():
                    found[f"{place} {status} {form}"] = {}
                    for field, told in fields(document, content.get("schema", {})):
                        found[f"{place} {status} {form} {field}"] = told
    return found


def is_sent(place: str) -> bool:
    """Whether a promise is of what a client sends; else of what it reads."""
    return " body" in place or " ?" in place


def broken(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What was promised and is no more, or is something else; a list of codes may grow."""
    told = []
    for place, kind in before.items():
        if place in after:
            told += [
                f"{place}: {name} was {kind.get(name)}, is {after[place].get(name)}"
                for name in kind.keys() | after[place].keys()
                if is_broken(place, name, kind.get(name), after[place].get(name))
            ]
        elif not (place.endswith(".*") and kind.get("closed")):  # more is taken
            told.append(f"gone: {place}")
    for place in after.keys() - before.keys():
        part, _dot, name = place.rpartition(".")
        operation = " ".join(place.split(" ")[:2])
        if name == "*" and after[place].get("closed") and is_sent(place) and part in before:
            told.append(f"closed: {place}")
        # What is new as a whole may ask what it likes.
        is_of_old = (part if " body " in place and "." in place else operation) in before
        if is_sent(place) and after[place].get("required") and is_of_old:
            told.append(f"needed: {place}")
    return sorted(told)


def is_broken(place: str, name: str, was: Any, now: Any) -> bool:
    """Whether a client that relies on ``was`` fails where it is ``now``."""
    if was == now:
        return False
    if name == "required":
        return bool(now) if is_sent(place) else bool(was)
    if name == "enum":
        return now is not None and (was is None or not set(was) <= set(now))
    if name == "nullable":  # what is read must not become null, what is sent may go on being it
        return bool(was) if is_sent(place) else True
    if name in LIMITS:
        if not is_sent(place) or now is None:
            return False
        return was is None or (now < was if name in UPPER else now > was)
    return True


def test_nothing_that_was_promised_is_gone_or_of_another_type(now: Any):
    before = json.loads(COMMITTED.read_text())
    assert broken(promises(before), promises(now)) == []


def test_what_is_new_is_written_down(now: Any):
    """So that it is promised from now on."""
    new = promises(now).keys() - promises(json.loads(COMMITTED.read_text())).keys()
    assert not new, f"Run {HOW}"


PLACE = "/api/v1/funding-lines/"


def body_of(document: Any) -> Any:
    return document["paths"][PLACE]["post"]["requestBody"]["content"][JSON]["schema"]["oneOf"][0]


def without_a_field(document: Any) -> None:
    del body_of(document)["properties"]["amount_usd"]


def with_a_field_needed(document: Any) -> None:
    body_of(document)["required"].append("note")


def with_a_new_field_needed(document: Any) -> None:
    body_of(document)["properties"]["ledger"] = {"type": "string"}
    body_of(document)["required"].append("ledger")


def without_a_list(document: Any) -> None:
    document["paths"][PLACE]["post"]["requestBody"]["content"][JSON]["schema"]["oneOf"].pop()


def with_a_field_of_a_row_needed(document: Any) -> None:
    content = document["paths"][PLACE]["post"]["requestBody"]["content"][JSON]["schema"]
    content["oneOf"][1]["items"]["required"].append("note")


def without_a_body(document: Any) -> None:
    del document["paths"][PLACE]["post"]["requestBody"]


def with_another_answer(document: Any) -> None:
    content = document["paths"][PLACE]["post"]["responses"]["201"]["content"][JSON]
    content["schema"] = {"type": "integer"}


def with_one_answer_less(document: Any) -> None:
    content = document["paths"][PLACE]["post"]["responses"]["201"]["content"][JSON]
    content["schema"]["oneOf"].pop()


def with_parameters_needed(document: Any) -> None:
    for parameter in document["paths"]["/api/v1/iscms/"]["get"]["parameters"]:
        parameter["required"] = True


def with_a_new_parameter_needed(document: Any) -> None:
    document["paths"]["/api/v1/iscms/{id}/"]["get"]["parameters"].append(
        {"name": "why", "in": "query", "required": True, "schema": {"type": "string"}}
    )


def with_a_shorter_text(document: Any) -> None:
    body_of(document)["properties"]["label"]["maxLength"] = 3


def with_null_refused(document: Any) -> None:
    del body_of(document)["properties"]["project"]["nullable"]


def with_a_field_told_no_more_always(document: Any) -> None:
    document["components"]["schemas"]["FundingLine"]["required"].remove("id")


def with_a_field_gone(document: Any) -> None:
    del document["components"]["schemas"]["ISCM"]["properties"]["slug"]


def with_a_field_of_another_type(document: Any) -> None:
    document["components"]["schemas"]["ISCM"]["properties"]["slug"]["type"] = "integer"


def with_a_code_less(document: Any) -> None:
    document["components"]["schemas"]["Event"]["properties"]["kind"]["enum"].pop()


def with_other_rows_refused(document: Any) -> None:
    refused = document["components"]["schemas"]["Refused"]
    refused["additionalProperties"]["items"] = {"type": "string"}


def without_a_header(document: Any) -> None:
    del document["paths"][PLACE]["post"]["responses"]["201"]["headers"]["ETag"]


def without_an_operation(document: Any) -> None:
    del document["paths"][PLACE]["post"]


BREAKS = [
    *(without_a_field, with_a_field_needed, with_a_new_field_needed, without_a_list),
    *(with_a_field_of_a_row_needed, without_a_body, with_another_answer, with_one_answer_less),
    *(with_parameters_needed, with_a_new_parameter_needed, with_a_shorter_text),
    *(with_null_refused, with_a_field_told_no_more_always, with_a_field_gone),
    *(with_a_field_of_another_type, with_a_code_less, with_other_rows_refused),
    *(without_a_header, without_an_operation),
]


@pytest.mark.parametrize("break_it", BREAKS)
def test_what_breaks_a_client_is_found(now: Any, break_it: Callable[[Any], None]):
    after = copy.deepcopy(now)
    break_it(after)
    assert broken(promises(now), promises(after)) != []


def with_a_new_field(document: Any) -> None:
    body_of(document)["properties"]["ledger"] = {"type": "string"}
    told = document["components"]["schemas"]["FundingLine"]
    told["properties"]["ledger"] = {"type": "string"}
    told["required"].append("ledger")


def with_a_new_code(document: Any) -> None:
    document["components"]["schemas"]["Event"]["properties"]["kind"]["enum"].append("retreat")


def with_a_field_needed_no_more(document: Any) -> None:
    body_of(document)["required"].remove("label")


def with_a_new_operation(document: Any) -> None:
    document["paths"]["/api/v1/iscms/"]["post"] = document["paths"][PLACE]["post"]


@pytest.mark.parametrize(
    "grow",
    [with_a_new_field, with_a_new_code, with_a_field_needed_no_more, with_a_new_operation],
)
def test_what_only_grows_breaks_nobody(now: Any, grow: Callable[[Any], None]):
    after = copy.deepcopy(now)
    grow(after)
    assert promises(after) != promises(now)
    assert broken(promises(now), promises(after)) == []
