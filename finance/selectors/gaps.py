"""What is missing in the records of money, so that a total has a range or can't be right.

Each is one query over the rows that the reader may see.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    Count,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, ExtractYear

from iscm_portal.common.period import FIRST_DAY

from ..choices import WORKING_DAYS_A_YEAR, AttributionBasis, PaidBy, ProposalState
from ..models import (
    AssessedContribution,
    Attribution,
    FundingLine,
    Position,
    PositionShare,
    Project,
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
    entries = TimeEntry.objects.visible_to(user).not_paid_elsewhere(
        Position.objects.all(), PositionShare.objects.all(), FundingLine.objects.counted()
    )
    return (
        entries.annotate(year=ExtractYear("worked_on"))
        .filter(~Exists(rates))
        .values("year", "grade")
        .annotate(all_days=Sum("days"))
        .values_list("year", "grade", "all_days", named=True)
    )


def posts_without_rate(user: Any, today: dt.date) -> Any:
    """Posts whose grade lacks a standard cost in a year in which they were held and nothing counted
    paid them; with ``open_years``, the number of these years, and ``rated_years`` of them."""
    rates = StandardCost.objects.filter(
        grade=OuterRef("grade"), year__gte=OuterRef("first_year"), year__lte=OuterRef("last_year")
    )
    lines = FundingLine.objects.counted()
    paid = lines.filter(
        Q(id=OuterRef(OuterRef("funding_line_id")))
        | Q(project_id=OuterRef(OuterRef("project_id"))),
        year=OuterRef("year"),
    )
    rated = rates.filter(~Exists(paid)).order_by().values("grade")
    return (
        _held_by(user, today, lines)
        .annotate(
            open_years=F("held_years") - F("paid_years"),
            rated_years=Coalesce(
                Subquery(rated.annotate(n=Count("pk")).values("n"), output_field=IntegerField()),
                0,
            ),
        )
        .filter(rated_years__lt=F("open_years"))
    )


def _held_by(user: Any, today: dt.date, lines: Any) -> Any:
    """The posts that the reader may see and that were held by the end of this year, with the years
    in which they were held and in which one of ``lines`` paid them."""
    posts = Position.objects.visible_to(user).filter(starts_on__year__lte=today.year)
    return posts.with_years(FIRST_DAY.year, today.year, lines).select_related("office")


def posts_without_day_or_share(user: Any) -> Any:
    """Posts that count in no year (no first day) or for no mechanism (no share, or unknown)."""
    shares = PositionShare.objects.filter(position=OuterRef("pk"))
    unknown = Exists(shares.filter(share_pct__isnull=True))
    missing = Q(starts_on__isnull=True) | ~Exists(shares) | Q(unknown)
    rows = Position.objects.visible_to(user).annotate(has_share=Exists(shares)).filter(missing)
    return rows.select_related("office")


def posts_paid_by_nothing_counted(user: Any, today: dt.date) -> Any:
    """Posts said to be paid by a counted line or project that has no counted line in each year in
    which they were held: in the other years they are counted as if nobody else paid them. With
    ``held_years`` and ``paid_years``."""
    rows = _held_by(user, today, FundingLine.objects.counted())
    return rows.filter(paid_by=PaidBy.COUNTED_LINE, paid_years__lt=F("held_years")).select_related(
        "office", "funding_line", "project"
    )


def posts_above_what_pays_them(user: Any, today: dt.date) -> Any:
    """Posts whose shares cost more, in a year in which they were held from its first day to its
    last, than the counted lines that are said to pay them; with ``years_above``, the number of
    these years. What is above is counted nowhere."""
    lines = FundingLine.objects.counted().filter(
        Q(id=OuterRef(OuterRef("funding_line_id")))
        | Q(project_id=OuterRef(OuterRef("project_id"))),
        year=OuterRef("year"),
    )
    paid = lines.order_by().values("year").annotate(usd=Sum("amount_usd")).values("usd")
    usd: Any = DecimalField(max_digits=16, decimal_places=4)
    share = PositionShare.objects.filter(position=OuterRef("pk")).order_by().values("position")
    cost = F("usd_per_day") * WORKING_DAYS_A_YEAR * OuterRef("share_pct") / 100
    costs = StandardCost.objects.filter(
        grade=OuterRef("grade"), year__gte=OuterRef("first_whole"), year__lte=OuterRef("last_whole")
    ).annotate(paid_usd=Subquery(paid), cost_usd=ExpressionWrapper(cost, usd))
    # Half a cent for the noise of SQLite's floating point.
    above = costs.filter(cost_usd__gt=F("paid_usd") + Decimal("0.005")).order_by().values("grade")
    from_new_year = Q(starts_on__month=1, starts_on__day=1)
    to_its_end = Q(ends_on__isnull=True) | Q(ends_on__month=12, ends_on__day=31)
    years = Subquery(above.annotate(n=Count("pk")).values("n"), output_field=IntegerField())
    first, last = F("first_year"), F("last_year")
    return (
        _held_by(user, today, FundingLine.objects.counted())
        .filter(paid_by=PaidBy.COUNTED_LINE)
        .annotate(
            share_pct=Subquery(share.annotate(all=Sum("share_pct")).values("all")),
            first_whole=Case(When(from_new_year, then=first), default=first + 1),
            last_whole=Case(When(to_its_end, then=last), default=last - 1),
        )
        .annotate(years_above=Coalesce(years, 0))
        .filter(years_above__gt=0)
        .select_related("office", "funding_line", "project")
    )


def days_paid_by_nothing_counted(user: Any) -> Any:
    """Days said to be paid by a counted line or project that is not named, which may count or not,
    or that has no counted line in their year: these are counted as if nobody else paid them."""
    rows = TimeEntry.objects.visible_to(user).filter(paid_by=PaidBy.COUNTED_LINE)
    return rows.not_paid_elsewhere(
        Position.objects.all(), PositionShare.objects.all(), FundingLine.objects.counted()
    ).select_related("office", "funding_line", "project")


def projects_without_last_day(user: Any) -> Any:
    """Projects with a share for a mechanism of which nobody knows when their support ends."""
    shares = Attribution.objects.filter(project=OuterRef("pk"))
    return Project.objects.visible_to(user).filter(Exists(shares), ends_on__isnull=True)


def stated_over_lines(user: Any) -> Any:
    """The years of projects in which more is stated for mechanisms than the counted lines come to:
    ``lines_usd``, ``stated_usd``, named rows. Only what the lines come to is counted."""
    lines = FundingLine.objects.counted().filter(project=OuterRef("project"), year=OuterRef("year"))
    total = lines.order_by().values("project").annotate(usd=Sum("amount_usd")).values("usd")
    usd: Any = DecimalField(max_digits=16, decimal_places=4)
    by_share = Coalesce(Sum("share_pct"), Value(0), output_field=usd)
    by_amount = Coalesce(Sum("amount_usd"), Value(0), output_field=usd)
    # Shares alone are never over 100 per cent: where no amount is stated no line need be added up.
    in_usd = Attribution.objects.filter(
        project=OuterRef("project"), year=OuterRef("year"), amount_usd__gt=0
    )
    return (
        Attribution.objects.visible_to(user)
        .filter(Exists(in_usd))
        .values("year", "project", "project__code")
        .annotate(lines_usd=Subquery(total, output_field=usd))
        .annotate(stated_usd=ExpressionWrapper(F("lines_usd") * by_share / 100 + by_amount, usd))
        # Half a cent for the noise of SQLite's floating point.
        .filter(stated_usd__gt=F("lines_usd") + Decimal("0.005"))
        .values_list("year", "project", "project__code", "lines_usd", "stated_usd", named=True)
    )


def lines_for_nobody(user: Any) -> Any:
    """The years of projects with counted lines and no attribution: they count for no mechanism;
    ``lines_usd``, named rows."""
    attributed = Attribution.objects.filter(project=OuterRef("project"), year=OuterRef("year"))
    return (
        FundingLine.objects.visible_to(user)
        .counted()
        .filter(~Exists(attributed), project__in=Project.objects.visible_to(user))
        .values("year", "project", "project__code")
        .annotate(lines_usd=Sum("amount_usd"))
        .values_list("year", "project", "project__code", "lines_usd", named=True)
    )


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
