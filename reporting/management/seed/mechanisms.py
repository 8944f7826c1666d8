"""The mechanisms with what hangs on them: members, chairs, secretariats, groups, IOM's roles."""

from __future__ import annotations

import calendar
from collections.abc import Iterator

from . import Record, known, lines, sentences
from .organisations import organisations

# Kinds of secretariat that are none, or not an organisation's: told in the mechanism's note.
NO_SECRETARIAT = {"none", "none_yet", "state_led"}

# What the records say of the basis of IOM's part, in their secretariat's note.
IOM_BASIS = {
    "gfmd": "2008 Troika Memorandum of Understanding, amended 2015.",
    "igc": "Administrative Agreement on hosting the secretariat.",
    "ocam": "Agreement with the SICA General Secretariat (January 1999).",
}

# Parties that the source lists without an ISO code -> (party, note)
PARTIES = {
    "St. Martin (the page does not say whether MAF or SXM)": (
        "St. Martin",
        "The page does not say whether MAF or SXM.",
    ),
    "Kosovo (UNSCR 1244; no ISO 3166 code)": ("Kosovo (UNSCR 1244)", "No ISO 3166 code."),
}
# Listed apart by the source, though it has a code: a suspended member, told in a source note.
SUSPENDED = "Syrian Arab Republic (SYR): suspended member at the time (22 with it)"


def build_iscms(seed: list[Record]) -> list[Record]:
    return [_iscm(record) for record in seed]


def _iscm(seed: Record) -> Record:
    inferred = "inferred" in seed["type_source"] or "by elimination" in (seed["status_note"] or "")
    return known(
        slug=seed["slug"],
        acronym=seed["acronym"],
        name=seed["name"],
        alt_names="\n".join(seed["alt_names"]),
        type=seed["type"],
        year_established=seed["year_established"],
        year_note=seed["year_note"],
        status=seed["status"],
        status_note=seed["status_note"],
        themes=sorted(seed["themes"]),
        regional_bodies="\n".join(seed["regional_bodies"]),
        membership_rule=seed["membership_rule"],
        members_published=seed["member_count_published"],
        has_private_sector_group=seed["private_sector_group"],
        works_with_private_sector=seed["private_sector_cooperation"],
        is_self_financing=seed["self_financing"],
        self_financing_note=seed["self_financing_note"],
        website=seed["website"],
        iom_basis=IOM_BASIS.get(seed["slug"]),
        source=_sources(seed),
        confidence="inferred" if inferred else None,
        note=_note(seed),
    )


def _sources(seed: Record) -> str:
    parts = (
        ("Type", "type_source"),
        ("Year", "year_source"),
        ("Themes", "themes_source"),
        ("Members", "member_states_source"),
        ("Working groups", "working_groups_source"),
        ("Self-financing", "self_financing_source"),
        ("Private sector", "private_sector_group_source"),
        ("Regional bodies", "regional_bodies_source"),
    )
    return lines(*(f"{label}: {seed[key]}" for label, key in parts if seed[key]))


def _note(seed: Record) -> str:
    """What the records say that has no field: of secretariats, chairs and observers that are
    none, and of the website."""
    secretariat, chair = seed["secretariat"], seed["chair_2019"]
    told = []
    if secretariat and secretariat["kind"] in NO_SECRETARIAT:
        told.append(
            f"Secretariat ({secretariat['kind'].replace('_', ' ')}; "
            f"{', '.join(secretariat['organisations']) or 'nobody named'}): {secretariat['note']}"
        )
    if chair and not chair["iso3"]:
        told.append(f"Chair: {chair['note']}")
    for key, words in (("member", "member"), ("observer", "observer")):
        loose = organisations(seed[f"{key}_organisations"])[1]
        if loose:
            told.append(f"Also named as {words}: {', '.join(loose)}")
    if not seed["observer_states"] and seed["observer_states_source"]:
        told.append(f"Observer States: none recorded; {seed['observer_states_source']}")
    if not seed["observer_organisations"] and seed["observer_organisations_source"]:
        told.append(f"Observers: none recorded; {seed['observer_organisations_source']}")
    return sentences(*told)


def build_memberships(seed: list[Record]) -> list[Record]:
    return [row for record in seed for row in _memberships(record)]


def _memberships(seed: Record) -> Iterator[Record]:
    for kind in ("member", "observer"):
        source = seed[f"{kind}_states_source"]
        confidence = seed["member_states_confidence"] if kind == "member" else None
        common = {"iscm": seed["slug"], "kind": kind}
        for iso3 in sorted(seed[f"{kind}_states"]):
            yield known(**common, country=iso3, source=source, confidence=confidence)
        if kind == "observer":
            source = seed["observer_organisations_source"]
        for slug in sorted(organisations(seed[f"{kind}_organisations"])[0]):
            yield known(**common, organisation=slug, source=source, confidence=confidence)
    for text in seed["members_without_iso3"]:
        if text == SUSPENDED:
            continue
        party, note = PARTIES[text]
        yield known(
            iscm=seed["slug"],
            kind="member",
            party_name=party,
            source=seed["member_states_source"],
            confidence=seed["member_states_confidence"],
            note=note,
        )


def build_secretariats(seed: list[Record]) -> list[Record]:
    rows = []
    for record in seed:
        secretariat = record["secretariat"]
        if not secretariat or secretariat["kind"] in NO_SECRETARIAT | {None}:
            continue
        for slug in organisations(secretariat["organisations"])[0]:
            rows.append(
                known(
                    iscm=record["slug"],
                    organisation=slug,
                    kind="technical",
                    location=secretariat["location"],
                    source=secretariat["source"],
                    note=sentences(
                        secretariat["note"],
                        f"Kind in the source data: {secretariat['kind'].replace('_', ' ')}",
                        f"Listed as: {', '.join(secretariat['organisations'])}",
                    ),
                )
            )
    return rows


def build_chairmanships(seed: list[Record]) -> list[Record]:
    """The chairs of 2019. The source speaks of that year only, so the row does."""
    return [
        known(
            iscm=record["slug"],
            country=iso3,
            starts_on="2019-01-01",
            starts_precision="year",
            ends_on="2019-12-31",
            ends_precision="year",
            source=record["chair_2019"]["source"],
            confidence=record["chair_2019"]["confidence"],
            note=sentences(
                record["chair_2019"]["note"], "The record is of the chair in 2019, not of the term"
            ),
        )
        for record in seed
        if record["chair_2019"]
        for iso3 in record["chair_2019"]["iso3"]
    ]


def build_working_groups(seed: list[Record]) -> list[Record]:
    return [
        known(
            iscm=record["slug"],
            name=group["name"],
            chair=group["chair"],
            source=record["working_groups_source"],
            note=group["note"],
        )
        for record in seed
        for group in record["working_groups"]
    ]


def build_iom_roles(seed: list[Record]) -> list[Record]:
    rows = []
    for record in seed:
        for role in record["iom_roles"]:
            rows.append(
                known(
                    iscm=record["slug"],
                    role=role["role"],
                    **_span(role["start_year"], role["end"]),
                    starts_assumed=role["start_basis"] == "assumed from establishment" or None,
                    source=role["source"],
                    confidence=role["confidence"],
                    note=role["note"],
                )
            )
        for role in record["iom_role_candidates"]:
            rows.append(
                known(
                    iscm=record["slug"],
                    role=role["role"],
                    is_candidate=True,
                    source=role["source"],
                    confidence=role["confidence"],
                    note=role["why"],
                )
            )
    return rows


def _span(start_year: int | None, end: str | None) -> Record:
    """First and last day as far as known; ``end`` is "2012-04" (a month) or None."""
    span: Record = {}
    if start_year:
        span |= {"starts_on": f"{start_year}-01-01", "starts_precision": "year"}
    if end:
        year, month = (int(part) for part in end.split("-"))
        last = calendar.monthrange(year, month)[1]
        span |= {"ends_on": f"{end}-{last:02}", "ends_precision": "month"}
    return span
