"""A program that writes, as the tests of writing call it."""

from __future__ import annotations

import json
from typing import Any

from tests.api.client import Api


class Writer(Api):
    """The API as a program sees it that may write."""

    def send(self, method: str, address: str, body: Any = None, **headers: str) -> Any:
        return self.client.generic(
            method,
            f"/api/v1/{address}",
            json.dumps({} if body is None else body),
            content_type="application/json",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    def post(self, address: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", address, body, **headers)

    def change(self, answer: Any, address: str, body: Any) -> Any:
        """Change the record at ``address`` as ``answer`` told of it."""
        return self.send("PATCH", address, body, If_Match=answer["ETag"])
