"""Which tables the feed of changes looks at: the API's resources, one by one.

The names of tables stand here as text: the triggers that watch them belong to the database and
know of no model. After a change of this list a migration has to call ``triggers.install`` again;
``tests/api/test_changes_watched.py`` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..choices import Scope

# Who sees a record, as SQL over its row ``{row}``; NULL is nobody. An office's record is seen by
# those who read the reports of all offices, too. Besides, a right is the audience of its holders.
EVERYONE = "'everyone'"
OFFICE = "'office:' || {row}.office_id"
RIGHTS_OF_AUDIENCES = ("edit_surveys",)


@dataclass(frozen=True)
class Part:
    """A table whose rows are given as part of a record: a change of one updates the record.

    ``joins`` says by which of its columns (first) the record is found, by which of the record's.
    With ``only`` an update counts where one of these columns changed.
    """

    table: str
    joins: Mapping[str, str]
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Watched:
    """A resource of the API: the table of its records, who sees one, and what else is in one."""

    type: str
    scope: Scope
    table: str
    audience: str = EVERYONE
    parts: tuple[Part, ...] = field(default=())


def part(table: str, column: str) -> Part:
    """A table that names its record by ``column``."""
    return Part(table, {column: "id"})


FOCAL_FOR = "engagements_office_focal_for"
ISCMS_OF_EVENT = Part("engagements_event_iscms", {"event_id": "event_id"})
# What an accepted report wrote stands in it, and is a record of its own as well.
WRITTEN = tuple(
    part(f"engagements_{name}", "report_number")
    for name in ("supportrequest", "partnership", "policyinstrument", "followupaction")
)
D, R, F, N = (Scope.READ_DIRECTORY, Scope.READ_REPORTS, Scope.READ_FINANCE, Scope.READ_INDICATORS)

WATCHED = (
    Watched(
        "iscms",
        D,
        "engagements_iscm",
        parts=(part("engagements_iscm_themes", "iscm_id"), part(FOCAL_FOR, "iscm_id")),
    ),
    Watched("iom-roles", D, "engagements_iomrole"),
    Watched("memberships", D, "engagements_membership"),
    Watched("countries", D, "engagements_country"),
    Watched("organisations", D, "engagements_organisation"),
    Watched("offices", D, "engagements_office", parts=(part(FOCAL_FOR, "office_id"),)),
    Watched("themes", D, "engagements_theme"),
    Watched(
        "events",
        D,
        "engagements_event",
        parts=(
            part("engagements_event_iscms", "event_id"),
            part("engagements_delegate", "event_id"),
        ),
    ),
    Watched("agenda-items", D, "engagements_agendaitem"),
    Watched("support-requests", D, "engagements_supportrequest"),
    Watched("partnerships", D, "engagements_partnership"),
    Watched(
        "policy-instruments",
        D,
        "engagements_policyinstrument",
        parts=(part("engagements_policyinstrument_agenda_items", "policyinstrument_id"),),
    ),
    Watched("follow-ups", D, "engagements_followupaction"),
    Watched(
        "projects", F, "finance_project", parts=(part("finance_project_donors", "project_id"),)
    ),
    Watched("attributions", F, "finance_attribution"),
    Watched("funding-lines", F, "finance_fundingline"),
    Watched(
        "positions", F, "finance_position", parts=(part("finance_positionshare", "position_id"),)
    ),
    Watched("time-entries", F, "finance_timeentry"),
    Watched(
        "funds",
        F,
        "finance_reservefund",
        parts=(
            part("finance_fundcontribution", "fund_id"),
            part("finance_funddisbursement", "fund_id"),
        ),
    ),
    Watched("contributions", F, "finance_assessedcontribution"),
    Watched("proposals", F, "finance_proposal"),
    Watched(
        "indicators",
        N,
        "reporting_indicator",
        parts=(part("reporting_indicator_relevant_to", "indicator_id"),),
    ),
    # A mechanism whose answers are too few to show is in no list (docs/decisions/0037).
    Watched(
        "indicator-values",
        N,
        "reporting_indicatorvalue",
        "CASE WHEN {row}.status <> 'too_few' OR {row}.iscm_id IS NULL THEN 'everyone' END",
    ),
    Watched("compile-runs", N, "reporting_compilerun"),
    Watched("releases", N, "reporting_release"),
    Watched(
        "recommendations",
        N,
        "reporting_recommendation",
        parts=(part("reporting_recommendation_indicators", "recommendation_id"),),
    ),
    # Answers are left out: the moment of one is kept nowhere (docs/decisions/0034).
    Watched(
        "surveys",
        N,
        "reporting_survey",
        "CASE WHEN {row}.state = 'draft' THEN 'edit_surveys' ELSE 'everyone' END",
    ),
    Watched(
        "reports",
        R,
        "reporting_posteventreport",
        "CASE WHEN {row}.state = 'accepted' THEN 'everyone' END",
        parts=(
            part("reporting_posteventreport_frames", "posteventreport_id"),
            part("reporting_reportedagendaitem", "report_id"),
            part("reporting_lesson", "report_id"),
            *WRITTEN,
            ISCMS_OF_EVENT,
        ),
    ),
    Watched(
        "duties",
        R,
        "reporting_duty",
        f"CASE WHEN {{row}}.withdrawn_at IS NULL THEN {OFFICE} END",
        parts=(
            Part(
                "reporting_posteventreport",
                {"event_id": "event_id", "office_id": "office_id"},
                only=("state",),
            ),
            ISCMS_OF_EVENT,
        ),
    ),
)

# resource -> the scope that opens it
SCOPES = {watched.type: watched.scope for watched in WATCHED}
