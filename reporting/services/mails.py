"""A mail of the portal to one person: its reply address, its way to end such mails, its id."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _

from engagements.models import User

UNSUBSCRIBE = "iscm_portal.notices.unsubscribe"


def mail_to(
    person: User, kind: str, keys: str, subject: str, paragraphs: list[str]
) -> EmailMessage:
    """A mail in the language that is active. ``kind`` and ``keys`` name what it tells: sent
    again, it has the same Message-ID, by which mail programs know it again.
    """
    token = signing.dumps(person.pk, salt=UNSUBSCRIBE)
    away = f"{settings.PORTAL_URL}/notices/unsubscribe/{token}/"
    settings_page = f"{settings.PORTAL_URL}/profile/"
    body = "\n\n".join(
        [
            _("Dear %(name)s,") % {"name": person.label},
            *paragraphs,
            _("How often you get these: %(address)s") % {"address": settings_page},
            _("No more of them by e-mail: %(address)s") % {"address": away},
        ]
    )
    digest = hashlib.sha256(f"{person.pk}:{keys}".encode()).hexdigest()[:32]
    domain = settings.DEFAULT_FROM_EMAIL.partition("@")[2] or "localhost"
    return EmailMessage(
        # A header is one line, whatever the name of an event holds.
        subject=" ".join(subject.split()),
        body=body,
        to=[person.email],
        reply_to=[settings.PORTAL_REPLY_TO] if settings.PORTAL_REPLY_TO else None,
        headers={
            "Message-ID": f"<{kind}.{digest}@{domain}>",
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{away}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
