"""A file that is sent to be imported, and the word to write it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.documents import FileRefused
from iscm_portal.common.forms import dress

from ..choices import ImportKind
from ..models import ImportRun
from ..services.importing.reading import check_file
from ..services.importing.runs import (
    LONGEST_REASON,
    LONGEST_UNDO_REASON,
    SAY_WHY,
    SAY_WHY_UNDO,
)


class ImportForm(forms.Form):
    """The file and what it holds."""

    kind = forms.ChoiceField(label=_("What the file holds"), choices=ImportKind.choices)
    file = forms.FileField(
        label=_("File"),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".xlsx,.csv"}),
        help_text=_(
            "XLSX (its first sheet) or CSV in UTF-8 with commas or semicolons; 20 MB at most. "
            "It is checked first; nothing is written before you say so."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        try:
            check_file(file.name, file)
        except FileRefused as refused:
            raise forms.ValidationError(str(refused)) from refused
        return file


class WriteForm(forms.Form):
    """Why figures change; needed where the file changes what they are counted from."""

    reason = forms.CharField(
        label=_("Why figures change"),
        max_length=LONGEST_REASON,
        required=False,
        help_text=_("It stands in the history of each record."),
    )

    def __init__(self, *args: Any, run: ImportRun, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = bool(run.amounts_changed)
        self.fields["reason"].error_messages["required"] = SAY_WHY
        dress(self)


class UndoForm(forms.Form):
    """Why a written file is undone: what figures are counted from changes by that."""

    undo_reason = forms.CharField(
        label=_("Why it is undone"),
        max_length=LONGEST_UNDO_REASON,
        help_text=_("It stands in the history of each record."),
        error_messages={"required": SAY_WHY_UNDO},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)
