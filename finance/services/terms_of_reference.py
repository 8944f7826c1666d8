"""Terms of reference of a post: the document taken, and taken away again."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Subquery
from django.utils.translation import gettext as _

from iscm_portal.common import uploads
from iscm_portal.common.history import change_with_history, delete_with_history

from ..models import Position, TermsOfReference

MOST_DOCUMENTS = 20


class TooManyDocuments(Exception):
    """The post has as many documents as it may have."""


def _locked(position_id: int) -> Position:
    position: Position = Position.objects.select_for_update().get(pk=position_id)
    return position


def attach(
    position_id: int, file: Any, *, name: str, media_type: str, actor: Any
) -> TermsOfReference:
    """Keep ``file`` as the terms of reference of a post, which then has them on record.

    The same document sent twice is one. Raises TooManyDocuments and uploads.NotStored; nothing is
    kept then.
    """
    place, digest, size = uploads.store(file)
    kept: TermsOfReference | None = None
    try:
        with transaction.atomic():
            position = _locked(position_id)
            there = TermsOfReference.objects.filter(position=position)
            known: TermsOfReference | None = there.filter(sha256=digest).first()
            if known is not None:
                return known
            if there.count() >= MOST_DOCUMENTS:
                raise TooManyDocuments(
                    _("A post has %(most)s documents at most.") % {"most": MOST_DOCUMENTS}
                )
            row: Any = TermsOfReference(
                position=position,
                name=name,
                media_type=media_type,
                size=size,
                sha256=digest,
                place=place,
                uploaded_by=actor,
                is_demo=position.is_demo,
            )
            row._history_user = actor
            row.save()
            if position.has_tor is not True:
                change_with_history(position, {"has_tor": True}, actor)
            kept = row
    finally:
        if kept is None:
            uploads.remove(place)
    return kept


def take_away(document: TermsOfReference, actor: Any) -> None:
    """Take a document from its post, and its file from the disk.

    With the last one the post says again what it said before the first.
    """
    with transaction.atomic():
        position = _locked(document.position_id)
        found = TermsOfReference.objects.filter(pk=document.pk).first()
        if found is None:  # another took it away in the meantime
            return
        place = found.place
        delete_with_history(found, actor)
        if not TermsOfReference.objects.filter(position=position).exists():
            before = _before_documents(position)
            if position.has_tor is not before:
                change_with_history(position, {"has_tor": before}, actor)
        transaction.on_commit(lambda: uploads.remove(place))


def _before_documents(position: Position) -> bool | None:
    """What was on record of a post's terms of reference before a document came."""
    added = TermsOfReference.history.filter(position_id=position.pk, history_type="+")
    first = added.order_by("history_date").values("history_date")[:1]
    earlier = position.history.filter(history_date__lt=Subquery(first))
    said: bool | None = earlier.order_by("-history_date").values_list("has_tor", flat=True).first()
    return said
