"""``manage.py import_data KIND FILE [--dry-run] [--reason TEXT] [--user NAME]``"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.files import File
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from finance import permissions, tasks
from finance.choices import ImportState
from finance.models import ImportRun
from finance.services.importing import runs, showing
from finance.services.importing.columns import KINDS
from finance.services.importing.reading import check_file
from iscm_portal.common.choices import AccessGroup
from iscm_portal.common.documents import FileRefused
from iscm_portal.common.uploads import NotStored


class Command(BaseCommand):
    help = "Check a file and write it, whole or not at all, as the pages under /imports/ do."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", metavar="KIND", choices=list(KINDS))
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="check it, and write nothing")
        parser.add_argument("--reason", default="", help="why figures change")
        parser.add_argument("--user", help="in whose name; else the first administrator's")

    def handle(self, *args: Any, kind: str, file: Path, **options: Any) -> None:
        actor = _actor(options["user"])
        run = self._checked(kind, file, actor)
        if run.state != ImportState.CHECKED:
            self._tell_errors(run)
        self.stdout.write(
            f"Import {run.pk}: {run.new} new, {run.changed} changed, {run.same} unchanged"
        )
        if options["dry_run"]:
            return
        try:
            runs.ask_to_write(run.pk, options["reason"], actor)
        except runs.NothingToChange as nothing:
            self.stdout.write(str(nothing))
            return
        except runs.StepRefused as refused:
            raise CommandError(f"{refused} (--reason)") from None
        tasks.write_import.apply(kwargs={"run_id": run.pk}, throw=True)
        run.refresh_from_db()
        if run.state != ImportState.WRITTEN:
            raise CommandError(run.problem)
        self.stdout.write("Written.")

    def _checked(self, kind: str, file: Path, actor: Any) -> ImportRun:
        """The run of the file, checked in this process, and on record like a run of the worker."""
        try:
            with file.open("rb") as content:
                check_file(file.name, content)
                run = runs.start_run(kind, File(content), file.name, actor, timezone.now())
        except (OSError, FileRefused, NotStored) as error:
            raise CommandError(str(error)) from None
        tasks.check_import.apply(kwargs={"run_id": run.pk}, throw=True)
        run.refresh_from_db()
        return run

    def _tell_errors(self, run: ImportRun) -> None:
        for error in run.cell_errors.iterator(chunk_size=2000):
            self.stderr.write(f"{run.sheet}!{showing.place_of(error)}: {error.text}")
        raise CommandError(run.problem or f"Errors: {run.errors}. Nothing was written.")


def _actor(name: str | None) -> Any:
    users = get_user_model().objects.filter(is_active=True)
    if name is None:
        user = users.filter(access_group=AccessGroup.ADMIN).order_by("pk").first()
    else:
        user = users.filter(username=name).first()
    if user is None:
        raise CommandError("There is no such user. Name one who edits finance with --user.")
    if not permissions.may_import(user):
        raise CommandError(f"{user.username} may not import.")
    return user
