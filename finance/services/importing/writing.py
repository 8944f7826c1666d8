"""Writing a checked file: all of it in one transaction, with its history, or nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _

from iscm_portal.common import outbox
from iscm_portal.common.bulk import update_rows
from iscm_portal.common.history import (
    latest_history,
    links_noted,
    links_now,
    note_history,
    note_links,
)
from iscm_portal.common.locks import lock_until_commit

from ... import rules
from ...choices import ImportState, RowState
from ...models import (
    FundingLine,
    ImportedRecord,
    ImportRow,
    ImportRun,
    PositionShare,
    Project,
)
from ...selectors.currency import off_record
from .cells import Link, Shares
from .checking import locked
from .columns import KINDS, Column, Kind
from .progress import Phase, Progress, Stopped, forget
from .records import found_by_name, stored_by_pk

CHUNK = 1000
BATCH = 500
LOCK = "imports"


class Overtaken(Exception):
    """Since the check somebody wrote what does not go with the file; nothing is written."""


@dataclass
class Written:
    """What a run has written so far: its records, and the years whose figures follow."""

    run: ImportRun
    actor: Any
    reason: str
    at: dt.datetime
    years: set[int] = field(default_factory=set)

    def touch(self, kind: Kind, records: Iterable[Any]) -> None:
        for record in records:
            self.years.update(kind.years(record, self.at.year))

    def note(
        self,
        records: Sequence[Any],
        sign: str,
        before: dict[int, int] | None = None,
        *,
        is_share: bool = False,
    ) -> None:
        """Write the history of ``records``, and remember it. ``before``: pk -> history row."""
        if not records:
            return
        after = note_history(records, sign, actor=self.actor, reason=self.reason, at=self.at)
        note_links(type(records[0]), [record.pk for record in records])
        ImportedRecord.objects.bulk_create(
            [
                ImportedRecord(
                    run=self.run,
                    is_share=is_share,
                    object_id=record.pk,
                    history_before=(before or {}).get(record.pk),
                    history_after=history_id,
                )
                for record, history_id in zip(records, after, strict=True)
            ],
            batch_size=BATCH,
        )


def write_run(run_id: int, at: dt.datetime) -> None:
    """Write the staged rows of a run in the name of who asked for it.

    Safe to run twice: the second finds it written. Where the file has been overtaken nothing is
    written and the run says so.
    """
    progress = Progress(run_id, at)
    try:
        with transaction.atomic():
            # One at a time: two files with the same records would wait for each other for ever.
            lock_until_commit(LOCK)
            run = locked(run_id)
            if run.state != ImportState.WRITING:
                return
            _write(run, at, progress)
    except Stopped:
        _give_up(run_id, ImportState.CHECKED, _("The writing was stopped. Nothing was written."))
    except (Overtaken, IntegrityError) as error:
        problem = _(
            "Since the check somebody wrote what does not go with this file. Nothing was written. "
            "Check it again."
        )
        told = f"{problem} {error}" if isinstance(error, Overtaken) else problem
        _give_up(run_id, ImportState.REFUSED, told)
    finally:
        forget(run_id)


def _write(run: ImportRun, at: dt.datetime, progress: Progress) -> None:
    kind = KINDS[run.kind]
    reason = _("Import %(number)s") % {"number": run.pk}
    written = Written(run, run.written_by, f"{reason}: {run.reason}".rstrip(": ")[:100], at)
    # What takes a share less first, so that no sum is over 100 per cent on the way.
    rows = run.file_rows.filter(state__in=(RowState.NEW, RowState.CHANGED))
    stream = rows.order_by("-goes_first", "row").iterator(chunk_size=CHUNK)
    progress.begin(Phase.WRITING, run.new + run.changed)
    while chunk := list(islice(stream, CHUNK)):
        _write_chunk(kind, chunk, written)
        run.written_rows += len(chunk)
        progress.add(len(chunk))
    if written.years:
        kind_of_record = kind.model._meta.model_name
        outbox.write(
            "evidence_changed", {"years": sorted(written.years), "kinds": [kind_of_record]}
        )
    run.file_rows.all().delete()
    run.state, run.written_at = ImportState.WRITTEN, at
    run.save()


def _give_up(run_id: int, state: ImportState, problem: str) -> None:
    with transaction.atomic():
        run = locked(run_id)
        if run.state == ImportState.WRITING:
            run.state, run.problem, run.written_by = state, problem[:500], None
            run.save()


def _write_chunk(kind: Kind, rows: Sequence[ImportRow], written: Written) -> None:
    links = _Linked(kind, rows)
    changed = [row for row in rows if row.state == RowState.CHANGED]
    for first in (True, False):
        _change(kind, [row for row in changed if row.goes_first is first], links, written)
    _create(kind, [row for row in rows if row.state == RowState.NEW], links, written)


class _Linked:
    """The primary keys of the records that staged rows name. They may be gone since the check."""

    def __init__(self, kind: Kind, rows: Sequence[ImportRow]) -> None:
        self._found: dict[str, dict[str, int]] = {}
        for column in kind.columns:
            if isinstance(column.type, Link):
                asked = {
                    name
                    for row in rows
                    if column.name in row.values
                    for name in column.type.named(value_of(column, row))
                }
                self._found[column.name] = found_by_name(column.type, asked)

    def pk(self, column: Column, name: str) -> int:
        try:
            return self._found[column.name][name]
        except KeyError:
            raise Overtaken(_("“%(name)s” is gone.") % {"name": name}) from None


def value_of(column: Column, row: ImportRow) -> Any:
    """The value that a staged row gives to a column: its own, or the empty one."""
    if column.name not in row.values:
        return column.type.empty
    return column.type.value(row.values[column.name][1])


def _held_as(column: Column, row: ImportRow, links: _Linked) -> tuple[str, Any]:
    """The attribute of a record that a column fills, and what a staged row gives to it."""
    value = value_of(column, row)
    if isinstance(column.type, Link):
        return f"{column.name}_id", links.pk(column, value) if value else None
    return column.name, value


def _create(kind: Kind, rows: Sequence[ImportRow], links: _Linked, written: Written) -> None:
    if not rows:
        return
    columns = [column for column in kind.columns if not column.is_beside]
    records = [
        kind.model(**dict(_held_as(column, row, links) for column in columns)) for row in rows
    ]
    _see_to_rates(records)
    kind.model._default_manager.bulk_create(records, batch_size=BATCH)
    _write_beside(kind, rows, records, links, written)
    written.note(records, "+")
    written.touch(kind, records)


def _change(kind: Kind, rows: Sequence[ImportRow], links: _Linked, written: Written) -> None:
    if not rows:
        return
    records = _held(kind, rows)
    before = history_before(kind.model, list(records.values()), written)
    written.touch(kind, records.values())
    names = {name for row in rows for name in row.values}
    columns = [c for c in kind.columns if c.name in names and not c.is_beside]
    for row in rows:
        record = records[row.object_id or 0]
        for column in columns:
            if column.name in row.values:
                setattr(record, *_held_as(column, row, links))
    changed = [records[row.object_id or 0] for row in rows]
    asked = rules.AT_THE_RATE_ON_RECORD.is_asked
    _see_to_rates([records[row.object_id or 0] for row in rows if asked(row.values.keys())])
    update_many(kind.model, changed, {column.name for column in columns}, written.at)
    _write_beside(kind, rows, changed, links, written)
    written.note(changed, "~", before)
    written.touch(kind, changed)


def _see_to_rates(records: Sequence[Any]) -> None:
    """Raises Overtaken where a line that is converted now is not so at the rate on record: the
    rate was corrected since the check."""
    lines = [record for record in records if isinstance(record, FundingLine)]
    if moved := off_record(lines):
        shown = ", ".join(f"“{line.code}”" for line in moved[:5])
        raise Overtaken(
            _("The rate on record is another one now: %(records)s.") % {"records": shown}
        )


def _held(kind: Kind, rows: Sequence[ImportRow]) -> dict[int, Any]:
    """The records of changed rows, held until the commit. Raises Overtaken where one is not what
    it was at the check."""
    pks = [row.object_id for row in rows]
    manager: Any = kind.model._default_manager
    records = {record.pk: record for record in manager.select_for_update().filter(pk__in=pks)}
    stored = stored_by_pk(kind, list(records))
    gone = [
        row.key
        for row in rows
        if row.object_id not in stored
        or any(
            stored[row.object_id].text(kind.column(name)) != before
            for name, (before, _after) in row.values.items()
        )
    ]
    if gone:
        shown = ", ".join(f"“{key}”" for key in gone[:5])
        more = "…" if len(gone) > 5 else ""
        raise Overtaken(_("Changed since: %(records)s.") % {"records": f"{shown}{more}"})
    return records


def history_before(
    model: type[models.Model], records: Sequence[Any], written: Written
) -> dict[int, int]:
    """The history row of each record as it stands: pk -> row.

    A record whose history lacks its present state, written past the history, gets a row of it now:
    what is undone is undone to what stood there.
    """
    pks = [record.pk for record in records]
    latest = {row.id: row for row in latest_history(model, pks)}
    links = links_now(model, pks)
    noted_links = links_noted(model, [row.history_id for row in latest.values()])
    unknown = [
        record
        for record in records
        if record.pk not in latest
        or differing(record, latest[record.pk])
        or links[record.pk] != noted_links[latest[record.pk].history_id]
    ]
    noted = note_history(
        unknown,
        "~",
        actor=None,
        reason=_("As it stood before import %(number)s") % {"number": written.run.pk},
        at=written.at,
    )
    note_links(model, [record.pk for record in unknown])
    before = {pk: row.history_id for pk, row in latest.items()}
    before.update(zip((record.pk for record in unknown), noted, strict=True))
    return before


def differing(record: models.Model, row: Any) -> set[str]:
    """The columns in which ``record`` is not what its history ``row`` says."""
    columns = columns_of(type(record))
    return {name for name in columns if getattr(record, name) != getattr(row, name)}


@cache
def columns_of(model: type[models.Model]) -> list[str]:
    """The columns of a record that hold what is known, without when it was touched."""
    return [
        field.attname
        for field in model._meta.concrete_fields
        if not field.primary_key and field.name not in ("created_at", "updated_at")
    ]


def update_many(
    model: type[models.Model], records: Sequence[Any], columns: Collection[str], at: dt.datetime
) -> None:
    """Save these ``columns`` (fields or their columns) of ``records``, touched ``at``."""
    names = {field.attname: field.name for field in model._meta.concrete_fields}
    for record in records:
        record.updated_at = at
    update_rows(model, records, sorted({names.get(c, c) for c in columns} | {"updated_at"}))


# --- what stands beside a record


def _write_beside(
    kind: Kind,
    rows: Sequence[ImportRow],
    records: Sequence[Any],
    links: _Linked,
    written: Written,
) -> None:
    for column in kind.columns:
        if not column.is_beside:
            continue
        wanted = {
            record.pk: value_of(column, row)
            for row, record in zip(rows, records, strict=True)
            if column.name in row.values
        }
        if isinstance(column.type, Shares):
            _write_shares(column, wanted, links, written)
        else:
            _write_donors(column, wanted, links)


def _write_donors(column: Column, wanted: dict[int, Any], links: _Linked) -> None:
    set_donors({pk: {links.pk(column, slug) for slug in slugs} for pk, slugs in wanted.items()})


def set_donors(wanted: dict[int, set[int]]) -> None:
    """Give these projects (pk -> pks of organisations) their donors."""
    through = Project.donors.through
    through.objects.filter(project__in=wanted).delete()
    through.objects.bulk_create(
        [
            through(project_id=pk, organisation_id=donor)
            for pk, donors in wanted.items()
            for donor in sorted(donors)
        ],
        batch_size=BATCH,
    )


def _write_shares(
    column: Column, wanted: dict[int, dict[str, Decimal | None]], links: _Linked, written: Written
) -> None:
    """Make the shares of these posts what the rows say: what gives way first."""
    if not wanted:
        return
    held = PositionShare.objects.select_for_update().filter(position__in=wanted)
    there = {(share.position_id, share.iscm_id): share for share in held}
    asked = {
        (pk, links.pk(column, slug)): share
        for pk, shares in wanted.items()
        for slug, share in shares.items()
    }
    before = history_before(PositionShare, list(there.values()), written)
    gone = [share for place, share in there.items() if place not in asked]
    written.note(gone, "-", before, is_share=True)
    delete_plainly(PositionShare, [share.pk for share in gone])
    lowered: list[PositionShare] = []
    raised: list[PositionShare] = []
    for place, share in there.items():
        if place in asked and share.share_pct != asked[place]:
            (raised if (asked[place] or 0) > (share.share_pct or 0) else lowered).append(share)
            share.share_pct = asked[place]
    for part in (lowered, raised):
        update_many(PositionShare, part, ["share_pct"], written.at)
        written.note(part, "~", before, is_share=True)
    new = [
        PositionShare(position_id=place[0], iscm_id=place[1], share_pct=share)
        for place, share in asked.items()
        if place not in there
    ]
    PositionShare.objects.bulk_create(new, batch_size=BATCH)
    written.note(new, "+", is_share=True)


def delete_plainly(model: type[models.Model], pks: Sequence[int]) -> None:
    """Delete rows that nothing points at, in one statement. Their history is the caller's."""
    if pks:
        rows: Any = model._default_manager.filter(pk__in=pks)
        rows._raw_delete(rows.db)
