"""Links by which a survey is answered: made, given out, and read again."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from engagements.models import Country, Office
from iscm_portal.common.access import may

from ..choices import SurveyState
from ..models import Survey, SurveyLink, SurveyToken
from .surveys import SurveyError, SurveyIsClosed, SurveyNotDraft, locked

MOST_LINKS = 2000


class BatchMade(SurveyError):
    """The same form was sent before: its links are made, and their addresses were shown then."""


class OfficeHasAnswered(SurveyError):
    """The link of the office is used."""


@dataclass(frozen=True)
class Wanted:
    """What kind of links are made, and for whom."""

    batch: uuid.UUID
    is_single: bool = True
    phase: str = ""
    language: str = "en-gb"
    number: int = 1
    countries: Sequence[Country] = ()
    offices: Sequence[Office] = ()
    emails: Sequence[str] = ()
    # The users of these offices answer in the portal, one for each office.
    for_users: Sequence[Office] = ()


@dataclass(frozen=True)
class Made:
    """A link with the token of its address, which is never to be had again."""

    link: SurveyLink
    token: str


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def give_out(link: SurveyLink) -> str:
    """A new token of the link. The earlier ones stay good."""
    token = secrets.token_urlsafe(24)
    SurveyToken.objects.create(link=link, digest=digest_of(token))
    return token


def link_of(token: str) -> SurveyLink | None:
    """The link that ``token`` opens, with its survey; None for one that is none of ours."""
    rows = SurveyLink.objects.filter(tokens__digest=digest_of(token))
    found: SurveyLink | None = rows.select_related("survey", "country", "office__country").first()
    return found


def make_links(pk: int, wanted: Wanted, on: dt.date) -> list[Made]:
    """Make the links that are ``wanted``. Those with an e-mail address and those of users have no
    address here: it goes out by mail, or is taken in the portal.

    Raises BatchMade, SurveyNotDraft (not opened yet), SurveyIsClosed and SurveyError (too many).
    """
    with transaction.atomic():
        survey = locked(pk)
        if survey.state == SurveyState.DRAFT:
            raise SurveyNotDraft(_("Open the survey first: its links answer to its questions."))
        if survey.state == SurveyState.CLOSED:
            raise SurveyIsClosed(_("The survey is closed."))
        if survey.links.filter(batch=wanted.batch).exists():
            raise BatchMade(
                _("These links are made. Addresses are shown once: make others if these are lost.")
            )
        links = _links(survey, wanted, on)
        if survey.links.count() + len(links) > MOST_LINKS:
            raise SurveyError(_("A survey has %(n)d links at most.") % {"n": MOST_LINKS})
        SurveyLink.objects.bulk_create(links)
        shown = [link for link in links if not (link.email or link.is_for_users)]
        tokens = [secrets.token_urlsafe(24) for _link in shown]
        SurveyToken.objects.bulk_create(
            SurveyToken(link=link, digest=digest_of(token))
            for link, token in zip(shown, tokens, strict=True)
        )
    return [Made(link, token) for link, token in zip(shown, tokens, strict=True)]


def _links(survey: Survey, wanted: Wanted, on: dt.date) -> list[SurveyLink]:
    common = {
        "survey": survey,
        "batch": wanted.batch,
        "phase": wanted.phase,
        "language": wanted.language,
        "made_on": on,
    }
    if not wanted.is_single:
        return [SurveyLink(**common, is_single=False)]
    if wanted.for_users:
        taken = set(survey.links.filter(is_for_users=True).values_list("office", flat=True))
        offices = [office for office in wanted.for_users if office.pk not in taken]
        return [SurveyLink(**common, is_for_users=True, office=office) for office in offices]
    if wanted.emails:
        return [SurveyLink(**common, email=email) for email in wanted.emails]
    places: list[dict[str, Any]] = [
        *({"country": country} for country in wanted.countries),
        *({"office": office} for office in wanted.offices),
    ]
    return [
        SurveyLink(**common, **place) for place in places or [{}] for _n in range(wanted.number)
    ]


def may_answer_for_office(user: Any, survey: Survey, on: dt.date) -> bool:
    """Whether the survey waits for the answer of the user's office."""
    return (
        may(user, "write_own_office_reports")
        and user.office_id is not None
        and survey.state == SurveyState.RUNNING
        and survey.opens_on <= on <= survey.closes_on
        and survey.links.filter(is_for_users=True, office=user.office_id, is_used=False).exists()
    )


def take_link(survey: Survey, user: Any) -> str:
    """The token by which the user's office answers. Raises OfficeHasAnswered."""
    with transaction.atomic():
        links = SurveyLink.objects.select_for_update().filter(survey=survey, is_for_users=True)
        link = links.filter(office=user.office_id).first()
        if link is None or link.is_used:
            raise OfficeHasAnswered(_("Your office has answered, or was not asked."))
        return give_out(link)
