"""The forms of single records of money: what may be typed, and what is said at which field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Sum
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from engagements.models import ISCM
from iscm_portal.common.forms import RuledForm, dress
from iscm_portal.common.history import REASON_LENGTH
from iscm_portal.common.numbers import cents, summed
from iscm_portal.common.period import FIRST_DAY, LAST_DAY

from .. import models, rules
from ..rules import HUNDRED
from ..selectors.currency import day_of_rate, rates_on_record
from ..selectors.members import not_members
from ..selectors.words import said
from ..services.ledger import changed_values, origin_of
from .fields import LinkField, readable

SOURCED = ("source", "confidence", "note")
CODE = _("How imports and other programs name it. Left empty, the portal gives one.")

# What is typed by its code or number: field -> its help.
TYPED_LINKS: dict[str, Any] = {
    "project": _("Code of the project."),
    "funding_line": _("Code or number of the funding line."),
    "position": _("Code or number of the post."),
    "event": _("Number of the event, as in its address."),
    "follow_up": _("Number of the follow-up."),
}


class RecordForm(RuledForm):
    """One record. ``reason`` is asked of stored records, ``version`` is what the page showed.

    ``offices`` are those that the writer writes for; None: all of them, and no office too.
    ``today`` is the day against which the dates of what has happened are held.
    """

    version = forms.CharField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=REASON_LENGTH,
        help_text=_(
            "Why it changes. Needed when a figure moves: an amount, a rate, a share, a grade or "
            "days change, or what they count for and who pays, or what was stated of an end or a "
            "decision."
        ),
    )
    # The name of an empty form: sent twice, it makes one record.
    key = forms.UUIDField(required=False, widget=forms.HiddenInput)
    # What stands between fields, or looks beyond the record.
    rule_set: ClassVar[tuple[rules.Rule, ...]] = ()

    def __init__(
        self, data: Any = None, *, user: Any, today: dt.date, offices: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        self.user, self.today = user, today
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
        del self.fields["key"]
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
            if name not in ("reason", "version", "key")
        }

    def facts(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """What the rules look at beside the fields."""
        return {rules.TODAY: self.today}

    def filled(self, values: rules.Values) -> dict[str, Any]:
        """What follows from ``values`` where it was left empty."""
        return {}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        facts = self.facts(cleaned)
        cleaned.update(self.filled({**cleaned, **facts}))
        changed = None
        if self.instance.pk is not None:
            changed = changed_values(self.instance, self.values).keys()
        for problem in list(rules.broken(self.rule_set, {**cleaned, **facts}, changed)):
            self.add_error(problem.field, problem.message)
        return cleaned


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
    rule_set = rules.PROJECT
    at_field = {"project_dates_in_order": "ends_on"}

    class Meta:
        model = models.Project
        fields = ["code", "title", "donors", "starts_on", "ends_on", "lead_office", *SOURCED]
        widgets = {"donors": forms.SelectMultiple(attrs={"size": 6})}


class AttributionForm(RecordForm):
    rule_set = rules.ATTRIBUTION
    at_field = {
        "attribution_states_what_its_basis_says": "basis",
        "attribution_once_a_year": "iscm",
        "attribution_year_plausible": "year",
    }

    class Meta:
        model = models.Attribution
        fields = ["project", "iscm", "year", "basis", "share_pct", "amount_usd", *SOURCED]

    def filled(self, values: rules.Values) -> dict[str, Any]:
        return rules.filled_attribution(values)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self._fits_beside_the_others(cleaned)
        return cleaned

    def _fits_beside_the_others(self, cleaned: Mapping[str, Any]) -> None:
        project, year = cleaned.get("project"), cleaned.get("year")
        share, amount = (cleaned.get(name) or Decimal(0) for name in ("share_pct", "amount_usd"))
        if project is None or year is None or self.errors.keys() & {"share_pct", "amount_usd"}:
            return
        others = models.Attribution.objects.filter(project=project, year=year)
        taken = others.exclude(pk=self.instance.pk).aggregate(
            pct=Sum("share_pct"), usd=Sum("amount_usd")
        )
        pct, usd = summed(taken["pct"]), summed(taken["usd"])
        _check_sum(self, "share_pct", share, pct)
        if pct + share >= HUNDRED and usd + amount > 0:
            self.add_error(
                "amount_usd" if amount else "share_pct",
                _("The shares come to 100 per cent: no amount is stated beside them."),
            )
        lines = models.FundingLine.objects.counted().filter(project=project, year=year)
        total = summed(lines.aggregate(usd=Sum("amount_usd"))["usd"])
        left = cents(total * (HUNDRED - pct) / HUNDRED) - usd
        if total and amount > left:
            self.add_error(
                "amount_usd",
                _("The project's lines of %(year)s come to USD %(total)s; %(left)s are left.")
                % {
                    "year": year,
                    "total": said(None, total),
                    "left": said(None, max(left, Decimal(0))),
                },
            )


def _check_sum(form: forms.BaseForm, field: str, share: Decimal, taken: Decimal) -> None:
    if taken and share <= HUNDRED < share + taken:
        form.add_error(
            field,
            _("The other shares come to %(taken)s per cent; %(left)s are left.")
            % {"taken": said(None, taken), "left": said(None, HUNDRED - taken)},
        )


class FundingLineForm(RecordForm):
    rule_set = rules.FUNDING_LINE
    at_field = {
        "fundingline_counts_investment_only": "source_of_funds",
        "fundingline_year_plausible": "year",
        "fundingline_counted_or_says_why_not": "not_counted_reason",
        "fundingline_converted_with_a_rate": "rated_on",
        "fundingline_amount_is_the_converted_one": "amount_usd",
        "fundingline_amount_not_negative": "amount_usd",
        "fundingline_usd_is_itself": "original_amount",
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

    def facts(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        day = day_of_rate(cleaned.get("original_currency"), cleaned.get("rated_on"))
        rates = rates_on_record({day} if day else ())
        on_record = rates.get(day) if day else None
        return {**super().facts(cleaned), rules.RATE_ON_RECORD: on_record}

    def filled(self, values: rules.Values) -> dict[str, Any]:
        return rules.filled_line(values)


class PositionForm(RecordForm):
    rule_set = rules.POSITION
    at_field = {
        "position_dates_in_order": "ends_on",
        "position_dates_plausible": "starts_on",
        "position_names_what_pays_it": "paid_by",
        "position_part_has_a_payer": "payer",
        "position_of_a_grade": "grade",
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
            "payer",
            "payer_pct",
            "funding_line",
            "project",
            *SOURCED,
        ]
        help_texts = {"code": CODE}


class TimeEntryForm(RecordForm):
    rule_set = rules.TIME_ENTRY
    at_field = {
        "timeentry_dates_plausible": "worked_on",
        "timeentry_days_not_negative": "days",
        "timeentry_days_of_a_year": "days",
        "timeentry_names_at_most_one_payer": "paid_by",
        "timeentry_of_a_grade": "grade",
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
            "funding_line",
            "project",
            "position",
            *SOURCED,
        ]


class StandardCostForm(RecordForm):
    at_field = {
        "standardcost_once_a_year": "grade",
        "standardcost_of_a_grade": "grade",
        "standardcost_not_negative": "usd_per_day",
    }

    class Meta:
        model = models.StandardCost
        fields = ["grade", "year", "usd_per_day", *SOURCED]


class CurrencyRateForm(RecordForm):
    at_field = {
        "currencyrate_once_a_day": "rated_on",
        "currencyrate_date_plausible": "rated_on",
        "currencyrate_of_a_currency": "currency",
        "currencyrate_above_zero": "usd_per_unit",
    }

    class Meta:
        model = models.CurrencyRate
        fields = ["currency", "rated_on", "usd_per_unit", *SOURCED]


class ContributionForm(RecordForm):
    rule_set = rules.CONTRIBUTION
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

    def facts(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        facts = super().facts(cleaned)
        iscm, country, year = (cleaned.get(name) for name in ("iscm", "country", "year"))
        if iscm and country and year:
            key = (iscm.slug, country.iso3, year)
            facts[rules.IS_NOT_A_MEMBER] = key in not_members({key})
        return facts


class ProposalForm(RecordForm):
    rule_set = rules.PROPOSAL
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
    rule_set = rules.STAFF_NEED
    at_field = {
        "staffneed_year_plausible": "year",
        "staffneed_of_a_grade": "grade",
        "staffneed_above_zero": "share_pct",
        "staffneed_at_most_100_posts": "share_pct",
    }

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
    def stated(self) -> dict[str, Decimal | None]:
        """The shares by what the choices call their mechanisms."""
        return {
            form.cleaned_data["iscm"]: form.cleaned_data.get("share_pct") for form in self.kept()
        }

    @property
    def shares(self) -> dict[int, Decimal | None]:
        return {int(iscm): share for iscm, share in self.stated.items()}


Shares = forms.formset_factory(
    ShareForm, formset=BaseShares, extra=2, max_num=40, absolute_max=60, can_delete=True
)


def shares_of(position: models.Position, data: Any = None) -> Any:
    """The rows of the post's shares and two empty ones; bound where ``data`` is given."""
    stored = list(position.shares.values("iscm", "share_pct")) if position.pk else []
    iscms = list(ISCM.objects.values_list("pk", "acronym"))
    return Shares(data, prefix="shares", initial=stored, form_kwargs={"iscms": iscms})


def sent_shares(rows: Sequence[Mapping[str, Any]]) -> Any:
    """All shares of a post as a program sends them, the mechanisms by their slugs."""
    data: dict[str, Any] = {"shares-TOTAL_FORMS": len(rows), "shares-INITIAL_FORMS": 0}
    for number, row in enumerate(rows):
        data |= {f"shares-{number}-{name}": value for name, value in row.items()}
    slugs = list(ISCM.objects.values_list("slug", "acronym"))
    found = Shares(data, prefix="shares", form_kwargs={"iscms": slugs})
    for form in found.forms:  # of a page an empty row says nothing; who sends one means something
        form.empty_permitted, form.fields["iscm"].required = False, True
    return found


def shares_sent(found: Any) -> dict[int, Decimal | None]:
    """What valid ``sent_shares`` come to, by mechanism."""
    pks = dict(ISCM.objects.values_list("slug", "pk"))
    return {pks[slug]: share for slug, share in found.stated.items()}
