from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "iscm_portal.common"
    label = "common"
