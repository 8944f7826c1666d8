"""The first page of money: what is to be completed, and the kinds of records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from engagements.models import SignedInRequest
from iscm_portal.common.access import allowed_scopes
from iscm_portal.common.choices import Scope
from iscm_portal.common.numbers import cents
from iscm_portal.common.pages import Page, keyset_page

from .. import permissions
from ..models import Project, StandardCost
from ..selectors import gaps
from ..selectors.waiting import TITLES
from ..selectors.words import rate_of_line, said
from .kinds import KINDS, OF_MODEL, Kind

# Rows of one list; the page has several.
FEW = 10
# A number of rows is told up to here; beyond it nobody counts.
COUNTED = 1000


class Row(NamedTuple):
    """What is not complete, what it lacks, and the way to mend it, or to see it."""

    name: str
    missing: str
    address: str
    word: str
    is_demo: bool = False


@dataclass(frozen=True)
class Gap:
    """A list of what is missing: its rows, and why it matters."""

    key: str
    title: str
    why: str
    page: Page
    rows: list[Row]

    @property
    def number(self) -> str:
        return f"{len(self.rows)}+" if self.page.next else str(len(self.rows))


@require_safe
def index(request: SignedInRequest) -> HttpResponse:
    """What is to be completed first, then the kinds of records."""
    user = request.user
    readable = [kind for kind in KINDS.values() if permissions.may_read_kind(user, kind.model)]
    if not readable:
        raise PermissionDenied
    found = [gap for gap in gaps_of(request) if gap.rows]
    context = {
        # What rightly counts nowhere is no gap: that list never gets empty.
        "gaps": [gap for gap in found if gap.key != "lines"],
        "kept": [gap for gap in found if gap.key == "lines"],
        "kinds": [
            (kind, number_of(kind, user), permissions.may_add(user, kind.model))
            for kind in readable
        ],
        "has_activity_file": bool(settings.IATI_ORGANISATION_ID)
        and Scope.READ_FINANCE in allowed_scopes(user),
    }
    return render(request, "finance/index.html", context)


def number_of(kind: Kind, user: Any) -> str:
    """How many rows the reader may see, as far as that is cheap to know."""
    number = kind.model.objects.visible_to(user).order_by()[: COUNTED + 1].count()
    return _("over %(n)s") % {"n": f"{COUNTED:,}"} if number > COUNTED else f"{number:,}"


def gaps_of(request: SignedInRequest) -> Iterator[Gap]:
    user, today = request.user, timezone.localdate()

    def page(name: str, rows: Any, *order: str) -> Page:
        return keyset_page(request, rows, *order, size=FEW, name=f"after_{name}")

    def mended(page: Page, missing: Any) -> list[Row]:
        return [Row(str(row), missing(row), *way_to(user, row), row.is_demo) for row in page]

    found = page("shares", gaps.unknown_shares(user), "-year", "-pk")
    yield Gap(
        "shares",
        str(TITLES["shares"]),
        _("Each counts as the range 0 to what the others leave."),
        found,
        mended(found, lambda row: row.project.title),
    )
    found = page("days", gaps.days_without_rate(user), "-year", "grade")
    yield Gap(
        "days",
        str(TITLES["days"]),
        _("They are counted as missing, and never guessed."),
        found,
        [rate_wanted(user, row) for row in found],
    )
    found = page("posts", gaps.posts_without_rate(user, today), "-pk")
    yield Gap(
        "posts",
        str(TITLES["posts"]),
        _("Their cost is not known for those years."),
        found,
        mended(
            found,
            lambda row: (
                ngettext(
                    "%(grade)s: %(rated)s of %(held)s year has a rate",
                    "%(grade)s: %(rated)s of %(held)s years have a rate",
                    row.open_years,
                )
                % {
                    "grade": row.grade or _("no grade"),
                    "rated": row.rated_years,
                    "held": row.open_years,
                }
            ),
        ),
    )
    found = page("unplaced", gaps.posts_without_day_or_share(user), "-pk")
    yield Gap(
        "unplaced",
        str(TITLES["unplaced"]),
        _("Without a first day a post is in no year, without a share it is for no mechanism."),
        found,
        mended(found, what_a_post_lacks),
    )
    found = page("payers", gaps.posts_paid_by_nothing_counted(user, today), "-pk")
    yield Gap(
        "payers",
        str(TITLES["payers"]),
        _("In a year without one the post is counted as if nobody else paid."),
        found,
        mended(
            found,
            lambda row: (
                ngettext(
                    "%(payer)s: counted in %(paid)s of %(held)s year",
                    "%(payer)s: counted in %(paid)s of %(held)s years",
                    row.held_years,
                )
                % {
                    "payer": row.funding_line or row.project,
                    "paid": row.paid_years,
                    "held": row.held_years,
                }
            ),
        ),
    )
    found = page("small-payers", gaps.posts_above_what_pays_them(user, today), "-pk")
    yield Gap(
        "small-payers",
        str(TITLES["small-payers"]),
        _("What the shares of the post cost above the lines of the year is counted nowhere."),
        found,
        mended(
            found,
            lambda row: (
                ngettext(
                    "%(payer)s: less than the post costs in %(n)s year",
                    "%(payer)s: less than the post costs in %(n)s years",
                    row.years_above,
                )
                % {"payer": row.funding_line or row.project, "n": row.years_above}
            ),
        ),
    )
    found = page("day-payers", gaps.days_paid_by_nothing_counted(user), "-worked_on", "-pk")
    yield Gap(
        "day-payers",
        str(TITLES["day-payers"]),
        _(
            "Where no line is named the days count as what could be, and not as known. Where the "
            "line has no counted amount in their year they count as if nobody else paid."
        ),
        found,
        mended(
            found,
            lambda row: (
                _("%(payer)s has no counted line in %(year)s")
                % {"payer": row.funding_line or row.project, "year": row.worked_on.year}
                if row.funding_line or row.project
                else _("the line or project is not named")
            ),
        ),
    )
    found = page("last-days", gaps.projects_without_last_day(user), "code", "pk")
    yield Gap(
        "last-days",
        str(TITLES["last-days"]),
        _("What ends when is not known without it: their support is taken to go on."),
        found,
        mended(found, lambda row: row.title),
    )
    found = page("nobody", gaps.lines_for_nobody(user), "-year", "project")
    yield Gap(
        "nobody",
        str(TITLES["nobody"]),
        _("The project has no attribution in the year: its lines count nowhere."),
        found,
        [
            attribution_wanted(user, row, _("USD %(usd)s") % {"usd": said(None, row.lines_usd)})
            for row in found
        ],
    )
    found = page("stated", gaps.stated_over_lines(user), "-year", "project")
    yield Gap(
        "stated",
        str(TITLES["stated"]),
        _("Only what the lines come to is counted, each stated amount cut by the same part."),
        found,
        [
            attribution_wanted(
                user,
                row,
                _("USD %(stated)s stated of %(lines)s")
                % {
                    "stated": said(None, cents(row.stated_usd)),
                    "lines": said(None, cents(row.lines_usd)),
                },
            )
            for row in found
        ],
    )
    found = page("lines", gaps.lines_not_counted(user), "-pk")
    yield Gap(
        "lines",
        str(TITLES["lines"]),
        _("They stand here with the reason; most of them rightly count nowhere."),
        found,
        mended(found, lambda row: row.not_counted_reason),
    )
    found = page("rates", gaps.lines_at_another_rate(user), "-pk")
    yield Gap(
        "rates",
        str(TITLES["rates"]),
        _(
            "A line keeps the rate that it was converted with until somebody corrects it: empty "
            "the rate and the amount, and the rate on record is taken."
        ),
        found,
        mended(found, rate_of_line),
    )
    found = page("arrears", gaps.contributions_in_arrears(user, today), "-year", "-pk")
    yield Gap(
        "arrears",
        str(TITLES["arrears"]),
        _("Assessed for a year that is over, and not paid in full."),
        found,
        mended(found, lambda row: _("USD %(owed)s owed") % {"owed": said(None, row.owed_usd)}),
    )
    found = page("proposals", gaps.proposals_open_too_long(user, today), "asked_on", "pk")
    yield Gap(
        "proposals",
        _("Proposals open for over %(days)s days") % {"days": gaps.OPEN_TOO_LONG},
        _("Ask the donor, or close them as withdrawn."),
        found,
        mended(
            found,
            lambda row: (
                _("%(donor)s, asked on %(day)s")
                % {"donor": row.donor, "day": said(None, row.asked_on)}
            ),
        ),
    )


def what_a_post_lacks(row: Any) -> str:
    lacks = [] if row.starts_on else [_("no first day")]
    if not row.has_share:
        lacks.append(_("no share"))
    return ", ".join(lacks) or _("a share is unknown")


def rate_wanted(user: Any, row: Any) -> Row:
    """Days of one grade and year: a rate is added, or, without a grade, the entries are mended."""
    name = f"{row.grade or _('No grade')}, {row.year}"
    days = said(None, row.all_days)
    missing = ngettext("%(days)s day", "%(days)s days", 1 if row.all_days == 1 else 2) % {
        "days": days
    }
    if row.grade and permissions.may_add(user, StandardCost):
        address = reverse("finance_new", args=["standard-costs"])
        asked = urlencode({"grade": row.grade, "year": row.year})
        return Row(name, missing, f"{address}?{asked}", _("Add the rate"))
    address = f"{reverse('finance_list', args=['time-entries'])}?year={row.year}"
    return Row(name, missing, address, _("See the entries"))


def attribution_wanted(user: Any, row: Any, missing: str) -> Row:
    """A year of a project whose attributions are to be added or mended: the project's page."""
    name = f"{row.project__code}, {row.year}"
    address = reverse("finance_record", args=[OF_MODEL[Project].slug, row.project])
    return Row(name, missing, address, _("See the project"))


def way_to(user: Any, record: Any) -> tuple[str, str]:
    """Where the record is mended, or, by who may not, read."""
    slug = OF_MODEL[type(record)].slug
    if permissions.may_edit(user, record):
        return reverse("finance_edit", args=[slug, record.pk]), _("Mend it")
    return reverse("finance_record", args=[slug, record.pk]), _("See it")
