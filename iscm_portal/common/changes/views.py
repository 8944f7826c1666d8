"""``/api/v1/changes/``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from .. import pagination
from ..access import HasAnyScope, granted_scopes
from ..api import Endpoint, EndpointSchema
from ..choices import Scope
from ..renderers import JSONRenderer
from . import feed
from .telling import told
from .watched import SCOPES

NOW = "now"


class Gone(exceptions.APIException):
    status_code = 410
    default_code = "gone"


class ChangeSerializer(serializers.Serializer[Any]):
    """That a record was created, updated or deleted. What it says now is at its address."""

    position = serializers.CharField(help_text="The place after this change, for `after=`.")
    type = serializers.ChoiceField(choices=sorted(SCOPES), help_text="The resource.")
    id = serializers.IntegerField(help_text="The record's.")
    change = serializers.ChoiceField(choices=["created", "updated", "deleted"])
    changed_at = serializers.DateTimeField()
    url = serializers.URLField(allow_null=True, help_text="The record; null of one deleted.")


class ChangesSerializer(serializers.Serializer[Any]):
    results = ChangeSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="More changes; null: there are none.")
    position = serializers.CharField(help_text="The place after these, for the next `after=`.")


class ChangesSchema(EndpointSchema):
    def get_description(self) -> str:  # type: ignore[override]
        scopes = sorted({f"`{scope.value}`" for scope in SCOPES.values()})
        return f"{super().get_description()}\n\nScope: any of {', '.join(scopes)}."

    def get_response_serializers(self) -> Any:
        gone = "The position is too old, or what the reader may see has changed: pull anew."
        return {
            (200, "application/json"): ChangesSerializer,
            **self.errors(may_lack=False),
            **self.error(410, gone),
        }


class ChangesView(Endpoint):
    """What was created, updated and deleted, over all resources that the reader's scopes open.

    In an order in which no change is missing and none appears twice, whoever writes meanwhile.
    A record that comes into the reader's sight is created to it, one that leaves it deleted.
    Begin with `after=now`, pull the lists, then go on from `position`; a position is good for 90
    days. Without `after` the feed begins with the oldest change that is kept.
    """

    permission_classes = [HasAnyScope]
    renderer_classes = [JSONRenderer]
    serializer_class = ChangesSerializer
    schema = ChangesSchema()

    @extend_schema(
        operation_id="changes_list",
        parameters=[
            OpenApiParameter(
                "after", str, description="A `position`, or `now`: nothing before this moment."
            ),
            OpenApiParameter("type", str, description="Resources, by commas; others are left out."),
            OpenApiParameter(
                "page_size",
                OpenApiTypes.INT,
                description=f"Changes a page, 1 to {pagination.MAX_PAGE_SIZE}"
                f" ({pagination.PAGE_SIZE} unless said otherwise).",
            ),
        ],
    )
    def get(self, request: Request) -> Response:
        self.check_parameters(request, frozenset({"after", "type", "page_size", "format"}))
        size = pagination.page_size(request)
        scopes = granted_scopes(request.user, request.auth)
        reader = feed.Reader.of(request.user, scopes, self.wanted_types(request, scopes))
        at = timezone.now()
        page = feed.read(reader, self.begin(request, reader, at), size, at)
        position = page.position.text(reader)
        base = request.build_absolute_uri("/api/v1/")
        return Response(
            {
                "results": [
                    {
                        "position": entry.position.text(reader),
                        **told(entry, base),
                    }
                    for entry in page.entries
                ],
                "next": self.address(request, position) if page.has_more else None,
                "position": position,
            }
        )

    def wanted_types(self, request: Request, scopes: Collection[Scope]) -> list[str]:
        """The types that are asked for. One that the scopes do not open is an error, as its list
        is a refusal: it must not look like "nothing happened"."""
        text = request.query_params.get("type", "")
        names = [name.strip() for name in text.split(",")] if text else []
        if unknown := [name for name in names if name not in SCOPES]:
            said = _("Unknown: %(unknown)s. Known are: %(known)s.")
            known = ", ".join(sorted(SCOPES))
            raise exceptions.ValidationError(
                {"type": [said % {"unknown": ", ".join(unknown), "known": known}]}
            )
        if closed := sorted({SCOPES[name] for name in names} - set(scopes)):
            said = _("The token lacks %(scopes)s.")
            raise exceptions.ValidationError({"type": [said % {"scopes": ", ".join(closed)}]})
        return names

    def begin(self, request: Request, reader: feed.Reader, at: Any) -> feed.Position:
        """The place that the request names. Raises ValidationError and Gone."""
        text = request.query_params.get("after", "")
        if text in ("", NOW):
            return feed.now(at) if text else feed.oldest(at)
        try:
            return feed.Position.read(text, reader, at)
        except feed.Unreadable:
            raise exceptions.ValidationError(
                {"after": [_("This is no position of the feed; take one from an answer.")]}
            ) from None
        except feed.Gone:
            raise Gone(
                _(
                    "The feed can't go on from this position: it is older than 90 days, or what"
                    " you may see or asked for (type=) is not what it was. Pull anew: take a"
                    " position with after=now, pull the lists, and follow from that position."
                )
            ) from None

    def address(self, request: Request, position: str) -> str:
        query = request.query_params.copy()
        query["after"] = position
        return f"{request.build_absolute_uri(request.path)}?{query.urlencode()}"
