"""The forms of single records of money: what may be typed, and what is said at which field."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Sum
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from engagements.models import ISCM
from iscm_portal.common.forms import dress
from iscm_portal.common.period import FIRST_DAY, LAST_DAY

from .. import models
from ..choices import AttributionBasis
from ..selectors.words import said
from ..services.ledger import REASON_LENGTH, origin_of
from .fields import LinkField, readable

CENT = Decimal("0.01")
HUNDRED = Decimal(100)
SOURCED = ("source", "confidence", "note")
REQUIRED = _("This field is required.")
CODE = _("How imports and other programs name it. Left empty, the portal gives one.")

# What is typed by its code or number: field -> its help.
TYPED_LINKS: dict[str, Any] = {
    "project": _("Code of the project."),
    "funding_line": _("Code or number of the funding line."),
    "position": _("Code or number of the post."),
    "event": _("Number of the event, as in its address."),
    "follow_up": _("Number of the follow-up."),
}


class RecordForm(forms.ModelForm):  # type: ignore[type-arg]
    """One record. ``reason`` is asked of stored records, ``version`` is what the page showed.

    ``offices`` are those that the writer writes for; None: all of them, and no office too.
    """

    version = forms.CharField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=REASON_LENGTH,
        help_text=_("Why it changes. Needed when an amount, a rate, a share or days change."),
    )
    # rule of the database -> the field at which its message is said
    at_field: ClassVar[dict[str, str]] = {}

    def __init__(self, data: Any = None, *, user: Any, offices: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.user = user
        if "code" in self.fields and self.instance.pk is None:
            # One that the portal gives is drawn when the record is saved, not shown before.
            self.initial["code"] = (kwargs.get("initial") or {}).get("code", "")
            self.fields["code"].show_hidden_initial = False
        for name in TYPED_LINKS.keys() & self.fields.keys():
            self.fields[name] = self._typed_link(name)
        if "office" in self.fields and offices is not None:
            office: Any = self.fields["office"]
            office.queryset, office.required, office.empty_label = offices, True, None
        if "year" in self.fields:
            self.fields["year"].validators = [
                MinValueValidator(FIRST_DAY.year, _("The year lies before 1951.")),
                MaxValueValidator(LAST_DAY.year, _("The year lies after 2100.")),
            ]
        for field in self.fields.values():
            if type(field) is forms.CharField:
                field.validators.append(readable)
        self._ask_for_reason()
        dress(self)

    def _typed_link(self, name: str) -> LinkField:
        column: Any = self.Meta.model._meta.get_field(name)  # type: ignore[attr-defined]
        rows: Any = column.related_model._default_manager.visible_to(self.user)
        stored = getattr(self.instance, column.attname)
        if stored is not None:  # what stands there may stay, also where the writer can't open it
            rows = rows | column.related_model._default_manager.filter(pk=stored)
        return LinkField(
            rows,
            label=capfirst(column.verbose_name),
            required=not column.blank,
            help_text=TYPED_LINKS[name],
        )

    def _ask_for_reason(self) -> None:
        if self.instance.pk is None:
            del self.fields["reason"], self.fields["version"]
            return
        self.order_fields([name for name in self.fields if name != "reason"])
        if origin := origin_of(self.instance):
            self.fields["reason"].help_text = _(
                "%(origin)s Any correction of it needs a reason."
            ) % {"origin": origin}

    def clean_code(self) -> str:
        """Left empty: the code that the portal gives, or that the record has."""
        return self.cleaned_data["code"] or str(self.instance.code)

    @property
    def values(self) -> dict[str, Any]:
        """What is to be written, by field."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in ("reason", "version")
        }

    def _post_clean(self) -> None:
        # Django says the rules of the database above the form: here each is said at its field.
        self.instance.validate_constraints = lambda exclude: None
        super()._post_clean()  # type: ignore[misc]
        del self.instance.validate_constraints
        self._check_rules()

    def _check_rules(self) -> None:
        exclude = self._get_validation_exclusions()  # type: ignore[attr-defined]
        for rule in self.instance._meta.constraints:
            try:
                rule.validate(type(self.instance), self.instance, exclude=exclude)
            except ValidationError as error:
                field = self.at_field.get(rule.name)
                self.add_error(field if field in self.fields else None, error.messages)

    def need(self, *names: str) -> None:
        for name in names:
            if self.cleaned_data.get(name) in (None, "") and name not in self.errors:
                self.add_error(name, REQUIRED)

    def refuse(self, message: Any, *names: str) -> None:
        """Say ``message`` at those of the fields that are filled in."""
        for name in names:
            if self.cleaned_data.get(name) not in (None, ""):
                self.add_error(name, message)

    def not_negative(self, *names: str) -> None:
        for name in names:
            value = self.cleaned_data.get(name)
            if value is not None and value < 0:
                self.add_error(name, _("It is not below zero."))


class DeletionForm(forms.Form):
    """Why a record is deleted; ``version`` is what the page showed."""

    version = forms.CharField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        validators=[readable],
        help_text=_("Its history stays, with this reason."),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="delete-%s")


class ProjectForm(RecordForm):
    at_field = {"project_dates_in_order": "ends_on"}

    class Meta:
        model = models.Project
        fields = ["code", "title", "donors", "starts_on", "ends_on", "lead_office", *SOURCED]
        widgets = {"donors": forms.SelectMultiple(attrs={"size": 6})}


class AttributionForm(RecordForm):
    at_field = {
        "attribution_states_what_its_basis_says": "basis",
        "attribution_once_a_year": "iscm",
        "attribution_year_plausible": "year",
    }

    class Meta:
        model = models.Attribution
        fields = ["project", "iscm", "year", "basis", "share_pct", "amount_usd", *SOURCED]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self.not_negative("amount_usd")
        match cleaned.get("basis"):
            case AttributionBasis.DEDICATED:
                if cleaned.get("share_pct") is None and "share_pct" not in self.errors:
                    cleaned["share_pct"] = HUNDRED
                elif cleaned.get("share_pct") != HUNDRED and "share_pct" not in self.errors:
                    self.add_error("share_pct", _("A dedicated project goes whole: 100 per cent."))
                self.refuse(_("A dedicated project has no amount of its own."), "amount_usd")
            case AttributionBasis.STATED_SHARE:
                self.need("share_pct")
                self.refuse(_("A share is stated: leave the amount empty."), "amount_usd")
            case AttributionBasis.STATED_AMOUNT:
                self.need("amount_usd")
                self.refuse(_("An amount is stated: leave the share empty."), "share_pct")
            case AttributionBasis.UNKNOWN:
                self.refuse(_("It is unknown: leave it empty."), "share_pct", "amount_usd")
        self._fits_beside_the_others(cleaned)
        return cleaned

    def _fits_beside_the_others(self, cleaned: Mapping[str, Any]) -> None:
        share, project, year = (cleaned.get(name) for name in ("share_pct", "project", "year"))
        if not share or project is None or year is None:
            return
        others = models.Attribution.objects.filter(project=project, year=year)
        taken = others.exclude(pk=self.instance.pk).aggregate(all=Sum("share_pct"))["all"]
        _check_sum(self, "share_pct", share, Decimal(taken or 0).quantize(CENT))


def _check_sum(form: forms.BaseForm, field: str, share: Decimal, taken: Decimal) -> None:
    if taken and share <= HUNDRED < share + taken:
        form.add_error(
            field,
            _("The other shares come to %(taken)s per cent; %(left)s are left.")
            % {"taken": said(None, taken), "left": said(None, HUNDRED - taken)},
        )


class FundingLineForm(RecordForm):
    at_field = {
        "fundingline_year_plausible": "year",
        "fundingline_counted_or_says_why_not": "not_counted_reason",
        "fundingline_converted_with_a_rate": "original_amount",
        "fundingline_amount_is_the_converted_one": "amount_usd",
        "fundingline_amount_not_negative": "amount_usd",
        "fundingline_dates_plausible": "rated_on",
    }

    class Meta:
        model = models.FundingLine
        fields = [
            "code",
            "label",
            "year",
            "period_starts_on",
            "period_ends_on",
            "source_of_funds",
            "supports",
            "iscm",
            "project",
            "office",
            "payer",
            "amount_usd",
            "original_currency",
            "original_amount",
            "rated_on",
            "rate_used",
            "per",
            "qualifier",
            "document",
            "is_counted",
            "not_counted_reason",
            *SOURCED,
        ]
        help_texts = {
            "code": CODE,
            "amount_usd": _("Left empty it is worked out from the original amount."),
            "original_currency": _("Three capital letters, where it was not USD."),
            "rated_on": _("The rate on record for this day is used."),
            "period_starts_on": _("Where the source names a period and no single year."),
            "per": _("Where the amount is a rate: a person, an event."),
            "qualifier": _("As the source says it: about, at most."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount_usd"].required = False  # it can follow from the rate

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self.not_negative("original_amount", "rate_used")
        begins, ends = cleaned.get("period_starts_on"), cleaned.get("period_ends_on")
        if begins and ends and ends < begins:
            self.add_error("period_ends_on", _("The last day is before the first one."))
        self._convert(cleaned)
        self.need("amount_usd")
        self._names_what_it_supports(cleaned)
        if cleaned.get("is_counted"):
            self.need("year")
            self.refuse(_("It is counted: leave this empty."), "not_counted_reason")
        else:
            self.need("not_counted_reason")
        return cleaned

    def _convert(self, cleaned: dict[str, Any]) -> None:
        """Fill in the rate on record for the day and what the amount comes to at it."""
        currency = cleaned.get("original_currency", "")
        if "original_currency" in self.errors:
            return
        if not currency:
            self.refuse(
                _("Name the original currency, or leave this empty."),
                "original_amount",
                "rate_used",
                "rated_on",
            )
            return
        if currency == "USD":
            self.refuse(_("USD needs no rate: leave this empty."), "rate_used", "rated_on")
            if cleaned.get("amount_usd") is None and "amount_usd" not in self.errors:
                cleaned["amount_usd"] = cleaned.get("original_amount")
            elif cleaned.get("original_amount") not in (None, cleaned.get("amount_usd")):
                self.add_error("original_amount", _("It is not the amount in USD."))
            return
        if day := cleaned.get("rated_on"):
            self._take_rate_of(day, currency, cleaned)
        self.need("original_amount", "rate_used")
        rate, original = cleaned.get("rate_used"), cleaned.get("original_amount")
        if rate is None or original is None or self.errors.keys() & {"rate_used", "rated_on"}:
            return
        amount = (original * rate).quantize(CENT, ROUND_HALF_UP)
        typed = cleaned.get("amount_usd")
        if typed is None and "amount_usd" not in self.errors:
            self.cleaned_data["amount_usd"] = self._fitting(amount)
        elif typed is not None and typed != amount:
            self.add_error(
                "amount_usd",
                _("At that rate it is %(amount)s. Correct it, or leave it empty.")
                % {"amount": said(None, amount)},
            )

    def _take_rate_of(self, day: Any, currency: str, cleaned: dict[str, Any]) -> None:
        rate = models.CurrencyRate.objects.filter(currency=currency, rated_on=day).first()
        when = date_format(day, "j F Y")
        typed = cleaned.get("rate_used")
        if rate is None:
            self.add_error(
                "rated_on",
                _("No rate of %(currency)s is on record for %(day)s.")
                % {"currency": currency, "day": when},
            )
        elif typed is None and "rate_used" not in self.errors:
            cleaned["rate_used"] = rate.usd_per_unit
        elif typed is not None and typed != rate.usd_per_unit:
            self.add_error(
                "rate_used",
                _("The rate on record for %(day)s is %(rate)s. Correct it, or leave it empty.")
                % {"day": when, "rate": said(None, rate.usd_per_unit)},
            )

    def _fitting(self, amount: Decimal) -> Decimal | None:
        """``amount`` if the column can hold it."""
        try:
            self.fields["amount_usd"].run_validators(amount)
        except ValidationError as error:
            self.add_error("amount_usd", error)
            return None
        return amount

    def _names_what_it_supports(self, cleaned: Mapping[str, Any]) -> None:
        supports = cleaned.get("supports")
        for name, message in (
            ("iscm", _("It supports no single mechanism: leave this empty.")),
            ("project", _("It supports no project: leave this empty.")),
        ):
            if supports == name:
                self.need(name)
            elif supports:
                self.refuse(message, name)


class PositionForm(RecordForm):
    at_field = {
        "position_dates_in_order": "ends_on",
        "position_dates_plausible": "starts_on",
        "position_names_what_pays_it": "paid_by",
    }

    class Meta:
        model = models.Position
        fields = [
            "code",
            "title",
            "grade",
            "office",
            "starts_on",
            "ends_on",
            "has_tor",
            "paid_by",
            "funding_line",
            "project",
            *SOURCED,
        ]
        help_texts = {"code": CODE}


class TimeEntryForm(RecordForm):
    at_field = {
        "timeentry_dates_plausible": "worked_on",
        "timeentry_days_not_negative": "days",
    }

    class Meta:
        model = models.TimeEntry
        fields = [
            "title",
            "grade",
            "office",
            "iscm",
            "event",
            "worked_on",
            "days",
            "paid_by",
            "position",
            *SOURCED,
        ]


class StandardCostForm(RecordForm):
    at_field = {"standardcost_once_a_year": "grade", "standardcost_not_negative": "usd_per_day"}

    class Meta:
        model = models.StandardCost
        fields = ["grade", "year", "usd_per_day", *SOURCED]


class CurrencyRateForm(RecordForm):
    at_field = {
        "currencyrate_once_a_day": "rated_on",
        "currencyrate_date_plausible": "rated_on",
        "currencyrate_above_zero": "usd_per_unit",
    }

    class Meta:
        model = models.CurrencyRate
        fields = ["currency", "rated_on", "usd_per_unit", *SOURCED]


class ContributionForm(RecordForm):
    at_field = {
        "contribution_once_a_year": "country",
        "contribution_year_plausible": "year",
        "contribution_not_negative": "assessed_usd",
        "contribution_date_plausible": "paid_on",
    }

    class Meta:
        model = models.AssessedContribution
        fields = [
            "iscm",
            "country",
            "year",
            "scale_pct",
            "assessed_usd",
            "paid_usd",
            "paid_on",
            *SOURCED,
        ]


class ProposalForm(RecordForm):
    at_field = {
        "proposal_dates_plausible": "asked_on",
        "proposal_dates_in_order": "decided_on",
        "proposal_amounts_not_negative": "asked_usd",
        "proposal_state_fits_decision": "state",
    }

    class Meta:
        model = models.Proposal
        fields = [
            "title",
            "iscm",
            "donor",
            "office",
            "follow_up",
            "asked_on",
            "asked_usd",
            "state",
            "decided_on",
            "awarded_usd",
            "project",
            *SOURCED,
        ]


class StaffNeedForm(RecordForm):
    at_field = {"staffneed_year_plausible": "year", "staffneed_above_zero": "share_pct"}

    class Meta:
        model = models.StaffNeed
        fields = ["iscm", "year", "office", "title", "grade", "share_pct", *SOURCED]


# --- the shares of a post


class ShareForm(forms.Form):
    iscm = forms.ChoiceField(label=_("Mechanism"), required=False)
    share_pct = forms.DecimalField(
        label=_("Share (per cent)"),
        required=False,
        min_value=0,
        max_value=100,
        max_digits=5,
        decimal_places=2,
        help_text=_("Empty is unknown."),
    )

    def __init__(self, *args: Any, iscms: list[tuple[Any, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["iscm"].choices = [("", "—"), *iscms]  # type: ignore[attr-defined]
        dress(self)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("share_pct") is not None and not cleaned.get("iscm"):
            self.add_error("iscm", _("Name the mechanism that the share is for."))
        return cleaned


class BaseShares(forms.BaseFormSet):  # type: ignore[type-arg]
    """The shares of a post: never over 100 per cent in all, each mechanism once."""

    def clean(self) -> None:
        taken, named = Decimal(0), set()
        for form in self.kept():
            iscm, share = form.cleaned_data["iscm"], form.cleaned_data.get("share_pct") or 0
            if iscm in named:
                form.add_error("iscm", _("It stands here twice."))
            named.add(iscm)
            _check_sum(form, "share_pct", Decimal(share), taken)
            taken += share

    def kept(self) -> list[Any]:
        return [
            form
            for form in self.forms
            if hasattr(form, "cleaned_data")
            and form.cleaned_data.get("iscm")
            and not form.cleaned_data.get("DELETE")
        ]

    @property
    def shares(self) -> dict[int, Decimal | None]:
        return {
            int(form.cleaned_data["iscm"]): form.cleaned_data.get("share_pct")
            for form in self.kept()
        }


Shares = forms.formset_factory(
    ShareForm, formset=BaseShares, extra=2, max_num=40, absolute_max=60, can_delete=True
)


def shares_of(position: models.Position, data: Any = None) -> Any:
    """The rows of the post's shares and two empty ones; bound where ``data`` is given."""
    stored = list(position.shares.values("iscm", "share_pct")) if position.pk else []
    iscms = list(ISCM.objects.values_list("pk", "acronym"))
    return Shares(data, prefix="shares", initial=stored, form_kwargs={"iscms": iscms})
