"""Files a report on an event: PORTAL and TOKEN say where and by whom, the number follows.

A token with the scopes read:reports and write:reports, of somebody who files reports.

$ python file_report.py 114
"""

import os
import sys

from iscm_portal import Portal, PortalError

REPORT = {
    "participants": [{"title": "Programme officer", "grade": "P3", "days": "2.5"}],
    "agenda_items": [{"title": "Labour migration", "proposed_by_iom": True}],
    "discussed": "Members agreed on a work plan.",
    "support_requests": [
        {
            "what": "Training of labour inspectors",
            "country": "THA",
            "kind": "technical",
            "asked_on": "2026-03-11",
        }
    ],
    # An empty list says that there was nothing.
    "partnerships": [],
    "policy_instruments": [],
    "follow_ups": [{"what": "Send the curriculum", "due_on": "2026-06-01"}],
    "lessons": [],
}


def file_report(portal: Portal, event: int) -> int:
    """File the report; called again after a broken line it files it once."""
    number = portal.create("reports", {"event": event, **REPORT}, key=f"report-{event}")["id"]
    # A call that is made again is answered as it was then: read what became of the report since.
    report = portal.record("reports", number)
    if report["state"] == "draft":
        portal.act("reports", number, "submit", report.version)
    return int(number)


if __name__ == "__main__":
    try:
        number = file_report(Portal(os.environ["PORTAL"], os.environ["TOKEN"]), int(sys.argv[1]))
    except PortalError as error:  # what is wrong or missing, by field
        sys.exit(str(error))
    print(f"Report {number} is submitted.")
