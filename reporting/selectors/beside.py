"""What stands beside the total on the resource dashboard: who is there, who else pays, what is
asked of donors. Figures of the records that the reader may read."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from finance.selectors.staffing import (
    TOR_IN_SURVEY,
    Staffing,
    SurveyFinding,
    ToRCoverage,
    posts,
    staffing_plan,
    tor_coverage,
)
from finance.selectors.sustaining import (
    Contributions,
    FundRaising,
    SelfFinancing,
    contributions,
    fund_raising,
    self_financing,
    support_of_iom,
)
from iscm_portal.common.period import Period

from .resources import ResourceFilter, labels_of


@dataclass(frozen=True)
class Beside:
    """Of the last year asked for: posts needed and held, terms of reference, self-financing by
    mechanism, arrears and the pipeline. Each is None or empty where nothing is on record."""

    year: int
    iscm: str | None
    as_of: dt.date | None
    staff: Staffing | None
    tor: ToRCoverage
    tor_in_survey: SurveyFinding
    self_financing: list[tuple[str, SelfFinancing]]
    owed: Contributions | None
    pipeline: FundRaising | None

    @property
    def query(self) -> str:
        """The address of the records of the year."""
        return self._narrowed(year=self.year)

    @property
    def years_query(self) -> str:
        """The same where a page takes a first and a last year."""
        return self._narrowed(**{"from": self.year, "to": self.year})

    def _narrowed(self, **years: int) -> str:
        asked = {**years, "iscm": self.iscm, "as_of": self.as_of}
        return urlencode({name: value for name, value in asked.items() if value})


def beside(chosen: ResourceFilter, user: Any) -> Beside:
    """The figures for the mechanism asked for, or for all, as on record on its day; a constant
    number of statements."""
    year, iscm, known_by = chosen.last_year, chosen.iscm, chosen.known_by
    period = Period.year(year)
    known, at_most = support_of_iom(period, iscm, known_by)
    names = labels_of("iscm")
    ratios = self_financing(
        period, known, at_most=at_most, iscm=iscm, reader=user, known_by=known_by
    )
    owed = contributions(period, iscm=iscm, reader=user, known_by=known_by)
    pipeline = fund_raising(period, iscm=iscm, reader=user, known_by=known_by)
    plan = staffing_plan(year, iscm=iscm, reader=user, known_by=known_by)
    return Beside(
        year=year,
        iscm=iscm,
        as_of=chosen.as_of,
        staff=plan.planned or plan.total,
        tor=tor_coverage(
            posts(iscm, known_by=known_by).visible_to(user).held_during(period), known_by
        ),
        tor_in_survey=TOR_IN_SURVEY,
        self_financing=[(names[row.iscm], row) for row in ratios if row.pct is not None],
        owed=owed[0] if owed else None,
        pipeline=pipeline[0] if pipeline else None,
    )
