"""Funding lines, projects, attributions, head counts and the posts that the evaluation names."""

from __future__ import annotations

from . import EVALUATION, Record, known, sentences

SOURCES_OF_FUNDS = {
    "osi": "osi",
    "project_support": "project_support",
    "project_budget": "project_support",
    "idf": "project_support",
    "migration_policy_research": "policy_research",
    "staff_travel": "travel",
    "donor_cofunding": "donor_cofunding",
    "member_state_contribution": "contribution",
    "reserve_fund_cap": "reserve_fund",
}
PAYERS = {"USA": "United States of America", "AUS": "Australia"}
PLACMI_LABEL = "PLACMI (used to support certain SACM activities)"

# Why a line that repeats no other is kept and not counted, by its number in the source data.
NOT_COUNTED = {
    "fin-118": "Spans two years; the source gives no split.",
    "fin-127": "The source names no years and gives an approximate yearly amount.",
    "fin-128": "A yearly rate for each Member State, not an amount paid.",
    "fin-129": "A ceiling for one case, not an amount paid.",
}
NOT_NAMED = "The source does not name the mechanism it supports."

GRCP_2015 = (
    "Section 4.2 of the evaluation prints USD 48,653; Table 4 prints 48 652, and the table's "
    "total of 113 652 fits 48 652."
)


def build_projects() -> list[Record]:
    return [
        known(
            code="EAP-IBM",
            title="EU-funded project on integrated border management among the Eastern "
            "Partnership countries",
            donors=["european-union"],
            source="evaluation 2019, section 4.1, footnote 34",
            note="The code is the portal's own; the evaluation gives none.",
        ),
        known(
            code="PLACMI",
            title="Technical Cooperation in the Area of Migration for Latin America Programme",
            source="evaluation 2019, section 4.3, Table 5; list of acronyms",
            note="One of its lines of work is dialogue on migration in the region; how much of it "
            "went to SACM is not readily available (section 4.3).",
        ),
    ]


def build_attributions() -> list[Record]:
    placmi = [
        known(
            project="PLACMI",
            iscm="sacm",
            year=year,
            basis="unknown",
            source="evaluation 2019, section 4.3, Table 5",
            note="Used to support certain SACM activities; the share is not stated.",
        )
        for year in range(2014, 2020)
    ]
    border = [
        known(
            project="EAP-IBM",
            iscm="eap-panel",
            year=year,
            basis="unknown",
            source="evaluation 2019, section 4.1, footnote 34",
            note="Budgeted resources of the project, not of the Panel alone.",
        )
        for year in (2016, 2017)
    ]
    return placmi + border


def build_funding_lines(seed: list[Record]) -> list[Record]:
    return [_funding_line(record) for record in seed]


def _funding_line(seed: Record) -> Record:
    supports = _supports(seed)
    reason = _not_counted_reason(seed, supports["supports"])
    return known(
        code=seed["id"],
        year=seed["year"],
        period_starts_on=seed["period_start"],
        period_ends_on=seed["period_end"],
        source_of_funds=SOURCES_OF_FUNDS[seed["kind"]],
        **supports,
        office="ro-bangkok" if seed["id"] == "fin-118" else None,
        label=seed["label"],
        payer=PAYERS.get(seed["payer"], seed["payer"]),
        amount_usd=f"{seed['amount']}.00",
        per=seed["per"],
        qualifier=None if seed["amount_qualifier"] == "exact" else seed["amount_qualifier"],
        printed_table=_printed_table(seed),
        document=EVALUATION,
        is_counted=False if reason else None,
        not_counted_reason=reason,
        source=seed["source"],
        note=sentences(seed["note"], GRCP_2015 if seed["id"] == "fin-002" else None),
    )


def _supports(seed: Record) -> Record:
    if seed["is_grcp"]:
        return {"supports": "grcp"}
    if seed["label"] == PLACMI_LABEL:
        return {"supports": "project", "project": "PLACMI"}
    if seed["kind"] == "project_budget":
        return {"supports": "project", "project": "EAP-IBM"}
    if seed["label"].startswith("RCPs"):
        return {"supports": "all_rcps"}
    if seed["iscm"]:
        return {"supports": "iscm", "iscm": seed["iscm"]}
    return {"supports": "not_named"}


def _not_counted_reason(seed: Record, supports: str) -> str | None:
    if seed.get("duplicate_of"):
        return f"Repeats the row {seed['duplicate_of'].replace('Table 4 ', '')} of Table 4."
    if supports == "not_named":
        return NOT_NAMED
    return NOT_COUNTED.get(seed["id"])


def _printed_table(seed: Record) -> int | None:
    """The table whose cell the line is; footnotes of a table are no cells."""
    is_cell = seed["in_table_total"] or (seed["table"] == 6 and seed["kind"] == "project_support")
    return seed["table"] if is_cell else None


def build_staff_counts(seed: list[Record]) -> list[Record]:
    return [
        known(
            code=record["id"],
            label=record["label"],
            supports="iscm" if record["iscm"] else "grcp",
            iscm=record["iscm"],
            year=record["year"],
            full_time_staff=record["full_time_staff"],
            source=record["source"],
        )
        for record in seed
    ]


_STAFFING = "evaluation 2019, section 4.3 (Staffing)"
_IN_RSO = "Full-time, based in the RSO and fully funded by it."

RSO = "Regional Support Office (RSO)"
# code of our own, office, title, ToR on record, paid by, payer by name, its part, source, note,
# mechanism, share
POSITIONS = (
    *(
        (
            code,
            "co-bangkok",
            title,
            True,
            "other",
            RSO,
            "100.00",
            _STAFFING,
            _IN_RSO,
            "bali-process",
            "100",
        )
        for code, title in (
            ("post-rso-back-office-manager", "Back-office manager"),
            ("post-rso-finance-officer", "Finance officer"),
            ("post-rso-administrative-staff", "Administrative staff"),
        )
    ),
    (
        "post-chief-of-mission-bangkok",
        "co-bangkok",
        "Chief of Mission",
        True,
        "office",
        RSO,
        "20.00",
        _STAFFING,
        "20 per cent of the post is funded by the RSO; who pays the rest is not stated.",
        "bali-process",
        "20",
    ),
    (
        "post-coordinator-bali-process",
        "co-canberra",
        "Coordinator, Bali Process",
        True,
        "other",
        "",
        None,
        _STAFFING,
        "Full-time. Australia funds staff support (section 4.3); which post is not stated. A "
        "second member of staff works on the Bali Process for a share that is not stated.",
        "bali-process",
        "100",
    ),
    (
        "post-national-officer-nepal",
        "iom-nepal",
        "National Officer supporting the Chair",
        None,
        "office",
        "",
        None,
        "evaluation 2019, section 4.3 (quote, global questionnaire)",
        "Full-time. Paid from OSI in 2017 and 2018; OSI stopped as of the second quarter of 2019 "
        "and the mission then carried the cost. Not in Table 7.",
        "colombo-process",
        "100",
    ),
)


def build_positions() -> list[Record]:
    return [
        known(
            code=code,
            office=office,
            title=title,
            has_tor=has_tor,
            paid_by=paid_by,
            payer=payer,
            payer_pct=part,
            source=source,
            note=sentences(note, "Grade and dates are not stated"),
        )
        for code, office, title, has_tor, paid_by, payer, part, source, note, *_share in POSITIONS
    ]


def build_position_shares() -> list[Record]:
    return [
        {"position": f"{office}:{title}", "iscm": iscm, "share_pct": f"{share}.00"}
        for _code, office, title, *_facts, iscm, share in POSITIONS
    ]


def build_reserve_funds() -> list[Record]:
    return [
        known(
            slug="rcm-reserve-fund",
            name="Reserve Fund for the Assisted Voluntary Return of Migrants in Highly Vulnerable "
            "Situations",
            iscm="rcm",
            cap_usd="1000.00",
            source="evaluation 2019, section 4.3, Box 1",
            note="The evaluation names neither a balance nor what came in or was paid. The maximum "
            "for a case can be exceeded if needed.",
        ),
    ]
