"""What IOM intends to achieve through the mechanisms."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.models import Sourced, Tracked
from iscm_portal.common.querysets import PortalQuerySet

from .iscm import ISCM


class Objective(Tracked, Sourced):
    """What IOM intends through one mechanism, or through all of them. Indicators are held to it.

    A proposed one is restated from a source and adopted by nobody yet.
    """

    code = models.SlugField(_("code"), max_length=40, unique=True)
    title = models.CharField(_("what is intended"), max_length=200)
    iscm = models.ForeignKey(
        ISCM,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("mechanism"),
        help_text=_("Empty: all mechanisms."),
    )
    baseline = models.TextField(_("where it stands"), blank=True)
    horizon_year = models.PositiveSmallIntegerField(
        _("to be reached by the end of"), null=True, blank=True
    )
    is_proposed = models.BooleanField(_("proposed, not adopted"), default=True)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title
