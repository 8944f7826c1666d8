"""Commands that change what happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import models, transaction
from django.utils.text import slugify
from simple_history.utils import bulk_create_with_history

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
