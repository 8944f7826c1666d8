"""Taking an answer: once, whole, and without a trace of whose it is."""

from __future__ import annotations

import datetime as dt
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from engagements.models import Country

from ..choices import SurveyState
from ..models import Survey, SurveyAnswer, SurveyLink, SurveyResponse
from ..selectors.survey_results import FLOOR
from .surveys import SurveyError, locked

CODE_SALT = "reporting.surveys.code"


class SurveyNotOpenYet(SurveyError):
    """Its first day is still to come."""


class SurveyOver(SurveyError):
    """Its last day is over, or it was closed."""


class LinkUsed(SurveyError):
    """A link for one answer has brought it."""


class QuestionsChanged(SurveyError):
    """The form asked other questions than stand there now."""


class CodeUsed(SurveyError):
    """Somebody with this code has answered at this time."""


@dataclass(frozen=True)
class Filled:
    """A filled form: ``key`` names it, ``answers`` has the numbers and texts of each question."""

    key: uuid.UUID
    revision: int
    answers: Mapping[int, list[int | str]] = field(default_factory=dict)
    code: str = ""
    country: Country | None = None


def check_open(link: SurveyLink, on: dt.date) -> None:
    """Raises SurveyNotOpenYet, SurveyOver or LinkUsed where the link takes no answer."""
    survey = link.survey
    if survey.state == SurveyState.CLOSED or on > survey.closes_on:
        raise SurveyOver(_("This survey is closed"))
    if survey.state == SurveyState.DRAFT or on < survey.opens_on:
        raise SurveyNotOpenYet(_("This survey is not open yet"))
    if link.is_used:
        raise LinkUsed(_("This link was used"))


def normal_code(typed: str) -> str:
    """A participant's code as it is told apart: no case, accent, space or sign."""
    text = unicodedata.normalize("NFKD", typed).casefold()
    return "".join(sign for sign in text if sign.isalnum())


def hashed_code(survey: Survey, typed: str) -> str:
    """What is kept of a code: another one for each event, so that nobody is followed from one to
    the next."""
    of_event = f"{survey.event_id}:{normal_code(typed)}"
    return salted_hmac(CODE_SALT, of_event, algorithm="sha256").hexdigest()[:40]


def keep_response(link_pk: int, filled: Filled, on: dt.date) -> bool:
    """Keep the form as one response; False where the same form was kept before.

    A single-use link is marked as used in the same transaction, and by nothing that leads to the
    response. Raises what ``check_open`` raises, QuestionsChanged, and CodeUsed.
    """
    with transaction.atomic():
        link = SurveyLink.objects.select_related("country", "office__country").get(pk=link_pk)
        survey = locked(link.survey_id)
        if SurveyResponse.objects.filter(pk=filled.key, survey=survey).exists():
            return False
        # Once the survey is held nobody else uses the link.
        link.refresh_from_db(fields=["is_used"])
        link.survey = survey
        check_open(link, on)
        if filled.revision != survey.revision:
            raise QuestionsChanged(_("The questions were changed meanwhile: look at them again."))
        code = hashed_code(survey, filled.code) if survey.has_phases else ""
        if code and survey.responses.filter(phase=link.phase, code=code).exists():
            raise CodeUsed(_("An answer with this code is here already, and it stays."))
        response = SurveyResponse.objects.create(
            pk=filled.key,
            survey=survey,
            phase=link.phase,
            answered_on=on,
            code=code,
            **_origin(link, filled.country),
        )
        SurveyAnswer.objects.bulk_create(
            SurveyAnswer(
                response=response,
                question_id=question,
                number=value if isinstance(value, int) else None,
                text=value if isinstance(value, str) else "",
            )
            for question, values in filled.answers.items()
            for value in values
        )
        if link.is_single:
            SurveyLink.objects.filter(pk=link.pk).update(is_used=True)
    return True


def _origin(link: SurveyLink, said: Country | None) -> dict[str, Any]:
    """What a response says of where it comes from: what its writer said, else what its link shares
    with two others at least. One link of a State would be as good as a name."""
    if said is not None:
        return {"country": said, "region": said.region}
    place = link.country or (link.office.country if link.office else None)
    links = SurveyLink.objects.filter(survey=link.survey, phase=link.phase, is_single=True)
    found: dict[str, Any] = {}
    if link.country and links.filter(country=link.country).count() >= FLOOR:
        found["country"] = link.country
    if link.office and links.filter(office=link.office).count() >= FLOOR:
        found["office"] = link.office
    if place is not None:
        way = "country__region" if link.country else "office__country__region"
        if found or links.filter(**{way: place.region}).count() >= FLOOR:
            found["region"] = place.region
    return found
