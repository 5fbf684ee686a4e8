"""Reading a row: the few questions that every report asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from detector.finding import Row

Candidate = dict[str, Any]

INGREDIENTS = {
    "parentOf": "edited from it",
    "componentOf": "put together from it",
    "inputTo": "given to the generator",
}
"""C2PA's relationships of an ingredient to the picture, in words."""


def decided(row: Row) -> Iterator[Row]:
    """The faces, copies and ingredients of a row that were taken for somebody registered."""
    yield from (face for face in row["faces"] if face["talent"])
    yield from row["copies"]
    yield from row.get("ingredients", ())


def talent_refs(row: Row) -> list[str]:
    """References of the talents found, each once, in the order of the picture; the id where no reference is
    known."""
    named = [ref for item in decided(row) for ref in (_ref_of(item),)]
    return list(dict.fromkeys(named))


def _ref_of(item: Row) -> str:
    if "talent_ref" in item:
        return str(item["talent_ref"] or item["talent"])
    chosen = assigned(item)
    return str((chosen and chosen["talent_ref"]) or item["talent"])


def assigned(face: Row) -> Candidate | None:
    """The candidate that the face was given, None for a face that is nobody registered."""
    return next((each for each in face["candidates"] if each["talent"] == face["talent"]), None)


def best_candidate(row: Row) -> Candidate | None:
    """The strongest face candidate of the row, also one below the threshold."""
    every = [candidate for face in row["faces"] for candidate in face["candidates"]]
    return max(every, key=lambda candidate: float(candidate["strength"]), default=None)


def overlap_of(copy: Row) -> str | None:
    """How a copied reference lies in the picture, for a person; None where nothing was measured."""
    proof = copy.get("proof")
    if not proof:
        return None
    kind = (copy["copy_class"] or "possible copy").replace("_", " ")
    parts = [
        f"{kind}: {proof['reference_percent']:.0f} % of the reference lies over "
        f"{proof['picture_percent']:.0f} % of the picture",
        f"{100 * proof['agreement']:.0f} % of that looks the same",
        f"{proof['inliers']} points fit",
        *(["mirrored"] if proof["mirrored"] else []),
        *([f"turned by {proof['rotation']:.0f} degrees"] if abs(proof["rotation"]) >= 1 else []),
    ]
    return ", ".join(parts)


def told_by_file(row: Row) -> list[str]:
    """What the file says of itself, a sentence each; nothing where it says nothing, or nobody asked."""
    credentials = row.get("credentials")
    if not credentials:
        return []
    notices = [str(notice["detail"]) for notice in credentials["notices"]]
    return [*_declared(credentials), *notices]


def _declared(credentials: Row) -> Iterator[str]:
    if credentials["synthetic"] != "unknown":
        made = credentials["synthetic"].replace("ai_", "AI ")
        source = str(credentials["synthetic_source"]).removeprefix("declared by the file: ")
        yield f"The file says it is {made}: {source}."


def made_from(ingredient: Row) -> str:
    """How a registered reference became part of the picture, for a person."""
    relationship = INGREDIENTS.get(ingredient["relationship"], "made from it")
    return f"the file names it as an ingredient ({relationship}): {ingredient['title'] or 'without a title'}"


def threshold_of_faces(row: Row) -> float | None:
    """The strength that a face had to reach."""
    threshold = row["threshold_applied"].get(row["signals"]["face"])
    return None if threshold is None else float(threshold)


def reasons(row: Row) -> list[Row]:
    """The reasons of the row's decision; none for a picture that could not be checked."""
    return list(row["decision"]["reasons"]) if row["decision"] else []


def consent_ids(row: Row) -> list[str]:
    """Consent records considered for the row's decision."""
    considered = row["decision"]["consents"] if row["decision"] else []
    return [f"{consent['consent_id']}@{consent['version']}" for consent in considered]
