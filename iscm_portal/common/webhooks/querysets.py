from __future__ import annotations

from typing import Self

from ..access import Reader, may
from ..querysets import PortalQuerySet


class WebhookQuerySet(PortalQuerySet):
    def visible_to(self, user: Reader) -> Self:
        """Everybody who may have webhooks sees the own ones; who looks after users sees all."""
        if not may(user, "use_webhooks"):
            return self.none()
        return self if may(user, "manage_users") else self.filter(owner=user.pk)


class DeliveryQuerySet(PortalQuerySet):
    def visible_to(self, user: Reader) -> Self:
        """Those of the webhooks that ``user`` sees."""
        webhooks = self.model._meta.get_field("webhook").related_model
        return self.filter(webhook__in=webhooks._default_manager.visible_to(user))
