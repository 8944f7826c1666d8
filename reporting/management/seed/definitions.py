"""Proposed definitions: what the evaluation and the portal's own rules give of the five parts.

Nothing is made up to fill a part. A baseline stands where the real records give one, a target where
a rule of the portal says it; thresholds and target dates are IPD's to set.
"""

from __future__ import annotations

from . import Record, known

# What the notes of all of them say.
PROPOSAL = "A proposal, restated from the recommendation and adopted by nobody."

# code -> (title, source)
OBJECTIVES = {
    "partners": (
        "External actors are engaged in the mechanisms as far as Member States mandate it",
        "evaluation 2019, recommendation 10",
    ),
    "policy": (
        "IOM's policy work and expertise show in what States and regions adopt",
        "evaluation 2019, recommendations 3 and 8",
    ),
    "support": (
        "Member States get the support that they ask for, whatever role IOM holds",
        "evaluation 2019, recommendation 2",
    ),
    "agendas": (
        "IOM proposes few and strategic agenda items, for which it has the means",
        "evaluation 2019, recommendation 22",
    ),
    "tracking": (
        "IOM knows what it does in the mechanisms and what comes of it",
        "evaluation 2019, recommendations 12, 13 and 20",
    ),
    "costs": (
        "The money and the staff put into the mechanisms are known by theme",
        "evaluation 2019, recommendations 12 and 21",
    ),
    "self_financing": (
        "The mechanisms depend neither on OSI nor on projects",
        "evaluation 2019, recommendation 18",
    ),
}

FIRST_YEAR = (
    "The evaluation found no baseline (4.2), and nothing was counted before the portal: the first "
    "whole year of accepted reports gives it."
)
NO_SURVEY = (
    "The evaluation found no baseline (4.2), and nobody was asked before: the first whole year of "
    "surveys gives it."
)
NOT_ON_RECORD = (
    "The evaluation gives the share of no mechanism and names no sum paid by a Member State: the "
    "first year of contributions on record gives it."
)

# What a reader could take a criterion for, and is not: after the source data, as it is counted.
CAUTIONS = {
    "partnerships_developed": "New partnerships, not renewals.",
    "instruments_passed": (
        "The link to an agenda item is a judgement: it shows reflection, not attribution."
    ),
    "instruments_amended": "One instrument can be amended more than once.",
    "knowledge_change": (
        "Pairs only: who answered once is not in it. Read it with the number of pairs."
    ),
    "expertise_reflected": "Not assessed is not no: read it with the number assessed.",
    "resources_allocated": (
        "No good direction by itself. It is what is known; unknown shares of projects leave a "
        "range open, and days without a rate are not in it. Donor co-funding is."
    ),
    "support_requests": (
        "More requests may mean trust or dependence; read it with self-financing."
    ),
    "satisfaction": "Read it with the share of the links that were answered.",
    "priorities_on_agenda": (
        "Agendas belong to States. Recommendation 22 asks for few and strategic items, so more is "
        "not always better."
    ),
}

# The goal of MiGOF that the evaluation ties to the mechanisms (footnote 19).
WITH_PARTNERS = "migof_principle:P3"
BY_EVIDENCE = "migof_principle:P2"
ORDERLY = "migof_objective:O3"

# indicator -> what is proposed of its parts
PROPOSED: dict[str, Record] = {
    "partnerships_developed": {
        "objective": "partners",
        "relevant_to": [WITH_PARTNERS, "gcm_objective:23", "sdg_target:17.16"],
        "no_baseline_reason": FIRST_YEAR,
    },
    "instruments_passed": {
        "objective": "policy",
        "relevant_to": [BY_EVIDENCE, ORDERLY, "sdg_target:10.7"],
        "no_baseline_reason": FIRST_YEAR,
    },
    "instruments_amended": {
        "objective": "policy",
        "relevant_to": [BY_EVIDENCE, ORDERLY, "sdg_target:10.7"],
        "no_baseline_reason": FIRST_YEAR,
    },
    "knowledge_change": {
        "objective": "lively_processes",
        "relevant_to": [WITH_PARTNERS, "strategy_point:7"],
        "no_baseline_reason": NO_SURVEY,
    },
    "expertise_reflected": {
        "objective": "policy",
        "relevant_to": [BY_EVIDENCE, "strategy_point:3"],
        "no_baseline_reason": FIRST_YEAR,
    },
    "resources_allocated": {
        "objective": "costs",
        "relevant_to": [WITH_PARTNERS],
        "baseline": "4985000",
        "baseline_year": 2019,
        "baseline_source": (
            "evaluation 2019, section 4.3: what is counted of 2019, in the sampled mechanisms and "
            "the GRCP; USD 24,000 more where a project's share is not stated. Without staff time."
        ),
        "rationale": (
            "For context: more is neither better nor worse by itself, so nothing is to be reached."
        ),
    },
    "support_requests": {
        "objective": "support",
        "relevant_to": [WITH_PARTNERS, "strategy_point:3"],
        "no_baseline_reason": FIRST_YEAR,
    },
    "satisfaction": {
        "objective": "support",
        "relevant_to": [WITH_PARTNERS],
        "no_baseline_reason": NO_SURVEY,
    },
    "priorities_on_agenda": {
        "objective": "agendas",
        "relevant_to": [WITH_PARTNERS, "strategy_point:7"],
        "no_baseline_reason": FIRST_YEAR,
    },
    "report_coverage": {
        "objective": "tracking",
        "relevant_to": [WITH_PARTNERS],
        "no_baseline_reason": FIRST_YEAR,
        "target": "100",
        "rationale": "Each office that took part in an event owes an answer: all of them.",
    },
    "report_timeliness": {
        "objective": "tracking",
        "relevant_to": [WITH_PARTNERS],
        "no_baseline_reason": FIRST_YEAR,
        "target": "14",
        "rationale": "An answer is due 14 days after the end of the event.",
    },
    "follow_up_completion": {
        "objective": "tracking",
        "relevant_to": [WITH_PARTNERS],
        "no_baseline_reason": FIRST_YEAR,
    },
    "self_financing_ratio": {
        "objective": "self_financing",
        "relevant_to": [WITH_PARTNERS],
        "no_baseline_reason": NOT_ON_RECORD,
    },
    "events_attended": {
        "objective": "tracking",
        "relevant_to": [WITH_PARTNERS, "strategy_point:7"],
        "no_baseline_reason": FIRST_YEAR,
        "rationale": ("For context: States invite, so that no number of events is to be reached."),
    },
    "staff_days": {
        "objective": "costs",
        "relevant_to": [WITH_PARTNERS],
        "no_baseline_reason": (
            "Table 7 of the evaluation counts staff, not days; the first whole year of accepted "
            "reports gives the days."
        ),
        "rationale": "For context: more is neither better nor worse by itself.",
    },
    "proposal_success": {
        "objective": "agendas",
        "relevant_to": [WITH_PARTNERS],
        "no_baseline_reason": (
            "The evaluation names no proposal to a donor: the first year with decided proposals "
            "on record gives it."
        ),
    },
}


def proposed(key: str) -> Record:
    """The parts that are proposed for an indicator; IPD, which keeps them, would own it."""
    return {"owner": "hq-ipd", **PROPOSED[key]}


def build_objectives() -> list[Record]:
    return [
        known(
            code="lively_processes",
            title="Consultative processes in every region are lively, independent and "
            "self-supporting, with IOM's help where needed",
            horizon_year=2020,
            is_proposed=False,
            source="IOM's results framework of 2015 for MiGOF, in evaluation 2019, footnote 30",
            note="Restated. Its year has passed; no later one is on record.",
        ),
        *(
            known(code=code, title=title, source=source, note=PROPOSAL)
            for code, (title, source) in OBJECTIVES.items()
        ),
    ]
