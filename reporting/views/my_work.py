"""The first page: what the reader has to do, and what waits for others."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements.models import SignedInRequest
from engagements.selectors import open_follow_ups_of_office
from finance.selectors.waiting import waiting_for_finance
from iscm_portal.common.access import may
from iscm_portal.common.period import Period

from ..forms import STEPS
from ..models import Notice, PostEventReport
from ..permissions import may_review, may_start_report
from ..selectors.audits import latest_audit
from ..selectors.briefing import briefings_for
from ..selectors.duties import (
    answers_waiting,
    coverage_of_office,
    duties_due,
    extensions_waiting,
)
from ..selectors.indicators import latest_run
from ..selectors.reports import corrections_under_way, review_queue


def home(request: SignedInRequest) -> HttpResponse:
    user, today = request.user, timezone.localdate()
    writes = may_start_report(user)
    in_review = PostEventReport.objects.visible_to(user).waiting().select_related("event")
    context = {
        "today": today,
        "writes": writes,
        "owed": duties_due(user.office_id, today) if writes else [],
        "answers": answers_waiting(user).count(),
        "extensions": extensions_waiting(user).count(),
        "step_count": len(STEPS),
        "to_review": list(review_queue(user)[:50]) if may_review(user) else None,
        "waiting": list(in_review.of_office(user.office_id)[:10]) if writes else [],
        "corrections": list(corrections_under_way(user)[:10]) if writes else [],
        "follow_ups": open_follow_ups_of_office(user)[:10] if writes else [],
        "coverage": coverage_of_office(user.office_id, Period.year(today.year), today)
        if writes
        else None,
        "money": waiting_for_finance(user, today) if may(user, "edit_finance") else None,
        "unread": Notice.objects.visible_to(user).unread().count(),
        "briefings": briefings_for(user)[:10],
        "last_run": latest_run(),
        "audit": latest_audit(),
        "sees_differences": may(user, "compile_indicators"),
    }
    return render(request, "reporting/home.html", context)
