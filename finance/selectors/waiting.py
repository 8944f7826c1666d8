"""What waits for a finance officer: files that are checked and not written, records to complete."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from iscm_portal.common.remembered import remembered

from ..choices import ImportState
from ..models import ImportRun
from . import gaps

# More than one reads on a first page; the rest stands in the list of imports.
MOST_FILES = 10
# A number is told up to here; beyond it nobody counts.
MOST_COUNTED = 1000
# What is to be completed, by its place on the page of finance.
TITLES: dict[str, Any] = {
    "shares": _("Attributions of unknown share"),
    "days": _("Days without a standard cost for their grade and year"),
    "posts": _("Posts without a standard cost for their grade and each year"),
    "unplaced": _("Posts without a first day or a share"),
    "payers": _("Posts whose payer has no counted line in each of their years"),
    "small-payers": _("Posts that cost more than what pays them"),
    "day-payers": _("Days said to be paid by a line that is not named, or not counted"),
    "last-days": _("Projects without a last day"),
    "nobody": _("Support of projects that is for no mechanism"),
    "stated": _("Projects of which more is stated than their lines come to"),
    "lines": _("Funding lines that are not counted"),
    "rates": _("Funding lines at another rate than the one on record"),
    "arrears": _("Contributions in arrears"),
    "proposals": _("Proposals open for too long"),
}


@dataclass(frozen=True)
class Gap:
    """Records of one kind that are to be completed, and the place on the page of finance where
    they stand. ``more`` says that there are more than ``n``."""

    place: str
    title: Any
    n: int
    more: bool


@dataclass(frozen=True)
class Waiting:
    files: list[ImportRun]
    with_errors: int
    gaps: list[Gap]

    @property
    def records(self) -> int:
        return sum(gap.n for gap in self.gaps)

    @property
    def more(self) -> bool:
        """Whether there are more records than are counted."""
        return any(gap.more for gap in self.gaps)


def waiting_for_finance(user: Any, today: dt.date) -> Waiting:
    """What waits, as far as ``user`` may read it; a constant number of statements."""
    runs = ImportRun.objects.visible_to(user)
    return Waiting(
        files=list(
            runs.filter(state=ImportState.CHECKED).select_related("uploaded_by")[:MOST_FILES]
        ),
        with_errors=runs.filter(state=ImportState.REFUSED)[:MOST_COUNTED].count(),
        gaps=records_to_complete(user, today),
    )


def records_to_complete(user: Any, today: dt.date) -> list[Gap]:
    """The kinds of records of which ``user`` may read some that are to be completed."""
    rights = (user.access_group, user.office_id)
    numbers = remembered("to complete", (rights, today), lambda: _numbers(user, today))
    return [
        Gap(place, TITLES[place], min(n, MOST_COUNTED), n > MOST_COUNTED)
        for place, n in numbers.items()
        if n
    ]


def _numbers(user: Any, today: dt.date) -> dict[str, int]:
    """How many records of each kind, by its place; one more than are counted where there are."""
    # Without the lines that are not counted: most of them rightly are not.
    rows = {
        "shares": gaps.unknown_shares(user),
        "days": gaps.days_without_rate(user),
        "posts": gaps.posts_without_rate(user, today),
        "unplaced": gaps.posts_without_day_or_share(user),
        "payers": gaps.posts_paid_by_nothing_counted(user, today),
        "small-payers": gaps.posts_above_what_pays_them(user, today),
        "day-payers": gaps.days_paid_by_nothing_counted(user),
        "last-days": gaps.projects_without_last_day(user),
        "nobody": gaps.lines_for_nobody(user),
        "stated": gaps.stated_over_lines(user),
        "rates": gaps.lines_at_another_rate(user),
        "arrears": gaps.contributions_in_arrears(user, today),
        "proposals": gaps.proposals_open_too_long(user, today),
    }
    return {place: found.order_by()[: MOST_COUNTED + 1].count() for place, found in rows.items()}
