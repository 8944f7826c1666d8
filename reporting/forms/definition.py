"""The form of an indicator's definition, part by part."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from engagements.models import ReferenceFrame
from iscm_portal.common.forms import dress
from iscm_portal.common.period import FIRST_DAY, LAST_DAY

from ..choices import IndicatorState, SmartPart
from ..models import Indicator
from ..rules import FIGURES, contradictions, lacks, unit_of
from ..selectors.definitions import same, values_of
from ..services.defining import REASON_LENGTH

# part -> its fields, in the order of the page
PARTS: dict[SmartPart, tuple[str, ...]] = {
    SmartPart.SPECIFIC: ("title", "definition", "caution", "owner"),
    SmartPart.MEASURABLE: ("direction",),
    SmartPart.ATTAINABLE: (
        *("baseline", "baseline_year", "baseline_source", "no_baseline_reason"),
        *("target", "green_from", "amber_from", "rationale"),
    ),
    SmartPart.RELEVANT: ("objective", "relevant_to"),
    SmartPart.TIMELY: ("frequency", "due_on"),
}

# What a draft may leave empty and an active indicator may not.
NEEDED = ("owner", "target", "green_from", "amber_from", "rationale", "objective", "due_on")


class DefinitionForm(forms.ModelForm):  # type: ignore[type-arg]
    """A definition over the ``version`` that its page showed. The unit is the measure's own."""

    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=REASON_LENGTH,
        help_text=_("Why it changes. Needed once the indicator is active."),
    )

    class Meta:
        model = Indicator
        fields = [name for names in PARTS.values() for name in names]
        widgets = {"relevant_to": forms.CheckboxSelectMultiple}
        help_texts = {
            "caution": _("What a reader could take it for, and is not."),
            "direction": _("For context: read, and neither good nor bad; without a target."),
            "baseline": _("The value of a year that is over, as its source gives it."),
            "baseline_source": _("Document and page, or “the portal, on …”."),
            "no_baseline_reason": _(
                "Only where there is no baseline: why, and when there will be."
            ),
            "target": _("Better than the baseline; as good only where nothing is better."),
            "green_from": _("A value this good is on track. The target must be."),
            "amber_from": _("A value this good, and not on track, needs attention; worse is off."),
            "rationale": _("Why the target can be reached, and by what."),
            "relevant_to": _("At least one principle or objective of MiGOF."),
            "due_on": _("The day by which the target is to be reached."),
        }

    def __init__(self, *args: Any, on: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on = on
        groups: dict[str, list[tuple[int, str]]] = {}
        for frame in ReferenceFrame.objects.all():
            groups.setdefault(frame.get_kind_display(), []).append((frame.pk, str(frame)))
        self.fields["relevant_to"].choices = list(groups.items())  # type: ignore[attr-defined]
        self.fields["baseline_year"].validators = [
            MinValueValidator(FIRST_DAY.year, _("The year lies before 1951.")),
            MaxValueValidator(LAST_DAY.year, _("The year lies after 2100.")),
        ]
        for name in FIGURES:
            if (stored := self.initial[name]) is not None:
                self.initial[name] = f"{stored.normalize():f}"  # 100, not 100.0000
        for name in NEEDED:
            field: Any = self.fields[name]
            field.needed, field.needed_word = True, _("needed to activate")
        dress(self, wide=("title", "objective", "relevant_to"), lines=2)

    @property
    def parts(self) -> list[tuple[SmartPart, list[Any]]]:
        """Each part with its fields."""
        return [(part, [self[name] for name in names]) for part, names in PARTS.items()]

    @property
    def values(self) -> dict[str, Any]:
        """What is to be written, by field; of a valid form."""
        values = {name: self.cleaned_data[name] for name in self.Meta.fields}
        return {**values, "relevant_to": list(values["relevant_to"])}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        # A field that could not be read says so itself; the rules take it for empty.
        typed = {name: cleaned.get(name) for name in self.Meta.fields}
        unit = unit_of(self.instance.key) or self.instance.unit
        values = {**typed, "unit": unit, "relevant_to": list(typed["relevant_to"] or [])}
        faults = contradictions(values, self.on)
        if self.instance.state == IndicatorState.ACTIVE:
            faults += lacks(self.instance.key, values, self.on)
            if not cleaned.get("reason") and self._changes(values):
                self.add_error("reason", _("An active definition changes: say why."))
        for fault in faults:
            field = fault.field if fault.field in self.fields else None
            if field is None or not self.has_error(field):
                self.add_error(field, fault.message)
        return cleaned

    def _changes(self, values: dict[str, Any]) -> bool:
        # As it is stored: the form has written into its own copy.
        return not same(values, values_of(Indicator.objects.get(pk=self.instance.pk)))


class StepForm(forms.Form):
    """A step of an indicator: activated, retired or proposed again."""

    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    state = forms.ChoiceField(choices=IndicatorState.choices, widget=forms.HiddenInput)
    step_reason = forms.CharField(
        label=_("Reason"), required=False, max_length=REASON_LENGTH, widget=forms.TextInput
    )
