"""Undoing a written file: what it made goes, what it changed gets back what stood before.

All of it in one transaction or nothing: a record that somebody changed since, or that something
else rests on by now, stops the whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from iscm_portal.common import outbox
from iscm_portal.common.history import links_noted, links_now, note_history, note_links
from iscm_portal.common.locks import lock_until_commit

from ...choices import ImportState
from ...models import ImportedRecord, ImportRun, PositionShare, Project
from .checking import locked
from .columns import KINDS, Kind
from .progress import Phase, Progress, Stopped, forget
from .writing import (
    LOCK,
    columns_of,
    delete_plainly,
    differing,
    set_donors,
    update_many,
)

CHUNK = 1000
BATCH = 500
MOST_NAMED = 8
# What the history of a record has room for.
MOST_OF_HISTORY = 100


# What a record goes by, and its number; a share's are those of its post.
Named = tuple[str, int]


class CannotBeUndone(Exception):
    """Records, the first of them ``named``, were changed or are used since; nothing is undone."""

    def __init__(self, told: str, named: list[Named]) -> None:
        super().__init__(told)
        self.named = named


@dataclass
class Piece:
    """Some of the records of a run, all of one model: as they are, were before and were left."""

    model: type[models.Model]
    records: list[ImportedRecord]
    live: dict[int, Any]
    history: dict[int, Any]

    def before(self, record: ImportedRecord) -> Any:
        """The history row before the import, None for a record that it made."""
        return self.history.get(record.history_before or 0)

    def after(self, record: ImportedRecord) -> Any:
        return self.history[record.history_after]


def undo_run(run_id: int, at: dt.datetime) -> None:
    """Undo a written run in the name of who asked for it. Safe to run twice.

    Where it can't be undone nothing changes: the run stays written and says why.
    """
    progress = Progress(run_id, at)
    try:
        with transaction.atomic():
            lock_until_commit(LOCK)
            run = locked(run_id)
            if run.state != ImportState.UNDOING:
                return
            _undo(run, at, progress)
    except Stopped:
        _give_up(run_id, _("The undoing was stopped. Nothing was undone."))
    except CannotBeUndone as error:
        _give_up(run_id, str(error), error.named)
    except IntegrityError:
        _give_up(
            run_id,
            _(
                "It can't be undone: what stood before does not go with what was written since "
                "(shares over 100 per cent, or a record that is gone)."
            ),
        )
    finally:
        forget(run_id)


def _give_up(run_id: int, problem: str, hindered_by: Sequence[Named] = ()) -> None:
    with transaction.atomic():
        run = locked(run_id)
        if run.state == ImportState.UNDOING:
            run.state, run.problem, run.undone_by = ImportState.WRITTEN, problem[:500], None
            run.undo_reason, run.hindered_by = "", list(hindered_by)
            run.save()


def _undo(run: ImportRun, at: dt.datetime, progress: Progress) -> None:
    kind = KINDS[run.kind]
    _refuse_what_moved_on(run, kind, progress)
    undoing = _Undoing(run, kind, at)
    made = run.records.filter(history_before=None)
    changed = run.records.exclude(history_before=None)
    # What gives way first, so that no sum is over 100 on the way.
    rounds = (False, True) if kind.has_shares else (False,)
    progress.begin(Phase.UNDOING, made.count() + changed.count() * len(rounds))
    for piece in _pieces(kind, made):
        undoing.take_away(piece)
        progress.add(len(piece.records))
    for raised in rounds:
        for piece in _pieces(kind, changed):
            undoing.give_back(piece, raised)
            progress.add(len(piece.records))
    if undoing.years:
        kind_of_record = kind.model._meta.model_name
        outbox.write(
            "evidence_changed", {"years": sorted(undoing.years), "kinds": [kind_of_record]}
        )
    run.state, run.undone_at, run.problem = ImportState.UNDONE, at, ""
    run.save()


def _pieces(kind: Kind, some: QuerySet[ImportedRecord], *, hold: bool = False) -> Iterator[Piece]:
    """``some`` of the run's records in pieces, shares before the posts that they are of.

    ``hold`` keeps others from changing them until the commit.
    """
    for is_share in (True, False):
        model = PositionShare if is_share else kind.model
        stream = some.filter(is_share=is_share).order_by("pk").iterator(chunk_size=CHUNK)
        while records := list(islice(stream, CHUNK)):
            manager: Any = model._default_manager
            rows = manager.select_for_update() if hold else manager.all()
            ids = [record.history_after for record in records]
            ids += [record.history_before for record in records if record.history_before]
            history: Any = model.history.model  # type: ignore[attr-defined]
            yield Piece(
                model,
                records,
                {row.pk: row for row in rows.filter(pk__in=[r.object_id for r in records])},
                {row.history_id: row for row in history.objects.filter(history_id__in=ids)},
            )


# --- may it be undone?


def _refuse_what_moved_on(run: ImportRun, kind: Kind, progress: Progress) -> None:
    """Raises CannotBeUndone, naming the records, when one was changed or is used since."""
    changed: list[ImportedRecord] = []
    used: list[ImportedRecord] = []
    progress.begin(Phase.LOOKING, run.records.count())
    for piece in _pieces(kind, run.records.all(), hold=True):
        changed += _changed_since(piece)
        used += _used_since(run, piece)
        progress.add(len(piece.records))
    told = []
    named: list[Named] = []
    if changed:
        named += (names := _named(kind, changed))
        told.append(
            ngettext(
                "%(n)s record was changed since: %(names)s.",
                "%(n)s records were changed since: %(names)s.",
                len(changed),
            )
            % {"n": len(changed), "names": _said(names, changed)}
        )
    if used:
        named += (names := _named(kind, used))
        told.append(
            ngettext(
                "%(n)s record is used by others: %(names)s.",
                "%(n)s records are used by others: %(names)s.",
                len(used),
            )
            % {"n": len(used), "names": _said(names, used)}
        )
    if told:
        raise CannotBeUndone(
            " ".join([_("It can't be undone."), *told]), list(dict.fromkeys(named))
        )


def _changed_since(piece: Piece) -> list[ImportedRecord]:
    """By what they hold: a later import that was itself undone leaves no trace here."""
    links = links_now(piece.model, list(piece.live))
    noted = links_noted(piece.model, [record.history_after for record in piece.records])

    def is_as_left(record: ImportedRecord) -> bool:
        row, live = piece.after(record), piece.live.get(record.object_id)
        if row.history_type == "-" or live is None:
            return row.history_type == "-" and live is None
        return not differing(live, row) and links[live.pk] == noted[record.history_after]

    return [record for record in piece.records if not is_as_left(record)]


def _used_since(run: ImportRun, piece: Piece) -> list[ImportedRecord]:
    """Records that the run made and that others point at by now."""
    made = {record.object_id: record for record in piece.records if record.history_before is None}
    if not made:
        return []
    own_shares = run.records.filter(is_share=True, history_before=None).values("object_id")
    found: set[int] = set()
    for relation in piece.model._meta.get_fields(include_hidden=True):
        field: Any = getattr(relation, "field", None)
        if not isinstance(relation, models.ManyToOneRel) or not field.db_constraint:
            continue  # histories point at everything that ever was, without a constraint
        other: Any = relation.related_model
        if other._meta.auto_created:
            continue  # the donors of a project go with it
        rows = other._base_manager.filter(**{f"{field.name}__in": list(made)})
        if other is PositionShare:
            rows = rows.exclude(pk__in=own_shares)
        found.update(rows.values_list(field.attname, flat=True))
    return [made[pk] for pk in sorted(found)]


def _named(kind: Kind, records: Sequence[ImportedRecord]) -> list[Named]:
    """What the first of these records go by, as their import left them."""
    names: list[Named] = []
    for is_share in (False, True):
        some = [r for r in records if r.is_share is is_share][: MOST_NAMED - len(names)]
        model: Any = PositionShare if is_share else kind.model
        columns = [kind.column(name) for name in kind.key]
        paths = [column.source for column in columns]
        if is_share:
            paths = [f"position__{path}" for path in paths]
        paths.append("position" if is_share else "id")
        rows = model.history.filter(history_id__in=[record.history_after for record in some])
        for *values, number in rows.order_by("history_id").values_list(*paths):
            parts = zip(columns, values, strict=True)
            names.append((" · ".join(c.type.text(value) for c, value in parts), number))
    return names


def _said(names: Sequence[Named], records: Sequence[ImportedRecord]) -> str:
    more = "…" if len(records) > len(names) else ""
    return ", ".join(dict.fromkeys(f"“{name}”" for name, _number in names)) + more


# --- undoing


class _Undoing:
    def __init__(self, run: ImportRun, kind: Kind, at: dt.datetime) -> None:
        self.run, self.kind, self.at = run, kind, at
        self.years: set[int] = set()
        told = _("Undo of import %(number)s: %(why)s")
        self.reason = (told % {"number": run.pk, "why": run.undo_reason})[:MOST_OF_HISTORY]

    def _note(self, records: Sequence[Any], sign: str) -> None:
        note_history(records, sign, actor=self.run.undone_by, reason=self.reason, at=self.at)
        if records:
            note_links(type(records[0]), [record.pk for record in records])
            self._touch(records)

    def _touch(self, records: Sequence[Any]) -> None:
        for record in records:
            if isinstance(record, self.kind.model):
                self.years.update(self.kind.years(record, self.at.year))

    def take_away(self, piece: Piece) -> None:
        """Delete what the run made."""
        made = [piece.live[record.object_id] for record in piece.records]
        self._note(made, "-")
        pks = [record.pk for record in made]
        if piece.model is Project:
            set_donors({pk: set() for pk in pks})
        delete_plainly(piece.model, pks)

    def give_back(self, piece: Piece, raised: bool) -> None:
        """Put back what stood before: those whose share gets larger in the ``raised`` round."""
        changed = []
        moved: set[str] = set()  # columns that differ in any of them
        for record in piece.records:
            if piece.after(record).history_type == "-":
                continue
            before, live = piece.before(record), piece.live[record.object_id]
            if _gets_more(live, before) is not raised:
                continue
            self._touch([live])
            moved |= differing(live, before)
            changed.append(_put_back(live, before))
        if raised:
            deleted = [
                _put_back(piece.model(pk=record.object_id), piece.before(record))
                for record in piece.records
                if piece.after(record).history_type == "-"
            ]
            piece.model._default_manager.bulk_create(deleted, batch_size=BATCH)
            self._note(deleted, "+")
        update_many(piece.model, changed, moved, self.at)
        if piece.model is Project:
            before_of = {record.object_id: record.history_before or 0 for record in piece.records}
            noted = links_noted(Project, list(before_of.values()))
            set_donors(
                {row.pk: {donor for _field, donor in noted[before_of[row.pk]]} for row in changed}
            )
        self._note(changed, "~")


def _gets_more(live: Any, before: Any) -> bool:
    """Whether putting ``before`` back gives the record a larger share."""
    if not hasattr(before, "share_pct"):
        return False
    return (before.share_pct or 0) > (live.share_pct or 0)


def _put_back(record: models.Model, row: Any) -> Any:
    for name in columns_of(type(record)):
        setattr(record, name, getattr(row, name))
    return record
