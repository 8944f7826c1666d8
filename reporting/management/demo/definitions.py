"""Some indicators of the demo are active, with invented targets and thresholds; the others stay the
proposals that they are, without."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from engagements.models import User
from iscm_portal.common.history import change_with_history
from reporting.choices import IndicatorState
from reporting.models import Indicator
from reporting.services.defining import change_state, save_definition, version_number

from . import REASON, SOURCE, World

INVENTED = "Demo: invented, to show how values are held against thresholds."

# indicator -> baseline (a figure of the demo) and its year, target, on track from, attention from
HELD_AGAINST: dict[str, tuple[tuple[str, int] | None, str, str, str]] = {
    "support_requests": (("30", 2024), "90", "80", "60"),
    "satisfaction": (("3.48", 2024), "4.2", "4", "3.5"),
    "report_coverage": (None, "100", "90", "70"),
    "report_timeliness": (None, "10", "14", "21"),
    "follow_up_completion": (None, "60", "50", "35"),
}


def activate_some(world: World, author: User) -> None:
    at = dt.datetime.combine(world.today, dt.time(9), dt.UTC)
    for key, (baseline, target, green, amber) in HELD_AGAINST.items():
        indicator = Indicator.objects.get(key=key)
        change_with_history(indicator, {"is_demo": True}, author, REASON)
        values: dict[str, Any] = {
            "target": Decimal(target),
            "green_from": Decimal(green),
            "amber_from": Decimal(amber),
            "rationale": INVENTED,
            "due_on": dt.date(world.today.year + 2, 12, 31),
        }
        if baseline:
            values |= {
                "baseline": Decimal(baseline[0]),
                "baseline_year": baseline[1],
                "baseline_source": SOURCE,
                "no_baseline_reason": "",
            }
        saved = save_definition(
            key, values, author, at, seen=version_number(indicator), reason=REASON
        )
        change_state(
            key, IndicatorState.ACTIVE, author, at, seen=version_number(saved), reason=REASON
        )
