"""Who may do what with a report. The rights themselves stand in ``common.access``."""

from __future__ import annotations

from typing import Any

from iscm_portal.common.access import may

from .choices import ReportState
from .models import Duty, PostEventReport


def _of_own_office(user: Any, report: PostEventReport) -> bool:
    return user.office_id is not None and user.office_id == report.office_id


def may_start_report(user: Any) -> bool:
    """A report is written for one's own office."""
    return may(user, "write_own_office_reports") and user.office_id is not None


def may_edit_report(user: Any, report: PostEventReport) -> bool:
    """Write in a draft or a returned report of the own office."""
    return (
        report.is_open
        and may(user, "write_own_office_reports")
        and (_of_own_office(user, report) or report.author_id == user.pk)
    )


def may_review(user: Any) -> bool:
    """Has a queue of reports to look at: IPD's of all offices, a manager's of the own."""
    return may(user, "review_all_reports") or may(user, "return_own_office_reports")


def may_return_report(user: Any, report: PostEventReport) -> bool:
    """IPD returns any report in review, a manager those of the own office."""
    if report.state != ReportState.SUBMITTED:
        return False
    own = may(user, "return_own_office_reports") and _of_own_office(user, report)
    return own or may(user, "review_all_reports")


def may_comment_on_report(user: Any, report: PostEventReport) -> bool:
    """Who may return a report says at its fields why."""
    return may_return_report(user, report)


def may_forward_report(user: Any, report: PostEventReport) -> bool:
    """A manager tells IPD that the own office's report is checked."""
    return (
        report.state == ReportState.SUBMITTED
        and may(user, "forward_own_office_reports")
        and _of_own_office(user, report)
    )


def may_accept_report(user: Any, report: PostEventReport) -> bool:
    return report.state == ReportState.SUBMITTED and may(user, "review_all_reports")


def may_correct_report(user: Any, report: PostEventReport) -> bool:
    """The office corrects its accepted report; IPD may correct any."""
    if report.state != ReportState.ACCEPTED:
        return False
    own = may(user, "write_own_office_reports") and _of_own_office(user, report)
    return own or may(user, "review_all_reports")


def may_read_internal(user: Any, report: PostEventReport) -> bool:
    """Internal remarks are for all IOM staff, not for analysts and their tools."""
    return may(user, "read_internal_remarks")


def may_read_restricted(user: Any, report: PostEventReport) -> bool:
    """Restricted remarks are for the reporting office and IPD; the author always reads them."""
    own = may(user, "read_restricted_of_own_office") and _of_own_office(user, report)
    return own or may(user, "read_restricted") or report.author_id == user.pk


def may_read_working_papers(user: Any, report: PostEventReport) -> bool:
    """Comments and versions of the review are for the reporting office and IPD."""
    own = may(user, "read_own_office_reports") and _of_own_office(user, report)
    return own or may(user, "read_all_reports")


def may_read_costs(user: Any, report: PostEventReport) -> bool:
    """Days, grades, who pays and travel are lines of money and time: for finance, IPD and the
    reporting office; the author always reads them."""
    own = may(user, "read_own_office_finance") and _of_own_office(user, report)
    return own or may(user, "read_all_finance") or report.author_id == user.pk


def may_answer_duty(user: Any, duty: Duty) -> bool:
    """An office answers its own duties."""
    return may(user, "write_own_office_reports") and user.office_id == duty.office_id


def may_decide_extension(user: Any, duty: Duty) -> bool:
    """A manager grants more time to the own office, IPD to all."""
    own = may(user, "decide_extensions_of_own_office") and user.office_id == duty.office_id
    return own or may(user, "review_all_reports")


def may_edit_definitions(user: Any) -> bool:
    """Write the definitions of indicators, activate and retire them."""
    return may(user, "edit_indicators")
