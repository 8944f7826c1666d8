"""Forms of the directory and of events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.access import allowed_scopes, reading_that_lacks
from iscm_portal.common.choices import DatePrecision, Scope
from iscm_portal.common.forms import RuledForm, dress, not_after
from iscm_portal.common.history import REASON_LENGTH

from .models import (
    AgendaItem,
    Delegate,
    Event,
    FollowUpAction,
    Partnership,
    PolicyInstrument,
    SupportRequest,
    User,
)


class WhyForm(forms.Form):
    """Why a record is deleted that figures were counted from."""

    reason = forms.CharField(
        label=_("Why it is deleted"),
        help_text=_("Stands beside the figures of closed years that are others for it."),
        max_length=REASON_LENGTH,
    )


class EventForm(RuledForm):
    at_field = {"event_dates_in_order": "ends_on", "event_dates_plausible": "starts_on"}

    class Meta:
        model = Event
        fields = "__all__"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        is_known = self.instance.date_precision == DatePrecision.DAY
        if is_known and cleaned.get("starts_on") is None and "starts_on" not in self.errors:
            self.add_error("starts_on", _("Give the first day."))
        return cleaned


class AgendaItemForm(RuledForm):
    class Meta:
        model = AgendaItem
        fields = "__all__"


class SupportRequestForm(RuledForm):
    at_field = {
        "supportrequest_dates_plausible": "asked_on",
        "supportrequest_answered_after_asked": "answered_on",
    }

    class Meta:
        model = SupportRequest
        fields = "__all__"


class PartnershipForm(RuledForm):
    at_field = {"partnership_dates_plausible": "since_on"}

    class Meta:
        model = Partnership
        fields = "__all__"


class PolicyInstrumentForm(RuledForm):
    at_field = {
        "policyinstrument_dates_plausible": "dated_on",
        "policyinstrument_of_a_state_or_region": "country",
    }

    class Meta:
        model = PolicyInstrument
        fields = "__all__"


class FollowUpForm(RuledForm):
    at_field = {"followupaction_dates_plausible": "agreed_on"}

    class Meta:
        model = FollowUpAction
        fields = "__all__"


class DelegateForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who took part for IOM: by position, not by name."""

    class Meta:
        model = Delegate
        fields = ["office", "title", "capacity"]


class Delegation:
    """The whole delegation to an event as a program sends it, row by row.

    A row with the ``id`` of a delegate is that delegate, one without is new; who is not in it is
    taken away. Those that an accepted report wrote stay, and stay as they are.
    """

    def __init__(self, event: Event | None, rows: Sequence[Mapping[str, Any]]) -> None:
        stored = Delegate.objects.filter(event=event).select_related("office") if event else ()
        self.stored = {str(delegate.pk): delegate for delegate in stored}
        self.named = [str(row["id"]) if "id" in row else "" for row in rows]
        self.before = [self._values(self.stored.get(pk)) for pk in self.named]
        self.forms = [
            DelegateForm(
                {**self._sent(self.stored.get(pk, Delegate())), **row},
                instance=self.stored.get(pk) or Delegate(event=event),
            )
            for pk, row in zip(self.named, rows, strict=True)
        ]

    def _sent(self, delegate: Delegate) -> dict[str, str]:
        """What a row that does not say it leaves as it is."""
        office = delegate.office.slug if delegate.office_id else ""
        return {"office": office, "title": delegate.title, "capacity": delegate.capacity}

    def _values(self, delegate: Delegate | None) -> dict[str, Any]:
        names = DelegateForm.base_fields
        return {name: getattr(delegate, name) for name in names} if delegate else {}

    def is_valid(self) -> bool:
        seen: set[str] = set()
        for pk, before, form in zip(self.named, self.before, self.forms, strict=True):
            if pk and (pk not in self.stored or pk in seen):
                form.add_error(None, _("The event has no such row, or it stands here twice."))
            elif form.is_valid() and form.cleaned_data != before and form.instance.report_number:
                said = _("Report %(number)s wrote it: correct the report instead.")
                form.add_error(None, said % {"number": form.instance.report_number})
            seen.add(pk)
        return not any(form.errors for form in self.forms)

    def non_form_errors(self) -> list[str]:
        return []

    @property
    def changed(self) -> list[Delegate]:
        """The delegates that are new or not as they were."""
        pairs = zip(self.before, self.forms, strict=True)
        return [form.instance for before, form in pairs if form.cleaned_data != before]

    @property
    def gone(self) -> list[Delegate]:
        return [
            delegate
            for pk, delegate in self.stored.items()
            if pk not in self.named and delegate.report_number is None
        ]


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

    def clean_scopes(self) -> list[str]:
        scopes: list[str] = self.cleaned_data["scopes"]
        for write, reading in reading_that_lacks(scopes).items():
            names = _(" or ").join(str(scope.label) for scope in reading)
            raise forms.ValidationError(
                _("“%(write)s” opens nothing without “%(reading)s”: choose that as well.")
                % {"write": write.label, "reading": names}
            )
        return scopes
