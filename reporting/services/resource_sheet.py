"""The resource dashboard as a PDF sheet: the answer, the table, the sources, what is missing."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import typst
from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from finance.choices import FundingSource

from ..selectors.resources import Amounts, Dashboard, labels_of

TEMPLATE = Path(settings.BASE_DIR) / "templates" / "reporting" / "resources.typ"


def pdf(board: Dashboard, at: dt.datetime) -> bytes:
    """What the dashboard shows as tagged PDF (PDF/UA-1 where there is a glyph for each letter)."""
    told = {"told": json.dumps(_told(board, at))}
    try:
        made: bytes = typst.compile(
            str(TEMPLATE), format="pdf", sys_inputs=told, pdf_standards=["ua-1"]
        )
    except typst.TypstError:  # a letter that no font of the server has
        made = typst.compile(str(TEMPLATE), format="pdf", sys_inputs=told)
    return made


def _told(board: Dashboard, at: dt.datetime) -> dict[str, Any]:
    chosen = board.chosen
    sources = dict(FundingSource.choices)
    narrowed = [str(labels_of(name).get(value, value)) for name, value in chosen.only.items()]
    return {
        "title": _("What IOM put into the mechanisms, %(years)s") % {"years": chosen.span},
        "subtitle": ", ".join(narrowed) or _("All mechanisms, all sources"),
        "answer": _answer(board),
        "author": settings.PORTAL_NAME,
        "lang": (get_language() or "en").partition("-")[0],
        "made": _("Made on %(moment)s UTC.") % {"moment": date_format(at, "j F Y, H:i")},
        "as_of": _("As on record on %(day)s.") % {"day": date_format(chosen.as_of, "j F Y")}
        if chosen.as_of
        else "",
        "years": [str(year) for year in chosen.years],
        "heading": _("Known support (USD)"),
        "first_column": _("Row"),
        "total": _("Total"),
        "rows": [
            [row.label, *(_cell(row.cells.get(year)) for year in chosen.years)]
            for row in board.rows
        ],
        "totals": [_cell(board.totals.get(year)) for year in chosen.years],
        "sources_heading": _("By source (USD)"),
        "sources": [[str(sources[key]), _cell(amounts)] for key, amounts in board.by_source],
        "missing_heading": _("What is missing"),
        "missing": _missing(board),
    }


def _answer(board: Dashboard) -> str:
    known = _("USD %(known)s is known.") % {"known": f"{board.total.known_usd:,.0f}"}
    if not board.total.is_range:
        return known
    high = _("It could be up to USD %(high)s.") % {"high": f"{board.total.high_usd:,.0f}"}
    return f"{known} {high}"


def _cell(amounts: Amounts | None) -> str:
    """The known sum, and the most it could be where that is more; a dash without data."""
    if amounts is None:
        return "–"
    known = f"{amounts.known_usd:,.0f}"
    return f"{known} – {amounts.high_usd:,.0f}" if amounts.is_range else known


def _missing(board: Dashboard) -> list[str]:
    total = board.total
    told = [
        (total.unknown_shares, _("Shares of projects, by year, that nobody has stated: %(n)s")),
        (total.posts_without_share, _("Shares of posts, by year, that nobody has stated: %(n)s")),
        (total.days_without_rate, _("Staff days without a rate for their grade and year: %(n)s")),
    ]
    return [text % {"n": number} for number, text in told if number] or [_("Nothing.")]
