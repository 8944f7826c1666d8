"""From the researched data to the fixture records: pure functions, no database.

Each module makes the records of some files under ``fixtures/``. A record names others by their
natural key (slug, ISO code, number), leaves out what is not known, and says where it comes from.
Nothing is mended on the way: what is odd becomes a note.
"""

from typing import Any

Record = dict[str, Any]

EVALUATION = (
    "IOM, Office of the Inspector General: An Evaluation of IOM's Engagement in and Contribution "
    "to Inter-State Consultation Mechanisms on Migration (ISCMs), December 2019"
)


def known(**fields: Any) -> Record:
    """The fields that say something: without None, empty text and empty lists."""
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


def sentences(*parts: str | None) -> str:
    """The parts that say something, one after the other, each ended by a full stop."""
    texts = [part.strip() for part in parts if part and part.strip()]
    return " ".join(text if text[-1] in '.!?)"' else f"{text}." for text in texts)


def lines(*parts: str | None) -> str:
    """The parts that say something, one a line."""
    return "\n".join(part.strip() for part in parts if part and part.strip())
