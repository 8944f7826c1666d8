"""The form by which IPD closes a year."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.forms import dress


class CloseYearForm(forms.Form):
    revision = forms.IntegerField(min_value=1, max_value=99, widget=forms.HiddenInput)
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=2000,
        widget=forms.Textarea,
        help_text=_("Shown with the release: what readers should know of the year."),
    )
    is_confirmed = forms.BooleanField(
        label=_("I have read what is incomplete. The values of the year are to be closed as is."),
        error_messages={"required": _("Confirm that the year is to be closed as it is.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, lines=2)
