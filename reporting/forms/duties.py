"""Forms by which an office answers a duty or asks for more time."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.forms import dress

from ..choices import DutyAnswer


class AnswerForm(forms.Form):
    answer = forms.ChoiceField(
        label=_("What do you answer?"),
        choices=DutyAnswer.choices,
        widget=forms.RadioSelect,
        help_text=_("Either counts as an answer once IPD has accepted it."),
    )
    reason = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=2000,
        widget=forms.Textarea,
        help_text=_("Needed when nobody attended. Seen by your office and IPD."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, lines=2)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("answer") == DutyAnswer.NOT_ATTENDED and not cleaned.get("reason"):
            self.add_error("reason", _("Say why nobody attended."))
        return cleaned


class ExtensionForm(forms.Form):
    until_on = forms.DateField(label=_("Until"))
    reason = forms.CharField(label=_("Reason"), max_length=2000, widget=forms.Textarea)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, lines=2)
