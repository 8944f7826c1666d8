"""The dashboard of indicators as a PDF sheet: the answer, what to look at, charts, the table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from iscm_portal.common import typeset
from iscm_portal.common.templatetags.portal import in_unit, measured, signed

from ..selectors.cut_table import Table, TableCell
from ..selectors.dashboard import Board, Row

TEMPLATE = "reporting/indicators.typ"


def pdf(board: Board, charts: Iterable[tuple[str, Any]], at: dt.datetime) -> bytes:
    """What the dashboard shows as tagged PDF; ``charts`` are pairs of a title and an SVG."""
    return typeset.pdf(TEMPLATE, _told(board, charts, at))


def _told(board: Board, charts: Iterable[tuple[str, Any]], at: dt.datetime) -> dict[str, Any]:
    asked = board.asked
    of = ", ".join(iscm.acronym for iscm in asked.iscms) or _("All mechanisms")
    return {
        "title": _("Indicators, %(span)s") % {"span": asked.label},
        "subtitle": of,
        "answer": "" if board.table else answer(board),
        "made": _("Made on %(moment)s UTC.") % {"moment": date_format(at, "j F Y, H:i")},
        "as_of": _("As published on %(day)s.") % {"day": date_format(asked.as_of, "j F Y")}
        if asked.as_of
        else "",
        "lists": [] if board.table else _lists(board),
        "charts": [
            {"title": title, "svg": str(svg), "alt": _("%(title)s over time") % {"title": title}}
            for title, svg in charts
        ],
        **(_cut_table(board.table) if board.table else _table(board)),
    }


def answer(board: Board) -> str:
    """How the indicators stand, in one sentence."""
    told = [
        (len(board.off_track), _("%(n)s off track")),
        (len(board.needs_attention), _("%(n)s to be attended to")),
        (len(board.on_track), _("%(n)s on track")),
        (len(board.without_data), _("%(n)s without data")),
        (len(board.too_few), _("%(n)s with too few answers to show")),
        (len(board.by_year), _("%(n)s known by the year only")),
        (len(board.withheld), _("%(n)s not published for twelve months")),
    ]
    parts = ", ".join(text % {"n": n} for n, text in told if n)
    return _("Of %(n)s indicators: %(parts)s.") % {
        "n": len(board.rows),
        "parts": parts or _("none has a target yet"),
    }


def _lists(board: Board) -> list[dict[str, Any]]:
    told = [
        (_("Off track"), [_with_value(row) for row in board.off_track]),
        (_("No data"), _without_number(board)),
        (_changed_title(board), [_with_change(row) for row in board.changed]),
        (_("Other than when the year was closed"), [_with_release(row) for row in board.moved]),
    ]
    return [{"title": title, "rows": rows or [_("None.")]} for title, rows in told]


def _without_number(board: Board) -> list[str]:
    told = [row.indicator.title for row in board.without_data]
    others = [*board.too_few, *board.withheld]
    return told + [f"{row.indicator.title}: {row.no_number}" for row in others]


def _with_value(row: Row) -> str:
    return f"{row.indicator.title}: {in_unit(row.number, row.indicator.unit)}"


def _changed_title(board: Board) -> str:
    if board.asked.is_over or not board.asked.compared_label:
        return _("Changed most since the year before")
    return _("Changed most, %(span)s") % {"span": board.asked.compared_label}


def _with_change(row: Row) -> str:
    now = in_unit(row.compared[1], row.indicator.unit)
    return f"{row.indicator.title}: {now} ({signed(row.change, 1)})"


def _with_release(row: Row) -> str:
    released = row.released.value if row.released else None
    was = in_unit(released, row.indicator.unit)
    return _("%(now)s; released: %(was)s") % {"now": _with_value(row), "was": was}


def _table(board: Board) -> dict[str, Any]:
    head = [
        _("Indicator"),
        _("Value"),
        _("Year before"),
        _("Target"),
        _("Status"),
        _("Records"),
        _("Reports"),
    ]
    return {"head": head, "rows": [_line(row) for row in board.rows]}


def _line(row: Row) -> list[str]:
    unit = row.indicator.unit
    value = row.value
    return [
        row.indicator.title,
        row.no_number if row.number is None else in_unit(row.number, unit),
        row.no_number_before
        if row.before is None or row.before.value is None
        else in_unit(row.before.value, unit),
        in_unit(row.indicator.target, unit) if row.has_target else "–",
        row.status_label,
        "–" if row.n is None else str(row.n),
        f"{value.reports_accepted} / {value.reports_owed}" if value else "–",
    ]


def _cut_table(table: Table) -> dict[str, Any]:

    return {
        "head": [table.corner, *table.columns],
        "rows": [[line.label, *map(_cell, line.cells)] for line in table.lines],
    }


def _cell(cell: TableCell) -> str:
    if cell.value is None or cell.value.value is None:
        return cell.no_number
    return measured(cell.value.value, cell.indicator.unit)
