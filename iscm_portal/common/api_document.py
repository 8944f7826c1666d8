"""What the OpenAPI document says of every answer alike: errors in one shape, and what stands in
the head of an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

JSON = "application/json"
ERROR = {"$ref": "#/components/schemas/Error"}
REFUSED = {"$ref": "#/components/schemas/Refused"}
ROW_REFUSED = {"$ref": "#/components/schemas/RowRefused"}
WRITES = ("post", "patch", "delete")

SCHEMAS: dict[str, Any] = {
    "Refused": {
        "type": "object",
        "description": "What is wrong, as texts under the name of each parameter or field; what "
        "belongs to none stands under `detail`. Of a list inside of a record it is said by row; "
        "of a list of records by row under `rows`.",
        "properties": {
            "detail": {"type": "string"},
            "rows": {"type": "array", "items": ROW_REFUSED},
        },
        "additionalProperties": {
            "type": "array",
            "items": {"oneOf": [{"type": "string"}, ROW_REFUSED]},
        },
    },
    "RowRefused": {
        "type": "object",
        "description": "What is wrong with a row; the first one is row 0.",
        "properties": {"row": {"type": "integer"}, "errors": REFUSED},
        "required": ["row", "errors"],
        "additionalProperties": False,
    },
}

# header -> its type, and what it says
HEADERS = {
    "ETag": ("string", "The version of the answer: for If-None-Match, of a record for If-Match."),
    "Location": ("string", "The address of the record, where one was made."),
    "X-Row-Count": ("integer", "How many rows a file has, where that is known before it is sent."),
    "RateLimit-Limit": ("integer", "How many calls a minute the token has."),
    "RateLimit-Remaining": ("integer", "How many are left of them."),
    "RateLimit-Reset": ("integer", "After how many seconds they are whole again."),
    "Retry-After": ("integer", "After how many seconds to go on."),
    "WWW-Authenticate": ("string", "How to sign in."),
}
RATE = tuple(name for name in HEADERS if name.startswith("RateLimit-"))
# Answered before it is known whose call it is.
NOT_COUNTED = ("401", "406")


def declare_answers(result: Any, generator: Any, request: Any, public: Any) -> Any:
    """A hook of drf-spectacular."""
    result["components"]["schemas"] |= SCHEMAS
    result["components"]["headers"] = {
        name: {"description": said, "schema": {"type": kind}}
        for name, (kind, said) in HEADERS.items()
    }
    for methods in result["paths"].values():
        for method, operation in methods.items():
            answers = operation["responses"]
            answers["400"]["content"][JSON]["schema"] = REFUSED
            answers["406"] = _error("It can't be given as what `Accept` names.")
            if method in WRITES:
                answers["415"] = _error("What is sent is no JSON by its `Content-Type`.")
            if _is_tagged(operation):
                answers["304"] = {"description": "It is what `If-None-Match` names."}
            for status, answer in answers.items():
                names = _headers(method, status, _is_tagged(operation))
                if headers := {name: {"$ref": f"#/components/headers/{name}"} for name in names}:
                    answer["headers"] = headers
            operation["responses"] = dict(sorted(answers.items()))
    return result


def _is_tagged(operation: Any) -> bool:
    """Whether what is read has a version: what can be had as a table does."""
    return "text/csv" in operation["responses"].get("200", {}).get("content", {})


def _headers(method: str, status: str, is_tagged: bool) -> Iterator[str]:
    is_write = method in WRITES
    if (status in ("200", "304") and is_tagged) or (status in ("200", "201") and is_write):
        yield "ETag"
    if status == "201":
        yield "Location"
    if status == "200" and is_tagged:
        yield "X-Row-Count"
    if status == "401":
        yield "WWW-Authenticate"
    if status == "429":
        yield "Retry-After"
    if status not in NOT_COUNTED:
        yield from RATE


def _error(said: str) -> dict[str, Any]:
    return {"description": said, "content": {JSON: {"schema": ERROR}}}
