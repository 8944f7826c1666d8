"""The days and the travel cost that an accepted report brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simple_history.utils import bulk_create_with_history

from ..models import FundingLine, TimeEntry


def record_from_report(
    time_entries: Sequence[TimeEntry], travel: Sequence[FundingLine], actor: Any
) -> None:
    """Write the days and the travel cost of an accepted report, with their history.

    Every row carries ``report_number`` and ``report_item``; the database refuses a second copy.
    """
    if time_entries:
        bulk_create_with_history(list(time_entries), TimeEntry, default_user=actor)
    if travel:
        bulk_create_with_history(list(travel), FundingLine, default_user=actor)
