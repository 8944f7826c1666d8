"""A release as a PDF sheet: the values, what they mean, who closed the year and when."""

from __future__ import annotations

from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from iscm_portal.common import typeset
from iscm_portal.common.templatetags.portal import figure, in_unit

from ..models import Release, ReleasedValue
from ..selectors.indicators import OVERALL

TEMPLATE = "reporting/release.typ"


def pdf(release: Release) -> bytes:
    """The release as tagged PDF: of what was frozen only, so that it always says the same."""
    values = release.values.filter(cell=OVERALL).select_related("indicator")
    rows = sorted(values, key=lambda row: (row.indicator.number, row.indicator.key))
    return typeset.pdf(TEMPLATE, _told(release, rows))


def _told(release: Release, rows: list[ReleasedValue]) -> dict[str, Any]:
    return {
        "title": _("Indicators of %(year)s") % {"year": release},
        "subtitle": _("Closed on %(day)s by %(who)s. %(n)s values in all.")
        % {
            "day": date_format(release.closed_at, "j F Y"),
            "who": release.closed_by.label,
            "n": release.values_total,
        },
        "note": release.note,
        "head": [_("Indicator"), _("Value"), _("Target"), _("Status"), _("Records"), _("Reports")],
        "rows": [_line(row) for row in rows],
        "meanings_heading": _("What they mean"),
        "meanings": [[row.indicator.title, row.indicator.definition] for row in rows],
    }


def _line(row: ReleasedValue) -> list[str]:
    unit, target = row.indicator.unit, row.indicator.target
    return [
        row.indicator.title,
        figure(row, unit),
        "–" if target is None else in_unit(target, unit),
        str(row.get_status_display()),
        "–" if row.n is None else str(row.n),
        f"{row.reports_accepted} / {row.reports_owed}",
    ]
