"""Forms of the directory and of events."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.forms import dress, not_after

from .models import Event


class ProposedEventForm(forms.ModelForm):  # type: ignore[type-arg]
    """An event that is not on record yet. It is marked as proposed until IPD confirms it."""

    class Meta:
        model = Event
        fields = ["name", "iscms", "kind", "starts_on", "ends_on", "city", "country"]
        help_texts = {
            "name": _("As it stands on the invitation."),
            "iscms": _("One, or several for a joint meeting; none for the GRCP."),
        }
        widgets = {"iscms": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("starts_on", "ends_on"):
            self.fields[name].required = True
        # A report is about an event that has begun.
        self.fields["starts_on"].validators.append(not_after(today))
        dress(self, wide=("iscms",))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        is_grcp = cleaned.get("kind") == "grcp"
        if "iscms" in cleaned and not cleaned["iscms"] and not is_grcp:
            self.add_error("iscms", _("Choose the mechanism that met."))
        return cleaned
