"""Make an API token for a user, from the command line."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from iscm_portal.common.access import allowed_scopes, reading_that_lacks
from iscm_portal.common.choices import Scope
from iscm_portal.common.models import ApiToken


class Command(BaseCommand):
    help = "Makes an API token for USER and prints it, alone on the last line, this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="USER")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            dest="scopes",
            metavar="SCOPE",
            help=f"once for each scope: {', '.join(Scope.values)}",
        )
        parser.add_argument("--days", type=int, required=True, help="valid for so many days")
        parser.add_argument("--label", default="", help="what the token is for")

    def handle(
        self,
        *args: Any,
        username: str,
        scopes: list[str],
        days: int,
        label: str,
        **options: Any,
    ) -> None:
        users = get_user_model()
        try:
            user = users.objects.get(username=username)
        except users.DoesNotExist:
            raise CommandError(f"There is no user {username!r}.") from None
        wanted = list(dict.fromkeys(scopes))
        if unknown := sorted(set(wanted) - set(Scope.values)):
            raise CommandError(f"There is no scope {', '.join(unknown)}.")
        allowed = allowed_scopes(user)
        if refused := [scope for scope in wanted if scope not in allowed]:
            raise CommandError(f"{username} may not give a token {', '.join(refused)}.")
        for write, reading in reading_that_lacks(wanted).items():
            raise CommandError(f"{write} opens nothing without {' or '.join(reading)}.")
        if not 1 <= days <= 3650:
            raise CommandError("--days is a number from 1 to 3650.")
        token, text = ApiToken.issue(user, wanted, days, label)
        self.stdout.write(f"Valid until {token.expires_at:%Y-%m-%d %H:%M} UTC. Not shown again:")
        self.stdout.write(text)
