"""How the tests call the API, and one row of everything that it shows."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable
from typing import Any

import openpyxl
import orjson
from django.test import Client
from django.urls import resolve

from engagements.models import User
from iscm_portal.common.choices import AccessGroup, Scope
from iscm_portal.common.models import ApiToken
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as told

READ = [
    Scope.READ_DIRECTORY,
    Scope.READ_REPORTS,
    Scope.READ_FINANCE,
    Scope.READ_INDICATORS,
]


def accepted_report(**kwargs: Any) -> Any:
    return told.PostEventReportFactory(state="accepted", **kwargs)


def view_of(name: str) -> Any:
    """The class that answers the list ``name``."""
    return resolve(f"/api/v1/{name}/").func.cls


# list -> scope, and what makes a row that stands in it
LISTS: dict[str, tuple[Scope, Callable[[], Any]]] = {
    "iscms": (Scope.READ_DIRECTORY, lambda: make.ISCMFactory(themes=[make.ThemeFactory()])),
    "iom-roles": (Scope.READ_DIRECTORY, make.IOMRoleFactory),
    "memberships": (Scope.READ_DIRECTORY, make.MembershipFactory),
    "countries": (Scope.READ_DIRECTORY, make.CountryFactory),
    "organisations": (Scope.READ_DIRECTORY, make.OrganisationFactory),
    "offices": (
        Scope.READ_DIRECTORY,
        lambda: make.OfficeFactory(focal_for=[make.ISCMFactory()]),
    ),
    "themes": (Scope.READ_DIRECTORY, make.ThemeFactory),
    "events": (
        Scope.READ_DIRECTORY,
        lambda: make.DelegateFactory(
            event=make.EventFactory(iscms=[make.ISCMFactory(), make.ISCMFactory()])
        ),
    ),
    "agenda-items": (
        Scope.READ_DIRECTORY,
        lambda: make.AgendaItemFactory(theme=make.ThemeFactory()),
    ),
    "support-requests": (
        Scope.READ_DIRECTORY,
        lambda: make.SupportRequestFactory(iscm=make.ISCMFactory(), country=make.CountryFactory()),
    ),
    "partnerships": (
        Scope.READ_DIRECTORY,
        lambda: make.PartnershipFactory(iscm=make.ISCMFactory()),
    ),
    "policy-instruments": (
        Scope.READ_DIRECTORY,
        lambda: make.PolicyInstrumentFactory(agenda_items=[make.AgendaItemFactory()]),
    ),
    "follow-ups": (
        Scope.READ_DIRECTORY,
        lambda: make.FollowUpActionFactory(owner=make.OfficeFactory()),
    ),
    "projects": (
        Scope.READ_FINANCE,
        lambda: money.ProjectFactory(donors=[make.OrganisationFactory()]),
    ),
    "attributions": (Scope.READ_FINANCE, money.AttributionFactory),
    "funding-lines": (Scope.READ_FINANCE, money.FundingLineFactory),
    "positions": (Scope.READ_FINANCE, money.PositionShareFactory),
    "time-entries": (Scope.READ_FINANCE, money.TimeEntryFactory),
    "funds": (Scope.READ_FINANCE, lambda: money.FundDisbursementFactory(case_number=1)),
    "contributions": (Scope.READ_FINANCE, money.AssessedContributionFactory),
    "proposals": (Scope.READ_FINANCE, money.ProposalFactory),
    "indicators": (Scope.READ_INDICATORS, told.IndicatorFactory),
    "indicator-values": (
        Scope.READ_INDICATORS,
        lambda: told.IndicatorValueFactory(iscm=make.ISCMFactory()),
    ),
    "compile-runs": (Scope.READ_INDICATORS, told.CompileRunFactory),
    "releases": (Scope.READ_INDICATORS, told.ReleaseFactory),
    "recommendations": (Scope.READ_INDICATORS, told.RecommendationFactory),
    "surveys": (
        Scope.READ_INDICATORS,
        lambda: told.QuestionFactory(
            survey=told.SurveyFactory(state="closed", iscm=make.ISCMFactory())
        ),
    ),
    "duties": (
        Scope.READ_REPORTS,
        lambda: told.DutyFactory(event=make.EventFactory(iscms=[make.ISCMFactory()])),
    ),
    "lessons": (
        Scope.READ_REPORTS,
        lambda: told.LessonFactory(
            report=accepted_report(event=make.EventFactory(iscms=[make.ISCMFactory()]))
        ),
    ),
    "reports": (
        Scope.READ_REPORTS,
        lambda: told.LessonFactory(
            report=accepted_report(event=make.EventFactory(iscms=[make.ISCMFactory()]))
        ),
    ),
}


# What ``changes/`` tells of by itself: a lesson is part of its report there.
FOLLOWED = {name: told for name, told in LISTS.items() if name != "lessons"}


class Api:
    """The API as a program sees it that holds a token."""

    def __init__(
        self, group: str = AccessGroup.IPD, scopes: list[Scope] | None = None, user: Any = None
    ) -> None:
        self.user: User = user or make.UserFactory(access_group=group)
        chosen = READ if scopes is None else scopes
        self.token, self.text = ApiToken.issue(self.user, [str(scope) for scope in chosen], 1)
        self.client = Client(headers={"Authorization": f"Bearer {self.text}"})

    def get(self, address: str, **query: Any) -> Any:
        """The answer to ``/api/v1/<address>``; an address in full is taken as it is."""
        path = address if address.startswith("http") else f"/api/v1/{address}"
        return self.client.get(path, query or None)

    def read(self, address: str, **query: Any) -> Any:
        """What a good answer holds."""
        response = self.get(address, **query)
        assert response.status_code == 200, response.content
        return orjson.loads(response.content)

    def results(self, address: str, **query: Any) -> list[dict[str, Any]]:
        return list(self.read(address, **query)["results"])

    def errors(self, address: str, **query: Any) -> dict[str, Any]:
        """What a refusal (400) says, by parameter."""
        response = self.get(address, **query)
        assert response.status_code == 400, response.content
        return dict(orjson.loads(response.content))

    def all(self, address: str, **query: Any) -> list[dict[str, Any]]:
        """The whole list, page after page."""
        page = self.read(address, **query)
        rows = page["results"]
        while page["next"]:
            page = self.read(page["next"])
            rows += page["results"]
        return list(rows)

    def table(self, address: str, **query: Any) -> list[dict[str, str]]:
        """The list as CSV, read back; its last line has to say how many rows there are."""
        response = self.get(address, format="csv", **query)
        assert response.status_code == 200, body(response)
        text = body(response).decode()
        lines = list(csv.reader(io.StringIO(text)))
        assert lines[-1] == ["Rows", str(len(lines) - 2)]
        return [dict(zip(lines[0], line, strict=True)) for line in lines[1:-1]]

    def sheet(self, address: str, **query: Any) -> list[list[Any]]:
        """The list as XLSX, read back: the header and the rows. The last sheet has to say how many
        there are."""
        response = self.get(address, format="xlsx", **query)
        assert response.status_code == 200, body(response)
        book = openpyxl.load_workbook(io.BytesIO(body(response)))
        rows = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
        heads = 2 if query.get("hxl") == "1" else 1
        assert list(book.worksheets[-1].values) == [("Rows", len(rows) - heads)]
        return rows


def body(response: Any) -> bytes:
    """The bytes of an answer, streamed or not."""
    return b"".join(response.streaming_content) if response.streaming else response.content


def basic(text: str, name: str = "anyone") -> str:
    """The header of HTTP Basic with a token as the password."""
    return "Basic " + base64.b64encode(f"{name}:{text}".encode()).decode()
