"""Of which cells of answers nothing may be told, after decision 0037.

The answers of a year that came in together are split, and split again, into groups of three or
more. A cell that has a part of a group tells something of fewer than three, or lets it be told by
taking another cell away.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .directory import Directory
from .tally import Cell, Fact, Span, cells_of, spans_of

Place = tuple[Span, Cell]
Group = list[Fact]


def _cut(fact: Fact, name: str) -> str:
    return dict(fact.cuts).get(name, "")


# What groups are split by, in this order.
SPLITS: tuple[Callable[[Fact], Any], ...] = (
    lambda fact: ",".join(map(str, fact.mechanisms)),
    lambda fact: (_cut(fact, "kind"), _cut(fact, "event_kind")),
    lambda fact: _cut(fact, "region"),
    lambda fact: _cut(fact, "country"),
    lambda fact: fact.when,
)


def untold(
    facts: Iterable[Fact], directory: Directory, least: int
) -> tuple[set[Place], set[Place]]:
    """The cells that are not shown, and those whose spread between States is not."""
    together: dict[tuple[int, int], Group] = defaultdict(list)
    for fact in facts:
        together[fact.when[0], fact.batch].append(fact)
    hidden: set[Place] = set()
    without_spread: set[Place] = set()
    for whole in together.values():
        for group in _groups(whole, least):
            places = Counter(place for fact in group for place in _places(fact, directory))
            for place, n in places.items():
                if n < len(group) or len(group) < least:
                    hidden.add(place)
            if _tells_a_state(group, least):
                without_spread |= places.keys()
    return hidden, without_spread


def _places(fact: Fact, directory: Directory) -> Iterator[Place]:
    for cell in cells_of(fact.mechanisms, fact.cuts, directory):
        for span in spans_of(fact.when):
            yield span, cell


def _groups(facts: Group, least: int, level: int = 0) -> Iterator[Group]:
    """Groups that are in one part each of what they are split by, as far as that has enough;
    those that have not stand together."""
    if level == len(SPLITS):
        yield facts
        return
    parts: dict[Any, Group] = defaultdict(list)
    for fact in facts:
        parts[SPLITS[level](fact)].append(fact)
    enough = {key: part for key, part in parts.items() if len(part) >= least}
    rest = [fact for key, part in parts.items() if key not in enough for fact in part]
    if enough and 0 < len(rest) < least:
        rest += enough.pop(min(enough, key=lambda key: (len(enough[key]), key)))
    for part in (*enough.values(), rest):
        if part:
            yield from _groups(part, least, level + 1)


def _tells_a_state(group: Group, least: int) -> bool:
    """Whether the means of States in a group would tell one of them that it is not made of."""
    states = {fact.state for fact in group}
    named = len(states - {None})
    return 0 < named < least and len(states) > 1
