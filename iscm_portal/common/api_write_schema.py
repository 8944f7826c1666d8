"""What the OpenAPI document says of writing: what may be sent, what is answered, why it is
refused."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.choices import flatten_choices
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from .api import ERRORS, EndpointSchema, ErrorSerializer
from .api_bodies import LINKS, MOST, ReasonForm, RowList, starts_as, writable
from .api_refusals import NotNow, Stale
from .history import REASON_LENGTH


class WriteSchema(EndpointSchema):
    """Tells OpenAPI what may be sent, what is answered and why it is refused."""

    @property
    def is_write(self) -> bool:
        return self.method.lower() in ("post", "patch", "delete")

    def get_description(self) -> str:  # type: ignore[override]
        said = super().get_description()
        write: Any = self.view
        return f"{said} To write: `{write.write_scope.value}`, too." if self.is_write else said

    def get_override_parameters(self) -> list[Any]:
        if not self.is_write:
            return super().get_override_parameters()
        found = []
        if self.method.lower() == "post":
            found.append(("Idempotency-Key", "Names the call: sent again, it makes nothing more."))
        if self.of_a_record:
            found.append(("If-Match", "The ETag of the record as its writer saw it."))
        return [
            OpenApiParameter(name, str, "header", description=said, required=name == "If-Match")
            for name, said in found
        ]

    @property
    def of_a_record(self) -> bool:
        """Whether what is written is there already: changed, acted on or deleted."""
        return "{" in self.path

    def get_request_serializer(self) -> Any:
        view: Any = self.view
        if not self.is_write:
            return None
        row = view.body_schema(view.action, self.method.lower())
        if not self.of_a_record:
            rows = {"type": "array", "items": row, "minItems": 1, "maxItems": MOST}
            row = {"oneOf": [row, rows]}
        return {"application/json": row}

    def get_response_serializers(self) -> Any:
        if not self.is_write:
            return super().get_response_serializers()
        method, view = self.method.lower(), self.view
        record: Any = getattr(view, "written_class", None) or view.serializer_class  # type: ignore[attr-defined]
        answer: dict[Any, Any]
        if method == "delete":
            answer = {204: None}
        elif self.of_a_record:
            answer = {(200, "application/json"): record}
        else:
            ref = self.resolve_serializer(record, "response").ref
            one_or_all = {"oneOf": [ref, {"type": "array", "items": ref}]}
            answer = {(201, "application/json"): one_or_all}
        refused = {
            400: "A field is wrong, the message stands under its name; of a list, by row.",
            401: ERRORS[401],
            403: "The token lacks a scope, or its owner may not write this.",
            429: ERRORS[429],
        }
        if method == "post":
            refused[422] = "The Idempotency-Key was used for another call."
        if self.of_a_record:
            refused |= {404: ERRORS[404], 412: Stale.__doc__ or "", 428: "If-Match is missing."}
        if getattr(view, "has_states", False) and self.of_a_record:
            refused[409] = NotNow.__doc__ or ""
        return answer | {
            (code, "application/json"): OpenApiResponse(ErrorSerializer, said)
            for code, said in refused.items()
        }


def row_schema(form: forms.BaseForm, method: str) -> dict[str, Any]:
    """What a record may be sent as; to delete it takes the reason alone."""
    if method == "delete":
        return row_schema(ReasonForm(), "post")
    fields = {name: form.fields[name] for name in writable(form)}
    properties = {name: field_schema(field) for name, field in fields.items()}
    row: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    if method == "patch":
        properties["reason"] = {
            "type": "string",
            "maxLength": REASON_LENGTH,
            "description": "Why it changes.",
        }
        return row
    starts = starts_as(form)
    for name in starts.keys() - drawn_anew(form):
        properties[name]["default"] = _as_json(starts[name])
    if required := [name for name in fields if fields[name].required and name not in starts]:
        row["required"] = required
    return row


def rows_schema(rows: RowList) -> dict[str, Any]:
    row = row_schema(rows.row, "post")
    row["properties"] |= {name: {"type": "string"} for name in rows.names}
    row["additionalProperties"] = True  # what is shown beside, a row sent back may have
    return {"type": "array", "items": row, "maxItems": MOST}


def drawn_anew(form: forms.BaseForm) -> set[str]:
    """The fields that have another value in each empty form: a code, today."""
    return {name for name, field in form.fields.items() if callable(field.initial)}


def _as_json(value: Any) -> Any:
    return value if isinstance(value, bool | int) else str(value)


def field_schema(field: forms.Field) -> dict[str, Any]:
    """What a field takes, as its form says it: codes, limits, whether it may be empty, its help."""
    told = _kind_schema(field)
    if not field.required and told["type"] != "array":
        told["nullable"] = True
    if field.help_text:
        told["description"] = str(field.help_text)
    return told


def _kind_schema(field: forms.Field) -> dict[str, Any]:
    match field:
        case forms.ModelMultipleChoiceField():
            return {"type": "array", "items": _link_schema(field)}
        case forms.ModelChoiceField():
            return _link_schema(field)
        case forms.TypedChoiceField():
            return _code_schema(field)
        case forms.BooleanField():
            return {"type": "boolean"}
        case forms.DecimalField():
            return {"type": "string", "format": "decimal"}
        case forms.IntegerField():
            return {"type": "integer", **_limits(field)}
        case forms.DateField():
            return {"type": "string", "format": "date"}
        case forms.CharField(max_length=int(most)):
            return {"type": "string", "maxLength": most}
    return {"type": "string"}


def _code_schema(field: forms.TypedChoiceField) -> dict[str, Any]:
    """One of the codes; where it may be none, null or the empty text, which records have too."""
    choices: Any = field.choices
    flat: Any = flatten_choices(choices)
    codes = [code for code, _label in flat if code not in (None, "")]
    kind = "integer" if all(isinstance(code, int) for code in codes) else "string"
    empty = [] if field.required else ["", None] if kind == "string" else [None]
    return {"type": kind, "enum": [*codes, *empty]}


def _limits(field: forms.IntegerField) -> dict[str, int]:
    """The least and the greatest number: by the field itself or by a rule put to it."""
    found = {}
    for rule in field.validators:
        if isinstance(rule, MinValueValidator):
            found["minimum"] = int(rule.limit_value)
        elif isinstance(rule, MaxValueValidator):
            found["maximum"] = int(rule.limit_value)
    return found


def _link_schema(field: Any) -> dict[str, Any]:
    """By its number where its records have nothing else; a link that is typed takes codes too."""
    by_number = field.to_field_name in (None, "pk") and type(field) in LINKS
    return {"type": "integer"} if by_number else {"type": "string"}
