"""A report that is being written, as a program sends and reads it.

What is sent goes through the forms of the filing page, part by part, in the order of the pages. A
list is given whole: its rows go by their ``key``, else by what they are called; what is not in it
is taken away.
"""

from __future__ import annotations

import copy
import datetime as dt
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from django import forms
from django.forms import ModelChoiceField, ModelMultipleChoiceField
from django.forms.models import model_to_dict
from django.utils.translation import gettext as _
from rest_framework import exceptions

from engagements.choices import FollowUpState
from engagements.models import Event, Office
from iscm_portal.common.api_bodies import (
    RowList,
    as_sent,
    errors_of,
    rows_as_sent,
    wrong_row,
)
from iscm_portal.common.api_refusals import FieldsRefused
from iscm_portal.common.api_write_schema import field_schema, row_schema, rows_schema

from ..forms import PAGES, STEPS, PageForms, ReportChoices, RowSet, Step, Typed
from ..forms.typed import GONE, Row, cleaned, row_of
from ..models import PostEventReport
from ..services import reports as services
from . import serializers

# What a report calls its rows -> what the API does, and how one is shown there.
LISTS: dict[str, tuple[str, type[serializers.DraftRowSerializer]]] = {
    "participants": ("participants", serializers.DraftParticipantSerializer),
    "reportedagendaitems": ("agenda_items", serializers.DraftAgendaSerializer),
    "reportedrequests": ("support_requests", serializers.DraftRequestSerializer),
    "reportedpartnerships": ("partnerships", serializers.DraftPartnershipSerializer),
    "reportedinstruments": ("policy_instruments", serializers.DraftInstrumentSerializer),
    "reportedfollowups": ("follow_ups", serializers.DraftFollowUpSerializer),
    "lessons": ("lessons", serializers.DraftLessonSerializer),
}
# What a row is called by, where it has no key: the first of these that it has.
CALLED_BY = ("title", "what", "text", "organisation", "new_name")
# Links of rows -> the column by which the API names their other end; the others go by id.
OWN_KEYS = {"frames": "code", "agenda": "key"}  # see _keys
KEYS = {"iscm": "slug", "country": "iso3", "theme": "code", "organisation": "slug"}


class StartForm(forms.Form):
    """On which event a report is begun, and by which office: the writer's own."""

    event = forms.ModelChoiceField(Event.objects.none())
    office = forms.ModelChoiceField(Office.objects.none(), required=False, to_field_name="slug")

    def __init__(self, *args: Any, user: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if user is not None:
            links: Any = self.fields
            links["event"].queryset = Event.objects.visible_to(user)
            links["office"].queryset = Office.objects.filter(pk=user.office_id)


def texts_of(step: Step) -> list[str]:
    return list(step.form.base_fields) if step.form else []


def lists_of(step: Step) -> list[str]:
    return [LISTS[about.accessor][0] for about in step.row_sets]


def names_of(step: Step) -> list[str]:
    """What the API calls the texts and lists of a part."""
    return [*texts_of(step), *lists_of(step)]


WRITTEN = [name for step in STEPS for name in names_of(step)]
# part -> the field at which is told what it lacks
PLACES = {step.key: [*lists_of(step), *texts_of(step)][0] for step in STEPS}


def is_said(step: Step, given: Mapping[str, Any]) -> bool:
    """Whether a part has been looked at: that nothing is told in one of its lists is then said."""
    lists = set(lists_of(step))
    return lists <= given.keys() if lists else bool(given.keys() & set(texts_of(step)))


def body_schema(method: str) -> dict[str, Any]:
    """What may be sent of a report."""
    found = row_schema(StartForm() if method == "post" else forms.Form(), "post")
    for step in STEPS:
        if step.form is not None:
            fields = _described(step.form).fields
            found["properties"] |= {name: field_schema(fields[name]) for name in fields}
        for about in step.row_sets:
            rows = RowList(_described(about.form), ("key",))
            found["properties"][LISTS[about.accessor][0]] = rows_schema(rows)
    return found


def _described(form_class: Any) -> forms.Form:
    """The fields of a form of a page, their links as the API names them."""
    found = forms.Form()
    for name, field in form_class.base_fields.items():
        if name != "key":
            found.fields[name] = copy.copy(field)
            found.fields[name].to_field_name = {**KEYS, **OWN_KEYS}.get(name)  # type: ignore[attr-defined]
    found.initial = model_to_dict(form_class._meta.model())
    return found


def write(
    held: PostEventReport,
    given: Mapping[str, Any],
    choices: Callable[[], ReportChoices],
    author: Any,
    at: dt.datetime,
) -> None:
    """Put what was given into ``held``, a report inside of ``services.writing``.

    Raises FieldsRefused with all that is wrong; the caller's transaction takes the rest back.
    """
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    errors: dict[str, list[Any]] = {}
    for step in STEPS:
        told = {name: given[name] for name in names_of(step) if name in given}
        if not told:
            continue
        page = PAGES[step.key]
        shown = PageForms(page, held, choices())
        stored = shown.stored()[step.key]
        wanted, wrong = _Reading(shown, held).read(told, stored)
        if not wrong:
            bound = PageForms(page, held, shown.choices, data=shown.as_data(wanted))
            wrong = _refused(bound, wanted)
        if wrong:
            errors |= wrong
            continue
        bound.save()
        before[step.key] = stored.as_json()
        after[step.key] = PageForms(page, held, choices()).stored()[step.key].as_json()
    if errors:
        raise FieldsRefused(errors)
    services.keep_saved_parts(held, before, after, author, at)


class _Reading:
    """What was given of one part, as the texts that its page holds."""

    def __init__(self, shown: PageForms, report: PostEventReport) -> None:
        self.part, self.report = shown.parts[0], report
        self.errors: dict[str, list[Any]] = {}
        self.keys: dict[str, dict[str, int] | None] = {}

    def read(self, given: Mapping[str, Any], stored: Typed) -> tuple[Typed, dict[str, list[Any]]]:
        """``stored`` with what was given, and what is wrong with it."""
        texts, rows = dict(stored.texts), dict(stored.rows)
        if form := self.part.form:
            told = {name: given[name] for name in form.fields if name in given}
            texts |= self._texts(form, told, self.errors)
        for about, row_set in self.part.row_sets:
            name = LISTS[about.accessor][0]
            if name in given:
                kept = stored.rows[row_set.prefix]
                rows[row_set.prefix] = self._rows(name, about, row_set, given[name], kept)
        return Typed(texts, rows), self.errors

    def _texts(
        self, form: forms.BaseForm, told: Mapping[str, Any], errors: dict[str, list[Any]]
    ) -> Row:
        """Values as a page holds them; links by their public keys become ids."""
        found = {}
        try:
            sent = as_sent(form, dict(told))
        except exceptions.ValidationError as error:
            errors.update(error.detail)  # type: ignore[arg-type]
            return {}
        for name in told:
            field = form.fields[name]
            if isinstance(field, forms.BooleanField):
                found[name] = ["on"] if told[name] is True else []
                continue
            value = sent.get(name, [])
            values = cleaned(value if isinstance(value, list) else [value])
            if isinstance(field, ModelChoiceField | ModelMultipleChoiceField):
                keys = self._keys(name, field)
                if keys is not None:
                    if unknown := [text for text in values if text not in keys]:
                        said = _("There is none called “%s”.")
                        errors[name] = [said % text[:80] for text in unknown]
                    values = sorted({str(keys[text]) for text in values if text in keys})
            found[name] = values
        return found

    def _keys(self, name: str, field: Any) -> dict[str, int] | None:
        """The ids of what a link may lead to by what the API calls it: read once whatever the
        number of rows. None of what goes by its id, which the form checks."""
        if name not in self.keys:
            rows = field.queryset
            if name == "frames":  # the codes of two frames may be the same
                told = rows.values_list("kind", "code", "pk")
                self.keys[name] = {f"{kind}:{code}": pk for kind, code, pk in told}
            elif name == "agenda":
                items = list(rows.values_list("title", "key", "pk"))
                self.keys[name] = {
                    **{title: pk for title, _key, pk in items},
                    **{str(key): pk for _title, key, pk in items},
                }
            else:
                key = KEYS.get(name)
                self.keys[name] = dict(rows.values_list(key, "pk")) if key else None
        return self.keys[name]

    def _rows(
        self, name: str, about: RowSet, row_set: Any, given: Any, stored: dict[str, Row]
    ) -> dict[str, Row]:
        empty, every = row_set.empty_form, forms.Form()
        asked_of = {str(form.instance.key): form.fields for form in row_set.initial_forms}
        # A row on record may ask more than a new one.
        every.fields = {
            one: field
            for form in (empty, *row_set.initial_forms)
            for one, field in form.fields.items()
            if one not in ("id", "report", "key", GONE)
        }
        shown = frozenset(serializers.names_in(LISTS[about.accessor][1]))
        _sent, errors = rows_as_sent(RowList(every, ("key",), shown), given)
        found: dict[str, Row] = {}
        left = dict(stored)
        named = set() if errors else {str(row.get("key", "")).lower() for row in given}
        for place, row in enumerate([] if errors else given):
            told: dict[str, list[Any]] = {}
            texts = self._texts(every, {k: row[k] for k in row if k in every.fields}, told)
            like = (key for key in _called_like(texts, left) if key not in named)
            key = self._key(row.get("key"), told) or next(like, None) or str(uuid.uuid4())
            if key in found:
                told["key"] = [_("It stands here twice.")]
            asked = asked_of.get(key, empty.fields)
            for one in about.form.base_fields.keys() & row.keys() - asked.keys() - {"key"}:
                # As it is anyway it may be said.
                if row[one] not in (None, self.usual.get(one)):
                    told[one] = [_("It is not asked of this row.")]
            if told:
                errors.append(wrong_row(place, told))
            found[key] = {**(left.pop(key) if key in left else row_of(empty)), **texts}
        if errors:
            self.errors[name] = errors
        return {**{key: {**row, GONE: ["on"]} for key, row in left.items()}, **found}

    @cached_property
    def usual(self) -> dict[str, Any]:
        """What is so where it is not asked: the event's one mechanism, and that what is agreed now
        is open."""
        slugs = list(self.report.event.iscms.values_list("slug", flat=True))
        only = slugs[0] if len(slugs) == 1 else None
        return {"iscm": only, "state": FollowUpState.OPEN}

    def _key(self, given: Any, told: dict[str, list[Any]]) -> str:
        if given is None or _is_key(str(given)):
            return str(uuid.UUID(str(given))) if given is not None else ""
        told["key"] = [_("Give a UUID.")]
        return ""


def _is_key(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _called_like(row: Row, left: Mapping[str, Row]) -> Iterator[str]:
    """The keys of the rows that are called like ``row``, the first ones first."""
    name = next((name for name in CALLED_BY if row.get(name)), None)
    if name is not None:
        said = _as_said(row[name])
        yield from (key for key, other in left.items() if _as_said(other.get(name, [])) == said)


def _as_said(texts: Sequence[str]) -> str:
    return " ".join(" ".join(texts).split()).casefold()


def _refused(bound: PageForms, wanted: Typed) -> dict[str, list[Any]]:
    """What the page's forms say is wrong, rows by their place in what was given."""
    if bound.is_valid():
        return {}
    errors: dict[str, list[Any]] = {}
    for part in bound.parts:
        if part.form is not None:
            errors |= errors_of(part.form)
        for about, row_set in part.row_sets:
            name = LISTS[about.accessor][0]
            rows = wanted.rows[row_set.prefix].items()
            places = [key for key, row in rows if not row.get(GONE)]
            wrong = {form.data[form.add_prefix("key")]: form for form in row_set if form.errors}
            told: list[Any] = [
                wrong_row(place, errors_of(wrong[key]))
                for place, key in enumerate(places)
                if key in wrong
            ]
            told = told or [str(said) for said in row_set.non_form_errors()]
            if told:
                errors[name] = told
    return errors
