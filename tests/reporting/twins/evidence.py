"""The twins of what is counted from events, reports, evidence and answers.

Rows are those of ``tests/reporting/worlds.py``; ``world`` has them by kind, with the spans that are
asked for and the day of the compile.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

from tests.mechanisms import STATES

from .cells import (
    Cells,
    Fact,
    Figures,
    Place,
    Span,
    by_cell,
    figures,
    four,
    median,
    per_cent,
    ratio,
    share,
    text,
    total,
)

World = dict[str, Any]
Row = dict[str, Any]


# --- reports


def last_day(meeting: Row) -> dt.date | None:
    return meeting["day"] + dt.timedelta(meeting["lasted"]) if meeting["day_known"] else None


def is_accepted(duty: Row) -> bool:
    """A report that IPD accepted, or one of the other two answers that it accepted."""
    if duty["answer"] in ("nothing_to_report", "not_attended"):
        return bool(duty["answer_accepted"])
    return bool(duty["answer"] == "accepted")


def duties(world: World) -> Iterator[Fact]:
    """What offices owe on events that are over: those that took part, wrote a report, or said why
    there is none."""
    for meeting in world["meetings"]:
        ended = last_day(meeting)
        if ended is None or ended >= world["today"]:
            continue
        for duty in meeting["duties"]:
            if duty["went"] or duty["answer"]:
                says = {"office": duty["office"], "event_kind": meeting["kind"]}
                yield Fact({**duty, "ended": ended}, ended, meeting["iscms"], says)


def report_coverage(world: World) -> Cells:
    return figures(
        duties(world), world["spans"], lambda rows: share(sum(map(is_accepted, rows)), rows)
    )


def report_timeliness(world: World) -> Cells:
    """The answer came ``waited`` days after the end, and was due after 14 and the extension."""

    def work_out(rows: list[Row]) -> Figures:
        in_time = sum(row["waited"] <= 14 + row["extended"] for row in rows)
        days = median([row["waited"] for row in rows])
        return Figures(days, None, None, len(rows), {"in_time_pct": per_cent(in_time, len(rows))})

    accepted = (fact for fact in duties(world) if is_accepted(fact.row))
    return figures(accepted, world["spans"], work_out)


def reports_beside(world: World) -> dict[tuple[Span, Place], tuple[int, int]]:
    """Owed and accepted, in every cell of reports."""
    cells = by_cell(duties(world), world["spans"])
    return {cell: (len(rows), sum(map(is_accepted, rows))) for cell, rows in cells.items()}


def silent(world: World) -> list[tuple[Span, Place]]:
    """Where a report was accepted: nothing on record is nothing there, of a mechanism, a type or a
    theme."""
    return [
        (span, place)
        for (span, place), (_owed, accepted) in reports_beside(world).items()
        if accepted and place[1] in ("", "type", "theme")
    ]


# --- what came of it


def counted(world: World, facts: Iterator[Fact]) -> Cells:
    return figures(facts, world["spans"], lambda rows: total(len(rows), len(rows)), silent(world))


def of_state(row: Row) -> dict[str, str | None]:
    """What a record says of the State that it names, and of its kind."""
    return {
        "country": row["country"],
        "region": STATES.get(row["country"] or ""),
        "kind": row["kind"],
    }


def partnerships_developed(world: World) -> Cells:
    return counted(
        world,
        (
            Fact(
                row,
                row["since_on"],
                [row["iscm"]],
                {"kind": row["organisation"], "office": row["office"]},
            )
            for row in world["partnerships"]
        ),
    )


def instruments(world: World, action: str) -> Iterator[Fact]:
    """Those passed, or amended, that reflect at least one item of an agenda."""
    for row in world["instruments"]:
        if row["action"] == action and row["reflects"] > 0:
            yield Fact(row, row["dated_on"], [row["iscm"]], of_state(row))


def instruments_passed(world: World) -> Cells:
    return counted(world, instruments(world, "passed"))


def instruments_amended(world: World) -> Cells:
    return counted(world, instruments(world, "amended"))


def expertise_reflected(world: World) -> Cells:
    """Whether they reflect an agenda or not; "not assessed" is not "no"."""
    assessed = (
        Fact(row, row["dated_on"], [row["iscm"]], of_state(row))
        for row in world["instruments"]
        if row["expertise_reflected"] in ("yes", "no")
    )
    return figures(
        assessed,
        world["spans"],
        lambda rows: share(sum(row["expertise_reflected"] == "yes" for row in rows), rows),
    )


def support_requests(world: World) -> Cells:
    def work_out(rows: list[Row]) -> Figures:
        answered = [row["waited"] for row in rows if row["waited"] is not None]
        met = sum(row["outcome"] == "met" for row in rows)
        return total(
            len(rows),
            len(rows),
            share_met_pct=per_cent(met, len(rows)),
            median_days_to_answer=text(median(answered)),
        )

    facts = (Fact(row, row["asked_on"], [row["iscm"]], of_state(row)) for row in world["requests"])
    return figures(facts, world["spans"], work_out, silent(world))


def follow_up_completion(world: World) -> Cells:
    """Of those whose day is over; what was dropped, or has no day, is left out."""
    due = (
        Fact(row, row["due_on"], [row["iscm"]], {"office": row["owner"]})
        for row in world["follow_ups"]
        if row["state"] != "dropped" and row["due_on"] and row["due_on"] < world["today"]
    )
    return figures(
        due, world["spans"], lambda rows: share(sum(row["state"] == "done" for row in rows), rows)
    )


# --- events


def events(world: World) -> Iterator[Fact]:
    """Counted by the day on which they begin, or the year, where no more is known."""
    for row in world["meetings"]:
        begins = row["day"] if row["day_known"] else row["day"].year
        yield Fact(row, begins, row["iscms"], {"event_kind": row["kind"]})


def priorities_on_agenda(world: World) -> Cells:
    """``items`` says of each item of the agenda whether it carries a priority of IOM."""
    with_agenda = (fact for fact in events(world) if fact.row["items"])
    return figures(
        with_agenda, world["spans"], lambda rows: share(sum(any(r["items"]) for r in rows), rows)
    )


def events_attended(world: World) -> Cells:
    return counted(
        world,
        (fact for fact in events(world) if any(duty["went"] for duty in fact.row["duties"])),
    )


# --- what people answered: as if nothing had to be hidden


def satisfaction(world: World) -> Cells:
    def work_out(rows: list[Row]) -> Figures:
        scores = [row["score"] for row in rows]
        satisfied = per_cent(sum(score in (4, 5) for score in scores), len(rows))
        return Figures(
            ratio(sum(scores), len(rows)),
            four(sum(scores)),
            four(len(rows)),
            len(rows),
            {"share_satisfied_pct": satisfied},
        )

    facts = (
        Fact(row, row["answered_on"], [row["iscm"]], of_state(row)) for row in world["opinions"]
    )
    return figures(facts, world["spans"], work_out)


def knowledge_change(world: World) -> Cells:
    """Of people who answered before and after the event, which may have several mechanisms."""

    def work_out(rows: list[Row]) -> Figures:
        change = sum(Fraction(row["after"]) - Fraction(row["before"]) for row in rows)
        return Figures(
            ratio(change, len(rows)),
            four(change),
            four(len(rows)),
            len(rows),
            {"change_in_spread": text(change_in_spread(rows))},
        )

    facts = []
    for row in world["tests"]:
        if row["before"] is not None and row["after"] is not None:
            meeting = world["held"][row["event"]]
            says = {
                "country": row["country"],
                "region": STATES.get(row["country"] or ""),
                "event_kind": meeting["kind"],
            }
            facts.append(Fact(row, row["answered_on"], meeting["iscms"], says))
    return figures(facts, world["spans"], work_out)


def change_in_spread(rows: list[Row]) -> Decimal | None:
    """The standard deviation of the country means after, less that before; of two countries at
    least."""
    of_country: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["country"]:
            of_country[row["country"]].append(row)
    if len(of_country) < 2:
        return None

    def spread(when: str) -> Decimal:
        means = [
            sum(Fraction(row[when]) for row in people) / len(people)
            for people in of_country.values()
        ]
        mean = sum(means) / len(means)
        variance = sum((one - mean) ** 2 for one in means) / len(means)
        return (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()

    with localcontext(prec=60):
        change = spread("after") - spread("before")
        # The one tolerance (decision 32): roots are rounded to nine decimals before four.
        nine = change.quantize(Decimal("1e-9"), ROUND_HALF_UP)
        return nine.quantize(Decimal("1e-4"), ROUND_HALF_UP) + 0
