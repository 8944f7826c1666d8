"""What a browser keeps for its user while the line is down: the key it is sealed with, the page
that is shown meanwhile, and the worker that shows it."""

import base64
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac


def device_key(user: Any) -> str:
    """256 bits in base64, the same for a user on every device, given out to him alone.

    A browser seals with it what it keeps while the line is down, and forgets it when the page
    closes: what lies on the device is unreadable until the same person signs in again.
    """
    digest = salted_hmac("iscm_portal.devices", str(user.pk), algorithm="sha256").digest()
    return base64.b64encode(digest).decode()


def worker(request: HttpRequest) -> FileResponse:
    """The service worker's script, served from the root: a worker rules what lies below it."""
    path = Path(str(finders.find("portal/worker.js")))
    answer = FileResponse(path.open("rb"), content_type="text/javascript")
    answer["Cache-Control"] = "no-cache"
    return answer


def offline(request: HttpRequest) -> HttpResponse:
    """What the worker shows while there is no line; nothing in it is anybody's."""
    return render(request, "offline.html")
