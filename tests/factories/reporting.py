"""Factories of reports, surveys, indicators and recommendations."""

import datetime as dt
import hashlib
from decimal import Decimal

import factory
from django.core.files.base import ContentFile
from factory.django import DjangoModelFactory

from engagements.choices import InstrumentAction, InstrumentKind, SupportKind
from iscm_portal.common import uploads
from reporting import choices, models

from .engagements import (
    CountryFactory,
    EventFactory,
    ObjectiveFactory,
    OfficeFactory,
    OrganisationFactory,
    UserFactory,
    add_all,
)

UTC = dt.UTC
SUBMITTED_AT = dt.datetime(2026, 3, 15, 9, 0, tzinfo=UTC)
ACCEPTED_AT = dt.datetime(2026, 3, 20, 9, 0, tzinfo=UTC)


class PostEventReportFactory(DjangoModelFactory):
    """A draft of a reporter of its office; ``state=`` brings the moments that go with it."""

    class Meta:
        model = models.PostEventReport
        skip_postgeneration_save = True

    event = factory.SubFactory(EventFactory)
    office = factory.SubFactory(OfficeFactory)
    author = factory.SubFactory(UserFactory, office=factory.SelfAttribute("..office"))
    state = choices.ReportState.DRAFT
    submitted_at = factory.LazyAttribute(
        lambda report: None if report.state == choices.ReportState.DRAFT else SUBMITTED_AT
    )
    accepted_at = factory.LazyAttribute(
        lambda report: ACCEPTED_AT if report.state == choices.ReportState.ACCEPTED else None
    )
    frames = add_all("frames")


class ReportStepFactory(DjangoModelFactory):
    class Meta:
        model = models.ReportStep

    report = factory.SubFactory(PostEventReportFactory)
    action = choices.ReportAction.CREATED
    actor = factory.SelfAttribute("report.author")
    at = SUBMITTED_AT


class ReportVersionFactory(DjangoModelFactory):
    class Meta:
        model = models.ReportVersion

    report = factory.SubFactory(PostEventReportFactory)
    version = 1
    content = factory.LazyFunction(dict)
    kept_at = SUBMITTED_AT


class ParticipantFactory(DjangoModelFactory):
    class Meta:
        model = models.Participant

    report = factory.SubFactory(PostEventReportFactory)
    title = "Programme officer"
    grade = "P3"
    days = Decimal("2.00")


class ReportedAgendaItemFactory(DjangoModelFactory):
    class Meta:
        model = models.ReportedAgendaItem

    report = factory.SubFactory(PostEventReportFactory)
    title = factory.Sequence(lambda n: f"Item {n}")


class ReportedRequestFactory(DjangoModelFactory):
    class Meta:
        model = models.ReportedRequest

    report = factory.SubFactory(PostEventReportFactory)
    country = factory.SubFactory(CountryFactory)
    kind = SupportKind.TECHNICAL
    what = factory.Sequence(lambda n: f"Request {n}")
    asked_on = dt.date(2026, 3, 11)


class ReportedPartnershipFactory(DjangoModelFactory):
    class Meta:
        model = models.ReportedPartnership

    report = factory.SubFactory(PostEventReportFactory)
    organisation = factory.SubFactory(OrganisationFactory)
    since_on = dt.date(2026, 3, 11)


class ReportedInstrumentFactory(DjangoModelFactory):
    class Meta:
        model = models.ReportedInstrument
        skip_postgeneration_save = True

    report = factory.SubFactory(PostEventReportFactory)
    region = "West Africa"
    title = factory.Sequence(lambda n: f"Instrument {n}")
    kind = InstrumentKind.POLICY
    action = InstrumentAction.PASSED
    dated_on = dt.date(2026, 3, 11)
    agenda = add_all("agenda")


class ReportedFollowUpFactory(DjangoModelFactory):
    class Meta:
        model = models.ReportedFollowUp

    report = factory.SubFactory(PostEventReportFactory)
    what = factory.Sequence(lambda n: f"Follow-up {n}")


class LessonFactory(DjangoModelFactory):
    class Meta:
        model = models.Lesson

    report = factory.SubFactory(PostEventReportFactory)
    kind = choices.LessonKind.LESSON
    text = factory.Sequence(lambda n: f"Lesson {n}")


class KnowledgeAnswerFactory(DjangoModelFactory):
    class Meta:
        model = models.KnowledgeAnswer

    event = factory.SubFactory(EventFactory)
    participant_code = factory.Sequence(lambda n: f"code-{n}")
    answered_on = dt.date(2026, 3, 11)
    before = Decimal("50.00")
    after = Decimal("60.00")


class SatisfactionAnswerFactory(DjangoModelFactory):
    class Meta:
        model = models.SatisfactionAnswer

    kind = SupportKind.TECHNICAL
    answered_on = dt.date(2026, 3, 11)
    score = 4


class IndicatorFactory(DjangoModelFactory):
    """An active indicator with what the database asks of one: for context, and with thresholds
    (``green_from=``, ``amber_from=``) one whose target is the first of them."""

    class Meta:
        model = models.Indicator
        skip_postgeneration_save = True

    key = factory.Sequence(lambda n: f"indicator_{n}")
    number = factory.Sequence(lambda n: n)
    title = factory.Sequence(lambda n: f"Indicator {n}")
    definition = "What is counted."
    unit = "count"
    direction = factory.LazyAttribute(
        lambda row: choices.Direction.UP if row.green_from else choices.Direction.CONTEXT
    )
    green_from = None
    target = factory.SelfAttribute("green_from")
    no_baseline_reason = "Counted for the first time."
    rationale = "It was reached elsewhere."
    owner = factory.SubFactory(OfficeFactory)
    objective = factory.SubFactory(ObjectiveFactory)
    relevant_to = add_all("relevant_to")
    due_on = dt.date(2030, 12, 31)
    state = choices.IndicatorState.ACTIVE


class IndicatorVersionFactory(DjangoModelFactory):
    class Meta:
        model = models.IndicatorVersion

    indicator = factory.SubFactory(IndicatorFactory)
    number = factory.Sequence(lambda n: n + 1)
    title = factory.SelfAttribute("indicator.title")
    definition = factory.SelfAttribute("indicator.definition")
    unit = factory.SelfAttribute("indicator.unit")
    valid_from = dt.date(2026, 3, 20)
    made_at = ACCEPTED_AT


class CompileRunFactory(DjangoModelFactory):
    class Meta:
        model = models.CompileRun

    state = models.CompileRun.State.PUBLISHED
    first_year = 2026
    last_year = 2026
    started_at = ACCEPTED_AT
    published_at = ACCEPTED_AT


class IndicatorValueFactory(DjangoModelFactory):
    """The overall cell, or with ``iscm=...`` the cell of that mechanism."""

    class Meta:
        model = models.IndicatorValue

    indicator = factory.SubFactory(IndicatorFactory)
    year = 2026
    iscm = None
    cell = factory.LazyAttribute(lambda row: f"iscm:{row.iscm.pk}" if row.iscm else "overall")
    value = Decimal("1.0000")
    n = 1
    status = choices.Status.NO_TARGET
    compiled_at = ACCEPTED_AT
    run = factory.SubFactory(CompileRunFactory)


class ReleaseFactory(DjangoModelFactory):
    """A closed year without values; ``services.releasing`` closes one with them."""

    class Meta:
        model = models.Release

    year = factory.Sequence(lambda n: 1960 + n)
    revision = 1
    id = factory.LazyAttribute(lambda row: row.year * 100 + row.revision)
    closed_at = ACCEPTED_AT
    closed_by = factory.SubFactory(UserFactory, access_group="ipd")
    run = factory.SubFactory(CompileRunFactory)


class AuditRunFactory(DjangoModelFactory):
    class Meta:
        model = models.AuditRun

    started_at = ACCEPTED_AT
    ended_at = ACCEPTED_AT
    checked = 1000
    differing = 0


class RecommendationFactory(DjangoModelFactory):
    class Meta:
        model = models.Recommendation

    number = factory.Sequence(lambda n: n + 1)
    criterion = models.Recommendation.Criterion.RELEVANCE
    title = factory.Sequence(lambda n: f"Recommendation {n}")
    text = "What to do."


class DutyFactory(DjangoModelFactory):
    class Meta:
        model = models.Duty

    event = factory.SubFactory(EventFactory)
    office = factory.SubFactory(OfficeFactory)
    due_on = dt.date(2026, 11, 20)


class NoticeRuleFactory(DjangoModelFactory):
    class Meta:
        model = models.NoticeRule

    stage = factory.Sequence(lambda n: f"stage-{n}")
    clock = choices.NoticeClock.NOT_FILED
    day = 0
    audience = choices.NoticeAudience.WRITERS


class NoticeFactory(DjangoModelFactory):
    class Meta:
        model = models.Notice

    duty = factory.SubFactory(DutyFactory)
    rule = factory.SubFactory(NoticeRuleFactory)
    stage = factory.SelfAttribute("rule.stage")
    recipient = factory.SubFactory(UserFactory)
    due_on = dt.date(2026, 11, 6)
    made_at = ACCEPTED_AT


class AttachmentFactory(DjangoModelFactory):
    """A document with its file on the disk."""

    class Meta:
        model = models.Attachment

    report = factory.SubFactory(PostEventReportFactory)
    name = "Outcome.pdf"
    kind = choices.DocumentKind.OUTCOME
    sensitivity = choices.Sensitivity.OPEN
    media_type = "application/pdf"
    uploaded_by = factory.SelfAttribute("report.author")

    class Params:
        content = factory.Sequence(lambda n: b"%%PDF-1.7 %d %%%%EOF" % n)
        stored = factory.LazyAttribute(lambda row: uploads.store(ContentFile(row.content)))

    place = factory.LazyAttribute(lambda row: row.stored[0])
    sha256 = factory.LazyAttribute(lambda row: row.stored[1])
    size = factory.LazyAttribute(lambda row: row.stored[2])


class FieldCommentFactory(DjangoModelFactory):
    class Meta:
        model = models.FieldComment

    report = factory.SubFactory(PostEventReportFactory)
    part = choices.ReportPart.DISCUSSED
    field = "discussed"
    text = "Which States?"
    version = 1
    author = factory.SubFactory(UserFactory, access_group="ipd")
    made_at = SUBMITTED_AT


class SurveyFactory(DjangoModelFactory):
    """A running survey on satisfaction, open in November 2026."""

    class Meta:
        model = models.Survey

    use = choices.SurveyUse.SATISFACTION
    title = factory.Sequence(lambda n: f"Survey {n}")
    opens_on = dt.date(2026, 11, 1)
    closes_on = dt.date(2026, 11, 30)
    state = choices.SurveyState.RUNNING
    closed_on = factory.LazyAttribute(
        lambda survey: survey.closes_on if survey.state == choices.SurveyState.CLOSED else None
    )


class QuestionFactory(DjangoModelFactory):
    class Meta:
        model = models.Question

    survey = factory.SubFactory(SurveyFactory)
    position = factory.Sequence(lambda n: n)
    kind = choices.QuestionKind.SCALE
    text = factory.Sequence(lambda n: f"Question {n}?")


class SurveyLinkFactory(DjangoModelFactory):
    """A single-use link; ``token`` is what opens it."""

    class Meta:
        model = models.SurveyLink
        skip_postgeneration_save = True

    survey = factory.SubFactory(SurveyFactory)
    made_on = dt.date(2026, 11, 1)

    @factory.post_generation
    def token(link, create, extracted, **kwargs):
        if extracted:
            digest = hashlib.sha256(extracted.encode()).hexdigest()
            models.SurveyToken.objects.create(link=link, digest=digest)


class SurveyResponseFactory(DjangoModelFactory):
    """A response; ``answers={question: number or text}`` are what it says."""

    class Meta:
        model = models.SurveyResponse
        skip_postgeneration_save = True

    survey = factory.SubFactory(SurveyFactory)
    answered_on = dt.date(2026, 11, 10)

    @factory.post_generation
    def answers(response, create, extracted, **kwargs):
        for question, value in (extracted or {}).items():
            several = value if isinstance(value, list) else [value]
            models.SurveyAnswer.objects.bulk_create(
                models.SurveyAnswer(
                    response=response,
                    question=question,
                    number=None if isinstance(one, str) else one,
                    text=one if isinstance(one, str) else "",
                )
                for one in several
            )
