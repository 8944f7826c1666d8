"""What every queryset of the portal can do."""

from __future__ import annotations

from typing import Any, Self

from django.db import models

from .access import Reader, may


class PortalQuerySet(models.QuerySet[Any]):
    """A queryset that must be narrowed to its reader before anything is shown from it."""

    def visible_to(self, user: Reader) -> Self:
        """The rows that ``user`` may read. Unless said otherwise: all, when signed in."""
        return self if may(user, "read_directory") else self.none()
