"""The check of a file: every row against what it names, what stands, and the other rows.

Rows are looked at in chunks. Each chunk is staged in a transaction of its own together with how far
the check is, so that a killed worker loses one chunk at most and two workers on one file never
stage a row twice. Nothing of the whole file is held in memory.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby, islice
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from iscm_portal.common import uploads
from iscm_portal.common.numbers import cents, summed

from ... import rules
from ...choices import ImportState, RowState
from ...models import AssessedContribution, CellError, FundingLine, ImportRow, ImportRun
from ...rules import HUNDRED
from ...selectors.currency import day_of_rate, rates_on_record
from ...selectors.members import not_members
from .cells import CellProblem, Link, Text, as_text, is_formula
from .columns import KINDS, Column, Kind
from .reading import Sheet, UnreadableFile, open_sheet
from .records import Names, Stored, found_by_name, nearest, stored_by_key

# Rows that are checked, and then staged, at once.
CHUNK = 1000
BATCH = 500
# The heading of the column that we add to a file with errors; it may be sent again with it.
MESSAGES = "errors"
# What a row gives away of its whole: a share or an amount.
PARTS = ("share_pct", "amount_usd")

Line = tuple[int, list[Any]]


@dataclass(frozen=True)
class Header:
    """The columns of a file by their number; ``passed_over`` is our own column of messages."""

    columns: Mapping[int, Column]
    passed_over: frozenset[int]

    def place(self, *names: str) -> int | None:
        """The number of the first of these columns that the file has."""
        places = {column.name: place for place, column in self.columns.items()}
        return next((places[name] for name in names if name in places), None)


@dataclass
class Row:
    """A row of the file: its values by column, and what is wrong, by the column's number."""

    number: int
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[tuple[int | None, str]] = field(default_factory=list)
    # Columns whose value is not to be had.
    bad: set[str] = field(default_factory=set)
    # Whether it changes what is changed with a reason only.
    needs_reason: bool = False


def check_run(run_id: int, today: dt.date) -> None:
    """Check the file of a run to its end, from where an earlier check of it stopped.

    Dates of what has happened are held against ``today``. Safe to run twice, also at once: who
    finds that another has got further leaves it to that one.
    """
    run = _begin(run_id)
    if run is None:
        return
    kind = KINDS[run.kind]
    try:
        sheet = open_sheet(run.file_name, uploads.path_of(run.place))
        header, problems = read_header(kind, sheet.header)
        if not _take_header(run, sheet, problems):
            return
        lines = enumerate(sheet.lines, start=2)
        names = Names()
        for _skipped in islice(lines, run.checked_rows):
            pass
        while chunk := list(islice(lines, CHUNK)):
            if not _stage(run, chunk, check_lines(kind, header, chunk, names, today)):
                return
    except UnreadableFile as error:
        _refuse(run_id, str(error))
        return
    except FileNotFoundError:
        _refuse(run_id, _("The file is gone from the portal's disk. Send it again."))
        return
    _finish(run_id, kind, header)


# --- the state of the run


def locked(run_id: int) -> ImportRun:
    """The run, held until the commit."""
    run: ImportRun = ImportRun.objects.select_for_update().get(pk=run_id)
    return run


def _begin(run_id: int) -> ImportRun | None:
    with transaction.atomic():
        run = locked(run_id)
        if run.state == ImportState.WAITING:
            run.state = ImportState.CHECKING
            run.save()
        return run if run.state == ImportState.CHECKING else None


def _take_header(run: ImportRun, sheet: Sheet, problems: list[tuple[int | None, str]]) -> bool:
    """Note what the file is. Returns whether its rows can be checked."""
    with transaction.atomic():
        now = locked(run.pk)
        if now.state != ImportState.CHECKING or now.is_cancel_asked:
            return False
        now.sheet, now.rows = sheet.name[:100], sheet.rows
        now.header = [heading(cell)[:100] for cell in sheet.header]
        if problems:
            CellError.objects.bulk_create(_errors(run, 1, problems))
            now.state, now.errors = ImportState.REFUSED, len(problems)
        now.save()
    return not problems


def _stage(run: ImportRun, chunk: list[Line], checked: list[tuple[Row, ImportRow]]) -> bool:
    """Keep a checked chunk. False where the run was cancelled, or another worker is ahead."""
    with transaction.atomic():
        now = locked(run.pk)
        stopped = now.is_cancel_asked or now.state != ImportState.CHECKING
        if stopped or now.checked_rows != run.checked_rows:
            return False
        for _row, staged in checked:
            staged.run = run
        ImportRow.objects.bulk_create([staged for _row, staged in checked], batch_size=BATCH)
        errors = [error for row, _s in checked for error in _errors(run, row.number, row.problems)]
        CellError.objects.bulk_create(errors, batch_size=BATCH)
        now.checked_rows += len(chunk)
        now.amounts_changed += sum(row.needs_reason for row, _staged in checked)
        now.save()
        run.checked_rows = now.checked_rows
    return True


def _refuse(run_id: int, problem: str) -> None:
    with transaction.atomic():
        run = locked(run_id)
        if run.state == ImportState.CHECKING:
            run.state, run.problem = ImportState.REFUSED, problem[:500]
            run.save()


def _errors(
    run: ImportRun, number: int, problems: Iterable[tuple[int | None, str]]
) -> Iterator[CellError]:
    for column, text in sorted(problems, key=lambda problem: problem[0] or 0):
        yield CellError(run=run, row=number, column=column, text=text[:300])


# --- the header

_UNFIT_FOR_A_HEADING = re.compile("[\x00-\x1f\ud800-\udfff]")


def heading(cell: Any) -> str:
    """The name that a cell of the header gives to its column."""
    try:
        return _UNFIT_FOR_A_HEADING.sub("\ufffd", as_text(cell))
    except CellProblem:
        return ""


def is_messages(name: str) -> bool:
    """Whether that is our own column of messages, which may come back with the file."""
    return name.casefold().partition(":")[0] == MESSAGES


def read_header(kind: Kind, cells: Sequence[Any]) -> tuple[Header, list[tuple[int | None, str]]]:
    """The columns of a file, and what is wrong with its header."""
    by_name = kind.by_name
    names = [heading(cell).casefold() for cell in cells]
    problems: list[tuple[int | None, str]] = []
    for number, name in enumerate(names, start=1):
        if name and name not in by_name and not is_messages(name):
            problems.append((number, _unknown_heading(name, by_name)))
        elif name and names.count(name) > 1:
            problems.append(
                (number, _("The column “%(name)s” is there more than once.") % {"name": name[:60]})
            )
    if not any(names):
        problems.append((None, _("Row 1 is empty: the names of the columns belong there.")))
    else:
        problems += [
            (None, _("The column “%(name)s” is missing.") % {"name": column.name})
            for column in kind.columns
            if column.required and column.name not in names
        ]
    numbered = list(enumerate(names, start=1))
    columns = {number: by_name[name] for number, name in numbered if name in by_name}
    return Header(columns, frozenset(n for n, name in numbered if is_messages(name))), problems


def _unknown_heading(name: str, known: Iterable[str]) -> str:
    meant = nearest(name, known)
    if meant:
        return _("There is no column “%(name)s”. Is it “%(meant)s”?") % {
            "name": name[:60],
            "meant": meant,
        }
    return _("There is no column “%(name)s”.") % {"name": name[:60]}


# --- rows


def check_lines(
    kind: Kind, header: Header, lines: Sequence[Line], names: Names, today: dt.date
) -> list[tuple[Row, ImportRow]]:
    """Each row that is not blank, with what is wrong in it and as it is staged.

    The number of statements does not depend on the number of lines.
    """
    rows = [row for line in lines if (row := _read(header, line))]
    for place, column in header.columns.items():
        if isinstance(column.type, Link):
            _look_up(column, column.type, place, rows, names)
    stored = stored_by_key(kind, {_key(kind, row) for row in rows if _has_key(kind, row)})
    merged = [_merged(kind, row, stored) for row in rows]
    facts = _facts(kind, [values for values, _record in merged], today)
    checked = []
    for row, (values, record), known in zip(rows, merged, facts, strict=True):
        if kind.filled is not None:
            values.update(kind.filled({**values, **known}))
        changes = _changes(kind, values, record)
        changed = None if record is None else changes.keys()
        for problem in rules.broken(kind.rule_set, {**values, **known}, changed):
            row.problems.append((header.place(problem.field, *problem.others), problem.message))
        checked.append((row, _staged(kind, header, row, values, changes, record)))
    return checked


def _read(header: Header, line: Line) -> Row | None:
    """The row as values; None where it is blank."""
    number, cells = line
    if all(cell == "" or cell is None for cell in cells):
        return None
    row = Row(number)
    for place, cell in enumerate(cells, start=1):
        column = header.columns.get(place)
        if column is None:
            if place not in header.passed_over and cell not in ("", None):
                row.problems.append((place, _("There is no heading above this cell.")))
            continue
        try:
            row.values[column.name] = column.type.value(cell)
        except CellProblem as problem:
            row.bad.add(column.name)
            row.problems.append((place, str(problem)))
    for place, column in header.columns.items():
        if column.name in row.bad:
            continue
        value = row.values.setdefault(column.name, column.type.empty)
        if column.required and column.type.text(value) == "":
            row.bad.add(column.name)
            row.problems.append((place, str(column.if_empty) or _("It can't be empty.")))
    return row


def _look_up(column: Column, link: Link, place: int, rows: Sequence[Row], names: Names) -> None:
    """Tell each name that no record bears, with the one that may be meant."""
    named = [
        (row, link.named(row.values[column.name])) for row in rows if column.name not in row.bad
    ]
    found = found_by_name(link, {name for _row, parts in named for name in parts})
    for row, parts in named:
        unknown = [name for name in parts if name not in found]
        row.problems += [(place, _unknown_name(link, name, names)) for name in unknown]
        if unknown:
            row.bad.add(column.name)


def _unknown_name(link: Link, name: str, names: Names) -> str:
    words = {"what": link.model._meta.verbose_name, "name": name[:60]}
    meant = names.meant(link, name)
    if meant:
        return _("There is no %(what)s “%(name)s”. Is it “%(meant)s”?") % {**words, "meant": meant}
    return _("There is no %(what)s “%(name)s”.") % words


def _has_key(kind: Kind, row: Row) -> bool:
    return not row.bad.intersection(kind.key)


def _key(kind: Kind, row: Row) -> tuple[Any, ...]:
    return tuple(row.values[name] for name in kind.key)


def _merged(
    kind: Kind, row: Row, stored: Mapping[tuple[str, ...], Stored]
) -> tuple[dict[str, Any], Stored | None]:
    """The record as it is to be, without the values that can't be had, and as it stands."""
    record = None
    if _has_key(kind, row):
        record = stored.get(
            tuple(kind.column(name).type.text(row.values[name]) for name in kind.key)
        )
    values = {column.name: column.type.empty for column in kind.columns}
    if record is not None:
        values.update(record.values)
    values.update(row.values)
    for name in row.bad:
        values.pop(name, None)
    return values, record


def _facts(
    kind: Kind, rows: Sequence[Mapping[str, Any]], today: dt.date
) -> Iterator[dict[str, Any]]:
    """What the rules look at beside the cells of each row. One statement at most."""
    if kind.model is FundingLine:
        days = [
            day_of_rate(values.get("original_currency"), values.get("rated_on")) for values in rows
        ]
        rates = rates_on_record({day for day in days if day})
        for day in days:
            rate = rates.get(day) if day else None
            yield {rules.TODAY: today, rules.RATE_ON_RECORD: rate}
    elif kind.model is AssessedContribution:
        keys = [
            (values.get("iscm", ""), values.get("country", ""), values.get("year", 0))
            for values in rows
        ]
        others = not_members(set(keys))
        for key in keys:
            yield {rules.TODAY: today, rules.IS_NOT_A_MEMBER: key in others}
    else:
        yield from ({rules.TODAY: today} for _row in rows)


def _staged(
    kind: Kind,
    header: Header,
    row: Row,
    values: Mapping[str, Any],
    changes: Mapping[str, tuple[str, str]],
    record: Stored | None,
) -> ImportRow:
    for name, (_before, after) in changes.items():
        if isinstance(kind.column(name).type, Text) and is_formula(after):
            row.problems.append(
                (
                    header.place(name),
                    _("A text that begins with %(sign)s is run as a formula. Begin it otherwise.")
                    % {"sign": after[:1].strip() or _("a tab")},
                )
            )
    if row.problems:
        state = RowState.WRONG
    elif record is None:
        state = RowState.NEW
    else:
        state = RowState.CHANGED if changes else RowState.SAME
    staged = ImportRow(row=row.number, state=state, values={})
    if state in (RowState.NEW, RowState.CHANGED):
        staged.values = changes
    if record is not None:
        staged.object_id = record.pk
        row.needs_reason = state == RowState.CHANGED and (
            record.is_told
            or any(kind.column(name).is_corrected(*change) for name, change in changes.items())
        )
    if _has_key(kind, row):
        staged.key = _words(kind, kind.key, values)
    if kind.whole and not row.bad.intersection({*kind.key, *kind.whole, *PARTS}):
        staged.whole = _words(kind, kind.whole, values)
        staged.share_pct, staged.stated_usd = values["share_pct"], values["amount_usd"]
        before = record.values if record else {}
        staged.goes_first = any(
            (values[name] or 0) < (before.get(name) or 0) for name in ("share_pct", "amount_usd")
        )
    return staged


def _words(kind: Kind, names: Iterable[str], values: Mapping[str, Any]) -> str:
    return " · ".join(kind.column(name).type.text(values[name]) for name in names)


def _changes(
    kind: Kind, values: Mapping[str, Any], record: Stored | None
) -> dict[str, tuple[str, str]]:
    """What is to change, in the words of an export: column -> (as it stands, as it is to be)."""
    changes = {}
    for column in kind.columns:
        if column.name in values:
            before = "" if record is None else record.text(column)
            after = column.type.text(values[column.name])
            if before != after:
                changes[column.name] = (before, after)
    return changes


# --- the rows together


def _finish(run_id: int, kind: Kind, header: Header) -> None:
    """Hold the rows against each other, then say how the check came out."""
    with transaction.atomic():
        run = locked(run_id)
        if run.state != ImportState.CHECKING or run.is_cancel_asked:
            return
        _tell_keys_that_come_twice(run, kind, header)
        if kind.whole:
            _tell_wholes_given_away_twice(run, kind, header)
        counts = dict(run.file_rows.order_by().values_list("state").annotate(n=Count("pk")))
        run.new = counts.get(RowState.NEW, 0)
        run.changed = counts.get(RowState.CHANGED, 0)
        run.same = counts.get(RowState.SAME, 0)
        run.errors = run.cell_errors.count()
        run.state = ImportState.REFUSED if run.errors else ImportState.CHECKED
        run.save()


def _tell_keys_that_come_twice(run: ImportRun, kind: Kind, header: Header) -> None:
    """Keys first, then their rows: one statement for both is a bad plan away from an hour, since
    PostgreSQL knows nothing yet of rows that were staged a moment ago."""
    staged = run.file_rows.exclude(key="").order_by()
    keys = staged.values_list("key", flat=True).annotate(n=Count("pk")).filter(n__gt=1)
    for chunk in _chunks(keys):
        rows = run.file_rows.filter(key__in=chunk)
        _keep(
            error
            for _key, group in groupby(
                rows.order_by("key", "row").values_list("key", "row"), key=lambda row: row[0]
            )
            for error in _twice(run, header.place(*kind.key), list(group))
        )
        # Their shares are not added up as well: they are told once.
        rows.update(state=RowState.WRONG, whole="")


def _twice(
    run: ImportRun, column: int | None, rows: Sequence[tuple[str, int]]
) -> Iterator[CellError]:
    numbers = [number for _key, number in rows]
    for key, number in rows:
        others = [str(other) for other in numbers[:4] if other != number][:3]
        more = "…" if len(numbers) > 4 else ""
        message = _("“%(key)s” is in row %(rows)s too.") % {
            "key": key[:100],
            "rows": ", ".join(others) + more,
        }
        yield from _errors(run, number, [(column, message)])


def _tell_wholes_given_away_twice(run: ImportRun, kind: Kind, header: Header) -> None:
    """Shares and amounts of one project and year: those of the file, and those beside them."""
    staged = run.file_rows.exclude(whole="").order_by("whole")
    sums = staged.values_list("whole").annotate(pct=Sum("share_pct"), usd=Sum("stated_usd"))
    column = header.place("share_pct", "basis", *kind.key)
    for chunk in _chunks(sums.filter(Q(pct__gt=0) | Q(usd__gt=0))):
        wholes = [whole for whole, _pct, _usd in chunk]
        beside, lines = _beside(run, kind, wholes), _lines(wholes)
        wrong = {}
        for whole, pct, usd in chunk:
            beside_pct, beside_usd = beside[whole]
            stated = _Stated(whole, summed(pct), summed(usd), beside_pct, beside_usd, lines[whole])
            if problem := stated.problem():
                wrong[whole] = problem
        rows = run.file_rows.filter(whole__in=wrong)
        _keep(
            error
            for number, whole in rows.values_list("row", "whole")
            for error in _errors(run, number, [(column, wrong[whole])])
        )
        rows.update(state=RowState.WRONG)


@dataclass(frozen=True)
class _Stated:
    """What a file states of a project's year (per cent, USD), what stands beside it in the portal,
    and what the counted lines come to."""

    whole: str
    pct: Decimal
    usd: Decimal
    beside_pct: Decimal
    beside_usd: Decimal
    lines_usd: Decimal

    def problem(self) -> str:
        pct, usd = self.pct + self.beside_pct, self.usd + self.beside_usd
        left = cents(self.lines_usd * (HUNDRED - pct) / HUNDRED)
        words = {"whole": self.whole, "total": f"{pct:.2f}", "beside": f"{self.beside_pct:.2f}"}
        if pct > HUNDRED and self.beside_pct:
            told = _(
                "The shares of %(whole)s come to %(total)s per cent: %(beside)s of them are in the "
                "portal and not in this file."
            )
        elif pct > HUNDRED:
            told = _("The shares of %(whole)s come to %(total)s per cent.")
        elif pct == HUNDRED and usd:
            told = _("The shares of %(whole)s come to 100 per cent: no amount goes beside them.")
        elif self.lines_usd and usd > left:
            told = _(
                "The amounts stated of %(whole)s come to %(usd)s: the shares leave %(left)s of the "
                "%(lines)s that its lines come to."
            )
            words |= {"usd": f"{usd:,}", "left": f"{left:,}", "lines": f"{self.lines_usd:,}"}
        else:
            return ""
        return told % words


def _beside(
    run: ImportRun, kind: Kind, wholes: Sequence[str]
) -> dict[str, tuple[Decimal, Decimal]]:
    """The shares and amounts in the portal of the same wholes, of records that the file does not
    name."""
    in_file = set(run.file_rows.filter(whole__in=wholes).values_list("object_id", flat=True))
    rows = kind.model._default_manager.order_by().filter(_of_wholes(wholes))
    found: dict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for pk, code, year, share, usd in rows.values_list("pk", "project__code", "year", *PARTS):
        if pk not in in_file:
            pct_before, usd_before = found[f"{code} · {year}"]
            found[f"{code} · {year}"] = (pct_before + (share or 0), usd_before + (usd or 0))
    return found


def _lines(wholes: Sequence[str]) -> dict[str, Decimal]:
    """What the counted lines of the same wholes come to (USD)."""
    rows = FundingLine.objects.counted().filter(_of_wholes(wholes)).order_by()
    found: dict[str, Decimal] = defaultdict(Decimal)
    for code, year, usd in rows.values_list("project__code", "year").annotate(Sum("amount_usd")):
        found[f"{code} · {year}"] = summed(usd)
    return found


def _of_wholes(wholes: Sequence[str]) -> Q:
    """The condition that a record is of one of the projects and one of the years of ``wholes``."""
    parts = [whole.rsplit(" · ", 1) for whole in wholes]
    codes, years = {code for code, _year in parts}, {int(year) for _code, year in parts}
    return Q(project__code__in=codes, year__in=years)


def _chunks(rows: Any) -> Iterator[list[Any]]:
    stream = rows.iterator(chunk_size=CHUNK)
    while chunk := list(islice(stream, CHUNK)):
        yield chunk


def _keep(errors: Iterable[CellError]) -> None:
    stream = iter(errors)
    while chunk := list(islice(stream, CHUNK)):
        CellError.objects.bulk_create(chunk, batch_size=BATCH)
