"""The only way by which the definition of an indicator is written: checked, with its version.

A change is one transaction: the indicator, its history in the actor's name, the version that keeps
what was said, and the message that its values are to be worked out anew. On refusal nothing is
changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from iscm_portal.common import outbox
from iscm_portal.common.history import change_with_history

from ..choices import IndicatorState
from ..models import Indicator, IndicatorVersion
from ..models.indicator import DEFINED
from ..rules import Fault, contradictions, lacks, unit_of
from ..selectors.definitions import GOALS, same, values_of

# As many characters as the history keeps.
REASON_LENGTH = 100

# state -> what it can become
STEPS = {
    IndicatorState.PROPOSED: IndicatorState.ACTIVE,
    IndicatorState.ACTIVE: IndicatorState.RETIRED,
    IndicatorState.RETIRED: IndicatorState.PROPOSED,
}


class DefinitionError(Exception):
    """A definition was not written, and nothing was changed. The message is for its user,
    ``field`` where it belongs on the form, "" for the form as a whole."""

    field = ""


class ReasonNeeded(DefinitionError):
    field = "reason"


class ChangedMeanwhile(DefinitionError):
    """Somebody else wrote a newer version, or took another step, after the page was opened."""


class NotOpen(DefinitionError):
    """A retired definition is proposed again before it is changed."""


class NotSmart(DefinitionError):
    """The definition contradicts itself, or lacks what an active one must have: ``faults``."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = list(faults)
        super().__init__(" ".join(fault.message for fault in faults))


class Refused(DefinitionError):
    """The database holds a rule against it."""


def save_definition(
    key: str,
    values: Mapping[str, Any],
    actor: Any,
    at: dt.datetime,
    *,
    seen: int,
    reason: str = "",
) -> Indicator:
    """Write ``values`` (field: value, goals as rows) of a definition over the version ``seen``.

    A new version keeps what it says; the old ones stay. The unit is the measure's own. What changes
    nothing writes nothing. A draft may lack parts, an active definition must have all and a reason.
    Raises ChangedMeanwhile, NotOpen, NotSmart, ReasonNeeded and Refused.
    """
    reason = reason.strip()
    try:
        with transaction.atomic():
            indicator = _held(key, seen)
            stored = values_of(indicator)
            wanted = {**stored, **values, "unit": unit_of(key) or stored["unit"]}
            if same(stored, wanted):
                return indicator
            if indicator.state == IndicatorState.RETIRED:
                raise NotOpen(_("It is retired: propose it again before you change it."))
            _check(indicator, indicator.state, wanted, at.date())
            if indicator.state == IndicatorState.ACTIVE and not reason:
                raise ReasonNeeded(_("An active definition changes: say why."))
            version = _keep_version(indicator, wanted, actor, at, reason)
            own = {name: wanted[name] for name in DEFINED}
            change_with_history(indicator, {**own, "current_version": version}, actor, reason)
            indicator.relevant_to.set(wanted[GOALS])
            _ask_for_figures(indicator)
    except IntegrityError as error:
        raise _named(error) from error
    return indicator


def change_state(
    key: str, state: str, actor: Any, at: dt.datetime, *, seen: int, reason: str = ""
) -> Indicator:
    """Activate a proposal, retire an active definition, or propose a retired one again.

    Raises ChangedMeanwhile (also where it stands elsewhere by now), NotSmart with all that lacks
    before it can be active, ReasonNeeded (to retire it) and Refused.
    """
    reason = reason.strip()
    try:
        with transaction.atomic():
            indicator = _held(key, seen)
            if STEPS[IndicatorState(indicator.state)] != state:
                raise ChangedMeanwhile(
                    _("It is “%(state)s” by now.") % {"state": indicator.get_state_display()}
                )
            stored = values_of(indicator)
            _check(indicator, state, stored, at.date())
            if state == IndicatorState.RETIRED and not reason:
                raise ReasonNeeded(_("Say why it is retired."))
            version = indicator.current_version or _keep_version(
                indicator, stored, actor, at, reason
            )
            changes = {"state": state, "current_version": version}
            change_with_history(indicator, changes, actor, reason)
            _ask_for_figures(indicator)
    except IntegrityError as error:
        raise _named(error) from error
    return indicator


def keep_versions(at: dt.datetime, reason: str) -> int:
    """Write a version of each definition that says something else than its newest version, for
    loads of records, and return how many. The number of statements doesn't grow with them."""
    with transaction.atomic():
        indicators = (
            Indicator.objects.select_for_update(of=("self",))
            .select_related("owner", "objective", "current_version__owner")
            .select_related("current_version__objective")
            .prefetch_related(GOALS, f"current_version__{GOALS}")
        )
        written = []
        for indicator in indicators:
            values, newest = values_of(indicator), indicator.current_version
            if newest is None or not same(values_of(newest), values):
                indicator.current_version = _version(indicator, values, None, at, reason)
                written.append((indicator, values[GOALS]))
        IndicatorVersion.objects.bulk_create([row.current_version for row, _goals in written])
        link = IndicatorVersion.relevant_to.through
        link.objects.bulk_create(
            link(indicatorversion=row.current_version, referenceframe=goal)
            for row, goals in written
            for goal in goals
        )
        # Not a change of the record: its history stays the load's own.
        Indicator.objects.bulk_update([row for row, _goals in written], ["current_version"])
    return len(written)


def version_number(indicator: Indicator) -> int:
    """The number of the version that says what the definition says now; 0 where there is none."""
    return indicator.current_version.number if indicator.current_version else 0


def _held(key: str, seen: int) -> Indicator:
    """The indicator as it is stored, held until the commit. Raises ChangedMeanwhile."""
    indicator: Indicator = Indicator.objects.select_for_update().get(key=key)
    newest = indicator.current_version
    if version_number(indicator) != seen and newest is not None:
        raise ChangedMeanwhile(
            _("%(who)s wrote version %(number)s on %(when)s, after you opened this page.")
            % {
                "who": newest.made_by.label if newest.made_by else _("A load of records"),
                "number": newest.number,
                "when": date_format(newest.made_at, "j F Y, H:i"),
            }
        )
    return indicator


def _check(indicator: Indicator, state: str, values: Mapping[str, Any], on: dt.date) -> None:
    """Raises NotSmart."""
    faults = contradictions(values, on)
    if state == IndicatorState.ACTIVE:
        faults += lacks(indicator.key, values, on)
    if faults:
        raise NotSmart(faults)


def _version(
    indicator: Indicator, values: Mapping[str, Any], actor: Any, at: dt.datetime, reason: str
) -> IndicatorVersion:
    return IndicatorVersion(
        indicator=indicator,
        number=version_number(indicator) + 1,
        valid_from=at.date(),
        made_at=at,
        made_by=actor,
        reason=reason,
        **{name: values[name] for name in DEFINED},
    )


def _keep_version(
    indicator: Indicator, values: Mapping[str, Any], actor: Any, at: dt.datetime, reason: str
) -> IndicatorVersion:
    version = _version(indicator, values, actor, at, reason)
    version.save()
    version.relevant_to.set(values[GOALS])
    return version


def _ask_for_figures(indicator: Indicator) -> None:
    """Thresholds colour values that are worked out already, and each names its version."""
    years = sorted(set(indicator.values.order_by().values_list("year", flat=True).distinct()))
    if years:
        outbox.write("evidence_changed", {"years": years})


def _named(error: IntegrityError) -> Refused:
    """What the database refused, in the words of its rule."""
    for constraint in Indicator._meta.constraints:
        if constraint.name in str(error):
            return Refused(constraint.get_violation_error_message())
    return Refused(_("Somebody else wrote it at the same moment. Look at it and save again."))
