"""Surveys: the questions, the links by which they are answered, and what was answered.

What is answered is anonymous: no row of it has a time, a history, or a way back to the link.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from engagements.choices import Language, SupportKind
from engagements.models import ISCM, Country, Event, Office
from engagements.models.base import plausible
from iscm_portal.common.models import Tracked
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import (
    USES_OF_OFFICES,
    CountsAs,
    QuestionKind,
    SurveyPhase,
    SurveyStage,
    SurveyState,
    SurveyUse,
)
from ..querysets import AnswerQuerySet, SurveyQuerySet

MOST_REMIND_DAYS = 60


class Survey(Tracked):
    """Questions that are asked from a first to a last day, for one of five uses."""

    use = models.CharField(_("use"), max_length=20, choices=SurveyUse.choices)
    title = models.CharField(_("title"), max_length=200)
    title_fr = models.CharField(_("title in French"), max_length=200, blank=True)
    title_es = models.CharField(_("title in Spanish"), max_length=200, blank=True)
    intro = models.TextField(_("introduction"), max_length=2000, blank=True)
    intro_fr = models.TextField(_("introduction in French"), max_length=2000, blank=True)
    intro_es = models.TextField(_("introduction in Spanish"), max_length=2000, blank=True)
    iscm = models.ForeignKey(
        ISCM, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("mechanism")
    )
    event = models.ForeignKey(
        Event, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("event")
    )
    support_kind = models.CharField(
        _("kind of support"), max_length=20, choices=SupportKind.choices, blank=True
    )
    opens_on = models.DateField(_("first day"))
    closes_on = models.DateField(_("last day"))
    remind_days = models.PositiveSmallIntegerField(
        _("reminder, days before the last one"),
        null=True,
        blank=True,
        default=3,
        validators=[MaxValueValidator(MOST_REMIND_DAYS)],
    )
    asks_state = models.BooleanField(_("ask which State the answer speaks for"), default=False)
    state = models.CharField(
        _("state"), max_length=10, choices=SurveyState.choices, default=SurveyState.DRAFT
    )
    closed_on = models.DateField(null=True, editable=False)
    # Raised with each change of a question: a form that asked the old ones is not taken for an
    # answer to the new ones.
    revision = models.PositiveIntegerField(default=0, editable=False)

    objects = SurveyQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("survey")
        verbose_name_plural = _("surveys")
        constraints = [
            plausible("survey_dates_plausible", "opens_on", "closes_on"),
            models.CheckConstraint(
                name="survey_dates_in_order",
                condition=Q(opens_on__lte=F("closes_on")),
                violation_error_message=_("The last day is before the first one."),
            ),
            models.CheckConstraint(
                name="survey_on_knowledge_has_an_event",
                condition=~Q(use="knowledge") | Q(event__isnull=False),
                violation_error_message=_("Knowledge is asked before and after an event: name it."),
            ),
            models.CheckConstraint(
                name="survey_closed_says_when",
                condition=~Q(state="closed") | Q(closed_on__isnull=False),
            ),
            # A participant's code stands for one person of an event.
            models.UniqueConstraint(
                fields=["event"],
                condition=Q(use="knowledge") & ~Q(state="draft"),
                name="survey_on_knowledge_once_an_event",
                violation_error_message=_("There is a survey on knowledge of this event already."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_of_offices(self) -> bool:
        return self.use in USES_OF_OFFICES

    @property
    def has_phases(self) -> bool:
        return self.use == SurveyUse.KNOWLEDGE

    @property
    def phases(self) -> list[str]:
        return list(SurveyPhase.values) if self.has_phases else [""]


class Question(Tracked):
    """One question of a survey. Choices stand one a line, the same line in each language."""

    survey = models.ForeignKey(Survey, models.CASCADE, related_name="questions")
    position = models.PositiveSmallIntegerField(default=0, editable=False)
    kind = models.CharField(_("kind of answer"), max_length=10, choices=QuestionKind.choices)
    text = models.TextField(_("question"), max_length=1000)
    text_fr = models.TextField(_("question in French"), max_length=1000, blank=True)
    text_es = models.TextField(_("question in Spanish"), max_length=1000, blank=True)
    options = models.TextField(_("choices, one a line"), max_length=4000, blank=True)
    options_fr = models.TextField(_("choices in French"), max_length=4000, blank=True)
    options_es = models.TextField(_("choices in Spanish"), max_length=4000, blank=True)
    # The line of the right choice, from 1 on.
    right_option = models.PositiveSmallIntegerField(_("right choice"), null=True, blank=True)
    is_required = models.BooleanField(_("has to be answered"), default=False)
    counts_as = models.CharField(
        _("counts as"), max_length=20, choices=CountsAs.choices, blank=True
    )

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        constraints = [
            models.CheckConstraint(
                name="question_counted_on_a_scale",
                condition=~Q(counts_as__in=["satisfaction", "quality"]) | Q(kind="scale"),
                violation_error_message=_("Satisfaction and quality are asked on a scale."),
            ),
            models.CheckConstraint(
                name="question_of_knowledge_has_a_score",
                condition=~Q(counts_as="knowledge")
                | Q(kind="score", is_required=True)
                | Q(kind="single", right_option__isnull=False, is_required=True),
                violation_error_message=_(
                    "Knowledge needs a score, or a choice with a right answer; and an answer."
                ),
            ),
            models.CheckConstraint(
                name="question_of_needs_has_choices",
                condition=~Q(counts_as="need") | Q(kind__in=["single", "several"]),
                violation_error_message=_("Needs are choices."),
            ),
            # One answer counts once.
            models.UniqueConstraint(
                fields=["survey", "counts_as"],
                condition=Q(counts_as__in=["satisfaction", "quality"]),
                name="question_counts_once_a_survey",
                violation_error_message=_("Another question of the survey counts as that."),
            ),
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def has_options(self) -> bool:
        return self.kind in (QuestionKind.SINGLE, QuestionKind.SEVERAL)


class SurveyLink(models.Model):
    """A way to answer a survey. It says whether it was used, but neither when nor with what.

    It has no history: that would say when it was used. The e-mail address is kept only until the
    survey is closed.
    """

    survey = models.ForeignKey(Survey, models.CASCADE, related_name="links")
    batch = models.UUIDField(default=uuid.uuid4, db_index=True, editable=False)
    is_single = models.BooleanField(_("single use"), default=True)
    # Taken by the users of an office in the portal, who get their token there.
    is_for_users = models.BooleanField(default=False)
    phase = models.CharField(max_length=10, choices=SurveyPhase.choices, blank=True)
    country = models.ForeignKey(Country, models.PROTECT, null=True, blank=True, related_name="+")
    office = models.ForeignKey(Office, models.PROTECT, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=10, choices=Language.choices, default=Language.ENGLISH)
    email = models.EmailField(blank=True)
    is_used = models.BooleanField(default=False)
    made_on = models.DateField()

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="surveylink_used_is_single",
                condition=Q(is_used=False) | Q(is_single=True),
            ),
            models.UniqueConstraint(
                fields=["survey", "office"],
                condition=Q(is_for_users=True),
                name="surveylink_for_users_once_an_office",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.survey} {self.pk}"


class SurveyToken(models.Model):
    """What stands in an address that opens a link: only its SHA-256. A link has a token for each
    time that it was given out, since none can be given out again."""

    link = models.ForeignKey(SurveyLink, models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)

    def __str__(self) -> str:
        return f"{self.link_id} {self.digest[:6]}…"


class SurveyResponse(models.Model):
    """One filled form. Its key is random, so that its place among others tells nothing.

    ``country``, ``office`` and ``region`` stand there only where at least three links share them,
    or where who answered chose to say. ``code`` is hashed with its event.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    survey = models.ForeignKey(Survey, models.PROTECT, related_name="responses")
    phase = models.CharField(max_length=10, choices=SurveyPhase.choices, blank=True)
    country = models.ForeignKey(Country, models.PROTECT, null=True, related_name="+")
    office = models.ForeignKey(Office, models.PROTECT, null=True, related_name="+")
    region = models.CharField(max_length=40, blank=True)
    answered_on = models.DateField()
    code = models.CharField(max_length=40, blank=True)
    is_demo = models.BooleanField(default=False)

    objects = AnswerQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["survey", "phase", "code"],
                condition=~Q(code=""),
                name="surveyresponse_once_a_code",
            ),
            plausible("surveyresponse_date_plausible", "answered_on"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class SurveyAnswer(models.Model):
    """One answer to one question: a number (points, score, or the line of a choice) or a text.
    Several choices are several rows."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    response = models.ForeignKey(SurveyResponse, models.CASCADE, related_name="answers")
    question = models.ForeignKey(Question, models.PROTECT, related_name="answers")
    number = models.PositiveSmallIntegerField(null=True)
    text = models.TextField(blank=True)

    objects = AnswerQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["response", "question", "number"], name="surveyanswer_once"
            ),
            models.CheckConstraint(
                name="surveyanswer_number_or_text",
                condition=Q(number__isnull=False, text="") | (Q(number__isnull=True) & ~Q(text="")),
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class SurveyNotice(models.Model):
    """One notice on a survey, once: to the address of a link, or to a user of an office."""

    survey = models.ForeignKey(Survey, models.CASCADE, related_name="notices")
    link = models.ForeignKey(SurveyLink, models.CASCADE, related_name="notices")
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+"
    )
    stage = models.CharField(max_length=12, choices=SurveyStage.choices)
    due_on = models.DateField()
    sent_on = models.DateField(null=True)
    last_error = models.CharField(max_length=80, blank=True)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["link", "stage"],
                condition=Q(recipient__isnull=True),
                name="surveynotice_once_a_link",
            ),
            models.UniqueConstraint(
                fields=["link", "stage", "recipient"],
                condition=Q(recipient__isnull=False),
                name="surveynotice_once_a_person",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], name="surveynotice_unsent", condition=Q(sent_on__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.survey}: {self.stage}"
