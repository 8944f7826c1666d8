"""The steps of a post-event report, each with its questions and why they are asked."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.forms import BaseInlineFormSet, inlineformset_factory
from django.utils.translation import gettext_lazy as _

from engagements.models import (
    Country,
    IOMPriority,
    Membership,
    Organisation,
    ReferenceFrame,
    Theme,
)
from finance.models import Position
from finance.models.staffing import known_grade
from finance.selectors.words import with_shares
from iscm_portal.common.forms import dress, not_after

from ..choices import ReportPart
from ..models import (
    Lesson,
    Participant,
    PostEventReport,
    ReportedAgendaItem,
    ReportedFollowUp,
    ReportedInstrument,
    ReportedPartnership,
    ReportedRequest,
)

Choices = list[tuple[Any, Any]]
NOTHING_CHOSEN = ("", "—")


class ReportChoices:
    """What the selects of a report offer, read once for a page whatever the number of rows."""

    def __init__(
        self,
        report: PostEventReport,
        today: dt.date,
        partners: Collection[str] = (),
        posts: Iterable[Position] = (),
    ) -> None:
        self.report = report
        self.today = today
        self.partners = partners
        self._posts = posts

    @cached_property
    def iscm(self) -> Choices:
        return [NOTHING_CHOSEN, *((i.pk, i.acronym) for i in self.report.event.iscms.all())]

    @cached_property
    def has_several_iscms(self) -> bool:
        return len(self.iscm) > 2

    @cached_property
    def country(self) -> Choices:
        """Countries, the members of the event's mechanisms first."""
        members = set(
            Membership.objects.filter(iscm__in=self.report.event.iscms.all())
            .exclude(country=None)
            .values_list("country_id", flat=True)
        )
        everybody = [(country.pk, country.name) for country in Country.objects.all()]
        first = [choice for choice in everybody if choice[0] in members]
        others = [choice for choice in everybody if choice[0] not in members]
        groups: Choices = [NOTHING_CHOSEN]
        if first:
            groups.append((_("Members and observers"), first))
        groups.append((_("Other States and territories"), others))
        return groups

    @cached_property
    def theme(self) -> Choices:
        return [NOTHING_CHOSEN, *Theme.objects.values_list("pk", "name")]

    @cached_property
    def priority(self) -> Choices:
        return [NOTHING_CHOSEN, *IOMPriority.objects.values_list("pk", "title")]

    @cached_property
    def organisation(self) -> Choices:
        """Partners on record, those that the office works with first."""
        everybody = list(Organisation.objects.values_list("pk", "name"))
        first = [choice for choice in everybody if choice[1] in self.partners]
        others = [choice for choice in everybody if choice[1] not in self.partners]
        if not first:
            return [NOTHING_CHOSEN, *others]
        return [NOTHING_CHOSEN, (_("Usual partners"), first), (_("Other partners"), others)]

    @cached_property
    def posts(self) -> dict[int, Position]:
        """The office's posts on the days of the event, by id."""
        return {post.pk: post for post in self._posts}

    @cached_property
    def position(self) -> Choices:
        return [NOTHING_CHOSEN, *((pk, with_shares(post)) for pk, post in self.posts.items())]

    def post_called(self, title: str) -> Position | None:
        """The one post that is called so; None where there is none, or more than one."""
        called = [post for post in self.posts.values() if _as_said(post.title) == _as_said(title)]
        return called[0] if len(called) == 1 else None

    @cached_property
    def agenda(self) -> Choices:
        return list(self.report.reportedagendaitems.values_list("pk", "title"))


def _as_said(title: str) -> str:
    return " ".join(title.split()).casefold()


class KeyField(forms.UUIDField):
    """What names a row that is not on record yet: sent twice, it is one row. Nobody types it."""

    def __init__(self) -> None:
        super().__init__(required=False, widget=forms.HiddenInput)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False

    def to_python(self, value: Any) -> Any:
        try:
            found = super().to_python(value)
        except forms.ValidationError:
            return None  # a new one is made
        return found


class ItemForm(forms.ModelForm):  # type: ignore[type-arg]
    """One row of a report. A joint meeting asks which mechanism the row concerns."""

    key = KeyField()
    wide: tuple[str, ...] = ()
    # Asked below a fold: what the rest can do without.
    more: tuple[str, ...] = ()
    # Dates of what has happened: none is still to come.
    past: tuple[str, ...] = ()

    def __init__(self, *args: Any, choices: ReportChoices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["key"] = str(self.instance.key if self.instance.pk else uuid.uuid4())
        if "iscm" in self.fields:
            if choices.has_several_iscms:
                self.fields["iscm"].required = True
                self.fields["iscm"].queryset = choices.report.event.iscms.all()  # type: ignore[attr-defined]
            else:
                del self.fields["iscm"]
        for name in ("iscm", "country", "theme", "priority", "organisation", "agenda"):
            if name in self.fields:
                self.fields[name].choices = getattr(choices, name)  # type: ignore[attr-defined]
        for name in self.past:
            self.fields[name].validators.append(not_after(choices.today))
        dress(self, wide=self.wide, lines=2)

    def save(self, commit: bool = True) -> Any:
        if not self.instance.pk and self.cleaned_data.get("key"):
            self.instance.key = self.cleaned_data["key"]
        return super().save(commit)

    def first_fields(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name not in self.more]

    def more_fields(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name in self.more]


class ParticipantForm(ItemForm):
    more = ("grade", "capacity", "paid_by")

    class Meta:
        model = Participant
        fields = [
            "title",
            "grade",
            "capacity",
            "days",
            "position",
            "paid_by",
            "travel_cost_usd",
            "iscm",
        ]
        help_texts = {
            "capacity": _("Speaker, secretariat or observer: it shows what IOM is asked for."),
            "iscm": _("A joint meeting: the days and the costs go to this mechanism."),
            "title": _("The post, not the name. It shows who speaks for IOM, and keeps no names."),
            "grade": _("So that days can be costed. P3, NOB, G6…"),
            "days": _("With preparation, travel and follow-up; half a day is 0.5."),
            "position": _(
                "If the person's post already counts for this mechanism, its days are not counted "
                "a second time."
            ),
            "paid_by": _(
                "Days that a project pays are not added twice: finance names the project."
            ),
            "travel_cost_usd": _("Tickets, daily allowance, visas. Leave empty if not known."),
        }

    def clean_grade(self) -> str:
        """The grade, also written as P-3; days of no grade can't be costed."""
        grade: str = self.cleaned_data["grade"].upper().replace("-", "").replace(" ", "")
        if grade:
            known_grade(grade)
        return grade

    def __init__(self, *args: Any, choices: ReportChoices, **kwargs: Any) -> None:
        super().__init__(*args, choices=choices, **kwargs)
        # A post that was chosen stays, whatever became of its dates since.
        stored = self.instance.position
        offered = choices.position
        if stored is not None and stored.pk not in choices.posts:
            offered = [*offered, (stored.pk, str(stored))]
        if len(offered) == 1:  # the office has no posts: nothing is asked
            del self.fields["position"]
            return
        field: Any = self.fields["position"]
        field.queryset = Position.objects.filter(pk__in=[pk for pk, _label in offered[1:]])
        field.choices = offered


class AgendaForm(ItemForm):
    wide = ("title",)
    more = ("theme", "proposed_by_iom")

    class Meta:
        model = ReportedAgendaItem
        fields = ["title", "theme", "priority", "proposed_by_iom"]
        help_texts = {
            "title": _("As the agenda has it: instruments can be seen to reflect it later."),
            "theme": _("So that all that IOM does in a theme can be seen across mechanisms."),
            "proposed_by_iom": _("It shows what IOM brings up, and what States do."),
            "priority": _("Only if the item carries one: it feeds the ninth indicator."),
        }


class RequestForm(ItemForm):
    wide = ("what",)
    past = ("asked_on", "answered_on")

    class Meta:
        model = ReportedRequest
        fields = ["what", "country", "kind", "asked_on", "outcome", "answered_on", "iscm"]
        help_texts = {
            "what": _("In a sentence, for whoever takes it up."),
            "country": _("Requests of Member States are the seventh indicator."),
            "kind": _("It shows which kind of support is asked for most."),
            "asked_on": _("The days to an answer count from here."),
            "outcome": _("The share of requests that were met is counted from it."),
            "answered_on": _("Leave empty while there is no answer."),
        }


class PartnershipForm(ItemForm):
    past = ("since_on",)

    class Meta:
        model = ReportedPartnership
        fields = ["organisation", "since_on", "new_name", "new_kind", "purpose", "iscm"]
        help_texts = {
            "organisation": _("Partnerships that began are the first indicator."),
            "since_on": _("It counts in the year of this day."),
            "new_name": _("Only if it is not in the list."),
            "new_kind": _("Partnerships are counted by the kind of partner."),
            "purpose": _("What the two do together, in a few words."),
        }


class InstrumentForm(ItemForm):
    wide = ("title",)
    more = ("expertise_note",)
    past = ("dated_on",)

    class Meta:
        model = ReportedInstrument
        fields = [
            "title",
            "kind",
            "action",
            "country",
            "region",
            "dated_on",
            "expertise_reflected",
            "agenda",
            "expertise_note",
            "iscm",
        ]
        widgets = {"agenda": forms.CheckboxSelectMultiple}
        help_texts = {
            "title": _("Its official title, so that it can be found again."),
            "kind": _("Legislation, policies and strategies are counted apart."),
            "action": _("Passed and amended instruments are two indicators."),
            "country": _("Whose it is; for a text of a region leave this empty."),
            "region": _("For a text of several States, as in ECOWAS."),
            "dated_on": _("It counts in the year of this day."),
            "expertise_note": _("Where in the text it can be seen."),
            "agenda": _("Reflection, not proof of cause: tick what the text takes up."),
            "expertise_reflected": _("“Not yet assessed” is not “no”; it stays out of the share."),
        }

    def __init__(self, *args: Any, choices: ReportChoices, **kwargs: Any) -> None:
        super().__init__(*args, choices=choices, **kwargs)
        self.fields["agenda"].queryset = choices.report.reportedagendaitems.all()  # type: ignore[attr-defined]
        self.fields["agenda"].choices = choices.agenda  # type: ignore[attr-defined]
        self.fields["agenda"].wide = True  # type: ignore[attr-defined]


class FollowUpForm(ItemForm):
    wide = ("what",)

    class Meta:
        model = ReportedFollowUp
        fields = ["what", "state", "who", "due_on", "iscm"]
        help_texts = {
            "what": _("What is to be done: it comes up again at the next meeting."),
            "state": _("The share of follow-ups that were done is an indicator."),
            "who": _("The post or office that does it, so that it can be asked."),
            "due_on": _("What is open after this day is shown as late."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.follow_up_id:  # what is agreed now is open
            del self.fields["state"]


class LessonForm(ItemForm):
    class Meta:
        model = Lesson
        fields = ["kind", "text"]
        help_texts = {
            "kind": _("A lesson says what to do otherwise, a good practice what to do again."),
            "text": _("For a colleague who goes to such a meeting next year."),
        }


class TextForm(forms.ModelForm):  # type: ignore[type-arg]
    """Free texts of a report; each says who will read it."""

    seen_by: dict[str, Any] = {}
    lines = 4
    # Below a fold, which says what is there.
    more: tuple[str, ...] = ()
    more_title: Any = ""
    # May stay empty in a draft, and not when it is submitted.
    needed: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, lines=self.lines)
        for name, text in self.seen_by.items():
            self.fields[name].seen_by = text  # type: ignore[attr-defined]
        for name in self.needed:
            self.fields[name].needed = True  # type: ignore[attr-defined]

    def first_fields(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name not in self.more]

    def more_fields(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name in self.more]

    @property
    def opens_more(self) -> bool:
        """Whether something below the fold waits for its writer."""
        if self.is_bound and any(name in self.errors for name in self.more):
            return True
        fields = [self.fields[name] for name in self.more]
        return any(
            getattr(field, "mark", None) or getattr(field, "comments", ()) for field in fields
        )


SEEN_BY_ALL = _("Seen by: everyone who may sign in, and the API, once accepted.")


class DiscussedForm(TextForm):
    needed = ("discussed",)
    more = ("discussed_internal", "discussed_restricted")
    more_title = _("Something that is not for everyone?")
    seen_by = {
        "discussed": SEEN_BY_ALL,
        "discussed_internal": _(
            "Seen by: IOM staff, here and in the briefing. Never in the API or in exports."
        ),
        "discussed_restricted": _(
            "Seen by: your office and IPD. Never in searches, e-mails, exports or the API."
        ),
    }
    lines = 5

    class Meta:
        model = PostEventReport
        fields = ["discussed", "discussed_internal", "discussed_restricted"]
        help_texts = {
            "discussed": _(
                "Five to ten lines. No statement is attributed to a State here (Chatham House)."
            ),
            "discussed_internal": _("What colleagues should know and the public need not."),
            "discussed_restricted": _("Who said what, and anything that could harm if it got out."),
        }


class OutcomesForm(TextForm):
    seen_by = {"outcomes": SEEN_BY_ALL, "documents": SEEN_BY_ALL}

    class Meta:
        model = PostEventReport
        fields = ["outcomes", "documents"]
        help_texts = {
            "outcomes": _("What was agreed, declared or decided."),
            "documents": _("Titles of outcome documents, one a line, with an address if public."),
        }


class FundingLeadsForm(TextForm):
    seen_by = {"funding_leads": _("Seen by: IOM staff, here and in the briefing.")}
    lines = 2

    class Meta:
        model = PostEventReport
        fields = ["funding_leads"]
        help_texts = {"funding_leads": _("Donors that showed interest, and in what.")}


class GoalsForm(forms.ModelForm):  # type: ignore[type-arg]
    """The goals that the meeting spoke to, frame by frame."""

    class Meta:
        model = PostEventReport
        fields = ["frames"]
        widgets = {"frames": forms.CheckboxSelectMultiple}
        help_texts = {"frames": _("They let IPD show work per MiGOF, Global Compact and SDG goal.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups: dict[str, list[tuple[int, str]]] = {}
        for frame in ReferenceFrame.objects.all():
            groups.setdefault(frame.get_kind_display(), []).append((frame.pk, str(frame)))
        self.fields["frames"].choices = list(groups.items())  # type: ignore[attr-defined]


@dataclass(frozen=True)
class RowSet:
    """Rows of one kind on a step: their model, their formset, and what one row is called."""

    model: Any
    form: type[ItemForm]
    one: Any
    title: Any = ""
    hint: Any = ""
    # Links that a row shows: read for all rows together.
    prefetch: tuple[str, ...] = ()

    @property
    def accessor(self) -> str:
        """What a report calls these rows."""
        name: str = self.model._meta.get_field("report").remote_field.get_accessor_name()
        return name

    @cached_property
    def formset(self) -> type[BaseInlineFormSet[Any, Any, Any]]:
        """One empty row to fill after those that are there; a row is taken away by its tick."""
        return inlineformset_factory(
            PostEventReport,
            self.model,
            form=self.form,
            extra=1,
            can_delete=True,
            max_num=100,
            validate_max=True,
        )


@dataclass(frozen=True)
class Step:
    """One page of the report."""

    part: ReportPart
    why: Any
    form: type[forms.ModelForm] | None = None  # type: ignore[type-arg]
    row_sets: tuple[RowSet, ...] = ()

    @property
    def key(self) -> str:
        return self.part.value

    @property
    def title(self) -> Any:
        return self.part.label


STEPS = (
    Step(
        ReportPart.PEOPLE,
        _("Days and travel add up to what a mechanism costs."),
        row_sets=(RowSet(Participant, ParticipantForm, _("Person"), prefetch=("position",)),),
    ),
    Step(
        ReportPart.AGENDA,
        _("Shows whether IOM's priorities found their way onto the agenda."),
        row_sets=(RowSet(ReportedAgendaItem, AgendaForm, _("Agenda item")),),
    ),
    Step(
        ReportPart.DISCUSSED,
        _("What a colleague who was not there needs to know."),
        form=DiscussedForm,
    ),
    Step(
        ReportPart.OUTCOMES,
        _("What the meeting left behind."),
        form=OutcomesForm,
    ),
    Step(
        ReportPart.SUPPORT,
        _("Requests of Member States are counted, and so is how soon they are answered."),
        row_sets=(RowSet(ReportedRequest, RequestForm, _("Request")),),
    ),
    Step(
        ReportPart.RESULTS,
        _("What changed: who works with IOM now, and which laws and policies followed."),
        row_sets=(
            RowSet(
                ReportedPartnership,
                PartnershipForm,
                _("Partnership"),
                _("Partnerships that began"),
                _("New ones, not renewals."),
            ),
            RowSet(
                ReportedInstrument,
                InstrumentForm,
                _("Instrument"),
                _("Legislation, policies and strategies passed or amended"),
                _("Those that take up something of an agenda, this one's or an earlier one's."),
                prefetch=("agenda",),
            ),
        ),
    ),
    Step(
        ReportPart.FOLLOWUP,
        _("So that the next report begins with what became of them."),
        form=FundingLeadsForm,
        row_sets=(
            RowSet(ReportedFollowUp, FollowUpForm, _("Follow-up"), _("Follow-ups")),
            RowSet(Lesson, LessonForm, _("Lesson"), _("Lessons and good practice")),
        ),
    ),
    Step(ReportPart.GOALS, _("One tick each, no text."), form=GoalsForm),
)
STEP_KEYS = tuple(step.key for step in STEPS)
