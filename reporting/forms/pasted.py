"""A text or a Word file that is to become a draft."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.documents import FileRefused, check_document
from iscm_portal.common.forms import dress

from .from_text import MOST_LETTERS, lines_of_word


class PastedForm(forms.Form):
    text = forms.CharField(
        label=_("Paste the e-mail"),
        required=False,
        strip=False,
        max_length=MOST_LETTERS,
        widget=forms.Textarea,
        help_text=_("Each heading on a line of its own; rows one a line, their cells split by |."),
    )
    file = forms.FileField(
        label=_("or send the Word file"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".docx,.txt"}),
        help_text=_("DOCX or TXT; 20 MB at most."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lines: list[str] = []
        dress(self, lines=12)

    def lines(self) -> Iterable[str]:
        """The lines of the text and then those of the file."""
        return [*self.cleaned_data["text"].split("\n"), *self._lines]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file is None:
            return None
        try:
            kind = check_document(file.name, file)
            if kind.media_type.startswith("text/plain"):
                self._lines = file.read().decode().split("\n")
            elif file.name.lower().endswith(".docx"):
                self._lines = _lines_of_word(file)
            else:
                raise FileRefused(_("A Word file (DOCX) or plain text (TXT) is needed here."))
        except FileRefused as refused:
            raise forms.ValidationError(str(refused)) from refused
        return file

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if not self.errors and not found["text"].strip() and not found["file"]:
            raise forms.ValidationError(_("Paste a text, or choose a file."))
        return found


def _lines_of_word(file: Any) -> list[str]:
    try:
        return list(lines_of_word(file))
    except Exception as error:  # the library raises whatever the part at fault makes it stumble on
        raise FileRefused(str(_("The file is damaged."))) from error
