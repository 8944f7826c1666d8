"""What the forms of every app share."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from .documents import ACCEPT, TAKEN, FileRefused, check_document, safe_name
from .period import FIRST_DAY, LAST_DAY, latest_day


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
    """The rule that a date of what has happened is not still to come."""
    return MaxValueValidator(latest_day(today), _("The date is still to come."))


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


class RuledForm(forms.ModelForm):  # type: ignore[type-arg]
    """A record, with the rules of its table each said at a field: Django says them above the
    form."""

    # rule of the database -> the field at which its message is said
    at_field: ClassVar[dict[str, str]] = {}

    def _post_clean(self) -> None:
        self.instance.validate_constraints = lambda exclude: None
        super()._post_clean()  # type: ignore[misc]
        del self.instance.validate_constraints
        self._check_rules()

    def _check_rules(self) -> None:
        exclude = self._get_validation_exclusions()  # type: ignore[attr-defined]
        for rule in self.instance._meta.constraints:
            try:
                rule.validate(type(self.instance), self.instance, exclude=exclude)
            except ValidationError as error:
                field = self.at_field.get(rule.name)
                if field not in self.errors:  # else it is told there already, and more closely
                    self.add_error(field if field in self.fields else None, error.messages)


class FileForm(forms.Form):
    """A document that is sent. Once valid, ``media_type`` is what its content says, ``name`` how
    it may be called."""

    file = forms.FileField(
        label=_("File"),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ACCEPT}),
        help_text=_("%(kinds)s; 20 MB at most. Looked at by its content, not by its name.")
        % {"kinds": TAKEN},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.media_type = self.name = ""
        dress(self)

    @property
    def most_bytes(self) -> int:
        most: int = settings.UPLOAD_MAX_BYTES
        return most

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        try:
            self.media_type = check_document(file.name, file).media_type
        except FileRefused as refused:
            raise forms.ValidationError(str(refused)) from refused
        self.name = safe_name(file.name)
        return file

    def refuse_as_too_large(self) -> None:
        """The upload was stopped (``uploads.TooLargeHandler``): say only that."""
        self.full_clean()
        self.errors.clear()
        self.add_error("file", _("The file is larger than 20 MB."))

    def refuse_as_not_stored(self) -> None:
        self.add_error(
            None, _("The portal could not keep the file: its disk is full. Try again later.")
        )


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
                # Of several controls, as radio buttons are, the first one has the place.
                anchor = bound.id_for_label or f"{bound.auto_id}_0"
                found += [Problem(str(bound.label), str(error), anchor) for error in errors]
    return found
