"""What an accepted report writes: worked out first, shown to the reviewer, then written.

The preview and the writing begin with the same plan, so they cannot disagree.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from engagements.choices import EventKind
from engagements.models import (
    AgendaItem,
    Delegate,
    Event,
    FollowUpAction,
    Partnership,
    PolicyInstrument,
    SupportRequest,
)
from engagements.services import find_or_create_organisation, link_agenda
from engagements.services import record_from_report as record_evidence
from finance.choices import GRADES, FundingSource, Supports
from finance.models import FundingLine, TimeEntry
from finance.services.from_report import record_from_report as record_costs
from iscm_portal.common.history import change_with_history, delete_with_history
from iscm_portal.common.period import quarter_slot

from ..models import Participant, PostEventReport, ReportedAgendaItem, ReportedFollowUp

Place = tuple[type[models.Model], uuid.UUID]
# What the records of a report are dated by.
DATES = ("asked_on", "since_on", "dated_on", "worked_on", "due_on")
# How a partner that is not on record yet is told apart from one that is.
NEW_PARTNER = ("new_name", "new_kind")


@dataclass(frozen=True)
class Finding:
    """One record that a row of a report calls for, and the agenda rows that it reflects."""

    model: type[models.Model]
    row: Any
    values: dict[str, Any]
    reflects: frozenset[uuid.UUID] = frozenset()

    @property
    def place(self) -> Place:
        return self.model, self.row.key

    @property
    def slots(self) -> set[int]:
        """The quarters in which it counts; what is dated by a year only is in that year."""
        if year := self.values.get("year"):
            return {year * 10}
        return {quarter_slot(day) for name in DATES if (day := self.values.get(name))}


@dataclass(frozen=True)
class Amendment:
    """What a report changes of a record that was there before it."""

    row: Any
    record: Any
    values: dict[str, Any]

    @property
    def slots(self) -> set[int]:
        """The quarters in which the record counts, before and after."""
        if isinstance(self.record, AgendaItem):
            return _slots_of(self.record.event)
        days = (self.record.due_on, self.values.get("due_on"))
        return {quarter_slot(day) for day in days if day}


@dataclass
class Plan:
    """What acceptance writes: new records, changed ones (before, after), and those that go."""

    created: list[Finding] = field(default_factory=list)
    changed: list[tuple[Finding, Finding]] = field(default_factory=list)
    removed: list[Finding] = field(default_factory=list)
    amended: list[Amendment] = field(default_factory=list)
    # The quarters and the kinds of records in which figures may move.
    slots: set[int] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.created or self.changed or self.removed or self.amended)


def plan_of(report: PostEventReport) -> Plan:
    """What accepting ``report`` would write now; of a correction, only what it changes."""
    after = {finding.place: finding for finding in findings(report)}
    before = {}
    if report.corrects is not None:
        before = {finding.place: finding for finding in findings(report.corrects)}
    found = [*before.values(), *after.values()]
    amended = [
        *_amendments(report, ReportedAgendaItem, "agenda_item", AGENDA_FIELDS),
        *_amendments(report, ReportedFollowUp, "follow_up", FOLLOW_UP_FIELDS),
    ]
    return Plan(
        created=[finding for place, finding in after.items() if place not in before],
        changed=[
            (before[place], finding)
            for place, finding in after.items()
            if place in before and _unlike(before[place], finding)
        ],
        removed=[finding for place, finding in before.items() if place not in after],
        amended=amended,
        slots=_slots_of(report.event).union(
            *(finding.slots for finding in found), *(change.slots for change in amended)
        ),
        kinds={"event", "duty"}
        | {str(finding.model._meta.model_name) for finding in found}
        | {str(change.record._meta.model_name) for change in amended},
    )


def _slots_of(event: Event) -> set[int]:
    """The quarters in which an event and the duties on it count."""
    days = {event.starts_on, event.last_day} - {None}
    known = {quarter_slot(day) for day in days if day}
    return known or ({event.year * 10} if event.year else set())


def _unlike(before: Finding, after: Finding) -> bool:
    return before.values != after.values or before.reflects != after.reflects


def _day(report: PostEventReport) -> dt.date:
    """The day that undated things are dated by; an event on record has at least a year."""
    event = report.event
    return event.last_day or dt.date(event.year or report.created_at.year, 12, 31)


def findings(report: PostEventReport) -> Iterator[Finding]:
    """Every record that the rows of ``report`` call for. Reads only; one query a kind."""
    event, day = report.event, _day(report)
    only_iscm = _only_iscm(event)
    of_event = {"event_id": event.pk, "is_demo": report.is_demo}
    evidence = {**of_event, "office_id": report.office_id}

    for position, item in enumerate(report.reportedagendaitems.all(), start=1):
        if item.agenda_item_id is None:
            values = {name: getattr(item, name) for name in AGENDA_FIELDS}
            yield Finding(AgendaItem, item, {**of_event, "position": position, **values})
    for person in report.participants.select_related("position"):
        if person.delegate_id is None:
            values = {"title": person.title, "capacity": person.capacity}
            yield Finding(Delegate, person, {**evidence, **values})
        yield from _costs(report, person, only_iscm, day)
    for row in report.reportedrequests.all():
        yield Finding(
            SupportRequest,
            row,
            {
                **evidence,
                "iscm_id": row.iscm_id or only_iscm,
                "country_id": row.country_id,
                "kind": row.kind,
                "what": row.what,
                "asked_on": row.asked_on,
                "answered_on": row.answered_on,
                "outcome": row.outcome,
            },
        )
    for row in report.reportedpartnerships.select_related("organisation"):
        yield Finding(
            Partnership,
            row,
            {
                **evidence,
                "iscm_id": row.iscm_id or only_iscm,
                "organisation_id": row.organisation_id,
                "new_name": row.new_name,
                "new_kind": row.new_kind,
                "purpose": row.purpose,
                "since_on": row.since_on,
            },
        )
    for row in report.reportedinstruments.prefetch_related("agenda"):
        yield Finding(
            PolicyInstrument,
            row,
            {
                **evidence,
                "iscm_id": row.iscm_id or only_iscm,
                "country_id": row.country_id,
                "region": row.region,
                "title": row.title,
                "kind": row.kind,
                "action": row.action,
                "dated_on": row.dated_on,
                "expertise_reflected": row.expertise_reflected,
                "expertise_note": row.expertise_note,
            },
            frozenset(item.key for item in row.agenda.all()),
        )
    for row in report.reportedfollowups.filter(follow_up=None):
        yield Finding(
            FollowUpAction,
            row,
            {
                **evidence,
                "iscm_id": row.iscm_id or only_iscm,
                "what": row.what,
                "who": row.who,
                "owner_id": report.office_id,
                "agreed_on": day,
                "due_on": row.due_on,
            },
        )


def _costs(
    report: PostEventReport, person: Participant, only_iscm: int | None, day: dt.date
) -> Iterator[Finding]:
    # Stored text is data: it stays in one language whoever accepts.
    source = f"Post-event report {report.corrects_id or report.pk}"
    shared = {"is_demo": report.is_demo, "office_id": report.office_id, "source": source}
    if person.days:
        yield Finding(
            TimeEntry,
            person,
            {
                **shared,
                "title": person.title,
                # A report of before grades were known may hold another word.
                "grade": person.grade if person.grade in GRADES else "",
                "iscm_id": person.iscm_id or only_iscm,
                "event_id": report.event_id,
                "worked_on": day,
                "days": person.days,
                "paid_by": person.paid_by,
                "position_id": person.position_id,
            },
        )
    if person.travel_cost_usd:
        yield Finding(
            FundingLine,
            person,
            {
                **shared,
                **_supported(person.iscm_id or only_iscm, report.event),
                "year": day.year,
                "source_of_funds": FundingSource.TRAVEL,
                "label": f"Travel: {report.event.name[:200]}",
                "payer": report.office.name,
                "amount_usd": person.travel_cost_usd,
            },
        )


def _supported(iscm_id: int | None, event: Event) -> dict[str, Any]:
    """What travel to the event supports; money that no mechanism can be named for is kept aside."""
    counted = {"is_counted": True, "not_counted_reason": "", "iscm_id": None}
    if iscm_id:
        return {**counted, "supports": Supports.ISCM, "iscm_id": iscm_id}
    if event.kind == EventKind.GRCP:
        return {**counted, "supports": Supports.GRCP}
    return {
        **counted,
        "supports": Supports.NOT_NAMED,
        "is_counted": False,
        "not_counted_reason": "The event names no mechanism.",
    }


def _only_iscm(event: Event) -> int | None:
    """The event's mechanism where it has one only; of a joint meeting the rows name theirs."""
    keys = list(event.iscms.values_list("pk", flat=True)[:2])
    return keys[0] if len(keys) == 1 else None


AGENDA_FIELDS = ("title", "theme_id", "proposed_by_iom", "priority_id")
FOLLOW_UP_FIELDS = ("what", "state", "who", "due_on")


def _amendments(
    report: PostEventReport,
    model: type[ReportedAgendaItem] | type[ReportedFollowUp],
    record: str,
    fields: tuple[str, ...],
) -> Iterator[Amendment]:
    """What this office changed of records that were there before its report.

    ``record`` names the link from a row to its record. What the office left as it was copied may
    have been mended by another office's report since.
    """
    rows = model.objects.filter(report=report).exclude(**{record: None}).select_related(record)
    copied: dict[int, Any] = {}
    for past in model.history.filter(report=report).order_by("history_id"):
        copied.setdefault(past.id, past)
    for row in rows:
        values = {
            name: getattr(row, name)
            for name in fields
            if getattr(row, name) != getattr(copied[row.pk], name)
        }
        if values:
            yield Amendment(row, getattr(row, record), values)


def write(plan: Plan, number: int, rows: dict[uuid.UUID, int], actor: Any) -> None:
    """Write ``plan`` as evidence of report ``number``; ``rows`` gives each row's id by its key.

    Belongs to the transaction that accepts the report. A record that IPD has deleted since is
    not made again.
    """
    known = {
        finding.place: record
        for model in {finding.model for finding, _after in plan.changed}
        | {finding.model for finding in plan.removed}
        for finding, record in _records(plan, model, number, rows)
    }
    fresh = {
        finding.place: finding.model(
            report_number=number,
            report_item=rows[finding.row.key],
            **_with_partner(finding.values),
        )
        for finding in plan.created
    }
    costs = [record for record in fresh.values() if isinstance(record, (TimeEntry, FundingLine))]
    record_evidence(
        [record for record in fresh.values() if not isinstance(record, (TimeEntry, FundingLine))],  # type: ignore[misc]
        actor,
    )
    record_costs(
        [record for record in costs if isinstance(record, TimeEntry)],
        [record for record in costs if isinstance(record, FundingLine)],
        actor,
    )
    for before, after in plan.changed:
        record = known.get(after.place)
        if record is None:
            continue
        old, new = before.values, after.values
        # Only what the correction changed: the rest may have been mended since.
        changed = {name for name in new if new[name] != old.get(name)}
        if changed & {*NEW_PARTNER, "organisation_id"}:
            changed = changed - {*NEW_PARTNER} | {"organisation_id"}
            new = _with_partner(new)
            new.setdefault("organisation_id", new.get("organisation") and new["organisation"].pk)
        if isinstance(record, TimeEntry) and "paid_by" in changed:
            # Finance named the line or project that paid; now it is said to be somebody else.
            changed |= {"funding_line_id", "project_id"}
            new = {**new, "funding_line_id": None, "project_id": None}
        change_with_history(record, {name: new[name] for name in changed}, actor)
    for amendment in plan.amended:
        change_with_history(amendment.record, amendment.values, actor)
    _link(plan, number, rows, {**known, **fresh})
    for finding in plan.removed:
        if finding.place in known:
            delete_with_history(known[finding.place], actor)


def _records(
    plan: Plan, model: Any, number: int, rows: dict[uuid.UUID, int]
) -> Iterator[tuple[Finding, Any]]:
    """The records on file of what the plan changes or removes, held until the commit."""
    wanted = [before for before, _after in plan.changed if before.model is model]
    wanted += [finding for finding in plan.removed if finding.model is model]
    by_item = {
        record.report_item: record
        for record in model.objects.select_for_update().filter(report_number=number)
    }
    for finding in wanted:
        record = by_item.get(rows.get(finding.row.key, finding.row.pk))
        if record is not None:
            yield finding, record


def _with_partner(values: dict[str, Any]) -> dict[str, Any]:
    """``values`` with the organisation that a new partner's name stands for."""
    values = dict(values)
    name, kind = values.pop("new_name", ""), values.pop("new_kind", "")
    if name:
        values["organisation_id"] = find_or_create_organisation(name, kind).pk
    return values


def _link(plan: Plan, number: int, rows: dict[uuid.UUID, int], records: dict[Place, Any]) -> None:
    """Say which agenda items the written instruments reflect."""
    told = [*plan.created, *(after for before, after in plan.changed if _relinked(before, after))]
    told = [
        finding
        for finding in told
        if finding.model is PolicyInstrument and finding.place in records
    ]
    if not told:
        return
    # A row stands for the record it was copied from, or for the one that it wrote.
    linked = dict(
        ReportedAgendaItem.objects.filter(pk__in=rows.values())
        .exclude(agenda_item=None)
        .values_list("key", "agenda_item_id")
    )
    written = dict(AgendaItem.objects.filter(report_number=number).values_list("report_item", "pk"))
    link_agenda(
        {
            records[finding.place].pk: [
                item
                for key in sorted(finding.reflects)
                if (item := linked.get(key) or written.get(rows[key]))
            ]
            for finding in told
        }
    )


def _relinked(before: Finding, after: Finding) -> bool:
    return before.reflects != after.reflects


@dataclass(frozen=True)
class Told:
    """One line of the preview: what happens to which record, in words."""

    action: str
    kind: str
    what: str
    details: tuple[str, ...] = ()


def told(plan: Plan) -> list[Told]:
    """``plan`` in the words of its reviewer."""
    lines = [
        Told(_("Added"), _kind(finding.model), str(finding.row), _details(finding))
        for finding in plan.created
    ]
    for before, after in plan.changed:
        lines.append(
            Told(
                _("Changed"), _kind(after.model), str(after.row), tuple(_differences(before, after))
            )
        )
    for amendment in plan.amended:
        names = tuple(_name(type(amendment.record), name) for name in amendment.values)
        kind = _kind(type(amendment.record))
        lines.append(Told(_("Changed on record"), kind, str(amendment.row), names))
    lines += [
        Told(_("Taken away"), _kind(finding.model), str(finding.row)) for finding in plan.removed
    ]
    return lines


KINDS = {
    AgendaItem: gettext_lazy("Agenda item"),
    Delegate: gettext_lazy("Delegate"),
    FollowUpAction: gettext_lazy("Follow-up"),
    FundingLine: gettext_lazy("Travel (USD)"),
    Partnership: gettext_lazy("Partnership"),
    PolicyInstrument: gettext_lazy("Policy instrument"),
    SupportRequest: gettext_lazy("Support request"),
    TimeEntry: gettext_lazy("Staff days"),
}


def _details(finding: Finding) -> tuple[str, ...]:
    """What a record of time or money comes to, and what it is part of."""
    told = []
    amount = finding.values.get("days") or finding.values.get("amount_usd")
    if amount:
        told.append(number_format(amount, use_l10n=True, force_grouping=True))
    if finding.values.get("position_id"):
        told.append(
            _("part of the post “%(post)s”: not counted a second time")
            % {"post": finding.row.position}
        )
    return tuple(told)


def _kind(model: Any) -> str:
    return str(KINDS[model])


def _name(model: type[models.Model], name: str) -> str:
    words: Any = model._meta.get_field(name.removesuffix("_id"))
    label = str(words.verbose_name)
    return label[:1].upper() + label[1:]


def _differences(before: Finding, after: Finding) -> Iterator[str]:
    for name, value in after.values.items():
        old = before.values.get(name)
        if old == value:
            continue
        if name == "position_id":
            posts = [finding.row.position or "–" for finding in (before, after)]
            yield f"{_name(type(after.row), name)}: {posts[0]} → {posts[1]}"
        elif name in NEW_PARTNER or name.endswith("_id"):
            if name != "new_kind":
                yield _("%(field)s changed") % {"field": _name(type(after.row), name)}
        else:
            field_name = _name(after.model, name)
            yield f"{field_name}: {old if old not in (None, '') else '–'} → {value or '–'}"
    if before.reflects != after.reflects:
        yield str(_("agenda items it reflects"))
