"""The one way by which a single record of money is written: by whom, why, and what it touches.

A change is one transaction: the record, its history in the actor's name with the reason, and the
message that the figures of its years are to be worked out anew. On refusal nothing is changed.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ManyToManyField, Model, ProtectedError
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from iscm_portal.common import outbox
from iscm_portal.common.editing import (
    ChangedMeanwhile,
    NotWritten,
    ReasonNeeded,
    StillUsed,
    WrittenByReport,
)
from iscm_portal.common.history import change_with_history, delete_with_history
from iscm_portal.common.models import SentForm

from .. import rules
from ..models import (
    AssessedContribution,
    Attribution,
    FundingLine,
    Position,
    PositionShare,
    Project,
    Proposal,
    StandardCost,
    TimeEntry,
)
from ..selectors.currency import day_of_rate, rates_on_record
from ..selectors.trace import DonorLink, version_of
from ..selectors.uses import uses_of

# mechanism -> per cent of a post, None where nobody knows
Shares = Mapping[int, Decimal | None]


class SharesOver100(NotWritten):
    """The shares of a project's year, or of a post, come to more than the whole."""

    def __init__(self, model: Any) -> None:
        self.field = "shares" if model is Position else "share_pct"
        super().__init__(_("The shares would come to over 100 per cent in all."))


class WholeAlreadyGiven(NotWritten):
    field = "basis"


class AtAnotherRate(NotWritten):
    """A line is converted at another rate than the one on record: it moved after the form's
    check."""

    def __init__(self, problem: rules.Problem) -> None:
        self.field = problem.field
        super().__init__(problem.message)


class Refused(NotWritten):
    """The database holds a rule against it; another writer was faster than the form's check."""


def save_record(
    record: Any,
    values: Mapping[str, Any],
    actor: Any,
    reason: str = "",
    *,
    seen: str | None = None,
    shares: Shares | None = None,
    key: uuid.UUID | None = None,
) -> Any:
    """Write ``values`` (field: value) of ``record``, new or stored, and return it as stored.

    ``seen`` is the version (``selectors.trace.version_of``) that the writer began from; None: not
    asked. ``shares`` are all shares of a post. ``key`` is the name of the form that makes a record:
    sent again it makes no second one. What changes nothing writes nothing. Raises ReasonNeeded,
    ChangedMeanwhile, AtAnotherRate, SharesOver100 and Refused.
    """
    reason = reason.strip()
    is_new = record.pk is None
    try:
        with transaction.atomic():
            years: set[int] = set()
            if record.pk is not None:
                record = _held(record, seen)
                years = years_of(record)
                values = changed_values(record, values)
                shares = None if shares == _shares_of(record) else shares
                if not values and shares is None:
                    return record
                _check_reason(record, values, shares, reason)
            if isinstance(record, FundingLine):
                _check_rate(record, values)
            if values:
                _write(record, values, actor, reason)
            if shares is not None:
                _write_shares(record, shares, actor, reason)
            if is_new and key:
                SentForm.objects.create(
                    key=key, user=actor, model=record._meta.label_lower, record=record.pk
                )
            _ask_for_figures(record, years | years_of(record))
    except IntegrityError as error:
        # The same form came before, or at once and the other one was first.
        if is_new and (made := made_by(key, type(record), actor)):
            return made
        raise _named(error, type(record)) from error
    return record


def made_by(key: uuid.UUID | None, model: Any, actor: Any) -> Any:
    """The record that the form of this name has made already, or None."""
    if key is None:
        return None
    sent = SentForm.objects.filter(key=key, user=actor, model=model._meta.label_lower).first()
    return model._default_manager.filter(pk=sent.record).first() if sent else None


def delete_record(record: Any, actor: Any, reason: str, *, seen: str | None = None) -> None:
    """Delete ``record``; its history stays, with the reason.

    Raises ReasonNeeded, ChangedMeanwhile, WrittenByReport, and StillUsed where others point to it.
    """
    reason = reason.strip()
    if not reason:
        raise ReasonNeeded(_("Say why it is deleted."))
    try:
        with transaction.atomic():
            record = _held(record, seen)
            if report := getattr(record, "report_number", None):
                raise WrittenByReport(
                    _("Report %(number)s wrote it: correct the report instead.")
                    % {"number": report}
                )
            if users := [row for _field, rows in uses_of(record) for row in rows[:3]]:
                raise StillUsed.by(users)
            years = years_of(record)
            if isinstance(record, Position):
                _write_shares(record, {}, actor, reason)
            delete_with_history(record, actor, reason)
            _ask_for_figures(record, years)
    except ProtectedError as error:
        raise StillUsed.by(error.protected_objects) from error


def years_of(record: Any) -> set[int]:
    """The calendar years whose figures the record enters, as it is stored.

    A post that is held counts up to the year in which it was last written.
    """
    match record:
        case FundingLine() | Attribution() | StandardCost() | AssessedContribution():
            return {record.year} if record.year else set()
        case TimeEntry():
            return {record.worked_on.year}
        case Proposal():
            return {record.asked_on.year, (record.decided_on or record.asked_on).year}
        case Position() if record.starts_on:
            last = (record.ends_on or record.updated_at).year
            return set(range(record.starts_on.year, last + 1))
    return set()


def origin_of(record: Any) -> str:
    """Where a record comes from that is not corrected without a reason; "" for the others."""
    if number := getattr(record, "report_number", None):
        return _("It was written by report %(number)s.") % {"number": number}
    if table := getattr(record, "printed_table", None):
        return _("It is printed in Table %(table)s of the evaluation of 2019.") % {"table": table}
    return ""


def _held(record: Any, seen: str | None) -> Any:
    """The record as it is stored, held until the commit. Raises ChangedMeanwhile."""
    model = type(record)
    stored = model._default_manager.select_for_update().filter(pk=record.pk).first()
    if stored is None:
        raise ChangedMeanwhile(_("Somebody deleted the record after you opened this page."))
    if seen is not None and version_of(stored) != seen:
        raise ChangedMeanwhile(_last_change(model, record.pk))
    return stored


def _last_change(model: Any, pk: int) -> str:
    entry = model.history.filter(id=pk).order_by("history_id").last()
    if entry is None:
        return _("The record is not as this page showed it.")
    who = entry.history_user.label if entry.history_user else _("A load of records")
    return _("%(who)s changed the record on %(when)s, after you opened this page.") % {
        "who": who,
        "when": date_format(entry.history_date, "j F Y, H:i"),
    }


def changed_values(record: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``values`` that the stored record does not hold yet."""
    return {name: value for name, value in values.items() if not _holds(record, name, value)}


def _holds(record: Any, name: str, value: Any) -> bool:
    if _is_many(record, name):
        return {row.pk for row in getattr(record, name).all()} == {row.pk for row in value}
    stored = getattr(record, record._meta.get_field(name).attname)
    return bool(stored == (value.pk if isinstance(value, Model) else value))


def _is_many(record: Any, name: str) -> bool:
    return isinstance(record._meta.get_field(name), ManyToManyField)


def _shares_of(record: Any) -> dict[int, Decimal | None] | None:
    if isinstance(record, Position):
        return dict(record.shares.values_list("iscm", "share_pct"))
    return None


def _check_reason(
    record: Any, changed: Mapping[str, Any], shares: Shares | None, reason: str
) -> None:
    """Raises ReasonNeeded."""
    if reason:
        return
    if origin := origin_of(record):
        raise ReasonNeeded(_("%(origin)s Say why it is corrected.") % {"origin": origin})
    moves = any(rules.needs_a_reason(name, getattr(record, name)) for name in changed)
    if moves or (shares is not None and rules.share_moved(_shares_of(record) or {}, shares)):
        raise ReasonNeeded(_("What a figure is counted from changes: say why."))


def _check_rate(line: FundingLine, changed: Mapping[str, Any]) -> None:
    """Raises AtAnotherRate. The rate is held until the commit, so that it can't move meanwhile."""
    rule = rules.AT_THE_RATE_ON_RECORD
    fields = None if line.pk is None else changed.keys()
    if not rule.is_asked(fields):
        return
    values = {name: changed.get(name, getattr(line, name)) for name in rule.fields}
    day = day_of_rate(values["original_currency"], values["rated_on"])
    rates = rates_on_record({day} if day else (), hold=True)
    values[rules.RATE_ON_RECORD] = rates.get(day) if day else None
    for problem in rules.broken([rule], values, fields):
        raise AtAnotherRate(problem)


def _write(record: Any, values: Mapping[str, Any], actor: Any, reason: str) -> None:
    """Save the record and what it is linked to, as one entry of a stored record's history."""
    links = {name: value for name, value in values.items() if _is_many(record, name)}
    own = {name: value for name, value in values.items() if name not in links}
    if record.pk is None:
        change_with_history(record, own, actor, reason)
        for name, rows in links.items():
            getattr(record, name).set(rows)
        return
    if isinstance(record, Project):
        _tell_donors(record)
    record.skip_history_when_saving = True
    for name, rows in links.items():
        getattr(record, name).set(rows)
    del record.skip_history_when_saving
    change_with_history(record, own, actor, reason)


def _tell_donors(project: Project) -> None:
    """Let the newest history row know the donors, which one that was written in bulk does not;
    else the next row would look as if they had just come."""
    newest = project.history.order_by("history_id").last()
    if newest is None or DonorLink.objects.filter(history=newest).exists():
        return
    DonorLink.objects.bulk_create(
        DonorLink(history=newest, id=link.pk, project=project, organisation_id=link.organisation_id)
        for link in Project.donors.through.objects.filter(project=project)
    )


def _write_shares(position: Position, wanted: Shares, actor: Any, reason: str) -> None:
    """Make the shares of a post what is ``wanted``."""
    stored = {share.iscm_id: share for share in position.shares.all()}
    for iscm in stored.keys() - wanted.keys():
        delete_with_history(stored.pop(iscm), actor, reason)

    def growth(iscm: int) -> Decimal:
        before = stored[iscm].share_pct if iscm in stored else None
        return (wanted[iscm] or Decimal(0)) - (before or Decimal(0))

    # What shrinks comes first: the sum is never over 100 per cent on the way.
    for iscm in sorted(wanted, key=growth):
        share = stored.get(iscm, PositionShare(position=position, iscm_id=iscm))
        if share.pk is None or share.share_pct != wanted[iscm]:
            change_with_history(share, {"share_pct": wanted[iscm]}, actor, reason)


def _ask_for_figures(record: Any, years: set[int]) -> None:
    if years:
        kind = record._meta.model_name
        outbox.write("evidence_changed", {"years": sorted(years), "kinds": [kind]})


def _named(error: IntegrityError, model: Any) -> NotWritten:
    """What the database refused, in the words of its rule."""
    text = str(error)
    if "nothing_beside_the_whole" in text:
        return WholeAlreadyGiven(
            _("The shares of the project's year come to 100 per cent: no amount goes beside them.")
        )
    if "never_over_100" in text:
        return SharesOver100(model)
    for constraint in model._meta.constraints:
        # SQLite names the columns of a unique constraint, not the constraint itself.
        columns = [f"{model._meta.db_table}.{name}" for name in getattr(constraint, "fields", ())]
        if constraint.name in text or (columns and all(column in text for column in columns)):
            return Refused(constraint.get_violation_error_message())
    return Refused(_("Another record with these values is on record already."))
