"""What every page knows."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext as _

from .access import may

A_MINUTE = 60

# The pages that stand under an entry of the menu, where they are not those below its address.
PAGES_UNDER: dict[str, str | tuple[str, ...]] = {
    "/resources/": (
        "/resources/",
        "/finance/",
        "/imports/",
        "/funds/",
        "/staffing/",
        "/sustaining/",
    )
}


def holds_demo() -> bool:
    """True while demo data is loaded; asked of the database once a minute."""
    found: bool | None = cache.get_or_set(
        "holds_demo",
        lambda: get_user_model().objects.filter(is_demo=True).exists(),
        A_MINUTE,
    )
    return bool(found)


def portal(request: HttpRequest) -> dict[str, Any]:
    """The portal's name and its navigation, named by what people come to do."""
    # A request that is refused early (an unknown host) has no user yet.
    user = getattr(request, "user", AnonymousUser())
    reviews = may(user, "review_all_reports") or may(user, "return_own_office_reports")
    asked = [
        ("/", _("My work"), True),
        ("/iscms/", _("Mechanisms"), True),
        ("/events/", _("Events"), True),
        ("/reports/", _("Reports"), True),
        ("/duties/", _("Duties"), may(user, "see_duties")),
        ("/reviews/", _("Reviews"), reviews),
        ("/resources/", _("Resources"), True),
        ("/indicators/", _("Indicators"), True),
        ("/surveys/", _("Surveys"), True),
        ("/recommendations/", _("Recommendations"), True),
        ("/admin/", _("Directory admin"), may(user, "edit_directory") and user.is_staff),
    ]
    items = [(address, label) for address, label, is_open in asked if is_open]
    return {
        # Not called here but by the page, so that only pages that say it ask.
        "holds_demo": holds_demo,
        "portal_name": settings.PORTAL_NAME,
        "navigation": [
            {
                "address": address,
                "label": label,
                "is_current": request.path == address
                or (address != "/" and request.path.startswith(PAGES_UNDER.get(address, address))),
            }
            for address, label in items
        ],
    }
