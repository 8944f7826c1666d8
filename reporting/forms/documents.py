"""A document that is put to a report."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.forms import FileForm

from ..choices import DocumentKind, Sensitivity


class DocumentForm(FileForm):
    """The file with its kind and who reads it."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(label=_("What it is"), choices=DocumentKind.choices)
    sensitivity = forms.ChoiceField(
        label=_("Who reads it"),
        choices=Sensitivity.choices,
        initial=Sensitivity.INTERNAL,
        help_text=_("Once the report is accepted; until then your office and IPD."),
    )

    field_order = ("key", "kind", "sensitivity", "file")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["key"] = str(uuid.uuid4())
