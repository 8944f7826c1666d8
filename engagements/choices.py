"""Choices of the directory, of events and of their evidence."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class NoticePace(models.TextChoices):
    """How often somebody wants notices by e-mail."""

    AT_ONCE = "at_once", _("At once")
    DAILY = "daily", _("Once a day, together")
    WEEKLY = "weekly", _("Once a week, together")
    NEVER = "never", _("Never; only in the portal")


class Language(models.TextChoices):
    """The languages that notices are written in, each named in itself."""

    ENGLISH = "en-gb", "English"
    FRENCH = "fr", "Français"
    SPANISH = "es", "Español"


class ISCMType(models.TextChoices):
    RCP = "rcp", _("Regional consultative process (RCP)")
    IRF = "irf", _("Inter-regional forum (IRF)")
    GLOBAL = "global", _("Global process")


class ISCMStatus(models.TextChoices):
    ACTIVE = "active", _("Active")
    FORMING = "forming", _("Forming")
    DORMANT = "dormant", _("Dormant")
    ENDED = "ended", _("Ended")


class MembershipKind(models.TextChoices):
    MEMBER = "member", _("Member")
    OBSERVER = "observer", _("Observer")


class SecretariatKind(models.TextChoices):
    TECHNICAL = "technical", _("Technical secretariat")
    ADMINISTRATIVE = "administrative", _("Administrative secretariat")


class RoleKind(models.TextChoices):
    MEMBER = "member", _("Member organization")
    PERMANENT_OBSERVER = "permanent_observer", _("Permanent observer")
    TECHNICAL_SECRETARIAT = "technical_secretariat", _("Technical secretariat")
    CO_SECRETARIAT = "co_secretariat", _("Technical co-secretariat")
    DE_FACTO_SECRETARIAT = "de_facto_secretariat", _("De facto technical secretariat")
    ADMINISTRATIVE_SECRETARIAT = "administrative_secretariat", _("Administrative secretariat")
    HOST = "host", _("Host")
    TECHNICAL_SUPPORT = "technical_support", _("Technical support")


# The evaluation counts roles in these four groups (section 3, footnotes 22 and 23).
ROLE_GROUPS: dict[str, tuple[RoleKind, ...]] = {
    "member": (RoleKind.MEMBER,),
    "permanent_observer": (RoleKind.PERMANENT_OBSERVER,),
    "technical": (
        RoleKind.TECHNICAL_SECRETARIAT,
        RoleKind.CO_SECRETARIAT,
        RoleKind.DE_FACTO_SECRETARIAT,
    ),
    "administrative": (RoleKind.ADMINISTRATIVE_SECRETARIAT, RoleKind.HOST),
}


class OfficeKind(models.TextChoices):
    HEADQUARTERS = "headquarters", _("Headquarters")
    HQ_UNIT = "hq_unit", _("Headquarters unit")
    REGIONAL_OFFICE = "regional_office", _("Regional Office")
    COUNTRY_OFFICE = "country_office", _("Country Office")
    COORDINATING_OFFICE = "coordinating_office", _("Country Office with Coordinating Functions")
    ADMINISTRATIVE_CENTRE = "administrative_centre", _("Administrative Centre")
    LIAISON_OFFICE = "liaison_office", _("Special Liaison Office")
    HOSTED_ENTITY = "hosted_entity", _("Hosted entity (not an IOM office)")


class OrganisationKind(models.TextChoices):
    UN_AGENCY = "un_agency", _("UN agency")
    IGO = "igo", _("Intergovernmental organization")
    REGIONAL_ENTITY = "regional_entity", _("Regional entity or UN Regional Commission")
    CIVIL_SOCIETY = "civil_society", _("Civil society or NGO")
    DONOR = "donor", _("Donor")
    ACADEMIA = "academia", _("Research and academia")
    PRIVATE_SECTOR = "private_sector", _("Private sector")
    ISCM_SECRETARIAT = "iscm_secretariat", _("Secretariat of a mechanism")


class FrameKind(models.TextChoices):
    """The reference frames that a report can be tagged with."""

    MIGOF_PRINCIPLE = "migof_principle", _("MiGOF principle")
    MIGOF_OBJECTIVE = "migof_objective", _("MiGOF objective")
    GCM_OBJECTIVE = "gcm_objective", _("Global Compact objective")
    SDG_TARGET = "sdg_target", _("SDG target")
    STRATEGY_POINT = "strategy_point", _("12-point strategy")


# The two kinds that make up MiGOF.
MIGOF = (FrameKind.MIGOF_PRINCIPLE, FrameKind.MIGOF_OBJECTIVE)


class EventKind(models.TextChoices):
    MINISTERIAL = "ministerial", _("Ministerial")
    SENIOR_OFFICIALS = "senior_officials", _("Senior officials")
    TECHNICAL = "technical", _("Technical")
    WORKING_GROUP = "working_group", _("Working group")
    SUMMIT = "summit", _("Summit")
    WORKSHOP = "workshop", _("Workshop or training")
    GRCP = "grcp", _("GRCP")


class Capacity(models.TextChoices):
    """In what capacity IOM took part."""

    SPEAKER = "speaker", _("Speaker")
    PARTICIPANT = "participant", _("Participant")
    SECRETARIAT = "secretariat", _("Secretariat")
    OBSERVER = "observer", _("Observer")
    FACILITATOR = "facilitator", _("Facilitator or trainer")


class SupportKind(models.TextChoices):
    """What Member States ask for. Source: evaluation 2019, 4.2, criterion 7."""

    ADMINISTRATIVE = "administrative", _("Administrative")
    TECHNICAL = "technical", _("Technical")
    LOGISTICAL = "logistical", _("Logistical")
    LIAISON = "liaison", _("Liaison")


class RequestOutcome(models.TextChoices):
    OPEN = "open", _("Not answered yet")
    MET = "met", _("Met")
    PARTLY_MET = "partly_met", _("Partly met")
    DECLINED = "declined", _("Declined")


class InstrumentKind(models.TextChoices):
    LEGISLATION = "legislation", _("Legislation")
    POLICY = "policy", _("Policy")
    STRATEGY = "strategy", _("Strategy")


class InstrumentAction(models.TextChoices):
    PASSED = "passed", _("Passed")
    AMENDED = "amended", _("Amended")


class Reflected(models.TextChoices):
    """Whether IOM's expertise shows in an instrument; "not assessed" is not "no"."""

    YES = "yes", _("Yes")
    NO = "no", _("No")
    NOT_ASSESSED = "not_assessed", _("Not yet assessed")


class FollowUpState(models.TextChoices):
    OPEN = "open", _("Open")
    DONE = "done", _("Done")
    DROPPED = "dropped", _("Dropped")
