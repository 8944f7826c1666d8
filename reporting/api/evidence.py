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
    """How records of one model appear, and the scope that opens them, as it opens their list."""

    type: str
    scope: Scope
    label: str
    dated_on: str | None = None
    iscm: str | None = None
    report: str | None = None

    @property
    def columns(self) -> list[Combinable]:
        paths = (self.label, self.dated_on, self.iscm, self.report)
        return [F("pk"), *(F(path) if path else NOTHING for path in paths)]


DIRECTORY, FINANCE = Scope.READ_DIRECTORY, Scope.READ_FINANCE
BY_REPORT = {"iscm": "iscm__slug", "report": "report_number"}
BY_ISCM = {"iscm": "iscm__slug"}

KINDS: dict[type[Model], RecordKind] = {
    SupportRequest: RecordKind("support-request", DIRECTORY, "what", "asked_on", **BY_REPORT),
    Partnership: RecordKind(
        "partnership", DIRECTORY, "organisation__name", "since_on", **BY_REPORT
    ),
    PolicyInstrument: RecordKind("policy-instrument", DIRECTORY, "title", "dated_on", **BY_REPORT),
    FollowUpAction: RecordKind("follow-up", DIRECTORY, "what", "due_on", **BY_REPORT),
    Event: RecordKind("event", DIRECTORY, "name", "starts_on"),
    Duty: RecordKind("duty", Scope.READ_REPORTS, "event__name", "due_on"),
    Survey: RecordKind("survey", Scope.READ_INDICATORS, "title", "closed_on", **BY_ISCM),
    Proposal: RecordKind("proposal", FINANCE, "title", "decided_on", **BY_ISCM),
    AssessedContribution: RecordKind("contribution", FINANCE, "country__name_en", **BY_ISCM),
    FundingLine: RecordKind("funding-line", FINANCE, "label", **BY_REPORT),
    Attribution: RecordKind("attribution", FINANCE, "project__code", **BY_ISCM),
    Position: RecordKind("position", FINANCE, "title", "starts_on"),
    TimeEntry: RecordKind("time-entry", FINANCE, "title", "worked_on", **BY_REPORT),
}


def record_sets(value: IndicatorValue, request: Request) -> list[tuple[RecordKind, PortalQuerySet]]:
    """The records of the value's cell that the request may read, by kind; those whose scope it
    lacks are left out without a word."""
    found = []
    for _label, rows in record_sets_of(value):
        kind = KINDS[rows.model]
        if not holds(request, kind.scope):
            continue
        if kind.scope == FINANCE:
            found.append((kind, readable_by_scope(rows, request.user)))
        else:
            found.append((kind, rows.visible_to(request.user)))
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
    base = request.build_absolute_uri(reverse(f"api-{kind.type}-list"))
    for pk, label, dated_on, iscm, report in rows.values_list(*kind.columns).iterator(CHUNK):
        values = (kind.type, pk, label, dated_on, iscm, report, f"{base}{pk}/")
        yield dict(zip(COLUMNS, values, strict=True))
