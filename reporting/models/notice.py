"""Notices: the rules that IPD sets, and each notice once for each person."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.models import Tracked
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import NoticeAudience, NoticeClock
from ..querysets import NoticeQuerySet
from .duty import Duty


class NoticeRule(Tracked):
    """When who is told. IPD changes the days and the audience, and switches a rule off."""

    stage = models.SlugField(_("stage"), max_length=30, unique=True)
    clock = models.CharField(_("counts from"), max_length=10, choices=NoticeClock.choices)
    day = models.SmallIntegerField(_("day"), help_text=_("Below 0: before the end of the event."))
    repeat_days = models.PositiveSmallIntegerField(
        _("again every … days"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    audience = models.CharField(_("goes to"), max_length=10, choices=NoticeAudience.choices)
    is_active = models.BooleanField(_("in use"), default=True)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["clock", "day", "stage"]
        verbose_name = _("rule of notices")
        verbose_name_plural = _("rules of notices")
        constraints = [
            models.CheckConstraint(
                name="noticerule_repeats_forward",
                condition=Q(repeat_days__isnull=True) | Q(repeat_days__gte=1),
                violation_error_message=_("A rule is repeated after at least one day."),
            )
        ]

    def __str__(self) -> str:
        return self.stage


class Notice(models.Model):
    """One notice to one person. ``occasion`` tells two returns of a report apart, and two days that
    it was due on.

    One that was not sent by e-mail before its duty was settled has lapsed: no mail tells of it.
    """

    duty = models.ForeignKey(Duty, models.CASCADE, related_name="notices")
    rule = models.ForeignKey(NoticeRule, models.PROTECT, related_name="+")
    # The stage with the number of its repetition: "weekly-3".
    stage = models.CharField(max_length=40)
    occasion = models.CharField(max_length=40, blank=True)
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    due_on = models.DateField()
    made_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    emailed_at = models.DateTimeField(null=True)
    lapsed_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["duty", "stage", "occasion", "recipient"], name="notice_once"
            )
        ]
        indexes = [
            # The tick asks for the unsent ones only; they are few whatever the table's size.
            models.Index(
                fields=["recipient", "id"],
                name="notice_unsent",
                condition=Q(emailed_at__isnull=True, lapsed_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.duty}: {self.stage}"
