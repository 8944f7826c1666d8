"""Indicators, recommendations, and the notes on what is odd in the source."""

from __future__ import annotations

from . import Record, known, sentences
from .definitions import CAUTIONS, proposed
from .mechanisms import SUSPENDED

# number in the source data -> key of the measure, its place, title and unit
MEASURES = {
    1: ("partnerships_developed", 1, "Partnerships developed", "count"),
    2: ("instruments_passed", 2, "Policy instruments passed", "count"),
    3: ("instruments_amended", 3, "Policy instruments amended", "count"),
    4: ("knowledge_change", 4, "Change in knowledge", "points"),
    5: ("expertise_reflected", 5, "IOM expertise reflected", "per cent"),
    6: ("resources_allocated", 6, "Resources allocated", "USD"),
    7: ("support_requests", 7, "Requests for support", "count"),
    8: ("satisfaction", 8, "Satisfaction of Member States", "score"),
    9: ("priorities_on_agenda", 9, "IOM priorities on agendas", "per cent"),
}


_REPORTING = (
    "A proposal: the evaluation finds that staff who attend often do not report back "
    "and asks for a report in a fixed form; it gives no measure, baseline or target."
)
_OWN = "A proposal of the portal's own: the evaluation gives no measure, baseline or target."

# How complete the reporting is and what follows: of the portal's own, after what the evaluation
# found. key, title, definition, unit, direction, recommendations, note.
OPERATIONAL = (
    (
        "report_coverage",
        "Reports accepted of those owed",
        "Share of the answers owed by the offices that took part in events (a report, nothing to "
        "report, or not attended) that IPD has accepted.",
        "per cent",
        "up",
        "section 4.2 and recommendation 13",
        _REPORTING,
    ),
    (
        "report_timeliness",
        "Days to report",
        "Median days from the end of an event to the submission of the answer that IPD accepted.",
        "days",
        "down",
        "section 4.2 and recommendation 13",
        _REPORTING,
    ),
    (
        "follow_up_completion",
        "Follow-ups done",
        "Share of the follow-up actions whose day is over that are done.",
        "per cent",
        "up",
        "recommendation 20",
        _OWN,
    ),
    (
        "self_financing_ratio",
        "Self-financing",
        "What Member States paid, as a share of that and of IOM's support together.",
        "per cent",
        "up",
        "section 4.3 and recommendation 18",
        _OWN,
    ),
    (
        "events_attended",
        "Events attended",
        "Number of events in which an IOM delegation took part.",
        "count",
        "context",
        "recommendation 12",
        _OWN,
    ),
    (
        "staff_days",
        "Staff days",
        "Days that staff spent on the mechanisms: preparation, travel, events and follow-up.",
        "days",
        "context",
        "section 4.3 and recommendation 12",
        _OWN,
    ),
    (
        "proposal_success",
        "Proposals awarded",
        "Share of the decided proposals to donors, for work on the mechanisms, that were awarded.",
        "per cent",
        "up",
        "section 4.3 and recommendation 12",
        _OWN,
    ),
)


def build_indicators(seed: Record) -> list[Record]:
    return [*_criteria(seed), *_operational()]


def _operational() -> list[Record]:
    return [
        known(
            key=key,
            number=number,
            title=title,
            definition=definition,
            unit=unit,
            frequency="year",
            direction=direction,
            state="proposed",
            source=f"evaluation 2019, {source}",
            note=note,
            **proposed(key),
        )
        for number, (key, title, definition, unit, direction, source, note) in enumerate(
            OPERATIONAL, start=len(MEASURES) + 1
        )
    ]


def _criteria(seed: Record) -> list[Record]:
    return [
        known(
            key=MEASURES[criterion["number"]][0],
            number=MEASURES[criterion["number"]][1],
            title=MEASURES[criterion["number"]][2],
            # What is counted is said by the measure, in one place.
            definition=criterion["statement"],
            caution=CAUTIONS[MEASURES[criterion["number"]][0]],
            unit=MEASURES[criterion["number"]][3],
            frequency="year",
            direction=criterion["direction"],
            state="proposed",
            source=criterion["source"],
            note="The criterion is restated. All else is a proposal: the evaluation says that "
            "baselines and thresholds would have to come from a strategy or roadmap.",
            **proposed(MEASURES[criterion["number"]][0]),
        )
        for criterion in seed["performance_criteria"]
    ]


def build_recommendations(seed: list[Record]) -> list[Record]:
    return [
        known(
            number=record["number"],
            criterion=record["criterion"],
            title=record["title"],
            text=record["text"],
            strength=record["strength"],
            addressees=record["addressees"],
            indicators=[MEASURES[number][0] for number in record["indicator_numbers"]],
            source=record["source"],
            note=sentences(
                "Evidence that a portal can show (proposed, not the evaluation's): "
                + "; ".join(record["portal_evidence"])
                if record["portal_evidence"]
                else None,
                "It has no box in section 4" if record["number"] == 23 else None,
            ),
        )
        for record in seed
    ]


# A check of the source data -> the mechanisms and the printed table that it concerns.
CHECKS: dict[str, tuple[tuple[str, ...], int | None]] = {
    "osi-180": ((), 4),
    "bali-osi": (("bali-process",), 4),
    "grcp-2015": ((), 4),
    "table5-narrative": (("gfmd", "pafom"), 5),
    "fmm-drop": (("midwa",), 5),
    "table6-decline": (("colombo-process",), 6),
    "colombo-osi-years": (("colombo-process",), 6),
    "gfmd-16700": (("gfmd",), 5),
    "midsa-fund": (("midsa",), None),
    "scope": ((), 4),
    "bali-4": (("bali-process",), 7),
    "gfmd-pafom-zero": (("gfmd", "pafom"), 7),
    "rcm-1": (("rcm",), 7),
}

_SAMPLE = (
    '"Seven ISCMs" in the sample include the GRCP 8 Meeting, while footnote 5 says that the GRCP '
    "is no ISCM."
)
# (mechanism, table, text, source): what is odd and stands in no check of the source data.
ODD: tuple[tuple[str | None, int | None, str, str], ...] = (
    (None, 4, _SAMPLE, "evaluation 2019, section 2; footnote 5"),
    (None, 5, _SAMPLE, "evaluation 2019, section 2; footnote 5"),
    (None, 7, _SAMPLE, "evaluation 2019, section 2; footnote 5"),
    (
        "idm",
        None,
        "Counted as global process and as secretariat, while footnote 3 says that IOM has not "
        "agreed that it is an ISCM (without it 29 mechanisms and 11 secretariats).",
        "evaluation 2019, section 3; footnotes 3 and 22",
    ),
    (
        "pafom",
        None,
        "Counted among the 12 technical secretariats although that role ended in September 2019.",
        "evaluation 2019, section 3; footnote 22",
    ),
    (
        "abu-dhabi-dialogue",
        None,
        "The evaluation calls it both an RCP and an IRF.",
        "evaluation 2019, sections 4.1 and 4.3",
    ),
    (
        "bali-process",
        None,
        'The Task Force on Planning and Preparedness is printed both "TFPP" and "TFFP".',
        "evaluation 2019, list of acronyms; section 4.1",
    ),
    ("midsa", None, 'Also printed "MIDSAs".', "evaluation 2019"),
    ("igad-rcp", None, 'Printed both "MID-IGAD" and "IGAD-RCP".', "evaluation 2019"),
    (
        "midwa",
        None,
        'ECOWAS is also printed "Economic Commission of West African States".',
        "evaluation 2019",
    ),
)


def build_source_notes(iscms: list[Record], finance: Record, staffing: Record) -> list[Record]:
    rows = [
        known(iscm=record["slug"], text=text, source="Compared when the records were collected")
        for record in iscms
        for text in record["conflicts"]
    ]
    rows += [
        known(iscm=record["slug"], text=SUSPENDED, source=record["member_states_source"])
        for record in iscms
        if SUSPENDED in record["members_without_iso3"]
    ]
    for check in [*finance["checks"], *staffing["checks"]]:
        rows += _notes_of(check)
    rows += [
        known(iscm=iscm, printed_table=table, text=text, source=source)
        for iscm, table, text, source in ODD
    ]
    return rows


def _notes_of(check: Record) -> list[Record]:
    """The notes on one check; none when the source agrees with itself."""
    if check["id"] not in CHECKS:
        return []
    iscms, table = CHECKS[check["id"]]
    text = sentences(
        f"Claim: {check['claim']}" if check.get("claim") else None,
        None if check["result"] in ("NOTE", "agrees") else f"Result: {check['result'].lower()}",
        check["detail"],
    )
    source = check.get("source", "evaluation 2019, section 4.3, Table 7")
    notes = [known(iscm=iscm, printed_table=table, text=text, source=source) for iscm in iscms]
    return notes or [known(printed_table=table, text=text, source=source)]
