"""A small client of the ISCM portal's API: the standard library alone, Python 3.11 or newer.

portal = Portal("https://portal.example.org", token)
for line in portal.records("funding-lines", year=2019):
    print(line["iscm_label"], line["amount_usd"])

line = portal.record("funding-lines", 17)
portal.change("funding-lines", 17, {"label": "Secretariat"}, line.version)
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
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen


class Record(dict[str, Any]):
    """What the portal tells of a record, and the version that it told of: "" of those of a list."""

    version = ""


class PortalError(Exception):
    """The portal refused: ``status``, and what it said."""

    def __init__(self, status: int, said: Any) -> None:
        super().__init__(f"{status}: {said}")
        self.status, self.said = status, said


class PositionGone(PortalError):
    """The changes can't be followed from there: take a new position, and pull the lists anew."""


@dataclass(frozen=True)
class Portal:
    """The portal at ``address``, read and written with a token."""

    address: str
    token: str
    page_size: int = 1000

    def record(self, resource: str, key: str | int, **query: Any) -> Record:
        """One record, by its slug, code, key or id, with the version to change it by."""
        return self._send("GET", self._of(resource, key, query))

    def records(self, resource: str, **query: Any) -> Iterator[Record]:
        """All records of a list that the filters leave, a page at a time."""
        place: str | None = self._at(f"{resource}/", {"page_size": self.page_size, **query})
        while place:
            page = self._json(place)
            yield from map(Record, page["results"])
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
        return Record(self._json(self._at("resources/", query)))

    def position(self, **query: Any) -> str:
        """The place in the changes that is now: take it, pull the lists, follow from it with the
        same query."""
        return str(self._json(self._at("changes/", {"after": "now", **query}))["position"])

    def changes(self, after: str, **query: Any) -> Iterator[Record]:
        """What was created, updated and deleted since a position, each with its own to go on from:
        keep the last one for the next time. Raises PositionGone."""
        asked = {"after": after, "page_size": self.page_size, **query}
        place: str | None = self._at("changes/", asked)
        while place:
            page = self._json(place)
            yield from map(Record, page["results"])
            place = page["next"]

    def create(self, resource: str, record: dict[str, Any], key: str) -> Record:
        """Make a record. ``key`` names the call: made again within a day it makes nothing more."""
        place = self._at(f"{resource}/", {})
        return self._send("POST", place, record, {"Idempotency-Key": key})

    def change(self, resource: str, key: str | int, values: dict[str, Any], version: str) -> Record:
        """Change a record as you read it; refused (412) where somebody changed it since."""
        place = self._of(resource, key, {})
        return self._send("PATCH", place, values, {"If-Match": version})

    def act(
        self,
        resource: str,
        key: str | int,
        act: str,
        version: str,
        values: dict[str, Any] | None = None,
    ) -> Record:
        """Do something with a record as you read it: submit a report, accept it, return it."""
        place = f"{self._of(resource, key, {})}{act}/"
        return self._send("POST", place, values or {}, {"If-Match": version})

    def delete(self, resource: str, key: str | int, reason: str, version: str) -> None:
        """Delete a record as you read it, and say why."""
        body = json.dumps({"reason": reason}).encode()
        self._open(self._of(resource, key, {}), "DELETE", body, {"If-Match": version}).close()

    def _send(
        self,
        method: str,
        place: str,
        values: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Record:
        data = None if values is None else json.dumps(values).encode()
        with self._open(place, method, data, headers) as answer:
            found = Record(json.load(answer))
            found.version = answer.headers["ETag"] or ""
        return found

    def _of(self, resource: str, key: str | int, query: dict[str, Any]) -> str:
        return self._at(f"{resource}/{quote(str(key), safe='')}/", query)

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
                    kind = PositionGone if error.code == 410 else PortalError
                    raise kind(error.code, error.read().decode()) from None
                time.sleep(int(error.headers["Retry-After"]))
