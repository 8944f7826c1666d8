"""What a page and a file show of a run: what it changes, what it wrote, what is wrong where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from iscm_portal.common import uploads
from iscm_portal.common.workbooks import workbook

from ...models import (
    CellError,
    CurrencyRate,
    FundingLine,
    ImportedRecord,
    ImportRow,
    ImportRun,
    PositionShare,
)
from ...querysets import FundingLineQuerySet
from .cells import Broken
from .checking import MESSAGES, heading, is_messages
from .columns import KINDS, POSITIONS, PROJECTS, Kind
from .reading import column_letters, open_sheet
from .records import donors_noted

# Amounts that rest on rates, in the order of their index: the first of many are found at once.
RATED_IN_ORDER = ("rated_on", "original_currency", "pk")


@dataclass(frozen=True)
class Change:
    """A column of a record: its name, what stood there, what is to stand or stands there."""

    column: str
    before: str
    after: str


def changes_of(kind: Kind, row: ImportRow) -> list[Change]:
    """What a staged row changes, in the order of the columns (PostgreSQL keeps none)."""
    return [Change(name, *row.values[name]) for name in kind.names if name in row.values]


def place_of(error: CellError) -> str:
    """Where an error is, as the sender's program shows it: "C5", or "row 5"."""
    if error.column is None:
        return _("row %(row)s") % {"row": error.row}
    return f"{column_letters(error.column)}{error.row}"


@dataclass(frozen=True)
class WrittenRecord:
    """A record that a run wrote: its number, what it goes by, and its columns that changed."""

    number: int
    key: str
    is_new: bool
    changes: list[Change]


def written_records(run: ImportRun, records: Sequence[ImportedRecord]) -> list[WrittenRecord]:
    """What these records were and became, from their history. Shares are told with their post.

    The number of statements does not depend on the number of records.
    """
    kind = KINDS[run.kind]
    before = _texts(kind, [r.history_before for r in records if r.history_before])
    after = _texts(kind, [r.history_after for r in records])
    shares = _share_changes(run, [r.object_id for r in records]) if kind is POSITIONS else {}
    told = []
    for record in records:
        new = after[record.history_after]
        key = " · ".join(new[name] for name in kind.key)
        if record.history_before is None:
            told.append(WrittenRecord(record.object_id, key, True, []))
            continue
        old = before[record.history_before]
        changes = [Change(name, old[name], text) for name, text in new.items() if old[name] != text]
        changes += shares.get(record.object_id, [])
        told.append(WrittenRecord(record.object_id, key, False, changes))
    return told


def _share_changes(run: ImportRun, posts: Sequence[int]) -> dict[int, list[Change]]:
    """The shares of these posts that the run changed, by post."""
    history: Any = PositionShare.history.model
    run_shares = run.records.filter(is_share=True)
    of_posts = history.objects.filter(
        position__in=posts, history_id__in=run_shares.values("history_after")
    )
    after = {row.history_id: row for row in of_posts.select_related("iscm").order_by("history_id")}
    pairs = run_shares.filter(history_after__in=after).values_list(
        "history_after", "history_before"
    )
    before_of = dict(pairs)
    before = history.objects.in_bulk(before for before in before_of.values() if before)
    changes: dict[int, list[Change]] = defaultdict(list)
    for history_id, row in after.items():
        old = before.get(before_of[history_id])
        changes[row.position_id].append(
            Change(
                row.iscm.slug,
                _share(old),
                "" if row.history_type == "-" else _share(row),
            )
        )
    return changes


def _share(row: Any) -> str:
    if row is None:
        return ""
    return _("unknown") if row.share_pct is None else f"{row.share_pct:.2f}"


def _texts(kind: Kind, history_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The columns of history rows in the words of an export."""
    plain = [column for column in kind.columns if not column.is_beside]
    history: Any = kind.model.history.model  # type: ignore[attr-defined]
    rows = history.objects.filter(history_id__in=history_ids)
    texts = {
        history_id: {c.name: c.type.text(value) for c, value in zip(plain, values, strict=True)}
        for history_id, *values in rows.values_list("history_id", *(c.source for c in plain))
    }
    if kind is PROJECTS:
        donors = donors_noted({history_id: history_id for history_id in texts})
        for history_id, row in texts.items():
            row["donors"] = kind.column("donors").type.text(donors.get(history_id, ()))
    return texts


def converted_with(run: ImportRun) -> FundingLineQuerySet:
    """The funding lines whose amount was converted with a rate that the run wrote.

    They keep that rate whatever becomes of the rate itself: nothing here follows it.
    """
    written = CurrencyRate.objects.filter(pk__in=run.records.values("object_id")).order_by()
    rate = written.filter(
        currency=OuterRef("original_currency"),
        rated_on=OuterRef("rated_on"),
        usd_per_unit=OuterRef("rate_used"),
    )
    lines: FundingLineQuerySet = FundingLine.objects.filter(
        Exists(rate), rated_on__in=written.values("rated_on")
    )
    return lines


def marked_file(run: ImportRun) -> Iterator[bytes]:
    """The sender's own sheet as a workbook: wrong cells coloured, what is wrong in a last column.

    Raises reading.UnreadableFile and FileNotFoundError. Rows keep their places.
    """
    sheet = open_sheet(run.file_name, uploads.path_of(run.place))
    errors = run.cell_errors.order_by("row", "pk").iterator(chunk_size=2000)
    by_row = ((row, list(group)) for row, group in groupby(errors, key=lambda error: error.row))
    # Filled row by row, just before the workbook asks; never the whole file's.
    marked: set[tuple[int, int]] = set()
    waiting = next(by_row, None)

    # Where our own column of an earlier time stands, or after the last.
    own = [n for n, cell in enumerate(sheet.header) if is_messages(heading(cell))]
    place = own[0] if own else max(len(sheet.header), _furthest(run))

    def with_messages(number: int, cells: list[Any]) -> list[Any]:
        nonlocal waiting
        marked.clear()
        line = [cell.message if isinstance(cell, Broken) else cell for cell in cells]
        line += [""] * (place + 1 - len(line))
        line[place] = ""
        while waiting is not None and waiting[0] < number:
            waiting = next(by_row, None)
        if waiting is not None and waiting[0] == number:
            errors = sorted(waiting[1], key=lambda error: error.column or 0)
            marked.update((number, error.column) for error in errors if error.column)
            line[place] = "\n".join(f"{place_of(error)}: {error.text}" for error in errors)
        return line

    header = with_messages(1, sheet.header)
    header[place] = f"{MESSAGES}: {header[place]}".rstrip(": ")
    rows = (with_messages(number, cells) for number, cells in enumerate(sheet.lines, start=2))
    return workbook(header, rows, sheet=sheet.name[:31], marked=marked)


def _furthest(run: ImportRun) -> int:
    """The last column in which something is wrong: it may lie beyond the header."""
    last = run.cell_errors.exclude(column=None).order_by("-column").first()
    return 0 if last is None else int(last.column or 0)
