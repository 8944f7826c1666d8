"""Reference records: countries, organisations, offices, themes, priorities, reference frames."""

from __future__ import annotations

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.models import Sourced, Tracked
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import FrameKind, OfficeKind, OrganisationKind


class Country(Tracked, Sourced):
    """A State or territory of ISO 3166. Listing one says nothing about its status."""

    class IOMStatus(models.TextChoices):
        MEMBER = "member", _("IOM Member State")
        OBSERVER = "observer", _("IOM observer State")
        NONE = "none", _("Neither")

    class CompactVote(models.TextChoices):
        """How the State voted on the Global Compact (A/RES/73/195, 19 December 2018)."""

        IN_FAVOUR = "in_favour", _("In favour")
        AGAINST = "against", _("Against")
        ABSTAINED = "abstained", _("Abstained")
        NOT_VOTING = "not_voting", _("Did not vote")

    iso3 = models.CharField(_("ISO code"), max_length=3, unique=True)
    iso2 = models.CharField(max_length=2, unique=True)
    m49 = models.CharField(max_length=3, unique=True)
    name_en = models.CharField(max_length=120)
    name_fr = models.CharField(max_length=120)
    name_es = models.CharField(max_length=120)
    region = models.CharField(_("UN M49 region"), max_length=40, db_index=True)
    subregion = models.CharField(_("UN M49 subregion"), max_length=60)
    iom_status = models.CharField(
        _("standing in IOM"), max_length=10, choices=IOMStatus.choices, blank=True
    )
    iom_status_since_on = models.DateField(_("in this standing since"), null=True, blank=True)
    compact_vote = models.CharField(
        _("vote on the Global Compact"), max_length=10, choices=CompactVote.choices, blank=True
    )

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["name_en"]
        verbose_name = _("country")
        verbose_name_plural = _("countries")

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The short name in the reader's language, English where there is none."""
        language = (get_language() or "en")[:2]
        return str(getattr(self, f"name_{language}", "") or self.name_en)


class Theme(Tracked):
    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Office(Tracked, Sourced):
    """An IOM office or unit, or an entity that IOM hosts."""

    slug = models.SlugField(max_length=60, unique=True)
    kind = models.CharField(_("kind"), max_length=30, choices=OfficeKind.choices)
    name = models.CharField(_("name"), max_length=160)
    abbreviation = models.CharField(_("abbreviation"), max_length=20, blank=True)
    country = models.ForeignKey(
        Country, models.PROTECT, null=True, blank=True, related_name="offices"
    )
    city = models.CharField(_("city"), max_length=80, blank=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children"
    )
    coverage = models.CharField(_("covers"), max_length=160, blank=True)
    functions = models.TextField(_("functions"), blank=True)
    focal_for = models.ManyToManyField(
        "engagements.ISCM", blank=True, related_name="focal_offices", verbose_name=_("mechanisms")
    )
    # Of a division: it is told what is reported on them.
    themes = models.ManyToManyField(
        "engagements.Theme", blank=True, related_name="divisions", verbose_name=_("themes")
    )

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def short_name(self) -> str:
        """The abbreviation of a unit at Headquarters ("IPD"); others go by their name."""
        own = self.kind == OfficeKind.HQ_UNIT and self.abbreviation
        return own or self.name


class Organisation(Tracked, Sourced):
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20, choices=OrganisationKind.choices, blank=True)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class IOMPriority(Tracked, Sourced):
    """A subject that IOM wants on agendas, while it is valid."""

    title = models.CharField(_("title"), max_length=200)
    theme = models.ForeignKey(Theme, models.PROTECT, null=True, blank=True, related_name="+")
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_to = models.DateField(_("valid to"), null=True, blank=True)
    owner = models.ForeignKey(Office, models.PROTECT, null=True, blank=True, related_name="+")

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["title"]
        verbose_name = _("IOM priority")
        verbose_name_plural = _("IOM priorities")
        constraints = [
            models.CheckConstraint(
                name="iompriority_dates_in_order",
                condition=models.Q(valid_from__isnull=True)
                | models.Q(valid_to__isnull=True)
                | models.Q(valid_from__lte=models.F("valid_to")),
            )
        ]

    def __str__(self) -> str:
        return self.title


class ReferenceFrame(Tracked, Sourced):
    """One entry of a reference frame: a MiGOF objective, an SDG target and so on."""

    kind = models.CharField(max_length=20, choices=FrameKind.choices)
    code = models.CharField(max_length=10)
    title = models.CharField(max_length=250)
    position = models.PositiveSmallIntegerField(default=0)
    # What a mechanism that addresses one of them does is related to the entry, tagged or not.
    themes = models.ManyToManyField(
        Theme, blank=True, related_name="frames", verbose_name=_("themes")
    )

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "position"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "code"], name="referenceframe_code_once")
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"
