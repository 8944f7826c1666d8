"""The portal's addresses: pages by app, the API, the admin, health."""

from allauth.account import views as account_views
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from iscm_portal.common import devices, health

urlpatterns: list[URLPattern | URLResolver] = [
    # First what programs call: an address is compared with all that stand before its own.
    path("api/v1/", include("iscm_portal.api_urls")),
    path("", include("engagements.urls")),
    path("", include("finance.urls")),
    path("", include("reporting.urls")),
    # Accounts are made by IPD, and so are new passwords: of allauth only these two.
    path("accounts/login/", account_views.login, name="account_login"),
    path("accounts/logout/", account_views.logout, name="account_logout"),
    path("admin/", admin.site.urls),
    path("webhooks/", include("iscm_portal.common.webhooks.urls")),
    path("worker.js", devices.worker, name="worker"),
    path("offline/", devices.offline, name="offline"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]

handler400 = "iscm_portal.common.pages.bad_request"
handler403 = "iscm_portal.common.pages.forbidden"
handler404 = "iscm_portal.common.pages.not_found"
handler429 = "iscm_portal.common.pages.too_many"
