"""Choices of reports and indicators."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.period import Period


class ReportState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    SUBMITTED = "submitted", _("In review")
    RETURNED = "returned", _("Returned")
    ACCEPTED = "accepted", _("Accepted")


class ReportAction(models.TextChoices):
    CREATED = "created", _("Started")
    CORRECTING = "correcting", _("Correction begun")
    SUBMITTED = "submitted", _("Submitted")
    FORWARDED = "forwarded", _("Checked by the office")
    RETURNED = "returned", _("Returned")
    ACCEPTED = "accepted", _("Accepted")


class ReportPart(models.TextChoices):
    """The pages of a report, in their order."""

    PEOPLE = "people", _("Who took part")
    AGENDA = "agenda", _("Agenda and priorities")
    DISCUSSED = "discussed", _("What was discussed")
    OUTCOMES = "outcomes", _("Outcomes and documents")
    SUPPORT = "support", _("Support asked for")
    RESULTS = "results", _("Partnerships and instruments")
    FOLLOWUP = "followup", _("Follow-ups and lessons")
    GOALS = "goals", _("Goals it speaks to")


# What every report answers; the other parts are written where there is something to say.
REQUIRED_PARTS = tuple(
    part for part in ReportPart if part not in (ReportPart.OUTCOMES, ReportPart.GOALS)
)


class DocumentKind(models.TextChoices):
    OUTCOME = "outcome", _("Outcome document")
    AGENDA = "agenda", _("Agenda")
    OTHER = "other", _("Other document")


class Sensitivity(models.TextChoices):
    """Who reads it, once the report is accepted."""

    OPEN = "open", _("Open: everyone who may sign in")
    INTERNAL = "internal", _("Internal: IOM staff")
    RESTRICTED = "restricted", _("Restricted: the reporting office and IPD")


class DutyAnswer(models.TextChoices):
    """What an office may answer instead of a report."""

    NOTHING_TO_REPORT = "nothing_to_report", _("Nothing to report")
    NOT_ATTENDED = "not_attended", _("Not attended")


class ExtensionDecision(models.TextChoices):
    GRANTED = "granted", _("Granted")
    REFUSED = "refused", _("Refused")


class DutyState(models.TextChoices):
    """Where a duty stands; worked out, never stored."""

    UPCOMING = "upcoming", _("Not over yet")
    OPEN = "open", _("Due")
    OVERDUE = "overdue", _("Overdue")
    IN_REVIEW = "in_review", _("In review")
    SETTLED = "settled", _("Settled")


class NoticeClock(models.TextChoices):
    """What a notice counts its days from."""

    NOT_FILED = "not_filed", _("No answer yet: days from the end of the event")
    RETURNED = "returned", _("Returned and untouched: days from the return")
    WAITING = "waiting", _("Waiting for review: days from the submission")


class NoticeAudience(models.TextChoices):
    WRITERS = "writers", _("Who writes the report, else the reporters of the office")
    MANAGER = "manager", _("The office's managers, else IPD")
    IPD = "ipd", _("IPD")


class LessonKind(models.TextChoices):
    LESSON = "lesson", _("Lesson learned")
    GOOD_PRACTICE = "good_practice", _("Good practice")


class Direction(models.TextChoices):
    """Which way an indicator should go."""

    UP = "up", _("Up is better")
    DOWN = "down", _("Down is better")
    CONTEXT = "context", _("For context")


class Status(models.TextChoices):
    """Where a value stands against the thresholds of its indicator, or why that is not said."""

    GREEN = "green", _("On track")
    AMBER = "amber", _("Needs attention")
    RED = "red", _("Off track")
    CONTEXT = "context", _("For context")
    NO_TARGET = "no_target", _("No target set")
    NO_LIMITS = "no_limits", _("No thresholds")
    PART = "part", _("Part of the total")
    BASELINE = "baseline", _("Baseline or before")
    NOT_OVER = "not_over", _("Not over yet")
    NO_DATA = "no_data", _("No data")
    # There are answers, but what they come to would tell what fewer than three people said.
    TOO_FEW = "too_few", _("Too few answers to show")


class PeriodKind(models.TextChoices):
    """How long the span of a value is. Money is known by the year only."""

    YEAR = "year", _("Year")
    QUARTER = "quarter", _("Quarter")
    ROLLING = "rolling", _("Twelve months to the end of the quarter")

    def days(self, year: int, part: int) -> Period:
        """The days of a span: of the year, of quarter ``part`` of it, or of the twelve months to
        the end of that quarter."""
        if self == PeriodKind.YEAR:
            return Period.year(year)
        return Period.months_to(year, 3 * part, 3 if self == PeriodKind.QUARTER else 12)


class IndicatorState(models.TextChoices):
    PROPOSED = "proposed", _("Proposed")
    ACTIVE = "active", _("Active")
    RETIRED = "retired", _("Retired")


class Frequency(models.TextChoices):
    """How often an indicator is read."""

    QUARTER = "quarter", _("Every quarter")
    HALF_YEAR = "half_year", _("Every half-year")
    YEAR = "year", _("Every year")


class SmartPart(models.TextChoices):
    """The five parts that a definition must have before it is activated."""

    SPECIFIC = "specific", _("Specific")
    MEASURABLE = "measurable", _("Measurable")
    ATTAINABLE = "attainable", _("Attainable")
    RELEVANT = "relevant", _("Relevant")
    TIMELY = "timely", _("Timely")


class SurveyUse(models.TextChoices):
    """The five uses of the one engine of surveys."""

    SATISFACTION = "satisfaction", _("Satisfaction of Member States")
    KNOWLEDGE = "knowledge", _("Knowledge before and after a meeting")
    GRCP = "grcp", _("Feedback on the GRCP")
    NEEDS = "needs", _("Needs of offices")
    INSTITUTIONAL = "institutional", _("Institutional questionnaire")


# The uses that offices answer; the others are for Member States and participants.
USES_OF_OFFICES = (SurveyUse.NEEDS, SurveyUse.INSTITUTIONAL)


class SurveyState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    RUNNING = "running", _("Running")
    CLOSED = "closed", _("Closed")


class SurveyPhase(models.TextChoices):
    """The two times at which a survey on knowledge is answered; other uses have none."""

    BEFORE = "before", _("Before the meeting")
    AFTER = "after", _("After the meeting")


class QuestionKind(models.TextChoices):
    SCALE = "scale", _("Scale from 1 to 5")
    SCORE = "score", _("Score from 0 to 100")
    SINGLE = "single", _("One of several choices")
    SEVERAL = "several", _("Any of several choices")
    TEXT = "text", _("Free text")


class CountsAs(models.TextChoices):
    """What the answers to a question are counted as, beside the results of its survey."""

    SATISFACTION = "satisfaction", _("Satisfaction (a scale)")
    KNOWLEDGE = "knowledge", _("Knowledge (a score, or a choice with a right answer)")
    NEED = "need", _("A need (choices)")
    QUALITY = "quality", _("Quality of results (a scale)")


class SurveyStage(models.TextChoices):
    """What a notice on a survey tells."""

    INVITATION = "invitation", _("Invitation")
    REMINDER = "reminder", _("Reminder")
