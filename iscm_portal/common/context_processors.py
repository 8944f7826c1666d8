"""What every page knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _


def portal(request: HttpRequest) -> dict[str, Any]:
    """The portal's name and its navigation, named by what people come to do."""
    items = [
        ("/", _("My work")),
        ("/iscms/", _("Mechanisms")),
        ("/events/", _("Events")),
        ("/reports/", _("Reports")),
        ("/resources/", _("Resources")),
        ("/indicators/", _("Indicators")),
        ("/recommendations/", _("Recommendations")),
    ]
    return {
        "portal_name": settings.PORTAL_NAME,
        "navigation": [
            {
                "address": address,
                "label": label,
                "is_current": request.path == address
                or (address != "/" and request.path.startswith(address)),
            }
            for address, label in items
        ],
    }
