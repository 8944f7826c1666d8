"""Forms by which IPD makes surveys, their questions and their links."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from engagements.choices import Language, OfficeKind
from engagements.models import ISCM, Country, Event, Office
from iscm_portal.common.forms import dress

from ..choices import QuestionKind, SurveyPhase, SurveyUse
from ..models import Question, Survey
from ..services.survey_links import MOST_LINKS, Wanted

MOST_OPTIONS = 30
LONGEST_OPTION = 200
MOST_EMAILS = 500


class SurveyForm(forms.ModelForm):  # type: ignore[type-arg]
    """What stands around the questions."""

    class Meta:
        model = Survey
        fields = (
            *("use", "title", "title_fr", "title_es", "intro", "intro_fr", "intro_es"),
            *("iscm", "event", "support_kind", "opens_on", "closes_on", "remind_days"),
            "asks_state",
        )
        help_texts = {
            "title": _("English, shown where a translation is missing."),
            "event": _("Needed for knowledge before and after."),
            "iscm": _("What the answers count for; empty: the mechanism of the event."),
            "support_kind": _(
                "All its answers count under this kind, whatever is ticked in it: make one survey "
                "for each kind. Empty: they count under no kind."
            ),
            "opens_on": _("From this day on, midnight UTC."),
            "closes_on": _("Up to the end of this day, UTC. The portal closes it by itself."),
            "remind_days": _("Once, to those whose link is not used. Empty: no reminder is sent."),
            "asks_state": _("A question that may be left open, where the link does not say it."),
        }

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["iscm"].queryset = ISCM.objects.visible_to(user)  # type: ignore[attr-defined]
        self.fields["event"].queryset = Event.objects.visible_to(user)  # type: ignore[attr-defined]
        dress(self, wide=("title", "event"))

    @property
    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self._meta.fields or ()}


class NewSurveyForm(SurveyForm):
    with_proposals = forms.BooleanField(
        label=_("Begin with the questions that the portal proposes for this use"),
        required=False,
        initial=True,
    )

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("opens_on", today)
        self.initial.setdefault("closes_on", today + dt.timedelta(days=14))
        self.initial.setdefault("use", SurveyUse.SATISFACTION)


class QuestionForm(forms.ModelForm):  # type: ignore[type-arg]
    """One question, its choices one a line."""

    class Meta:
        model = Question
        fields = (
            *("kind", "text", "text_fr", "text_es", "options", "options_fr", "options_es"),
            *("right_option", "is_required", "counts_as"),
        )
        help_texts = {
            "text": _("English, shown where a translation is missing."),
            "options": _("For choices only."),
            "options_fr": _("The same choices in the same lines, or none."),
            "options_es": _("The same choices in the same lines, or none."),
            "right_option": _("The number of its line, for a test of knowledge."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, lines=2)
        for name in ("options", "options_fr", "options_es"):
            self.fields[name].widget.attrs["rows"] = 6

    def clean_options(self) -> str:
        return self._lines("options")

    def clean_options_fr(self) -> str:
        return self._lines("options_fr")

    def clean_options_es(self) -> str:
        return self._lines("options_es")

    def _lines(self, name: str) -> str:
        lines = [line.strip() for line in self.cleaned_data[name].splitlines()]
        lines = [line for line in lines if line]
        if any(len(line) > LONGEST_OPTION for line in lines):
            raise forms.ValidationError(
                _("A choice has %(n)d signs at most.") % {"n": LONGEST_OPTION}
            )
        return "\n".join(lines)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        number = len(cleaned.get("options", "").splitlines())
        right = cleaned.get("right_option")
        if cleaned.get("kind") in (QuestionKind.SINGLE, QuestionKind.SEVERAL):
            if not 2 <= number <= MOST_OPTIONS:
                self._say(
                    "options", _("Give 2 to %(n)d choices, one a line.") % {"n": MOST_OPTIONS}
                )
            for name in ("options_fr", "options_es"):
                if cleaned.get(name) and len(cleaned[name].splitlines()) != number:
                    self._say(name, _("As many lines as there are choices in English, or none."))
        elif number:
            self._say("options", _("Only choices have them; leave this empty."))
        if right is not None and (cleaned.get("kind") != QuestionKind.SINGLE or right > number):
            self._say("right_option", _("There is no such choice."))
        if right == 0:
            self._say("right_option", _("The first choice is 1."))
        return cleaned

    def _say(self, name: str, message: Any) -> None:
        if name not in self.errors:
            self.add_error(name, message)


SEVERAL = _("Where the links are for chosen ones. Hold Ctrl, or Cmd, to choose several.")


class LinksForm(forms.Form):
    """Which links are made: one open one, or single-use ones for whom."""

    class Kind:
        OPEN = "open"
        PLAIN = "plain"
        MEMBERS = "members"
        STATES = "states"
        OFFICES = "offices"
        EMAILS = "emails"
        USERS = "users"

    kind = forms.ChoiceField(label=_("Which links"), widget=forms.RadioSelect)
    phase = forms.ChoiceField(label=_("For which time"), choices=SurveyPhase.choices)
    language = forms.ChoiceField(
        label=_("Language"),
        choices=Language.choices,
        help_text=_("Of the mail, and of the page at first; whoever answers may switch."),
    )
    number = forms.IntegerField(
        label=_("How many"),
        min_value=1,
        max_value=500,
        initial=1,
        help_text=_("For each State or office that is chosen, else in all."),
    )
    states = forms.ModelMultipleChoiceField(
        Country.objects.none(),
        label=_("States"),
        required=False,
        to_field_name="iso3",
        help_text=SEVERAL,
    )
    offices = forms.ModelMultipleChoiceField(
        Office.objects.none(),
        label=_("Offices"),
        required=False,
        to_field_name="slug",
        help_text=SEVERAL,
    )
    emails = forms.CharField(
        label=_("E-mail addresses, one a line"),
        required=False,
        max_length=50_000,
        widget=forms.Textarea,
        help_text=_("Each gets its own link by mail. Removed when the survey is closed."),
    )
    batch = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self, survey: Survey, user: Any, members: Sequence[Country], data: Any = None
    ) -> None:
        super().__init__(data, initial={"batch": uuid.uuid4(), "language": Language.ENGLISH})
        self.members = members
        kinds = [
            (self.Kind.OPEN, _("One open link, for as many answers as come")),
            (self.Kind.PLAIN, _("Single-use links for anybody")),
            *self._for_members(survey),
            (self.Kind.STATES, _("Single-use links for States that you choose")),
            (self.Kind.OFFICES, _("Single-use links for offices")),
            (self.Kind.EMAILS, _("Single-use links, sent by e-mail")),
        ]
        if survey.is_of_offices:
            kinds.append((self.Kind.USERS, _("One answer an office, given in the portal")))
        self.fields["kind"].choices = kinds  # type: ignore[attr-defined]
        of_states = self.Kind.MEMBERS if members else self.Kind.STATES
        self.fields["kind"].initial = self.Kind.USERS if survey.is_of_offices else of_states
        if not survey.has_phases:
            del self.fields["phase"]
        offices = Office.objects.visible_to(user).exclude(kind=OfficeKind.HOSTED_ENTITY)
        self.fields["states"].queryset = Country.objects.visible_to(user)  # type: ignore[attr-defined]
        self.fields["offices"].queryset = offices  # type: ignore[attr-defined]
        for name in ("states", "offices"):
            self.fields[name].widget.attrs["size"] = 8
        dress(self, lines=4)

    def _for_members(self, survey: Survey) -> list[tuple[str, Any]]:
        if not self.members:
            return []
        told = {"n": len(self.members), "iscm": survey.iscm.acronym if survey.iscm else ""}
        text = (
            _("Single-use links for the member States of the %(iscm)s (%(n)s)")
            if survey.iscm
            else _("Single-use links for the member States of the event's mechanisms (%(n)s)")
        )
        return [(self.Kind.MEMBERS, text % told)]

    def clean_emails(self) -> list[str]:
        found = dict.fromkeys(self.cleaned_data["emails"].replace(",", "\n").split())
        if len(found) > MOST_EMAILS:
            raise forms.ValidationError(
                _("%(n)d addresses at a time at most.") % {"n": MOST_EMAILS}
            )
        for address in found:
            try:
                validate_email(address)
            except forms.ValidationError:
                raise forms.ValidationError(
                    _("“%(address)s” is no e-mail address.") % {"address": address[:80]}
                ) from None
        return list(found)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        needed = {
            self.Kind.STATES: ("states", _("Choose the States.")),
            self.Kind.OFFICES: ("offices", _("Choose the offices.")),
            self.Kind.USERS: ("offices", _("Choose the offices.")),
            self.Kind.EMAILS: ("emails", _("Give the addresses.")),
        }
        name, message = needed.get(cleaned.get("kind", ""), ("", ""))
        if name and not cleaned.get(name) and name not in self.errors:
            self.add_error(name, message)
        chosen = max(len(cleaned.get("states") or ()), len(cleaned.get("offices") or ()), 1)
        if cleaned.get("kind") == self.Kind.MEMBERS:
            chosen = len(self.members)
        if chosen * (cleaned.get("number") or 1) > MOST_LINKS:
            self.add_error("number", _("That makes more than %(n)d links.") % {"n": MOST_LINKS})
        return cleaned

    def _countries(self, kind: str) -> list[Country]:
        if kind == self.Kind.MEMBERS:
            return list(self.members)
        return list(self.cleaned_data["states"]) if kind == self.Kind.STATES else []

    @property
    def wanted(self) -> Wanted:
        data, kind = self.cleaned_data, self.cleaned_data["kind"]
        return Wanted(
            batch=data["batch"],
            is_single=kind != self.Kind.OPEN,
            phase=data.get("phase", ""),
            language=data["language"],
            number=data["number"],
            countries=self._countries(kind),
            offices=list(data["offices"]) if kind == self.Kind.OFFICES else [],
            emails=data["emails"] if kind == self.Kind.EMAILS else [],
            for_users=list(data["offices"]) if kind == self.Kind.USERS else [],
        )
