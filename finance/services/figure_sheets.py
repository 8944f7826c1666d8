"""The staffing plan and what others pay, as sheets of paper: the figures of their pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from iscm_portal.common.charts import wide_only
from iscm_portal.common.sheets import Section, Sheet, number, usd

from ..selectors.staffing import Staffing, StaffingPlan, ToRCoverage
from ..selectors.sustaining import Contributions, FundRaising, SelfFinancing


def staffing_sheet(
    plan: StaffingPlan,
    names: dict[str, str],
    tor: ToRCoverage,
    chart: str,
    narrowed_to: str,
    day: dt.date | None,
) -> Sheet:
    """Needed, held and given by mechanism, with the chart of the page."""
    head = (
        *(_("Mechanism"), _("Needed"), _("Held"), _("Posts of unknown share")),
        *(_("Gap"), _("Ad-hoc days"), _("% of a post")),
    )
    sections = [
        Section(
            _("Posts needed, held, and ad-hoc days"),
            head,
            [
                staffing_line(names.get(row.key["iscm"] or "", _("No mechanism named")), row)
                for row in plan.by_iscm
            ],
            staffing_line(_("All"), plan.total) if plan.total else (),
        ),
        Section(
            _("Terms of reference"),
            (_("Posts"), _("Known"), _("With ToR on record"), _("%")),
            [[number(tor.posts), number(tor.known), number(tor.with_tor), number(tor.pct, 0)]],
        ),
    ]
    if chart:
        alt = _("Posts needed and held by mechanism, %(year)s; the table holds the values.")
        sections.insert(
            0,
            Section(_("Needed and held"), picture=wide_only(chart), alt=alt % {"year": plan.year}),
        )
    row = plan.planned or plan.total
    if row is None:
        said = _("Neither a need nor a post with dates is on record. That is not zero.")
    elif row.needed is None:
        said = _("%(held)s posts are held; no need is on record.") % {"held": number(row.held)}
    else:
        words = {"needed": number(row.needed), "held": number(row.held), "gap": number(row.gap)}
        said = _("%(needed)s posts are needed, %(held)s are held; the gap is %(gap)s.") % words
    title = _("Staffing plan, %(year)s") % {"year": plan.year}
    return Sheet(title, narrowed_to, said, sections, day)


def staffing_line(label: str, row: Staffing) -> list[str]:
    return [
        label,
        number(row.needed, 2),
        between(row.held, row.held_high, row.is_range),
        number(row.unknown),
        "–" if row.gap is None else between(row.gap, row.gap_low, row.is_range),
        number(row.days),
        number(row.days_pct, 1),
    ]


def between(one: Any, other: Any, is_range: bool) -> str:
    return f"{number(one, 2)} – {number(other, 2)}" if is_range else number(one, 2)


def sustaining_sheet(
    paid: Contributions | None,
    tables: dict[str, Sequence[Any]],
    of_row: Callable[[Any], str],
    acronyms: dict[str, str],
    narrowed_to: str,
    day: dt.date | None,
) -> Sheet:
    """Contributions, self-financing and the pipeline. ``tables`` are the rows of the page by name,
    ``of_row`` what one is called."""
    sections = []
    head: tuple[str, ...]
    paid_columns = (_("Assessed"), _("Paid"), _("Paid (%)"), _("Arrears"))
    if rows := tables["by_iscm"]:
        lines = [[of_row(row), str(row.key["year"]), *paid_cells(row)] for row in rows]
        head = (_("Mechanism"), _("Year"), *paid_columns)
        total = [_("Total"), "", *paid_cells(paid)] if paid else ()
        heading = _("Contributions by mechanism and year (USD)")
        sections.append(Section(heading, head, lines, total))
    if rows := tables["ratios"]:
        lines = [ratio_line(row, acronyms) for row in rows]
        head = (
            *(_("Mechanism"), _("Year"), _("Paid by Member States")),
            *(_("IOM's support"), _("Self-financing (%)")),
        )
        sections.append(Section(_("Self-financing (USD)"), head, lines))
    if rows := tables["by_state"]:
        lines = [[of_row(row), *paid_cells(row)] for row in rows]
        head = (_("Member State"), *paid_columns)
        sections.append(Section(_("Contributions by Member State (USD)"), head, lines))
    for name, title in (
        ("raised_by_iscm", _("Proposals by mechanism (USD)")),
        ("raised_by_donor", _("Proposals by donor (USD)")),
    ):
        if rows := tables[name]:
            head = (
                *(_("Row"), _("Open"), _("Open (USD)"), _("Awarded"), _("Declined")),
                *(_("Awarded (USD)"), _("Success (%)")),
            )
            lines = [[of_row(row), *raised_cells(row)] for row in rows]
            sections.append(Section(title, head, lines))
    said = _("No Member State's contribution is on record that you may read.")
    if paid:
        words = {"paid": usd(paid.paid_usd), "assessed": usd(paid.assessed_usd)}
        said = _("USD %(paid)s is paid of USD %(assessed)s assessed") % words
        said += _("; USD %(owed)s is owed.") % {"owed": usd(paid.arrears_usd)}
    return Sheet(_("What others pay"), narrowed_to, said, sections, day)


def paid_cells(row: Contributions) -> list[str]:
    amounts = [usd(row.assessed_usd), usd(row.paid_usd)]
    return [*amounts, number(row.paid_pct, 0), usd(row.arrears_usd)]


def ratio_line(row: SelfFinancing, acronyms: dict[str, str]) -> list[str]:
    pct = number(row.pct, 1)
    if row.is_range:
        pct = f"{number(row.pct_low, 1)} – {pct}"
    support = usd(row.support_usd, row.support_high_usd)
    return [acronyms[row.iscm], str(row.year), usd(row.paid_usd), support, pct]


def raised_cells(row: FundRaising) -> list[str]:
    return [
        *(number(row.open), usd(row.open_usd), number(row.awarded), number(row.declined)),
        *(usd(row.awarded_usd), number(row.success_pct, 0)),
    ]
