"""The records behind a value, of several kinds in one list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Model, QuerySet, TextField, Value
from django.db.models.expressions import Combinable
from django.urls import reverse
from rest_framework.request import Request

from engagements.models import (
    Event,
    FollowUpAction,
    Partnership,
    PolicyInstrument,
    SupportRequest,
)
from finance.models import (
    AssessedContribution,
    Attribution,
    FundingLine,
    Position,
    Proposal,
    TimeEntry,
)
from finance.permissions import readable_by_scope
from iscm_portal.common import pagination
from iscm_portal.common.api import holds
from iscm_portal.common.choices import Scope
from iscm_portal.common.querysets import PortalQuerySet
from iscm_portal.common.records import CHUNK
from iscm_portal.common.tables import Column, Kind

from ..measures.evidence import record_sets_of
from ..models import Duty, IndicatorValue, Survey

# A column that a kind of record does not have.
NOTHING = Value(None, output_field=TextField())
TABLE_COLUMNS = [
    Column("type", Kind.CODE, "#meta+type"),
    Column("id", Kind.NUMBER),
    Column("label"),
    Column("dated_on", Kind.DAY),
    Column("iscm"),
    Column("report", Kind.NUMBER),
    Column("url"),
]
COLUMNS = [column.name for column in TABLE_COLUMNS]


@dataclass(frozen=True)
class RecordKind:
    """How records of one model appear; without ``endpoint`` they have no address of their own."""

    type: str
    label: str
    dated_on: str | None = None
    iscm: str | None = None
    report: str | None = None
    endpoint: str | None = None
    is_money: bool = False

    @property
    def columns(self) -> list[Combinable]:
        paths = (self.label, self.dated_on, self.iscm, self.report)
        return [F("pk"), *(F(path) if path else NOTHING for path in paths)]


KINDS: dict[type[Model], RecordKind] = {
    SupportRequest: RecordKind(
        "support-request", "what", "asked_on", "iscm__slug", "report_number", "api-support-request"
    ),
    Partnership: RecordKind(
        "partnership",
        "organisation__name",
        "since_on",
        "iscm__slug",
        "report_number",
        "api-partnership",
    ),
    PolicyInstrument: RecordKind(
        "policy-instrument",
        "title",
        "dated_on",
        "iscm__slug",
        "report_number",
        "api-policy-instrument",
    ),
    FollowUpAction: RecordKind(
        "follow-up", "what", "due_on", "iscm__slug", "report_number", "api-follow-up"
    ),
    Proposal: RecordKind(
        "proposal", "title", "decided_on", "iscm__slug", None, "api-proposal", is_money=True
    ),
    AssessedContribution: RecordKind(
        "contribution",
        "country__name_en",
        None,
        "iscm__slug",
        None,
        "api-contribution",
        is_money=True,
    ),
    Duty: RecordKind("duty", "event__name", "due_on", endpoint="api-duty"),
    Event: RecordKind("event", "name", "starts_on", endpoint="api-event"),
    Survey: RecordKind("survey", "title", "closed_on", "iscm__slug", None, "api-survey"),
    FundingLine: RecordKind(
        "funding-line",
        "label",
        None,
        "iscm__slug",
        "report_number",
        "api-funding-line",
        is_money=True,
    ),
    Attribution: RecordKind(
        "attribution", "project__code", None, "iscm__slug", None, "api-attribution", is_money=True
    ),
    Position: RecordKind(
        "position", "title", "starts_on", None, None, "api-position", is_money=True
    ),
    TimeEntry: RecordKind(
        "time-entry",
        "title",
        "worked_on",
        "iscm__slug",
        "report_number",
        "api-time-entry",
        is_money=True,
    ),
}


def record_sets(value: IndicatorValue, request: Request) -> list[tuple[RecordKind, PortalQuerySet]]:
    """The records of the value's cell that the request may read, by kind.

    Money is left out without the finance scope.
    """
    found = []
    for _label, rows in record_sets_of(value):
        kind = KINDS[rows.model]
        if not kind.is_money:
            found.append((kind, rows.visible_to(request.user)))
        elif holds(request, Scope.READ_FINANCE):
            found.append((kind, readable_by_scope(rows, request.user)))
    return found


def page(value: IndicatorValue, request: Request) -> dict[str, Any]:
    """A page of the records, kind after kind, each by ``id``: as steady as any other list."""
    size = pagination.page_size(request)
    first, after = pagination.read_cursor(request, request.path) or [0, 0]
    sets = record_sets(value, request)
    records: list[dict[str, Any]] = []
    places: list[list[int]] = []
    for number in range(first, len(sets)):
        kind, rows = sets[number]
        rows = rows.filter(pk__gt=after) if number == first else rows
        wanted = size + 1 - len(records)
        for record in _read(kind, rows.order_by("pk")[:wanted], request):
            records.append(record)
            places.append([number, record["id"]])
        if len(records) > size:
            break
    more = len(records) > size
    address = pagination.next_address(request, request.path, places[size - 1]) if more else None
    return {"results": records[:size], "next": address}


def lines(value: IndicatorValue, request: Request) -> Iterator[list[Any]]:
    """All records as the lines of a table."""
    for kind, rows in record_sets(value, request):
        for record in _read(kind, rows.order_by("pk"), request):
            yield list(record.values())


def _read(kind: RecordKind, rows: QuerySet[Any], request: Request) -> Iterator[dict[str, Any]]:
    base = None
    if kind.endpoint:
        base = request.build_absolute_uri(reverse(f"{kind.endpoint}-list"))
    for pk, label, dated_on, iscm, report in rows.values_list(*kind.columns).iterator(CHUNK):
        values = (kind.type, pk, label, dated_on, iscm, report, base and f"{base}{pk}/")
        yield dict(zip(COLUMNS, values, strict=True))
