"""How far the figures can be trusted: checked, complete, or to be completed."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from engagements.models import SignedInRequest
from finance.selectors.waiting import records_to_complete
from iscm_portal.common.access import may
from iscm_portal.common.pages import keyset_page
from iscm_portal.common.snapshot import one_snapshot

from ..models import AuditRun
from ..selectors.audits import latest_audit, wrong_cells
from ..selectors.indicators import values_of

# Nights on one page.
NIGHTS = 14


@require_safe
@one_snapshot()
def quality(request: SignedInRequest) -> HttpResponse:
    """The last audit and those before, the coverage of this year's reports, and the records that
    are to be completed, each as far as the reader may see it."""
    user, today = request.user, timezone.localdate()
    sees_duties = may(user, "see_duties")
    audit = latest_audit()
    sees_differences = may(user, "compile_indicators")
    context = {
        "audit": audit,
        "wrong": wrong_cells(audit) if audit and audit.differing and sees_differences else [],
        "audits": keyset_page(request, AuditRun.objects.all(), "-pk", size=NIGHTS),
        "sees_differences": sees_differences,
        "sees_duties": sees_duties,
        "coverage": next(iter(values_of("report_coverage", today.year)), None),
        "year": today.year,
        "gaps": records_to_complete(user, today),
        "reads_money": may(user, "read_all_finance") or may(user, "read_own_office_finance"),
    }
    return render(request, "reporting/quality.html", context)
