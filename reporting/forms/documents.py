"""A document that is put to a report."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.documents import ACCEPT, TAKEN, FileRefused, check_document, safe_name
from iscm_portal.common.forms import dress

from ..choices import DocumentKind, Sensitivity


class DocumentForm(forms.Form):
    """The file with its kind and who reads it; ``media_type`` is what its content says."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(label=_("What it is"), choices=DocumentKind.choices)
    sensitivity = forms.ChoiceField(
        label=_("Who reads it"),
        choices=Sensitivity.choices,
        initial=Sensitivity.INTERNAL,
        help_text=_("Once the report is accepted; until then your office and IPD."),
    )
    file = forms.FileField(
        label=_("File"),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ACCEPT}),
        help_text=_("%(kinds)s; 20 MB at most. Looked at by its content, not by its name.")
        % {"kinds": TAKEN},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["key"] = str(uuid.uuid4())
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
