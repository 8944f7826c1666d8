"""What changed on record since a past moment: by whom, from what to what, and why.

A file that was written is one change, whatever its number of rows, and so is its undoing; each
opens to its rows.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db.models import Count, Exists, F, Max, Model, OuterRef, Q, QuerySet, Subquery
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from engagements.models import ISCM, Country, User
from iscm_portal.common.access import Reader
from iscm_portal.common.period import Period, held_during

from ..choices import FundingSource, ImportKind
from ..models import (
    AssessedContribution,
    Attribution,
    CurrencyRate,
    FundingLine,
    ImportRun,
    Position,
    PositionShare,
    Project,
    Proposal,
    ReserveFund,
    StaffNeed,
    StandardCost,
    TimeEntry,
)
from .trace import KINDS, donors_of, keys_of_links, names_of, shown_fields, word_of

# The records that the total investment is counted from, by the name that their pages have; the
# first of several is the record itself, the others are kept with it.
IN_TOTALS: dict[str, tuple[type[Model], ...]] = {
    "funding-lines": (FundingLine,),
    "projects": (Project,),
    "attributions": (Attribution,),
    "positions": (Position, PositionShare),
    "time-entries": (TimeEntry,),
    "standard-costs": (StandardCost,),
    "currency-rates": (CurrencyRate,),
}
# With what other figures are counted from, and no total: needs, what others pay, reserve funds.
COUNTED: dict[str, tuple[type[Model], ...]] = {
    **IN_TOTALS,
    "staff-needs": (StaffNeed,),
    "contributions": (AssessedContribution,),
    "proposals": (Proposal,),
    "funds": (ReserveFund,),
}
# What the files of each kind are written to.
OF_IMPORT = {
    ImportKind.FUNDING_LINES: "funding-lines",
    ImportKind.PROJECTS: "projects",
    ImportKind.ATTRIBUTIONS: "attributions",
    ImportKind.POSITIONS: "positions",
    ImportKind.STANDARD_COSTS: "standard-costs",
    ImportKind.CURRENCY_RATES: "currency-rates",
    ImportKind.CONTRIBUTIONS: "contributions",
}
# A written file, and an undone one: the columns that say when and by whom.
MOMENTS = {"written": ("written_at", "written_by"), "undone": ("undone_at", "undone_by")}
# Rows of a download that are put into words at once.
CHUNK = 500
# Who is asked for where nobody was signed in.
NOBODY = "none"
# What asks for every kind.
EVERY_KIND = "all"
# What goes by the name of its source: all that is staff time's, whatever a line's source is.
OF_STAFF_TIME = (Position, PositionShare, TimeEntry, StandardCost)


@dataclass(frozen=True)
class ImportStep:
    """A file that was written, or ``undone``."""

    run: ImportRun
    is_undone: bool = False

    @property
    def at(self) -> dt.datetime | None:
        return self.run.undone_at if self.is_undone else self.run.written_at

    @property
    def slug(self) -> str:
        return OF_IMPORT[ImportKind(self.run.kind)]

    @property
    def reason(self) -> str:
        return self.run.undo_reason if self.is_undone else self.run.reason

    @property
    def by(self) -> str:
        who = self.run.undone_by if self.is_undone else self.run.written_by
        return who.label if who else ""


@dataclass(frozen=True)
class Question:
    """Changes at or after ``since``: of one kind of record (``EVERY_KIND``; "" for what the total
    investment is counted from), by one person (a user's key, or ``NOBODY``), of records that are or
    were of one mechanism (a slug), of the years of ``period`` or of one source of funds. ``step``
    asks for the rows of one import instead, whenever it was."""

    since: dt.datetime
    kind: str = ""
    by: str = ""
    iscm: str = ""
    step: ImportStep | None = None
    period: Period | None = None
    source: str = ""

    @property
    def slugs(self) -> Collection[str]:
        """The kinds that are asked for."""
        if self.step:
            return [self.step.slug]
        if self.kind == EVERY_KIND:
            return COUNTED
        return [self.kind] if self.kind else IN_TOTALS


@dataclass(frozen=True)
class Changed:
    """One change of one record. ``fields`` are (name, before, after); a new record's have no
    before, a deleted one's no after. ``reason`` may be empty where none was asked for. ``page`` is
    the kind and the number (of a fund its slug) under which the record has a page.

    One with a ``step`` stands for ``rows`` records of an import.
    """

    at: dt.datetime
    by: str
    how: str
    kind: str
    label: str
    object_id: int
    reason: str
    fields: list[tuple[str, Any, Any]] = field(default_factory=list)
    page: tuple[str, int | str] | None = None
    is_new: bool = False
    step: ImportStep | None = None
    rows: int = 0


# How a value of a field is told: the field, the value, the names of what links point to.
Words = Callable[[Any, Any, dict[Any, dict[int, str]]], Any]


class Changes:
    """The changes that ``user`` may read and that ``asked`` is about, as ``lists`` to be merged
    (``common.pages.merged_page``), and what their rows are in words."""

    def __init__(self, asked: Question, user: Reader) -> None:
        self.asked, self.user = asked, user
        self.kinds: list[tuple[str, type[Model]]] = [
            (slug, model)
            for slug, models in COUNTED.items()
            for model in models
            if slug in asked.slugs
        ]

    @property
    def lists(self) -> list[QuerySet[Any]]:
        """The versions kind by kind, then what was written and what was undone."""
        versions = [self._versions(slug, model) for slug, model in self.kinds]
        return versions if self.asked.step else [*versions, *map(self._steps, MOMENTS)]

    def told(self, pairs: Sequence[tuple[int, Any]], words: Words = word_of) -> Iterator[Changed]:
        """The rows of a page, each with its list's place, in words. The number of statements does
        not depend on the number of rows."""
        before = self._before(pairs)
        names = self._names(pairs, before)
        donors = donors_of(self._all(pairs, before, Project))
        sizes = self._sizes(pairs)
        for which, row in pairs:
            if which < len(self.kinds):
                slug, model = self.kinds[which]
                sides = before.get((which, row.number)), row
                yield _changed(slug, model, sides, names, donors, words)
            else:
                step = ImportStep(row, is_undone=which > len(self.kinds))
                yield _of_step(step, row.at, sizes.get((step.slug, row.at), 0))

    def stream(self, words: Words = word_of) -> Iterator[Changed]:
        """All of them, the latest first, whatever their number."""
        rows = heapq.merge(
            *(
                zip_with(which, rows.order_by("-at", "-number").iterator(chunk_size=CHUNK))
                for which, rows in enumerate(self.lists)
            ),
            key=lambda pair: (pair[1].at, -pair[0], pair[1].number),
            reverse=True,
        )
        while chunk := list(islice(rows, CHUNK)):
            yield from self.told(chunk, words)

    def _versions(self, slug: str, model: type[Model]) -> QuerySet[Any]:
        """The versions of a model's rows that are asked for, each with the one ``before`` it."""
        rows = self._readable(slug, model)
        if self.asked.step:
            rows = rows.filter(history_date=self.asked.step.at)
        else:
            rows = rows.filter(history_date__gte=self.asked.since)
            for at, _by in MOMENTS.values():
                rows = rows.exclude(history_date__in=_runs(slug, at).values(at))
            if self.asked.by:
                rows = rows.filter(_by_whom("history_user", self.asked.by))
        earlier = (
            _history(model)
            .filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id"))
            .order_by()
            .values("id")
            .annotate(newest=Max("history_id"))
            .values("newest")
        )
        found: QuerySet[Any] = rows.annotate(
            at=F("history_date"), number=F("history_id"), before=Subquery(earlier)
        ).select_related("history_user")
        return found

    def _steps(self, what: str) -> QuerySet[Any]:
        """The imports that were written, or undone, with a row that the reader may read."""
        at, by = MOMENTS[what]
        held = Q()
        for slug in {slug for slug, _model in self.kinds} & set(OF_IMPORT.values()):
            rows = self._readable(slug, COUNTED[slug][0])
            of_it = Exists(rows.filter(history_date=OuterRef(at)))
            held |= Q(of_it, pk__in=_runs(slug, at).values("pk"))
        runs = ImportRun.objects.filter(**{f"{at}__gte": self.asked.since})
        # Of no kind that files are written to: none.
        runs = runs.filter(held) if held else runs.none()
        if self.asked.by:
            runs = runs.filter(_by_whom(by, self.asked.by))
        found: QuerySet[Any] = runs.annotate(at=F(at), number=F("pk"))
        return found.select_related("written_by", "undone_by")

    def _readable(self, slug: str, model: type[Model]) -> Any:
        rows, asked = _readable(model, self.user), self.asked
        if asked.iscm:
            rows = rows.filter(_of_mechanism(model, asked.iscm))
        if asked.period:
            rows = rows.filter(_of_years(model, asked.period))
        if asked.source:
            rows = rows.filter(_of_source(model, asked.source))
        return rows

    def _before(self, pairs: Sequence[tuple[int, Any]]) -> dict[tuple[int, int], Any]:
        """The version before each row that has one: (list, number) -> version."""
        found: dict[tuple[int, int], Any] = {}
        for which, (_slug, model) in enumerate(self.kinds):
            rows = [row for of, row in pairs if of == which and row.before is not None]
            if rows:
                versions = _history(model).in_bulk([row.before for row in rows])
                found.update(((which, row.number), versions[row.before]) for row in rows)
        return found

    def _names(
        self, pairs: Sequence[tuple[int, Any]], before: dict[tuple[int, int], Any]
    ) -> dict[Any, dict[int, str]]:
        """The names of what the rows, and those before them, point to: one statement a model."""
        keys: dict[Any, set[int]] = {}
        for _slug, model in self.kinds:
            rows = self._all(pairs, before, model)
            for linked, pks in keys_of_links(shown_fields(model), rows).items():
                keys.setdefault(linked, set()).update(pks)
        return names_of(keys)

    def _all(
        self,
        pairs: Sequence[tuple[int, Any]],
        before: dict[tuple[int, int], Any],
        model: type[Model],
    ) -> list[Any]:
        """The versions of a model's rows among ``pairs``, and those before them."""
        at = {which for which, (_slug, of) in enumerate(self.kinds) if of is model}
        later = [row for which, row in pairs if which in at]
        return later + [row for (which, _number), row in before.items() if which in at]

    def _sizes(self, pairs: Sequence[tuple[int, Any]]) -> dict[tuple[str, dt.datetime], int]:
        """How many records each import among ``pairs`` wrote or gave back, of those asked for."""
        moments: dict[str, set[dt.datetime]] = {}
        for which, row in pairs:
            if which >= len(self.kinds):
                moments.setdefault(OF_IMPORT[ImportKind(row.kind)], set()).add(row.at)
        return {
            (slug, at): n
            for slug, days in moments.items()
            for at, n in self._readable(slug, COUNTED[slug][0])
            .filter(history_date__in=days)
            .order_by()
            .values_list("history_date")
            .annotate(n=Count("id", distinct=True))
        }


def zip_with(which: int, rows: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Each of ``rows`` behind the place of its list."""
    return ((which, row) for row in rows)


def step_of(number: int, is_undone: bool) -> ImportStep | None:
    """The import of that number as it was written, or undone; None where it never was."""
    at, _by = MOMENTS["undone" if is_undone else "written"]
    runs = ImportRun.objects.filter(pk=number, **{f"{at}__isnull": False})
    found = runs.select_related("written_by", "undone_by").first()
    return ImportStep(found, is_undone) if found else None


def people(user: Reader) -> QuerySet[User]:
    """Who has changed any of the records that ``user`` may read, by name; one statement."""
    changed = Q()
    for models in COUNTED.values():
        for model in models:
            changed |= Q(Exists(_readable(model, user).filter(history_user=OuterRef("pk"))))
    found: QuerySet[User] = User.objects.filter(changed)
    return found.order_by("first_name", "last_name", "username")


def as_it_stands(model_field: Any, value: Any, names: dict[Any, dict[int, str]]) -> Any:
    """A value for a download: a link by its name, numbers and days as they are."""
    return word_of(model_field, value, names) if model_field.related_model else value


TABLE_COLUMNS = [
    "changed_at",
    "kind",
    "record",
    "id",
    "how",
    "field",
    "before",
    "after",
    "by",
    "reason",
    "import",
    "records",
]


def table_lines(changes: Iterable[Changed]) -> Iterator[list[Any]]:
    """The changes as lines of a download: one a field, one for an import that is not opened."""
    for row in changes:
        told = [[*field] for field in row.fields if field[1:] != (None, "")] or [["", None, None]]
        for name, before, after in told:
            yield [
                row.at.isoformat(timespec="seconds"),
                row.kind,
                row.label,
                row.object_id,
                row.how,
                name,
                before,
                after,
                row.by,
                row.reason,
                row.step.run.pk if row.step else None,
                row.rows if row.step else None,
            ]


def _history(model: type[Model]) -> Any:
    return model.history.model.objects  # type: ignore[attr-defined]


def _readable(model: type[Model], user: Reader) -> Any:
    """The versions of a model's rows that ``user`` may read, those of deleted rows among them."""
    versions = _history(model).model
    return type(model._default_manager.all())(model=versions).visible_to(user)  # type: ignore[attr-defined]


def _runs(slug: str, at: str) -> QuerySet[ImportRun]:
    """The imports of a kind of record that were written, or undone."""
    kinds = [kind for kind, name in OF_IMPORT.items() if name == slug]
    return ImportRun.objects.filter(kind__in=kinds, **{f"{at}__isnull": False}).order_by()


def _by_whom(column: str, who: str) -> Q:
    return Q(**{f"{column}__isnull": True}) if who == NOBODY else Q(**{column: int(who)})


def _of_mechanism(model: type[Model], iscm: str) -> Q:
    """The condition that a version's record is of the mechanism, or was it once. A rate is of
    none; a project is of those that it has, or had, a share for."""
    if model in (StandardCost, CurrencyRate):
        return Q(pk__in=())
    shares: dict[type[Model], tuple[type[Model], str]] = {
        Position: (PositionShare, "position_id"),
        Project: (Attribution, "project_id"),
    }
    of, column = shares.get(model, (model, "id"))
    once = _history(of).filter(iscm__slug=iscm).order_by()
    condition = Q(id__in=once.values(column))
    if model is FundingLine:
        projects = _history(Attribution).filter(iscm__slug=iscm).order_by()
        condition |= Q(project__in=projects.values("project_id"))
    return condition


def _of_years(model: type[Model], period: Period) -> Q:
    """The condition that a version's record is of the years, or was it once: of a post that it was
    held in them, of a project that it has, or had, lines or shares of them. A fund is of none."""
    years = list(period.calendar_years)
    if model is ReserveFund:
        return Q(pk__in=())
    if model is Project:
        links = [
            Q(id__in=_history(of).filter(year__in=years).order_by().values("project_id"))
            for of in (Attribution, FundingLine)
        ]
        return links[0] | links[1]
    if model is PositionShare:
        posts = _history(Position).filter(held_during(period)).order_by()
        return Q(position_id__in=posts.values("id"))
    when: dict[type[Model], Q] = {
        Position: held_during(period),
        TimeEntry: period.q("worked_on"),
        CurrencyRate: period.q("rated_on"),
        Proposal: held_during(period, "asked_on", "decided_on"),
    }
    once = _history(model).filter(when.get(model, Q(year__in=years))).order_by()
    return Q(id__in=once.values("id"))


def _of_source(model: type[Model], source: str) -> Q:
    """The condition that a version's record is of money of the source, or was it once: of a project
    or its share that a line of the project is. Currency rates are of every other source than staff
    time."""
    lines = _history(FundingLine).filter(source_of_funds=source).order_by()
    if model is FundingLine:
        return Q(id__in=lines.values("id"))
    if model in (Project, Attribution):
        column = "id" if model is Project else "project_id"
        # A project without a line is project support.
        if source == FundingSource.PROJECT_SUPPORT:
            return Q()
        through = lines.filter(project_id__isnull=False).values("project_id")
        return Q(**{f"{column}__in": through})
    is_staff_time = source == FundingSource.STAFF_TIME
    fits = model in OF_STAFF_TIME if is_staff_time else model is CurrencyRate
    return Q() if fits else Q(pk__in=())


def _changed(
    slug: str,
    model: type[Model],
    sides: tuple[Any, Any],
    names: dict[Any, dict[int, str]],
    donors: dict[int, str],
    words: Words,
) -> Changed:
    """``sides`` are the version before, if there is one, and the one that the change made."""
    before, row = sides
    after = None if row.history_type == "-" else row

    def word(side: Any, field: Any) -> Any:
        return None if side is None else words(field, getattr(side, field.attname), names)

    told = [
        (str(field.verbose_name), word(before, field), word(after, field))
        for field in shown_fields(model)
        if getattr(before, field.attname, None) != getattr(after, field.attname, None)
    ]
    if after is None:  # of what is gone only what it held
        told = [field for field in told if field[1] not in (None, "")]
    given = [None if side is None else donors.get(side.pk, "") for side in (before, after)]
    if model is Project and (given[0] or "") != (given[1] or ""):
        told.append((_("donors"), given[0], given[1]))
    return Changed(
        at=row.history_date,
        by=row.history_user.label if row.history_user else "",
        how=str(KINDS[row.history_type]),
        kind=capfirst(str(model._meta.verbose_name)),
        label=_label(model, row, names),
        object_id=row.id,
        reason=row.history_change_reason or "",
        fields=told,
        page=(slug, _address(model, row)),
        is_new=row.history_type == "+",
    )


def _address(model: type[Model], row: Any) -> int | str:
    if model is ReserveFund:
        slug: str = row.slug
        return slug
    number: int = row.position_id if model is PositionShare else row.id
    return number


def _of_step(step: ImportStep, at: dt.datetime, rows: int) -> Changed:
    return Changed(
        at=at,
        by=step.by,
        how=_("Undone") if step.is_undone else _("Written"),
        kind=_("Import"),
        label=step.run.get_kind_display(),
        object_id=step.run.pk,
        reason=step.reason,
        step=step,
        rows=rows,
    )


def _label(model: type[Model], row: Any, names: dict[Any, dict[int, str]]) -> str:
    """What the record is called; of what it links, the names that are read already."""

    def called(linked: type[Model], pk: int) -> str:
        return names.get(linked, {}).get(pk, f"#{pk}")  # what is gone has its number only

    if model is Attribution:
        return f"{called(Project, row.project_id)} → {called(ISCM, row.iscm_id)} {row.year}"
    if model is PositionShare:
        return f"{called(Position, row.position_id)} → {called(ISCM, row.iscm_id)}"
    if model is AssessedContribution:
        country = called(Country, row.country_id)
        return f"{called(ISCM, row.iscm_id)}, {country}, {row.year}"
    if model is StaffNeed:
        return f"{row.title}, {called(ISCM, row.iscm_id)} {row.year}"
    return str(row.instance)
