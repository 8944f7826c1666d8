"""The mechanisms, who belongs to them, who runs them, and IOM's part in them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.models import Sourced, Tracked
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import ISCMStatus, ISCMType, MembershipKind, RoleKind, SecretariatKind
from ..querysets import HeldQuerySet, IOMRoleQuerySet, ISCMQuerySet
from .base import Held, in_order
from .directory import Country, Office, Organisation, Theme


class ISCM(Tracked, Sourced):
    """An inter-State consultation mechanism on migration."""

    slug = models.SlugField(max_length=60, unique=True)
    acronym = models.CharField(_("acronym"), max_length=40)
    name = models.CharField(_("name"), max_length=200)
    alt_names = models.TextField(_("other names"), blank=True, help_text=_("One a line."))
    type = models.CharField(_("type"), max_length=10, choices=ISCMType.choices)
    year_established = models.PositiveSmallIntegerField(_("established"), null=True, blank=True)
    year_note = models.TextField(_("note on the year"), blank=True)
    status = models.CharField(
        _("status"), max_length=10, choices=ISCMStatus.choices, default=ISCMStatus.ACTIVE
    )
    status_note = models.TextField(_("note on the status"), blank=True)
    themes = models.ManyToManyField(
        Theme, blank=True, related_name="iscms", verbose_name=_("themes")
    )
    regional_bodies = models.TextField(
        _("regional bodies"), blank=True, help_text=_("Bodies it is tied to, one a line.")
    )
    routes = models.TextField(_("migratory routes"), blank=True)
    membership_rule = models.CharField(_("rule of membership"), max_length=60, blank=True)
    members_published = models.PositiveSmallIntegerField(
        _("members as published"), null=True, blank=True
    )
    has_private_sector_group = models.BooleanField(_("private-sector group"), null=True, blank=True)
    works_with_private_sector = models.BooleanField(
        _("works with the private sector"), null=True, blank=True
    )
    is_self_financing = models.BooleanField(_("self-financing"), null=True, blank=True)
    self_financing_note = models.TextField(_("note on self-financing"), blank=True)
    website = models.URLField(_("website"), blank=True)
    iom_basis = models.TextField(_("basis of IOM's part"), blank=True)

    objects = ISCMQuerySet.as_manager()

    class Meta:
        ordering = ["acronym"]
        verbose_name = _("mechanism")
        verbose_name_plural = _("mechanisms")

    def __str__(self) -> str:
        return self.acronym


class SourceNote(Tracked):
    """Something odd in a source, kept beside the mechanism or the table it concerns."""

    iscm = models.ForeignKey(
        ISCM, models.CASCADE, null=True, blank=True, related_name="source_notes"
    )
    printed_table = models.PositiveSmallIntegerField(null=True, blank=True)
    text = models.TextField()
    source = models.TextField(blank=True)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="sourcenote_concerns_something",
                condition=Q(iscm__isnull=False) | Q(printed_table__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.text[:80]


class WorkingGroup(Tracked, Sourced):
    iscm = models.ForeignKey(ISCM, models.CASCADE, related_name="working_groups")
    name = models.CharField(_("name"), max_length=200)
    chair = models.ForeignKey(Country, models.PROTECT, null=True, blank=True, related_name="+")

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["iscm", "name"]
        constraints = [
            models.UniqueConstraint(fields=["iscm", "name"], name="workinggroup_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Membership(Tracked, Sourced, Held):
    """A State, an organisation or a party without a code that is member or observer."""

    iscm = models.ForeignKey(ISCM, models.CASCADE, related_name="memberships")
    kind = models.CharField(_("kind"), max_length=10, choices=MembershipKind.choices)
    country = models.ForeignKey(
        Country, models.PROTECT, null=True, blank=True, related_name="memberships"
    )
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="memberships"
    )
    party_name = models.CharField(
        _("party without a code"),
        max_length=160,
        blank=True,
        help_text=_("As the source names it, where ISO 3166 has no code."),
    )

    objects = HeldQuerySet.as_manager()

    class Meta:
        ordering = ["iscm", "kind", "country__name_en"]
        constraints = [
            in_order("membership_dates_in_order"),
            models.CheckConstraint(
                name="membership_of_one_party",
                condition=(
                    Q(country__isnull=False, organisation__isnull=True, party_name="")
                    | Q(country__isnull=True, organisation__isnull=False, party_name="")
                    | (Q(country__isnull=True, organisation__isnull=True) & ~Q(party_name=""))
                ),
            ),
            models.UniqueConstraint(
                fields=["iscm", "kind", "country", "starts_on"],
                name="membership_of_country_once",
            ),
            models.UniqueConstraint(
                fields=["iscm", "kind", "country"],
                condition=Q(starts_on__isnull=True),
                name="membership_of_unknown_start_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.party} · {self.iscm}"

    @property
    def party(self) -> str:
        return str(self.country or self.organisation or self.party_name)


class Chairmanship(Tracked, Sourced, Held):
    """A State in the chair. Co-chairs overlap."""

    iscm = models.ForeignKey(ISCM, models.CASCADE, related_name="chairmanships")
    country = models.ForeignKey(Country, models.PROTECT, related_name="+")

    objects = HeldQuerySet.as_manager()

    class Meta:
        ordering = ["iscm", "starts_on"]
        constraints = [in_order("chairmanship_dates_in_order")]

    def __str__(self) -> str:
        return f"{self.country} · {self.iscm}"


class Secretariat(Tracked, Sourced, Held):
    """An organisation that serves as secretariat. Several at once is normal."""

    iscm = models.ForeignKey(ISCM, models.CASCADE, related_name="secretariats")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=20, choices=SecretariatKind.choices)
    location = models.CharField(_("seat"), max_length=80, blank=True)

    objects = HeldQuerySet.as_manager()

    class Meta:
        ordering = ["iscm", "organisation__name"]
        constraints = [in_order("secretariat_dates_in_order")]

    def __str__(self) -> str:
        return f"{self.organisation} · {self.iscm}"


class IOMRole(Tracked, Sourced, Held):
    """One role of IOM in a mechanism. A mechanism has several at once."""

    iscm = models.ForeignKey(ISCM, models.CASCADE, related_name="iom_roles")
    role = models.CharField(_("role"), max_length=30, choices=RoleKind.choices)
    basis = models.TextField(_("basis"), blank=True)
    starts_assumed = models.BooleanField(
        _("start assumed"),
        default=False,
        help_text=_("The role is on record; its start is that of the mechanism."),
    )
    lead_office = models.ForeignKey(Office, models.PROTECT, null=True, blank=True, related_name="+")
    is_candidate = models.BooleanField(
        _("to be checked"),
        default=False,
        help_text=_("A source hints at the role; it counts nowhere until confirmed."),
    )

    objects = IOMRoleQuerySet.as_manager()

    class Meta:
        ordering = ["iscm__acronym", "role"]
        verbose_name = _("IOM role")
        constraints = [
            in_order("iomrole_dates_in_order"),
            models.UniqueConstraint(fields=["iscm", "role", "starts_on"], name="iomrole_once"),
            models.UniqueConstraint(
                fields=["iscm", "role"],
                condition=Q(starts_on__isnull=True),
                name="iomrole_of_unknown_start_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} · {self.iscm}"
