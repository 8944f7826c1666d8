"""Forms of the directory and of events."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.access import allowed_scopes
from iscm_portal.common.choices import Scope
from iscm_portal.common.forms import dress, not_after

from .models import Event, User


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


class TokenForm(forms.Form):
    """A token for a program: what it is for, what it may do, and for how long."""

    DAYS = ((30, _("30 days")), (90, _("90 days")), (180, _("half a year")), (365, _("a year")))

    label = forms.CharField(
        label=_("What it is for"),
        max_length=120,
        help_text=_('Such as "Power BI, resources": to know it again when it is to be revoked.'),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("As little as the program needs. It never does more than you may yourself."),
    )
    days = forms.TypedChoiceField(
        label=_("How long it is good"), choices=DAYS, coerce=int, initial=90
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        allowed = allowed_scopes(user)
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]
            (scope.value, scope.label) for scope in Scope if scope in allowed
        ]
        dress(self, wide=("label", "scopes"))
