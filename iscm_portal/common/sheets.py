"""Figures on paper: an answer and sections of texts, pictures and tables, as PDF."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from .templatetags.portal import amount
from .typeset import pdf

# With more columns the paper lies on its side.
MOST_UPRIGHT = 6


@dataclass(frozen=True)
class Section:
    """A heading, and what stands under it: a picture (SVG) that ``alt`` tells in words, a list of
    texts, a table with its last row of totals. Cells are words already (``usd``)."""

    heading: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    totals: Sequence[str] = ()
    texts: Sequence[str] = ()
    picture: str = ""
    alt: str = ""


@dataclass(frozen=True)
class Sheet:
    """``day`` is the past day as of which it tells, None: now."""

    title: str
    subtitle: str
    answer: str
    sections: Sequence[Section] = field(default=())
    day: dt.date | None = None


def sheet_response(name: str, sheet: Sheet, at: dt.datetime) -> HttpResponse:
    """``sheet`` as a download named ``name``, made ``at``."""
    response = HttpResponse(pdf("sheet.typ", _told(sheet, at)), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return response


def _told(sheet: Sheet, at: dt.datetime) -> dict[str, Any]:
    as_of = _("As on record on %(day)s.")
    return {
        "title": sheet.title,
        "subtitle": sheet.subtitle,
        "answer": sheet.answer,
        "made": _("Made on %(moment)s UTC.") % {"moment": date_format(at, "j F Y, H:i")},
        "as_of": as_of % {"day": date_format(sheet.day, "j F Y")} if sheet.day else "",
        "is_wide": any(len(section.columns) > MOST_UPRIGHT for section in sheet.sections),
        "sections": [asdict(section) for section in sheet.sections],
    }


def usd(value: Decimal | None, high: Decimal | None = None) -> str:
    """A sum as the pages say it, with the most it could be where that is more; a dash for none."""
    if value is None:
        return "–"
    known = amount(value, 0)
    return f"{known} – {amount(high, 0)}" if high is not None and high > value else known


def number(value: Any, decimals: int | None = None) -> str:
    """A number as the pages say it; a dash where there is none."""
    return "–" if value is None else amount(value, decimals)
