"""The evaluation's recommendations and where each stands."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ..models import Recommendation


def recommendations(request: HttpRequest) -> HttpResponse:
    rows = list(Recommendation.objects.visible_to(request.user).prefetch_related("indicators"))
    context = {
        "rows": rows,
        "open_count": sum(row.state == Recommendation.State.OPEN for row in rows),
    }
    return render(request, "reporting/recommendations.html", context)
