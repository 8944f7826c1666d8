"""The form by which a survey is answered, made from its questions."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.core import signing
from django.forms.utils import ErrorDict
from django.utils.translation import gettext as _

from engagements.models import Country

from ..choices import QuestionKind
from ..models import Question, SurveyLink
from ..selectors.surveys import in_language, options_in
from ..services.answering import Filled, normal_code

SALT = "reporting.surveys.form"
MOST_SIGNS = 2000
SHORTEST_CODE = 4


def new_stamp(link: SurveyLink, at: dt.datetime) -> str:
    """What names one form of a link: sent twice it makes one answer, and it says since when it was
    there to be filled. It is kept nowhere but in the page."""
    content = {
        "key": uuid.uuid4().hex,
        "link": link.pk,
        "revision": link.survey.revision,
        "at": int(at.timestamp()),
    }
    return signing.dumps(content, salt=SALT)


class AnswerSurveyForm(forms.Form):
    """The questions of a survey, as fields ``q<number>``.

    ``homepage`` is a field that people do not see; a machine fills it.
    """

    homepage = forms.CharField(required=False, max_length=200)

    def __init__(
        self,
        link: SurveyLink,
        questions: Iterable[Question],
        language: str,
        at: dt.datetime,
        data: Any = None,
    ) -> None:
        super().__init__(data)
        self.link, self.at = link, at
        self.content = self._stamped(data.get("stamp", "")) if data is not None else None
        self.stamp = data["stamp"] if self.content else new_stamp(link, at)
        self.questions = list(questions)
        self.untranslated: set[str] = set()
        if link.survey.has_phases:
            self.fields["code"] = forms.CharField(label=_("Your code"), max_length=40)
        if link.survey.asks_state and link.country_id is None:
            self.fields["state"] = _state_field()
        for question in self.questions:
            name = f"q{question.pk}"
            self.fields[name] = _field(question, language)
            if not _is_there(question, language):
                self.untranslated.add(name)

    def _stamped(self, text: str) -> dict[str, Any] | None:
        try:
            content: dict[str, Any] = signing.loads(text, salt=SALT)
        except signing.BadSignature:
            return None
        return content if content["link"] == self.link.pk else None

    @property
    def asked(self) -> list[Any]:
        """The fields to be shown, each with whether its question is in English for want of more."""
        return [
            (self[name], name in self.untranslated) for name in self.fields if name != "homepage"
        ]

    def keep_as_typed(self) -> None:
        """Show what was typed without saying what is wrong with it."""
        self._errors = ErrorDict()

    def renew(self) -> None:
        """Ask anew: what comes next is another form."""
        self.stamp = new_stamp(self.link, self.at)

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if len(normal_code(code)) < SHORTEST_CODE:
            raise forms.ValidationError(_("Four letters and figures are the least."))
        return code

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.content is None:
            raise forms.ValidationError(_("The form was not complete. Send it once more."))
        if cleaned.get("homepage"):
            raise forms.ValidationError(
                _("Leave the field for machines empty, then send it again.")
            )
        if self.errors:
            return cleaned  # who has missed a question is told that, and nothing else
        if self.at.timestamp() - self.content["at"] < settings.SURVEY_LEAST_SECONDS:
            raise forms.ValidationError(
                _("That was quicker than the questions can be read. Look again, then send it.")
            )
        if not any(self._values(question, cleaned) for question in self.questions):
            raise forms.ValidationError(_("Nothing is answered yet."))
        return cleaned

    def _values(self, question: Question, cleaned: dict[str, Any]) -> list[int | str]:
        value = cleaned.get(f"q{question.pk}")
        if value in (None, "", []):
            return []
        if question.kind == QuestionKind.TEXT:
            return [str(value)]
        several = value if isinstance(value, list) else [value]
        return [int(one) for one in several]

    def filled(self) -> Filled:
        """What a valid form says."""
        content = self.content or {}  # a form without it is not valid
        answers = {
            question.pk: values
            for question in self.questions
            if (values := self._values(question, self.cleaned_data))
        }
        return Filled(
            key=uuid.UUID(content["key"]),
            revision=content["revision"],
            answers=answers,
            code=self.cleaned_data.get("code", ""),
            country=self.cleaned_data.get("state"),
        )

    def typed_texts(self) -> list[tuple[str, str]]:
        """The words that were typed, by question: not to be lost where they can't be taken."""
        found = [
            (str(self[f"q{question.pk}"].label), str(self.data.get(f"q{question.pk}", "")))
            for question in self.questions
            if question.kind == QuestionKind.TEXT
        ]
        return [(label, text) for label, text in found if text.strip()]


def _is_there(question: Question, language: str) -> bool:
    """Whether the question, and its choices where it has any, are there in that language."""
    parts = ("text", "options") if question.options else ("text",)
    return all(in_language(question, part, language)[1] for part in parts)


def _state_field() -> forms.Field:
    # A list of States is nobody's secret: there is no reader to narrow it to.
    return forms.ModelChoiceField(
        Country.objects.all(),
        label=_("Which State does your answer speak for?"),
        to_field_name="iso3",
        required=False,
        empty_label=_("I do not say"),
    )


def _field(question: Question, language: str) -> forms.Field:
    common: dict[str, Any] = {
        "label": in_language(question, "text", language)[0],
        "required": question.is_required,
    }
    if question.kind == QuestionKind.TEXT:
        return forms.CharField(
            **common, max_length=MOST_SIGNS, widget=forms.Textarea(attrs={"rows": 4})
        )
    if question.kind == QuestionKind.SCORE:
        return forms.IntegerField(**common, min_value=0, max_value=100)
    if question.kind == QuestionKind.SCALE:
        choices = [(str(number), str(number)) for number in range(1, 6)]
    else:
        choices = [
            (str(number), label)
            for number, label in enumerate(options_in(question, language), start=1)
        ]
    if question.kind == QuestionKind.SEVERAL:
        return forms.MultipleChoiceField(
            **common, choices=choices, widget=forms.CheckboxSelectMultiple
        )
    return forms.ChoiceField(**common, choices=choices, widget=forms.RadioSelect)
