"""Fields that the forms of money share."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

# Halves of pairs, and what stands where a browser sent no text at all.
_NO_TEXT = re.compile("[\ud800-\udfff\ufffd]")
readable = RegexValidator(
    _NO_TEXT, _("It holds a character that could not be read; type it anew."), inverse_match=True
)


class LinkField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A record of a table that is too long for a list of choices: its code or number is typed."""

    widget = forms.TextInput
    # No code is longer, and no number.
    longest = 40

    def __init__(self, queryset: QuerySet[Any], **kwargs: Any) -> None:
        kwargs.setdefault(
            "error_messages",
            {"invalid_choice": _("There is none called “%(value)s”, or it is not open to you.")},
        )
        super().__init__(queryset, **kwargs)
        self.widget.attrs["autocomplete"] = "off"

    @property
    def has_code(self) -> bool:
        try:
            return self.queryset is not None and bool(self.queryset.model._meta.get_field("code"))
        except FieldDoesNotExist:
            return False

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip()
        if not text:
            return None
        if found := self._named(text):
            return found
        raise ValidationError(
            self.error_messages["invalid_choice"],
            code="invalid_choice",
            params={"value": text[: self.longest]},
        )

    def _named(self, text: str) -> Any:
        if len(text) > self.longest or not text.isprintable() or self.queryset is None:
            return None
        if self.has_code and (found := self.queryset.filter(code=text).first()):
            return found
        if text.isascii() and text.isdecimal() and len(text) <= 18:
            return self.queryset.filter(pk=int(text)).first()
        return None

    def prepare_value(self, value: Any) -> Any:
        """The code, where the stored record has one."""
        if isinstance(value, int) and self.has_code and self.queryset is not None:
            return self.queryset.filter(pk=value).values_list("code", flat=True).first() or value
        return value
