"""Whom a finding's row names, and the row without one of them. Pure, over rows of docs/finding.schema.json.

talents_in(row) ─▶ every talent id in it          is_flagged(row) ─▶ whether a person should look
without_talent(row, id) ─▶ the row as far as it speaks of others, or None when it speaks of nobody else
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from detector.decision import Severity, Verdict
from detector.finding import Row


def severity_of(row: Row) -> Severity:
    """The row's severity; a picture that could not be checked has none."""
    return Severity(row["severity"] or Severity.NONE)


def is_flagged(row: Row) -> bool:
    """Whether a person should look at the row."""
    return severity_of(row) is not Severity.NONE


def talents_in(row: Row) -> frozenset[str]:
    """Ids of every talent that the row names: given, listed as a candidate, copied, made from or decided on."""
    return frozenset(
        named
        for part in (*row["faces"], *row["copies"], *row.get("ingredients", ()), row)
        for named in (part.get("talent"), *_candidates(part), _decided(part))
        if named
    )


def without_talent(row: Row, talent_id: str) -> Row | None:
    """The row without everything that was said of one talent; None when nothing is left that names anybody.

    A face that was given to them goes as a whole, and so does a copy of their reference, and an ingredient that is one.
    What the file says of itself goes too: its own words may name them. The verdict is then the gravest of what is left.
    """
    stays = [place for place, face in enumerate(row["faces"]) if not _speaks_of(face, talent_id)]
    faces = [_without_candidate(row["faces"][place], talent_id) for place in stays]
    copies = [copy for copy in row["copies"] if not _speaks_of(copy, talent_id)]
    made_from = [part for part in row.get("ingredients", ()) if not _speaks_of(part, talent_id)]
    left = {**row, "faces": faces, "copies": copies, "ingredients": made_from, "credentials": None}
    if "unsearched_faces" in row:
        left["unsearched_faces"] = _moved_up(row["unsearched_faces"], stays)
    if not talents_in({**left, "decision": None}):
        return None
    gravest = max((part["decision"] for part in (*copies, *made_from, *faces)), key=_gravity)
    return left | {"verdict": gravest["verdict"], "severity": gravest["severity"], "decision": gravest}


def _moved_up(unsearched: Iterable[Row], stays: Sequence[int]) -> list[Row]:
    """Those of the faces that stay, with their new places."""
    return [{**face, "face": stays.index(face["face"])} for face in unsearched if face["face"] in stays]


def _speaks_of(part: Row, talent_id: str) -> bool:
    return talent_id in (part.get("talent"), _decided(part))


def _without_candidate(face: Row, talent_id: str) -> Row:
    return {**face, "candidates": [one for one in face["candidates"] if one["talent"] != talent_id]}


def _candidates(part: Row) -> Iterable[str]:
    return (candidate["talent"] for candidate in part.get("candidates", ()))


def _decided(part: Row) -> str | None:
    decision: Row | None = part["decision"]
    return decision["talent"] if decision else None


def _gravity(decision: dict[str, Any]) -> tuple[int, int]:
    return Severity(decision["severity"]).rank, Verdict(decision["verdict"]).rank
