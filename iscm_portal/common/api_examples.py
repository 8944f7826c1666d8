"""The examples of the OpenAPI document, made in one place of real shapes.

``examples.json`` holds one record of each list as the API gives it, of the real records or the
demo (``tests/api/examples.py`` writes it). Answers are these records; what may be written is what
of a record can be; errors are the portal's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).with_name("examples.json")
JSON = "application/json"
BASE = "/api/v1/"

# status -> what is told; of 400 what is wrong is told by its name
ERRORS: dict[str, Any] = {
    "401": {"detail": "Authentication credentials were not provided."},
    "403": {"detail": "You do not have permission to perform this action."},
    "404": {"detail": "Not found."},
    "406": {"detail": "Could not satisfy the request Accept header."},
    "409": {"detail": "The report is submitted: that can't be done now."},
    "410": {
        "detail": "The feed can't go on from this position: it is older than 90 days, or what you"
        " may see or asked for (type=) is not what it was. Pull anew: take a position with"
        " after=now, pull the lists, and follow from that position."
    },
    "412": {"detail": "It was changed since: read it anew and send your change again."},
    "415": {"detail": 'Unsupported media type "text/plain" in request.'},
    "422": {"detail": "This key was used for another call; give each call its own."},
    "428": {"detail": "Say in If-Match which version you saw: the ETag of its answer."},
    "429": {"detail": "Request was throttled. Expected available in 20 seconds."},
}
WRONG_PARAMETER = {"page_size": ["Give a number from 1 to 1000."]}
REQUIRED = ["This field is required."]
# What is written and not read, or asked of a change only.
WRITTEN_ONLY = {
    "reason": "The ledger says so.",
    "comment": "Say how many days each person spent.",
    "discussed_internal": "Demo: for colleagues only.",
    "discussed_restricted": "Demo: for the office and IPD only.",
    "funding_leads": "Demo: a donor asked for a concept note.",
}
# What a report lacks that is submitted: nothing is sent with it.
LACKING = {"participants": ["Say who took part for IOM."]}
SOURCED = ("source", "confidence", "note")
# A change says so many of the fields.
MOST_CHANGED = 2


@cache
def records() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RECORDS.read_text())
    return found


def add_examples(result: Any, generator: Any, request: Any, public: Any) -> Any:
    """The document with an example at each JSON answer and body (a hook of drf-spectacular)."""
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            if body := operation.get("requestBody", {}).get("content", {}).get(JSON):
                body["example"] = body_of(path, method, body["schema"])
            for status, answer in operation["responses"].items():
                if content := answer.get("content", {}).get(JSON):
                    content["example"] = answer_of(path, method, status, operation)
    return result


def answer_of(path: str, method: str, status: str, operation: Mapping[str, Any]) -> Any:
    """What ``path`` answers with ``status``."""
    if status == "400":
        return WRONG_PARAMETER if method == "get" else wrong_field(operation)
    if status in ERRORS:
        return ERRORS[status]
    name = path.removeprefix(BASE)
    if name in records():
        return records()[name]
    record = record_of(path, method)
    is_list = method == "get" and (name.count("/") == 1 or name.endswith("evidence/"))
    return {"results": [record], "next": None} if is_list else record


def record_of(path: str, method: str) -> Any:
    """The record that an operation reads or writes."""
    name, _slash, rest = path.removeprefix(BASE).partition("/")
    if rest.endswith("evidence/"):
        return records()[f"{name}/evidence"]
    is_draft = name == "reports" and method != "get" and not rest.endswith("accept/")
    return records()["reports/draft" if is_draft else name]


def body_of(path: str, method: str, schema: Mapping[str, Any]) -> Any:
    """What may be sent: what of the record can be written."""
    schema = next(iter(schema.get("oneOf", ())), schema)
    record = {**record_of(path, method), **WRITTEN_ONLY}
    found = dict(_written(schema, record))
    if method == "patch":
        plain = [name for name in found if not isinstance(found[name], list)]
        chosen = [name for name in plain if name not in (*WRITTEN_ONLY, *SOURCED)][:MOST_CHANGED]
        found = {name: found[name] for name in [*chosen, *(found.keys() & {"reason"})]}
    return found


def _written(schema: Mapping[str, Any], record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, part in schema["properties"].items():
        value = record.get(name)
        if name == "key" or value in (None, "", []):  # rows on record alone have a key
            continue
        if part["type"] == "array" and "properties" in part["items"]:
            value = [dict(_written(part["items"], row)) for row in value]
        elif part["type"] == "string":
            value = str(value)  # numbers of records are sent as they are read, or as texts
        yield name, value


def wrong_field(operation: Mapping[str, Any]) -> dict[str, Any]:
    """That the first field of the body is missing; of a deletion its reason."""
    if "requestBody" not in operation:
        return {"reason": REQUIRED}
    schema = operation["requestBody"]["content"][JSON]["schema"]
    schema = next(iter(schema.get("oneOf", ())), schema)
    names = schema.get("required") or list(schema["properties"])
    return {names[0]: REQUIRED} if names else LACKING
