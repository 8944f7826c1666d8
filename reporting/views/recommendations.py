"""The evaluation's recommendations and where each stands."""

from django.http import HttpResponse
from django.shortcuts import render

from engagements.models import SignedInRequest

from ..models import Recommendation


def recommendations(request: SignedInRequest) -> HttpResponse:
    rows = list(Recommendation.objects.visible_to(request.user).prefetch_related("indicators"))
    context = {
        "rows": rows,
        "open_count": sum(row.state == Recommendation.State.OPEN for row in rows),
    }
    return render(request, "reporting/recommendations.html", context)
