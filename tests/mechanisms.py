"""Three mechanisms that the twins know by heart, and what stands of them in the database.

Two share a theme and a region; one has two of each; one has none and another type.
"""

from __future__ import annotations

from typing import Any

from tests.factories.engagements import (
    CountryFactory,
    ISCMFactory,
    MembershipFactory,
    OrganisationFactory,
    ThemeFactory,
)

SLUGS = ("north", "south", "east")
TYPE_OF = {"north": "rcp", "south": "rcp", "east": "irf"}
THEMES_OF = {"north": ("labour", "return"), "south": ("labour",), "east": ()}
REGIONS_OF = {"north": ("Africa", "Europe"), "south": ("Africa",), "east": ()}
# Some States, with their regions.
STATES = {"XXA": "Africa", "XXB": "Africa", "XXC": "Europe"}


def write_mechanisms() -> dict[str | None, Any]:
    """The mechanisms by slug, and None of None. A region of two members still counts once; that of
    an observer, or of an organisation, not at all."""
    themes = {code: ThemeFactory(code=code) for code in ("labour", "return")}
    found: dict[str | None, Any] = {None: None}
    for slug in SLUGS:
        iscm = ISCMFactory(
            slug=slug, type=TYPE_OF[slug], themes=[themes[code] for code in THEMES_OF[slug]]
        )
        for region in (*REGIONS_OF[slug], *REGIONS_OF[slug]):
            MembershipFactory(iscm=iscm, country=CountryFactory(region=region))
        MembershipFactory(iscm=iscm, kind="observer", country=CountryFactory(region="Oceania"))
        MembershipFactory(iscm=iscm, country=None, organisation=OrganisationFactory())
        found[slug] = iscm
    return found
