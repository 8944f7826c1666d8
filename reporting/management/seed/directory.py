"""Themes, reference frames, offices and events."""

from __future__ import annotations

from . import Record, known, sentences

OFFICE_KINDS = {
    "headquarters": "headquarters",
    "hq_office": "hq_unit",
    "hq_department": "hq_unit",
    "hq_division": "hq_unit",
    "hq_unit": "hq_unit",
    "hq_function": "hq_unit",
    "hq_fund": "hq_unit",
    "administrative_centre": "administrative_centre",
    "regional_office": "regional_office",
    "country_office": "country_office",
    "country_office_resource_mobilization": "country_office",
    "country_office_coordinating": "coordinating_office",
    "coordinating_function": "coordinating_office",
    "special_liaison_office": "liaison_office",
    "hosted_entity": "hosted_entity",
}


def build_themes(iscms: Record) -> list[Record]:
    return [{"code": code, "name": name} for code, name in iscms["meta"]["themes"].items()]


# Which themes a goal is about, by its title; a goal that none is about has none. A proposal.
THEMES_OF: dict[tuple[str, str], tuple[str, ...]] = {
    ("migof_principle", "P1"): ("migrants_rights",),
    ("migof_principle", "P2"): ("migration_governance", "migration_data"),
    ("migof_objective", "O1"): ("migration_development", "integration", "diaspora", "remittances"),
    ("migof_objective", "O2"): ("emergency_preparedness", "displacement", "climate_change"),
    ("migof_objective", "O3"): ("border_management", "legal_migration", "labour_migration"),
    ("gcm_objective", "1"): ("migration_data",),
    ("gcm_objective", "2"): ("root_causes", "climate_change"),
    ("gcm_objective", "3"): ("pre_departure",),
    ("gcm_objective", "4"): ("travel_documents",),
    ("gcm_objective", "5"): ("legal_migration", "labour_migration", "free_movement"),
    ("gcm_objective", "6"): ("ethical_recruitment", "labour_migration", "forced_labour"),
    ("gcm_objective", "7"): ("migrants_rights", "children", "gender"),
    ("gcm_objective", "9"): ("counter_smuggling",),
    ("gcm_objective", "10"): ("counter_trafficking",),
    ("gcm_objective", "11"): ("border_management",),
    ("gcm_objective", "14"): ("consular",),
    ("gcm_objective", "16"): ("integration",),
    ("gcm_objective", "18"): ("skills_recognition",),
    ("gcm_objective", "19"): ("diaspora", "migration_development"),
    ("gcm_objective", "20"): ("remittances",),
    ("gcm_objective", "21"): ("return_reintegration",),
    ("gcm_objective", "23"): ("global_compact", "migration_governance"),
    ("sdg_target", "10.7"): ("migration_governance", "legal_migration"),
    ("sdg_target", "10.c"): ("remittances",),
    ("sdg_target", "8.8"): ("labour_migration",),
    ("sdg_target", "17.18"): ("migration_data",),
    ("sdg_target", "5.2"): ("counter_trafficking", "gender"),
    ("sdg_target", "8.7"): ("forced_labour", "counter_trafficking", "children"),
    ("sdg_target", "16.2"): ("children", "counter_trafficking"),
    ("sdg_target", "4.b"): ("student_mobility",),
    ("sdg_target", "13.1"): ("climate_change",),
    ("sdg_target", "1.5"): ("displacement",),
    ("sdg_target", "11.5"): ("displacement",),
    ("strategy_point", "4"): ("migration_development",),
    ("strategy_point", "6"): ("migration_data",),
}


def build_reference_frames(indicators: Record) -> list[Record]:
    """MiGOF, the Global Compact's objectives, SDG targets and points of the 12-point strategy."""
    migof, compact = indicators["migof"], indicators["global_compact"]
    targets, strategy = indicators["sdg_targets"], indicators["twelve_point_strategy"]
    groups = (
        ("migof_principle", migof, migof["principles"], "id"),
        ("migof_objective", migof, migof["objectives"], "id"),
        ("gcm_objective", compact, compact["objectives"], "number"),
        ("sdg_target", targets, targets["targets"], "target"),
        ("strategy_point", strategy, strategy["points"], "point"),
    )
    return [
        known(
            kind=kind,
            code=str(entry[code]),
            title=entry["title"],
            position=position,
            themes=list(themes := THEMES_OF.get((kind, str(entry[code])), ())),
            source=group["source"],
            note=sentences(
                entry.get("note"),
                f"Migration in this target: {entry['mention']}" if "mention" in entry else None,
                "Its themes are a proposal" if themes else None,
            ),
        )
        for kind, group, entries, code in groups
        for position, entry in enumerate(entries, start=1)
    ]


def build_offices(offices: list[Record], iscms: list[Record]) -> list[Record]:
    focal: dict[str, set[str]] = {}
    for iscm in iscms:
        for slug in iscm["iom_focal_points"]:
            focal.setdefault(slug, set()).add(iscm["slug"])
    return [
        known(
            slug=seed["id"],
            kind=OFFICE_KINDS[seed["kind"]],
            name=seed["name"],
            abbreviation=seed["abbreviation"],
            country=seed["country"],
            city=seed["city"],
            parent=seed["parent"],
            coverage=seed["coverage"],
            functions="; ".join(seed["functions"]),
            focal_for=sorted(focal.get(seed["id"], set()) | set(seed["iscms"])),
            source=seed["source"],
            confidence=seed["confidence"],
            note=sentences(
                seed["note"],
                f"Kind in the source data: {seed['kind'].replace('_', ' ')}"
                if OFFICE_KINDS[seed["kind"]] != seed["kind"]
                else None,
                None if seed["named_in_evaluation"] else "Not named in the evaluation",
            ),
        )
        for seed in offices
    ]


def build_events(events: list[Record]) -> list[Record]:
    return [
        known(
            code=seed["id"],
            name=seed["name"],
            iscms=[seed["iscm"]] if seed["iscm"] else [],
            kind=seed["kind"],
            starts_on=seed["start_date"],
            ends_on=seed["end_date"],
            year=seed["year"],
            month=seed["month"],
            date_precision=seed["date_precision"] or "unknown",
            # The day that lists sort by; ``Event.save`` works it out in the same way.
            sorted_on=seed["start_date"] or _first_day(seed["year"], seed["month"]),
            city=seed["city"],
            country=seed["country"],
            subject=seed["theme"],
            outcome_document=seed["outcome_document"],
            source=seed["source"],
            confidence=seed["confidence"],
            note=seed["note"],
        )
        for seed in events
    ]


def _first_day(year: int | None, month: int | None) -> str | None:
    return f"{year}-{month or 1:02}-01" if year else None
