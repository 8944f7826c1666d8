"""What a body says: JSON with the names that reading gives, as the forms of the pages take it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Model
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.parsers import JSONParser

from .history import REASON_LENGTH
from .records import Links, RecordSerializer

# Records of one call; more come as a file, through an import.
MOST = 100
# Of forms: which version a page showed, how an empty one is named, which row it takes away.
NOT_WRITTEN = ("version", "key", "DELETE")
LINKS = (forms.ModelChoiceField, forms.ModelMultipleChoiceField)
MANY = (forms.MultipleChoiceField, forms.ModelMultipleChoiceField)


class BodyParser(JSONParser):
    """JSON; one nested more deeply than Python can read is an error of its sender."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError:
            raise exceptions.ParseError(_("It is nested too deeply.")) from None


class ReasonForm(forms.Form):
    """Why a record is deleted."""

    reason = forms.CharField(required=False, max_length=REASON_LENGTH)


def said(form_class: type[forms.Form], data: Any, **kwargs: Any) -> dict[str, Any]:
    """What a body says by the fields of a form. Raises ValidationError."""
    given, empty = mapping(data), form_class(**kwargs)
    refuse_unknown(given, writable(empty))
    form = form_class(as_sent(empty, given), **kwargs)
    if not form.is_valid():
        raise exceptions.ValidationError(errors_of(form))
    return form.cleaned_data


def writable(form: forms.BaseForm) -> list[str]:
    """The fields that a body may have."""
    return [name for name in form.fields if name not in NOT_WRITTEN]


def starts_as(form: forms.BaseForm) -> dict[str, Any]:
    """What an empty form shows, ticked boxes too: what is not sent is that."""
    shown = {name: form.get_initial_for_field(form.fields[name], name) for name in writable(form)}
    return {name: value for name, value in shown.items() if value not in (None, "", [])}


def by_public_keys(form: forms.BaseForm, record: type[RecordSerializer]) -> None:
    """Have links named as the API names them: by slug, code or key instead of number."""
    columns = record().fields
    for name, field in form.fields.items():
        link: Any = field  # a link that is typed knows codes by itself
        if type(field) in LINKS:
            link.to_field_name = _key_of_link(columns.get(name))


def _key_of_link(column: Any) -> str | None:
    if isinstance(column, Links):
        return str(column.column).rpartition("__")[2]
    source = str(getattr(column, "source", "") or "")
    return source.rpartition(".")[2] if "." in source else None


def as_sent(form: forms.BaseForm, values: dict[str, Any]) -> dict[str, Any]:
    """``values`` as a browser would send them. Raises ValidationError for what no field takes."""
    sent: dict[str, Any] = {}
    errors = {}
    for name, value in values.items():
        many = isinstance(form.fields.get(name), MANY)
        parts = value if isinstance(value, list) and many else [value]
        if any(isinstance(part, list | dict) for part in parts) or (many and value is None):
            errors[name] = [_("Give a list.") if many else _("Give one value.")]
        elif isinstance(form.fields.get(name), forms.BooleanField) and not _is_flag(value):
            errors[name] = [_("Give true or false.")]
        elif any(isinstance(part, str) and _unreadable(part) for part in parts):
            errors[name] = [_("It holds a character that no text has.")]
        elif many:
            sent[name] = [str(part) for part in parts]
        elif value is not None:
            sent[name] = str(value)
    if errors:
        raise exceptions.ValidationError(errors)
    return sent


def _is_flag(value: Any) -> bool:
    """Of a box a browser sends nothing but that it is ticked: every other text would tick it."""
    return value is None or isinstance(value, bool)


def _unreadable(text: str) -> bool:
    return "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text)


def stored_values(form: forms.BaseForm, record: Any) -> dict[str, Any]:
    """What a record holds, as a body would say it."""
    return {name: _stored_value(form, record, name) for name in _own_fields(form, record)}


def _own_fields(form: forms.BaseForm, record: Any) -> Iterator[str]:
    names = {field.name for field in record._meta.get_fields()}
    yield from (name for name in form.fields if name in names)


def _stored_value(form: forms.BaseForm, record: Any, name: str) -> Any:
    value = getattr(record, name)
    key = getattr(form.fields[name], "to_field_name", None) or "pk"
    if isinstance(value, Model):
        return getattr(value, key)
    if hasattr(value, "all"):
        return [getattr(row, key) for row in value.all()]
    return value


def mapping(data: Any) -> dict[str, Any]:
    """The fields of a body. Raises ValidationError for what is no object."""
    if isinstance(data, dict):
        return dict(data)
    raise exceptions.ValidationError({"detail": [_("Give an object with the record's fields.")]})


def refuse_unknown(given: Collection[str], known: Collection[str]) -> None:
    """Raises ValidationError at what can't be written."""
    if unknown := [name for name in given if name not in known]:
        words = _("It can't be written. What can: %(known)s.") % {"known": ", ".join(known)}
        raise exceptions.ValidationError({name: [words] for name in unknown})


def errors_of(form: forms.BaseForm) -> dict[str, list[Any]]:
    return {
        "detail" if name == "__all__" else name: [str(message) for message in messages]
        for name, messages in form.errors.items()
    }


# --- lists inside of a record


@dataclass(frozen=True)
class RowList:
    """A list of rows inside of a record: the form of one, and what checks them all.

    A row may be named by its ``names``; ``shown`` are the fields that the record's answer has for
    one. ``bind`` makes of rows as a browser would send them something with ``forms`` in their
    order, ``is_valid()`` and ``non_form_errors()``: the formset of the page. Where that checks them
    by itself there is none.
    """

    row: forms.BaseForm
    names: tuple[str, ...] = ()
    shown: frozenset[str] = frozenset()
    bind: Callable[[list[dict[str, Any]]], Any] | None = None


def rows_as_sent(rows: RowList, given: Any) -> tuple[list[dict[str, Any]], list[Any]]:
    """The rows of a list as a browser would send them, and what is wrong with them."""
    if not isinstance(given, list):
        return [], [_("Give a list.")]
    if len(given) > MOST:
        return [], [_("Give at most %(most)s rows.") % {"most": MOST}]
    known = [*rows.names, *writable(rows.row)]
    sent, errors = [], []
    for place, row in enumerate(given):
        try:
            values = mapping(row)
            # A row as it was read may come back: what is only shown of it is passed over.
            shown = rows.shown - set(known)
            values = {name: value for name, value in values.items() if name not in shown}
            refuse_unknown(values, known)
            sent.append(as_sent(rows.row, values))
        except exceptions.ValidationError as error:
            errors.append(wrong_row(place, error.detail))
    return sent, errors


def errors_of_rows(bound: Any) -> list[Any]:
    """What a formset refuses: row by row, else of the list as a whole."""
    if bound.is_valid():
        return []
    errors: list[Any] = [
        wrong_row(place, errors_of(form)) for place, form in enumerate(bound.forms) if form.errors
    ]
    return errors or [str(message) for message in bound.non_form_errors()]


def wrong_row(place: int, errors: Any) -> dict[str, Any]:
    return {"row": place, "errors": errors}
