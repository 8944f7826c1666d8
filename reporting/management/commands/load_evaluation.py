"""Load the reference data and the real records."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from iscm_portal.common import outbox
from iscm_portal.common.locks import lock_until_commit
from iscm_portal.common.models import JobRun
from reporting.management.loading.nouns import NOUNS, FixtureError, Names
from reporting.management.loading.upsert import REASON, load
from reporting.services.defining import keep_versions

TASK = "load_evaluation"


def digest(folder: Path) -> str:
    """A digest of all fixture files that are loaded: the same text, the same digest."""
    whole = hashlib.sha256()
    for noun in NOUNS:
        whole.update(noun.file.encode() + b"\0")
        whole.update((folder / f"{noun.file}.json").read_bytes())
    return whole.hexdigest()


class Command(BaseCommand):
    help = (
        "Loads fixtures/reference and fixtures/evaluation_2019. Does nothing when these very "
        "files are loaded already; never overwrites what somebody changed in the portal."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fixtures", type=Path, default=settings.BASE_DIR / "fixtures")
        parser.add_argument("--again", action="store_true", help="compare even if unchanged")

    def handle(self, *args: Any, fixtures: Path, again: bool, **options: Any) -> None:
        present = digest(fixtures)
        last = JobRun.objects.filter(task=TASK, state=JobRun.State.DONE).first()
        if last and last.arguments.get("digest") == present and not again:
            self.stdout.write("The evaluation's records are loaded and unchanged.")
            return
        names = Names()
        with transaction.atomic():
            lock_until_commit(TASK)
            whole: Counter[str] = Counter()
            for noun in NOUNS:
                records = json.loads((fixtures / f"{noun.file}.json").read_text(encoding="utf-8"))
                try:
                    counts = load(noun, records, names)
                except FixtureError as error:
                    raise CommandError(f"{noun.file}: {error}") from error
                self.stdout.write(f"{noun.file}: {_told(counts)}")
                whole += counts
            keep_versions(timezone.now(), REASON)
            if whole["added"] or whole["changed"]:
                outbox.write("evidence_changed", {"whole": True})
            JobRun.objects.create(
                task=TASK,
                arguments={"digest": present},
                state=JobRun.State.DONE,
                ended_at=timezone.now(),
            )


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {word}" for word, number in sorted(counts.items()) if number)
