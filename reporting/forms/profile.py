"""What somebody sets for himself."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from engagements.models import User
from iscm_portal.common.forms import dress


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["email", "notice_pace", "language"]
        help_texts = {
            "email": _("Where notices go. Without one they stand in the portal only."),
            "notice_pace": _("Several notices come in one mail."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)
