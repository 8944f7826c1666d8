"""How complete the reporting is: overall, by office, by mechanism, and one's own part in it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements.models import ISCM, Office, SignedInRequest
from iscm_portal.common.access import may
from iscm_portal.common.filters import FIRST_YEAR, LAST_YEAR
from iscm_portal.common.pages import whole_number

from ..choices import ReportState
from ..measures.evidence import years_with_evidence
from ..models import IndicatorValue
from ..selectors.duties import duties_due
from ..selectors.indicators import values_of
from ..selectors.people import MOST_REPORTS, own_record, people_of_office

BOTH = ("report_coverage", "report_timeliness")


def coverage(request: SignedInRequest) -> HttpResponse:
    """Answers accepted of those owed and the days they took, in one year."""
    user, today = request.user, timezone.localdate()
    if not may(user, "see_duties"):
        raise PermissionDenied
    known = years_with_evidence(["report_coverage"]) or (today.year, today.year)
    asked = request.GET.get("year", "")
    year = whole_number(asked, FIRST_YEAR, LAST_YEAR) if asked else min(known[1], today.year)
    offices = Office.objects.visible_to(user)
    reads_all = may(user, "read_all_reports")
    if not reads_all:  # who is late is nobody else's business
        offices = offices.filter(pk=user.office_id)
    writes = may(user, "read_own_office_reports")
    own = own_record(user, year)
    context = {
        "year": year,
        "years": range(known[1], known[0] - 1, -1),
        "overall": both(year).get(None),
        "by_office": labelled(both(year, "office"), {row.slug: row for row in offices}),
        "by_iscm": labelled(
            both(year, "iscm"), {row.slug: row for row in ISCM.objects.visible_to(user)}
        ),
        "reads_all": reads_all,
        "writes": writes,
        "own": own,
        "is_cut": len(own) == MOST_REPORTS,
        "people": people_of_office(user, year) if may(user, "return_own_office_reports") else [],
        "states": ReportState.choices,
        "owed": duties_due(user.office_id, today) if writes else [],
        "today": today,
    }
    return render(request, "reporting/coverage.html", context)


def both(year: int, dimension: str = "") -> dict[str | None, dict[str, IndicatorValue]]:
    """The published values of both measures, by the value of ``dimension`` (None: overall)."""
    found: dict[str | None, dict[str, IndicatorValue]] = {}
    for key in BOTH:
        for value in values_of(key, year, dimension):
            place = value.place.get(dimension) if dimension else None
            found.setdefault(place, {})[key.removeprefix("report_")] = value
    return found


def labelled(
    cells: dict[str | None, dict[str, IndicatorValue]], records: dict[str, Any]
) -> list[dict[str, Any]]:
    """The cells of ``records`` with their record, the least covered first."""
    rows = [{"record": records[slug], **pair} for slug, pair in cells.items() if slug in records]
    return sorted(rows, key=lambda row: (row["coverage"].value, str(row["record"])))
