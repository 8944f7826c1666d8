"""Records of reports, indicators and recommendations, field by field."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import F, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce, Concat
from rest_framework import serializers

from engagements import choices as engagement_choices
from engagements.models import (
    AgendaItem,
    FollowUpAction,
    Partnership,
    PolicyInstrument,
    SupportRequest,
)
from finance import choices as finance_choices
from iscm_portal.common.records import (
    Attached,
    Children,
    Links,
    RecordSerializer,
    SourcedSerializer,
    amount,
    choice,
    day,
    fields_of,
    flag,
    integer,
    moment,
    string,
)

from .. import choices
from ..models import (
    CompileRun,
    Lesson,
    Participant,
    Question,
    Recommendation,
    ReportedAgendaItem,
    ReportedFollowUp,
    ReportedInstrument,
    ReportedPartnership,
    ReportedRequest,
    SurveyAnswer,
    SurveyResponse,
)
from ..selectors.survey_results import QuestionResult, results_by_survey
from ..services.compiling.progress import Step


def _frame(relation: str) -> Any:
    """A goal as ``kind:code``: the codes of two frames may be the same."""
    return Concat(F(f"{relation}__kind"), Value(":"), F(f"{relation}__code"))


# --- what a report holds, as it stands in the report; each is a record of its own endpoint, too


class ReportAgendaSerializer(RecordSerializer):
    id = integer("on_record", null=True, help_text="Of the agenda item on record.")
    title = string()
    theme = string("theme.code", null=True)
    theme_label = string("theme.name", null=True)
    proposed_by_iom = flag()
    priority = integer("priority_id", null=True)
    priority_label = string("priority.title", null=True)


def _agenda() -> Any:
    """Each row with the item on record that it was copied from, or that it wrote."""
    written = AgendaItem.objects.filter(report_number=OuterRef("report_id"))
    own = Subquery(written.filter(report_item=OuterRef("pk")).values("pk")[:1])
    return ReportedAgendaItem.objects.annotate(on_record=Coalesce("agenda_item_id", own))


class ReportItemSerializer(RecordSerializer):
    iscm = string("iscm.slug", null=True)
    iscm_label = string("iscm.acronym", null=True)


class ReportRequestSerializer(ReportItemSerializer):
    country = string("country.iso3", null=True)
    country_label = string("country.name_en", null=True)
    kind = choice(engagement_choices.SupportKind)
    what = string()
    asked_on = day()
    answered_on = day(null=True)
    outcome = choice(engagement_choices.RequestOutcome)


class ReportPartnershipSerializer(ReportItemSerializer):
    organisation = string("organisation.slug")
    organisation_label = string("organisation.name")
    purpose = string()
    since_on = day()


class ReportInstrumentSerializer(ReportItemSerializer):
    title = string()
    country = string("country.iso3", null=True)
    country_label = string("country.name_en", null=True)
    region = string()
    kind = choice(engagement_choices.InstrumentKind)
    action = choice(engagement_choices.InstrumentAction)
    dated_on = day()
    expertise_reflected = choice(engagement_choices.Reflected)


class ReportFollowUpSerializer(ReportItemSerializer):
    what = string()
    who = string()
    due_on = day(null=True)
    state = choice(engagement_choices.FollowUpState)


class ReportLessonSerializer(RecordSerializer):
    kind = choice(choices.LessonKind)
    text = string()


class ReportSerializer(RecordSerializer):
    """An accepted report, its open text only: no internal and no restricted remark, for nobody."""

    event = integer("event_id")
    event_label = string("event.name")
    event_starts_on = day("event.starts_on", null=True)
    iscms = Links("event__iscms", "event__iscms__slug")
    iscm_labels = Links("event__iscms", "event__iscms__acronym")
    office = string("office.slug")
    office_label = string("office.name")
    version = integer()
    discussed = string()
    outcomes = string()
    documents = string()
    frames = Links("frames", _frame("frames"))
    frame_labels = Links("frames", "frames__title")
    submitted_at = moment(null=True)
    accepted_at = moment(null=True)
    agenda_items = Children(ReportAgendaSerializer, "report_id", _agenda)
    support_requests = Children(
        ReportRequestSerializer, "report_number", lambda: SupportRequest.objects.all()
    )
    partnerships = Children(
        ReportPartnershipSerializer, "report_number", lambda: Partnership.objects.all()
    )
    policy_instruments = Children(
        ReportInstrumentSerializer, "report_number", lambda: PolicyInstrument.objects.all()
    )
    follow_ups = Children(
        ReportFollowUpSerializer, "report_number", lambda: FollowUpAction.objects.all()
    )
    lessons = Children(ReportLessonSerializer, "report_id", lambda: Lesson.objects.all())
    is_demo = flag()
    updated_at = moment()


# --- a report that is being written: read by those who may see it on pages


class DraftRowSerializer(RecordSerializer):
    key = string(help_text="Names the row: sent back, it is that row.")


class DraftItemSerializer(DraftRowSerializer):
    iscm = string("iscm.slug", null=True, help_text="Which one, of a joint meeting.")
    iscm_label = string("iscm.acronym", null=True)


class DraftParticipantSerializer(DraftItemSerializer):
    title = string()
    grade = string()
    capacity = choice(engagement_choices.Capacity)
    days = amount(null=True, help_text="null: nobody has said.")
    position = integer("position_id", null=True)
    position_label = string("position.title", null=True)
    paid_by = choice(finance_choices.PaidBy)
    travel_cost_usd = amount(null=True)


class DraftAgendaSerializer(DraftRowSerializer):
    title = string()
    theme = string("theme.code", null=True)
    theme_label = string("theme.name", null=True)
    proposed_by_iom = flag()
    priority = integer("priority_id", null=True)
    priority_label = string("priority.title", null=True)


class DraftRequestSerializer(DraftItemSerializer):
    country = string("country.iso3")
    country_label = string("country.name_en")
    kind = choice(engagement_choices.SupportKind)
    what = string()
    asked_on = day()
    answered_on = day(null=True)
    outcome = choice(engagement_choices.RequestOutcome)


class DraftPartnershipSerializer(DraftItemSerializer):
    organisation = string("organisation.slug", null=True)
    organisation_label = string("organisation.name", null=True)
    new_name = string(help_text="Of a partner that is not on record.")
    new_kind = choice(engagement_choices.OrganisationKind, blank=True)
    purpose = string()
    since_on = day()


class DraftInstrumentSerializer(DraftItemSerializer):
    title = string()
    country = string("country.iso3", null=True)
    country_label = string("country.name_en", null=True)
    region = string()
    kind = choice(engagement_choices.InstrumentKind)
    action = choice(engagement_choices.InstrumentAction)
    dated_on = day()
    agenda = Links("agenda", "agenda__key")
    agenda_labels = Links("agenda", "agenda__title")
    expertise_reflected = choice(engagement_choices.Reflected)
    expertise_note = string()


class DraftFollowUpSerializer(DraftItemSerializer):
    what = string()
    who = string()
    due_on = day(null=True)
    state = choice(engagement_choices.FollowUpState)


class DraftLessonSerializer(DraftRowSerializer):
    kind = choice(choices.LessonKind)
    text = string()


def names_in(record: type[RecordSerializer]) -> list[str]:
    return list(fields_of(record))


def _rows_of(record: type[RecordSerializer], model: Any) -> Children:
    return Children(record, "report_id", lambda: model.objects.all())


class ReportDraftSerializer(RecordSerializer):
    """A report that is not accepted yet, or the correction of one. Internal and restricted remarks
    and funding leads are written, and not told: they are read on its page."""

    event = integer("event_id")
    event_label = string("event.name")
    event_starts_on = day("event.starts_on", null=True)
    iscms = Links("event__iscms", "event__iscms__slug")
    iscm_labels = Links("event__iscms", "event__iscms__acronym")
    office = string("office.slug")
    office_label = string("office.name")
    version = integer()
    state = choice(choices.ReportState)
    corrects = integer("corrects_id", null=True, help_text="The accepted report that it corrects.")
    discussed = string()
    outcomes = string()
    documents = string()
    frames = Links("frames", _frame("frames"))
    frame_labels = Links("frames", "frames__title")
    submitted_at = moment(null=True)
    accepted_at = moment(null=True)
    participants = _rows_of(DraftParticipantSerializer, Participant)
    agenda_items = _rows_of(DraftAgendaSerializer, ReportedAgendaItem)
    support_requests = _rows_of(DraftRequestSerializer, ReportedRequest)
    partnerships = _rows_of(DraftPartnershipSerializer, ReportedPartnership)
    policy_instruments = _rows_of(DraftInstrumentSerializer, ReportedInstrument)
    follow_ups = _rows_of(DraftFollowUpSerializer, ReportedFollowUp)
    lessons = _rows_of(DraftLessonSerializer, Lesson)
    is_demo = flag()
    updated_at = moment()


class LessonSerializer(RecordSerializer):
    """A lesson or good practice of an accepted report."""

    kind = choice(choices.LessonKind)
    text = string()
    report = integer("report_id")
    event = integer("report.event_id")
    event_label = string("report.event.name")
    event_starts_on = day("report.event.starts_on", null=True)
    iscms = Links("report__event__iscms", "report__event__iscms__slug")
    iscm_labels = Links("report__event__iscms", "report__event__iscms__acronym")
    office = string("report.office.slug")
    office_label = string("report.office.name")
    is_demo = flag()
    updated_at = moment()


class DutySerializer(RecordSerializer):
    """What an office owes on an event. Seen by the office and by IPD."""

    event = integer("event_id")
    event_label = string("event.name")
    iscms = Links("event__iscms", "event__iscms__slug")
    iscm_labels = Links("event__iscms", "event__iscms__acronym")
    office = string("office.slug")
    office_label = string("office.name")
    due_on = day()
    state = choice(choices.DutyState)
    answer = string(help_text="Empty where the answer is a report, or is still owed.")
    report = integer("report_id", null=True)
    answered_at = moment(null=True)
    accepted_at = moment(null=True)
    is_demo = flag()
    updated_at = moment()


# --- indicators


class IndicatorSerializer(SourcedSerializer):
    key = string()
    number = integer()
    title = string()
    definition = string()
    caution = string()
    unit = string()
    baseline = amount(null=True)
    baseline_year = integer(null=True)
    target = amount(null=True)
    rationale = string()
    relevant_to = Links("relevant_to", _frame("relevant_to"))
    relevant_to_labels = Links("relevant_to", "relevant_to__title")
    frequency = string()
    due_on = day(null=True)
    direction = choice(choices.Direction)
    green_from = amount(null=True)
    amber_from = amount(null=True)
    owner = string("owner.slug", null=True)
    owner_label = string("owner.name", null=True)
    state = choice(choices.IndicatorState)
    baseline_source = string()
    no_baseline_reason = string()
    objective = string("objective.code", null=True)
    objective_label = string("objective.title", null=True)
    version = integer("current_version.number", null=True)


class CoverageSerializer(serializers.Serializer[Any]):
    """How many of the reports owed were accepted when the value was compiled."""

    accepted = integer("reports_accepted")
    owed = integer("reports_owed")


class IndicatorValueSerializer(RecordSerializer):
    indicator = string("indicator.key")
    indicator_label = string("indicator.title")
    unit = string("indicator.unit")
    period = choice(choices.PeriodKind)
    year = integer()
    quarter = integer("part", help_text="1 to 4; 0 of a year.")
    iscm = string("iscm.slug", null=True, help_text="null: overall.")
    iscm_label = string("iscm.acronym", null=True)
    dimension = string(help_text="What the value is cut by besides; empty: nothing.")
    dimension_value = string(help_text="A code of the dimension; empty: not known, or none.")
    value = amount(null=True, help_text="null: see the status. It is not zero.")
    numerator = amount(null=True)
    denominator = amount(null=True)
    n = integer(null=True, help_text="null: too few answers to show.")
    beside = serializers.DictField(required=False, help_text="What is shown beside the value.")
    status = choice(choices.Status)
    coverage = CoverageSerializer(source="*", required=False)
    compiled_at = moment()
    run = integer("run_id")
    version = integer(
        "version.number", null=True, help_text="Of the definition it was worked out by."
    )


class ReleasedValueSerializer(IndicatorValueSerializer):
    """A value of a closed year, with the labels of then."""

    iscm_label = string(null=True)
    release = integer("release_id")


class CompileRunSerializer(RecordSerializer):
    state = choice(CompileRun.State)
    scope = choice(CompileRun.Scope)
    first_year = integer()
    last_year = integer()
    started_at = moment()
    published_at = moment(null=True)
    seconds = amount(null=True)
    values_written = integer(help_text="Values that changed or are new.")
    values_removed = integer()
    values_total = integer(null=True, help_text="Null of a run after a change.")


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a run is: of the step of counting, ``done`` of ``whole`` measures."""

    step = serializers.ChoiceField(Step.choices, default=None, allow_null=True)
    since = serializers.DateTimeField(default=None, allow_null=True)
    done = serializers.IntegerField(default=0)
    whole = serializers.IntegerField(default=0)


class ReleaseSerializer(RecordSerializer):
    year = integer()
    revision = integer(help_text="1 of a year that was closed once.")
    closed_at = moment()
    note = string()
    run = integer("run_id")
    values_total = integer()


class EvidenceSerializer(serializers.Serializer[Any]):
    """A record that a value was counted from."""

    type = serializers.CharField()
    id = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]
    dated_on = serializers.DateField(allow_null=True)
    iscm = serializers.CharField(allow_null=True)
    report = serializers.IntegerField(allow_null=True)
    url = serializers.URLField(allow_null=True, help_text="The record itself.")


class RecommendationSerializer(SourcedSerializer):
    number = integer()
    criterion = choice(Recommendation.Criterion)
    title = string()
    text = string(help_text="Restated; the wording is not the evaluation's own.")
    strength = string()
    addressees = serializers.ListField(child=serializers.CharField(), required=False)
    indicators = Links("indicators", "indicators__key")
    indicator_labels = Links("indicators", "indicators__title")
    response = string()
    owner = string("owner.slug", null=True)
    owner_label = string("owner.name", null=True)
    due_on = day(null=True)
    state = choice(Recommendation.State)


class SurveyAnswersSerializer(serializers.Serializer[Any]):
    """How often one answer was given."""

    answer = serializers.CharField()
    count = serializers.IntegerField()
    share_pct = serializers.DecimalField(max_digits=20, decimal_places=4, allow_null=True)


class SurveyResultSerializer(serializers.Serializer[Any]):
    """What the answers to one question came to; without numbers where they are too few."""

    question = serializers.IntegerField()
    text = serializers.CharField()
    kind = serializers.ChoiceField(choices=choices.QuestionKind.choices)
    counts_as = serializers.CharField(allow_blank=True)
    phase = serializers.CharField(allow_blank=True, help_text="before, after or none.")
    n = serializers.IntegerField(allow_null=True, help_text="null: fewer than three.")
    mean = serializers.DecimalField(max_digits=20, decimal_places=4, allow_null=True)
    answers = SurveyAnswersSerializer(many=True)


class SurveyResults(Attached):
    """The results of a closed survey, question by question; of others there are none."""

    reads = (Question, SurveyResponse, SurveyAnswer)

    def __init__(self) -> None:
        super().__init__(child=SurveyResultSerializer(), required=False)

    def read(self, ids: list[int], user: Any, known_by: dt.datetime | None) -> dict[int, list[Any]]:
        found = results_by_survey(ids)
        return {survey: [_result(row) for row in rows] for survey, rows in found.items()}


def _result(row: QuestionResult) -> dict[str, Any]:
    return {
        "question": row.question.pk,
        "text": row.question.text,
        "kind": row.question.kind,
        "counts_as": row.question.counts_as,
        "phase": row.phase,
        "n": row.n,
        "mean": row.mean,
        "answers": [
            {"answer": bar.label, "count": bar.count, "share_pct": bar.share_pct}
            for bar in row.bars
        ],
    }


class SurveySerializer(RecordSerializer):
    use = choice(choices.SurveyUse)
    title = string()
    state = choice(choices.SurveyState)
    iscm = string("iscm.slug", null=True)
    iscm_label = string("iscm.acronym", null=True)
    event = integer("event_id", null=True)
    event_label = string("event.name", null=True)
    opens_on = day()
    closes_on = day()
    closed_on = day(null=True)
    answered = integer(help_text="How many answered.")
    links_made = integer(help_text="Links for one answer that were made.")
    links_used = integer(help_text="Those of them that are used.")
    results = SurveyResults()
    is_demo = flag(help_text="Invented for demonstration.")
    updated_at = moment()
