"""What the forms of every app share."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from .period import FIRST_DAY, LAST_DAY


class DateInput(forms.DateInput):
    """The browser's own date picker."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


plausible_day = (
    MinValueValidator(FIRST_DAY, _("The date lies before 1951.")),
    MaxValueValidator(LAST_DAY, _("The date lies after 2100.")),
)


def not_after(today: dt.date) -> MaxValueValidator:
    """The rule that a date of what has happened is not still to come.

    ``today`` is UTC's; where the sun rises earlier, the next day has begun already.
    """
    return MaxValueValidator(today + dt.timedelta(days=1), _("The date is still to come."))


def dress(form: forms.BaseForm, *, wide: tuple[str, ...] = (), lines: int = 3) -> None:
    """Give dates their picker, texts their size, and mark the fields that take a whole row."""
    for name, field in form.fields.items():
        if isinstance(field, forms.DateField):
            field.widget = DateInput(field.widget.attrs)
            field.validators += plausible_day
        if isinstance(field.widget, forms.Textarea):
            field.widget.attrs["rows"] = lines
        if isinstance(field.widget, forms.NumberInput):
            field.widget.attrs.setdefault("inputmode", "decimal")
        field.wide = name in wide or isinstance(field.widget, forms.Textarea)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Problem:
    """One error for the summary on top of a page; ``anchor`` is the id of the field."""

    label: str
    message: str
    anchor: str


def problems_of(*parts: Any) -> list[Problem]:
    """All errors of forms and formsets, in the order of the page."""
    found: list[Problem] = []
    for part in parts:
        if part is None:
            continue
        if isinstance(part, forms.BaseFormSet):
            found += [Problem("", str(error), "") for error in part.non_form_errors()]
            for form in part.forms:
                found += problems_of(form)
            continue
        for name, errors in part.errors.items():
            if name == "__all__":
                found += [Problem("", str(error), "") for error in errors]
            else:
                bound = part[name]
                found += [
                    Problem(str(bound.label), str(error), bound.id_for_label) for error in errors
                ]
    return found
