"""Vocabulary of funding, staffing and time."""

from __future__ import annotations

from typing import Self

from django.db.models import Q

from iscm_portal.common.access import Reader, may
from iscm_portal.common.period import Period, held_during
from iscm_portal.common.querysets import PortalQuerySet

from .choices import FundingSource, PaidBy


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

    def of_source(self, *sources: FundingSource | str) -> Self:
        return self.filter(source_of_funds__in=sources)


class PositionQuerySet(OfficeMoneyQuerySet):
    def held_during(self, period: Period) -> Self:
        """Posts that were held on a day of ``period``; one without a first day is in no year."""
        return self.filter(held_during(period), starts_on__isnull=False)

    def without_first_day(self) -> Self:
        return self.filter(starts_on__isnull=True)

    def not_paid_elsewhere(self) -> Self:
        """Posts that no counted line or project already pays."""
        return self.exclude(paid_by=PaidBy.COUNTED_LINE)


class TimeEntryQuerySet(OfficeMoneyQuerySet):
    def worked_in(self, period: Period) -> Self:
        return self.filter(period.q("worked_on"))

    def given_without_a_post(self) -> Self:
        """Days of accepted reports that are not part of a post's share."""
        return self.filter(report_number__isnull=False, position__isnull=True)

    def not_paid_elsewhere(self) -> Self:
        """Days that no counted line or project already pays, and that no post's share holds."""
        return self.filter(position__isnull=True).exclude(paid_by=PaidBy.COUNTED_LINE)


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
