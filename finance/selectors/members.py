"""Which States are members of a mechanism, so that a contribution of another one is noticed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from engagements.choices import MembershipKind
from engagements.models import Membership
from iscm_portal.common.period import Period

# (mechanism's slug, State's ISO 3166 code, year)
StateYear = tuple[str, str, int]


def not_members(asked: Collection[StateYear]) -> set[StateYear]:
    """Those of ``asked`` whose State is not on record as a member in that year, of mechanisms of
    which the portal knows members at all. One statement."""
    if not asked:
        return set()
    members = Membership.objects.filter(
        kind=MembershipKind.MEMBER, country__isnull=False, iscm__slug__in={key[0] for key in asked}
    )
    held = defaultdict(list)
    known = set()
    for slug, iso3, first, last in members.order_by().values_list(
        "iscm__slug", "country__iso3", "starts_on", "ends_on"
    ):
        known.add(slug)
        held[slug, iso3].append((first, last))

    def is_member(slug: str, iso3: str, year: int) -> bool:
        whole = Period.year(year)
        return any(
            (first is None or first < whole.end) and (last is None or last >= whole.start)
            for first, last in held[slug, iso3]
        )

    return {key for key in asked if key[0] in known and not is_member(*key)}
