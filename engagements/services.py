"""Commands that change what happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import models, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _
from simple_history.utils import bulk_create_with_history

from iscm_portal.common import outbox
from iscm_portal.common.editing import (
    ChangedMeanwhile,
    ReasonNeeded,
    StillUsed,
    WrittenByReport,
)
from iscm_portal.common.history import change_with_history, delete_with_history
from iscm_portal.common.locks import lock_until_commit

from .models import (
    ISCM,
    AgendaItem,
    Delegate,
    Event,
    FollowUpAction,
    Organisation,
    Partnership,
    PolicyInstrument,
    SupportRequest,
)
from .selectors import version_of

# What puts a record that figures are counted from into a year: a field, or the path to one.
DATED_BY: dict[type[models.Model], str] = {
    AgendaItem: "event__year",
    Delegate: "event__year",
    FollowUpAction: "due_on",
    Partnership: "since_on",
    PolicyInstrument: "dated_on",
    SupportRequest: "asked_on",
}


@contextmanager
def figures_follow(record: models.Model) -> Iterator[None]:
    """What is done inside to a record that figures are counted from asks for them anew: those of
    the year in which it counted, and of the one in which it counts then. Needs a transaction.

    Of an event those of all years: what is known of it (duties, answers, days) may be dated in
    others, and is cut by its kind and its mechanisms.
    """
    years = _years_of(record)
    yield
    years |= _years_of(record)
    if isinstance(record, Event):
        outbox.write("evidence_changed", {"whole": True})
    elif years:
        kind = record._meta.model_name
        outbox.write("evidence_changed", {"years": sorted(years), "kinds": [kind]})


def _years_of(record: models.Model) -> set[int]:
    """The year in which the record counts, as it is stored."""
    if not (path := DATED_BY.get(type(record))):
        return set()
    values = type(record)._default_manager.filter(pk=record.pk).values_list(path, flat=True)
    return {getattr(value, "year", value) for value in values if value is not None}


def delegations_follow() -> None:
    """Have it worked out anew which offices owe a report, and by which day: who took part or when
    it was has changed. Needs a transaction."""
    outbox.write("delegations_changed", {})


def save_edited(form: Any, actor: Any, reason: str = "", seen: str | None = None) -> Any:
    """Write a valid form of an event or of evidence in the name of ``actor``, as the admin site
    does, and return the record.

    ``seen`` is the version (``selectors.version_of``) that its writer began from; None: of a new
    one. Raises ChangedMeanwhile.
    """
    record = form.instance
    with transaction.atomic():
        _hold(record, seen)
        record._history_user, record._change_reason = actor, reason or None
        with figures_follow(record):
            form.save()
        if isinstance(record, Event):
            delegations_follow()
    return record


def change_delegation(
    event: Event, changed: Iterable[Delegate], gone: Iterable[Delegate], actor: Any
) -> None:
    """Put delegates of an event on record or take them away. Belongs beside ``save_edited``."""
    for delegate in gone:
        delete_with_history(delegate, actor)
    for delegate in changed:
        change_with_history(delegate, {"event": event}, actor)


def delete_edited(record: Any, actor: Any, reason: str = "", seen: str | None = None) -> None:
    """Delete an event or a record of evidence; its history stays.

    Raises ChangedMeanwhile, WrittenByReport, ReasonNeeded, and StillUsed where others point to it.
    """
    if number := _report_of(record):
        said = _("Report %(number)s wrote it: correct the report instead.")
        raise WrittenByReport(said % {"number": number})
    try:
        with transaction.atomic():
            _hold(record, seen)
            if not reason:
                raise ReasonNeeded(_("Say why: figures that were published may be others for it."))
            with figures_follow(record):
                delete_with_history(record, actor, reason)
    except models.ProtectedError as error:
        raise StillUsed.by(error.protected_objects) from error


def _report_of(record: Any) -> int | None:
    """The number of the report that wrote a record, or what would go with it."""
    if not isinstance(record, Event):
        number: int | None = getattr(record, "report_number", None)
        return number
    numbers = [
        rows.exclude(report_number=None).values_list("report_number", flat=True).first()
        for rows in (record.delegates, record.agenda_items)
    ]
    return next((number for number in numbers if number is not None), None)


def _hold(record: models.Model, seen: str | None) -> None:
    """Hold a stored record until the commit. Raises ChangedMeanwhile."""
    if record.pk is None:
        return
    rows = type(record)._default_manager.select_for_update().filter(pk=record.pk)
    if not list(rows.values_list("pk")) or (seen is not None and version_of(record) != seen):
        raise ChangedMeanwhile(_("Somebody changed the record since you read it."))


ReportedRow = (
    AgendaItem | Delegate | FollowUpAction | Partnership | PolicyInstrument | SupportRequest
)


def propose_event(event: Event, iscms: Iterable[ISCM]) -> Event:
    """Put an event that somebody attended on record, marked as proposed until IPD confirms it.

    Proposing the same event twice (name, days and kind) gives the one that is there.
    """
    with transaction.atomic():
        lock_until_commit("propose_event")
        known: Event | None = Event.objects.filter(
            is_proposed=True,
            name__iexact=event.name,
            kind=event.kind,
            starts_on=event.starts_on,
            ends_on=event.ends_on,
        ).first()
        if known:
            return known
        event.is_proposed = True
        event.save()
        event.iscms.set(iscms)
    return event


def confirm_event(event: Event) -> None:
    """Take a proposed event over into the record."""
    if event.is_proposed:
        event.is_proposed = False
        event.save()


def find_or_create_organisation(name: str, kind: str) -> Organisation:
    """The organisation of that name, made when there is none. Case and spaces do not matter.

    Needs a transaction: who asks for the same new name at the same time waits for its end.
    """
    lock_until_commit("organisations")
    name = " ".join(name.split())
    known: Organisation | None = Organisation.objects.filter(name__iexact=name).first()
    if known:
        return known
    stem = slugify(name)[:70] or "organisation"
    taken = set(Organisation.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    slug, number = stem, 2
    while slug in taken:
        slug, number = f"{stem}-{number}", number + 1
    return Organisation.objects.create(name=name, slug=slug, kind=kind)


def record_from_report(rows: Iterable[ReportedRow], actor: Any) -> list[ReportedRow]:
    """Write the rows of an accepted report, each kind in one statement, with their history.

    Every row carries ``report_number`` and ``report_item``; the database refuses a second copy.
    Returns the rows with their keys.
    """
    by_model: dict[type[models.Model], list[ReportedRow]] = {}
    for row in rows:
        by_model.setdefault(type(row), []).append(row)
    written: list[ReportedRow] = []
    for model, group in by_model.items():
        written += bulk_create_with_history(group, model, default_user=actor)
    return written


def link_agenda(reflections: Mapping[int, Sequence[int]]) -> None:
    """Say which agenda items each instrument reflects: {instrument key: agenda item keys}.

    What was said of these instruments before is replaced.
    """
    through = PolicyInstrument.agenda_items.through
    through.objects.filter(policyinstrument__in=reflections).delete()
    through.objects.bulk_create(
        [
            through(policyinstrument_id=instrument, agendaitem_id=item)
            for instrument, items in reflections.items()
            for item in items
        ]
    )
