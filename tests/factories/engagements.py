"""Factories of the directory, of events and of evidence."""

import datetime as dt
import string
from typing import Any

import factory
from django.contrib.auth.hashers import make_password
from factory.django import DjangoModelFactory

from engagements import choices, models
from iscm_portal.common.choices import AccessGroup

PASSWORD = "pw-for-tests"
# Argon2 is slow on purpose; every user of a test run shares one hash.
_PASSWORD_HASH = make_password(PASSWORD)


_SIGNS = string.ascii_lowercase + string.digits


def _code(n: int, length: int) -> str:
    """``n`` as a code of ``length`` small letters and digits, a letter first.

    Real country codes are capitals or digits only, so that the two never meet.
    """
    text = ""
    for _place in range(length - 1):
        n, sign = divmod(n, len(_SIGNS))
        text = _SIGNS[sign] + text
    return _SIGNS[n % 26] + text


def add_all(field: str) -> Any:
    """A post-generation hook that fills the many-to-many ``field`` with what it is given."""

    def add(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create and extracted:
            getattr(self, field).add(*extracted)

    return factory.post_generation(add)


class CountryFactory(DjangoModelFactory):
    class Meta:
        model = models.Country
        skip_postgeneration_save = True

    iso3 = factory.Sequence(lambda n: _code(n, 3))
    iso2 = factory.Sequence(lambda n: _code(n, 2))
    m49 = factory.Sequence(lambda n: _code(n, 3))
    name_en = factory.Sequence(lambda n: f"Country {n}")
    name_fr = factory.Sequence(lambda n: f"Pays {n}")
    name_es = factory.Sequence(lambda n: f"País {n}")
    region = "Asia"
    subregion = "South-eastern Asia"


class ThemeFactory(DjangoModelFactory):
    class Meta:
        model = models.Theme

    code = factory.Sequence(lambda n: f"theme-{n}")
    name = factory.Sequence(lambda n: f"Theme {n}")


class OfficeFactory(DjangoModelFactory):
    class Meta:
        model = models.Office
        skip_postgeneration_save = True

    slug = factory.Sequence(lambda n: f"office-{n}")
    kind = choices.OfficeKind.COUNTRY_OFFICE
    name = factory.Sequence(lambda n: f"CO {n}")
    focal_for = add_all("focal_for")


class OrganisationFactory(DjangoModelFactory):
    class Meta:
        model = models.Organisation

    slug = factory.Sequence(lambda n: f"organisation-{n}")
    name = factory.Sequence(lambda n: f"Organisation {n}")
    kind = choices.OrganisationKind.UN_AGENCY


class IOMPriorityFactory(DjangoModelFactory):
    class Meta:
        model = models.IOMPriority

    title = factory.Sequence(lambda n: f"Priority {n}")


class ReferenceFrameFactory(DjangoModelFactory):
    class Meta:
        model = models.ReferenceFrame
        skip_postgeneration_save = True

    kind = choices.FrameKind.GCM_OBJECTIVE
    code = factory.Sequence(lambda n: f"{n}")
    title = factory.Sequence(lambda n: f"Objective {n}")
    position = factory.Sequence(lambda n: n)
    themes = add_all("themes")


class ISCMFactory(DjangoModelFactory):
    class Meta:
        model = models.ISCM
        skip_postgeneration_save = True

    slug = factory.Sequence(lambda n: f"iscm-{n}")
    acronym = factory.Sequence(lambda n: f"ISCM{n}")
    name = factory.Sequence(lambda n: f"Mechanism {n}")
    type = choices.ISCMType.RCP
    themes = add_all("themes")


class ObjectiveFactory(DjangoModelFactory):
    class Meta:
        model = models.Objective

    code = factory.Sequence(lambda n: f"objective-{n}")
    title = factory.Sequence(lambda n: f"What is intended {n}")


class SourceNoteFactory(DjangoModelFactory):
    class Meta:
        model = models.SourceNote

    iscm = factory.SubFactory(ISCMFactory)
    text = "The source contradicts itself."


class WorkingGroupFactory(DjangoModelFactory):
    class Meta:
        model = models.WorkingGroup

    iscm = factory.SubFactory(ISCMFactory)
    name = factory.Sequence(lambda n: f"Working group {n}")


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = models.Membership

    iscm = factory.SubFactory(ISCMFactory)
    kind = choices.MembershipKind.MEMBER
    country = factory.SubFactory(CountryFactory)


class ChairmanshipFactory(DjangoModelFactory):
    class Meta:
        model = models.Chairmanship

    iscm = factory.SubFactory(ISCMFactory)
    country = factory.SubFactory(CountryFactory)


class SecretariatFactory(DjangoModelFactory):
    class Meta:
        model = models.Secretariat

    iscm = factory.SubFactory(ISCMFactory)
    organisation = factory.SubFactory(OrganisationFactory)
    kind = choices.SecretariatKind.TECHNICAL


class IOMRoleFactory(DjangoModelFactory):
    class Meta:
        model = models.IOMRole

    iscm = factory.SubFactory(ISCMFactory)
    role = choices.RoleKind.TECHNICAL_SECRETARIAT


class UserFactory(DjangoModelFactory):
    """A user who signs in with ``PASSWORD``; ``access_group`` says what he may do."""

    class Meta:
        model = models.User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user-{n}")
    password = _PASSWORD_HASH
    access_group = AccessGroup.REPORTER
    office = factory.Maybe(
        factory.LazyAttribute(
            lambda user: user.access_group in (AccessGroup.REPORTER, AccessGroup.MANAGER)
        ),
        yes_declaration=factory.SubFactory(OfficeFactory),
        no_declaration=None,
    )


class EventFactory(DjangoModelFactory):
    """A meeting of two days; give it its mechanisms with ``iscms=[...]``."""

    class Meta:
        model = models.Event
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Event {n}")
    kind = choices.EventKind.SENIOR_OFFICIALS
    starts_on = dt.date(2026, 3, 10)
    ends_on = factory.LazyAttribute(
        lambda event: event.starts_on and event.starts_on + dt.timedelta(days=1)
    )
    iscms = add_all("iscms")


class AgendaItemFactory(DjangoModelFactory):
    class Meta:
        model = models.AgendaItem

    event = factory.SubFactory(EventFactory)
    title = factory.Sequence(lambda n: f"Item {n}")


class DelegateFactory(DjangoModelFactory):
    class Meta:
        model = models.Delegate

    event = factory.SubFactory(EventFactory)
    office = factory.SubFactory(OfficeFactory)
    title = "Programme officer"


class SupportRequestFactory(DjangoModelFactory):
    class Meta:
        model = models.SupportRequest

    kind = choices.SupportKind.TECHNICAL
    what = factory.Sequence(lambda n: f"Request {n}")
    asked_on = dt.date(2026, 3, 11)


class PartnershipFactory(DjangoModelFactory):
    class Meta:
        model = models.Partnership

    organisation = factory.SubFactory(OrganisationFactory)
    since_on = dt.date(2026, 3, 11)


class PolicyInstrumentFactory(DjangoModelFactory):
    """An instrument of a region; give it the items it reflects with ``agenda_items=[...]``."""

    class Meta:
        model = models.PolicyInstrument
        skip_postgeneration_save = True

    title = factory.Sequence(lambda n: f"Instrument {n}")
    region = "West Africa"
    kind = choices.InstrumentKind.POLICY
    action = choices.InstrumentAction.PASSED
    dated_on = dt.date(2026, 3, 11)
    agenda_items = add_all("agenda_items")


class FollowUpActionFactory(DjangoModelFactory):
    class Meta:
        model = models.FollowUpAction

    what = factory.Sequence(lambda n: f"Follow-up {n}")
    agreed_on = dt.date(2026, 3, 11)
