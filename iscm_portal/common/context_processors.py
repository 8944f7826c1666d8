"""What every page knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from .access import may


def portal(request: HttpRequest) -> dict[str, Any]:
    """The portal's name and what its navigation may offer to the reader."""
    user = getattr(request, "user", None)
    return {
        "portal_name": settings.PORTAL_NAME,
        "may_review": bool(user) and may(user, "review_all_reports"),
        "may_manage": bool(user) and may(user, "manage_users"),
    }
