"""The people who sign in."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from iscm_portal.common.choices import AccessGroup

from ..choices import Language, NoticePace
from ..querysets import UserQuerySet
from .directory import Office


class PortalUserManager(UserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Django's user manager with the portal's vocabulary."""

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **extra: Any
    ) -> User:
        """The first user of a new portal (``manage.py createsuperuser``), of no office."""
        extra.setdefault("access_group", AccessGroup.ADMIN)
        user: User = super().create_superuser(username, email, password, **extra)
        return user


class User(AbstractUser):
    """A member of staff, or an analyst, with an office and an access group."""

    office = models.ForeignKey(Office, models.PROTECT, null=True, blank=True, related_name="users")
    access_group = models.CharField(
        _("access group"), max_length=10, choices=AccessGroup.choices, default=AccessGroup.REPORTER
    )
    notice_pace = models.CharField(
        _("notices by e-mail"),
        max_length=10,
        choices=NoticePace.choices,
        default=NoticePace.AT_ONCE,
    )
    language = models.CharField(
        _("language of notices"),
        max_length=10,
        choices=Language.choices,
        default=Language.ENGLISH,
    )
    is_demo = models.BooleanField(_("demo data"), default=False, editable=False)
    history = HistoricalRecords(excluded_fields=["password", "last_login"])

    objects: ClassVar[PortalUserManager] = PortalUserManager()

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(
                name="user_of_an_office_group_has_one",
                condition=~Q(access_group__in=["reporter", "manager"]) | Q(office__isnull=False),
                violation_error_message=_("A reporter or office manager needs an office."),
            )
        ]

    @property
    def label(self) -> str:
        """How the portal addresses the user: name, else user name."""
        return self.get_full_name() or self.username


class SignedInRequest(HttpRequest):
    """A request that is past the sign-in middleware: its user is one of ours."""

    user: User
