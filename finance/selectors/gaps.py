"""What is missing in the records of money, so that a total has a range or can't be right.

Each is one query over the rows that the reader may see.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, ExtractYear

from ..choices import AttributionBasis, ProposalState
from ..models import (
    AssessedContribution,
    Attribution,
    FundingLine,
    Position,
    PositionShare,
    Proposal,
    StandardCost,
    TimeEntry,
)
from .currency import at_another_rate

# Days after which a proposal that nobody decided wants a look.
OPEN_TOO_LONG = 180


def unknown_shares(user: Any) -> Any:
    """Attributions that count as the range 0 to 100 per cent."""
    rows = Attribution.objects.visible_to(user).filter(basis=AttributionBasis.UNKNOWN)
    return rows.select_related("project", "iscm")


def days_without_rate(user: Any) -> Any:
    """The days of each ``grade`` and ``year`` without a standard cost: ``all_days``, named rows."""
    rates = StandardCost.objects.filter(grade=OuterRef("grade"), year=OuterRef("year"))
    entries = TimeEntry.objects.visible_to(user).not_paid_elsewhere()
    return (
        entries.annotate(year=ExtractYear("worked_on"))
        .filter(~Exists(rates))
        .values("year", "grade")
        .annotate(all_days=Sum("days"))
        .values_list("year", "grade", "all_days", named=True)
    )


def posts_without_rate(user: Any, today: dt.date) -> Any:
    """Posts whose grade lacks a standard cost in a year that they were held in; with
    ``held_years`` and ``rated_years``."""
    first = ExtractYear("starts_on")
    last = Coalesce(ExtractYear("ends_on"), Value(today.year))
    rates = StandardCost.objects.filter(
        grade=OuterRef("grade"), year__gte=OuterRef("first"), year__lte=OuterRef("last")
    )
    rated = rates.order_by().values("grade").annotate(n=Count("pk")).values("n")
    return (
        Position.objects.visible_to(user)
        .not_paid_elsewhere()
        .filter(starts_on__isnull=False)
        .annotate(first=first, last=last)
        .annotate(
            held_years=F("last") - F("first") + 1,
            rated_years=Coalesce(Subquery(rated, output_field=IntegerField()), 0),
        )
        .filter(rated_years__lt=F("held_years"))
        .select_related("office")
    )


def posts_without_day_or_share(user: Any) -> Any:
    """Posts that count in no year (no first day) or for no mechanism (no share, or unknown)."""
    shares = PositionShare.objects.filter(position=OuterRef("pk"))
    unknown = Exists(shares.filter(share_pct__isnull=True))
    missing = Q(starts_on__isnull=True) | ~Exists(shares) | Q(unknown)
    rows = Position.objects.visible_to(user).annotate(has_share=Exists(shares)).filter(missing)
    return rows.select_related("office")


def lines_not_counted(user: Any) -> Any:
    rows = FundingLine.objects.visible_to(user).filter(is_counted=False)
    return rows.select_related("iscm")


def lines_at_another_rate(user: Any) -> Any:
    """Lines whose rate is not, or not any more, the one on record; with ``rate_on_record``."""
    return at_another_rate(FundingLine.objects.visible_to(user))


def contributions_in_arrears(user: Any, today: dt.date) -> Any:
    """Contributions of years that are over and of which a part is not paid; with ``owed_usd``."""
    rows = AssessedContribution.objects.visible_to(user).filter(
        year__lt=today.year, paid_usd__lt=F("assessed_usd")
    )
    return rows.annotate(owed_usd=F("assessed_usd") - F("paid_usd")).select_related(
        "iscm", "country"
    )


def proposals_open_too_long(user: Any, today: dt.date) -> Any:
    asked_before = today - dt.timedelta(days=OPEN_TOO_LONG)
    rows = Proposal.objects.visible_to(user).filter(
        state=ProposalState.ASKED, asked_on__lt=asked_before
    )
    return rows.select_related("iscm", "donor")
