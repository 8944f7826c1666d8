"""What IOM does per goal and theme: what is tagged, and what is related through the mechanism.

A goal (of MiGOF, the Global Compact, the SDGs, the 12-point strategy) is ticked in a report: the
report, its event and all that its acceptance wrote are *tagged* with it. A theme stands at the
items of an agenda: their event and all that came of it are tagged with it. *Related* is what is not
tagged and belongs to a mechanism that addresses the theme, or one of the themes of the goal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from engagements.choices import MIGOF, FrameKind
from engagements.models import (
    ISCM,
    AgendaItem,
    Event,
    FollowUpAction,
    Partnership,
    PolicyInstrument,
    ReferenceFrame,
    SupportRequest,
    Theme,
)
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet
from iscm_portal.common.remembered import remembered

from ..choices import IndicatorState
from ..models import Indicator, PostEventReport
from .indicators import OverviewRow, overview

Text = str | Promise
How = Literal["tagged", "related"]
THEME = "theme"

# group of the page -> its title and the kinds of parts in it
GROUPS: dict[str, tuple[Text, tuple[str, ...]]] = {
    "migof": (_("MiGOF"), MIGOF),
    "gcm_objective": (_("Global Compact"), (FrameKind.GCM_OBJECTIVE,)),
    "sdg_target": (_("SDG targets"), (FrameKind.SDG_TARGET,)),
    "strategy_point": (_("12-point strategy"), (FrameKind.STRATEGY_POINT,)),
    THEME: (_("Themes"), (THEME,)),
}


@dataclass(frozen=True)
class Kind:
    """A kind of record. ``iscms`` and ``event`` are the paths to its mechanisms and its event;
    ``key`` is what it is found by in the tags of reports, there called ``of_tag``."""

    name: str
    label: Text
    model: Any
    dated_by: str
    iscms: str = "iscm"
    event: str = "event"
    key: str = "report_number"
    of_tag: str = "posteventreport"


REPORTS = Kind(
    "reports", _("Accepted reports"), PostEventReport, "", iscms="event__iscms", key="pk"
)
KINDS = (
    Kind(
        *("events", _("Events"), Event, ""),
        iscms="iscms",
        event="pk",
        key="pk",
        of_tag="posteventreport__event",
    ),
    REPORTS,
    Kind("requests", _("Support requests"), SupportRequest, "asked_on"),
    Kind("partnerships", _("Partnerships"), Partnership, "since_on"),
    Kind("instruments", _("Policy instruments"), PolicyInstrument, "dated_on"),
    Kind("follow_ups", _("Follow-ups"), FollowUpAction, "agreed_on"),
)


@dataclass(frozen=True)
class Chosen:
    """Whose eyes and which records: of a year and a mechanism, or of all of them."""

    user: Any
    year: int | None = None
    iscm: ISCM | None = None


@dataclass
class Part:
    """One goal or theme with its numbers: kind of record -> (tagged, related)."""

    record: ReferenceFrame | Theme
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    indicators: list[OverviewRow] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return getattr(self.record, "kind", THEME)

    @property
    def kind_label(self) -> Text:
        return FrameKind(self.kind).label if self.kind != THEME else _("Theme")


def records_of(kind: Kind, chosen: Chosen) -> PortalQuerySet:
    """The records of a kind that count: of accepted reports and confirmed events."""
    rows: PortalQuerySet = kind.model.objects.visible_to(chosen.user)
    if kind.model is PostEventReport:
        rows = rows.filter(state="accepted")
    elif kind.model is Event:
        rows = rows.filter(is_proposed=False)
    if chosen.iscm:
        # Apart, so that a joint event is still seen with the themes of all its mechanisms.
        inside = kind.model.objects.filter(**{kind.iscms: chosen.iscm}).order_by()
        rows = rows.filter(pk__in=inside.values("pk"))
    if chosen.year:
        period = Period.year(chosen.year)
        if kind.dated_by:
            rows = rows.filter(period.q(kind.dated_by))
        else:
            rows = rows.filter(**{f"{kind.event}__in": Event.objects.begun_in(period)})
    return rows.order_by()


def _counts(group: str, chosen: Chosen) -> dict[str, tuple[dict[int, int], dict[int, int]]]:
    """How many records of each kind are tagged with each part, and how many are related."""
    addressed = _addressed(group)
    found = {}
    for kind in KINDS:
        rows = records_of(kind, chosen)
        tagged = _tagged_counts(group, kind, rows, chosen)
        if kind.iscms == "iscm":
            related = _related_by_mechanism(group, kind, rows, chosen, addressed)
        else:
            related = _related_counts(group, kind, rows, chosen)
        found[kind.name] = (tagged, related)
    return found


def board(group: str, chosen: Chosen, year_of_values: int | None) -> list[Part]:
    """Every part of a group with its numbers and indicators. The number of statements doesn't
    depend on the number of parts or records."""
    parts = {row.pk: Part(row) for row in parts_of_group(group, chosen.user)}
    rights = (chosen.user.access_group, chosen.user.office_id)
    asked = (group, rights, chosen.year, chosen.iscm and chosen.iscm.pk)
    counts = remembered("goals", asked, lambda: _counts(group, chosen))
    for name, (tagged, related) in counts.items():
        for pk, part in parts.items():
            part.counts[name] = (tagged.get(pk, 0), related.get(pk, 0))
    if group != THEME and year_of_values:
        for pk, rows_of_part in _indicators(chosen.user, year_of_values).items():
            if pk in parts:
                parts[pk].indicators = rows_of_part
    return list(parts.values())


def parts_of_group(group: str, user: Any) -> QuerySet[Any]:
    if group == THEME:
        return Theme.objects.visible_to(user)
    kinds = GROUPS[group][1]
    # Principles stand before objectives, as MiGOF has them.
    return (
        ReferenceFrame.objects.visible_to(user).filter(kind__in=kinds).order_by("-kind", "position")
    )


def untagged(group: str, kind: Kind, chosen: Chosen) -> PortalQuerySet:
    """The records of a kind that no part of the group is tagged to."""
    rows = records_of(kind, chosen)
    if group == THEME:
        themed = AgendaItem.objects.filter(event=OuterRef(kind.event), theme__isnull=False)
        return rows.filter(~Exists(themed))
    tags = _tags(chosen.user).filter(referenceframe__kind__in=GROUPS[group][1])
    return rows.exclude(**{f"{kind.key}__in": tags.values(kind.of_tag)})


def untagged_counts(group: str, chosen: Chosen) -> dict[str, int]:
    return {kind.name: untagged(group, kind, chosen).count() for kind in KINDS}


def records_of_part(
    part: ReferenceFrame | Theme, how: How, chosen: Chosen
) -> Iterator[tuple[Kind, PortalQuerySet]]:
    """The records of one part, kind by kind, each once."""
    group = THEME if isinstance(part, Theme) else ""
    for kind in KINDS:
        rows = records_of(kind, chosen)
        tagged = _tagged(group, kind, rows, part, chosen)
        if how == "tagged":
            yield kind, tagged
        else:
            inside = rows.filter(**{_themes_path(group, kind): part}).values("pk")
            yield kind, rows.filter(pk__in=inside).exclude(pk__in=tagged.values("pk"))


def indicators_of(part: ReferenceFrame, user: Any, year: int) -> list[OverviewRow]:
    """The indicators that speak to a goal, with their overall values of the year."""
    return _indicators(user, year).get(part.pk, [])


# --- how it is worked out


def _tags(user: Any) -> QuerySet[Any]:
    """The goals of accepted reports: a row a report and goal."""
    reports = PostEventReport.objects.visible_to(user).filter(state="accepted")
    return PostEventReport.frames.through.objects.filter(posteventreport__in=reports).order_by()


def _items_path(kind: Kind) -> str:
    return "agenda_items__theme" if kind.event == "pk" else f"{kind.event}__agenda_items__theme"


def _themes_path(group: str, kind: Kind) -> str:
    return f"{kind.iscms}__themes" if group == THEME else f"{kind.iscms}__themes__frames"


def _tagged(
    group: str, kind: Kind, rows: PortalQuerySet, part: Any, chosen: Chosen
) -> PortalQuerySet:
    if group == THEME:
        return rows.filter(pk__in=rows.filter(**{_items_path(kind): part}).values("pk"))
    tags = _tags(chosen.user).filter(referenceframe=part)
    return rows.filter(**{f"{kind.key}__in": tags.values(kind.of_tag)})


def _tagged_counts(group: str, kind: Kind, rows: PortalQuerySet, chosen: Chosen) -> dict[int, int]:
    if group == THEME:
        return _counted(_with_themes(kind, rows))
    if kind.key == "pk":
        tags = _tags(chosen.user).annotate(part=F("referenceframe"))
        inside = tags.filter(**{f"{kind.of_tag}__in": rows.values("pk")})
        return _pairs(inside.values("part").annotate(n=Count(kind.of_tag, distinct=True)))
    return _sums_of_reports(kind, rows, chosen)


def _with_themes(kind: Kind, rows: PortalQuerySet) -> QuerySet[Any]:
    """``rows`` with each theme of their event's agenda as their ``part``."""
    found: QuerySet[Any] = rows.annotate(part=F(_items_path(kind))).filter(part__isnull=False)
    return found


def _sums_of_reports(kind: Kind, rows: PortalQuerySet, chosen: Chosen) -> dict[int, int]:
    """Goal -> how many of ``rows`` the reports that name it wrote. Each record is of one report, so
    the sums of reports count each once."""
    of_report = rows.filter(**{kind.key: OuterRef(kind.of_tag)}).values(kind.key)
    sums = _tags(chosen.user).annotate(
        part=F("referenceframe"), of=Subquery(of_report.annotate(n=Count("pk")).values("n"))
    )
    return _pairs(sums.values("part").annotate(n=Sum("of")))


def _related_counts(group: str, kind: Kind, rows: PortalQuerySet, chosen: Chosen) -> dict[int, int]:
    of_part = rows.annotate(part=F(_themes_path(group, kind))).filter(part__isnull=False)
    tagged: QuerySet[Any]
    if group == THEME:
        tagged = AgendaItem.objects.filter(event=OuterRef(kind.event), theme=OuterRef("part"))
    else:
        tagged = _tags(chosen.user).filter(
            referenceframe=OuterRef("part"), **{kind.of_tag: OuterRef(kind.key)}
        )
    return _counted(of_part.filter(~Exists(tagged)))


def _addressed(group: str) -> set[tuple[int, int]]:
    """Which mechanism addresses which part, as pairs of the part's id and the mechanism's."""
    path = "themes" if group == THEME else "themes__frames"
    iscms = ISCM.objects.filter(**{f"{path}__isnull": False}).order_by()
    return set(iscms.values_list(path, "pk"))


def _related_by_mechanism(
    group: str, kind: Kind, rows: PortalQuerySet, chosen: Chosen, addressed: set[tuple[int, int]]
) -> dict[int, int]:
    """The same where a record has one mechanism: all records of the mechanisms that address a part,
    less those that are tagged with it. So the records are gone through once, and not once for each
    theme of their mechanism and each goal of that (350,000 of them: 0.2 s for 2.9 to 8.4)."""
    of_iscm = dict(rows.filter(iscm__isnull=False).values_list("iscm").annotate(n=Count("pk")))
    related: Counter[int] = Counter()
    for part, iscm in addressed:
        related[part] += of_iscm.get(iscm, 0)
    if group == THEME:
        themed = _with_themes(kind, rows).values_list("part", "iscm")
        for part, iscm, n in themed.annotate(n=Count("pk", distinct=True)):
            related[part] -= n if (part, iscm) in addressed else 0
    else:
        iscms = ISCM.objects.filter(themes__frames=OuterRef(OuterRef("referenceframe")))
        related.subtract(_sums_of_reports(kind, rows.filter(iscm__in=iscms.values("pk")), chosen))
    return related


def _counted(rows: QuerySet[Any]) -> dict[int, int]:
    return _pairs(rows.values("part").annotate(n=Count("pk", distinct=True)))


def _pairs(rows: QuerySet[Any]) -> dict[int, int]:
    return {row["part"]: row["n"] or 0 for row in rows}


def _indicators(user: Any, year: int) -> Mapping[int, list[OverviewRow]]:
    """Goal -> the indicators in use that speak to it, in two statements and one of links."""
    rows = {row.indicator.pk: row for row in overview(user, year)}
    links = Indicator.relevant_to.through.objects.exclude(
        indicator__state=IndicatorState.RETIRED
    ).order_by("indicator__number")
    found: dict[int, list[OverviewRow]] = {}
    for goal, indicator in links.values_list("referenceframe", "indicator"):
        if indicator in rows:
            found.setdefault(goal, []).append(rows[indicator])
    return found
