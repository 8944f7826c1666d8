"""Vocabulary of funding, staffing and time."""

from __future__ import annotations

from typing import Any, Self

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, ExtractYear, Greatest, Least

from iscm_portal.common.access import Reader, may
from iscm_portal.common.period import Period, held_during
from iscm_portal.common.querysets import PortalQuerySet

from .choices import PaidBy


class OfficeMoneyQuerySet(PortalQuerySet):
    """Money and posts: finance officers and IPD read all, an office reads its own."""

    def visible_to(self, user: Reader) -> Self:
        if may(user, "read_all_finance"):
            return self
        if may(user, "read_own_office_finance"):
            return self.filter(office=user.office_id)  # type: ignore[union-attr]
        return self.none()


class FundingLineQuerySet(OfficeMoneyQuerySet):
    def counted(self) -> Self:
        """Without the lines that repeat others, name no year, or are a ceiling or a rate."""
        return self.filter(is_counted=True)

    def in_years(self, period: Period) -> Self:
        return self.filter(year__in=list(period.calendar_years))

    def printed_in(self, table: int) -> Self:
        """The lines that are cells of a table of the evaluation (4, 5 or 6)."""
        return self.filter(printed_table=table)


class PositionQuerySet(OfficeMoneyQuerySet):
    def held_during(self, period: Period) -> Self:
        """Posts that were held on a day of ``period``; one without a first day is in no year."""
        return self.filter(held_during(period), starts_on__isnull=False)

    def without_first_day(self) -> Self:
        return self.filter(starts_on__isnull=True)

    def with_years(self, first_year: int, last_year: int, lines: FundingLineQuerySet) -> Self:
        """With the number of years, from the first to the last given, in which a post was held
        (``held_years``), and in which one of ``lines`` (counted ones) pays it (``paid_years``).

        Of posts that were held in at least one of the years.
        """
        first = Greatest(ExtractYear("starts_on"), Value(first_year))
        last = Least(Coalesce(ExtractYear("ends_on"), Value(last_year)), Value(last_year))
        paying = lines.filter(
            _pays(), year__gte=OuterRef("first_year"), year__lte=OuterRef("last_year")
        )
        years = paying.order_by().annotate(all=Value(1)).values("all")
        number = Subquery(years.annotate(n=Count("year", distinct=True)).values("n"))
        # What the post itself says is asked first: it is cheap, and settles most of them.
        paid = Case(When(paid_by=PaidBy.COUNTED_LINE, then=Coalesce(number, 0)), default=0)
        return self.annotate(first_year=first, last_year=last).annotate(
            held_years=F("last_year") - F("first_year") + 1, paid_years=paid
        )

    def not_paid_elsewhere(self, period: Period, lines: FundingLineQuerySet) -> Self:
        """Posts that were held in a year of ``period`` in which none of ``lines`` (counted ones)
        and no project with one of that year pays them.

        That a post is said to be paid by a counted line is not enough: the line must be one, and of
        that year.
        """
        years = period.calendar_years
        held = self.held_during(period).with_years(years[0], years[-1], lines)
        return held.filter(paid_years__lt=F("held_years"))


def _pays() -> Q:
    """The condition that a line is what pays an outer row, or of the project that does."""
    return Q(id=OuterRef("funding_line_id")) | Q(project_id=OuterRef("project_id"))


# Days said to be paid by a counted line or project that nobody named.
NO_PAYER_NAMED = Q(paid_by=PaidBy.COUNTED_LINE, funding_line__isnull=True, project__isnull=True)


class TimeEntryQuerySet(OfficeMoneyQuerySet):
    def worked_in(self, period: Period) -> Self:
        return self.filter(period.q("worked_on"))

    def of_reports(self) -> Self:
        """Days that accepted reports tell."""
        return self.filter(report_number__isnull=False)

    def beside_posts(self, posts: PositionQuerySet, shares: QuerySet[Any]) -> Self:
        """Days that are no part of a share of ``posts``: days of no post, for a mechanism that
        the post has no share for, or on which the post was not held."""
        held = posts.filter(
            id=OuterRef("position_id"), starts_on__lte=OuterRef("worked_on")
        ).filter(Q(ends_on__isnull=True) | Q(ends_on__gte=OuterRef("worked_on")))
        shared = shares.filter(position_id=OuterRef("position_id"), iscm_id=OuterRef("iscm_id"))
        in_share = Q(Exists(held)) & (Q(Exists(shared)) | Q(iscm__isnull=True))
        # Most days are of no post: they are told first, without a look into other tables.
        return self.filter(Q(position__isnull=True) | ~in_share)

    def not_paid_elsewhere(
        self, posts: PositionQuerySet, shares: QuerySet[Any], lines: FundingLineQuerySet
    ) -> Self:
        """Days that none of ``lines`` (counted ones) of their year pays, itself, through its
        project or through their post, and that are no part of a post's share."""
        line = lines.filter(_pays(), year=OuterRef("worked_year"))
        line_of_post = lines.filter(_pays(), year=OuterRef(OuterRef("worked_year")))
        paid_post = posts.filter(Exists(line_of_post), id=OuterRef("position_id"))
        days = self.beside_posts(posts, shares).annotate(worked_year=ExtractYear("worked_on"))
        # What the entry itself says is asked first: it is cheap, and settles most of them.
        unpaid = days.filter(~Q(paid_by=PaidBy.COUNTED_LINE) | ~Q(Exists(line)))
        return unpaid.filter(Q(position__isnull=True) | ~Q(Exists(paid_post)))


class ProjectQuerySet(PortalQuerySet):
    def visible_to(self, user: Reader) -> Self:
        if may(user, "read_all_finance"):
            return self
        if may(user, "read_own_office_finance"):
            return self.filter(lead_office=user.office_id)  # type: ignore[union-attr]
        return self.none()


class ByProjectQuerySet(PortalQuerySet):
    """Rows of a project: read by whom the project is read."""

    def visible_to(self, user: Reader) -> Self:
        if may(user, "read_all_finance"):
            return self
        if may(user, "read_own_office_finance"):
            return self.filter(project__lead_office=user.office_id)  # type: ignore[union-attr]
        return self.none()


class RatesQuerySet(PortalQuerySet):
    """Rates belong to no office: whoever may read finance at all needs them to read his own."""

    def visible_to(self, user: Reader) -> Self:
        allowed = may(user, "read_all_finance") or may(user, "read_own_office_finance")
        return self if allowed else self.none()


class AllFinanceQuerySet(PortalQuerySet):
    """Money that belongs to no office: finance officers and IPD read it."""

    def visible_to(self, user: Reader) -> Self:
        return self if may(user, "read_all_finance") else self.none()


class ReserveFundQuerySet(PortalQuerySet):
    """Reserve funds, and what came into them and went out: for finance officers and IPD."""

    def visible_to(self, user: Reader) -> Self:
        return self if may(user, "read_reserve_funds") else self.none()


class FundContributionQuerySet(ReserveFundQuerySet):
    def standing(self) -> Self:
        """Without the contributions that were taken back."""
        return self.filter(taken_back_on__isnull=True)


class FundDisbursementQuerySet(ReserveFundQuerySet):
    def standing(self) -> Self:
        """Without the payments that were called back."""
        return self.filter(cancelled_on__isnull=True)


class ImportQuerySet(PortalQuerySet):
    def visible_to(self, user: Reader) -> Self:
        return self if may(user, "read_all_finance") else self.none()


class StaffNeedQuerySet(PortalQuerySet):
    """Who is needed: an office reads its own, and what is planned for no office."""

    def visible_to(self, user: Reader) -> Self:
        if may(user, "read_all_finance"):
            return self
        if may(user, "read_own_office_finance"):
            own = Q(office=user.office_id) | Q(office__isnull=True)  # type: ignore[union-attr]
            return self.filter(own)
        return self.none()


class OfPositionQuerySet(PortalQuerySet):
    """Rows of a position: read by whom the position is read."""

    def visible_to(self, user: Reader) -> Self:
        if may(user, "read_all_finance"):
            return self
        if may(user, "read_own_office_finance"):
            return self.filter(position__office=user.office_id)  # type: ignore[union-attr]
        return self.none()
