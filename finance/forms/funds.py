"""Forms by which money comes into a reserve fund, is paid out of it and comes back.

Nowhere can the data of a person be typed: codes, States, dates, amounts, references of letters.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from engagements.models import Organisation
from iscm_portal.common.forms import dress, not_after

from ..choices import CallBackReason, TakeBackReason
from ..models import FundContribution, FundDisbursement, ReserveFund
from ..services.funds import missing_approvals, usd

REFERENCE_HINT = _(
    "Its number in the registry, as in LET-2026-147: LET (letter), MEM (memorandum), EML (e-mail), "
    "MIN (minutes) or REC (receipt), the year, the number. A name has no place here."
)
# What decides whether approvals are needed.
DECIDING = ("paid_on", "amount_usd", "vulnerability")


class FundForm(forms.ModelForm):  # type: ignore[type-arg]
    """A fund that is opened; its address is made of its name."""

    class Meta:
        model = ReserveFund
        fields = ["name", "iscm", "office", "cap_usd", "source", "confidence", "note"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cap_usd"].help_text = _(
            "More is paid with a written approval only. RCM's fund pays at most 1,000."
        )
        self.fields["source"].help_text = _("Where it is written that the fund is kept.")
        dress(self)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        self.instance.slug = slugify(name)[:50]
        if self.instance.slug in ("", "new"):
            raise ValidationError(_("Give a name with letters that says which fund it is."))
        if ReserveFund.objects.filter(slug=self.instance.slug).exists():
            raise ValidationError(_("There is a fund of that name."))
        return name

    def validate_constraints(self) -> None:
        """Each rule is told at its field; the database holds them all."""


class ContributionForm(forms.ModelForm):  # type: ignore[type-arg]
    organisation = forms.ModelChoiceField(
        Organisation.objects.all(), label=_("Other payer"), required=False
    )
    # The form's own name: sent twice, it is the same money.
    key = forms.UUIDField(widget=forms.HiddenInput)

    class Meta:
        model = FundContribution
        fields = ["received_on", "country", "amount_usd", "reference"]

    field_order = ["received_on", "country", "organisation", "amount_usd", "reference", "key"]

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["country"].help_text = _("Or another payer below; one of the two.")
        self.fields["reference"].help_text = REFERENCE_HINT
        self.fields["received_on"].validators.append(not_after(today))
        dress(self)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        payer = cleaned.get("organisation")
        is_wrong = {"country", "organisation"} & self.errors.keys()
        if bool(cleaned.get("country")) == bool(payer) and not is_wrong:
            self.add_error("country", _("Name the Member State or another payer, not both."))
        self.instance.payer = payer.name if payer else ""
        self.instance.key = cleaned.get("key")
        return cleaned

    def validate_constraints(self) -> None:
        """Each rule is told at its field; the database holds them all."""


class CaseForm(forms.ModelForm):  # type: ignore[type-arg]
    # The form's own name: sent twice, it is the same payment.
    key = forms.UUIDField(widget=forms.HiddenInput)

    class Meta:
        model = FundDisbursement
        fields = [
            "paid_on",
            "amount_usd",
            "referred_by",
            "vulnerability",
            "origin",
            "destination",
            "approval",
            "approved_on",
            "secretariat_approval",
            "secretariat_approved_on",
        ]

    def __init__(self, *args: Any, fund: ReserveFund, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fund = fund
        self.fields["amount_usd"].help_text = _(
            "At most USD %(cap)s for a case; more with a written approval (below). There is USD "
            "%(balance)s in the fund."
        ) % {"cap": usd(fund.cap_usd), "balance": usd(fund.balance_usd)}
        self.fields["vulnerability"].help_text = _(
            "A case outside the categories needs the Technical Secretariat's approval (below)."
        )
        for name in ("approval", "secretariat_approval"):
            self.fields[name].help_text = REFERENCE_HINT
        self.fields["paid_on"].validators.append(not_after(today))
        dress(self)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self.instance.key = cleaned.get("key")
        if all(cleaned.get(name) for name in DECIDING):
            names = [name for name in self.Meta.fields if name not in ("origin", "destination")]
            case = FundDisbursement(**{name: cleaned.get(name) for name in names})
            for problem in missing_approvals(case, self.fund.cap_usd):
                if problem.field not in self.errors:
                    self.add_error(problem.field, str(problem))
        return cleaned

    def validate_constraints(self) -> None:
        """Each rule is told at its field; the database holds them all."""


class BackForm(forms.Form):
    """Why and on which day something is undone; the subclass has the two fields."""

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["on"].validators.append(not_after(today))
        dress(self)


class CallBackForm(BackForm):
    on = forms.DateField(label=_("Came back on"))
    reason = forms.ChoiceField(
        label=_("Why"), choices=CallBackReason.choices, widget=forms.RadioSelect
    )


class TakeBackForm(BackForm):
    on = forms.DateField(label=_("Taken back on"))
    reason = forms.ChoiceField(
        label=_("Why"), choices=TakeBackReason.choices, widget=forms.RadioSelect
    )
