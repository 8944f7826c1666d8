"""The words of a review: why a report is returned, what is said at a field, what is corrected."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from ..choices import ReportPart
from ..models import PostEventReport
from .report import STEPS

Choices = list[tuple[str, Any]]


# The report's own texts, and the fields of each kind of row, as the writer's form names them.
TEXT_PLACES: dict[str, Any] = {
    name: field.label
    for step in STEPS
    for name, field in getattr(step.form, "base_fields", {}).items()
}
ROW_PLACES: dict[str, Choices] = {
    about.accessor: [
        (name, capfirst(about.model._meta.get_field(name).verbose_name))
        for name in about.form.Meta.fields  # type: ignore[attr-defined]
    ]
    for step in STEPS
    for about in step.row_sets
}
# The part that each of them stands in.
PARTS: dict[str, ReportPart] = {
    **{name: step.part for step in STEPS for name in getattr(step.form, "base_fields", ())},
    **{about.accessor: step.part for step in STEPS for about in step.row_sets},
}


class CommentForm(forms.Form):
    """A comment and its place: a text's name, or a row's key and maybe one of its fields."""

    row = forms.UUIDField(required=False, widget=forms.HiddenInput)
    field = forms.CharField(required=False, max_length=40, label=_("About"))
    text = forms.CharField(label=_("Comment"), max_length=4000, widget=forms.Textarea)

    def __init__(self, *args: Any, report: PostEventReport, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.report = report
        # A page has one of these at every place.
        self.auto_id = f"comment-at-{self.place.replace('%', '')}-%s"

    @property
    def place(self) -> str:
        """The row's key, or the name of the text, as it was sent."""
        return str(self.data.get("row") or self.data.get("field", ""))

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        row, field = found.get("row"), found.get("field", "")
        part = self._part_of(row, field) if "row" in found else None
        if part is None:
            raise forms.ValidationError(_("The place of this comment is not in the report."))
        return {**found, "part": part}

    def _part_of(self, row: uuid.UUID | None, field: str) -> ReportPart | None:
        """The part that the place stands in; None for a place that the report has not."""
        if row is None:
            return PARTS[field] if field in TEXT_PLACES else None
        for rows, fields in ROW_PLACES.items():
            is_field = not field or field in dict(fields)
            if is_field and getattr(self.report, rows).filter(key=row).exists():
                return PARTS[rows]
        return None


class ReturnForm(forms.Form):
    """Why a report goes back; comments at its fields say it as well."""

    comment = forms.CharField(
        label=_("What should the office mend?"),
        help_text=_("The reporter reads this first."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=4000,
    )

    def __init__(self, *args: Any, has_comments: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["comment"].required = not has_comments


class CorrectForm(forms.Form):
    reason = forms.CharField(
        label=_("What is wrong, and how do you know?"),
        help_text=_("IPD reads this when it reviews the correction; it stays with the report."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=4000,
    )
