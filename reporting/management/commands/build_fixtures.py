"""Make the fixtures of the real records from the researched data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from reporting.management.seed import (
    Record,
    definitions,
    directory,
    mechanisms,
    money,
    organisations,
    told,
)

SEEDS = ("iscms", "finance", "staffing", "offices", "events", "indicators", "recommendations")


def build(data: dict[str, Any]) -> dict[str, list[Record]]:
    """The fixture files (path without ending -> records) made from the seed files."""
    iscms = data["iscms"]["records"]
    return {
        "reference/themes": directory.build_themes(data["iscms"]),
        "reference/reference_frames": directory.build_reference_frames(data["indicators"]),
        "evaluation_2019/organisations": organisations.build_organisations(iscms),
        "evaluation_2019/iscms": mechanisms.build_iscms(iscms),
        "evaluation_2019/memberships": mechanisms.build_memberships(iscms),
        "evaluation_2019/secretariats": mechanisms.build_secretariats(iscms),
        "evaluation_2019/chairmanships": mechanisms.build_chairmanships(iscms),
        "evaluation_2019/working_groups": mechanisms.build_working_groups(iscms),
        "evaluation_2019/iom_roles": mechanisms.build_iom_roles(iscms),
        "evaluation_2019/source_notes": told.build_source_notes(
            iscms, data["finance"], data["staffing"]
        ),
        "evaluation_2019/offices": directory.build_offices(data["offices"]["records"], iscms),
        "evaluation_2019/events": directory.build_events(data["events"]["records"]),
        "evaluation_2019/projects": money.build_projects(),
        "evaluation_2019/attributions": money.build_attributions(),
        "evaluation_2019/funding_lines": money.build_funding_lines(data["finance"]["records"]),
        "evaluation_2019/staff_counts": money.build_staff_counts(data["staffing"]["records"]),
        "evaluation_2019/positions": money.build_positions(),
        "evaluation_2019/position_shares": money.build_position_shares(),
        "evaluation_2019/reserve_funds": money.build_reserve_funds(),
        "evaluation_2019/objectives": definitions.build_objectives(),
        "evaluation_2019/indicators": told.build_indicators(data["indicators"]),
        "evaluation_2019/recommendations": told.build_recommendations(
            data["recommendations"]["records"]
        ),
    }


class Command(BaseCommand):
    help = (
        "Makes fixtures/reference and fixtures/evaluation_2019 from the researched data at PATH. "
        "Countries are kept by hand."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="folder with iscms.json, finance.json, ...")
        parser.add_argument("--to", type=Path, default=settings.BASE_DIR / "fixtures")

    def handle(self, *args: Any, path: Path, to: Path, **options: Any) -> None:
        data = {}
        for name in SEEDS:
            try:
                data[name] = json.loads((path / f"{name}.json").read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise CommandError(f"{path / name}.json cannot be read: {error}") from error
        for name, records in build(data).items():
            target = to / f"{name}.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(records, ensure_ascii=False, indent=1)
            target.write_text(text + "\n", encoding="utf-8")
            self.stdout.write(f"{len(records):5} {name}")
