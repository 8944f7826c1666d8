"""Questions about surveys: which there are, whose answer they wait for, how many have answered."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from engagements.choices import MembershipKind
from engagements.models import Country, Membership
from iscm_portal.common.access import may

from ..models import Survey, SurveyLink, SurveyResponse
from ..querysets import SurveyQuerySet

LANGUAGES = ("en", "fr", "es")


def in_language(record: Any, name: str, language: str) -> tuple[str, bool]:
    """The text ``name`` of a record in ``language``, English where it is missing; and whether it
    is there in that language."""
    text = "" if language == "en" else getattr(record, f"{name}_{language}", "")
    return (text, True) if text else (getattr(record, name), language == "en")


def options_in(question: Any, language: str) -> list[str]:
    """The choices of a question in ``language``, English where they are missing."""
    return in_language(question, "options", language)[0].splitlines()


def survey_list(user: Any) -> SurveyQuerySet:
    """Surveys that ``user`` may see, the newest first, with how many answered."""
    rows = with_counts(Survey.objects.visible_to(user)).select_related("iscm", "event")
    found: SurveyQuerySet = rows.order_by("-pk")
    return found


def with_counts(surveys: SurveyQuerySet) -> SurveyQuerySet:
    """Adds ``answered`` (responses), ``links_made`` and ``links_used`` (single-use ones)."""
    found: SurveyQuerySet = surveys.annotate(
        answered=_count(SurveyResponse.objects.all()),
        links_made=_count(SurveyLink.objects.filter(is_single=True)),
        links_used=_count(SurveyLink.objects.filter(is_used=True)),
    )
    return found


def _count(rows: QuerySet[Any]) -> Any:

    of_survey = rows.filter(survey=OuterRef("pk")).order_by().values("survey")
    counted = of_survey.annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def member_states(survey: Survey, user: Any, on: dt.date) -> list[Country]:
    """The States that are members of the mechanism that the survey is of, or of those of its
    event, on a day."""
    iscms = [survey.iscm_id] if survey.iscm_id else []
    if not iscms and survey.event:
        iscms = list(survey.event.iscms.values_list("pk", flat=True))
    memberships = Membership.objects.visible_to(user).filter(
        iscm__in=iscms, kind=MembershipKind.MEMBER
    )
    held = memberships.held_on(on).values("country")
    return list(Country.objects.visible_to(user).filter(pk__in=held))


def waiting_for_office(user: Any, on: dt.date) -> list[Survey]:
    """The surveys that wait for an answer of the user's office, the first to close first."""
    if not may(user, "write_own_office_reports") or user.office_id is None:
        return []
    own = SurveyLink.objects.filter(
        survey=OuterRef("pk"), is_for_users=True, office=user.office_id, is_used=False
    )
    open_now = Survey.objects.visible_to(user).taking_answers(on)
    return list(open_now.filter(Exists(own)).order_by("closes_on", "pk"))


@dataclass(frozen=True)
class LinkCount:
    """How many links of a kind were made, and how many of them are used."""

    phase: str
    is_single: bool
    is_for_users: bool
    made: int
    used: int


def links_by_kind(survey: Survey) -> list[LinkCount]:
    """The links of a survey, counted. Which one is used is not told: two of three that are not
    would name the third."""
    kinds = survey.links.order_by().values("phase", "is_single", "is_for_users")
    counted = kinds.annotate(made=Count("pk"), used=Count("pk", filter=Q(is_used=True)))
    return [LinkCount(**row) for row in counted.order_by("phase", "is_single", "is_for_users")]
