"""Writing a post-event report: started, written by its office, submitted."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.forms.models import model_to_dict
from django.utils.translation import gettext as _

from engagements.models import AgendaItem, Delegate, Event, Office
from iscm_portal.common import outbox

from ..choices import REQUIRED_PARTS, ReportAction, ReportPart, ReportState
from ..models import (
    KeptText,
    Participant,
    PostEventReport,
    ReportedAgendaItem,
    ReportedFollowUp,
    ReportStep,
    ReportVersion,
    SavedPart,
)
from ..selectors.reports import open_follow_ups_before
from .duties import supersede_answer


class ReportError(Exception):
    """Something about a report can't be done now; the message is for the person who tried."""


class ReportNotOpen(ReportError):
    """The report is in review or accepted: nobody writes in it now."""


class ReportAlreadySubmitted(ReportError):
    """The report is on its way already; a second submit changes nothing."""


class ReportIncomplete(ReportError):
    """The report lacks what it needs. ``missing`` is a list of (step key, sentence)."""

    def __init__(self, missing: list[tuple[str, str]]) -> None:
        super().__init__(_("The report is not complete."))
        self.missing = missing


class ReportAlreadyStarted(ReportError):
    """The office has its report on the event; ``report`` is it."""

    def __init__(self, report: PostEventReport) -> None:
        super().__init__(
            _("The office has a report on this event already: %(number)s.") % {"number": report.pk}
        )
        self.report = report


class KeptElsewhere(ReportError):
    """The writer typed into the page in another window since; ``kept`` is what stands there."""

    def __init__(self, kept: KeptText) -> None:
        super().__init__(_("You typed into this page in another window."))
        self.kept = kept


def start_report(event: Event, office: Office, author: Any, at: dt.datetime) -> PostEventReport:
    """The office's report on the event, begun when there is none."""
    try:
        return begin_report(event, office, author, at)
    except ReportAlreadyStarted as error:
        return error.report


def begin_report(event: Event, office: Office, author: Any, at: dt.datetime) -> PostEventReport:
    """Make the office's report on the event, with what is known already.

    Delegates, agenda and open follow-ups on record are copied in: nothing known is asked again.
    Raises ReportAlreadyStarted.
    """
    try:
        with transaction.atomic():
            report = PostEventReport.objects.create(event=event, office=office, author=author)
            ReportStep.objects.create(
                report=report, action=ReportAction.CREATED, actor=author, at=at
            )
            _prefill(report)
            outbox.write("delegations_changed", {})
    except IntegrityError:  # somebody of the office was first: it is one report
        first = PostEventReport.objects.get(event=event, office=office, corrects=None)
        raise ReportAlreadyStarted(first) from None
    return report


def _prefill(report: PostEventReport) -> None:
    # Row by row, so that each has its history; a delegation and an agenda are short.
    for delegate in Delegate.objects.filter(event=report.event_id, office=report.office_id):
        Participant.objects.create(
            report=report, delegate=delegate, title=delegate.title, capacity=delegate.capacity
        )
    for item in AgendaItem.objects.filter(event=report.event_id):
        ReportedAgendaItem.objects.create(
            report=report,
            agenda_item=item,
            title=item.title,
            theme_id=item.theme_id,
            proposed_by_iom=bool(item.proposed_by_iom),
            priority_id=item.priority_id,
        )
    for follow_up in open_follow_ups_before(report, report.author)[:20]:
        ReportedFollowUp.objects.create(
            report=report,
            follow_up=follow_up,
            iscm_id=follow_up.iscm_id,
            what=follow_up.what,
            who=follow_up.who,
            due_on=follow_up.due_on,
        )


def locked(report_id: int) -> PostEventReport:
    """The report, held until the transaction ends (SQLite holds the whole database anyway)."""
    reports = PostEventReport.objects.select_for_update(of=("self",))
    report: PostEventReport = reports.select_related("event", "office").get(pk=report_id)
    return report


@contextmanager
def writing(
    report_id: int, parts: Iterable[str], author: Any, at: dt.datetime
) -> Iterator[PostEventReport]:
    """Hold the report while ``parts`` of it are saved, then count its version up.

    Raises ReportNotOpen; nothing is saved then.
    """
    with transaction.atomic():
        report = locked(report_id)
        if not report.is_open:
            raise ReportNotOpen(_("The report is in review or accepted; it can't be changed now."))
        yield report
        report.version += 1
        report.steps_done += [part for part in parts if part not in report.steps_done]
        report.save()
        if author.pk != report.author_id:
            report.co_authors.add(author)


def keep_saved_parts(
    report: PostEventReport,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    author: Any,
    at: dt.datetime,
) -> None:
    """Remember what each part held before and after a save ({part: content as JSON}).

    The first save of a part also keeps what it began from, which every writer has seen.
    """
    known = set(report.saved_parts.filter(part__in=after).values_list("part", flat=True))
    beginnings = [
        SavedPart(report=report, part=part, version=1, content=content, saved_at=at)
        for part, content in before.items()
        if part not in known
    ]
    ends = [
        SavedPart(
            report=report,
            part=part,
            version=report.version + 1,
            content=content,
            author=author,
            saved_at=at,
        )
        for part, content in after.items()
        if content != before[part]
    ]
    SavedPart.objects.bulk_create([*beginnings, *ends])


def base_of(report: PostEventReport, part: str, version: int) -> SavedPart | None:
    """What ``part`` held for a writer who saw ``version``; None while nobody has saved it."""
    found: SavedPart | None = (
        report.saved_parts.filter(part=part, version__lte=version).order_by("version").last()
    )
    return found


def last_save_after(
    report: PostEventReport, parts: Iterable[str], version: int
) -> SavedPart | None:
    """The last save of any of ``parts`` that a writer who saw ``version`` has not seen."""
    newer = report.saved_parts.filter(part__in=list(parts), version__gt=version)
    found: SavedPart | None = newer.select_related("author").order_by("version").last()
    return found


# What one page may hold; a report of this length has lost its reader.
MOST_KEPT_BYTES = 1_000_000


def keep_text(
    report_id: int,
    page: str,
    author: Any,
    content: Mapping[str, Any],
    version: int,
    revision: int,
    at: dt.datetime,
) -> KeptText:
    """Keep what ``author`` is typing, as it is. ``revision`` is the one that his window knows.

    Which text is newer goes by revisions, never by a clock. Raises ReportNotOpen, and
    KeptElsewhere when another window has kept something since; nothing changes then.
    """
    with transaction.atomic():
        report = locked(report_id)
        if not report.is_open:
            raise ReportNotOpen(_("The report is in review or accepted; it can't be changed now."))
        kept = KeptText.objects.filter(report=report, page=page, author=author).first()
        if kept is None:
            kept = KeptText(report=report, page=page, author=author, revision=revision)
        elif kept.revision != revision and kept.content != content:
            raise KeptElsewhere(kept)
        if kept.pk is None or kept.content != content:  # the same sent again is the same
            kept.revision += 1
        kept.content, kept.version, kept.kept_at = content, version, at
        kept.save()
    return kept


def drop_kept_text(report: PostEventReport, page: str, author: Any) -> None:
    """Forget what was kept of a page: it is saved now, or its writer threw it away."""
    KeptText.objects.filter(report=report, page=page, author=author).delete()


# The parts that copy_from writes to.
COPIED_PARTS = (ReportPart.PEOPLE, ReportPart.AGENDA, ReportPart.GOALS)


def copy_from(report: PostEventReport, source: PostEventReport) -> None:
    """Take over what recurs in a series of meetings: the delegation, the agenda, the goals.

    Days, costs and texts are of one meeting and stay there, as does what is in the report already.
    Belongs inside of ``writing``.
    """
    named = {person.title.casefold() for person in report.participants.all()}
    for person in source.participants.all():
        if person.title.casefold() not in named:
            Participant.objects.create(
                report=report,
                title=person.title,
                grade=person.grade,
                capacity=person.capacity,
                paid_by=person.paid_by,
            )
    titles = {item.title.casefold() for item in report.reportedagendaitems.all()}
    for item in source.reportedagendaitems.all():
        if item.title.casefold() not in titles:
            ReportedAgendaItem.objects.create(
                report=report,
                title=item.title,
                theme_id=item.theme_id,
                priority_id=item.priority_id,
            )
    report.frames.add(*source.frames.all())


def what_is_missing(report: PostEventReport) -> list[tuple[str, str]]:
    """What a report needs before it can be submitted: (part key, sentence).

    Every required part is looked at and saved, if only empty: that nothing is told then means
    that there was nothing, and a count of 0 is a 0.
    """
    missing = {
        part.value: _("Look at this part and save it: %(part)s.") % {"part": part.label}
        for part in REQUIRED_PARTS
        if part not in report.steps_done
    }
    if not report.participants.exists():
        missing[ReportPart.PEOPLE] = _("Say who took part for IOM.")
    elif report.participants.filter(days__isnull=True).exists():
        missing[ReportPart.PEOPLE] = _("Say how many days each person spent; 0 is an answer.")
    if not report.discussed.strip():
        missing[ReportPart.DISCUSSED] = _("Give the main points of the discussion.")
    return [(part, missing[part]) for part in ReportPart.values if part in missing]


def what_is_not_saved(report: PostEventReport, author: Any) -> list[tuple[str, str]]:
    """The pages that ``author`` typed into without saving: (page key, sentence)."""
    kept = report.kept_texts.filter(author=author).order_by("page")
    sentence = _("You typed here and did not save it. Save it, or throw it away.")
    return [(page, sentence) for page in kept.values_list("page", flat=True)]


def submit_report(
    report_id: int, actor: Any, at: dt.datetime, request_key: uuid.UUID | None = None
) -> PostEventReport:
    """Send the report to IPD and keep the version that was sent.

    ``request_key`` names the request: the same one again, from a line that broke before the
    answer came, finds its work done and changes nothing.
    Raises ReportAlreadySubmitted and ReportIncomplete; nothing changes then.
    """
    with transaction.atomic():
        report = locked(report_id)
        if request_key and report.steps.filter(request_key=request_key).exists():
            return report
        if not report.is_open:
            raise ReportAlreadySubmitted(_("The report has been submitted already."))
        missing = [*what_is_missing(report), *what_is_not_saved(report, actor)]
        if missing:
            raise ReportIncomplete(missing)
        supersede_answer(report.event_id, report.office_id)
        report.state = ReportState.SUBMITTED
        report.submitted_at = at
        report.version += 1
        report.save()
        ReportVersion.objects.create(
            report=report,
            version=report.version,
            content=snapshot(report),
            restricted=report.discussed_restricted,
            made_by=actor,
            kept_at=at,
        )
        ReportStep.objects.create(
            report=report,
            action=ReportAction.SUBMITTED,
            actor=actor,
            at=at,
            request_key=request_key,
        )
    return report


ITEM_SETS = (
    "participants",
    "reportedagendaitems",
    "reportedrequests",
    "reportedpartnerships",
    "reportedinstruments",
    "reportedfollowups",
    "lessons",
    "attachments",
)


def snapshot(report: PostEventReport) -> dict[str, Any]:
    """The report as plain data, without its restricted text."""
    texts = ("discussed", "discussed_internal", "outcomes", "documents", "funding_leads")
    return {
        **{name: getattr(report, name) for name in texts},
        "frames": [str(frame) for frame in report.frames.all()],
        **{
            name: [_plain(row) for row in getattr(report, name).order_by("pk")]
            for name in ITEM_SETS
        },
    }


def _plain(row: Any) -> dict[str, Any]:
    """A row as its reader sees it: linked records by name, its key beside it."""
    values: dict[str, Any] = {"key": str(row.key)}
    for name, value in model_to_dict(row, exclude=["report", "id"]).items():
        if isinstance(value, list):
            values[name] = [str(related) for related in value]
        elif row._meta.get_field(name).is_relation:
            values[name] = str(getattr(row, name)) if value is not None else None
        else:
            values[name] = value if isinstance(value, (str, bool, type(None))) else str(value)
    return values
