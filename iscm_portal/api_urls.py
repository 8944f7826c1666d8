"""Every address under ``/api/v1/``."""

from django.urls import include, path, re_path

from iscm_portal.common.api import Documentation, NothingHere, Schema
from iscm_portal.common.changes.views import ChangesView

urlpatterns = [
    path("", include("engagements.api.urls")),
    path("", include("finance.api.urls")),
    path("", include("reporting.api.urls")),
    path("changes/", ChangesView.as_view(), name="api-changes"),
    path("schema/", Schema.as_view(), name="schema"),
    path("docs/", Documentation.as_view(url_name="schema"), name="api-docs"),
    # With a slash at the end only: an address without one is first sent to the one with it.
    re_path(r"^(.*/)?$", NothingHere.as_view()),
]
