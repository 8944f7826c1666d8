"""The versions of a report side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ..models import PostEventReport, ReportVersion


@dataclass(frozen=True)
class Change:
    """One field that reads differently in the later version; ``where`` names its row, if any."""

    what: str
    where: str
    before: str
    after: str


def versions_of(report: PostEventReport) -> list[ReportVersion]:
    """The versions that were submitted, the first one first."""
    return list(report.versions.select_related("made_by").order_by("version"))


def compared(before: ReportVersion, after: ReportVersion) -> list[Change]:
    """What changed from ``before`` to ``after``, in the order of the report."""
    changes = []
    for name, new in after.content.items():
        old = before.content.get(name, [] if isinstance(new, list) else "")
        if _is_rows(old) or _is_rows(new):
            changes += list(_compared_rows(name, old, new))
        elif old != new:
            changes.append(
                Change(_label(PostEventReport, name), "", _text(None, old), _text(None, new))
            )
    if before.restricted != after.restricted:
        label = _label(PostEventReport, "discussed_restricted")
        changes.append(Change(label, "", before.restricted, after.restricted))
    return changes


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(row, dict) for row in value)


def _compared_rows(name: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    model = PostEventReport._meta.get_field(name).related_model
    kind = str(model._meta.verbose_name)  # type: ignore[union-attr]
    before, after = _by_key(old), _by_key(new)
    for key, row in after.items():
        if key not in before:
            yield Change(_("Row added"), _row_name(row), "", _whole(model, row))
            continue
        for field, value in row.items():
            if value != before[key].get(field):
                yield Change(
                    _label(model, field),
                    _row_name(row) or kind,
                    _text(_field(model, field), before[key].get(field)),
                    _text(_field(model, field), value),
                )
    for key, row in before.items():
        if key not in after:
            yield Change(_("Row taken away"), _row_name(row), _whole(model, row), "")


def _by_key(rows: list[Any]) -> dict[Any, dict[str, Any]]:
    # The first versions kept the numbers of rows, not their keys.
    return {row.get("key", row.get("id")): row for row in rows}


def _row_name(row: dict[str, Any]) -> str:
    for name in ("title", "what", "organisation", "new_name", "text", "name"):
        if row.get(name):
            return str(row[name])[:80]
    return ""


def _whole(model: Any, row: dict[str, Any]) -> str:
    told = [
        f"{_label(model, name)}: {_text(_field(model, name), value)}"
        for name, value in row.items()
        if name not in ("key", "id") and value not in (None, "", [])
    ]
    return "; ".join(told)


def _field(model: Any, name: str) -> Any:
    return model._meta.get_field(name)


def _label(model: Any, name: str) -> str:
    label = str(_field(model, name).verbose_name)
    return label[:1].upper() + label[1:]


def _text(field: Any, value: Any) -> str:
    """A kept value as its reader sees it: the words of a choice, not its code."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    if isinstance(value, bool):
        return str(_("Yes") if value else _("No"))
    choices = {str(key): str(word) for key, word in getattr(field, "flatchoices", [])}
    return choices.get(str(value), str(value))
