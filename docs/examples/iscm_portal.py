"""A small client of the ISCM portal's API: the standard library alone, Python 3.11 or newer.

portal = Portal("https://portal.example.org", token)
for line in portal.records("funding-lines", year=2019):
    print(line["iscm_label"], line["amount_usd"])
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

Record = dict[str, Any]


class PortalError(Exception):
    """The portal refused: ``status``, and what it said."""

    def __init__(self, status: int, said: Any) -> None:
        super().__init__(f"{status}: {said}")
        self.status, self.said = status, said


@dataclass(frozen=True)
class Portal:
    """The portal at ``address``, read and written with a token."""

    address: str
    token: str
    page_size: int = 1000

    def record(self, resource: str, key: str | int, **query: Any) -> Record:
        """One record, by its slug, code, key or id."""
        found: Record = self._json(self._at(f"{resource}/{key}/", query))
        return found

    def records(self, resource: str, **query: Any) -> Iterator[Record]:
        """All records of a list that the filters leave, a page at a time."""
        place: str | None = self._at(f"{resource}/", {"page_size": self.page_size, **query})
        while place:
            page = self._json(place)
            yield from page["results"]
            place = page["next"]

    def table(self, resource: str, **query: Any) -> list[dict[str, str]]:
        """The whole list as CSV in one answer, a dictionary a row; refused unless it is whole."""
        text = self._get(self._at(f"{resource}/", {"format": "csv", **query})).decode()
        head, *lines = csv.reader(io.StringIO(text))
        *rows, last = lines
        if last != ["Rows", str(len(rows))]:
            raise PortalError(200, "The file ended before its last line.")
        return [dict(zip(head, row, strict=True)) for row in rows]

    def resources(self, **query: Any) -> Record:
        """What the mechanisms cost: rows and totals, known and the range around it."""
        found: Record = self._json(self._at("resources/", query))
        return found

    def create(self, resource: str, record: Record, key: str) -> Record:
        """Make a record. ``key`` names the call: made again within a day it makes nothing more."""
        place = self._at(f"{resource}/", {})
        return self._send("POST", place, record, {"Idempotency-Key": key})

    def change(self, resource: str, key: str | int, values: Record) -> Record:
        """Change a record; refused (412) when somebody else changes it at the same time."""
        return self._write("PATCH", resource, key, "", values)

    def act(self, resource: str, key: str | int, act: str, values: Record | None = None) -> Record:
        """Do something with a record: submit a report, accept it, return it."""
        return self._write("POST", resource, key, f"{act}/", values or {})

    def _write(
        self, method: str, resource: str, key: str | int, act: str, values: Record
    ) -> Record:
        place = self._at(f"{resource}/{key}/", {})
        with self._open(place) as answer:
            version = str(answer.headers["ETag"])
        return self._send(method, f"{place}{act}", values, {"If-Match": version})

    def _send(self, method: str, place: str, body: Record, headers: dict[str, str]) -> Record:
        data = json.dumps(body).encode()
        with self._open(place, method, data, headers) as answer:
            found: Record = json.load(answer)
        return found

    def _at(self, path: str, query: dict[str, Any]) -> str:
        asked = f"?{urlencode(query)}" if query else ""
        return f"{self.address}/api/v1/{path}{asked}"

    def _json(self, place: str) -> Any:
        return json.loads(self._get(place))

    def _get(self, place: str) -> bytes:
        with self._open(place) as answer:
            content: bytes = answer.read()
        return content

    def _open(
        self,
        place: str,
        method: str = "GET",
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        own = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = Request(place, data, {**own, **(headers or {})}, method=method)
        while True:
            try:
                return urlopen(request)
            except HTTPError as error:
                if error.code != 429:
                    raise PortalError(error.code, error.read().decode()) from None
                time.sleep(int(error.headers["Retry-After"]))
