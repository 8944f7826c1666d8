"""The same call twice: ``Idempotency-Key`` names a POST, and a day long its answer is kept."""

from __future__ import annotations

import datetime as dt
import hashlib
import json

from celery import shared_task
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.request import Request

from .api_refusals import OtherCall
from .models import KeyedCall

KEY_LENGTH = 100
KEPT = dt.timedelta(hours=24)


def keyed_call(request: Request) -> KeyedCall | None:
    """The call that the request's key names, held until the commit; None without a key.

    Raises ValidationError for what is no key, OtherCall for one that was used otherwise.
    """
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        return None
    if len(key) > KEY_LENGTH or not key.isprintable():
        words = _("Give a key of at most %(most)s characters.") % {"most": KEY_LENGTH}
        raise exceptions.ValidationError({"Idempotency-Key": [words]})
    now, user = timezone.now(), int(request.user.pk or 0)
    told = f"{request.path}\n".encode() + json.dumps(request.data, sort_keys=True).encode()
    digest = hashlib.sha256(told).hexdigest()
    calls = KeyedCall.objects.filter(user=user, key=key)
    calls.filter(called_at__lte=now - KEPT).delete()
    try:
        with transaction.atomic():
            return KeyedCall.objects.create(user_id=user, key=key, digest=digest, called_at=now)
    except IntegrityError:
        # The first one came before, or at once: then this one has waited for its commit.
        call = calls.select_for_update().first()
    if call is None or call.digest != digest:
        raise OtherCall(_("This key was used for another call; give each call its own."))
    return call


@shared_task(name="common.forget_keyed_calls")
def forget_keyed_calls() -> None:
    """Remove what is told of calls whose day is over: their keys are new again anyway."""
    KeyedCall.objects.filter(called_at__lte=timezone.now() - KEPT).delete()
