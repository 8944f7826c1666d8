"""What the pages on costs show, as sheets of paper: the same figures, rounded as there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from finance.choices import FundingSource
from finance.selectors.cliff import Changes, Cliff
from finance.selectors.printed import PrintedTable
from iscm_portal.common.charts import wide_only
from iscm_portal.common.sheets import Section, Sheet, number, usd
from iscm_portal.common.templatetags.portal import signed

from ..selectors.beside import Beside
from ..selectors.comparison import Comparison
from ..selectors.costs import COUNTED, CostTable, UnitCost, UnitCosts
from ..selectors.resources import Amounts, Dashboard, Headline, ResourceFilter, labels_of


def board_sheet(
    board: Dashboard, charts: Sequence[dict[str, Any]], beside: Beside | None, rows_by: str
) -> Sheet:
    """The dashboard: ``charts`` as the page draws them, ``beside`` None for who reads no money,
    ``rows_by`` what its rows are in words."""
    chosen = board.chosen
    sections = [
        cards(board),
        *(picture(chart) for chart in charts if chart["svg"]),
        known_by_year(board, rows_by),
        Section(
            _("By source (USD)"),
            (_("Source of funds"), "USD"),
            [
                [str(dict(FundingSource.choices)[key]), cell(found)]
                for key, found in board.by_source
            ],
        ),
        Section(_("What is missing"), texts=missing(board)),
        *([beside_the_money(beside)] if beside else []),
        *(printed_section(table) for table in board.tables if table.rows),
    ]
    return Sheet(
        _("What IOM put into the mechanisms, %(years)s") % {"years": chosen.span},
        narrowed_to(chosen) or _("All mechanisms, all sources"),
        answer(board.total),
        sections,
        chosen.as_of,
    )


def narrowed_to(chosen: ResourceFilter) -> str:
    words = [str(labels_of(name).get(value, value)) for name, value in chosen.only.items()]
    return ", ".join([*words, *chosen.projects])


def answer(total: Amounts) -> str:
    if total.is_unknown:
        known = _("No amount is known.")
    else:
        known = _("USD %(known)s is known.") % {"known": usd(total.known_usd)}
    if not total.is_range:
        return known
    return f"{known} " + _("It could be up to USD %(high)s.") % {"high": usd(total.high_usd)}


def cell(amounts: Amounts | None) -> str:
    """The known sum, and the most it could be where that is more; a dash without data."""
    if amounts is None:
        return "–"
    if amounts.is_unknown:
        return _("not known") + (f" – {usd(amounts.high_usd)}" if amounts.is_range else "")
    return usd(amounts.known_usd, amounts.high_usd)


def change(pct: Any) -> str:
    return "–" if pct is None else f"{signed(pct)}%"


def cards(board: Dashboard) -> Section:
    """The headline figures with their change."""
    rows = [
        *headline(_("OSI, %(year)s (USD)"), board.osi),
        *headline(_("OSI against its highest year, %(year)s (USD)"), board.osi_since_peak),
        *headline(_("Project support, %(year)s (USD)"), board.projects),
        *headline(_("Full-time staff, %(year)s"), board.staff),
    ]
    last = board.chosen.last_year
    if last in board.totals:
        title = _("All support, %(year)s (USD)") % {"year": last}
        before = board.chosen.last_year - 1
        rows.append([title, cell(board.totals[last]), change(board.change_pct), str(before)])
    known = board.total.known_pct
    part = "–" if known is None else f"{number(known, 1)}%"
    rows.append([_("Known of what it could be"), part, "–", "–"])
    return Section(_("In figures"), (_("Figure"), _("Value"), _("Change"), _("Since")), rows)


def headline(title: str, found: Headline) -> list[list[str]]:
    if found.last is None:
        return []
    told = [title % {"year": found.last_year}, number(found.last, 0)]
    return [[*told, change(found.change_pct), str(found.since_year)]]


def picture(chart: dict[str, Any]) -> Section:
    heading = f"{chart['title']} (USD), {chart['figure']}"
    alt = _("%(title)s in USD, a bar a year; the table holds the values.")
    return Section(heading, picture=wide_only(chart["svg"]), alt=alt % {"title": chart["title"]})


def known_by_year(board: Dashboard, rows_by: str) -> Section:
    years = board.chosen.years
    return Section(
        _("Known support (USD)"),
        (rows_by, *map(str, years), _("Change")),
        [
            [row.label, *(cell(row.cells.get(year)) for year in years), change(row.change_pct)]
            for row in board.rows
        ],
        [
            _("Total"),
            *(cell(board.totals.get(year)) for year in years),
            change(board.change_pct),
        ],
    )


def missing(board: Dashboard) -> list[str]:
    """What would close the range: whose shares, as far as the reader may know, and how many."""
    lines = list(board.total.lacks)
    for project, rows in groupby(board.unknown, key=lambda row: row.project):
        of_project = list(rows)
        words = {
            "project": project.code,
            "title": project.title,
            "iscms": ", ".join(dict.fromkeys(row.iscm.acronym for row in of_project)),
            "years": ", ".join(str(year) for year in sorted({row.year for row in of_project})),
        }
        lines.append(_("%(project)s (%(title)s) for %(iscms)s: %(years)s") % words)
    if not board.total.is_on_record:
        return [_("Nothing is on record, so nobody knows what is missing.")]
    return lines or [_("Nothing.")]


def beside_the_money(beside: Beside) -> Section:
    """Posts, terms of reference, what others pay and what is asked of donors, as on the page."""
    rows = []
    if beside.staff:
        needed = beside.staff.needed
        said = _("no need is on record") if needed is None else number(needed)
        rows += [[_("Posts needed"), said], [_("Posts held"), number(beside.staff.held)]]
    if beside.tor.pct is not None:
        known = {"n": beside.tor.with_tor, "known": beside.tor.known}
        told = f"{number(beside.tor.pct, 0)}% " + _("(%(n)s of %(known)s)") % known
        rows.append([_("Posts with terms of reference"), told])
    for label, row in beside.self_financing:
        low = f" – {number(row.pct_low, 1)}%" if row.is_range else ""
        title = _("Self-financing, %(iscm)s") % {"iscm": label}
        rows.append([title, f"{number(row.pct, 1)}%{low}"])
    if beside.owed:
        rows.append([_("Arrears of Member States (USD)"), usd(beside.owed.arrears_usd)])
    if beside.pipeline:
        asked = f"{beside.pipeline.open}, USD {usd(beside.pipeline.open_usd)}"
        rows.append([_("Proposals that are open"), asked])
        if beside.pipeline.success_pct is not None:
            of = _("%(pct)s%% of %(n)s decided") % {
                "pct": number(beside.pipeline.success_pct, 0),
                "n": beside.pipeline.decided,
            }
            rows.append([_("Awarded"), of])
    heading = _("Beside the money, %(year)s, as far as you may read it") % {"year": beside.year}
    if not rows:
        return Section(heading, texts=[_("Nothing is on record.")])
    return Section(heading, (_("Figure"), _("Value")), rows)


def printed_section(table: PrintedTable) -> Section:
    """A table of the evaluation."""

    def line(label: str, values: Any) -> list[str]:
        return [label, *(number(values.get(year), 0) for year in table.years)]

    heading = _("Table %(number)s: %(title)s") % {"number": table.number, "title": table.title}
    rows = [line(row.label, row.values) for row in table.rows]
    head = (_("Row"), *map(str, table.years))
    return Section(heading, head, rows, line(_("Total"), table.totals))


# --- questions beside the dashboard


def cliff_sheet(year: int, rows: Sequence[Cliff], fall: Changes | None, day: Any) -> Sheet:
    """What ends in a year, project by project, and the fall of Table 5 (None: not as of a day)."""
    columns = (_("Mechanism"), _("Known"), _("Ends"), "%", _("Projects that end"))
    sections = [
        Section(
            _("What ends in %(year)s (USD)") % {"year": year},
            columns,
            [
                [
                    row.label,
                    usd(row.known_usd),
                    usd(row.ends_usd, row.high_usd),
                    "–" if row.high_usd > row.ends_usd else number(row.ends_pct, 1),
                    ending_projects(row),
                ]
                for row in rows
            ],
        )
    ]
    if fall and fall.before:
        sections.append(
            Section(
                _("The fall of 2018 to 2019: project support, Table 5 (USD)"),
                (_("Row"), "2018", "2019", _("Change"), _("Part of the whole (%)")),
                [
                    [
                        *(row.label, usd(row.before), usd(row.after)),
                        *(signed(row.change), number(row.of_whole_pct, 1)),
                    ]
                    for row in fall.rows
                ],
                [_("Total"), usd(fall.before), usd(fall.after), signed(fall.change), ""],
            )
        )
    ends = sum(row.ends_usd for row in rows)
    told = _("Support of USD %(usd)s is known to end in %(year)s with its projects.")
    none = _("No project on record that supports a mechanism ends in %(year)s.")
    said = (told if rows else none) % {"usd": usd(ends or None), "year": year}
    return Sheet(_("Funding cliff, %(year)s") % {"year": year}, "", said, sections, day)


def ending_projects(row: Cliff) -> str:
    told = [
        f"{one.project}, {date_format(one.ends_on, 'j F Y')}: {usd(one.known_usd, one.high_usd)}"
        for one in row.endings
    ]
    if row.hidden:
        told.append(_("%(n)s that you may not read") % {"n": row.hidden})
    return "; ".join(told)


def compare_sheet(found: Comparison, chosen: ResourceFilter, span: str) -> Sheet:
    """Two years, or two mechanisms, beside each other."""
    rows = [
        [row.label, cell(row.one.amounts), cell(row.other.amounts), change(row.change_pct)]
        for row in (*found.rows, *([found.total] if found.total else []))
    ]
    section = Section(
        _("What is known (USD)"),
        (_("Row"), *found.heads, _("Difference")),
        rows[:-1],
        rows[-1] if rows else (),
    )
    said = _("What is known for %(one)s beside %(other)s.")
    heads = dict(zip(("one", "other"), found.heads, strict=True))
    subtitle = ", ".join(part for part in (narrowed_to(chosen), span) if part)
    return Sheet(_("Compare"), subtitle, said % heads, [section], chosen.as_of)


def costs_sheet(found: CostTable, chosen: ResourceFilter) -> Sheet:
    """What an event, a staff day and an outcome cost."""
    names = {"events": _("Per event"), "days": _("Per staff day"), "outcomes": _("Per outcome")}
    of = {"events": _("Events"), "days": _("Staff days"), "outcomes": _("Outcomes")}
    head = [_("Mechanism"), _("In all")]
    for kind in COUNTED:
        head += [of[kind], names[kind]]
    section = Section(
        _("USD, known and at most"),
        head,
        [cost_line(row) for row in found.rows],
        cost_line(found.total) if found.total else (),
    )
    first = found.dearest
    said = _("What is known of %(years)s, over what there was of each.") % {"years": chosen.span}
    if first:
        words = {"label": first.label, "usd": usd(first.events.known_usd)}
        said = _("%(label)s cost at least USD %(usd)s for each of its events.") % words
    title = _("Cost per event, day and outcome, %(years)s") % {"years": chosen.span}
    return Sheet(title, narrowed_to(chosen), said, [section], chosen.as_of)


def cost_line(row: UnitCosts) -> list[str]:
    units: Iterable[UnitCost] = (getattr(row, kind) for kind in COUNTED)
    cells = (
        text for unit in units for text in (number(unit.count), usd(unit.known_usd, unit.high_usd))
    )
    return [row.label, cell(row.total), *cells]
