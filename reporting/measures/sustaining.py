"""How far Member States carry a mechanism themselves."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import product
from typing import Any

from django.db.models import Max, Min
from django.utils.translation import gettext_lazy as _

from engagements.models import ISCM
from finance.choices import Supports
from finance.models import AssessedContribution
from finance.selectors.investment import NONE, investment_records
from finance.selectors.sustaining import OF_IOM, contributions, support_of_iom
from iscm_portal.common.numbers import ratio, to_four_places
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from .base import ALL_TIME, OF_MECHANISM, Cell, MoneyMeasure, Shape, Text, known_years
from .resources import MONEY


class SelfFinancingRatio(MoneyMeasure):
    """A mechanism of several themes counts whole under each, and once in every total."""

    key = "self_financing_ratio"
    label = _("Self-financing")
    unit = _("per cent")
    definition = _(
        "What Member States paid for a mechanism, of that and IOM's support together: known total "
        "investment without contributions and donor co-funding. Mechanisms without either are "
        "left out."
    )
    source = "evaluation 2019, 4.3"
    records_label = _("Contributions of Member States")
    moved_by = MONEY | {"assessedcontribution"}
    shape = Shape.RATIO

    @property
    def dimensions(self) -> tuple[str, ...]:
        return ("iscm", "type", "theme")

    def evidence(self, period: Period) -> PortalQuerySet:
        years = list(period.calendar_years)
        return AssessedContribution.objects.filter(year__in=years, paid_usd__gt=0)

    def cells(self, period: Period, groupings: list[tuple[str, ...]]) -> list[list[Cell]]:
        paid, support = _paid(period), _support(period)
        places = _places()
        found = []
        for by in groupings:
            sums: dict[tuple[Any, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 2)
            mechanisms: dict[tuple[Any, ...], set[str]] = defaultdict(set)
            for slug, year in paid.keys() | support.keys():
                values = places[slug] | {"iscm": {slug}, "year": {year}}
                for key in product(*(values[name] for name in by)):
                    sums[key][0] += paid[slug, year]
                    sums[key][1] += support[slug, year]
                    mechanisms[key].add(slug)
            found.append(
                [_cell(by, key, money, len(mechanisms[key])) for key, money in sums.items()]
            )
        return found

    def years(self) -> set[int]:
        paid = self.evidence(ALL_TIME).aggregate(Min("year"), Max("year"))
        return known_years(paid.values())

    def records(self, period: Period, **cell: Any) -> PortalQuerySet:
        found: PortalQuerySet = self.evidence(period)
        for dimension, value in cell.items():
            path = f"iscm__{OF_MECHANISM[dimension]}"
            found = found.filter(**{path: value} if value else {f"{path}__isnull": True})
        return found

    def record_sets(self, period: Period, **cell: Any) -> list[tuple[Text, PortalQuerySet]]:
        asked: dict[str, Any] = {name: value or NONE for name, value in cell.items()}
        support = investment_records(period, supports=Supports.ISCM, **asked)
        lines = support["funding_lines"].filter(source_of_funds__in=OF_IOM)
        return [
            (self.records_label, self.records(period, **cell)),
            (_("Funding lines"), lines),
            (_("Attributions of projects"), support["attributions"]),
            (_("Positions"), support["positions"]),
            (_("Staff time"), support["time_entries"]),
        ]


Money = dict[tuple[str, int], Decimal]


def _paid(period: Period) -> Money:
    """What Member States paid, by mechanism and year."""
    paid: Money = defaultdict(Decimal)
    for cell in contributions(period, ("iscm", "year")):
        if cell.paid_usd:
            paid[cell.key["iscm"], cell.key["year"]] = cell.paid_usd
    return paid


def _support(period: Period) -> Money:
    """What is known of IOM's support, by mechanism and year."""
    known, _most = support_of_iom(period)
    return defaultdict(Decimal, {key: usd for key, usd in known.items() if usd})


def _places() -> dict[str, dict[str, set[Any]]]:
    """The type and the themes of each mechanism; without a theme it is under None."""
    places: dict[str, dict[str, set[Any]]] = {}
    for slug, kind, theme in ISCM.objects.order_by().values_list("slug", "type", "themes__code"):
        place = places.setdefault(slug, {"type": {kind}, "theme": set()})
        place["theme"].add(theme)
    return places


def _cell(by: tuple[str, ...], key: tuple[Any, ...], money: list[Decimal], n: int) -> Cell:
    paid, support = money
    whole = paid + support
    return Cell(
        dict(zip(by, key, strict=True)),
        ratio(paid, whole, scale=100),
        to_four_places(paid),
        to_four_places(whole),
        n,
    )
