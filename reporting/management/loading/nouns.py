"""Which fixture file fills which model, in the order in which they need each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from engagements.models import (
    ISCM,
    Chairmanship,
    Country,
    Event,
    IOMRole,
    Membership,
    Objective,
    Office,
    Organisation,
    ReferenceFrame,
    Secretariat,
    SourceNote,
    Theme,
    WorkingGroup,
)
from finance.models import (
    Attribution,
    FundingLine,
    Position,
    PositionShare,
    Project,
    ReserveFund,
    StaffCount,
)
from reporting.models import Indicator, Recommendation


@dataclass(frozen=True)
class Noun:
    """One fixture file: its model, and the fields that together name one record of it."""

    file: str
    model: type[Model]
    key: tuple[str, ...]


NOUNS = (
    Noun("reference/countries", Country, ("iso3",)),
    Noun("reference/themes", Theme, ("code",)),
    Noun("reference/reference_frames", ReferenceFrame, ("kind", "code")),
    Noun("evaluation_2019/organisations", Organisation, ("slug",)),
    Noun("evaluation_2019/iscms", ISCM, ("slug",)),
    Noun("evaluation_2019/offices", Office, ("slug",)),
    Noun(
        "evaluation_2019/memberships",
        Membership,
        ("iscm", "kind", "country", "organisation", "party_name", "starts_on"),
    ),
    Noun("evaluation_2019/secretariats", Secretariat, ("iscm", "organisation", "kind")),
    Noun("evaluation_2019/chairmanships", Chairmanship, ("iscm", "country", "starts_on")),
    Noun("evaluation_2019/working_groups", WorkingGroup, ("iscm", "name")),
    Noun("evaluation_2019/iom_roles", IOMRole, ("iscm", "role", "starts_on")),
    Noun("evaluation_2019/source_notes", SourceNote, ("iscm", "printed_table", "text")),
    Noun("evaluation_2019/events", Event, ("code",)),
    Noun("evaluation_2019/projects", Project, ("code",)),
    Noun("evaluation_2019/attributions", Attribution, ("project", "iscm", "year")),
    Noun("evaluation_2019/funding_lines", FundingLine, ("code",)),
    Noun("evaluation_2019/staff_counts", StaffCount, ("code",)),
    Noun("evaluation_2019/positions", Position, ("office", "title")),
    Noun("evaluation_2019/position_shares", PositionShare, ("position", "iscm")),
    Noun("evaluation_2019/reserve_funds", ReserveFund, ("slug",)),
    Noun("evaluation_2019/objectives", Objective, ("code",)),
    Noun("evaluation_2019/indicators", Indicator, ("key",)),
    Noun("evaluation_2019/recommendations", Recommendation, ("number",)),
)

# How a record of one file names a row of another model: the fields, joined by a colon.
NAMED_BY: dict[type[Model], tuple[str, ...]] = {
    Country: ("iso3",),
    Theme: ("code",),
    Organisation: ("slug",),
    ISCM: ("slug",),
    Office: ("slug",),
    Project: ("code",),
    Position: ("office__slug", "title"),
    Indicator: ("key",),
    Objective: ("code",),
    ReferenceFrame: ("kind", "code"),
}


class FixtureError(Exception):
    """A fixture names a field or a row that there is not."""


class Names:
    """From natural keys to primary keys, one query a model."""

    def __init__(self) -> None:
        self._known: dict[type[Model], dict[str, Any]] = {}

    def pk(self, model: type[Model], name: str) -> Any:
        if model not in self._known:
            rows = model._default_manager.values_list("pk", *NAMED_BY[model])
            self._known[model] = {":".join(map(str, key)): pk for pk, *key in rows}
        try:
            return self._known[model][name]
        except KeyError:
            raise FixtureError(f"There is no {model._meta.verbose_name} {name!r}.") from None

    def forget(self, model: type[Model]) -> None:
        """Ask again next time: rows of ``model`` were added."""
        self._known.pop(model, None)
