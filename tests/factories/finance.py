"""Factories of money, projects, posts and time."""

import datetime as dt
from decimal import Decimal

import factory
from factory.django import DjangoModelFactory

from finance import choices, models

from .engagements import (
    CountryFactory,
    ISCMFactory,
    OfficeFactory,
    OrganisationFactory,
    UserFactory,
    add_all,
)


class ProjectFactory(DjangoModelFactory):
    class Meta:
        model = models.Project
        skip_postgeneration_save = True

    code = factory.Sequence(lambda n: f"PR.{n:04d}")
    title = factory.Sequence(lambda n: f"Project {n}")
    donors = add_all("donors")


class FundingLineFactory(DjangoModelFactory):
    """A counted line for one mechanism.

    ``project=...`` makes it a project's line; ``supports="grcp"`` and the like one of neither.
    """

    class Meta:
        model = models.FundingLine

    year = 2026
    source_of_funds = choices.FundingSource.OSI
    project = None
    supports = factory.LazyAttribute(
        lambda line: choices.Supports.PROJECT if line.project else choices.Supports.ISCM
    )
    iscm = factory.Maybe(
        factory.LazyAttribute(lambda line: line.supports == choices.Supports.ISCM),
        yes_declaration=factory.SubFactory(ISCMFactory),
        no_declaration=None,
    )
    label = factory.Sequence(lambda n: f"Line {n}")
    amount_usd = Decimal("1000.00")


class AttributionFactory(DjangoModelFactory):
    """Of unknown share, unless ``basis`` says otherwise."""

    class Meta:
        model = models.Attribution

    project = factory.SubFactory(ProjectFactory)
    iscm = factory.SubFactory(ISCMFactory)
    year = 2026
    basis = choices.AttributionBasis.UNKNOWN
    share_pct = factory.LazyAttribute(
        lambda attribution: (
            Decimal(100) if attribution.basis == choices.AttributionBasis.DEDICATED else None
        )
    )


class PositionFactory(DjangoModelFactory):
    class Meta:
        model = models.Position

    title = factory.Sequence(lambda n: f"Post {n}")
    office = factory.SubFactory(OfficeFactory)
    paid_by = choices.PaidBy.OFFICE


class PositionShareFactory(DjangoModelFactory):
    class Meta:
        model = models.PositionShare

    position = factory.SubFactory(PositionFactory)
    iscm = factory.SubFactory(ISCMFactory)


class StaffCountFactory(DjangoModelFactory):
    class Meta:
        model = models.StaffCount

    code = factory.Sequence(lambda n: f"staff-{n:03d}")
    label = factory.Sequence(lambda n: f"Row {n}")
    supports = choices.Supports.ISCM
    iscm = factory.Maybe(
        factory.LazyAttribute(lambda count: count.supports == choices.Supports.ISCM),
        yes_declaration=factory.SubFactory(ISCMFactory),
        no_declaration=None,
    )
    year = 2019
    full_time_staff = 1


class StandardCostFactory(DjangoModelFactory):
    class Meta:
        model = models.StandardCost

    grade = "P3"
    year = 2026
    usd_per_day = Decimal("400.00")


class TimeEntryFactory(DjangoModelFactory):
    class Meta:
        model = models.TimeEntry

    title = "Programme officer"
    grade = "P3"
    office = factory.SubFactory(OfficeFactory)
    iscm = factory.SubFactory(ISCMFactory)
    worked_on = dt.date(2026, 3, 11)
    days = Decimal("1.00")


class StaffNeedFactory(DjangoModelFactory):
    class Meta:
        model = models.StaffNeed

    iscm = factory.SubFactory(ISCMFactory)
    year = 2026
    title = factory.Sequence(lambda n: f"Function {n}")
    share_pct = Decimal("100.00")


class CurrencyRateFactory(DjangoModelFactory):
    class Meta:
        model = models.CurrencyRate

    currency = "EUR"
    rated_on = dt.date(2026, 3, 11)
    usd_per_unit = Decimal("1.08")


class AssessedContributionFactory(DjangoModelFactory):
    class Meta:
        model = models.AssessedContribution

    iscm = factory.SubFactory(ISCMFactory)
    country = factory.SubFactory(CountryFactory)
    year = 2026
    assessed_usd = Decimal("1000.00")


class ProposalFactory(DjangoModelFactory):
    """Asked and not decided, unless ``state`` says otherwise."""

    class Meta:
        model = models.Proposal

    title = factory.Sequence(lambda n: f"Proposal {n}")
    iscm = factory.SubFactory(ISCMFactory)
    donor = factory.SubFactory(OrganisationFactory)
    asked_on = dt.date(2026, 3, 11)
    asked_usd = Decimal("50000.00")


class ReserveFundFactory(DjangoModelFactory):
    """An empty fund; ``services.funds`` brings money into it."""

    class Meta:
        model = models.ReserveFund

    slug = factory.Sequence(lambda n: f"fund-{n}")
    name = factory.Sequence(lambda n: f"Fund {n}")
    iscm = factory.SubFactory(ISCMFactory)


class FundContributionFactory(DjangoModelFactory):
    """The row alone; ``services.funds`` moves the balance with it."""

    class Meta:
        model = models.FundContribution

    fund = factory.SubFactory(ReserveFundFactory)
    received_on = dt.date(2026, 3, 11)
    country = factory.SubFactory(CountryFactory)
    amount_usd = Decimal("400.00")


class FundDisbursementFactory(DjangoModelFactory):
    class Meta:
        model = models.FundDisbursement

    fund = factory.SubFactory(ReserveFundFactory)
    case_number = factory.Sequence(lambda n: n + 1)
    paid_on = dt.date(2026, 3, 11)
    amount_usd = Decimal("400.00")
    cap_usd = Decimal("1000.00")
    referred_by = choices.ReferredBy.CONSULATE
    vulnerability = choices.Vulnerability.CHILD
    origin = factory.SubFactory(CountryFactory)
    destination = factory.SubFactory(CountryFactory)


class TermsOfReferenceFactory(DjangoModelFactory):
    """A document's row, without its file; ``services.terms_of_reference`` keeps one with it."""

    class Meta:
        model = models.TermsOfReference

    position = factory.SubFactory(PositionFactory)
    name = factory.Sequence(lambda n: f"Terms {n}.pdf")
    media_type = "application/pdf"
    size = 1
    sha256 = factory.Sequence(lambda n: f"{n:064x}")
    place = factory.Sequence(lambda n: f"{n:032x}")
    uploaded_by = factory.SubFactory(UserFactory)
