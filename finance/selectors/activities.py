"""Projects with a share attributed to a mechanism, as they are published: real records only."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.db.models import Exists, Max, OuterRef, Sum

from engagements.choices import MembershipKind
from engagements.models import Membership
from iscm_portal.common.numbers import summed
from iscm_portal.common.querysets import PortalQuerySet

from ..models import Attribution, FundingLine, Project

# Rows read at once.
CHUNK = 2000


@dataclass(frozen=True)
class Share:
    """What of a project's year goes to a mechanism; see ``Attribution``."""

    iscm: str
    iscm_label: str
    year: int
    basis: str
    share_pct: Decimal | None
    amount_usd: Decimal | None


@dataclass(frozen=True)
class Activity:
    """A project with what is told of it.

    ``donors`` are names and kinds, ``shares`` at least one, in the order of the mechanisms and
    years, ``budgets`` the USD of the counted lines by year. ``region`` is the UN M49 region of all
    the Member States of all its mechanisms, None where there are several or none is on record.
    """

    code: str
    title: str
    starts_on: dt.date | None
    ends_on: dt.date | None
    updated_at: dt.datetime
    donors: list[tuple[str, str]]
    shares: list[Share]
    budgets: dict[int, Decimal]
    region: str | None

    @property
    def years(self) -> list[int]:
        """The years of which something is on record, the earliest first; never empty."""
        return sorted({share.year for share in self.shares} | self.budgets.keys())


def activities(projects: PortalQuerySet) -> Iterator[Activity]:
    """Those of ``projects`` that have a share attributed to a mechanism, by the project's age.

    Five statements whatever their number; the rows are read side by side as they are asked for.
    """
    attributed = Exists(Attribution.objects.filter(project=OuterRef("pk"), is_demo=False))
    shown = projects.filter(attributed, is_demo=False).order_by("pk")
    shares, donors, budgets = _Aside(_shares()), _Aside(_donors()), _Aside(_budgets())
    regions = _regions()
    columns = ("pk", "code", "title", "starts_on", "ends_on", "updated_at")
    for pk, code, title, starts_on, ends_on, updated_at in shown.values_list(*columns).iterator(
        chunk_size=CHUNK
    ):
        share_rows, budget_rows = shares.of(pk), budgets.of(pk)
        if not share_rows:  # taken away since the projects were asked for
            continue
        moments = [updated_at, *(row[-1] for row in (*share_rows, *budget_rows))]
        found = set().union(*(regions.get(row[0], {None}) for row in share_rows))
        yield Activity(
            code=code,
            title=title,
            starts_on=starts_on,
            ends_on=ends_on,
            updated_at=max(moments),
            donors=[(name, kind) for name, kind in donors.of(pk)],
            shares=[Share(*row[1:-1]) for row in share_rows],
            budgets={year: summed(usd) for year, usd, _at in budget_rows},
            region=found.pop() if len(found) == 1 else None,
        )


class _Aside:
    """Rows of a statement that begin with their project, read beside the projects themselves."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._groups = groupby(rows, key=lambda row: row[0])
        self._next: tuple[int, list[tuple[Any, ...]]] | None = None

    def of(self, project: int) -> list[tuple[Any, ...]]:
        """The rows of ``project``, asked for in the order of the projects."""
        while self._next is None or self._next[0] < project:
            group = next(self._groups, None)
            if group is None:
                return []
            self._next = (group[0], [row[1:] for row in group[1]])
        return self._next[1] if self._next[0] == project else []


def _shares() -> Iterator[tuple[Any, ...]]:
    rows = Attribution.objects.filter(is_demo=False).order_by("project_id", "iscm__slug", "year")
    return rows.values_list(
        "project_id",
        "iscm_id",
        "iscm__slug",
        "iscm__acronym",
        "year",
        "basis",
        "share_pct",
        "amount_usd",
        "updated_at",
    ).iterator(chunk_size=CHUNK)


def _donors() -> Iterator[tuple[Any, ...]]:
    links = Project.donors.through.objects.filter(organisation__is_demo=False)
    return (
        links.order_by("project_id", "organisation_id")
        .values_list("project_id", "organisation__name", "organisation__kind")
        .iterator(chunk_size=CHUNK)
    )


def _budgets() -> Iterator[tuple[Any, ...]]:
    lines = FundingLine.objects.counted().filter(is_demo=False, project__isnull=False)
    years = lines.order_by("project_id", "year").values_list("project_id", "year")
    sums = years.annotate(usd=Sum("amount_usd"), at=Max("updated_at"))
    rows: Iterator[tuple[Any, ...]] = sums.iterator(chunk_size=CHUNK)
    return rows


def _regions() -> dict[int, set[str | None]]:
    """The regions of each mechanism's Member States."""
    members = Membership.objects.filter(kind=MembershipKind.MEMBER, country__isnull=False)
    found: dict[int, set[str | None]] = defaultdict(set)
    for iscm, region in members.order_by().values_list("iscm", "country__region").distinct():
        found[iscm].add(region)
    return found
