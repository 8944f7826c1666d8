"""The pages of a report: its parts one by one, or the six that matter on one page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from ..choices import ReportPart
from ..models import Participant, PostEventReport
from . import typed
from .report import STEPS, ReportChoices, RowSet, Step
from .typed import GONE, Difference, Place, Typed

SHORT = "short"
# What a form calls the rows of who took part.
PEOPLE = Participant._meta.get_field("report").remote_field.get_accessor_name()
SHORT_PARTS = (
    ReportPart.PEOPLE,
    ReportPart.DISCUSSED,
    ReportPart.AGENDA,
    ReportPart.SUPPORT,
    ReportPart.RESULTS,
    ReportPart.FOLLOWUP,
)


@dataclass(frozen=True)
class Page:
    """One page of a report with the parts that stand on it."""

    key: str
    title: Any
    why: Any
    steps: tuple[Step, ...]

    @property
    def is_short(self) -> bool:
        return self.key == SHORT

    @property
    def parts(self) -> list[str]:
        return [step.key for step in self.steps]


_BY_PART = {step.part: step for step in STEPS}
PAGES = {
    SHORT: Page(
        SHORT,
        _("The short form"),
        _("The six things that matter, on one page. The other parts are there if you need them."),
        tuple(_BY_PART[part] for part in SHORT_PARTS),
    ),
    **{step.key: Page(step.key, step.title, step.why, (step,)) for step in STEPS},
}


class PartForms:
    """The form and the rows of one part on a page."""

    def __init__(self, step: Step, form: Any, row_sets: list[tuple[RowSet, Any]]) -> None:
        self.step, self.form, self.row_sets = step, form, row_sets

    def __iter__(self) -> Any:
        yield from [self.form] if self.form is not None else []
        yield from (row_set for _about, row_set in self.row_sets)


class PageForms:
    """The forms of a page: as stored, bound to ``data``, or showing what was ``typed``.

    What was typed is shown unchecked, so that a half-written row is no error yet.
    """

    def __init__(
        self,
        page: Page,
        report: PostEventReport,
        choices: ReportChoices,
        *,
        data: QueryDict | None = None,
        typed: Typed | None = None,
    ) -> None:
        self.page, self.report, self.choices = page, report, choices
        self.parts = [self._part(step, choices, data) for step in page.steps]
        if typed is not None:
            self._show(typed)

    def _part(self, step: Step, choices: ReportChoices, data: QueryDict | None) -> PartForms:
        form = step.form(data, instance=self.report) if step.form else None
        row_sets = [
            (
                about,
                about.formset(
                    data,
                    instance=self.report,
                    queryset=about.model.objects.prefetch_related(*about.prefetch),
                    form_kwargs={"choices": choices},
                ),
            )
            for about in step.row_sets
        ]
        return PartForms(step, form, row_sets)

    def _show(self, shown: Typed) -> None:
        for part in self.parts:
            if part.form is not None:
                for name, field in part.form.fields.items():
                    if name in shown.texts:
                        part.form.initial[name] = typed.value_of(field, shown.texts[name])
            for _about, row_set in part.row_sets:
                rows = dict(shown.rows.get(row_set.prefix, {}))
                stored = {str(row.key) for row in row_set.get_queryset()}
                new = [row for key, row in rows.items() if key not in stored]
                new_keys = [key for key in rows if key not in stored]
                row_set.extra = len(new) + 1
                for form in row_set.initial_forms:
                    _fill(form, rows.get(str(form.instance.key)))
                for form, key, row in zip(row_set.extra_forms, new_keys, new, strict=False):
                    form.initial["key"] = key
                    form.is_typed = True
                    _fill(form, row)

    def is_valid(self) -> bool:
        """Whether all is right; every part is looked at, so that all errors show."""
        answers = [form.is_valid() for form in self.all()]
        return all(answers)

    def save(self) -> None:
        """Save the rows, and put the texts into the report, which its service saves."""
        for part in self.parts:
            if part.form is not None:
                part.form.save(commit=False)
                part.form.save_m2m()
            for _about, row_set in part.row_sets:
                row_set.save()

    def all(self) -> list[Any]:
        """Every form and row set in the order of the page."""
        return [form for part in self.parts for form in part]

    def put_comments(self, texts: dict[str, Any], at: Callable[..., list[Any]]) -> None:
        """Give each field and row what the review said there: ``at(key of a row, field)``."""
        for part in self.parts:
            if part.form is not None:
                for name, field in part.form.fields.items():
                    field.comments = texts.get(name, [])
            for _about, row_set in part.row_sets:
                for row in row_set.initial_forms:
                    row.comments = at(row.instance.key)
                    for name, field in row.fields.items():
                        field.comments = at(row.instance.key, name)

    def stored(self) -> dict[str, Typed]:
        """What the unbound forms hold, by part."""
        found = {}
        for part in self.parts:
            held = Typed()
            if part.form is not None:
                held.texts = {name: typed.texts_of(part.form[name]) for name in part.form.fields}
            for _about, row_set in part.row_sets:
                held.rows[row_set.prefix] = {
                    str(form.instance.key): typed.row_of(form) for form in row_set.initial_forms
                }
            found[part.step.key] = held
        return found

    def read(self, data: QueryDict) -> Typed:
        """What ``data`` holds of this page; empty new rows are none."""
        found = Typed()
        for part in self.parts:
            if part.form is not None:
                found.texts |= {
                    name: typed.cleaned(data.getlist(name)) for name in part.form.fields
                }
            for _about, row_set in part.row_sets:
                blank = typed.row_of(row_set.empty_form)
                keys = {str(row.pk): str(row.key) for row in row_set.get_queryset()}
                # A row on record may ask more than a new one.
                names = {*blank, *(name for form in row_set.initial_forms for name in form.fields)}
                names -= {*typed.APART, GONE}
                found.rows[row_set.prefix] = {
                    key: row
                    for key, row in typed.rows_in(data, row_set.prefix, sorted(names), keys)
                    if key in keys.values()
                    or any(not typed.same(row[name], blank[name]) for name in blank)
                }
        _without_unconfirmed_posts(found, data)
        return found

    def suggest_posts(self) -> None:
        """Choose, where no post is chosen, the one that is called like the person.

        It is shown with a tick to confirm it by; without the tick ``read`` takes it for nothing.
        """
        for part in self.parts:
            for about, row_set in part.row_sets:
                if about.model is not Participant or row_set.is_bound:
                    continue
                for row in row_set:
                    held = row.initial
                    if "position" not in row.fields or held.get("position"):
                        continue
                    post = self.choices.post_called(held.get("title") or "")
                    if post is not None:
                        held["position"] = post.pk
                        row.fields["position"].suggestion = f"{held['key']}:{post.pk}"

    def as_data(self, held: Typed) -> QueryDict:
        """``held`` as the browser would send it: rows on record first, then the new ones."""
        data = QueryDict(mutable=True)
        for name, texts in held.texts.items():
            data.setlist(name, texts)
        for part in self.parts:
            for _about, row_set in part.row_sets:
                prefix, rows = row_set.prefix, held.rows.get(row_set.prefix, {})
                keys = {str(row.key): row.pk for row in row_set.get_queryset()}
                order = [*keys, *(key for key in rows if key not in keys)]
                data[f"{prefix}-TOTAL_FORMS"] = str(len(order))
                data[f"{prefix}-INITIAL_FORMS"] = str(len(keys))
                for number, key in enumerate(order):
                    data[f"{prefix}-{number}-key"] = key
                    if key in keys:
                        data[f"{prefix}-{number}-id"] = str(keys[key])
                    for name, texts in rows.get(key, {}).items():
                        data.setlist(f"{prefix}-{number}-{name}", texts)
        return data

    def explain(self, difference: Difference) -> dict[str, Any]:
        """A difference in words: what the field is called, and both texts as a reader sees them."""
        label, field = self._field(difference.place)
        if difference.place[-1] == GONE:
            words = {True: str(_("Take the row away")), False: str(_("Keep the row"))}
            mine, theirs = words[bool(difference.mine)], words[bool(difference.theirs)]
        else:
            mine, theirs = _shown(field, difference.mine), _shown(field, difference.theirs)
        return {"name": difference.name, "label": label, "mine": mine, "theirs": theirs}

    def _field(self, place: Place) -> tuple[Any, Any]:
        for part in self.parts:
            if len(place) == 1 and part.form is not None and place[0] in part.form.fields:
                field = part.form.fields[place[0]]
                return field.label, field
            for about, row_set in part.row_sets:
                if len(place) == 3 and row_set.prefix == place[0]:
                    fields: dict[str, Any] = {}
                    for form in [*row_set.initial_forms, row_set.empty_form]:
                        fields |= form.fields
                    field = fields.get(place[2])
                    label = about.one if place[2] == GONE else field.label if field else place[2]
                    return label, field
        raise KeyError(place)


def _without_unconfirmed_posts(held: Typed, data: QueryDict) -> None:
    """Take out the posts that the portal suggested and nobody confirmed: a post is said, never
    guessed."""
    rows = held.rows.get(PEOPLE, {})
    for place in data.getlist("suggested"):
        key, _colon, post = place.partition(":")
        row = rows.get(key, {})
        if row.get("position") == [post] and place not in data.getlist("agreed"):
            row["position"] = []


def _fill(form: forms.BaseForm, row: typed.Row | None) -> None:
    if row is None:
        return
    for name, field in form.fields.items():
        if name not in typed.APART and name in row:
            form.initial[name] = typed.value_of(field, row[name])


def _shown(field: Any, texts: list[str]) -> str:
    """Texts as a reader sees them: the words of a choice, not its code."""
    words: dict[str, str] = {}
    for value, label in getattr(field, "choices", []):
        group = label if isinstance(label, (list, tuple)) else [(value, label)]
        words |= {str(key): str(word) for key, word in group}
    if isinstance(field, forms.BooleanField):
        return str(_("Yes") if texts else _("No"))
    return ", ".join(words.get(text, text) for text in texts)
