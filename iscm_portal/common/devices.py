"""The key that texts kept on a shared device are sealed with."""

import base64
from typing import Any

from django.utils.crypto import salted_hmac


def device_key(user: Any) -> str:
    """256 bits in base64, the same for a user on every device, given out to him alone.

    A browser seals with it what it keeps while the line is down, and forgets it when the page
    closes: what lies on the device is unreadable until the same person signs in again.
    """
    digest = salted_hmac("iscm_portal.devices", str(user.pk), algorithm="sha256").digest()
    return base64.b64encode(digest).decode()
