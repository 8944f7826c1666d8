"""Choices of what it costs and who pays."""

from django.db import models
from django.utils.translation import gettext_lazy as _

# A full post in days: 52 weeks of 5 less 10 holidays and 30 days of leave. Days given without a
# post are set against it; decision 0024.
WORKING_DAYS_A_YEAR = 220

# More is a slip of the finger; decision 0027. A need is for one function: 100 posts are ample.
MOST_DAYS_OF_AN_ENTRY = 366
MOST_PCT_OF_A_NEED = 10_000


# What a working day costs is known by grade: the grades of the United Nations' common system.
GRADES = (
    *(f"G{step}" for step in range(1, 8)),
    *(f"NO{step}" for step in "ABCDE"),
    *(f"P{step}" for step in range(1, 6)),
    "D1",
    "D2",
    "ASG",
    "USG",
    "UG",
)

# ISO 4217, and the codes withdrawn since 2014, the first year on record. Rates are to the dollar.
_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN
BWP BYN BYR BZD CAD CDF CHF CLP CNY COP CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB
EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK
JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LTL LYD MAD MDL MGA
MKD MMK MNT MOP MRO MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STD
STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VEF VES VND
VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL
"""
CURRENCIES = tuple(_CODES.split())
RATED_CURRENCIES = tuple(code for code in CURRENCIES if code != "USD")


class FundingSource(models.TextChoices):
    OSI = "osi", _("OSI")
    PROJECT_SUPPORT = "project_support", _("Project support")
    POLICY_RESEARCH = "policy_research", _("Migration policy and research")
    TRAVEL = "travel", _("Travel")
    DONOR_COFUNDING = "donor_cofunding", _("Donor co-funding")
    IN_KIND = "in_kind", _("In-kind")
    CONTRIBUTION = "contribution", _("Member States' contribution")
    RESERVE_FUND = "reserve_fund", _("Reserve fund")
    STAFF_TIME = "staff_time", _("Staff time")


# Money that stands elsewhere and is no part of the total investment; decisions 0022 and 0035.
NO_INVESTMENT = (FundingSource.CONTRIBUTION, FundingSource.RESERVE_FUND)


class Supports(models.TextChoices):
    """What a funding line supports."""

    ISCM = "iscm", _("One mechanism")
    GRCP = "grcp", _("GRCP meetings")
    ALL_RCPS = "all_rcps", _("All RCPs")
    PROJECT = "project", _("A project, by its attributions")
    NOT_NAMED = "not_named", _("Not named by the source")


class AttributionBasis(models.TextChoices):
    DEDICATED = "dedicated", _("Dedicated (100 per cent)")
    STATED_SHARE = "stated_share", _("Stated share")
    STATED_AMOUNT = "stated_amount", _("Stated amount")
    UNKNOWN = "unknown", _("Unknown (counts as 0 to 100 per cent)")


class PaidBy(models.TextChoices):
    OFFICE = "office", _("The office itself")
    COUNTED_LINE = "counted_line", _("A funding line or project that is counted")
    OTHER = "other", _("Somebody else")


class ProposalState(models.TextChoices):
    ASKED = "asked", _("Asked, not decided")
    AWARDED = "awarded", _("Awarded")
    DECLINED = "declined", _("Declined")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class ReferredBy(models.TextChoices):
    """Who brings a case to a reserve fund. Source: evaluation 2019, 4.3, Box 1."""

    CONSULATE = "consulate", _("A consulate")
    IOM_OFFICE = "iom_office", _("An IOM office")
    NGO = "ngo", _("An NGO")
    GOVERNMENT = "government", _("A governmental partner")
    OTHER = "other", _("Somebody else")


class Vulnerability(models.TextChoices):
    """The group of a case; kept broad, so that it points at nobody.

    Box 1 says that there are categories and does not list them: these are proposed.
    """

    CHILD = "child", _("Child, unaccompanied or separated")
    TRAFFICKING = "trafficking", _("Victim of trafficking")
    VIOLENCE = "violence", _("Survivor of violence")
    HEALTH = "health", _("Medical condition or disability")
    PREGNANCY = "pregnancy", _("Pregnancy, or parent with small children")
    ELDERLY = "elderly", _("Elderly person")
    OUTSIDE = "outside", _("Outside the categories")


class CallBackReason(models.TextChoices):
    """Why a payment came back. Codes, so that no word about a person is kept with it."""

    NOT_USED = "not_used", _("The money was not used")
    PAID_ELSEWHERE = "paid_elsewhere", _("Somebody else paid")
    ENTERED_WRONGLY = "entered_wrongly", _("It was entered wrongly")
    ENTERED_TWICE = "entered_twice", _("It was entered twice")
    OTHER = "other", _("Another reason, on the case's own file")


class TakeBackReason(models.TextChoices):
    """Why a contribution to a fund was none. Codes, so that no word about a person is kept."""

    ENTERED_WRONGLY = "entered_wrongly", _("It was entered wrongly")
    ENTERED_TWICE = "entered_twice", _("It was entered twice")
    NOT_RECEIVED = "not_received", _("The money did not come")
    OTHER = "other", _("Another reason, on the fund's own file")


class ImportKind(models.TextChoices):
    """What a file can be loaded as."""

    PROJECTS = "projects", _("Projects")
    FUNDING_LINES = "funding_lines", _("Funding lines")
    ATTRIBUTIONS = "attributions", _("Attributions")
    POSITIONS = "positions", _("Positions")
    CONTRIBUTIONS = "contributions", _("Assessed contributions")
    CURRENCY_RATES = "currency_rates", _("Currency rates")
    STANDARD_COSTS = "standard_costs", _("Standard costs")


class ImportState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    CHECKING = "checking", _("Being checked")
    REFUSED = "refused", _("Has errors")
    CHECKED = "checked", _("Checked, not written")
    WRITING = "writing", _("Being written")
    WRITTEN = "written", _("Written")
    CANCELLED = "cancelled", _("Cancelled")
    UNDOING = "undoing", _("Being undone")
    UNDONE = "undone", _("Undone")


class RowState(models.TextChoices):
    NEW = "new", _("New")
    CHANGED = "changed", _("Changed")
    SAME = "same", _("Unchanged")
    WRONG = "wrong", _("Has errors")
