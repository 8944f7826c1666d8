"""Where a published value is wrong, IPD and the administrators are told, each in a mail."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.mail import get_connection
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from engagements.choices import NoticePace
from engagements.models import User
from iscm_portal.common import outbox
from iscm_portal.common.choices import AccessGroup

from ...models import AuditRun
from ..mails import mail_to
from .comparing import Difference

# The page has the others.
MOST_IN_A_MAIL = 10


def sound(run: AuditRun) -> None:
    """Leave word for everybody who is to know. Belongs to the transaction that keeps the run.

    In the portal the pages of notices and of quality say it, from the run itself.
    """
    people = User.objects.filter(
        is_active=True, access_group__in=[AccessGroup.IPD, AccessGroup.ADMIN]
    )
    for pk in people.order_by("pk").values_list("pk", flat=True):
        outbox.write("audit_differs", {"audit": run.pk, "person": pk})


@outbox.handles("audit_differs")
def tell(payload: dict[str, Any], at: dt.datetime) -> None:
    """Send one person the mail, if he wants any. A second one has the same Message-ID."""
    person = User.objects.filter(pk=payload["person"], is_active=True).exclude(email="").first()
    if person is None or person.notice_pace == NoticePace.NEVER:
        return
    run = AuditRun.objects.get(pk=payload["audit"])
    with translation.override(person.language):
        subject, paragraphs = _of_nothing_seen(run) if run.saw_nothing else _of_differences(run)
        message = mail_to(person, "audit", str(run.pk), subject, paragraphs)
    with get_connection() as connection:
        connection.send_messages([message])


def _of_differences(run: AuditRun) -> tuple[str, list[str]]:
    subject = ngettext(
        "%(n)d published value is not what the records say",
        "%(n)d published values are not what the records say",
        run.differing,
    ) % {"n": run.differing}
    return subject, [
        _("%(checked)d values were worked out a second time; %(n)d differ. The first are:")
        % {"checked": run.checked, "n": run.differing},
        "\n".join(f"- {Difference(**row)}" for row in run.differences[:MOST_IN_A_MAIL]),
        _("All of them: %(address)s") % {"address": f"{settings.PORTAL_URL}/quality/"},
    ]


def _of_nothing_seen(run: AuditRun) -> tuple[str, list[str]]:
    told = _(
        "All %(n)d published values wait for a change to be worked out: none could be checked."
    )
    runs = _("What runs, and what failed: %(address)s")
    return _("The published values could not be checked"), [
        told % {"n": run.waiting},
        runs % {"address": f"{settings.PORTAL_URL}/indicators/runs/"},
    ]
