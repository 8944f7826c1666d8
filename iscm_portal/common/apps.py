from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class CommonConfig(AppConfig):
    name = "iscm_portal.common"
    label = "common"

    def ready(self) -> None:
        from django.contrib import admin  # knows models: not before they are loaded

        admin.site.site_header = admin.site.site_title = settings.PORTAL_NAME
        admin.site.index_title = _("Directory admin")
